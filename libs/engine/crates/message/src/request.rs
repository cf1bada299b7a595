//! Requests of our own on behalf of a transaction or a dialog.

use crate::message::Message;

/// Appends the ACK for a failure (§17.1.1.3): Request-URI, top Via, From, Call-ID, CSeq number and Route of `invite` as it was sent,
/// To of the response.
pub fn write_ack_for_failure(_invite: &Message<'_>, _response: &Message<'_>, _out: &mut Vec<u8>) {
    todo!()
}

/// Appends the CANCEL of `invite` as it was sent (§9.1). `lines` are further header fields with their CRLFs (Reason).
pub fn write_cancel(_invite: &Message<'_>, _lines: &[u8], _out: &mut Vec<u8>) {
    todo!()
}

/// A request inside a dialog, or the ACK of a 2xx: hang-up by BYE, ACK and BYE of a stray late 2xx.
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
pub fn write_request(_request: &DialogRequest<'_>, _out: &mut Vec<u8>) {
    todo!()
}
