//! Nonces without memory (RFC 7616 §3.3): a time and random bits under a MAC that every POP can check.
//!
//! On the wire: base64url (but for two letters) of key id (4 bytes), time (8, Unix milliseconds), random bits (8) and the first 16 bytes of
//! HMAC-SHA256(key, context | realm | what stands before). One nonce is good at every POP and from every address: a client may come back from
//! another one. But half of the random bits are a MAC of the address that it was sent to ([`entropy_for`]), so that wrong credentials are held
//! against nobody who was not challenged ([`was_sent_to`]): over UDP anybody can write a source into a datagram.

use std::net::IpAddr;

use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::Engine;
use ring::hmac;
use subtle::ConstantTimeEq;

/// Long enough for a person's softphone and a resend over a slow link, short enough to bound what is kept against replays.
pub const VALID_MS: u64 = 60_000;
/// How far another POP's clock may be ahead of ours.
pub const SKEW_MS: u64 = 30_000;

/// `.` and `~` in place of `Q` and `q`: no nonce may spell `CSeq`, which SIPp 3.6 takes for the header wherever it stands.
const ALPHABET: Alphabet = match Alphabet::new("ABCDEFGHIJKLMNOP.RSTUVWXYZabcdefghijklmnop~rstuvwxyz0123456789-_") {
    Ok(alphabet) => alphabet,
    Err(_) => panic!("64 different characters"),
};
const TEXT: GeneralPurpose = GeneralPurpose::new(&ALPHABET, NO_PAD);

const CONTEXT: &[u8] = b"trunkline nonce 1\0";
const SOURCE_CONTEXT: &[u8] = b"trunkline nonce source 1\0";
const SOURCE_BYTES: usize = 4;
const PLAIN_BYTES: usize = 20;
const MAC_BYTES: usize = 16;
const NONCE_BYTES: usize = PLAIN_BYTES + MAC_BYTES;

/// Random bits of a nonce, from the caller; of a challenge those of [`entropy_for`].
pub type Entropy = [u8; 8];

/// One key of the ring.
#[derive(Clone)]
pub struct NonceKey {
    key_id: u32,
    key: hmac::Key,
    not_before_ms: u64,
    not_after_ms: u64,
    is_current: bool,
}

impl NonceKey {
    /// Times are Unix seconds.
    pub fn new(key_id: u32, key: &[u8; 32], not_before_s: u64, not_after_s: u64, is_current: bool) -> Self {
        NonceKey {
            key_id,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            not_before_ms: not_before_s.saturating_mul(1000),
            not_after_ms: not_after_s.saturating_mul(1000),
            is_current,
        }
    }

    /// Keys come from another machine, whose clock may differ.
    fn is_valid(&self, now_ms: u64) -> bool {
        now_ms.saturating_add(SKEW_MS) >= self.not_before_ms && now_ms <= self.not_after_ms
    }

    fn mac(&self, realm: &str, plain: &[u8]) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(CONTEXT);
        context.update(realm.as_bytes());
        context.update(b"\0");
        context.update(plain);
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&context.sign().as_ref()[..MAC_BYTES]);
        mac
    }

    /// Of IPv6 the /64: who has one of its addresses may have any, and a ban covers all.
    fn source_mac(&self, source: IpAddr) -> [u8; SOURCE_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(SOURCE_CONTEXT);
        match source.to_canonical() {
            IpAddr::V4(address) => context.update(&address.octets()),
            IpAddr::V6(address) => context.update(&address.octets()[..8]),
        }
        let mut mac = [0; SOURCE_BYTES];
        mac.copy_from_slice(&context.sign().as_ref()[..SOURCE_BYTES]);
        mac
    }
}

/// A secret: its bytes are never printed.
impl std::fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NonceKey({}, current: {})", self.key_id, self.is_current)
    }
}

/// The key that is issued under, if there is one.
pub fn current_key(keys: &[NonceKey], now_ms: u64) -> Option<&NonceKey> {
    keys.iter().find(|key| key.is_current && key.is_valid(now_ms))
}

/// For a nonce that is sent to `source`.
pub fn entropy_for(key: &NonceKey, source: IpAddr, random: [u8; 4]) -> Entropy {
    let mut entropy = [0; 8];
    entropy[..SOURCE_BYTES].copy_from_slice(&key.source_mac(source));
    entropy[SOURCE_BYTES..].copy_from_slice(&random);
    entropy
}

