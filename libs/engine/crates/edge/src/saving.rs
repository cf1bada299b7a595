//! What is kept of answered calls over the end of the process: from the workers to whoever writes it down, and back to the workers of the
//! next life.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_transaction::{CallId, NotRestored, Now, SavedCall};

use crate::engine::{Engine, Order};
use crate::team::Team;
use crate::worker::Worker;

/// Calls and ends that wait to be taken: all of an edge's calls, twice over. Beyond it what is new is not kept: some 400 MiB wait by then for
/// somebody who does not come.
const MAX_WAITING: usize = 200_000;

/// Of each call the last that was said of it.
#[derive(Debug, Default)]
pub(crate) struct SavedCalls {
    waiting: Mutex<HashMap<u128, Option<Vec<u8>>>>,
}

impl SavedCalls {
    /// How many found no room.
    fn add(&self, calls: impl Iterator<Item = SavedCall>) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = 0;
        for SavedCall { call, bytes } in calls {
            if waiting.len() < MAX_WAITING || waiting.contains_key(&call.0) {
                waiting.insert(call.0, bytes);
            } else {
                dropped += 1;
            }
        }
        dropped
    }

    fn take(&self) -> HashMap<u128, Option<Vec<u8>>> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Team {
    /// Each worker gets its own of these calls.
    fn order_each<T>(&self, calls: impl Iterator<Item = (u128, T)>, order: impl Fn(Vec<(u128, T)>) -> Order) {
        let mut shares: Vec<Vec<(u128, T)>> = (0..self.size()).map(|_| Vec::new()).collect();
        for (call, what) in calls {
            shares[usize::from(CallId(call).worker(self.size()))].push((call, what));
        }
        for (worker, share) in (0..).zip(shares).filter(|(_, share)| !share.is_empty()) {
            self.order(worker, order(share));
        }
    }
}

impl Engine {
    /// What is to be kept of calls from now on, by call; `None`: it is over. Calls that were answered two seconds ago or longer, and all of them
    /// after [`Engine::stop`], when the workers have ended.
    #[must_use]
    pub fn take_saved_calls(&self) -> HashMap<u128, Option<Vec<u8>>> {
        self.shared().saved.take()
    }

    /// What an earlier life of this edge gave by [`Engine::take_saved_calls`]: the calls stand again. To be called before the workers run. What
    /// cannot be restored is given as over.
    pub fn restore_calls(&self, calls: impl Iterator<Item = (u128, Vec<u8>)>) {
        self.shared().team.order_each(calls, Order::Restore);
    }

    /// Another edge has ended these calls and said so; those that have no row here, or are not answered, are left out.
    pub fn forget_calls(&self, calls: impl Iterator<Item = u128>) {
        self.shared().team.order_each(calls.map(|call| (call, ())), Order::Forget);
    }

    /// Those of them whose end this engine remembers.
    #[must_use]
    pub fn ended_calls(&self, calls: &[u128]) -> Vec<u128> {
        let calls: Arc<[u128]> = calls.into();
        self.ask_all(|answer| Order::WhichEnded(Arc::clone(&calls), answer)).concat()
    }
}

impl Worker {
    /// Hands over what is due.
    pub(crate) fn save_next(&mut self, now: Now, is_last: bool) {
        if !is_last && !self.proxy.has_unsaved(now.ms) {
            return;
        }
        let mut calls = Vec::new();
        self.proxy.take_unsaved(now, is_last, &mut calls);
        self.hand_over(calls);
    }

    fn hand_over(&self, calls: Vec<SavedCall>) {
        if !self.config.keeps_calls {
            return;
        }
        let dropped = self.shared.saved.add(calls.into_iter());
        self.counters.calls_not_kept.fetch_add(dropped as u64, Ordering::Relaxed);
    }

    pub(crate) fn restore(&mut self, now: Now, calls: Vec<(u128, Vec<u8>)>) {
        let mut over = Vec::new();
        for (call, bytes) in calls {
            match self.proxy.restore(now, CallId(call), &bytes) {
                Ok(()) | Err(NotRestored::Known) => {}
                Err(error) => {
                    eprintln!("trunkline engine: the call {call:032x} is not restored ({error:?}); its token serves it");
                    over.push(SavedCall { call: CallId(call), bytes: None });
                }
            }
        }
        self.hand_over(over);
    }

    pub(crate) fn forget(&mut self, calls: Vec<(u128, ())>) {
        for (call, ()) in calls {
            self.proxy.forget(CallId(call));
        }
    }

    pub(crate) fn say_ended(&self, calls: &[u128], answer: &Sender<Vec<u128>>) {
        let ended = calls.iter().copied().filter(|call| self.proxy.has_ended(CallId(*call))).collect();
        // Whoever asked may have gone.
        drop(answer.send(ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_about_a_call_counts_and_new_ones_beyond_the_bound_find_no_room() {
        let saved = SavedCalls::default();
        let say = |call: u128, bytes: Option<&[u8]>| SavedCall { call: CallId(call), bytes: bytes.map(<[u8]>::to_vec) };
        assert_eq!(saved.add([say(1, Some(b"a")), say(2, Some(b"b")), say(1, Some(b"c")), say(2, None)].into_iter()), 0);
        assert_eq!(saved.take(), HashMap::from([(1, Some(b"c".to_vec())), (2, None)]));
        assert_eq!(saved.take(), HashMap::new());
        assert_eq!(saved.add((0..=MAX_WAITING as u128).map(|call| say(call, None))), 1);
        assert_eq!(saved.add([say(0, Some(b"a"))].into_iter()), 0, "of one that waits already");
    }
}
