//! URIs: sip, sips and tel (RFC 3261 §19.1, RFC 3966).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::error::ParseError;
use crate::params::Params;

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
    /// Offsets of errors are relative to `raw`. White space anywhere is an error.
    pub fn parse(_raw: &'a [u8]) -> Result<Self, ParseError> {
        todo!()
    }

    pub fn params(&self) -> Params<'a> {
        Params::new(self.param_bytes)
    }

    /// User part with escapes resolved (RFC 3261 §19.1.2); empty where there is none.
    pub fn user_unescaped(&self) -> Cow<'a, [u8]> {
        todo!()
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
        todo!()
    }
}

/// Hosts are compared without case; a trailing dot of a name does not matter; IPv6 references by their address.
pub fn eq_host(_one: &[u8], _other: &[u8]) -> bool {
    todo!()
}