/// Whether this nonce is one of ours, fresh, that was sent to `source`: then whoever brings it has read what is sent there.
pub fn was_sent_to(keys: &[NonceKey], realm: &str, nonce: &[u8], now_ms: u64, source: IpAddr) -> bool {
    open(keys, realm, nonce, now_ms).is_some_and(|opened| opened.was_sent_to(keys, now_ms, source))
}

/// A nonce of ours, its MAC proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedNonce {
    key_id: u32,
    pub id: NonceId,
}

impl OpenedNonce {
    pub fn is_fresh(self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.id.issued_ms) <= VALID_MS
    }

    /// As [`was_sent_to`], without opening it again.
    pub fn was_sent_to(self, keys: &[NonceKey], now_ms: u64, source: IpAddr) -> bool {
        let key = key_of(keys, self.key_id, now_ms).filter(|_| self.is_fresh(now_ms));
        key.is_some_and(|key| key.source_mac(source).ct_eq(&self.id.entropy[..SOURCE_BYTES]).into())
    }
}

/// 48 characters of base64url, but for two letters.
pub fn issue(key: &NonceKey, realm: &str, now_ms: u64, entropy: Entropy) -> String {
    let mut bytes = [0; NONCE_BYTES];
    bytes[..4].copy_from_slice(&key.key_id.to_be_bytes());
    bytes[4..12].copy_from_slice(&now_ms.to_be_bytes());
    bytes[12..PLAIN_BYTES].copy_from_slice(&entropy);
    let mac = key.mac(realm, &bytes[..PLAIN_BYTES]);
    bytes[PLAIN_BYTES..].copy_from_slice(&mac);
    TEXT.encode(bytes)
}

/// What names a nonce that is ours: its time and random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NonceId {
    pub issued_ms: u64,
    pub entropy: Entropy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceState {
    Fresh(NonceId),
    /// Of ours, but older than [`VALID_MS`].
    Expired,
    /// Not ours, or of a key that we do not have (any more).
    Unknown,
}

/// `nonce` as it stands between the quotes.
pub fn verify(keys: &[NonceKey], realm: &str, nonce: &[u8], now_ms: u64) -> NonceState {
    match open(keys, realm, nonce, now_ms) {
        None => NonceState::Unknown,
        Some(opened) if opened.is_fresh(now_ms) => NonceState::Fresh(opened.id),
        Some(_) => NonceState::Expired,
    }
}

fn key_of(keys: &[NonceKey], key_id: u32, now_ms: u64) -> Option<&NonceKey> {
    keys.iter().find(|key| key.key_id == key_id && key.is_valid(now_ms))
}

