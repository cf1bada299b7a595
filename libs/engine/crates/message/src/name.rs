//! Names of header fields that something here or above acts on.

/// A known name in any case or compact form; `Other` is every other, found by [`crate::Message::named`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum HeaderName {
    Via,
    From,
    To,
    CallId,
    CSeq,
    MaxForwards,
    MaxBreadth,
    ContentLength,
    ContentType,
    Contact,
    Route,
    RecordRoute,
    Authorization,
    ProxyAuthorization,
    WwwAuthenticate,
    ProxyAuthenticate,
    AuthenticationInfo,
    ProxyAuthenticationInfo,
    ProxyRequire,
    Require,
    Supported,
    Unsupported,
    Allow,
    PAssertedIdentity,
    PPreferredIdentity,
    RemotePartyId,
    Privacy,
    Identity,
    Diversion,
    HistoryInfo,
    Reason,
    RSeq,
    RAck,
    RetryAfter,
    Expires,
    SessionExpires,
    MinSe,
    ReferTo,
    ReferredBy,
    Replaces,
    Event,
    UserAgent,
    Server,
    Organization,
    Subject,
    CallInfo,
    InReplyTo,
    ReplyTo,
    Warning,
    Timestamp,
    Other,
}

/// Long name and compact form (RFC 3261 §7.3.3 and the registry of IANA), in the order of the enum.
const NAMES: [(HeaderName, &str, u8); HeaderName::COUNT - 1] = [
    (HeaderName::Via, "Via", b'v'),
    (HeaderName::From, "From", b'f'),
    (HeaderName::To, "To", b't'),
    (HeaderName::CallId, "Call-ID", b'i'),
    (HeaderName::CSeq, "CSeq", 0),
    (HeaderName::MaxForwards, "Max-Forwards", 0),
    (HeaderName::MaxBreadth, "Max-Breadth", 0),
    (HeaderName::ContentLength, "Content-Length", b'l'),
    (HeaderName::ContentType, "Content-Type", b'c'),
    (HeaderName::Contact, "Contact", b'm'),
    (HeaderName::Route, "Route", 0),
    (HeaderName::RecordRoute, "Record-Route", 0),
    (HeaderName::Authorization, "Authorization", 0),
    (HeaderName::ProxyAuthorization, "Proxy-Authorization", 0),
    (HeaderName::WwwAuthenticate, "WWW-Authenticate", 0),
    (HeaderName::ProxyAuthenticate, "Proxy-Authenticate", 0),
    (HeaderName::AuthenticationInfo, "Authentication-Info", 0),
    (HeaderName::ProxyAuthenticationInfo, "Proxy-Authentication-Info", 0),
    (HeaderName::ProxyRequire, "Proxy-Require", 0),
    (HeaderName::Require, "Require", 0),
    (HeaderName::Supported, "Supported", b'k'),
    (HeaderName::Unsupported, "Unsupported", 0),
    (HeaderName::Allow, "Allow", 0),
    (HeaderName::PAssertedIdentity, "P-Asserted-Identity", 0),
    (HeaderName::PPreferredIdentity, "P-Preferred-Identity", 0),
    (HeaderName::RemotePartyId, "Remote-Party-ID", 0),
    (HeaderName::Privacy, "Privacy", 0),
    (HeaderName::Identity, "Identity", b'y'),
    (HeaderName::Diversion, "Diversion", 0),
    (HeaderName::HistoryInfo, "History-Info", 0),
    (HeaderName::Reason, "Reason", 0),
    (HeaderName::RSeq, "RSeq", 0),
    (HeaderName::RAck, "RAck", 0),
    (HeaderName::RetryAfter, "Retry-After", 0),
    (HeaderName::Expires, "Expires", 0),
    (HeaderName::SessionExpires, "Session-Expires", b'x'),
    (HeaderName::MinSe, "Min-SE", 0),
    (HeaderName::ReferTo, "Refer-To", b'r'),
    (HeaderName::ReferredBy, "Referred-By", b'b'),
    (HeaderName::Replaces, "Replaces", 0),
    (HeaderName::Event, "Event", b'o'),
    (HeaderName::UserAgent, "User-Agent", 0),
    (HeaderName::Server, "Server", 0),
    (HeaderName::Organization, "Organization", 0),
    (HeaderName::Subject, "Subject", b's'),
    (HeaderName::CallInfo, "Call-Info", 0),
    (HeaderName::InReplyTo, "In-Reply-To", 0),
    (HeaderName::ReplyTo, "Reply-To", 0),
    (HeaderName::Warning, "Warning", 0),
    (HeaderName::Timestamp, "Timestamp", 0),
];

/// Proxy-Authentication-Info.
const LONGEST: usize = 25;
/// The compiler refuses a table in which more names share a length.
const MOST_OF_ONE_LENGTH: usize = 8;

/// Rows of `NAMES` by the length of the long name, so that a look-up compares only with the few of its own length. 0 ends a list.
const BY_LENGTH: [[u8; MOST_OF_ONE_LENGTH]; LONGEST + 1] = {
    let mut lists = [[0; MOST_OF_ONE_LENGTH]; LONGEST + 1];
    let mut row = 0;
    while row < NAMES.len() {
        let length = NAMES[row].1.len();
        let mut at = 0;
        while lists[length][at] != 0 {
            at += 1;
        }
        row += 1;
        lists[length][at] = row as u8;
    }
    lists
};

/// Rows of `NAMES` + 1 by compact form in lower case.
const BY_COMPACT_FORM: [u8; 128] = {
    let mut rows = [0; 128];
    let mut row = 0;
    while row < NAMES.len() {
        rows[NAMES[row].2 as usize] = row as u8 + 1;
        row += 1;
    }
    rows[0] = 0;
    rows
};

impl HeaderName {
    pub const COUNT: usize = HeaderName::Other as usize + 1;

    /// Long form as RFCs spell it; empty for `Other`.
    pub fn as_str(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |(_, text, _)| text)
    }

    /// Without case, compact forms included.
    pub fn from_bytes(name: &[u8]) -> Self {
        if let [letter] = name {
            let row = BY_COMPACT_FORM.get(usize::from(letter.to_ascii_lowercase())).copied().unwrap_or(0);
            return usize::from(row).checked_sub(1).map_or(HeaderName::Other, |row| NAMES[row].0);
        }
        let rows: &[u8] = BY_LENGTH.get(name.len()).map_or(&[], |list| list);
        // The first letter tells most of them apart.
        let first = name.first().map_or(0, |byte| byte | 0x20);
        let same_letters = |row: &&u8| {
            let known = NAMES[usize::from(**row) - 1].1.as_bytes();
            // Most spell them as RFCs do.
            known[0] | 0x20 == first && (name == known || name.eq_ignore_ascii_case(known))
        };
        let found = rows.iter().take_while(|row| **row != 0).find(same_letters);
        found.map_or(HeaderName::Other, |row| NAMES[usize::from(*row) - 1].0)
    }
}
