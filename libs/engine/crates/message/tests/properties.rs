//! What holds for every input: nothing panics, what is not edited stays, what is removed is gone.

use proptest::collection::vec;
use proptest::prelude::*;
use trunkline_message::text::{is_header_text, trim, unescape, unfold, unquote, write_quoted};
use trunkline_message::{
    e164_digits, is_keep_alive, write_ack_for_failure, write_cancel, write_malformed_response, write_response, Credentials, Edits,
    HeaderName, HeaderTable, Message, NameAddr, OwnedMessage, Params, ResponseSpec, Uri, Via,
};

const SPEC: ResponseSpec<'static> =
    ResponseSpec { status: 400, reason_phrase: "", source: None, to_tag: Some(b"t"), has_record_route: true, lines: b"" };

/// A line of a header with at most 4 values (so that 5 lines stay below the limit of routes): known and unknown names, lists, folds, compact forms, blanks.
fn field() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("Route".to_owned()),
        Just("rOUTE ".to_owned()),
        Just("Record-Route".to_owned()),
        Just("P-Asserted-Identity".to_owned()),
        Just("p-asserted-identity\t".to_owned()),
        Just("Privacy".to_owned()),
        Just("m".to_owned()),
        "X-[A-Za-z0-9.!%*_+`'~-]{1,12}",
    ];
    let value = prop_oneof![
        Just("<sip:p1;lr>".to_owned()),
        Just("\"a, \\\"b\" <sip:p2;x=\",\";lr>;p=\"q,r\"".to_owned()),
        Just("sip:p3".to_owned()),
        Just(String::new()),
        "[ -+--~]{0,20}",
        "[ -+--~\u{a0}-\u{ff}]{0,20}",
    ];
    let separator = prop_oneof![Just(","), Just(" , "), Just(",\r\n "), Just("\r\n\t,")];
    (name, vec(value, 1..5), separator, "[ \t]{0,3}")
        .prop_map(|(name, values, separator, blanks)| format!("{name}:{blanks}{}{blanks}\r\n", values.join(separator)))
}

/// A request that parses: mandatory fields in any order among others.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let mandatory = [
        "Via: SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK1, SIP/2.0/TCP h;branch=z9hG4bK0\r\n",
        "f: \"A\" <sip:a@b>;tag=1\r\n",
        "To\t:\r\n <sip:c@d>\r\n",
        "Call-ID: c1@d\r\n",
        "CSeq: 1 INVITE\r\n",
        "Max-Forwards: 70\r\n",
    ];
    let lines = (vec(field(), 0..6), Just(mandatory.map(str::to_owned))).prop_flat_map(|(mut lines, mandatory)| {
        lines.extend(mandatory);
        Just(lines).prop_shuffle()
    });
    (lines, vec(any::<u8>(), 0..40), any::<bool>()).prop_map(|(lines, body, has_length)| {
        let mut text = b"INVITE sip:+31201234567@acme.test SIP/2.0\r\n".to_vec();
        text.extend(lines.concat().bytes());
        if has_length {
            text.extend(format!("l: {}\r\n", body.len()).bytes());
        }
        text.extend(b"\r\n");
        text.extend(body);
        text
    })
}

/// Calls everything that a message offers.
fn exercise(datagram: &[u8]) {
    let mut table = HeaderTable::new();
    let mut out = Vec::new();
    let error = match Message::parse(datagram, &mut table) {
        Ok(message) => return exercise_message(&message),
        Err(error) => error,
    };
    assert!(matches!(error.status, 400 | 505 | 513), "{error}");
    assert!(error.offset as usize <= datagram.len(), "{error} in {} bytes", datagram.len());
    if write_malformed_response(datagram, &table, &error, &SPEC, &mut out) {
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.starts_with("SIP/2.0 ") && text.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{text}");
    } else {
        assert!(out.is_empty());
    }
}

