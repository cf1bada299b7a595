//! Responses of our own (RFC 3261 §8.2.6).

use std::net::SocketAddr;

use crate::address::NameAddr;
use crate::error::ParseError;
use crate::message::{Header, HeaderTable, Message};
use crate::method::Method;
use crate::name::HeaderName;
use crate::parse::skip_leading_crlf;
use crate::values::Values;
use crate::via::{write_text, Via};

/// What a response says beside what it copies from the request.
#[derive(Clone, Copy, Debug)]
pub struct ResponseSpec<'a> {
    /// 100 to 699.
    pub status: u16,
    /// [`is_header_text`](crate::text::is_header_text); empty: the RFC's phrase for the status.
    pub reason_phrase: &'a str,
    /// Where the request came from: fills in `received` and `rport` of the top Via. `None` copies it as it stands.
    pub source: Option<SocketAddr>,
    /// A token. Added where the request's To has no tag; ignored in a 100 (§8.2.6.2 asks for none).
    pub to_tag: Option<&'a [u8]>,
    /// Copies Record-Route (§12.1.1): for 18x and 2xx that make a dialog.
    pub has_record_route: bool,
    /// Further header fields, each complete with its CRLF (see [`crate::text::write_line`]).
    pub lines: &'a [u8],
}

/// Appends a response without a body: status line, all Via, From, To, Call-ID, CSeq, Record-Route where asked for, the further lines,
/// `Content-Length: 0`. A Timestamp of the request is copied into a 100 (§8.2.6.1).
pub fn write_response(request: &Message<'_>, spec: &ResponseSpec<'_>, out: &mut Vec<u8>) {
    write(&Request { bytes: request.bytes(), headers: request.headers(), via: request.top_via() }, spec, out);
}

/// Appends the Via lines of a request as a response to it has them: the top one with `received` and `rport` of where it came from
/// (RFC 3261 §18.2.1, RFC 3581 §4).
pub fn write_vias(request: &Message<'_>, source: SocketAddr, out: &mut Vec<u8>) {
    let parts = Request { bytes: request.bytes(), headers: request.headers(), via: request.top_via() };
    for (index, header) in request.fields(HeaderName::Via).enumerate() {
        match index {
            0 => write_top_via(&parts, header, Some(source), out),
            _ => out.extend_from_slice(header.line.of(parts.bytes)),
        }
    }
}

/// Appends an answer to a request that [`Message::parse`] refused with `error`, from what it had framed into `table`: the status of the
/// error, the rest of `spec` (whose status is not looked at). `to_tag` is added where To is readable and has no tag.
///
/// `false`, and nothing written, where nobody can be answered: a response, an ACK, no method or top Via that can be read, or From, To,
/// Call-ID or CSeq missing.
#[must_use]
pub fn write_malformed_response(
    datagram: &[u8],
    table: &HeaderTable,
    error: &ParseError,
    spec: &ResponseSpec<'_>,
    out: &mut Vec<u8>,
) -> bool {
    let bytes = skip_leading_crlf(datagram);
    let parsed = &table.parsed;
    let has = |name: HeaderName| parsed.first[name as usize] != 0;
    // A response has no method.
    let is_answerable = !parsed.method_span.is_empty()
        && parsed.method != Method::Ack
        && [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq].into_iter().all(has);
    match malformed_top_via(datagram, table) {
        Some(via) if is_answerable => {
            write(&Request { bytes, headers: &table.headers, via }, &ResponseSpec { status: error.status, ..*spec }, out);
            true
        }
        _ => false,
    }
}

/// The topmost Via of a request that [`Message::parse`] refused, from what it had framed into `table`; `None` where it cannot be read.
#[must_use]
pub fn malformed_top_via<'a>(datagram: &'a [u8], table: &'a HeaderTable) -> Option<Via<'a>> {
    let top = Values::new(skip_leading_crlf(datagram), &table.headers, HeaderName::Via).next()?;
    Via::parse(top.bytes).ok()
}

/// What a response is made of.
struct Request<'a> {
    bytes: &'a [u8],
    headers: &'a [Header],
    via: Via<'a>,
}

fn write(request: &Request<'_>, spec: &ResponseSpec<'_>, out: &mut Vec<u8>) {
    let phrase = if spec.reason_phrase.is_empty() { reason_phrase(spec.status) } else { spec.reason_phrase };
    write_text(out, format_args!("SIP/2.0 {} {}\r\n", spec.status, phrase));
    let mut is_top_via = true;
    let mut written = [false; HeaderName::COUNT];
    for header in request.headers {
        let line = header.line.of(request.bytes);
        // A malformed request may have two of the single fields: the first is copied.
        let is_first = !std::mem::replace(&mut written[header.name as usize], true);
        match header.name {
            HeaderName::Via if std::mem::take(&mut is_top_via) => write_top_via(request, header, spec.source, out),
            HeaderName::Via => out.extend_from_slice(line),
            HeaderName::From | HeaderName::CallId | HeaderName::CSeq if is_first => out.extend_from_slice(line),
            HeaderName::To if is_first => write_to(request, header, spec, out),
            HeaderName::RecordRoute if spec.has_record_route => out.extend_from_slice(line),
            HeaderName::Timestamp if spec.status == 100 => out.extend_from_slice(line),
            _ => {}
        }
    }
    out.extend_from_slice(spec.lines);
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
}

/// The first Via field, its first value with received and rport, the others of the same line as they are.
fn write_top_via(request: &Request<'_>, header: &Header, source: Option<SocketAddr>, out: &mut Vec<u8>) {
    let line = header.line.of(request.bytes);
    let start = request.via.raw.as_ptr() as usize - request.bytes.as_ptr() as usize;
    let before = start.checked_sub(header.line.start as usize);
    match (source, before.and_then(|before| Some((line.get(..before)?, line.get(before + request.via.raw.len()..)?)))) {
        (Some(source), Some((before, after))) => {
            out.extend_from_slice(before);
            request.via.write_received(source, out);
            out.extend_from_slice(after);
        }
        _ => out.extend_from_slice(line),
    }
}

fn write_to(request: &Request<'_>, header: &Header, spec: &ResponseSpec<'_>, out: &mut Vec<u8>) {
    let lacks_tag = NameAddr::parse(header.value.of(request.bytes)).is_ok_and(|to| to.params().get("tag").is_none());
    match spec.to_tag {
        Some(tag) if lacks_tag && spec.status != 100 => {
            out.extend_from_slice(&request.bytes[header.line.start as usize..header.value.end as usize]);
            out.extend_from_slice(b";tag=");
            out.extend_from_slice(tag);
            out.extend_from_slice(b"\r\n");
        }
        _ => out.extend_from_slice(header.line.of(request.bytes)),
    }
}

/// The phrase of RFC 3261 §21 and the registry of IANA; `Unknown` for others.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        199 => "Early Dialog Terminated",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        429 => "Provide Referrer Identity",
        433 => "Anonymity Disallowed",
        436 => "Bad Identity-Info",
        437 => "Unsupported Certificate",
        438 => "Invalid Identity Header",
        440 => "Max-Breadth Exceeded",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        494 => "Security Agreement Required",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        _ => "Unknown",
    }
}
