//! Ids of calls, and the random half of nonces.

use ring::hmac;
use trunkline_transaction::Now;

/// Of one worker. Unique, not secret.
#[derive(Debug)]
pub(crate) struct Ids {
    state: u64,
    worker: u8,
}

impl Ids {
    /// `seed` is entropy of this run, the same for all workers.
    pub fn new(seed: &[u8; 32], worker: u8) -> Self {
        // Ids are seen on the wire and splitmix64 can be run backwards, so its seed must tell nothing of the keys made from the other.
        let mut state = [0; 8];
        state.copy_from_slice(&hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, seed), &[b"ids", &[worker][..]].concat()).as_ref()[..8]);
        Self { state: u64::from_be_bytes(state), worker }
    }

    /// A number that no other call of this edge has; ids sort by the time of their making.
    pub fn next(&mut self, now: Now) -> u128 {
        // splitmix64: https://prng.di.unimi.it/splitmix64.c
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The last byte says whose the call is.
        u128::from(now.unix_ns) << 64 | u128::from((mixed ^ (mixed >> 31)) & !0xff | u64::from(self.worker))
    }

    /// For a nonce.
    pub fn random(&mut self, now: Now) -> [u8; 4] {
        let mut random = [0; 4];
        random.copy_from_slice(&self.next(now).to_be_bytes()[8..12]);
        random
    }
}
