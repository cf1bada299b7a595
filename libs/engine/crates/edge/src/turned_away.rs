//! INVITEs that were turned away lately, remembered by their branches: nothing else is kept of a call that got 503 without a transaction,
//! and a copy that its sender had sent before it heard the 503 would be a call that nobody has.

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;
use std::net::SocketAddr;

/// Some 16 bytes each. Copies lie in the queue of a socket at most, which holds fewer.
const BOUND: usize = 16_384;

/// The last ones, by a keyed hash of the sender and the branch (RFC 3261 §17.2.3). No timer: a branch never comes again.
#[derive(Debug, Default)]
pub struct TurnedAway {
    order: VecDeque<u64>,
    known: HashSet<u64>,
    state: RandomState,
}

impl TurnedAway {
    #[must_use]
    pub fn contains(&self, sender: SocketAddr, branch: &[u8]) -> bool {
        !self.known.is_empty() && self.known.contains(&self.state.hash_one((sender, branch)))
    }

    pub fn insert(&mut self, sender: SocketAddr, branch: &[u8]) {
        let key = self.state.hash_one((sender, branch));
        if !self.known.insert(key) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > BOUND {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known_by_sender_and_branch() {
        let mut turned_away = TurnedAway::default();
        let [one, other]: [SocketAddr; 2] = ["192.0.2.1:5060", "192.0.2.2:5060"].map(|text| text.parse().unwrap());
        turned_away.insert(one, b"z9hG4bKa");
        assert!(turned_away.contains(one, b"z9hG4bKa"));
        assert!(!turned_away.contains(other, b"z9hG4bKa") && !turned_away.contains(one, b"z9hG4bKb"));
        for number in 0..BOUND {
            turned_away.insert(one, &number.to_be_bytes());
        }
        assert!(!turned_away.contains(one, b"z9hG4bKa") && turned_away.contains(one, &0_usize.to_be_bytes()));
        assert_eq!((turned_away.order.len(), turned_away.known.len()), (BOUND, BOUND));
    }
}
