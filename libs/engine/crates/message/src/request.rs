//! Requests of our own on behalf of a transaction or a dialog.

use crate::address::NameAddr;
use crate::message::Message;
use crate::name::HeaderName;
use crate::text::write_field;
use crate::uri::Uri;
use crate::via::write_text;

/// Appends the ACK for a failure (§17.1.1.3): Request-URI, top Via, From, Call-ID, CSeq number and Route of `invite` as it was sent,
/// To of the response.
pub fn write_ack_for_failure(invite: &Message<'_>, response: &Message<'_>, out: &mut Vec<u8>) {
    write_branch_request(invite, "ACK", invite.top_via().raw, response, b"", out);
}

/// Appends the ACK of a 2xx to `invite`, one of a dialog, as it was sent: the same way to the same target, with a Via of its own (§13.2.2.4).
pub fn write_ack_for_success(invite: &Message<'_>, via: &[u8], response: &Message<'_>, out: &mut Vec<u8>) {
    write_branch_request(invite, "ACK", via, response, b"", out);
}

/// Appends the CANCEL of `invite` as it was sent (§9.1). `lines` are further header fields with their CRLFs (Reason).
pub fn write_cancel(invite: &Message<'_>, lines: &[u8], out: &mut Vec<u8>) {
    write_branch_request(invite, "CANCEL", invite.top_via().raw, invite, lines, out);
}

/// A request that goes where `invite` went, To from `to_of`.
fn write_branch_request(invite: &Message<'_>, method: &str, via: &[u8], to_of: &Message<'_>, lines: &[u8], out: &mut Vec<u8>) {
    write_start_line(method, invite.request_uri_bytes(), out);
    write_field("Via", via, out);
    write_text(out, format_args!("Max-Forwards: {}\r\n", MAX_FORWARDS));
    for header in invite.fields(HeaderName::Route) {
        out.extend_from_slice(header.line.of(invite.bytes()));
    }
    write_field("From", invite.value(HeaderName::From).unwrap_or_default(), out);
    write_field("To", to_of.value(HeaderName::To).unwrap_or_default(), out);
    write_field("Call-ID", invite.call_id(), out);
    write_text(out, format_args!("CSeq: {} {}\r\n", invite.cseq().number, method));
    out.extend_from_slice(lines);
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
}

/// §8.1.1.6.
const MAX_FORWARDS: u8 = 70;

/// A request inside a dialog, or the ACK of a 2xx: hang-up by BYE, ACK and BYE of a stray late 2xx. Texts are taken from parsed messages,
/// or checked by [`crate::text::is_header_text`].
#[derive(Clone, Copy, Debug)]
pub struct DialogRequest<'a> {
    /// `BYE`, `ACK`.
    pub method: &'a str,
    /// The peer's Contact.
    pub remote_target: &'a [u8],
    /// name-addr values in the order of Route. Where the first has no `lr`, it becomes the Request-URI (§12.2.1.1).
    pub routes: &'a [&'a [u8]],
    /// Value of our Via, with the branch.
    pub via: &'a [u8],
    /// Values with their tags.
    pub from: &'a [u8],
    pub to: &'a [u8],
    pub call_id: &'a [u8],
    pub cseq: u32,
    /// Further header fields, each complete with its CRLF.
    pub lines: &'a [u8],
}

/// Appends it with Max-Forwards 70 and `Content-Length: 0`.
pub fn write_request(request: &DialogRequest<'_>, out: &mut Vec<u8>) {
    let strict_router = request.routes.first().and_then(|route| strict_router(route));
    write_start_line(request.method, strict_router.unwrap_or(request.remote_target), out);
    write_field("Via", request.via, out);
    write_text(out, format_args!("Max-Forwards: {MAX_FORWARDS}\r\n"));
    for route in &request.routes[usize::from(strict_router.is_some())..] {
        write_field("Route", route, out);
    }
    if strict_router.is_some() {
        out.extend_from_slice(b"Route: <");
        out.extend_from_slice(request.remote_target);
        out.extend_from_slice(b">\r\n");
    }
    write_field("From", request.from, out);
    write_field("To", request.to, out);
    write_field("Call-ID", request.call_id, out);
    write_text(out, format_args!("CSeq: {} {}\r\n", request.cseq, request.method));
    out.extend_from_slice(request.lines);
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
}

/// The URI of a route that knows loose routing not (RFC 2543 proxies), without the headers that may not stand in a Request-URI.
fn strict_router(route: &[u8]) -> Option<&[u8]> {
    let uri: Uri<'_> = NameAddr::parse(route).ok()?.uri().ok()?;
    if uri.has_lr() {
        return None;
    }
    let headers_len = if uri.header_bytes.is_empty() { 0 } else { uri.header_bytes.len() + 1 };
    Some(&uri.raw[..uri.raw.len() - headers_len])
}

fn write_start_line(method: &str, uri: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(uri);
    out.extend_from_slice(b" SIP/2.0\r\n");
}