/// Of any age; `None` for what is not ours.
pub(crate) fn open(keys: &[NonceKey], realm: &str, nonce: &[u8], now_ms: u64) -> Option<OpenedNonce> {
    let mut bytes = [0; NONCE_BYTES];
    // decode_slice wants room for its estimate; a nonce of another length is not ours anyway.
    if nonce.len() != NONCE_BYTES / 3 * 4 || TEXT.decode_slice(nonce, &mut bytes) != Ok(NONCE_BYTES) {
        return None;
    }
    let (plain, mac) = bytes.split_at(PLAIN_BYTES);
    let (mut key_id, mut issued, mut entropy) = ([0; 4], [0; 8], [0; 8]);
    key_id.copy_from_slice(&plain[..4]);
    issued.copy_from_slice(&plain[4..12]);
    entropy.copy_from_slice(&plain[12..]);
    let key_id = u32::from_be_bytes(key_id);
    let key = key_of(keys, key_id, now_ms)?;
    let is_ours: bool = key.mac(realm, plain).ct_eq(mac).into();
    let issued_ms = u64::from_be_bytes(issued);
    (is_ours && issued_ms <= now_ms.saturating_add(SKEW_MS)).then_some(OpenedNonce { key_id, id: NonceId { issued_ms, entropy } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_795_000_000_000;
    const NOW_S: u64 = NOW_MS / 1000;
    const REALM: &str = "sip.example.com";

    fn key(key_id: u32, byte: u8) -> NonceKey {
        NonceKey::new(key_id, &[byte; 32], NOW_S - 100, NOW_S + 1000, true)
    }

    #[test]
    fn a_nonce_of_one_pop_is_fresh_at_another_with_the_same_keys() {
        let nonce = issue(&key(7, 1), REALM, NOW_MS, [9; 8]);
        assert_eq!(nonce.len(), 48);
        let keys = [key(8, 2), key(7, 1)];
        let fresh = NonceState::Fresh(NonceId { issued_ms: NOW_MS, entropy: [9; 8] });
        assert_eq!(verify(&keys, REALM, nonce.as_bytes(), NOW_MS), fresh);
        assert_eq!(verify(&keys, REALM, nonce.as_bytes(), NOW_MS + VALID_MS), fresh);
        assert_eq!(verify(&keys, REALM, nonce.as_bytes(), NOW_MS - SKEW_MS), fresh);
    }

    #[test]
    fn an_old_nonce_is_expired_and_one_from_the_future_is_not_ours() {
        let nonce = issue(&key(7, 1), REALM, NOW_MS, [9; 8]);
        assert_eq!(verify(&[key(7, 1)], REALM, nonce.as_bytes(), NOW_MS + VALID_MS + 1), NonceState::Expired);
        assert_eq!(verify(&[key(7, 1)], REALM, nonce.as_bytes(), NOW_MS - SKEW_MS - 1), NonceState::Unknown);
    }

    #[test]
    fn any_changed_bit_another_realm_and_another_key_make_it_unknown() {
        let nonce = issue(&key(7, 1), REALM, NOW_MS, [9; 8]);
        for at in 0..NONCE_BYTES {
            let mut bytes = TEXT.decode(&nonce).expect("our own");
            bytes[at] ^= 1;
            let forged = TEXT.encode(bytes);
            assert_eq!(verify(&[key(7, 1)], REALM, forged.as_bytes(), NOW_MS), NonceState::Unknown, "byte {at}");
        }
        assert_eq!(verify(&[key(7, 1)], "other.example.com", nonce.as_bytes(), NOW_MS), NonceState::Unknown);
        assert_eq!(verify(&[key(7, 2)], REALM, nonce.as_bytes(), NOW_MS), NonceState::Unknown);
        for text in [&b""[..], b"x", &nonce.as_bytes()[..47], b"\xff\xfe", &[b'='; 48]] {
            assert_eq!(verify(&[key(7, 1)], REALM, text, NOW_MS), NonceState::Unknown);
        }
    }

    #[test]
    fn a_nonce_is_good_from_anywhere_and_tells_whether_it_was_sent_there() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let keys = [key(8, 2), key(7, 1)];
        let sent = |source: &str| issue(&keys[1], REALM, NOW_MS, entropy_for(&keys[1], ip(source), [1, 2, 3, 4]));
        let was = |nonce: &str, source: &str| was_sent_to(&keys, REALM, nonce.as_bytes(), NOW_MS, ip(source));
        let nonce = sent("192.0.2.1");
        assert!(matches!(verify(&keys, REALM, nonce.as_bytes(), NOW_MS), NonceState::Fresh(_)));
        assert!(was(&nonce, "192.0.2.1") && was(&nonce, "::ffff:192.0.2.1"));
        assert!(!was(&nonce, "192.0.2.2") && !was(&nonce, "2001:db8::1"));
        let nonce = sent("2001:db8:0:1::9");
        assert!(was(&nonce, "2001:db8:0:1::77") && !was(&nonce, "2001:db8:0:2::9"));
        // What was opened before tells the same, of the same time and keys.
        let opened = open(&keys, REALM, sent("192.0.2.1").as_bytes(), NOW_MS).expect("our own");
        assert!(opened.was_sent_to(&keys, NOW_MS, ip("192.0.2.1")) && !opened.was_sent_to(&keys, NOW_MS, ip("192.0.2.2")));
        assert!(
            !opened.was_sent_to(&keys, NOW_MS + VALID_MS + 1, ip("192.0.2.1")) && !opened.was_sent_to(&keys[..1], NOW_MS, ip("192.0.2.1"))
        );
        // Of an edge of before, forged, and too old.
        assert!(!was(&issue(&keys[1], REALM, NOW_MS, [9; 8]), "192.0.2.1"));
        let forged = issue(&key(7, 3), REALM, NOW_MS, entropy_for(&keys[1], ip("192.0.2.1"), [0; 4]));
        assert!(!was(&forged, "192.0.2.1"));
        assert!(!was_sent_to(&keys, REALM, sent("192.0.2.1").as_bytes(), NOW_MS + VALID_MS + 1, ip("192.0.2.1")));
    }

    #[test]
    fn a_key_past_its_end_neither_issues_nor_verifies() {
        let old = NonceKey::new(7, &[1; 32], NOW_S - 100, NOW_S - 1, true);
        let nonce = issue(&old, REALM, NOW_MS - 2000, [9; 8]);
        assert_eq!(verify(std::slice::from_ref(&old), REALM, nonce.as_bytes(), NOW_MS), NonceState::Unknown);
        assert!(current_key(&[old], NOW_MS).is_none());
        assert!(current_key(&[key(7, 1)], NOW_MS).is_some());
    }
}
