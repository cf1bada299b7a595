//! Which (nonce, nc) has been seen (RFC 7616 §3.3, §5.5), in bounded memory: here, and at other edges that tell of it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use crate::nonce::{NonceId, SKEW_MS, VALID_MS};

/// 2,000 challenged calls a second for the 90 s that a nonce is kept are 180,000; five times that, at about 100 bytes each.
pub const ENTRIES: usize = 1 << 20;

/// Counters below the highest one seen that are told apart; a client counts up by one, and UDP reorders by a few.
const WINDOW: u32 = 64;

/// One use as edges tell it to one another: when the nonce was issued (ms, 8 bytes), its random half (8), the counter (4); big-endian.
pub const USE_BYTES: usize = 20;

/// Uses that wait to be told at most, a third of a megabyte: a second of 16,000 calls. What does not fit is not told.
const MAX_UNTOLD: usize = 16_384;

/// Stands for the counter of a use without qop; a client's counters begin at 1 (RFC 7616 §3.4).
const WITHOUT_QOP: u32 = 0;

#[derive(Debug)]
enum Seen {
    /// The highest counter, and one bit for each of the 64 up to it.
    Counters { highest: u32, bits: u64 },
    /// Without qop a nonce admits one Call-ID; its hash.
    CallId(u64),
}

/// What was used for a nonce: its counter, or without qop the Call-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use<'a> {
    Counter(u32),
    CallId(&'a [u8]),
}

/// The memory of one edge. A nonce from before its birth is not admitted: what was seen then is forgotten.
#[derive(Debug)]
pub struct ReplayWindow {
    born_ms: u64,
    seen: HashMap<NonceId, Seen>,
    /// In the order in which they may be forgotten.
    expiries: VecDeque<(u64, NonceId)>,
    bound: usize,
    hasher: RandomState,
    /// Uses that other edges have not been told of, as in [`USE_BYTES`].
    untold: Vec<u8>,
}

impl ReplayWindow {
    /// `bound` is the number of nonces kept: [`ENTRIES`].
    pub fn new(born_ms: u64, bound: usize) -> Self {
        ReplayWindow { born_ms, seen: HashMap::new(), expiries: VecDeque::new(), bound, hasher: RandomState::new(), untold: Vec::new() }
    }

    /// True where this use is new; it is then remembered. False where it was seen before, and where it cannot be known or remembered.
    /// Call it only for credentials that are right: it is them that the memory is for.
    pub fn admit(&mut self, nonce: NonceId, used: Use<'_>, now_ms: u64) -> bool {
        let is_new = self.see(nonce, used, now_ms);
        if is_new {
            self.note(nonce, used);
        }
        is_new
    }

    /// What another edge has admitted, as its [`ReplayWindow::take_untold`] gave it; only whole entries are read. Nonces that are over, or
    /// that nobody can have issued yet, are left out.
    pub fn hear(&mut self, uses: &[u8], now_ms: u64) {
        for entry in uses.chunks_exact(USE_BYTES) {
            let (issued, rest) = entry.split_at(8);
            let (random, counter) = rest.split_at(8);
            let mut nonce = NonceId { issued_ms: number(issued), entropy: [0; 8] };
            nonce.entropy.copy_from_slice(random);
            if nonce.issued_ms > now_ms.saturating_add(SKEW_MS) || nonce.issued_ms.saturating_add(VALID_MS + SKEW_MS) < now_ms {
                continue;
            }
            let counter = u32::try_from(number(counter)).unwrap_or(WITHOUT_QOP);
            // The Call-ID is not told, so that no Call-ID is the one that was admitted elsewhere.
            let used = if counter == WITHOUT_QOP { Use::CallId(b"") } else { Use::Counter(counter) };
            self.see(nonce, used, now_ms);
        }
    }

