//! Framing: what is taken, what is refused, and where an error points.

use trunkline_message::{is_keep_alive, HeaderName, HeaderTable, Message, Method, OwnedMessage, ParseError};

const INVITE: &str = "INVITE sip:+31201234567@acme.sip.example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Alice\" <sip:31000000@acme.sip.example.com>;tag=a1\r\n\
    To: <sip:+31201234567@acme.sip.example.com>\r\n\
    Call-ID: c1@192.0.2.1\r\n\
    CSeq: 4711 INVITE\r\n\
    Contact: <sip:31000000@192.0.2.1:5060>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\
    \r\n\
    v=0\n";

fn parse_error(datagram: &[u8]) -> ParseError {
    let mut table = HeaderTable::new();
    match Message::parse(datagram, &mut table) {
        Ok(message) => panic!("taken: {message:?}"),
        Err(error) => error,
    }
}

fn refused(from: &str, to: &str) -> ParseError {
    assert!(INVITE.contains(from), "the test replaces what is not there: {from}");
    parse_error(INVITE.replacen(from, to, 1).as_bytes())
}

fn taken(from: &str, to: &str) -> OwnedMessage {
    assert!(INVITE.contains(from), "the test replaces what is not there: {from}");
    OwnedMessage::parse(INVITE.replacen(from, to, 1).as_bytes()).expect("taken")
}

#[test]
fn an_invite_is_taken_apart() {
    let mut table = HeaderTable::new();
    let message = Message::parse(INVITE.as_bytes(), &mut table).expect("parses");
    assert!(message.is_request());
    assert_eq!(message.method(), Method::Invite);
    assert_eq!(message.status(), None);
    assert_eq!(message.request_uri_bytes(), b"sip:+31201234567@acme.sip.example.com");
    assert_eq!(message.call_id(), b"c1@192.0.2.1");
    assert_eq!((message.cseq().number, message.cseq().method), (4711, Method::Invite));
    assert_eq!(message.max_forwards(), Some(70));
    assert_eq!(message.from_tag(), Some(b"a1".as_slice()));
    assert_eq!(message.to_tag(), None);
    assert_eq!(message.top_via().branch(), b"z9hG4bK1");
    assert_eq!(message.body(), b"v=0\n");
    assert_eq!(message.headers().len(), 9);
    assert!(message.has(HeaderName::Contact) && !message.has(HeaderName::Route));
    assert_eq!(message.bytes(), INVITE.as_bytes());
}

#[test]
fn a_response_has_status_phrase_and_the_method_of_its_cseq() {
    let response = INVITE.replace("INVITE sip:+31201234567@acme.sip.example.com SIP/2.0", "SIP/2.0 486 Busy Here");
    let message = OwnedMessage::parse(response.as_bytes()).expect("parses");
    let view = message.view();
    assert!(!view.is_request());
    assert_eq!((view.status(), view.reason_phrase(), view.method()), (Some(486), b"Busy Here".as_slice(), Method::Invite));
    assert_eq!(view.request_uri_bytes(), b"");
}

#[test]
fn a_status_line_may_end_after_the_code() {
    let response = INVITE.replace("INVITE sip:+31201234567@acme.sip.example.com SIP/2.0", "SIP/2.0 200");
    let message = OwnedMessage::parse(response.as_bytes()).expect("parses");
    assert_eq!((message.view().status(), message.view().reason_phrase()), (Some(200), b"".as_slice()));
}

#[test]
fn crlfs_before_the_start_line_are_skipped_and_offsets_count_them() {
    let datagram = format!("\r\n\r\n{INVITE}");
    let message = OwnedMessage::parse(datagram.as_bytes()).expect("parses");
    assert_eq!(message.bytes(), INVITE.as_bytes());
    let broken = parse_error(format!("\r\n\r\n{}", INVITE.replace("CSeq: 4711", "CSeq: x")).as_bytes());
    assert_eq!(broken.offset as usize, 4 + INVITE.find("4711").expect("is there"));
}

