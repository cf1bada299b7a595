//! Messages of our own: responses, ACK, CANCEL, requests in a dialog.

use trunkline_message::{
    reason_phrase, write_ack_for_failure, write_cancel, write_malformed_response, write_request, write_response, DialogRequest, HeaderName,
    HeaderTable, Message, Method, OwnedMessage, ResponseSpec,
};

const INVITE: &str = "INVITE sip:+31201234567@192.0.2.9 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport,SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0\r\n\
    v: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bK00\r\n\
    Route: <sip:p1;lr>\r\n\
    Route: <sip:p2;lr>,<sip:p3;lr>\r\n\
    Record-Route: <sip:10.0.0.2;lr>\r\n\
    From: \"Alice\"\r\n <sip:a@b>;tag=a1\r\n\
    T: <sip:c@d>\r\n\
    Call-ID: c1\r\n\
    CSeq: 7 INVITE\r\n\
    Timestamp: 54\r\n\
    Max-Forwards: 12\r\n\
    Contact: <sip:a@10.0.0.1:5070>\r\n\
    Content-Length: 0\r\n\
    \r\n";

const SPEC: ResponseSpec<'static> =
    ResponseSpec { status: 403, reason_phrase: "", source: None, to_tag: Some(b"t9"), has_record_route: false, lines: b"" };

