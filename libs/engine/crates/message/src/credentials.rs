//! Values of (Proxy-)Authorization and (Proxy-/WWW-)Authenticate.

use std::borrow::Cow;

use crate::digest::{Algorithm, Ha1, Qop};
use crate::error::ParseError;

/// Credentials of one (Proxy-)Authorization field (RFC 7616 §3.4). The field is no comma list: one field, one set.
#[derive(Clone, Debug)]
pub struct Credentials<'a> {
    /// Without escapes.
    pub username: Cow<'a, [u8]>,
    pub realm: Cow<'a, [u8]>,
    /// The texts below are as they stand between the quotes.
    pub nonce: &'a [u8],
    pub uri: &'a [u8],
    pub opaque: Option<&'a [u8]>,
    /// Missing on the wire means MD5.
    pub algorithm: Algorithm,
    /// `None`: sent without qop.
    pub qop: Option<Qop<'a>>,
    /// Of `qop.nc`; 0 without qop.
    pub nonce_count: u32,
    response: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// Another scheme: `Basic`, `Bearer`.
    NotDigest,
    /// An algorithm that we do not have, `-sess` variants included: treat as credentials never sent.
    UnknownAlgorithm,
    /// `username*` or `userhash=true` (RFC 7616 §3.4.4), `qop=auth-int`: never offered, so treat as an unknown user.
    Unsupported(&'static str),
    Malformed(ParseError),
}

impl<'a> Credentials<'a> {
    /// `value` is that of the field, folds kept.
    pub fn parse(_value: &'a [u8]) -> Result<Self, CredentialsError> {
        todo!()
    }

    /// Compares in constant time; false also where the algorithms differ.
    pub fn is_right(&self, _ha1: &Ha1, _method: &[u8]) -> bool {
        let _ = self.response;
        todo!()
    }
}

/// A challenge (RFC 7616 §3.3). One field each: several algorithms are several fields, most preferred first (RFC 8760 §2.4).
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    pub realm: &'a str,
    pub nonce: &'a str,
    pub algorithm: Algorithm,
    pub is_stale: bool,
    /// Offers `qop="auth"`.
    pub has_qop: bool,
}

impl Challenge<'_> {
    /// Appends the value: `Digest realm="…", nonce="…", algorithm=MD5, qop="auth"`.
    pub fn write_value(&self, _out: &mut Vec<u8>) {
        todo!()
    }
}