#[test]
fn the_body_ends_at_content_length_and_trailing_data_is_ignored() {
    let datagram = format!("{INVITE}BYE sip:x SIP/2.0\r\n\r\n");
    let message = OwnedMessage::parse(datagram.as_bytes()).expect("parses");
    assert_eq!(message.bytes(), INVITE.as_bytes());
    assert_eq!(message.view().body(), b"v=0\n");
}

#[test]
fn without_content_length_the_body_ends_with_the_datagram() {
    let message = taken("Content-Length: 4\r\n", "");
    assert_eq!(message.view().body(), b"v=0\n");
}

#[test]
fn a_body_shorter_than_content_length_is_400_at_the_value() {
    let error = refused("Content-Length: 4", "Content-Length: 5");
    assert_eq!((error.status, error.section), (400, "§18.3"));
    assert_eq!(error.offset as usize, INVITE.find("4\r\n\r\n").expect("is there"));
}

#[test]
fn every_truncation_of_a_message_is_an_error() {
    let mut table = HeaderTable::new();
    for length in 0..INVITE.len() {
        assert!(Message::parse(&INVITE.as_bytes()[..length], &mut table).is_err(), "{length} bytes were taken");
    }
}

#[test]
fn single_fields_that_come_twice_are_400() {
    for line in ["Call-ID: c1@192.0.2.1", "i: other", "CSeq: 4711 INVITE", "f: <sip:x@y>;tag=2", "t: <sip:x@y>", "Max-Forwards: 3", "l: 4"]
    {
        let error = refused("Contact:", &format!("{line}\r\nContact:"));
        assert_eq!((error.status, error.section), (400, "§7.3.1"), "{line}");
    }
}

#[test]
fn missing_mandatory_fields_are_400() {
    for start in ["Via:", "From:", "To:", "Call-ID:", "CSeq:"] {
        let line = INVITE.split_inclusive("\r\n").find(|line| line.starts_with(start)).expect("is there");
        assert_eq!(refused(line, "").status, 400, "{start}");
    }
}

#[test]
fn max_forwards_may_be_missing_but_not_wrong() {
    assert_eq!(taken("Max-Forwards: 70\r\n", "").view().max_forwards(), None);
    assert_eq!(taken("Max-Forwards: 70", "Max-Forwards: 0068").view().max_forwards(), Some(68));
    for value in ["256", "-1", "", "7 0", "4294967296"] {
        assert_eq!(refused("Max-Forwards: 70", &format!("Max-Forwards: {value}")).section, "§20.22", "{value}");
    }
}

#[test]
fn cr_lf_and_nul_in_a_value_are_400() {
    for text in ["a\rb", "a\nb", "a\0b", "a\n b", "\r"] {
        let error = refused("Contact: <", &format!("Subject: {text}\r\nContact: <"));
        assert_eq!(error.status, 400, "{text:?}");
        let subject = INVITE.find("Contact:").expect("is there") + "Subject: ".len();
        assert_eq!(error.offset as usize, subject + text.find(['\r', '\n', '\0']).expect("is there"), "{text:?}");
    }
}

#[test]
fn cseq_must_be_a_number_below_2_31_and_the_method_of_the_request() {
    for value in ["4711", "INVITE", "4711 BYE", "4711 invite", "2147483648 INVITE", "4711INVITE", "-1 INVITE", "4711 INVITE x", ""] {
        assert_eq!(refused("4711 INVITE", value).section, "§8.1.1.5", "{value}");
    }
    assert_eq!(taken("4711 INVITE", "0002147483647 \t INVITE").view().cseq().number, i32::MAX as u32);
}

