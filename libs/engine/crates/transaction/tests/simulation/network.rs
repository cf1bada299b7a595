//! Datagrams, and what goes by connections, on their way. Each one's fate depends on the seed, on its link and on how many went before it there, and on nothing else.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::agent::Mail;
use super::dice::Dice;
use super::faults::Fault;
use super::streams::End;

/// What is lost or late by a connection is sent again within this time.
const MAX_AGAIN_MS: u64 = 1_500;

/// From, to, and the how manyth on this way.
pub type PacketId = (String, String, u64);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Packet {
        from: String,
        to: String,
        text: String,
    },
    /// Nobody listens at `about`.
    Icmp {
        to: String,
        about: String,
    },
    /// A message has come to this end of a connection.
    Stream {
        end: End,
        text: String,
    },
    /// This end hears that its connection is over.
    Closed {
        end: End,
    },
    Restart {
        edge: usize,
    },
    Rotate,
}

#[derive(Clone, Copy, Debug)]
struct Fate {
    delay_ms: u64,
    is_lost: bool,
    is_double: bool,
    lateness_ms: u64,
}

#[derive(Debug)]
pub struct Network {
    seed: u64,
    faults: Vec<Fault>,
    /// Packets that nothing happens to, whatever the dice say: how a failing run is made smaller.
    spared: BTreeSet<PacketId>,
    /// Packets that something happened to.
    pub hit: Vec<PacketId>,
    counts: BTreeMap<(String, String), u64>,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
}

impl Network {
    pub fn new(seed: u64, faults: &[Fault], spared: &BTreeSet<PacketId>) -> Self {
        Self {
            seed,
            faults: faults.to_vec(),
            spared: spared.clone(),
            hit: Vec::new(),
            counts: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
        }
    }

    pub fn at(&mut self, at_ms: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse((at_ms, self.order, event)));
    }

    pub fn next_time(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((at_ms, ..))| *at_ms)
    }

    pub fn pop(&mut self) -> Option<Event> {
        self.queue.pop().map(|Reverse((_, _, event))| event)
    }

    /// `nodes` are the names of sender and receiver. Says what became of it, for the log.
    pub fn carry(&mut self, now_ms: u64, mail: Mail, nodes: [&str; 2]) -> &'static str {
        if self.parted_until(now_ms, nodes).is_some() {
            return "parted";
        }
        let (fate, mut dice) = self.throw(&mail.from, &mail.to);
        if fate.is_lost {
            return "lost";
        }
        let delay_ms = fate.delay_ms + fate.lateness_ms;
        let packet = Event::Packet { from: mail.from, to: mail.to, text: mail.text };
        if fate.is_double {
            let again_ms = delay_ms + dice.between(1, 400);
            self.at(now_ms + again_ms, packet.clone());
        }
        self.at(now_ms + delay_ms, packet);
        match (fate.is_double, fate.lateness_ms > 0) {
            (true, _) => "twice",
            (_, true) => "late",
            _ => "",
        }
    }

    /// When something that is sent from `from` to `to` until it is heard comes there.
    pub fn comes_at(&mut self, now_ms: u64, [from, to]: [&str; 2], nodes: [&str; 2]) -> u64 {
        let mut at_ms = now_ms;
        let (fate, mut dice) = self.throw(from, to);
        // Ends: each partition has an end, after which it is none.
        while let Some(until_ms) = self.parted_until(at_ms, nodes) {
            at_ms = until_ms + dice.below(1_000);
        }
        let again_ms = if fate.is_lost { dice.between(200, MAX_AGAIN_MS) } else { 0 };
        at_ms + fate.delay_ms + again_ms.max(fate.lateness_ms.min(MAX_AGAIN_MS))
    }

    fn parted_until(&self, now_ms: u64, nodes: [&str; 2]) -> Option<u64> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Partition { between, from_ms, until_ms } => {
                let is_parted = (*from_ms..*until_ms).contains(&now_ms) && (*between == nodes || [between[1], between[0]] == nodes);
                is_parted.then_some(*until_ms)
            }
            _ => None,
        })
    }

    /// The fate of the next packet on this way.
    fn throw(&mut self, from: &str, to: &str) -> (Fate, Dice) {
        let count = self.counts.entry((from.to_owned(), to.to_owned())).or_default();
        *count += 1;
        let id = (from.to_owned(), to.to_owned(), *count);
        let mut dice = Dice::new(self.seed, &format!("{}>{}#{}", id.0, id.1, id.2));
        // An unhurried but steady way: what was sent first mostly comes first.
        let mut fate = Fate { delay_ms: dice.between(5, 15), is_lost: false, is_double: false, lateness_ms: 0 };
        for fault in &self.faults {
            match fault {
                Fault::Loss(percent) => fate.is_lost = dice.is_hit(*percent),
                Fault::Copies(percent) => fate.is_double = dice.is_hit(*percent),
                Fault::Delay(percent, up_to_ms) => {
                    let (is_late, ms) = (dice.is_hit(*percent), dice.below(*up_to_ms));
                    fate.lateness_ms = if is_late { ms } else { 0 };
                }
                Fault::Partition { .. } | Fault::Cut { .. } | Fault::Kill(_) => {}
            }
        }
        if fate.is_lost || fate.is_double || fate.lateness_ms > 0 {
            if self.spared.contains(&id) {
                fate = Fate { delay_ms: fate.delay_ms, is_lost: false, is_double: false, lateness_ms: 0 };
            } else {
                self.hit.push(id);
            }
        }
        (fate, dice)
    }
}
