//! Comma-separated values over lines (RFC 3261 §7.3.1).

use crate::message::Header;
use crate::name::HeaderName;

/// One value and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    /// Index into [`crate::Message::headers`].
    pub header: usize,
    /// Which value of that field, from 0.
    pub ordinal: usize,
    /// Without surrounding white space. Never empty: empty list elements (`a,,b`) are left out.
    pub bytes: &'a [u8],
}

/// Iterator of [`crate::Message::values`].
#[derive(Clone, Debug)]
pub struct Values<'a> {
    bytes: &'a [u8],
    headers: &'a [Header],
    name: HeaderName,
}

impl<'a> Values<'a> {
    pub(crate) fn new(bytes: &'a [u8], headers: &'a [Header], name: HeaderName) -> Self {
        Values { bytes, headers, name }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let _ = (self.bytes, self.headers, self.name);
        todo!()
    }
}
