//! Deadlines: a small table a thing, and one queue over all of them.
//!
//! A thing stands in the queue with its earliest deadline only and is put in again when that has come, so that starting, restarting and
//! stopping a timer costs a store into the table.

const NEVER: u64 = u64::MAX;

/// The timers of one thing. `N` is the number of kinds; a kind is an index below it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers<const N: usize> {
    /// `NEVER` for one that does not run.
    deadlines: [u64; N],
    /// The earliest deadline at which the queue will look here; `NEVER` when it will not.
    queued: u64,
}

impl<const N: usize> Timers<N> {
    pub fn new() -> Self {
        Self { deadlines: [NEVER; N], queued: NEVER }
    }

    pub fn start(&mut self, kind: usize, at_ms: u64) {
        self.deadlines[kind] = at_ms;
    }

    pub fn stop(&mut self, kind: usize) {
        self.deadlines[kind] = NEVER;
    }

    pub fn stop_all(&mut self) {
        self.deadlines = [NEVER; N];
    }

    pub fn is_running(&self, kind: usize) -> bool {
        self.deadlines[kind] != NEVER
    }

    /// Takes the earliest timer that is due.
    pub fn take_due(&mut self, now_ms: u64) -> Option<usize> {
        let (kind, at) = self.earliest()?;
        (at <= now_ms).then(|| {
            self.deadlines[kind] = NEVER;
            kind
        })
    }

    fn earliest(&self) -> Option<(usize, u64)> {
        self.deadlines.iter().copied().enumerate().min_by_key(|(_, at)| *at).filter(|(_, at)| *at != NEVER)
    }
}

/// A thing is looked at after this time at the latest, so that what is gone leaves the queue soon, however late its last deadline was:
/// a call's is a day away.
const HORIZON_MS: u64 = 60_000;

/// One a millisecond, more than `HORIZON_MS`: no two times that the queue holds at once share one.
const BUCKETS: usize = 1 << 16;
const WORDS: usize = BUCKETS / 64;

/// Queue of things by their earliest deadline: a wheel of a bucket a millisecond, because a heap of some 100,000 entries is a walk through
/// cold memory for each. Holds entries of things that are gone until their time comes, `HORIZON_MS` at most.
#[derive(Debug)]
pub(crate) struct TimerQueue<K> {
    /// The first entry of each bucket, counted from 1; 0: none. Zeroed memory, which costs nothing until it is used.
    buckets: Vec<u32>,
    entries: Vec<Entry<K>>,
    /// Entries to use again, as a list.
    free: u32,
    /// Which buckets hold something, and which words of that do.
    used: Vec<u64>,
    used_words: Vec<u64>,
    /// All that the queue holds lies within a turn of the wheel from here on.
    from_ms: u64,
    len: usize,
}

#[derive(Debug)]
struct Entry<K> {
    key: K,
    /// The next one of its bucket, or of the free ones, counted from 1.
    next: u32,
}