fn parsed(bytes: &[u8]) -> OwnedMessage {
    OwnedMessage::parse(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn response(spec: &ResponseSpec<'_>) -> String {
    let mut out = Vec::new();
    write_response(&parsed(INVITE.as_bytes()).view(), spec, &mut out);
    parsed(&out);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn a_response_copies_what_the_rfc_asks_for() {
    let spec = ResponseSpec {
        reason_phrase: "Source Not In ACL T203",
        source: "192.0.2.77:40000".parse().ok(),
        lines: b"Reason: Q.850;cause=21\r\n",
        ..SPEC
    };
    assert_eq!(
        response(&spec),
        "SIP/2.0 403 Source Not In ACL T203\r\n\
         Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport=40000;received=192.0.2.77,SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0\r\n\
         v: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bK00\r\n\
         From: \"Alice\"\r\n <sip:a@b>;tag=a1\r\n\
         T: <sip:c@d>;tag=t9\r\n\
         Call-ID: c1\r\n\
         CSeq: 7 INVITE\r\n\
         Reason: Q.850;cause=21\r\n\
         Content-Length: 0\r\n\
         \r\n"
    );
}

#[test]
fn a_100_has_no_tag_and_copies_the_timestamp() {
    let text = response(&ResponseSpec { status: 100, ..SPEC });
    assert!(text.starts_with("SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport,"));
    assert!(text.contains("T: <sip:c@d>\r\n") && text.contains("Timestamp: 54\r\n"));
}

#[test]
fn a_tag_that_is_there_stays() {
    let invite = INVITE.replace("T: <sip:c@d>", "T: <sip:c@d>;TAG=theirs");
    let mut out = Vec::new();
    write_response(&parsed(invite.as_bytes()).view(), &SPEC, &mut out);
    assert!(String::from_utf8_lossy(&out).contains("T: <sip:c@d>;TAG=theirs\r\n"));
}

#[test]
fn record_route_is_copied_where_asked_for() {
    assert!(!response(&SPEC).contains("Record-Route"));
    assert!(response(&ResponseSpec { status: 200, has_record_route: true, ..SPEC }).contains("Record-Route: <sip:10.0.0.2;lr>\r\n"));
}

#[test]
fn phrases_are_those_of_the_rfc() {
    assert_eq!(
        (reason_phrase(407), reason_phrase(487), reason_phrase(699)),
        ("Proxy Authentication Required", "Request Terminated", "Unknown")
    );
}

fn malformed(text: &str) -> Option<String> {
    let mut table = HeaderTable::new();
    let error = Message::parse(text.as_bytes(), &mut table).expect_err("is malformed");
    let mut out = Vec::new();
    let spec = ResponseSpec { reason_phrase: "Bad Request T101", source: "10.0.0.1:5070".parse().ok(), ..SPEC };
    let is_written = write_malformed_response(text.as_bytes(), &table, &error, &spec, &mut out);
    assert_eq!(is_written, !out.is_empty());
    is_written.then(|| String::from_utf8(out).expect("ASCII"))
}

#[test]
fn a_malformed_request_is_answered_from_what_could_be_read() {
    let text = malformed(&format!("\r\n{}", INVITE.replace("Call-ID: c1", "Call-ID: c1\r\nCall-ID: c2"))).expect("is answered");
    assert!(text.starts_with("SIP/2.0 400 Bad Request T101\r\n"));
    assert_eq!(text.matches("Call-ID").count(), 1);
    let message = parsed(text.as_bytes());
    assert_eq!((message.view().call_id(), message.view().to_tag()), (b"c1".as_slice(), Some(b"t9".as_slice())));
    assert_eq!(message.view().top_via().rport(), Some(Some(5070)));
    let text = malformed(&INVITE.replace("INVITE sip:+31201234567@192.0.2.9 SIP/2.0", "INVITE sip:x@y SIP/3.0")).expect("is answered");
    assert!(text.starts_with("SIP/2.0 505 "));
    let text = malformed(&INVITE.replace("Content-Length: 0", "Content-Length: 10")).expect("is answered");
    assert!(text.starts_with("SIP/2.0 400 "));
    assert!(malformed(&INVITE.replace("7 INVITE", "7 BYE")).is_some());
    for (name, line) in [("T:", "T: <sip:e@f>"), ("From:", "From: <sip:e@f>"), ("CSeq:", "CSeq: 7 INVITE")] {
        let text = malformed(&INVITE.replace("Timestamp:", &format!("{line}\r\nTimestamp:"))).expect("is answered");
        assert_eq!(text.matches(&format!("\r\n{name}")).count(), 1, "{text}");
    }
}

#[test]
fn nobody_is_answered_without_what_a_response_needs() {
    let broken = INVITE.replace("Content-Length: 0", "Content-Length: x");
    assert!(malformed(&broken).is_some());
    for (from, to) in [
        ("INVITE sip:+31201234567@192.0.2.9 SIP/2.0", "SIP/2.0 200 OK"),
        ("INVITE", "ACK"),
        ("From:", "X-From:"),
        ("T:", "X-To:"),
        ("Call-ID:", "X-Call-ID:"),
        ("CSeq:", "X-CSeq:"),
        ("SIP/2.0/UDP 10.0.0.1", "SIP/2.0/UDP 10.0.0.1 and more"),
    ] {
        assert_eq!(malformed(&broken.replace(from, to)), None, "{to}");
    }
    assert_eq!(malformed("\r\n\r\n"), None);
    assert_eq!(malformed("nonsense"), None);
}

#[test]
fn the_ack_of_a_failure_repeats_the_branch_of_the_invite() {
    let invite = parsed(INVITE.as_bytes());
    let mut busy = Vec::new();
    write_response(&invite.view(), &ResponseSpec { status: 486, ..SPEC }, &mut busy);
    let mut out = Vec::new();
    write_ack_for_failure(&invite.view(), &parsed(&busy).view(), &mut out);
    let ack = parsed(&out);
    let view = ack.view();
    assert_eq!((view.method(), view.cseq().number), (Method::Ack, 7));
    assert_eq!(view.request_uri_bytes(), b"sip:+31201234567@192.0.2.9");
    assert_eq!(view.vias().count(), 1);
    assert_eq!(view.top_via().raw, invite.view().top_via().raw);
    assert_eq!(view.values(HeaderName::Route).count(), 3);
    assert_eq!((view.from_tag(), view.to_tag(), view.call_id()), (Some(b"a1".as_slice()), Some(b"t9".as_slice()), b"c1".as_slice()));
    assert!(!view.has(HeaderName::Contact));
}

#[test]
fn a_cancel_repeats_the_invite_and_takes_no_tag() {
    let invite = parsed(INVITE.as_bytes());
    let mut out = Vec::new();
    write_cancel(&invite.view(), b"Reason: SIP;cause=200\r\n", &mut out);
    let cancel = parsed(&out);
    let view = cancel.view();
    assert_eq!((view.method(), view.cseq().number, view.to_tag()), (Method::Cancel, 7, None));
    assert_eq!(view.top_via().branch(), invite.view().top_via().branch());
    assert_eq!(view.request_uri_bytes(), invite.view().request_uri_bytes());
    assert_eq!(view.reasons().next().and_then(|reason| reason.cause), Some(200));
}

fn bye(routes: &[&[u8]]) -> String {
    let request = DialogRequest {
        method: "BYE",
        remote_target: b"sip:c@203.0.113.5",
        routes,
        via: b"SIP/2.0/UDP 127.0.1.1;branch=z9hG4bKbye",
        from: b"<sip:a@b>;tag=a1",
        to: b"<sip:c@d>;tag=t9",
        call_id: b"c1",
        cseq: 8,
        lines: b"Reason: SIP;cause=487\r\n",
    };
    let mut out = Vec::new();
    write_request(&request, &mut out);
    parsed(&out);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn a_bye_goes_to_the_remote_target_through_the_route_set() {
    assert_eq!(
        bye(&[b"<sip:p1;lr>", b"\"P2\" <sip:p2;lr>"]),
        "BYE sip:c@203.0.113.5 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.1.1;branch=z9hG4bKbye\r\n\
         Max-Forwards: 70\r\n\
         Route: <sip:p1;lr>\r\n\
         Route: \"P2\" <sip:p2;lr>\r\n\
         From: <sip:a@b>;tag=a1\r\n\
         To: <sip:c@d>;tag=t9\r\n\
         Call-ID: c1\r\n\
         CSeq: 8 BYE\r\n\
         Reason: SIP;cause=487\r\n\
         Content-Length: 0\r\n\
         \r\n"
    );
    assert!(
        bye(&[]).starts_with("BYE sip:c@203.0.113.5 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.1;branch=z9hG4bKbye\r\nMax-Forwards: 70\r\nFrom")
    );
}

#[test]
fn a_strict_router_becomes_the_request_uri_and_the_target_the_last_route() {
    let text = bye(&[b"<sip:strict;x=y?Subject=z>", b"<sip:p2;lr>"]);
    assert!(text.starts_with("BYE sip:strict;x=y SIP/2.0\r\n"));
    assert!(text.contains("Route: <sip:p2;lr>\r\nRoute: <sip:c@203.0.113.5>\r\n"));
}
