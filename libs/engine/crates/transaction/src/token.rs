//! The sealed token of our Record-Route: what an edge must know to serve a dialog it has never seen.
//!
//! `base64url(version, key id, nonce, AES-256-GCM(payload))`, at most [`MAX_TOKEN_LENGTH`] characters. The side, Call-ID, the caller's tag
//! and, on the customer's copy, the callee's tag are authenticated but not carried: in another dialog, or on the other side, it does not open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM, NONCE_LEN};

use crate::action::Flow;
use crate::base64;
use crate::entropy::Entropy;
use crate::plan::CallId;
use crate::transport::Transport;

/// Record-Route makes an INVITE longer in both directions; the whole must stay below 1300 bytes over UDP.
pub const MAX_TOKEN_LENGTH: usize = 160;
const MAX_RAW: usize = MAX_TOKEN_LENGTH / 4 * 3;
const VERSION: u8 = 1;
const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;
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

/// Whose copy of Record-Route it is: the customer's leads to the carrier, the carrier's to the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Customer,
    Carrier,
}

/// How From is shown to the carrier, as far as a token can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FromForm {
    Kept,
    Anonymous,
    /// `<sip:USER@REALM>` of the asserted user.
    Asserted,
}

/// What a token says. A text that does not fit is left out: the tenant first, then the domain, then the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub side: Side,
    pub call: CallId,
    /// Unix seconds.
    pub start_s: u32,
    /// Milliseconds after `start_s`, whole seconds as they are; `None`: not answered, or not known on this side.
    pub answered_after_ms: Option<u32>,
    /// Its listener is that of the edge that sealed it; another edge looks for one of its own by `transport`.
    pub next_hop: Flow,
    pub transport: Transport,
    /// Where requests of this side come from: the gateway on the carrier's copy, the customer as last seen on the customer's.
    pub source: IpAddr,
    pub has_asserted: bool,
    pub has_asserted_tel: bool,
    pub has_asserted_on_ack: bool,
    pub has_privacy_id: bool,
    pub from_form: FromForm,
    /// User part of the asserted identity.
    pub user: String,
    /// The domain that was dialled, as listed: the access rule asks for it.
    pub domain: String,
    pub tenant: String,
}

/// What ties a token to its dialog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    pub side: Side,
    pub call_id: &'a [u8],
    pub caller_tag: &'a [u8],
    /// Empty on the carrier's copy, which is made before there is one.
    pub callee_tag: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Not ours: another shape, an unknown key, a changed byte, or bound to another dialog or side. These cannot be told apart.
    NotOurs,
    /// Ours, of a call that began too long ago.
    Expired,
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

    /// `None` without a current key.
    pub fn seal(&self, entropy: &mut Entropy, now_s: u64, token: &Token, binding: Binding<'_>) -> Option<String> {
        let key = self.current(now_s)?;
        let mut raw = Vec::with_capacity(MAX_RAW);
        raw.push(VERSION);
        write_varint(key.id, &mut raw);
        let nonce = entropy.next::<NONCE_LEN>();
        raw.extend_from_slice(&nonce);
        let mut sealed = token.write(MAX_RAW - raw.len() - AES_256_GCM.tag_len());
        let aad = Aad::from(associated_data(binding));
        key.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        raw.append(&mut sealed);
        Some(base64::encode(&raw))
    }

    /// `lifetime_s` counts from the call's start.
    pub fn open(&self, now_s: u64, lifetime_s: u32, text: &[u8], binding: Binding<'_>) -> Result<Token, TokenError> {
        if text.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::NotOurs);
        }
        let token = self.open_any_age(now_s, text, binding).ok_or(TokenError::NotOurs)?;
        if u64::from(token.start_s) + u64::from(lifetime_s) < now_s {
            return Err(TokenError::Expired);
        }
        Ok(token)
    }

    fn open_any_age(&self, now_s: u64, text: &[u8], binding: Binding<'_>) -> Option<Token> {
        let raw = base64::decode(text)?;
        let mut reader = Reader(&raw);
        if reader.byte()? != VERSION {
            return None;
        }
        let id = reader.varint()?;
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(reader.take(NONCE_LEN)?);
        let mut sealed = reader.0.to_vec();
        let key = self.keys.iter().find(|key| key.id == id && key.not_before_s <= now_s && now_s < key.not_after_s)?;
        let aad = Aad::from(associated_data(binding));
        let payload = key.key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Token::read(payload, binding.side)
    }
}

