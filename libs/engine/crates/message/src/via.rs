//! Via (RFC 3261 §20.42, RFC 3581).

use std::net::IpAddr;

use crate::error::ParseError;
use crate::params::Params;

/// What a branch of RFC 3261 starts with; older branches are refused (T101).
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
    pub fn parse(_value: &'a [u8]) -> Result<Self, ParseError> {
        todo!()
    }

    pub(crate) const fn empty() -> Self {
        Via { raw: b"", transport: b"", sent_by_host: b"", sent_by_port: None, param_bytes: b"" }
    }

    pub fn params(&self) -> Params<'a> {
        Params::new(self.param_bytes)
    }

    /// Empty where there is none (never in the top Via of a parsed message).
    pub fn branch(&self) -> &'a [u8] {
        self.params().get("branch").and_then(|param| param.value).unwrap_or_default()
    }

    pub fn has_cookie(&self) -> bool {
        self.branch().get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
    }

    /// `None` where it is missing or no address.
    pub fn received(&self) -> Option<IpAddr> {
        todo!()
    }

    /// Outer `None`: not asked for; inner `None`: asked for, not filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        todo!()
    }

    /// The sent-by host as an address; `None` for a name.
    pub fn sent_by_ip(&self) -> Option<IpAddr> {
        todo!()
    }
}
