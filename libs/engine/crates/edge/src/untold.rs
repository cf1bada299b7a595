//! Nonces used here that other edges have not been told of, and an eventfd that is readable exactly while there are some.
//!
//! Both change under one lock: nothing stays behind unannounced, and who was told of uses that somebody took since is not woken for nothing.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::sys::eventfd::EventFd;
use trunkline_access::USE_BYTES;

use crate::engine::wake;

/// Used nonces that wait for being told: some 50,000.
const MAX_UNTOLD_BYTES: usize = 1 << 20;

pub(crate) struct Untold {
    uses: Mutex<Vec<u8>>,
    has_some: EventFd,
}

impl Untold {
    /// `has_some` does not block.
    pub fn new(has_some: EventFd) -> Self {
        Self { uses: Mutex::new(Vec::new()), has_some }
    }

    pub fn fd(&self) -> RawFd {
        self.has_some.as_fd().as_raw_fd()
    }

    /// Bounded where nobody takes them: those that wait are dropped for the newer ones. How many.
    pub fn add(&self, uses: &[u8]) -> usize {
        if uses.is_empty() {
            return 0;
        }
        let mut untold = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = if untold.len() + uses.len() > MAX_UNTOLD_BYTES { untold.len() / USE_BYTES } else { 0 };
        if dropped > 0 {
            untold.clear();
        }
        untold.extend_from_slice(uses);
        wake(&self.has_some);
        dropped
    }

    /// All, with `newest`, of which nobody was told.
    pub fn take(&self, newest: &[u8]) -> Vec<u8> {
        let mut untold = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        // EAGAIN: nobody was woken.
        let _ = self.has_some.read();
        let mut uses = std::mem::take(&mut *untold);
        uses.extend_from_slice(newest);
        uses
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::sync::atomic::{AtomicBool, Ordering};

    use nix::poll::{poll, PollFd, PollFlags, PollTimeout};

    use super::*;
    use crate::engine::event_fd;

    fn is_readable(untold: &Untold) -> bool {
        let mut fds = [PollFd::new(untold.has_some.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn it_is_readable_while_there_is_something_and_not_for_what_was_taken() {
        let untold = Untold::new(event_fd().unwrap());
        assert!(!is_readable(&untold));
        untold.add(&[]);
        assert!(!is_readable(&untold));
        untold.add(&[1; USE_BYTES]);
        untold.add(&[2; USE_BYTES]);
        assert!(is_readable(&untold));
        assert_eq!(untold.take(&[3; USE_BYTES]), [[1; USE_BYTES], [2; USE_BYTES], [3; USE_BYTES]].concat());
        assert!(!is_readable(&untold));
        assert_eq!(untold.take(&[]), []);
    }

    #[test]
    fn those_that_nobody_takes_are_dropped_for_newer_ones() {
        let untold = Untold::new(event_fd().unwrap());
        let most = MAX_UNTOLD_BYTES / USE_BYTES;
        assert_eq!(untold.add(&vec![1; most * USE_BYTES]), 0);
        assert_eq!(untold.add(&[2; USE_BYTES]), most);
        assert_eq!(untold.take(&[]), [2; USE_BYTES]);
    }

    #[test]
    fn whoever_takes_only_when_he_is_woken_gets_every_use_whatever_comes_between() {
        const USES: usize = 50_000;
        let (untold, is_over) = (Untold::new(event_fd().unwrap()), AtomicBool::new(false));
        let mut taken = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..USES {
                    untold.add(&[1; USE_BYTES]);
                }
                is_over.store(true, Ordering::Release);
            });
            loop {
                let was_over = is_over.load(Ordering::Acquire);
                if is_readable(&untold) {
                    let uses = untold.take(&[]);
                    assert!(!uses.is_empty(), "woken for nothing");
                    taken += uses.len() / USE_BYTES;
                } else if was_over {
                    break;
                }
            }
        });
        assert_eq!(taken, USES);
    }
}
