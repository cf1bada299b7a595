//! Values nobody can guess, from the caller's seed: branches, tags, nonces, and the keys of the hash maps.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

use ring::hmac;

/// A counter under HMAC-SHA256: never repeats within a process, and between processes as little as the seeds do.
pub(crate) struct Entropy {
    key: hmac::Key,
    counter: u64,
}

impl Entropy {
    pub fn new(seed: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, seed), counter: 0 }
    }

    pub fn next(&mut self) -> [u8; 16] {
        self.counter += 1;
        first_16(&hmac::sign(&self.key, &self.counter.to_be_bytes()))
    }

    /// Keyed hash of parts, each with its length, so that no two lists of parts collide by their joints.
    pub fn hash(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in std::iter::once(&label).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        first_16(&context.sign())
    }

    /// Keyed state for hash maps whose keys strangers choose.
    pub fn map_state(&mut self) -> KeyedState {
        KeyedState(self.next())
    }
}

fn first_16(tag: &hmac::Tag) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&tag.as_ref()[..16]);
    out
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
