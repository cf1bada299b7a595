//! Values nobody can guess, from the caller's seed: branches, tags, nonces, and the keys of the hash maps.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM};
use ring::hmac;

/// The key stream of AES-256 in counter mode: never repeats within a process, and between processes as little as the seeds do.
pub(crate) struct Entropy {
    key: LessSafeKey,
    counter: u32,
    block: [u8; BLOCK],
    /// Bytes of the block that were given out.
    used: usize,
    marks: KeyedState,
}

/// Made at once.
const BLOCK: usize = 1024;

impl Entropy {
    /// Of one of the workers that share a seed: values of its own, marks that are the same for all.
    pub fn new(seed: &[u8; 32], worker: u8) -> Self {
        // The seed makes other keys too.
        let seed = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let tag = hmac::sign(&seed, &[b"entropy", &[worker][..]].concat());
        let Ok(key) = UnboundKey::new(&AES_256_GCM, tag.as_ref()) else {
            unreachable!("a tag of HMAC-SHA256 is as long as a key of AES-256")
        };
        let key = LessSafeKey::new(key);
        let marks = KeyedState::new(&hmac::sign(&seed, b"marks").as_ref()[..16]);
        Self { key, counter: 0, block: [0; BLOCK], used: BLOCK, marks }
    }

    /// At most 32 bytes that nobody can guess.
    pub fn next<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 32) };
        if self.used + N > BLOCK {
            self.refill();
        }
        let mut out = [0; N];
        out.copy_from_slice(&self.block[self.used..self.used + N]);
        self.used += N;
        out
    }

    fn refill(&mut self) {
        // 4 TB of values; a process that has given out so many must not begin again.
        self.counter = self.counter.checked_add(1).unwrap_or_else(|| unreachable!("more values than a seed is good for"));
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.counter.to_be_bytes());
        self.block = [0; BLOCK];
        let sealed = self.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut self.block);
        assert!(sealed.is_ok(), "AES-GCM seals {BLOCK} bytes");
        self.used = 0;
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
        KeyedState::new(&self.next::<16>())
    }
}

/// The standard hasher, keyed by a prefix that it has read already: std's own RandomState would draw from the system.
#[derive(Clone)]
pub(crate) struct KeyedState(DefaultHasher);

impl KeyedState {
    fn new(key: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        Self(hasher)
    }
}

impl BuildHasher for KeyedState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.clone()
    }
}

/// For maps whose keys are keyed hashes already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsHash;

impl BuildHasher for IsHash {
    type Hasher = SameHasher;

    fn build_hasher(&self) -> SameHasher {
        SameHasher(0)
    }
}

pub(crate) struct SameHasher(u64);

impl Hasher for SameHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Lower-case hexadecimal of 8 bytes.
pub(crate) fn hex(bytes: [u8; 8]) -> [u8; 16] {
    let mut text = [0; 16];
    for (byte, pair) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    text
}

pub(crate) fn write_hex(bytes: [u8; 8], out: &mut String) {
    // Digits are ASCII.
    out.push_str(std::str::from_utf8(&hex(bytes)).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_repeat_and_follow_from_the_seed() {
        let (mut one, mut same, mut other) = (Entropy::new(&[1; 32], 0), Entropy::new(&[1; 32], 0), Entropy::new(&[2; 32], 0));
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
    fn workers_of_one_seed_have_values_of_their_own_and_the_same_marks() {
        let (mut one, mut other) = (Entropy::new(&[1; 32], 0), Entropy::new(&[1; 32], 1));
        assert_ne!(one.next::<8>(), other.next::<8>());
        assert_eq!(one.mark([&b"ab"[..]]), other.mark([&b"ab"[..]]));
    }

    #[test]
    fn a_mark_depends_on_the_seed_and_on_where_parts_end() {
        let (one, other) = (Entropy::new(&[1; 32], 0), Entropy::new(&[2; 32], 0));
        assert_eq!(one.mark([&b"ab"[..], b"c"]), one.mark([&b"ab"[..], b"c"]));
        assert_ne!(one.mark([&b"ab"[..], b"c"]), one.mark([&b"a"[..], b"bc"]));
        assert_ne!(one.mark([&b"ab"[..], b"c"]), other.mark([&b"ab"[..], b"c"]));
    }
}
