//! CSeq in dialogs where requests of our own stand between those of one side (RFC 3261 §12.2.1.1, RFC 3262 §7.2).

use trunkline_message::{Edits, HeaderName, Message, OwnedMessage};

/// By how much numbers are raised on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raise {
    pub cseq: u32,
    /// The CSeq in RAck, which may be of a request before ours.
    pub rack: u32,
}

/// The request with its numbers raised. `None` where nothing changes.
pub(crate) fn raised(request: &Message<'_>, raise: Raise) -> Option<OwnedMessage> {
    let number = request.cseq().number.saturating_add(raise.cseq);
    (raise != Raise::default()).then(|| rewritten(request, number, raise.rack))?
}

/// The response with the CSeq number of the request that it answers as its sender knows it. `None` where nothing changes.
pub(crate) fn as_asked(response: &Message<'_>, number: u32) -> Option<OwnedMessage> {
    (response.cseq().number != number).then(|| rewritten(response, number, 0))?
}

/// `RAck: response-num CSeq-num Method`.
pub(crate) fn rack_number(request: &Message<'_>) -> Option<u32> {
    let header = request.named(b"RAck").next()?;
    parsed_rack(&String::from_utf8_lossy(header.value.of(request.bytes()))).map(|(_, number, _)| number)
}

fn parsed_rack(value: &str) -> Option<(&str, u32, &str)> {
    let mut words = value.split_ascii_whitespace();
    Some((words.next()?, words.next()?.parse().ok()?, words.next()?))
}

/// What cannot be parsed again goes as it came.
fn rewritten(message: &Message<'_>, number: u32, rack_raise: u32) -> Option<OwnedMessage> {
    let mut edits = Edits::new();
    if let Some(header) = message.header(HeaderName::CSeq) {
        let method = String::from_utf8_lossy(message.cseq().method_bytes);
        edits.replace(header.value, format!("{number} {method}").as_bytes());
    }
    for header in message.named(b"RAck").filter(|_| rack_raise > 0) {
        let value = String::from_utf8_lossy(header.value.of(message.bytes()));
        if let Some((response, number, method)) = parsed_rack(&value) {
            edits.replace(header.value, format!("{response} {} {method}", number.saturating_add(rack_raise)).as_bytes());
        }
    }
    let mut out = Vec::with_capacity(message.bytes().len() + 16);
    edits.write(message, &mut out);
    OwnedMessage::parse(&out).ok()
}