fn exercise_message(message: &Message<'_>) {
    let (mut out, mut edits) = (Vec::new(), Edits::new());
    if let Ok(uri) = message.request_uri() {
        let _ = (uri.user_unescaped(), uri.host_ip(), uri.has_lr(), uri.user.and_then(e164_digits));
    }
    for name in [HeaderName::Route, HeaderName::RecordRoute, HeaderName::Contact, HeaderName::PAssertedIdentity] {
        for address in message.addresses(name).flatten() {
            let _ = (address.display_name(), address.uri().map(|uri| uri.host_ip()), address.tag());
        }
        edits.remove_first_value(message, name);
    }
    for header in message.headers() {
        assert_eq!(header.value.of(message.bytes()), trim(header.value.of(message.bytes())));
        assert!(header.line.of(message.bytes()).ends_with(b"\r\n"));
        assert!(header.name_span.start == header.line.start && header.value.end <= header.line.end - 2);
        assert!(message.named(header.name_span.of(message.bytes())).any(|found| found == header));
    }
    let _ = (message.privacy(), message.reasons().count(), message.from().display_name(), message.top_via().received());
    assert!(!message.top_via().branch().is_empty() && !message.call_id().is_empty());
    edits.set_max_forwards(message, 69);
    edits.remove_all(message, HeaderName::PAssertedIdentity);
    edits.replace_address(message, HeaderName::From, b"<sip:x@y>");
    if let Ok(source) = "192.0.2.3:4000".parse() {
        edits.set_received(message, source);
    }
    edits.insert_top(message, "Via", b"SIP/2.0/UDP 127.0.1.1;branch=z9hG4bKours");
    edits.write(message, &mut out);
    let edited = OwnedMessage::parse(&out).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)));
    let view = edited.view();
    assert_eq!((view.max_forwards(), view.top_via().branch()), (Some(69), b"z9hG4bKours".as_slice()));
    assert!(!view.has(HeaderName::PAssertedIdentity));
    assert_eq!((view.from_tag(), view.from().uri_bytes), (message.from_tag(), b"sip:x@y".as_slice()));
    assert_eq!((view.call_id(), view.body()), (message.call_id(), message.body()));
    if message.is_request() {
        for write in [
            |message: &Message<'_>, out: &mut Vec<u8>| write_response(message, &SPEC, out),
            |message: &Message<'_>, out: &mut Vec<u8>| write_cancel(message, b"", out),
            |message: &Message<'_>, out: &mut Vec<u8>| write_ack_for_failure(message, message, out),
        ] {
            out.clear();
            write(message, &mut out);
            let ours = OwnedMessage::parse(&out).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)));
            assert_eq!(ours.view().call_id(), message.call_id());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        exercise(&bytes);
        let _ = (is_keep_alive(&bytes), Uri::parse(&bytes).is_ok(), NameAddr::parse(&bytes).is_ok(), Via::parse(&bytes).is_ok());
        let _ = (Credentials::parse(&bytes).is_ok(), Params::new(&bytes).count(), e164_digits(&bytes));
        let _ = (unescape(&bytes), unquote(&bytes), unfold(&bytes), NameAddr::parse(&bytes).map(|address| address.display_name().len()));
    }

    #[test]
    fn arbitrary_text_of_the_grammar_never_panics(text in "[ \t\r\n\"\\\\<>;,:=@%\\[\\]?/a1.*SIP20]{0,60}") {
        let bytes = text.as_bytes();
        let _ = (Uri::parse(bytes).is_ok(), NameAddr::parse(bytes).map(|a| a.display_name().len()), Via::parse(bytes).is_ok());
        let _ = (Credentials::parse(format!("Digest {text}").as_bytes()).is_ok(), Params::new(bytes).count());
        exercise(format!("OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z\r\nf:{text}\r\nt:{text}\r\ni:1\r\nCSeq:1 OPTIONS\r\nm:{text}\r\n\r\n").as_bytes());
    }

    #[test]
    fn mutated_messages_never_panic(mut bytes in request(), changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6)) {
        for (index, byte, kind) in changes {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        exercise(&bytes);
    }

    #[test]
    fn generated_requests_parse_and_survive_every_edit(bytes in request()) {
        let message = OwnedMessage::parse(&bytes);
        prop_assert!(message.is_ok(), "{:?}: {}", message.err(), String::from_utf8_lossy(&bytes));
        exercise(&bytes);
    }

    #[test]
    fn an_empty_edit_list_gives_identical_bytes(bytes in request()) {
        if let Ok(message) = OwnedMessage::parse(&bytes) {
            let mut out = Vec::new();
            Edits::new().write(&message.view(), &mut out);
            prop_assert_eq!(out, bytes);
        }
    }

    #[test]
    fn a_removed_field_is_gone_and_the_others_stay(bytes in request(), which in any::<prop::sample::Index>()) {
        let message = OwnedMessage::parse(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let view = message.view();
        let index = which.index(view.headers().len());
        let mut edits = Edits::new();
        edits.remove_field(&view, index);
        let mut out = Vec::new();
        edits.write(&view, &mut out);
        let line = view.headers()[index].line;
        let expected = [&bytes[..line.start as usize], &bytes[line.end as usize..]].concat();
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn values_that_are_not_kept_are_gone_and_the_others_stay_in_order(bytes in request(), kept in any::<u64>()) {
        let message = OwnedMessage::parse(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let view = message.view();
        let is_kept = |number: usize| kept >> (number % 64) & 1 == 1;
        let expected: Vec<Vec<u8>> = view.values(HeaderName::Route).enumerate()
            .filter(|(number, _)| is_kept(*number)).map(|(_, value)| value.bytes.to_vec()).collect();
        let mut edits = Edits::new();
        let mut number = 0;
        edits.retain_values(&view, HeaderName::Route, |_| { number += 1; is_kept(number - 1) });
        let mut out = Vec::new();
        edits.write(&view, &mut out);
        let edited = OwnedMessage::parse(&out).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let left: Vec<Vec<u8>> = edited.view().values(HeaderName::Route).map(|value| value.bytes.to_vec()).collect();
        prop_assert_eq!(left, expected);
    }

    #[test]
    fn quoting_is_undone_by_unquoting_and_never_unsafe(text in "\\PC{0,40}") {
        let mut out = Vec::new();
        write_quoted(text.as_bytes(), &mut out);
        prop_assert!(is_header_text(&out));
        let unquoted = unquote(&out);
        prop_assert_eq!(unquoted.as_ref(), text.as_bytes());
    }
}
