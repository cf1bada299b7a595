//! What peers carry for us without reading or changing it: sealed with a ring of keys and bound to its dialog.
//!
//! `base64url(version, key id, nonce, AES-256-GCM(payload))`, at most as many characters as its purpose has. What it is for, the side, Call-ID, the
//! caller's tag and, on the customer's copy, the callee's tag are authenticated but not carried: in another dialog, on the other side or in
//! another place it does not open.

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM, NONCE_LEN};
use trunkline_message::Message;

use crate::base64;
use crate::entropy::Entropy;
use crate::token::Side;

/// Record-Route makes an INVITE longer in both directions; the whole must stay below 1300 bytes over UDP.
pub const MAX_TOKEN_LENGTH: usize = 160;
/// Beside the token, only where hidden routes do not fit into it: less than what they would take as they are.
const MAX_ROUTES_LENGTH: usize = 400;
const VERSION: u8 = 1;
/// AES-256-GCM's.
const TAG_LEN: usize = 16;
/// Keys overlap while they rotate; more than this at once is a mistake of who gives them.
const MAX_KEYS: usize = 16;

/// One key of the ring. Sealing uses the current one, opening any whose time has come and not gone.
#[derive(Clone)]
pub struct TokenKey {
    pub key_id: u32,
    pub key: [u8; 32],
    /// Unix seconds.
    pub not_before_s: u64,
    pub not_after_s: u64,
    pub is_current: bool,
}

/// What a sealed text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    RecordRoute,
    /// The URI of a Contact that is hidden.
    Contact,
    /// Hidden routes that the token of the same Record-Route has no room for.
    Routes,
}

impl Purpose {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::RecordRoute => b"trunkline record-route",
            Self::Contact => b"trunkline contact",
            Self::Routes => b"trunkline routes",
        }
    }

    /// In characters.
    fn max_length(self) -> usize {
        match self {
            Self::RecordRoute | Self::Contact => MAX_TOKEN_LENGTH,
            Self::Routes => MAX_ROUTES_LENGTH,
        }
    }
}

/// What ties a sealed text to its dialog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    /// Who is given it, and brings it back.
    pub side: Side,
    pub call_id: &'a [u8],
    pub caller_tag: &'a [u8],
    /// Empty on the carrier's copy, which is made before there is one.
    pub callee_tag: &'a [u8],
}

impl<'a> Binding<'a> {
    /// Of the dialog of `message`: a request of the side `requester`, or a response to one. For what `holder` has of it.
    pub fn of(message: &Message<'a>, requester: Side, holder: Side) -> Self {
        let (from, to) = (message.from_tag().unwrap_or_default(), message.to_tag().unwrap_or_default());
        let (caller_tag, callee) = match requester {
            Side::Customer => (from, to),
            Side::Carrier => (to, from),
        };
        let callee_tag = match holder {
            Side::Customer => callee,
            Side::Carrier => b"",
        };
        Self { side: holder, call_id: message.call_id(), caller_tag, callee_tag }
    }
}

struct RingKey {
    id: u32,
    key: LessSafeKey,
    not_before_s: u64,
    not_after_s: u64,
    is_current: bool,
}

/// Seals and opens.
#[derive(Default)]
pub(crate) struct TokenRing {
    keys: Vec<RingKey>,
}

impl TokenRing {
    /// Keys beyond `MAX_KEYS` are left out.
    pub fn new(keys: &[TokenKey]) -> Self {
        let ring = keys.iter().take(MAX_KEYS).filter_map(|key| {
            // A key of 32 bytes is always one of AES-256.
            let unbound = UnboundKey::new(&AES_256_GCM, &key.key).ok()?;
            Some(RingKey {
                id: key.key_id,
                key: LessSafeKey::new(unbound),
                not_before_s: key.not_before_s,
                not_after_s: key.not_after_s,
                is_current: key.is_current,
            })
        });
        Self { keys: ring.collect() }
    }

    pub fn can_seal(&self, now_s: u64) -> bool {
        self.current(now_s).is_some()
    }

    fn current(&self, now_s: u64) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.is_current && key.not_before_s <= now_s && now_s < key.not_after_s)
    }

    /// `write` is given the room that there is and makes the payload, in a buffer with room for the tag. `None` without a current key, and
    /// where the payload is larger.
    pub fn seal_bytes(
        &self,
        entropy: &mut Entropy,
        now_s: u64,
        purpose: Purpose,
        binding: Binding<'_>,
        write: impl FnOnce(usize) -> Vec<u8>,
    ) -> Option<String> {
        let key = self.current(now_s)?;
        let max_raw = purpose.max_length() / 4 * 3;
        let mut raw = Vec::with_capacity(max_raw);
        raw.push(VERSION);
        write_varint(key.id, &mut raw);
        let nonce = entropy.next::<NONCE_LEN>();
        raw.extend_from_slice(&nonce);
        let room = max_raw - raw.len() - TAG_LEN;
        let mut sealed = write(room);
        if sealed.len() > room {
            return None;
        }
        let aad = Aad::from(associated_data(purpose, binding));
        key.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        raw.append(&mut sealed);
        Some(base64::encode(&raw))
    }

    /// The payload; `None` for what is not ours: another shape, an unknown key, a changed byte, or bound to something else.
    pub fn open_bytes(&self, now_s: u64, purpose: Purpose, text: &[u8], binding: Binding<'_>) -> Option<Vec<u8>> {
        if text.len() > purpose.max_length() {
            return None;
        }
        let raw = base64::decode(text)?;
        let (version, rest) = raw.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (id, rest) = read_varint(rest)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let key = self.keys.iter().find(|key| key.id == id && key.not_before_s <= now_s && now_s < key.not_after_s)?;
        let aad = Aad::from(associated_data(purpose, binding));
        let length = key.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }
}

fn associated_data(purpose: Purpose, binding: Binding<'_>) -> Vec<u8> {
    let side: &[u8] = match binding.side {
        Side::Customer => b"customer",
        Side::Carrier => b"carrier",
    };
    let parts = [side, binding.call_id, binding.caller_tag, binding.callee_tag];
    let purpose = purpose.as_bytes();
    let mut data = Vec::with_capacity(purpose.len() + parts.iter().map(|part| part.len() + 4).sum::<usize>());
    data.extend_from_slice(purpose);
    for part in parts {
        data.extend_from_slice(&(part.len() as u32).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}

fn write_varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 & 127 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0u32;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 127) << (7 * index);
        if byte & 128 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
