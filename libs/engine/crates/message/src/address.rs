//! `name-addr` and `addr-spec` with parameters: From, To, Contact, Route, Record-Route, P-Asserted-Identity (RFC 3261 §20.10, §25.1).

use std::borrow::Cow;

use crate::error::ParseError;
use crate::params::Params;
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
    /// One value, no commas outside quotes and brackets. Without brackets everything after `;` or `?` belongs to the header (§20).
    pub fn parse(_value: &'a [u8]) -> Result<Self, ParseError> {
        todo!()
    }

    pub(crate) const fn empty() -> Self {
        NameAddr { display_name_bytes: b"", uri_bytes: b"", address_bytes: b"", param_bytes: b"" }
    }

    pub fn uri(&self) -> Result<Uri<'a>, ParseError> {
        Uri::parse(self.uri_bytes)
    }

    /// Without quotes and escapes, folds as one blank.
    pub fn display_name(&self) -> Cow<'a, [u8]> {
        todo!()
    }

    pub fn params(&self) -> Params<'a> {
        Params::new(self.param_bytes)
    }

    /// `None` also for an empty tag.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params().get("tag").and_then(|param| param.value).filter(|tag| !tag.is_empty())
    }
}
