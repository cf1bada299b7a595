//! Datagrams on their way. Each one's fate depends on the seed, on its link and on how many went before it there, and on nothing else.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::agent::Mail;
use super::dice::Dice;
use super::faults::Fault;

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
    Restart {
        edge: usize,
    },
    Rotate,
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
        let is_parted = self.faults.iter().any(|fault| match fault {
            Fault::Partition { between, from_ms, until_ms } => {
                (*from_ms..*until_ms).contains(&now_ms) && (*between == nodes || [between[1], between[0]] == nodes)
            }
            _ => false,
        });
        if is_parted {
            return "parted";
        }
        let count = self.counts.entry((mail.from.clone(), mail.to.clone())).or_default();
        *count += 1;
        let id = (mail.from.clone(), mail.to.clone(), *count);
        let mut dice = Dice::new(self.seed, &format!("{}>{}#{}", id.0, id.1, id.2));
        // An unhurried but steady way: what was sent first mostly comes first.
        let mut delay_ms = dice.between(5, 15);
        let (mut is_lost, mut is_double, mut lateness_ms) = (false, false, 0);
        for fault in &self.faults {
            match fault {
                Fault::Loss(percent) => is_lost = dice.is_hit(*percent),
                Fault::Copies(percent) => is_double = dice.is_hit(*percent),
                Fault::Delay(percent, up_to_ms) => {
                    let (is_late, ms) = (dice.is_hit(*percent), dice.below(*up_to_ms));
                    lateness_ms = if is_late { ms } else { 0 };
                }
                Fault::Partition { .. } | Fault::Kill(_) => {}
            }
        }
        if is_lost || is_double || lateness_ms > 0 {
            if self.spared.contains(&id) {
                (is_lost, is_double, lateness_ms) = (false, false, 0);
            } else {
                self.hit.push(id);
            }
        }
        if is_lost {
            return "lost";
        }
        delay_ms += lateness_ms;
        let packet = Event::Packet { from: mail.from, to: mail.to, text: mail.text };
        if is_double {
            let again_ms = delay_ms + dice.between(1, 400);
            self.at(now_ms + again_ms, packet.clone());
        }
        self.at(now_ms + delay_ms, packet);
        match (is_double, lateness_ms > 0) {
            (true, _) => "twice",
            (_, true) => "late",
            _ => "",
        }
    }
}
