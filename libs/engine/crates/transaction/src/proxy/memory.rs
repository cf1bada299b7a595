//! Calls that have ended, remembered by their ids alone: a second BYE is no second end, and most of what comes later is 481.

use std::collections::{HashSet, VecDeque};

use crate::entropy::KeyedState;
use crate::plan::CallId;

/// The last calls that ended, at most `bound`: the oldest is forgotten for the newest. What is forgotten is no hole: a call without a
/// row and without a memory is as after a restart, where every INVITE asks the access rule. No timer: an id never comes again, and a
/// token that has run out is refused before anyone looks here.
#[derive(Debug)]
pub(super) struct EndedCalls {
    bound: usize,
    order: VecDeque<CallId>,
    known: HashSet<CallId, KeyedState>,
}

impl EndedCalls {
    pub fn new(bound: usize, state: KeyedState) -> Self {
        Self { bound, order: VecDeque::new(), known: HashSet::with_hasher(state) }
    }

    pub fn contains(&self, call: CallId) -> bool {
        self.known.contains(&call)
    }

    pub fn insert(&mut self, call: CallId) {
        if self.bound == 0 || !self.known.insert(call) {
            return;
        }
        self.order.push_back(call);
        if self.order.len() > self.bound {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;

    #[test]
    fn the_oldest_goes_for_the_newest() {
        let mut ended = EndedCalls::new(2, Entropy::new(&[1; 32], 0).map_state());
        for call in [1, 2, 2, 1, 3] {
            ended.insert(CallId(call));
        }
        assert_eq!([1, 2, 3].map(|call| ended.contains(CallId(call))), [false, true, true]);
    }
}
