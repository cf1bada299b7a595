//! What goes wrong in a run: a list, so that a failing run can be made with less of it.

use std::fmt;

use super::dice::Dice;

/// Percentages are of the datagrams; nodes go by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Loss(u64),
    Copies(u64),
    /// Some datagrams are late by up to this many milliseconds, so that others overtake them.
    Delay(u64, u64),
    /// Nothing passes between two nodes for a while.
    Partition {
        between: [&'static str; 2],
        from_ms: u64,
        until_ms: u64,
    },
    /// The connection by which the so manyth message of the run comes that comes by one, from 0, ends then for both of its sides, with all
    /// that is on its way.
    Cut {
        at_message: u64,
    },
    Kill(Kill),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    pub victim: &'static str,
    /// It dies of its so manyth input, from 0.
    pub at_input: u64,
    /// An edge does so many actions of that input first.
    pub after_actions: usize,
    /// The process dies and its machine says so by ICMP; else all is silence.
    pub is_process: bool,
    /// An edge is started again after this time, and knows nothing but the calls that it has kept.
    pub back_after_ms: Option<u64>,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss(percent) => write!(out, "{percent} % of the datagrams are lost"),
            Self::Copies(percent) => write!(out, "{percent} % of the datagrams come twice"),
            Self::Delay(percent, ms) => write!(out, "{percent} % of the datagrams are late by up to {ms} ms"),
            Self::Partition { between: [a, b], from_ms, until_ms } => {
                write!(out, "nothing between {a} and {b} from {from_ms} to {until_ms} ms")
            }
            Self::Cut { at_message } => write!(out, "the connection of message {at_message} is cut"),
            Self::Kill(Kill { victim, at_input, after_actions, is_process, back_after_ms }) => {
                let how = if *is_process { "ICMP" } else { "silence" };
                write!(out, "{victim} dies at input {at_input} after {after_actions} actions ({how}")?;
                match back_after_ms {
                    Some(ms) => write!(out, ", back after {ms} ms)"),
                    None => write!(out, ")"),
                }
            }
        }
    }
}

pub const EDGE: &str = "edge";
pub const SIBLING: &str = "sibling";
/// Shorter than the 64*T1 for which everything is said again.
const SHORT_MS: u64 = 12_000;

pub fn throw(dice: &mut Dice) -> Vec<Fault> {
    let mut faults = Vec::new();
    if dice.is_hit(60) {
        faults.push(Fault::Loss(dice.pick(&[3, 6, 12, 18])));
    }
    if dice.is_hit(50) {
        faults.push(Fault::Copies(dice.pick(&[5, 15])));
    }
    if dice.is_hit(50) {
        // Below T4, the longest life of a datagram that the timers count on.
        faults.push(Fault::Delay(dice.pick(&[5, 20]), dice.pick(&[300, 1_500, 3_500])));
    }
    for _ in 0..dice.pick(&[0, 0, 0, 1, 2]) {
        let pairs = [["first", EDGE], ["first", SIBLING], [EDGE, "alpha"], [EDGE, "beta"], [SIBLING, "alpha"], ["second", EDGE]];
        let from_ms = dice.below(30_000);
        let length_ms = dice.pick(&[700, 3_000, SHORT_MS, 70_000]);
        faults.push(Fault::Partition { between: dice.pick(&pairs), from_ms, until_ms: from_ms + length_ms });
    }
    for _ in 0..dice.pick(&[0, 0, 1, 1, 2]) {
        let victim = dice.pick(&[EDGE, EDGE, EDGE, EDGE, SIBLING, "alpha", "beta", "first"]);
        faults.push(Fault::Kill(Kill {
            victim,
            at_input: dice.below(40),
            after_actions: dice.pick(&[0, 1, 2, 99]),
            is_process: dice.is_hit(50),
            back_after_ms: dice.pick(&[None, Some(10), Some(4_000)]),
        }));
    }
    if dice.is_hit(30) {
        faults.push(Fault::Cut { at_message: dice.below(12) });
    }
    faults
}

/// Whether every party that lives can have ended its calls: nobody is cut off for longer than things are said again, and whoever dies is
/// an edge that comes back or has a sibling.
pub fn can_all_end(faults: &[Fault], has_sibling: bool) -> bool {
    let is_short = |fault: &Fault| match fault {
        Fault::Partition { from_ms, until_ms, .. } => until_ms - from_ms <= SHORT_MS,
        _ => true,
    };
    let deaths: Vec<&Kill> = faults.iter().filter_map(|fault| if let Fault::Kill(kill) = fault { Some(kill) } else { None }).collect();
    let partitions = faults.iter().filter(|fault| matches!(fault, Fault::Partition { .. })).count();
    let cuts = faults.iter().filter(|fault| matches!(fault, Fault::Cut { .. })).count();
    let are_served = match deaths[..] {
        // A connection that was cut is made anew at once or not at all.
        [] => partitions + cuts <= 1,
        [death] => {
            partitions + cuts == 0 && (death.victim == SIBLING || death.victim == EDGE && (has_sibling || death.back_after_ms.is_some()))
        }
        _ => false,
    };
    faults.iter().all(is_short) && are_served
}
