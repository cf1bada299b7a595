//! Comma-separated values over lines (RFC 3261 §7.3.1).

use memchr::memchr;

use crate::message::Header;
use crate::name::HeaderName;
use crate::text::{find_quote_end, trim};

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

/// Iterator of [`crate::Message::values`]. Not for fields that are no comma lists: the credentials and challenges of digest, dates.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    bytes: &'a [u8],
    headers: &'a [Header],
    name: HeaderName,
    /// The next field to look at.
    next_header: usize,
    /// What is left of the field before it.
    rest: &'a [u8],
    ordinal: usize,
}

impl<'a> Values<'a> {
    pub(crate) fn new(bytes: &'a [u8], headers: &'a [Header], name: HeaderName) -> Self {
        Values::starting_at(0, bytes, headers, name)
    }

    /// `first` is the index of the first field of that name, or one before it.
    pub(crate) fn starting_at(first: usize, bytes: &'a [u8], headers: &'a [Header], name: HeaderName) -> Self {
        Values { bytes, headers, name, next_header: first, rest: b"", ordinal: 0 }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        loop {
            while !self.rest.is_empty() {
                let end = find_comma(self.rest);
                let bytes = trim(&self.rest[..end]);
                self.rest = self.rest.get(end + 1..).unwrap_or_default();
                if !bytes.is_empty() {
                    let value = Value { header: self.next_header - 1, ordinal: self.ordinal, bytes };
                    self.ordinal += 1;
                    return Some(value);
                }
            }
            let offset = self.headers.get(self.next_header..)?.iter().position(|header| header.name == self.name)?;
            let index = self.next_header + offset;
            self.rest = self.headers[index].value.of(self.bytes);
            self.next_header = index + 1;
            self.ordinal = 0;
        }
    }
}

/// The first comma outside quoted strings and angle brackets, or the end.
fn find_comma(bytes: &[u8]) -> usize {
    if memchr(b',', bytes).is_none() {
        return bytes.len();
    }
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b',' => return at,
            // A quote or bracket without its end swallows the rest: what follows cannot be told apart any more.
            b'"' => find_quote_end(&bytes[at..]).unwrap_or(bytes.len()),
            b'<' => memchr(b'>', &bytes[at..]).unwrap_or(bytes.len()),
            _ => 1,
        };
    }
    bytes.len()
}
