//! From a datagram to spans.

use crate::error::ParseError;
use crate::message::HeaderTable;

/// True for what only keeps a binding alive: nothing, or CRLFs and NULs only (RFC 5626 §4.4.1 and what phones send instead).
pub fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Fills the table and gives the bytes of the message.
pub(crate) fn parse<'a>(_datagram: &'a [u8], _table: &mut HeaderTable) -> Result<&'a [u8], ParseError> {
    todo!()
}
