//! `name-addr` and `addr-spec` with parameters: From, To, Contact, Route, Record-Route, P-Asserted-Identity (RFC 3261 §20.10, §25.1).

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use crate::error::ParseError;
use crate::params::Params;
use crate::text::{find_quote_end, has_any, is_address_delimiter, skip_lws, trim, unfold, unquote};
use crate::uri::Uri;

#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// As sent: a quoted string with its quotes, or tokens; empty where there is none.
    pub display_name_bytes: &'a [u8],
    /// Between the angle brackets, or the addr-spec.
    pub uri_bytes: &'a [u8],
    /// Display name and URI with brackets, without the parameters: what is replaced when the tag is kept.
    pub address_bytes: &'a [u8],
    /// From the first semicolon after the address, or empty.
    pub param_bytes: &'a [u8],
}

impl<'a> NameAddr<'a> {
    /// One value, no commas outside quotes and brackets. Without brackets everything after `;` belongs to the header, and `?` is an
    /// error (§20). The URI is not looked into: see [`NameAddr::uri`].
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let address = NameAddr::split(value)?;
        let base = address.param_bytes.as_ptr() as usize - value.as_ptr() as usize;
        Params::check(address.param_bytes).map_err(|error| error.at(base))?;
        Ok(address)
    }

    /// The same without a look into the parameters.
    pub(crate) fn split(value: &'a [u8]) -> Result<Self, ParseError> {
        let bad = |part: &[u8], what| Err(ParseError::new("§20.10", part.as_ptr() as usize - value.as_ptr() as usize, what));
        let bytes = trim(value);
        let (display_name, from_bracket) = match bytes.first() {
            Some(b'"') => match find_quote_end(bytes) {
                None => return bad(bytes, "quoted string without its end"),
                Some(end) => (&bytes[..end], skip_lws(&bytes[end..])),
            },
            Some(b'<') => (&bytes[..0], bytes),
            _ => match memchr3(b'<', b';', b'"', bytes) {
                Some(at) if bytes[at] == b'<' => (trim(&bytes[..at]), &bytes[at..]),
                Some(at) if bytes[at] == b'"' => return bad(&bytes[at..], "quote inside a display name"),
                at => return split_addr_spec(bytes, at.unwrap_or(bytes.len())).map_err(|error| error.at(offset(value, bytes))),
            },
        };
        let is_quoted = display_name.first() == Some(&b'"');
        if !is_quoted && display_name.iter().any(|byte| matches!(byte, b',' | b':' | b'\\' | b'>')) {
            return bad(display_name, "display name must be quoted");
        }
        let Some(after_bracket) = from_bracket.strip_prefix(b"<") else {
            return bad(from_bracket, "display name without an address");
        };
        let Some(uri_len) = memchr(b'>', after_bracket) else {
            return bad(from_bracket, "angle bracket without its end");
        };
        let uri_bytes = &after_bracket[..uri_len];
        let rest = &after_bracket[uri_len + 1..];
        check_uri_bytes(uri_bytes).map_err(|error| error.at(offset(value, uri_bytes)))?;
        let param_bytes = skip_lws(rest);
        if !matches!(param_bytes.first(), None | Some(b';')) {
            return bad(param_bytes, "something else than parameters after the address");
        }
        Ok(NameAddr { display_name_bytes: display_name, uri_bytes, address_bytes: &bytes[..bytes.len() - rest.len()], param_bytes })
    }

    pub fn uri(&self) -> Result<Uri<'a>, ParseError> {
        Uri::parse(self.uri_bytes)
    }

    /// Without quotes and escapes, folds as one blank.
    pub fn display_name(&self) -> Cow<'a, [u8]> {
        match self.display_name_bytes.first() {
            Some(b'"') => match unfold(self.display_name_bytes) {
                Cow::Borrowed(quoted) => unquote(quoted),
                Cow::Owned(quoted) => Cow::Owned(unquote(&quoted).into_owned()),
            },
            _ => unfold(self.display_name_bytes),
        }
    }

    pub fn params(&self) -> Params<'a> {
        Params::new(self.param_bytes)
    }

    /// `None` also for an empty tag.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params().get("tag").and_then(|param| param.value).filter(|tag| !tag.is_empty())
    }
}

fn offset(outer: &[u8], inner: &[u8]) -> usize {
    inner.as_ptr() as usize - outer.as_ptr() as usize
}

fn split_addr_spec(bytes: &[u8], params_start: usize) -> Result<NameAddr<'_>, ParseError> {
    let uri_bytes = trim(&bytes[..params_start]);
    check_uri_bytes(uri_bytes)?;
    if let Some(at) = uri_bytes.iter().position(|byte| matches!(byte, b'?' | b',' | b'>')) {
        return Err(ParseError::new("§20.10", at, "address must stand in angle brackets"));
    }
    Ok(NameAddr { display_name_bytes: b"", uri_bytes, address_bytes: uri_bytes, param_bytes: &bytes[params_start..] })
}

fn check_uri_bytes(uri: &[u8]) -> Result<(), ParseError> {
    if uri.is_empty() {
        return Err(ParseError::new("§20.10", 0, "address without a URI"));
    }
    if !has_any(uri, is_address_delimiter) {
        return Ok(());
    }
    let at = uri.iter().position(|byte| is_address_delimiter(*byte)).unwrap_or_default();
    Err(ParseError::new("§20.10", at, "white space, quote or bracket in the URI of an address"))
}
