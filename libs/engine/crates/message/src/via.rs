//! Via (RFC 3261 §20.42, RFC 3581).

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use crate::error::ParseError;
use crate::numbers;
use crate::params::Params;
use crate::text::{is_lws, is_token_byte, skip_lws, trim};
use crate::uri::{is_host, parse_ip, parse_port, split_host};

/// What a branch of RFC 3261 starts with (§8.1.1.7); requests with older branches are refused as T101.
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// One Via value.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// The whole value.
    pub raw: &'a [u8],
    /// `UDP`, `TCP`, `TLS`… as sent.
    pub transport: &'a [u8],
    /// Host (IPv6 with brackets) and port.
    pub sent_by_host: &'a [u8],
    pub sent_by_port: Option<u16>,
    /// From the first semicolon.
    pub param_bytes: &'a [u8],
}

impl<'a> Via<'a> {
    /// White space around `/`, `:` and `;` is allowed. Does not ask for a branch.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let via = Via::split(value)?;
        let base = via.param_bytes.as_ptr() as usize - value.as_ptr() as usize;
        Params::check(via.param_bytes).map_err(|error| error.at(base))?;
        Ok(via)
    }

    /// The same without a look into the parameters.
    pub(crate) fn split(value: &'a [u8]) -> Result<Self, ParseError> {
        let raw = trim(value);
        let bad = |part: &[u8], what| ParseError::new("§20.42", part.as_ptr() as usize - value.as_ptr() as usize, what);
        let (protocol, rest) = split_token(raw);
        let (version, rest) = split_token(after_slash(rest).ok_or(bad(rest, "Via without SIP/2.0/transport"))?);
        let (transport, rest) = split_token(after_slash(rest).ok_or(bad(rest, "Via without SIP/2.0/transport"))?);
        // Another version is answered with 505, for which its Via must be read (RFC 4475 §3.1.2.16).
        if !protocol.eq_ignore_ascii_case(b"SIP") || version.is_empty() || transport.is_empty() {
            return Err(bad(raw, "Via is not SIP/2.0/transport"));
        }
        if !rest.first().is_some_and(|byte| is_lws(*byte)) {
            return Err(bad(rest, "Via without sent-by"));
        }
        let sent_by = skip_lws(rest);
        let (host, rest) = split_host(sent_by);
        if !is_host(host) {
            return Err(bad(sent_by, "sent-by of Via is no name and no address"));
        }
        let mut rest = skip_lws(rest);
        let mut port = None;
        if let Some(after_colon) = rest.strip_prefix(b":") {
            let digits_start = skip_lws(after_colon);
            let digits_len = digits_start.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits_start.len());
            port = Some(parse_port(&digits_start[..digits_len]).ok_or(bad(digits_start, "port of Via is not 1 to 65535"))?);
            rest = skip_lws(&digits_start[digits_len..]);
        }
        if !matches!(rest.first(), None | Some(b';')) {
            return Err(bad(rest, "something else than parameters after sent-by"));
        }
        Ok(Via { raw, transport, sent_by_host: host, sent_by_port: port, param_bytes: rest })
    }

    pub fn params(&self) -> Params<'a> {
        Params::new(self.param_bytes)
    }

    /// Empty where there is none (never in the top Via of a parsed message).
    pub fn branch(&self) -> &'a [u8] {
        self.params().get("branch").and_then(|param| param.value).unwrap_or_default()
    }

    /// The branch is one of RFC 3261: unique, so that it alone names the transaction.
    pub fn has_cookie(&self) -> bool {
        has_cookie(self.branch())
    }

    /// `None` where it is missing or no address.
    pub fn received(&self) -> Option<IpAddr> {
        self.params().get("received").and_then(|param| param.value).and_then(parse_ip)
    }

    /// Outer `None`: not asked for; inner `None`: asked for, not filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params().get("rport").map(|param| param.value.and_then(parse_port))
    }

    /// The sent-by host as an address; `None` for a name.
    pub fn sent_by_ip(&self) -> Option<IpAddr> {
        parse_ip(self.sent_by_host)
    }

    /// Appends the value as the server that received it from `source` keeps it: `received` where the address differs from sent-by or
    /// rport is asked for, rport filled in (RFC 3261 §18.2.1, RFC 3581 §4). What the sender claimed in either is dropped.
    pub fn write_received(&self, source: SocketAddr, out: &mut Vec<u8>) {
        let asks_for_rport = self.rport().is_some();
        let needs_received = asks_for_rport || self.sent_by_ip().is_none_or(|ip| ip.to_canonical() != source.ip().to_canonical());
        if !needs_received && self.params().get("received").is_none() {
            out.extend_from_slice(self.raw);
            return;
        }
        let head_len = self.raw.len() - self.param_bytes.len();
        out.extend_from_slice(trim(&self.raw[..head_len]));
        let mut has_written_rport = false;
        for param in self.params() {
            if param.name.eq_ignore_ascii_case(b"received") {
                continue;
            }
            if !param.name.eq_ignore_ascii_case(b"rport") {
                out.extend_from_slice(param.whole);
            } else if !std::mem::replace(&mut has_written_rport, true) {
                out.extend_from_slice(b";rport=");
                numbers::write_decimal(u64::from(source.port()), out);
            }
        }
        if needs_received {
            out.extend_from_slice(b";received=");
            numbers::write_ip(source.ip().to_canonical(), out);
        }
    }
}

pub(crate) fn has_cookie(branch: &[u8]) -> bool {
    // Nothing but the cookie is not unique (RFC 4475 §3.2.1).
    branch.len() > MAGIC_COOKIE.len() && branch[..MAGIC_COOKIE.len()].eq_ignore_ascii_case(MAGIC_COOKIE)
}

/// Writing into a vector cannot fail.
pub(crate) fn write_text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let result = out.write_fmt(text);
    debug_assert!(result.is_ok());
}

fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(bytes.len()))
}

fn after_slash(bytes: &[u8]) -> Option<&[u8]> {
    skip_lws(bytes).strip_prefix(b"/").map(skip_lws)
}
