//! The sealed token of our Record-Route: what an edge must know to serve a dialog it has never seen.
//!
//! What it says grows at its end: an edge that does not know a part leaves it unread.

use std::net::{IpAddr, SocketAddr};

use crate::action::Flow;
use crate::details::{Details, ROUTES_FOLLOW};
use crate::entropy::Entropy;
use crate::plan::CallId;
use crate::route::Sealed;
use crate::sealing::{Binding, Purpose, TokenRing, MAX_TOKEN_LENGTH};
use crate::token_parts::{write_ip, written_routes, Reader};
use crate::transport::Transport;

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;

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

/// The privacy that was asked for, as far as a token can tell (RFC 3323 §4.2, RFC 3325 §9.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrivacyForm {
    pub has_none: bool,
    pub has_header: bool,
    pub has_user: bool,
    pub has_session: bool,
}

/// Of a hidden call: the routes that the other side wrote, for requests to it. `None`: they did not fit, the call's row has them.
pub(crate) type HiddenRoutes = Option<Vec<Vec<u8>>>;

/// What a token says. A text that does not fit is left out: the display name first, then the hidden routes, the other details, the tenant,
/// the domain, the user.
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
    pub privacy: PrivacyForm,
    /// The tel URI is `+` and `user`, which has none.
    pub has_tel_of_digits: bool,
    /// REFER of the customer is passed to the carrier.
    pub takes_refer: bool,
    pub from_form: FromForm,
    /// User part of the asserted identity.
    pub user: String,
    /// The domain that was dialled, as listed: the access rule asks for it.
    pub domain: String,
    pub tenant: String,
    /// Via, Record-Route and Contact of one side are not seen by the other.
    pub is_hidden: bool,
    pub routes: HiddenRoutes,
    /// The customer sees whom the carrier asserts.
    pub shows_callee: bool,
    pub details: Details,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Not ours: another shape, an unknown key, a changed byte, or bound to another dialog or side. These cannot be told apart.
    NotOurs,
    /// Ours, of a call that began too long ago.
    Expired,
}

impl TokenRing {
    /// `None` without a current key.
    pub fn seal(&self, entropy: &mut Entropy, now_s: u64, token: &Token, binding: Binding<'_>) -> Option<String> {
        self.seal_bytes(entropy, now_s, Purpose::RecordRoute, binding, |room| token.write(room))
    }

    /// The same, and beside it the hidden routes where they do not fit into it. Where they do not fit there either, the call's row alone has
    /// them.
    pub fn seal_with_routes(&self, entropy: &mut Entropy, now_s: u64, token: &Token, binding: Binding<'_>) -> Option<Sealed> {
        let text = self.seal(entropy, now_s, token, binding)?;
        let routes = token.routes.as_deref().filter(|routes| token.is_hidden && !routes.is_empty());
        let is_left_out = || self.open(now_s, u32::MAX, text.as_bytes(), binding).is_ok_and(|sealed| sealed.routes.is_none());
        let written = routes.filter(|_| is_left_out()).and_then(written_routes);
        let beside = written.and_then(|routes| self.seal_bytes(entropy, now_s, Purpose::Routes, binding, |_| routes));
        Some(Sealed { token: text, routes: beside.unwrap_or_default() })
    }

    pub fn open_routes(&self, now_s: u64, text: &str, binding: Binding<'_>) -> HiddenRoutes {
        Reader(&self.open_bytes(now_s, Purpose::Routes, text.as_bytes(), binding)?).routes()
    }

    /// `lifetime_s` counts from the call's start.
    pub fn open(&self, now_s: u64, lifetime_s: u32, text: &[u8], binding: Binding<'_>) -> Result<Token, TokenError> {
        let payload = self.open_bytes(now_s, Purpose::RecordRoute, text, binding).ok_or(TokenError::NotOurs)?;
        let token = Token::read(&payload, binding.side).ok_or(TokenError::NotOurs)?;
        if u64::from(token.start_s) + u64::from(lifetime_s) < now_s {
            return Err(TokenError::Expired);
        }
        Ok(token)
    }
}

const HAS_ASSERTED: u8 = 1;
const HAS_ASSERTED_TEL: u8 = 2;
const HAS_ASSERTED_ON_ACK: u8 = 4;
const HAS_PRIVACY_ID: u8 = 8;
const FROM_ANONYMOUS: u8 = 16;
const FROM_ASSERTED: u8 = 32;
const IS_ANSWERED: u8 = 64;
const TAKES_REFER: u8 = 128;