const PURPOSE: &[u8] = b"trunkline record-route";

fn associated_data(binding: Binding<'_>) -> Vec<u8> {
    let side: &[u8] = match binding.side {
        Side::Customer => b"customer",
        Side::Carrier => b"carrier",
    };
    let parts = [side, binding.call_id, binding.caller_tag, binding.callee_tag];
    let mut data = Vec::with_capacity(PURPOSE.len() + parts.iter().map(|part| part.len() + 4).sum::<usize>());
    data.extend_from_slice(PURPOSE);
    for part in parts {
        data.extend_from_slice(&(part.len() as u32).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}

const HAS_ASSERTED: u8 = 1;
const HAS_ASSERTED_TEL: u8 = 2;
const HAS_ASSERTED_ON_ACK: u8 = 4;
const HAS_PRIVACY_ID: u8 = 8;
const FROM_ANONYMOUS: u8 = 16;
const FROM_ASSERTED: u8 = 32;
const IS_ANSWERED: u8 = 64;

/// Transport and listener share a byte.
const TRANSPORT_SHIFT: u8 = 6;
const LISTENER_MASK: u8 = (1 << TRANSPORT_SHIFT) - 1;
/// As many as a token can name.
pub(crate) const MAX_LISTENERS: usize = 1 << TRANSPORT_SHIFT;

impl Token {
    /// Nanoseconds since 1970 UTC, to the millisecond; 0 where the token does not know.
    pub fn answered_ns(&self) -> u64 {
        self.answered_after_ms.map_or(0, |after_ms| u64::from(self.start_s) * NS_PER_S + u64::from(after_ms) * NS_PER_MS)
    }

    /// `answered_after_ms` of an answer at `at_ns`.
    pub fn after_ms(&self, at_ns: u64) -> u32 {
        u32::try_from(at_ns.saturating_sub(u64::from(self.start_s) * NS_PER_S) / NS_PER_MS).unwrap_or(u32::MAX)
    }

    fn write(&self, room: usize) -> Vec<u8> {
        let from = match self.from_form {
            FromForm::Kept => 0,
            FromForm::Anonymous => FROM_ANONYMOUS,
            FromForm::Asserted => FROM_ASSERTED,
        };
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        // Room for the tag that sealing adds.
        let mut out = Vec::with_capacity(MAX_RAW);
        out.push(
            from | bit(self.has_asserted, HAS_ASSERTED)
                | bit(self.has_asserted_tel, HAS_ASSERTED_TEL)
                | bit(self.has_asserted_on_ack, HAS_ASSERTED_ON_ACK)
                | bit(self.has_privacy_id, HAS_PRIVACY_ID)
                | bit(self.answered_after_ms.is_some(), IS_ANSWERED),
        );
        out.extend_from_slice(&self.call.0.to_be_bytes());
        out.extend_from_slice(&self.start_s.to_be_bytes());
        if let Some(after_ms) = self.answered_after_ms {
            out.extend_from_slice(&after_ms.to_be_bytes());
        }
        // More than 64 listeners are refused by Proxy::new. Of UDP the byte is the index alone, as before there were other transports.
        out.push(self.transport.code() << TRANSPORT_SHIFT | self.next_hop.listener as u8 & LISTENER_MASK);
        write_ip(self.next_hop.peer.ip(), &mut out);
        out.extend_from_slice(&self.next_hop.peer.port().to_be_bytes());
        write_ip(self.source, &mut out);
        // The three lengths always fit: the fixed part is at most 62 bytes of about 90.
        let texts = [&self.user, &self.domain, &self.tenant];
        for (index, text) in texts.iter().enumerate() {
            let lengths = texts.len() - index;
            let is_fitting = text.len() <= usize::from(u8::MAX) && out.len() + text.len() + lengths <= room;
            let text = if is_fitting { text.as_bytes() } else { b"" };
            out.push(text.len() as u8);
            out.extend_from_slice(text);
        }
        out
    }

    fn read(payload: &[u8], side: Side) -> Option<Self> {
        let mut reader = Reader(payload);
        let flags = reader.byte()?;
        let call = CallId(u128::from_be_bytes(reader.take(16)?.try_into().ok()?));
        let start_s = reader.u32()?;
        let answered_after_ms = if flags & IS_ANSWERED != 0 { Some(reader.u32()?) } else { None };
        let place = reader.byte()?;
        let transport = Transport::from_code(place >> TRANSPORT_SHIFT)?;
        let listener = u16::from(place & LISTENER_MASK);
        let ip = reader.ip()?;
        let port = u16::from_be_bytes(reader.take(2)?.try_into().ok()?);
        let source = reader.ip()?;
        let from_form = match flags & (FROM_ANONYMOUS | FROM_ASSERTED) {
            0 => FromForm::Kept,
            FROM_ANONYMOUS => FromForm::Anonymous,
            _ => FromForm::Asserted,
        };
        Some(Self {
            side,
            call,
            start_s,
            answered_after_ms,
            next_hop: Flow { listener, peer: SocketAddr::new(ip, port) },
            transport,
            source,
            has_asserted: flags & HAS_ASSERTED != 0,
            has_asserted_tel: flags & HAS_ASSERTED_TEL != 0,
            has_asserted_on_ack: flags & HAS_ASSERTED_ON_ACK != 0,
            has_privacy_id: flags & HAS_PRIVACY_ID != 0,
            from_form,
            user: reader.text()?,
            domain: reader.text()?,
            tenant: reader.text()?,
        })
    }
}

fn write_varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 & 127 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn varint(&mut self) -> Option<u32> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u32::from(byte & 127) << shift;
            if byte & 128 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn ip(&mut self) -> Option<IpAddr> {
        match self.byte()? {
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.take(4)?).ok()?).into()),
            6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?).into()),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_795_000_000;

    fn key(key_id: u32, is_current: bool) -> TokenKey {
        TokenKey { key_id, key: [key_id as u8; 32], not_before_s: NOW_S - 10, not_after_s: NOW_S + 200_000, is_current }
    }

    fn token(side: Side, peer: &str) -> Token {
        Token {
            side,
            call: CallId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            start_s: NOW_S as u32,
            answered_after_ms: Some(8_125),
            next_hop: Flow { listener: 1, peer: peer.parse().unwrap() },
            transport: Transport::Udp,
            source: "2001:db8::9".parse().unwrap(),
            has_asserted: true,
            has_asserted_tel: true,
            has_asserted_on_ack: false,
            has_privacy_id: true,
            from_form: FromForm::Anonymous,
            user: "+31201234567".to_owned(),
            domain: "acme".to_owned(),
            tenant: "acme".to_owned(),
        }
    }

    const BINDING: Binding<'static> = Binding { side: Side::Customer, call_id: b"a@b", caller_tag: b"1", callee_tag: b"2" };

    #[test]
    fn what_was_sealed_is_opened_and_is_short_even_with_ipv6_on_both_sides() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, false), key(4_000_000_000, true)]), Entropy::new(&[1; 32], 0));
        for peer in ["127.0.9.1:5060", "[2001:db8:1:2:3:4:5:6]:65535"] {
            let sent = token(Side::Customer, peer);
            let text = ring.seal(&mut entropy, NOW_S, &sent, BINDING).unwrap();
            assert!(text.len() <= MAX_TOKEN_LENGTH, "{}", text.len());
            assert_eq!(ring.open(NOW_S + 5, 86_400, text.as_bytes(), BINDING), Ok(sent));
        }
    }

    #[test]
    fn the_transport_of_the_next_hop_takes_no_room_and_udp_is_what_it_always_was() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        for transport in Transport::ALL {
            let sent = Token { transport, ..token(Side::Customer, "127.0.9.1:5060") };
            let text = ring.seal(&mut entropy, NOW_S, &sent, BINDING).unwrap();
            assert_eq!(ring.open(NOW_S, 86_400, text.as_bytes(), BINDING), Ok(sent));
        }
        let written = token(Side::Customer, "127.0.9.1:5060").write(MAX_RAW);
        // Flags, call, start, answered: then the place.
        assert_eq!(written[1 + 16 + 4 + 4], 1);
    }

    #[test]
    fn texts_that_do_not_fit_are_left_out_tenant_first() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        let mut sent = token(Side::Customer, "127.0.9.1:5060");
        sent.tenant = "t".repeat(63);
        let text = ring.seal(&mut entropy, NOW_S, &sent, BINDING).unwrap();
        assert!(text.len() <= MAX_TOKEN_LENGTH);
        sent.tenant.clear();
        assert_eq!(ring.open(NOW_S, 86_400, text.as_bytes(), BINDING), Ok(sent.clone()));
        sent.domain = "d".repeat(63);
        sent.tenant = "acme".to_owned();
        let text = ring.seal(&mut entropy, NOW_S, &sent, BINDING).unwrap();
        sent.domain.clear();
        assert_eq!(ring.open(NOW_S, 86_400, text.as_bytes(), BINDING), Ok(sent));
    }

    #[test]
    fn a_token_opens_in_its_own_dialog_on_its_own_side_and_in_its_time_only() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        let text = ring.seal(&mut entropy, NOW_S, &token(Side::Customer, "127.0.9.1:5060"), BINDING).unwrap();
        let others = [
            Binding { side: Side::Carrier, ..BINDING },
            Binding { call_id: b"a@c", ..BINDING },
            Binding { caller_tag: b"2", ..BINDING },
            Binding { callee_tag: b"1", ..BINDING },
            Binding { caller_tag: b"", callee_tag: b"12", ..BINDING },
        ];
        for other in others {
            assert_eq!(ring.open(NOW_S, 86_400, text.as_bytes(), other), Err(TokenError::NotOurs), "{other:?}");
        }
        assert_eq!(ring.open(NOW_S + 86_401, 86_400, text.as_bytes(), BINDING), Err(TokenError::Expired));
        assert_eq!(ring.open(NOW_S + 200_001, 86_400, text.as_bytes(), BINDING), Err(TokenError::NotOurs));
        assert_eq!(TokenRing::new(&[key(2, true)]).open(NOW_S, 86_400, text.as_bytes(), BINDING), Err(TokenError::NotOurs));
    }

    #[test]
    fn a_token_with_any_changed_character_does_not_open() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        let text = ring.seal(&mut entropy, NOW_S, &token(Side::Customer, "127.0.9.1:5060"), BINDING).unwrap();
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(ring.open(NOW_S, 86_400, &changed, BINDING), Err(TokenError::NotOurs), "{index}");
        }
        assert_eq!(ring.open(NOW_S, 86_400, &text.as_bytes()[1..], BINDING), Err(TokenError::NotOurs));
        assert_eq!(ring.open(NOW_S, 86_400, b"", BINDING), Err(TokenError::NotOurs));
    }

    #[test]
    fn a_ring_without_a_current_key_cannot_seal() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, false)]), Entropy::new(&[1; 32], 0));
        assert!(!ring.can_seal(NOW_S));
        assert_eq!(ring.seal(&mut entropy, NOW_S, &token(Side::Customer, "127.0.9.1:5060"), BINDING), None);
    }
}