#[test]
fn the_top_via_must_be_readable_and_have_a_branch() {
    for value in [
        "SIP/2.0/UDP 192.0.2.1:5060",
        "SIP/2.0/UDP 192.0.2.1:5060;branch=",
        "SIP/2.0/UDP 192.0.2.1:5060;branch",
        "SIP/2.0/UDP ;branch=z9hG4bK1",
        "HTTP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "SIP/2.0 192.0.2.1;branch=z9hG4bK1",
        "SIP/2.0/UDP 192.0.2.1:0;branch=z9hG4bK1",
        "SIP/2.0/UDP 192.0.2.1:65536;branch=z9hG4bK1",
        "SIP/2.0/UDP [192.0.2.1];branch=z9hG4bK1",
        "SIP/2.0/UDP 192.0.2.1;;branch=z9hG4bK1",
        "",
        ",",
    ] {
        assert_eq!(refused("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport", value).status, 400, "{value}");
    }
    let old = taken("branch=z9hG4bK1", "branch=1");
    assert!(!old.view().top_via().has_cookie());
}

#[test]
fn the_request_line_is_taken_literally() {
    let line = "INVITE sip:+31201234567@acme.sip.example.com SIP/2.0";
    for bad in [
        "INVITE  sip:a@b SIP/2.0",
        "INVITE sip:a@b  SIP/2.0",
        "INVITE sip:a@b SIP/2.0 ",
        " INVITE sip:a@b SIP/2.0",
        "INVITE sip:a b@c SIP/2.0",
        "INVITE <sip:a@b> SIP/2.0",
        "INVITE sip:a@b;lr?X=y SIP/2.0",
        "INVITE sip:a@b HTTP/1.1",
        "INV\"ITE sip:a@b SIP/2.0",
        "INVITE",
        "INVITE sip:a@b",
        "",
    ] {
        assert_eq!(refused(line, bad).status, 400, "{bad}");
    }
    assert_eq!(refused(line, "INVITE sip:a@b SIP/7.0").status, 505);
    assert_eq!(refused(line, "SIP/2.0 700 Odd").status, 400);
    assert_eq!(refused(line, "SIP/2.0 99 Odd").status, 400);
    assert_eq!(refused(line, "SIP/3.0 200 OK").status, 400);
}

#[test]
fn of_two_errors_the_first_in_the_message_is_told() {
    let datagram = INVITE.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia").replace("Contact:", "Contact");
    assert_eq!(parse_error(datagram.as_bytes()).status, 505);
}

#[test]
fn limits_hold_at_their_edge() {
    use trunkline_message::limits;
    let with = |extra: &str| INVITE.replacen("Contact:", &format!("{extra}Contact:"), 1);
    let fields = limits::HEADERS - 9;
    assert!(OwnedMessage::parse(with(&"X: y\r\n".repeat(fields)).as_bytes()).is_ok());
    assert_eq!(parse_error(with(&"X: y\r\n".repeat(fields + 1)).as_bytes()).status, 513);

    let line = |length: usize| with(&format!("X: {}\r\n", "y".repeat(length - 3)));
    assert!(OwnedMessage::parse(line(limits::LINE_BYTES).as_bytes()).is_ok());
    assert_eq!(parse_error(line(limits::LINE_BYTES + 1).as_bytes()).status, 513);
    let folded = with(&format!("X: {}\r\n", "y\r\n ".repeat(limits::LINE_BYTES / 4 + 1)));
    assert_eq!(parse_error(folded.as_bytes()).status, 513);

    let vias = |count: usize| with(&format!("v: {}\r\n", vec!["SIP/2.0/UDP h;branch=z9hG4bKx"; count].join(",")));
    assert!(OwnedMessage::parse(vias(limits::VIAS - 1).as_bytes()).is_ok());
    assert_eq!(parse_error(vias(limits::VIAS).as_bytes()).section, "§16.3");

    let routes = |count: usize| with(&"Route: <sip:p;lr>\r\n".repeat(count));
    assert!(OwnedMessage::parse(routes(limits::ROUTES).as_bytes()).is_ok());
    assert_eq!(parse_error(routes(limits::ROUTES + 1).as_bytes()).section, "§16.12");

    let datagram = |length: usize| INVITE.replace("Content-Length: 4\r\n", "") + &"x".repeat(length + 19 - INVITE.len());
    assert_eq!(datagram(limits::MESSAGE_BYTES).len(), limits::MESSAGE_BYTES);
    assert!(OwnedMessage::parse(datagram(limits::MESSAGE_BYTES).as_bytes()).is_ok());
    assert_eq!(parse_error(datagram(limits::MESSAGE_BYTES + 1).as_bytes()).status, 513);

    let id = |length: usize| INVITE.replace("c1@192.0.2.1", &"c".repeat(length));
    assert!(OwnedMessage::parse(id(limits::IDENTIFIER_BYTES).as_bytes()).is_ok());
    assert_eq!(parse_error(id(limits::IDENTIFIER_BYTES + 1).as_bytes()).status, 400);
}

