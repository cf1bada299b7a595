//! The parser and everything that reads or writes what it has parsed.

use std::net::SocketAddr;

use trunkline_message::text::is_header_text;
use trunkline_message::{
    e164_digits, is_keep_alive, limits, write_ack_for_failure, write_cancel, write_malformed_response, write_response, write_vias,
    Credentials, Edits, HeaderName, HeaderTable, Message, NameAddr, OwnedMessage, Params, ResponseSpec, Uri, Via,
};

const SPEC: ResponseSpec<'static> =
    ResponseSpec { status: 400, reason_phrase: "", source: None, to_tag: Some(b"t"), has_record_route: true, lines: b"" };

/// One datagram.
pub fn run(datagram: &[u8]) {
    let _ = is_keep_alive(datagram);
    read_alone(datagram);
    let mut table = HeaderTable::new();
    match Message::parse(datagram, &mut table) {
        Ok(message) => {
            read(&message);
            answer(&message);
            splice(&message);
        }
        Err(error) => {
            assert!(matches!(error.status, 400..=699) && error.offset as usize <= datagram.len());
            let mut out = Vec::new();
            let is_answered = write_malformed_response(datagram, &table, &error, &SPEC, &mut out);
            assert!(is_answered || out.is_empty());
        }
    }
}

/// The readers of parts, which meet bytes that are part of no message too.
fn read_alone(bytes: &[u8]) {
    let _ = e164_digits(bytes);
    let _ = NameAddr::parse(bytes).map(|address| (address.display_name(), address.uri(), address.params().count()));
    let _ = Via::parse(bytes).map(|via| (via.branch().len(), via.received(), via.rport(), via.sent_by_ip()));
    let _ = Params::new(bytes).count();
    if let Ok(uri) = Uri::parse(bytes) {
        let _ = (uri.user_unescaped(), uri.has_lr(), uri.transport(), uri.maddr(), uri.host_ip());
        assert!(uri.params().count() <= bytes.len());
    }
    if let Ok(credentials) = Credentials::parse(bytes) {
        let _ = (credentials.username.len(), credentials.realm.len(), credentials.qop.is_some());
    }
}

/// Every view of a message, and the bounds that others build on.
fn read(message: &Message<'_>) {
    assert!(message.bytes().len() <= limits::MESSAGE_BYTES && message.headers().len() <= limits::HEADERS);
    assert!((1..=limits::VIAS).contains(&message.via_count()) && !message.branch().is_empty());
    assert_eq!(message.is_request(), message.status().is_none());
    for header in message.headers() {
        let (name, value) = (header.name_span.of(message.bytes()), header.value.of(message.bytes()));
        assert!(!name.is_empty() || header.name == HeaderName::Other);
        assert!(!value.contains(&0));
        let _ = Credentials::parse(value);
    }
    for name in [HeaderName::Contact, HeaderName::Route, HeaderName::RecordRoute] {
        for address in message.addresses(name).flatten() {
            let _ = (address.display_name(), address.uri().map(|uri| uri.params().count()));
        }
    }
    let _ = (message.request_uri().is_ok(), message.from().uri().is_ok(), message.to().uri().is_ok(), message.privacy());
    let _ = (message.vias().count(), message.branches().count(), message.reasons().count());
    let _ = message.option_tags(HeaderName::ProxyRequire).count();
}

/// What we say to it is a message again, and says nothing else than it should.
fn answer(message: &Message<'_>) {
    let source = SocketAddr::from(([192, 0, 2, 1], 5070));
    let mut out = Vec::new();
    write_response(message, &ResponseSpec { source: Some(source), ..SPEC }, &mut out);
    let response = OwnedMessage::parse(&out).expect("an answer is a message");
    let view = response.view();
    assert_eq!((view.status(), view.call_id(), view.cseq().number), (Some(400), message.call_id(), message.cseq().number));
    assert_eq!(view.via_count(), message.via_count());
    let mut vias = Vec::new();
    write_vias(message, source, &mut vias);
    if message.is_request() {
        let mut out = Vec::new();
        write_cancel(message, b"", &mut out);
        OwnedMessage::parse(&out).expect("a CANCEL is a message");
        out.clear();
        write_ack_for_failure(message, &view, &mut out);
        OwnedMessage::parse(&out).expect("an ACK is a message");
    }
}

/// What is not edited stays, what is inserted is one line, what is removed is gone.
fn splice(message: &Message<'_>) {
    let mut out = Vec::new();
    Edits::new().write(message, &mut out);
    assert_eq!(out, message.bytes());
    let mut edits = Edits::new();
    edits.insert_top(message, "Via", b"SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKours");
    edits.set_received(message, SocketAddr::from(([192, 0, 2, 1], 5070)));
    edits.set_max_forwards(message, 7);
    edits.retain_values(message, HeaderName::Route, |_| false);
    for name in [HeaderName::PAssertedIdentity, HeaderName::Privacy] {
        edits.remove_all(message, name);
    }
    out.clear();
    edits.write(message, &mut out);
    let is_within =
        message.via_count() < limits::VIAS && message.headers().len() + 2 <= limits::HEADERS && out.len() <= limits::MESSAGE_BYTES;
    if !is_within {
        return;
    }
    let forwarded = OwnedMessage::parse(&out).expect("what is forwarded is a message");
    let view = forwarded.view();
    assert_eq!((view.via_count(), view.branch()), (message.via_count() + 1, b"z9hG4bKours".as_slice()));
    assert_eq!((view.max_forwards(), view.body(), view.call_id()), (Some(7), message.body(), message.call_id()));
    // A field without any value stays.
    assert_eq!(view.values(HeaderName::Route).count(), 0);
    for name in [HeaderName::PAssertedIdentity, HeaderName::Privacy] {
        assert!(!view.has(name), "{name:?} is gone");
    }
    assert!(is_header_text(view.branch()));
}