    /// Uses admitted here since the last time, for other edges to hear; nothing is left of them here.
    pub fn take_untold(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.untold)
    }

    pub fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    fn note(&mut self, nonce: NonceId, used: Use<'_>) {
        if self.untold.len() >= MAX_UNTOLD * USE_BYTES {
            return;
        }
        let counter = match used {
            Use::Counter(counter) => counter,
            Use::CallId(_) => WITHOUT_QOP,
        };
        self.untold.extend_from_slice(&nonce.issued_ms.to_be_bytes());
        self.untold.extend_from_slice(&nonce.entropy);
        self.untold.extend_from_slice(&counter.to_be_bytes());
    }

    fn see(&mut self, nonce: NonceId, used: Use<'_>, now_ms: u64) -> bool {
        if nonce.issued_ms < self.born_ms {
            return false;
        }
        self.forget(now_ms);
        let is_full = self.seen.len() >= self.bound;
        match (self.seen.get_mut(&nonce), used) {
            (Some(Seen::Counters { highest, bits }), Use::Counter(counter)) => admit_counter(highest, bits, counter),
            (Some(Seen::CallId(seen)), Use::CallId(call_id)) => *seen == self.hasher.hash_one(call_id),
            // The same nonce once with and once without qop: no client does.
            (Some(_), _) => false,
            (None, _) if is_full => false,
            (None, _) => {
                let seen = match used {
                    Use::Counter(counter) => Seen::Counters { highest: counter, bits: 1 },
                    Use::CallId(call_id) => Seen::CallId(self.hasher.hash_one(call_id)),
                };
                self.seen.insert(nonce, seen);
                // By the time of its first use, so that the queue is in order; later than the nonce's own end.
                self.expiries.push_back((now_ms.saturating_add(VALID_MS + SKEW_MS), nonce));
                true
            }
        }
    }

    pub fn len(&self) -> usize {
        self.seen.len()
    }

    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn forget(&mut self, now_ms: u64) {
        while let Some((_, nonce)) = self.expiries.front().filter(|(expiry_ms, _)| *expiry_ms < now_ms) {
            self.seen.remove(nonce);
            self.expiries.pop_front();
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn admit_counter(highest: &mut u32, bits: &mut u64, counter: u32) -> bool {
    if counter > *highest {
        *bits = bits.checked_shl(counter - *highest).unwrap_or(0) | 1;
        *highest = counter;
        return true;
    }
    let age = *highest - counter;
    // Older than the window: it cannot be known, so it counts as seen.
    if age >= WINDOW || *bits >> age & 1 == 1 {
        return false;
    }
    *bits |= 1 << age;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(number: u64) -> NonceId {
        NonceId { issued_ms: 1_000 + number, entropy: [0; 8] }
    }

    fn window() -> ReplayWindow {
        ReplayWindow::new(1_000, 100)
    }

    #[test]
    fn a_counter_is_admitted_once_in_any_order() {
        let mut window = window();
        for counter in [1, 3, 2, 66, 65, 200] {
            assert!(window.admit(nonce(0), Use::Counter(counter), 1_000), "{counter}");
        }
        for counter in [1, 2, 3, 65, 66, 200, 100, 136] {
            assert!(!window.admit(nonce(0), Use::Counter(counter), 1_000), "{counter}");
        }
        assert!(window.admit(nonce(0), Use::Counter(137), 1_000));
        assert!(window.admit(nonce(1), Use::Counter(1), 1_000));
        assert!(window.admit(nonce(0), Use::Counter(u32::MAX), 1_000));
        assert!(!window.admit(nonce(0), Use::Counter(u32::MAX), 1_000));
    }

    #[test]
    fn without_qop_a_nonce_admits_one_call_id() {
        let mut window = window();
        assert!(window.admit(nonce(0), Use::CallId(b"5"), 1_000));
        assert!(window.admit(nonce(0), Use::CallId(b"5"), 1_000));
        assert!(!window.admit(nonce(0), Use::CallId(b"6"), 1_000));
        assert!(!window.admit(nonce(0), Use::Counter(1), 1_000));
    }

    #[test]
    fn what_another_edge_has_admitted_is_not_admitted_here() {
        let (mut one, mut other) = (window(), window());
        assert!(one.admit(nonce(0), Use::Counter(1), 1_000));
        assert!(one.admit(nonce(0), Use::Counter(3), 1_000));
        assert!(one.admit(nonce(5), Use::CallId(b"a"), 1_000));
        assert!(!one.admit(nonce(0), Use::Counter(1), 1_000));
        let told = one.take_untold();
        assert_eq!(told.len(), 3 * USE_BYTES);
        assert!(!one.has_untold());
        other.hear(&told, 1_000);
        assert!(!other.has_untold(), "what was heard is not told on");
        for counter in [1, 3] {
            assert!(!other.admit(nonce(0), Use::Counter(counter), 1_000), "{counter}");
        }
        assert!(other.admit(nonce(0), Use::Counter(2), 1_000));
        assert!(!other.admit(nonce(5), Use::CallId(b"a"), 1_000));
        other.hear(&told[..7], 1_000);
    }

    #[test]
    fn what_is_over_or_not_issued_yet_is_not_kept() {
        let mut window = window();
        let mut told = Vec::new();
        for issued_ms in [1_000_u64, 10_000_000] {
            told.extend_from_slice(&issued_ms.to_be_bytes());
            told.extend_from_slice(&[0; 12]);
        }
        window.hear(&told, 5_000_000);
        assert!(window.is_empty());
    }

    #[test]
    fn a_nonce_from_before_the_start_is_not_admitted() {
        assert!(!window().admit(NonceId { issued_ms: 999, entropy: [0; 8] }, Use::Counter(1), 1_000));
    }

    #[test]
    fn what_has_expired_is_forgotten_and_a_full_memory_admits_nothing_new() {
        let mut window = window();
        for number in 0..100 {
            assert!(window.admit(nonce(number), Use::Counter(1), 1_000));
        }
        assert!(!window.admit(nonce(100), Use::Counter(1), 1_000));
        assert!(window.admit(nonce(7), Use::Counter(2), 1_000));
        let later = 1_000 + VALID_MS + SKEW_MS + 1;
        assert!(window.admit(nonce(100), Use::Counter(1), later));
        assert_eq!(window.len(), 1);
    }
}