#[test]
fn folds_compact_forms_case_and_blanks_before_the_colon_are_taken() {
    let message = taken("Contact:", "sUbJeCt \t:\r\n one\r\n\t two \r\nk: 100rel\r\nContact:");
    let view = message.view();
    let subject = view.header(HeaderName::Subject).expect("is there");
    assert_eq!(subject.value.of(view.bytes()), b"one\r\n\t two");
    assert_eq!(subject.name_span.of(view.bytes()), b"sUbJeCt");
    assert_eq!(subject.line.of(view.bytes()), b"sUbJeCt \t:\r\n one\r\n\t two \r\n");
    assert_eq!(view.option_tags(HeaderName::Supported).collect::<Vec<_>>(), [b"100rel"]);
}

#[test]
fn an_empty_value_is_empty_wherever_blanks_stand() {
    for line in ["Subject:", "Subject: ", "Subject:\t \t", "Subject:\r\n "] {
        let message = taken("Contact:", &format!("{line}\r\nContact:"));
        assert_eq!(message.view().value(HeaderName::Subject), Some(b"".as_slice()), "{line:?}");
    }
}

#[test]
fn names_of_header_fields_are_tokens() {
    for line in ["No colon", "Two words: x", ": x", "(x): y", "Ünï: x"] {
        assert_eq!(refused("Contact:", &format!("{line}\r\nContact:")).section, "§7.3.1", "{line}");
    }
    assert_eq!(refused("Via:", " folded start line\r\nVia:").status, 400);
}

#[test]
fn fields_are_found_by_any_of_their_names() {
    let message = taken("Contact:", "x-acme: 1\r\nX-Acme: 2\r\ny: id\r\nContact:");
    let view = message.view();
    let values = |name: &'static [u8]| view.named(name).map(|header| header.value.of(view.bytes())).collect::<Vec<_>>();
    assert_eq!(values(b"X-ACME"), [b"1", b"2"]);
    assert_eq!(values(b"identity"), [b"id"]);
    assert_eq!(values(b"m").len(), 1);
    assert_eq!(view.fields(HeaderName::Route).count(), 0);
}

#[test]
fn every_known_name_is_found_in_its_long_form_and_any_case() {
    let mut count = 0;
    for first in b'a'..=b'z' {
        let compact = HeaderName::from_bytes(&[first]);
        assert_eq!(compact, HeaderName::from_bytes(&[first.to_ascii_uppercase()]));
        if compact != HeaderName::Other {
            assert_eq!(HeaderName::from_bytes(compact.as_str().to_ascii_uppercase().as_bytes()), compact);
            count += 1;
        }
    }
    assert_eq!(count, 14, "compact forms that are known");
    for name in ["p-asserted-identity", "P-PREFERRED-IDENTITY", "Remote-Party-ID", "Proxy-Authentication-Info"] {
        assert!(HeaderName::from_bytes(name.as_bytes()).as_str().eq_ignore_ascii_case(name), "{name}");
    }
    assert_eq!(HeaderName::from_bytes(b"X-Via"), HeaderName::Other);
    assert_eq!(HeaderName::from_bytes(b""), HeaderName::Other);
}

#[test]
fn keep_alives_are_told_apart() {
    for datagram in [b"".as_slice(), b"\r\n", b"\r\n\r\n", b"\0\0\0\0"] {
        assert!(is_keep_alive(datagram));
        assert_eq!(parse_error(datagram).status, 400);
    }
    assert!(!is_keep_alive(b"\r\nOPTIONS"));
}
