//! A message that is kept.

use crate::error::ParseError;
use crate::message::{HeaderTable, Message};

/// A forwarded request has some 15 fields.
const USUAL_HEADERS: usize = 20;

/// A message with its own bytes, for what outlives the datagram: the INVITE of a transaction, the last response of a call.
#[derive(Clone, Debug)]
pub struct OwnedMessage {
    bytes: Vec<u8>,
    table: HeaderTable,
}

impl OwnedMessage {
    /// As [`Message::parse`].
    pub fn parse(datagram: &[u8]) -> Result<Self, ParseError> {
        let mut table = HeaderTable { headers: Vec::with_capacity(USUAL_HEADERS), ..HeaderTable::default() };
        let bytes = crate::parse::parse(datagram, &mut table)?.to_vec();
        Ok(OwnedMessage { bytes, table })
    }

    /// Without parsing again.
    pub fn copy_of(message: &Message<'_>) -> Self {
        let (bytes, headers, parsed) = message.parts();
        OwnedMessage { bytes: bytes.to_vec(), table: HeaderTable { headers: headers.to_vec(), parsed: *parsed } }
    }

    pub fn view(&self) -> Message<'_> {
        Message::from_parts(&self.bytes, &self.table.headers, &self.table.parsed)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