/// The second byte of flags, behind the texts; left out where none is set.
const IS_HIDDEN: u8 = 1;
const SHOWS_CALLEE: u8 = 2;
const HAS_ROUTES: u8 = 4;
const HAS_TEL_OF_DIGITS: u8 = 8;
const PRIVACY_NONE: u8 = 16;
const PRIVACY_HEADER: u8 = 32;
const PRIVACY_USER: u8 = 64;
const PRIVACY_SESSION: u8 = 128;

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
        let mut out = Vec::with_capacity(MAX_TOKEN_LENGTH);
        let more = self.more_flags();
        let room_for_texts = room - usize::from(more != 0);
        out.push(
            from | bit(self.has_asserted, HAS_ASSERTED)
                | bit(self.has_asserted_tel, HAS_ASSERTED_TEL)
                | bit(self.has_asserted_on_ack, HAS_ASSERTED_ON_ACK)
                | bit(self.has_privacy_id, HAS_PRIVACY_ID)
                | bit(self.takes_refer, TAKES_REFER)
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
            let is_fitting = text.len() <= usize::from(u8::MAX) && out.len() + text.len() + lengths <= room_for_texts;
            let text = if is_fitting { text.as_bytes() } else { b"" };
            out.push(text.len() as u8);
            out.extend_from_slice(text);
        }
        self.write_rest(more, room, &mut out);
        out
    }

    /// What stands behind the texts, `more` first.
    fn write_rest(&self, more: u8, room: usize, out: &mut Vec<u8>) {
        let left = room.saturating_sub(out.len() + 1);
        let size_of = |details: &Details| if details.is_nothing() { 0 } else { details.size(&self.user) };
        let shortest = self.details.without_texts();
        let details = [&self.details, &shortest].into_iter().find(|details| (1..=left).contains(&size_of(details)));
        let size = details.map_or(0, size_of);
        let left_for_routes = left - size;
        let routes = self.routes.as_deref().filter(|_| self.is_hidden).and_then(written_routes);
        let routes = routes.filter(|routes| routes.len() <= left_for_routes);
        match details {
            None if more == 0 => return,
            None => out.push(if routes.is_some() { more | HAS_ROUTES } else { more }),
            Some(details) => {
                out.push(more);
                let has_name = size + details.name_size() + routes.as_ref().map_or(0, Vec::len) <= left;
                details.write(&self.user, has_name, routes.is_some(), out);
            }
        }
        out.extend_from_slice(&routes.unwrap_or_default());
    }

    fn more_flags(&self) -> u8 {
        let flags = [
            (self.is_hidden, IS_HIDDEN),
            (self.shows_callee, SHOWS_CALLEE),
            (self.has_tel_of_digits, HAS_TEL_OF_DIGITS),
            (self.privacy.has_none, PRIVACY_NONE),
            (self.privacy.has_header, PRIVACY_HEADER),
            (self.privacy.has_user, PRIVACY_USER),
            (self.privacy.has_session, PRIVACY_SESSION),
        ];
        flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, flag)| flags | flag)
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
        let (user, domain, tenant) = (reader.text()?, reader.text()?, reader.text()?);
        let more = reader.byte().unwrap_or(0);
        let further = if more & HAS_ROUTES == 0 { reader.byte() } else { None };
        let details = match further {
            Some(flags) => Details::read(flags, &user, &mut reader)?,
            None => Details::default(),
        };
        let has_routes = more & HAS_ROUTES != 0 || further.is_some_and(|flags| flags & ROUTES_FOLLOW != 0);
        let routes = if has_routes { Some(reader.routes()?) } else { None };
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
            privacy: PrivacyForm {
                has_none: more & PRIVACY_NONE != 0,
                has_header: more & PRIVACY_HEADER != 0,
                has_user: more & PRIVACY_USER != 0,
                has_session: more & PRIVACY_SESSION != 0,
            },
            has_tel_of_digits: more & HAS_TEL_OF_DIGITS != 0,
            takes_refer: flags & TAKES_REFER != 0,
            from_form,
            user,
            domain,
            tenant,
            is_hidden: more & IS_HIDDEN != 0,
            routes,
            shows_callee: more & SHOWS_CALLEE != 0,
            details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::details::Name;
    use crate::sealing::TokenKey;

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
            privacy: PrivacyForm::default(),
            has_tel_of_digits: false,
            takes_refer: true,
            from_form: FromForm::Anonymous,
            user: "+31201234567".to_owned(),
            domain: "acme".to_owned(),
            tenant: "acme".to_owned(),
            is_hidden: false,
            routes: None,
            shows_callee: false,
            details: Details::default(),
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
        let written = token(Side::Customer, "127.0.9.1:5060").write(MAX_TOKEN_LENGTH);
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
    fn what_was_asked_for_and_what_is_hidden_comes_back_and_costs_nothing_where_there_is_nothing() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        let plain = Token { source: "127.0.9.1".parse().unwrap(), ..token(Side::Carrier, "127.0.9.1:5060") };
        let bare = plain.write(MAX_TOKEN_LENGTH).len();
        let routes = [vec![], vec![b"<sip:10.1.1.7;lr>".to_vec()], vec![b"<sip:a;lr>".to_vec(), b"\"x\" <sip:b>;y".to_vec()]];
        for (index, routes) in routes.into_iter().enumerate() {
            let set = |at: usize| index == at;
            let sent = Token {
                privacy: PrivacyForm { has_none: set(0), has_header: set(1), has_user: set(2), has_session: set(0) },
                has_tel_of_digits: set(1),
                is_hidden: true,
                shows_callee: set(2),
                routes: Some(routes),
                ..plain.clone()
            };
            let binding = Binding { side: Side::Carrier, callee_tag: b"", ..BINDING };
            let text = ring.seal(&mut entropy, NOW_S, &sent, binding).unwrap();
            assert_eq!(ring.open(NOW_S, 86_400, text.as_bytes(), binding), Ok(sent));
        }
        assert_eq!(Token { is_hidden: true, ..plain.clone() }.write(MAX_TOKEN_LENGTH).len(), bare + 1);
    }

    #[test]
    fn routes_that_do_not_fit_are_left_out_before_any_name() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        let mut sent = Token { is_hidden: true, routes: Some(vec![vec![b'r'; 60]]), ..token(Side::Customer, "127.0.9.1:5060") };
        let text = ring.seal(&mut entropy, NOW_S, &sent, BINDING).unwrap();
        assert!(text.len() <= MAX_TOKEN_LENGTH);
        sent.routes = None;
        assert_eq!(ring.open(NOW_S, 86_400, text.as_bytes(), BINDING), Ok(sent.clone()));
        sent.routes = Some(vec![vec![b'r'; 600]]);
        let text = ring.seal(&mut entropy, NOW_S, &sent, BINDING).unwrap();
        sent.routes = None;
        assert_eq!(ring.open(NOW_S, 86_400, text.as_bytes(), BINDING), Ok(sent));
    }

    #[test]
    fn a_display_name_is_left_out_before_routes_and_these_before_the_other_details() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        let details =
            Details { name: Name::Text("n".repeat(12).into()), words: Some("history".into()), is_critical: true, ..Details::default() };
        let mut sent = Token {
            is_hidden: true,
            source: "127.0.9.1".parse().unwrap(),
            user: "0031201234567".to_owned(),
            ..token(Side::Customer, "127.0.9.1:5060")
        };
        let nameless = Details { name: Name::None, ..details.clone() };
        let mut kept = Vec::new();
        for length in [1, 14, 30] {
            sent.routes = Some(vec![format!("<sip:{};lr>", "r".repeat(length)).into_bytes()]);
            sent.details = details.clone();
            let text = ring.seal(&mut entropy, NOW_S, &sent, BINDING).unwrap();
            assert!(text.len() <= MAX_TOKEN_LENGTH);
            let found = ring.open(NOW_S, 86_400, text.as_bytes(), BINDING).unwrap();
            assert!(found.details == details || found.details == nameless, "{found:?}");
            kept.push((found.details == details, found.routes.is_some()));
            assert!(found.routes.is_none() || found.routes == sent.routes);
        }
        assert_eq!(kept, [(true, true), (false, true), (true, false)]);
    }

    #[test]
    fn what_is_sealed_for_one_place_opens_in_no_other() {
        let (ring, mut entropy) = (TokenRing::new(&[key(1, true)]), Entropy::new(&[1; 32], 0));
        let contact = ring.seal_bytes(&mut entropy, NOW_S, Purpose::Contact, BINDING, |_| b"sip:a@b".to_vec()).unwrap();
        assert_eq!(ring.open_bytes(NOW_S, Purpose::Contact, contact.as_bytes(), BINDING).as_deref(), Some(&b"sip:a@b"[..]));
        assert_eq!(ring.open(NOW_S, 86_400, contact.as_bytes(), BINDING), Err(TokenError::NotOurs));
        let text = ring.seal(&mut entropy, NOW_S, &token(Side::Customer, "127.0.9.1:5060"), BINDING).unwrap();
        assert_eq!(ring.open_bytes(NOW_S, Purpose::Contact, text.as_bytes(), BINDING), None);
        assert_eq!(ring.seal_bytes(&mut entropy, NOW_S, Purpose::Contact, BINDING, |room| vec![0; room + 1]), None);
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
