//! Deadlines: a small table a thing, and one queue over all of them.
//!
//! A thing stands in the queue with its earliest deadline only and is put in again when that has come, so that starting, restarting and
//! stopping a timer costs a store into the table.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The timers of one thing. `N` is the number of kinds; a kind is an index below it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers<const N: usize> {
    deadlines: [Option<u64>; N],
    /// The earliest deadline at which the queue will look here; `u64::MAX` when it will not.
    queued: u64,
}

impl<const N: usize> Timers<N> {
    pub fn new() -> Self {
        Self { deadlines: [None; N], queued: u64::MAX }
    }

    pub fn start(&mut self, kind: usize, at_ms: u64) {
        self.deadlines[kind] = Some(at_ms);
    }

    pub fn stop(&mut self, kind: usize) {
        self.deadlines[kind] = None;
    }

    pub fn stop_all(&mut self) {
        self.deadlines = [None; N];
    }

    pub fn is_running(&self, kind: usize) -> bool {
        self.deadlines[kind].is_some()
    }

    /// Takes the earliest timer that is due.
    pub fn take_due(&mut self, now_ms: u64) -> Option<usize> {
        let (kind, at) = self.earliest()?;
        (at <= now_ms).then(|| {
            self.deadlines[kind] = None;
            kind
        })
    }

    fn earliest(&self) -> Option<(usize, u64)> {
        self.deadlines.iter().enumerate().filter_map(|(kind, at)| at.map(|at| (kind, at))).min_by_key(|(_, at)| *at)
    }
}

/// A thing is looked at after this time at the latest, so that what is gone leaves the queue soon, however late its last deadline was:
/// a call's is a day away.
const HORIZON_MS: u64 = 60_000;

/// Queue of things by their earliest deadline. Holds entries of things that are gone until their time comes, `HORIZON_MS` at most.
#[derive(Debug)]
pub(crate) struct TimerQueue<K: Ord> {
    heap: BinaryHeap<Reverse<(u64, K)>>,
}

impl<K: Ord + Copy> TimerQueue<K> {
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new() }
    }

    /// Call after the table has changed.
    pub fn arm<const N: usize>(&mut self, key: K, timers: &mut Timers<N>, now_ms: u64) {
        if let Some((_, at)) = timers.earliest() {
            let at = at.min(now_ms + HORIZON_MS);
            if at < timers.queued {
                timers.queued = at;
                self.heap.push(Reverse((at, key)));
            }
        }
    }

    /// The next thing whose entry has come. Call `opened` on its table, take what is due, then `arm` it again.
    pub fn pop_due(&mut self, now_ms: u64) -> Option<(u64, K)> {
        match self.heap.peek() {
            Some(Reverse((at, _))) if *at <= now_ms => self.heap.pop().map(|Reverse(entry)| entry),
            _ => None,
        }
    }

    pub fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

impl<const N: usize> Timers<N> {
    /// The queue's entry of `at_ms` was popped.
    pub fn opened(&mut self, at_ms: u64) {
        if self.queued == at_ms {
            self.queued = u64::MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarted_timer_comes_at_its_new_time_only() {
        let (mut queue, mut timers) = (TimerQueue::new(), Timers::<2>::new());
        timers.start(0, 100);
        queue.arm(7, &mut timers, 0);
        timers.start(0, 300);
        queue.arm(7, &mut timers, 0);
        assert_eq!(queue.pop_due(100), Some((100, 7)));
        timers.opened(100);
        assert_eq!(timers.take_due(100), None);
        queue.arm(7, &mut timers, 0);
        assert_eq!((queue.next(), queue.pop_due(299)), (Some(300), None));
        assert_eq!(queue.pop_due(300), Some((300, 7)));
        timers.opened(300);
        assert_eq!(timers.take_due(300), Some(0));
    }

    #[test]
    fn a_timer_moved_earlier_comes_early_and_the_old_entry_is_harmless() {
        let (mut queue, mut timers) = (TimerQueue::new(), Timers::<2>::new());
        timers.start(1, 500);
        queue.arm(1, &mut timers, 0);
        timers.start(0, 50);
        queue.arm(1, &mut timers, 0);
        assert_eq!(queue.pop_due(60), Some((50, 1)));
        timers.opened(50);
        assert_eq!((timers.take_due(60), timers.take_due(60)), (Some(0), None));
        queue.arm(1, &mut timers, 0);
        timers.stop(1);
        let mut pops = 0;
        while let Some((at, _)) = queue.pop_due(1_000) {
            timers.opened(at);
            assert_eq!(timers.take_due(1_000), None);
            queue.arm(1, &mut timers, 0);
            pops += 1;
        }
        assert!(pops <= 2 && queue.next().is_none());
    }

    #[test]
    fn a_deadline_beyond_the_horizon_comes_in_its_time_after_looks_in_between() {
        let (mut queue, mut timers) = (TimerQueue::new(), Timers::<1>::new());
        timers.start(0, 150_000);
        queue.arm(7, &mut timers, 0);
        let mut looks = Vec::new();
        while let Some((at, _)) = queue.next().and_then(|at| queue.pop_due(at)) {
            timers.opened(at);
            looks.push((at, timers.take_due(at)));
            queue.arm(7, &mut timers, at);
        }
        assert_eq!(looks, [(60_000, None), (120_000, None), (150_000, Some(0))]);
    }
}
