//! URIs: sip, sips and tel (RFC 3261 §19.1, RFC 3966).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use memchr::memchr;

use crate::error::ParseError;
use crate::params::Params;
use crate::parse::parse_digits;
use crate::text::{has_any, is_host_byte, is_uri_delimiter, unescape};

/// A DNS name has at most 253 characters; an IPv6 reference fewer.
const HOST_BYTES: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    Other,
}

/// A URI in parts that borrow from the message. Of `Other` schemes only `raw` and `scheme` are filled.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    pub raw: &'a [u8],
    pub scheme: Scheme,
    /// Escaped as sent, without password, with user parameters (`+31;phone-context=x`). Of tel: the number.
    pub user: Option<&'a [u8]>,
    pub password: Option<&'a [u8]>,
    /// Name, IPv4 address or IPv6 reference with its brackets; empty for tel.
    pub host: &'a [u8],
    pub port: Option<u16>,
    /// From the first semicolon, or empty.
    pub param_bytes: &'a [u8],
    /// After the question mark, or empty.
    pub header_bytes: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Offsets of errors are relative to `raw`. White space, quotes and angle brackets anywhere are an error.
    pub fn parse(raw: &'a [u8]) -> Result<Self, ParseError> {
        if has_any(raw, is_uri_delimiter) {
            let at = raw.iter().position(|byte| is_uri_delimiter(*byte)).unwrap_or_default();
            return Err(ParseError::new("§19.1.1", at, "white space, quote or angle bracket in a URI"));
        }
        let colon = memchr(b':', raw).unwrap_or(0);
        let scheme_bytes = &raw[..colon];
        let is_scheme = scheme_bytes.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme_bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !is_scheme {
            return Err(ParseError::new("§19.1.1", 0, "URI without a scheme"));
        }
        let rest = &raw[colon + 1..];
        let empty =
            Uri { raw, scheme: Scheme::Other, user: None, password: None, host: b"", port: None, param_bytes: b"", header_bytes: b"" };
        let uri = if scheme_bytes.eq_ignore_ascii_case(b"sip") {
            parse_sip(rest, Uri { scheme: Scheme::Sip, ..empty })
        } else if scheme_bytes.eq_ignore_ascii_case(b"sips") {
            parse_sip(rest, Uri { scheme: Scheme::Sips, ..empty })
        } else if scheme_bytes.eq_ignore_ascii_case(b"tel") {
            let (number, param_bytes) = split_before(rest, |byte| byte == b';');
            Ok(Uri { scheme: Scheme::Tel, user: Some(number), param_bytes, ..empty })
        } else {
            Ok(empty)
        };
        uri.map_err(|error| error.at(colon + 1))
    }

    pub fn params(&self) -> Params<'a> {
        Params::new(self.param_bytes)
    }

    /// User part with escapes resolved (RFC 3261 §19.1.2); empty where there is none. May hold any byte, NUL included.
    pub fn user_unescaped(&self) -> Cow<'a, [u8]> {
        unescape(self.user.unwrap_or_default())
    }

    /// `lr` (loose router), with or without a value.
    pub fn has_lr(&self) -> bool {
        self.params().get("lr").is_some()
    }

    /// `transport` as sent.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.params().get("transport").and_then(|param| param.value)
    }

    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params().get("maddr").and_then(|param| param.value)
    }

    /// The host as an address, brackets resolved; `None` for a name.
    pub fn host_ip(&self) -> Option<IpAddr> {
        parse_ip(self.host)
    }
}

/// Hosts are compared without case; a trailing dot of a name does not matter; IPv6 references by their address.
pub fn eq_host(one: &[u8], other: &[u8]) -> bool {
    if let (Some(one), Some(other)) = (parse_ip(one), parse_ip(other)) {
        return one == other;
    }
    let without_dot = |host: &[u8]| host.strip_suffix(b".").unwrap_or(host).to_vec();
    one.eq_ignore_ascii_case(other) || without_dot(one).eq_ignore_ascii_case(&without_dot(other))
}

/// An IPv4 address, an IPv6 reference, or an IPv6 address without brackets (as in `received`, and as RFC 5118 §4.5 tells to tolerate).
pub(crate) fn parse_ip(host: &[u8]) -> Option<IpAddr> {
    let inner = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let text = std::str::from_utf8(inner.unwrap_or(host)).ok()?;
    match inner {
        None => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4).or_else(|| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)),
        Some(_) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
    }
}

/// What follows `sip:`. An `@` can stand nowhere but behind the user part (§25.1), so it is looked for first: user parts may hold `;`, `?`
/// and `:` (RFC 4475 §3.1.1.9).
fn parse_sip<'a>(rest: &'a [u8], uri: Uri<'a>) -> Result<Uri<'a>, ParseError> {
    let bad = |part: &[u8], what| Err(ParseError::new("§19.1.1", part.as_ptr() as usize - rest.as_ptr() as usize, what));
    let mut uri = uri;
    let mut after_user = rest;
    if let Some(at) = memchr(b'@', rest) {
        let (user, password) = split_before(&rest[..at], |byte| byte == b':');
        after_user = &rest[at + 1..];
        if user.is_empty() {
            return bad(rest, "URI with an empty user part");
        }
        if memchr(b'@', after_user).is_some() {
            return bad(after_user, "URI with two @");
        }
        uri.user = Some(user);
        uri.password = password.get(1..);
    }
    let (host, after_host) = split_host(after_user);
    if !is_host(host) {
        return bad(after_user, "host of a URI is no name and no address");
    }
    uri.host = host;
    let mut after_port = after_host;
    if let Some(port_start) = after_host.strip_prefix(b":") {
        let (digits, rest) = split_before(port_start, |byte| matches!(byte, b';' | b'?'));
        uri.port = parse_port(digits);
        if uri.port.is_none() {
            return bad(port_start, "port of a URI is not 1 to 65535");
        }
        after_port = rest;
    }
    let (param_bytes, headers) = split_before(after_port, |byte| byte == b'?');
    if !matches!(param_bytes.first(), None | Some(b';')) || Params::check(param_bytes).is_err() {
        return bad(param_bytes, "parameters of a URI cannot be read");
    }
    uri.param_bytes = param_bytes;
    uri.header_bytes = headers.get(1..).unwrap_or_default();
    Ok(uri)
}

pub(crate) fn parse_port(digits: &[u8]) -> Option<u16> {
    parse_digits(digits, 65_535).and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0)
}

/// Host of `host:port;…`, brackets included, and what follows it.
pub(crate) fn split_host(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.first() {
        Some(b'[') => bytes.split_at(memchr(b']', bytes).map_or(bytes.len(), |end| end + 1)),
        _ => split_before(bytes, |byte| matches!(byte, b':' | b';' | b'?' | b' ' | b'\t' | b'\r')),
    }
}

/// Letters, digits, `-`, `.`, and `_` (which is no host name but in use), or an address.
pub(crate) fn is_host(host: &[u8]) -> bool {
    match host.first() {
        None => false,
        Some(b'[') => parse_ip(host).is_some(),
        Some(_) => host.len() <= HOST_BYTES && !has_any(host, |byte| !is_host_byte(byte)),
    }
}

fn split_before(bytes: &[u8], is_end: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|byte| is_end(*byte)).unwrap_or(bytes.len()))
}
