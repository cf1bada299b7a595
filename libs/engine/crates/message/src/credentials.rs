//! Values of (Proxy-)Authorization and (Proxy-/WWW-)Authenticate (RFC 7616 §3.3, §3.4).

use std::borrow::Cow;

use memchr::memchr;
use subtle::ConstantTimeEq;

use crate::digest::{compute_raw_response, Algorithm, Ha1, Qop, ResponseInput};
use crate::error::ParseError;
use crate::limits;
use crate::text::{find_quote_end, hex_digit, is_lws, is_token, skip_lws, trim, unquote, write_quoted};

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

/// `algorithm`, `username*`.
const LONGEST_NAME: usize = 9;

/// The parameters as they come; quotes already off.
#[derive(Default)]
struct Fields<'a> {
    username: Option<&'a [u8]>,
    realm: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    uri: Option<&'a [u8]>,
    response: Option<&'a [u8]>,
    algorithm: Option<&'a [u8]>,
    cnonce: Option<&'a [u8]>,
    opaque: Option<&'a [u8]>,
    qop: Option<&'a [u8]>,
    nc: Option<&'a [u8]>,
    username_star: Option<&'a [u8]>,
    userhash: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        let mut lower = [0; LONGEST_NAME];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        match &*lower {
            b"username" => Some(&mut self.username),
            b"realm" => Some(&mut self.realm),
            b"nonce" => Some(&mut self.nonce),
            b"uri" => Some(&mut self.uri),
            b"response" => Some(&mut self.response),
            b"algorithm" => Some(&mut self.algorithm),
            b"cnonce" => Some(&mut self.cnonce),
            b"opaque" => Some(&mut self.opaque),
            b"qop" => Some(&mut self.qop),
            b"nc" => Some(&mut self.nc),
            b"username*" => Some(&mut self.username_star),
            b"userhash" => Some(&mut self.userhash),
            _ => None,
        }
    }
}

impl<'a> Credentials<'a> {
    /// `value` is that of the field, folds kept. Tokens are taken where strings are due and the other way round, as clients send both.
    pub fn parse(value: &'a [u8]) -> Result<Self, CredentialsError> {
        let value = trim(value);
        let scheme_end = value.iter().position(|byte| is_lws(*byte)).unwrap_or(value.len());
        if !value[..scheme_end].eq_ignore_ascii_case(b"Digest") {
            return Err(CredentialsError::NotDigest);
        }
        let fields = parse_fields(&value[scheme_end..]).map_err(|error| CredentialsError::Malformed(error.at(scheme_end)))?;
        if fields.username_star.is_some() || fields.userhash.is_some_and(|text| text.eq_ignore_ascii_case(b"true")) {
            return Err(CredentialsError::Unsupported("username* or userhash"));
        }
        let algorithm = match fields.algorithm {
            None => Algorithm::Md5,
            Some(token) => Algorithm::from_bytes(token).ok_or(CredentialsError::UnknownAlgorithm)?,
        };
        let need =
            |field: Option<&'a [u8]>, what| field.ok_or(CredentialsError::Malformed(ParseError::new("RFC 7616 §3.4", value.len(), what)));
        let qop = match fields.qop {
            None => None,
            Some(token) if token.eq_ignore_ascii_case(b"auth") => {
                let nc = need(fields.nc, "credentials with qop but without nc")?;
                Some(Qop { nc, cnonce: need(fields.cnonce, "credentials with qop but without cnonce")? })
            }
            Some(_) => return Err(CredentialsError::Unsupported("qop other than auth")),
        };
        let nonce_count = match qop {
            None => 0,
            Some(Qop { nc, .. }) => need_hex_u32(nc)?,
        };
        Ok(Credentials {
            username: unescape_quoted(need(fields.username, "credentials without username")?),
            realm: unescape_quoted(need(fields.realm, "credentials without realm")?),
            nonce: need(fields.nonce, "credentials without nonce")?,
            uri: need(fields.uri, "credentials without uri")?,
            response: need(fields.response, "credentials without response")?,
            opaque: fields.opaque,
            algorithm,
            qop,
            nonce_count,
        })
    }

