//! What was wrong with a message from outside.

use std::fmt;

/// The peer sent something that cannot be used. `status` is what a request of this kind is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// 400, 416, 505 or 513.
    pub status: u16,
    /// Section of RFC 3261 (or `RFC nnnn §x`) that it breaks.
    pub section: &'static str,
    /// Byte offset in the datagram for [`crate::Message::parse`]; in the value given for the parsers of single values.
    pub offset: u32,
    /// What is wrong, in words: `two Call-ID fields`.
    pub what: &'static str,
}

impl ParseError {
    pub(crate) fn new(section: &'static str, offset: usize, what: &'static str) -> Self {
        ParseError { status: 400, section, offset: u32::try_from(offset).unwrap_or(u32::MAX), what }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        ParseError { status, ..self }
    }

    /// The same error, seen from a buffer in which the parsed part starts at `base`.
    pub(crate) fn at(self, base: usize) -> Self {
        let base = u32::try_from(base).unwrap_or(u32::MAX);
        ParseError { offset: self.offset.saturating_add(base), ..self }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} (RFC 3261 {}, answered with {})", self.what, self.offset, self.section, self.status)
    }
}

impl std::error::Error for ParseError {}