impl<K: Copy> TimerQueue<K> {
    pub fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            entries: Vec::new(),
            free: 0,
            used: vec![0; WORDS],
            used_words: vec![0; WORDS / 64],
            from_ms: 0,
            len: 0,
        }
    }

    /// Call after the table has changed.
    pub fn arm<const N: usize>(&mut self, key: K, timers: &mut Timers<N>, now_ms: u64) {
        let Some((_, at)) = timers.earliest() else { return };
        if self.len == 0 {
            self.from_ms = now_ms;
        }
        // What is late already is due at the next look; what lies beyond the wheel, because nobody looked for long, is looked at early.
        let at = at.min(now_ms + HORIZON_MS).clamp(self.from_ms, self.from_ms + BUCKETS as u64 - 1);
        if at < timers.queued {
            timers.queued = at;
            self.push(at, key);
        }
    }

    /// The next thing whose entry has come. Call `opened` on its table, take what is due, then `arm` it again.
    pub fn pop_due(&mut self, now_ms: u64) -> Option<(u64, K)> {
        let at = self.next().filter(|at| *at <= now_ms)?;
        self.from_ms = at;
        let index = bucket(at);
        let first = self.buckets[index];
        let entry = self.entries.get_mut((first as usize).checked_sub(1)?)?;
        let key = entry.key;
        self.buckets[index] = std::mem::replace(&mut entry.next, self.free);
        self.free = first;
        self.len -= 1;
        if self.buckets[index] == 0 {
            self.used[index / 64] &= !(1 << (index % 64));
            if self.used[index / 64] == 0 {
                self.used_words[index / 64 / 64] &= !(1 << (index / 64 % 64));
            }
        }
        Some((at, key))
    }

    pub fn next(&self) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        let start = bucket(self.from_ms);
        let index = self.used_from(start).or_else(|| self.used_from(0))?;
        let ahead = (index + BUCKETS - start) % BUCKETS;
        Some(self.from_ms + ahead as u64)
    }

    fn push(&mut self, at_ms: u64, key: K) {
        let index = bucket(at_ms);
        let entry = Entry { key, next: self.buckets[index] };
        self.buckets[index] = match self.free {
            0 => {
                self.entries.push(entry);
                // Below 2^32: the owner bounds the things, and each has few entries within the horizon.
                self.entries.len() as u32
            }
            free => {
                self.free = std::mem::replace(&mut self.entries[free as usize - 1], entry).next;
                free
            }
        };
        self.used[index / 64] |= 1 << (index % 64);
        self.used_words[index / 64 / 64] |= 1 << (index / 64 % 64);
        self.len += 1;
    }

    /// The first bucket at or after `start` that holds something.
    fn used_from(&self, start: usize) -> Option<usize> {
        let word = start / 64;
        let rest = self.used[word] & (u64::MAX << (start % 64));
        if rest != 0 {
            return Some(word * 64 + rest.trailing_zeros() as usize);
        }
        let first = word + 1;
        (first / 64..self.used_words.len()).find_map(|at| {
            let mask = if at == first / 64 { u64::MAX << (first % 64) } else { u64::MAX };
            let words = self.used_words[at] & mask;
            (words != 0).then(|| {
                let word = at * 64 + words.trailing_zeros() as usize;
                word * 64 + self.used[word].trailing_zeros() as usize
            })
        })
    }
}

fn bucket(at_ms: u64) -> usize {
    (at_ms % BUCKETS as u64) as usize
}

impl<const N: usize> Timers<N> {
    /// The queue's entry of `at_ms` was popped.
    pub fn opened(&mut self, at_ms: u64) {
        if self.queued == at_ms {
            self.queued = NEVER;
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
    fn things_come_in_the_order_of_their_deadlines_whatever_the_order_of_arming() {
        let mut queue = TimerQueue::new();
        let mut things = Vec::new();
        let mut state = 12_345_u64;
        for key in 0..2_000_usize {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut timers = Timers::<1>::new();
            let at_ms = 700_000 + (state >> 33) % HORIZON_MS;
            timers.start(0, at_ms);
            queue.arm(key, &mut timers, 700_000);
            things.push(at_ms);
        }
        let mut seen = Vec::new();
        while let Some(now_ms) = queue.next() {
            assert_eq!(queue.pop_due(now_ms - 1), None);
            let (at_ms, key) = queue.pop_due(now_ms).unwrap();
            assert_eq!(things[key], at_ms);
            seen.push(at_ms);
        }
        things.sort_unstable();
        assert_eq!(seen, things);
    }

    #[test]
    fn a_queue_that_nobody_looked_at_for_longer_than_a_turn_of_the_wheel_keeps_its_order() {
        for starts_ms in [&[5, 70_000, 70_001, 1_000_000, 1_065_541][..], &[0, 50_000, 65_536, 65_537, 200_000]] {
            let mut queue = TimerQueue::new();
            let mut tables: Vec<Timers<1>> = Vec::new();
            for (key, start_ms) in starts_ms.iter().enumerate() {
                tables.push(Timers::new());
                tables[key].start(0, start_ms + 32_000);
                queue.arm(key, &mut tables[key], *start_ms);
            }
            // Looked at early perhaps, but each thing's timer comes in its time and in order.
            let mut fired = Vec::new();
            while let Some(now_ms) = queue.next() {
                let (at_ms, key) = queue.pop_due(now_ms).unwrap();
                tables[key].opened(at_ms);
                if tables[key].take_due(now_ms).is_some() {
                    fired.push(now_ms);
                }
                queue.arm(key, &mut tables[key], now_ms);
            }
            assert_eq!(fired, starts_ms.iter().map(|start_ms| start_ms + 32_000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_deadline_that_has_passed_comes_at_once() {
        let mut queue = TimerQueue::new();
        let mut timers = Timers::<1>::new();
        timers.start(0, 400);
        queue.arm(1, &mut timers, 900);
        assert_eq!(queue.pop_due(900), Some((900, 1)));
        timers.opened(900);
        assert_eq!(timers.take_due(900), Some(0));
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