    /// Compares in constant time; false also where the algorithms differ.
    pub fn is_right(&self, ha1: &Ha1, method: &[u8]) -> bool {
        let input = ResponseInput { nonce: self.nonce, method, uri: self.uri, qop: self.qop };
        let expected = compute_raw_response(ha1, &input);
        let length = self.algorithm.digest_bytes();
        let mut sent = [0; 32];
        let is_hex = self.response.len() == 2 * length && self.response.iter().all(u8::is_ascii_hexdigit);
        for (byte, pair) in sent.iter_mut().zip(self.response.chunks_exact(2)) {
            *byte = hex_digit(pair[0]) << 4 | hex_digit(pair[1]);
        }
        let is_equal = bool::from(expected[..length].ct_eq(&sent[..length]));
        is_equal && is_hex && self.algorithm == ha1.algorithm()
    }
}

fn need_hex_u32(digits: &[u8]) -> Result<u32, CredentialsError> {
    if digits.len() != 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(CredentialsError::Malformed(ParseError::new("RFC 7616 §3.4", 0, "nc is not eight hexadecimal digits")));
    }
    Ok(digits.iter().fold(0, |number, digit| number << 4 | u32::from(hex_digit(*digit))))
}

/// `bytes` stood between quotes.
fn unescape_quoted(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'\\') {
        return Cow::Borrowed(bytes);
    }
    let quoted = [b"\"", bytes, b"\""].concat();
    Cow::Owned(unquote(&quoted).into_owned())
}

/// `name=value` separated by commas; unknown names are ignored, one that comes twice is an error.
fn parse_fields(bytes: &[u8]) -> Result<Fields<'_>, ParseError> {
    let mut fields = Fields::default();
    let mut rest = skip_lws(bytes);
    for _ in 0..limits::CREDENTIAL_PARAMS {
        while let Some(after) = rest.strip_prefix(b",") {
            rest = skip_lws(after);
        }
        if rest.is_empty() {
            return Ok(fields);
        }
        let offset = bytes.len() - rest.len();
        let bad = |what| ParseError::new("RFC 7616 §3.4", offset, what);
        let equals = memchr(b'=', rest).ok_or(bad("parameter of credentials without a value"))?;
        let name = trim(&rest[..equals]);
        if !is_token(name) {
            return Err(bad("name of a parameter of credentials is no token"));
        }
        let value_start = skip_lws(&rest[equals + 1..]);
        let (value, after) = match value_start.first() {
            Some(b'"') => {
                let end = find_quote_end(value_start).ok_or(bad("quoted string without its end"))?;
                (&value_start[1..end - 1], &value_start[end..])
            }
            _ => {
                let end = value_start.iter().position(|byte| *byte == b',' || is_lws(*byte)).unwrap_or(value_start.len());
                value_start.split_at(end)
            }
        };
        if let Some(slot) = fields.slot(name) {
            if slot.replace(value).is_some() {
                return Err(bad("parameter of credentials that comes twice"));
            }
        }
        rest = skip_lws(after);
        if !matches!(rest.first(), None | Some(b',')) {
            return Err(bad("parameters of credentials without a comma between them"));
        }
    }
    Err(ParseError::new("RFC 7616 §3.4", bytes.len(), "more than 32 parameters in credentials"))
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
    pub fn write_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Digest realm=");
        write_quoted(self.realm.as_bytes(), out);
        out.extend_from_slice(b", nonce=");
        write_quoted(self.nonce.as_bytes(), out);
        out.extend_from_slice(b", algorithm=");
        out.extend_from_slice(self.algorithm.as_str().as_bytes());
        if self.has_qop {
            out.extend_from_slice(b", qop=\"auth\"");
        }
        if self.is_stale {
            out.extend_from_slice(b", stale=true");
        }
    }
}
