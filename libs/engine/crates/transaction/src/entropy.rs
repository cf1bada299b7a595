//! Values nobody can guess, from the caller's seed: branches, tags, nonces, and the keys of the hash maps.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

use ring::hmac;

/// A counter under HMAC-SHA256: never repeats within a process, and between processes as little as the seeds do.
pub(crate) struct Entropy {
    key: hmac::Key,
    counter: u64,
    block: [u8; BLOCK],
    /// Bytes of the block that were given out.
    used: usize,
    marks: KeyedState,
}

const BLOCK: usize = 32;

impl Entropy {
    pub fn new(seed: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let mut entropy = Self { key, counter: 0, block: [0; BLOCK], used: BLOCK, marks: KeyedState([0; 16]) };
        entropy.marks = entropy.map_state();
        entropy
    }

    /// At most 32 bytes that nobody can guess. Block by block, because each costs an HMAC.
    pub fn next<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= BLOCK) };
        if self.used + N > BLOCK {
            self.counter += 1;
            self.block.copy_from_slice(hmac::sign(&self.key, &self.counter.to_be_bytes()).as_ref());
            self.used = 0;
        }
        let mut out = [0; N];
        out.copy_from_slice(&self.block[self.used..self.used + N]);
        self.used += N;
        out
    }

    /// Keyed hash of parts, each with its length, so that no two lists of parts collide by their joints. For marks that strangers see but
    /// that guard nothing: 64 bits, not cryptographic.
    pub fn mark<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
        let mut hasher = self.marks.build_hasher();
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }

    /// Keyed state for hash maps whose keys strangers choose.
    pub fn map_state(&mut self) -> KeyedState {
        KeyedState(self.next())
    }
}

/// The standard hasher, keyed by a prefix: std's own RandomState would draw from the system.
#[derive(Clone, Copy)]
pub(crate) struct KeyedState([u8; 16]);

impl BuildHasher for KeyedState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.0);
        hasher
    }
}

/// Lower-case hexadecimal.
pub(crate) fn write_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_repeat_and_follow_from_the_seed() {
        let (mut one, mut same, mut other) = (Entropy::new(&[1; 32]), Entropy::new(&[1; 32]), Entropy::new(&[2; 32]));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5_000 {
            let value = one.next::<8>();
            assert_eq!(same.next::<8>(), value);
            assert!(seen.insert(value) && seen.insert(other.next::<8>()));
            let long = one.next::<12>();
            assert_eq!(same.next::<12>(), long);
        }
    }

    #[test]
    fn a_mark_depends_on_the_seed_and_on_where_parts_end() {
        let (one, other) = (Entropy::new(&[1; 32]), Entropy::new(&[2; 32]));
        assert_eq!(one.mark([&b"ab"[..], b"c"]), one.mark([&b"ab"[..], b"c"]));
        assert_ne!(one.mark([&b"ab"[..], b"c"]), one.mark([&b"a"[..], b"bc"]));
        assert_ne!(one.mark([&b"ab"[..], b"c"]), other.mark([&b"ab"[..], b"c"]));
    }
}
