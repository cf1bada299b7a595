//! Responses of our own (RFC 3261 §8.2.6).

use std::net::SocketAddr;

use crate::error::ParseError;
use crate::message::{HeaderTable, Message};

/// What a response says beside what it copies from the request.
#[derive(Clone, Copy, Debug)]
pub struct ResponseSpec<'a> {
    /// 100 to 699.
    pub status: u16,
    /// [`is_header_text`](crate::text::is_header_text); empty: the RFC's phrase for the status.
    pub reason_phrase: &'a str,
    /// Where the request came from: fills in `received` and `rport` of the top Via. `None` copies it as it stands.
    pub source: Option<SocketAddr>,
    /// Added where the request's To has no tag; ignored in a 100 (§8.2.6.2 asks for none).
    pub to_tag: Option<&'a [u8]>,
    /// Copies Record-Route (§12.1.1): for 18x and 2xx that make a dialog.
    pub has_record_route: bool,
    /// Further header fields, each complete with its CRLF (see [`crate::text::write_line`]).
    pub lines: &'a [u8],
}

/// Appends a response without a body: status line, all Via, From, To, Call-ID, CSeq, Record-Route where asked for, the further lines,
/// `Content-Length: 0`. A Timestamp of the request is copied into a 100 (§8.2.6.1).
pub fn write_response(_request: &Message<'_>, _spec: &ResponseSpec<'_>, _out: &mut Vec<u8>) {
    todo!()
}

/// Appends an answer to a request that [`Message::parse`] refused with `error`, from what it had framed into `table`. `lines` are further
/// header fields, `to_tag` is added where To is readable and has no tag.
///
/// `false`, and nothing written, where nobody can be answered: a response, an ACK, no start line or top Via or Call-ID that can be read,
/// or From, To or CSeq missing.
#[must_use]
pub fn write_malformed_response(
    _datagram: &[u8],
    _table: &HeaderTable,
    _error: &ParseError,
    _spec: &ResponseSpec<'_>,
    _out: &mut Vec<u8>,
) -> bool {
    todo!()
}

/// The phrase of RFC 3261 §21 and the registry of IANA; `Unknown` for others.
pub fn reason_phrase(_status: u16) -> &'static str {
    todo!()
}
