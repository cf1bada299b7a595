//! URIs, addresses, Via, comma lists, privacy tokens, numbers, text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use trunkline_message::text::{is_header_text, unescape, unfold, unquote, write_line, write_quoted};
use trunkline_message::{e164_digits, eq_host, HeaderName, NameAddr, OwnedMessage, Scheme, Uri, Via};

fn message(lines: &str) -> OwnedMessage {
    let text = format!(
        "OPTIONS sip:eu1.sip.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n"
    );
    OwnedMessage::parse(text.as_bytes()).expect("parses")
}

#[test]
fn a_sip_uri_is_taken_apart() {
    let uri = Uri::parse(b"SIPS:al%69ce;x=y:secret@[2001:DB8::1]:5061;Transport=tls;LR?Subject=x").expect("parses");
    assert_eq!(uri.scheme, Scheme::Sips);
    assert_eq!(uri.user, Some(b"al%69ce;x=y".as_slice()));
    assert_eq!(uri.user_unescaped().as_ref(), b"alice;x=y");
    assert_eq!(uri.password, Some(b"secret".as_slice()));
    assert_eq!(uri.host, b"[2001:DB8::1]");
    assert_eq!(uri.host_ip(), Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))));
    assert_eq!(uri.port, Some(5061));
    assert_eq!(uri.transport(), Some(b"tls".as_slice()));
    assert!(uri.has_lr());
    assert_eq!(uri.header_bytes, b"Subject=x");
}

#[test]
fn a_uri_without_user_has_none() {
    let uri = Uri::parse(b"sip:192.0.2.7").expect("parses");
    assert_eq!((uri.user, uri.port), (None, None));
    assert_eq!(uri.host_ip(), Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))));
    assert!(uri.user_unescaped().is_empty() && !uri.has_lr());
}

#[test]
fn a_user_part_may_hold_what_looks_like_parameters_and_headers() {
    for (raw, user) in [("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net"), ("sip:a?b/c;;@example.com", "a?b/c;;")] {
        let uri = Uri::parse(raw.as_bytes()).expect(raw);
        assert_eq!((uri.user, uri.host), (Some(user.as_bytes()), b"example.com".as_slice()));
    }
}

#[test]
fn a_tel_uri_has_a_number_and_parameters() {
    let uri = Uri::parse(b"tel:+31-20-1234;phone-context=example.com").expect("parses");
    assert_eq!((uri.scheme, uri.user, uri.host), (Scheme::Tel, Some(b"+31-20-1234".as_slice()), b"".as_slice()));
    assert!(uri.params().get("phone-context").is_some());
}

#[test]
fn other_schemes_are_opaque() {
    let uri = Uri::parse(b"nobodyKnowsThisScheme:totally;opaque@@content").expect("parses");
    assert_eq!((uri.scheme, uri.user), (Scheme::Other, None));
}

#[test]
fn uris_that_cannot_be_read_are_errors_that_point_to_the_place() {
    for (raw, offset) in [
        ("", 0),
        ("alice@example.com", 0),
        (":x", 0),
        ("1sip:x", 0),
        ("sip:", 4),
        ("sip:a@", 6),
        ("sip:@b", 4),
        ("sip:a@b@c", 6),
        ("sip:a@b;x=c@d", 6),
        ("sip:a@b:0", 8),
        ("sip:a@b:65536", 8),
        ("sip:a@b:", 8),
        ("sip:a@[::1", 6),
        ("sip:a@[1.2.3.4]", 6),
        ("sip:a@b c", 7),
        ("sip:a@b;;lr", 7),
        ("sip:a@<b>", 6),
        ("sip:a@h\u{f6}st", 6),
    ] {
        let error = Uri::parse(raw.as_bytes()).expect_err(raw);
        assert_eq!(error.offset, offset, "{raw}: {error}");
    }
}

#[test]
fn hosts_are_compared_without_case_dot_and_spelling_of_addresses() {
    assert!(eq_host(b"Acme.SIP.example.com", b"acme.sip.example.COM."));
    assert!(eq_host(b"[2001:db8::1]", b"[2001:DB8:0:0::1]"));
    assert!(!eq_host(b"acme.sip.example.com", b"acme.sip.example.co"));
    assert!(!eq_host(b"[::1]", b"[::2]"));
}

#[test]
fn a_name_addr_has_name_uri_and_parameters() {
    let value = b"\"J \\\"Doc\\\" Smith, <Jr>\" <sip:a@b;x=y> ; tag = t1 ;expires=3";
    let address = NameAddr::parse(value).expect("parses");
    assert_eq!(address.display_name().as_ref(), b"J \"Doc\" Smith, <Jr>");
    assert_eq!(address.uri_bytes, b"sip:a@b;x=y");
    assert_eq!(address.tag(), Some(b"t1".as_slice()));
    assert_eq!(address.params().count(), 2);
    assert_eq!(address.address_bytes, &value[..value.len() - b" ; tag = t1 ;expires=3".len()]);
}

#[test]
fn parameters_without_brackets_belong_to_the_header() {
    let address = NameAddr::parse(b"sip:a@b;tag=1").expect("parses");
    assert_eq!((address.uri_bytes, address.tag()), (b"sip:a@b".as_slice(), Some(b"1".as_slice())));
    assert_eq!(address.address_bytes, b"sip:a@b");
    assert!(address.display_name().is_empty());
}

#[test]
fn display_names_are_tokens_or_quoted_and_may_touch_the_bracket() {
    for (value, name) in
        [("caller<sip:a@b>", "caller"), ("J  Rosenberg  <sip:a@b>", "J  Rosenberg"), ("\"a\r\n b\"<sip:a@b>", "a b"), ("\"\"<sip:a@b>", "")]
    {
        assert_eq!(NameAddr::parse(value.as_bytes()).expect(value).display_name().as_ref(), name.as_bytes());
    }
}

#[test]
fn addresses_that_cannot_be_read_are_errors() {
    for value in [
        "",
        "<>",
        "<sip:a@b",
        "\"Mr. X <sip:a@b>",
        "\"x\"",
        "\"x\" sip:a@b",
        "Bell, Alexander <sip:a@b>",
        "a \"b\" <sip:a@b>",
        "sip:evil@x <sip:a@b>",
        "< sip:a@b>",
        "<sip:a@b >",
        "<sip:a@b> x",
        "<sip:a@b>;tag=\"",
        "<sip:a@b>;;tag=1",
        "sip:a@b?Route=x",
        "sip:a@b, sip:c@d",
    ] {
        assert!(NameAddr::parse(value.as_bytes()).is_err(), "taken: {value}");
    }
}

#[test]
fn a_via_is_taken_apart_with_white_space_everywhere() {
    let via = Via::parse(b"SIP  / 2.0\r\n  / UDP\t[2001:db8::9] : 5070 ; branch = z9hG4bKx ; rport ;received=192.0.2.9").expect("parses");
    assert_eq!((via.transport, via.sent_by_host, via.sent_by_port), (b"UDP".as_slice(), b"[2001:db8::9]".as_slice(), Some(5070)));
    assert_eq!(via.branch(), b"z9hG4bKx");
    assert!(via.has_cookie());
    assert_eq!(via.rport(), Some(None));
    assert_eq!(via.received(), Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9))));
    assert!(via.sent_by_ip().is_some_and(|ip| ip.is_ipv6()));
}

fn received(via: &str, source: &str) -> String {
    let mut out = Vec::new();
    let via = Via::parse(via.as_bytes()).expect("parses");
    via.write_received(source.parse().expect("an address"), &mut out);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn received_and_rport_tell_where_the_request_came_from() {
    for (via, source, expected) in [
        ("SIP/2.0/UDP 192.0.2.1;branch=z9", "192.0.2.1:5060", "SIP/2.0/UDP 192.0.2.1;branch=z9"),
        ("SIP/2.0/UDP 192.0.2.1;branch=z9", "192.0.2.2:5060", "SIP/2.0/UDP 192.0.2.1;branch=z9;received=192.0.2.2"),
        ("SIP/2.0/UDP pbx.acme.test;branch=z9", "192.0.2.2:5060", "SIP/2.0/UDP pbx.acme.test;branch=z9;received=192.0.2.2"),
        ("SIP/2.0/UDP 192.0.2.1;rport;branch=z9", "192.0.2.1:40000", "SIP/2.0/UDP 192.0.2.1;rport=40000;branch=z9;received=192.0.2.1"),
        ("SIP/2.0/UDP [::1];branch=z9;rport", "[::1]:7", "SIP/2.0/UDP [::1];branch=z9;rport=7;received=::1"),
        ("SIP/2.0/UDP 192.0.2.1 ; branch=z9", "[::ffff:192.0.2.1]:9", "SIP/2.0/UDP 192.0.2.1 ; branch=z9"),
    ] {
        assert_eq!(received(via, source), expected);
    }
}

#[test]
fn what_the_sender_claims_in_received_and_rport_is_dropped() {
    let claimed = "SIP/2.0/UDP 192.0.2.1;received=198.51.100.1;rport=1;branch=z9;rport=2;received=203.0.113.1";
    assert_eq!(received(claimed, "192.0.2.1:5062"), "SIP/2.0/UDP 192.0.2.1;rport=5062;branch=z9;received=192.0.2.1");
    let claimed = "SIP/2.0/UDP 192.0.2.1;branch=z9;received=198.51.100.1";
    assert_eq!(received(claimed, "192.0.2.1:5060"), "SIP/2.0/UDP 192.0.2.1;branch=z9");
}

#[test]
fn values_run_over_lines_and_commas_but_not_through_quotes_and_brackets() {
    let message =
        message("Route: <sip:one;lr>, \"a, b\" <sip:two,x;lr>\r\n ,,<sip:three;lr>\r\nSubject: x, y\r\nRoute:\r\nRoute: , <sip:four>\r\n");
    let view = message.view();
    let uris: Vec<_> = view.addresses(HeaderName::Route).map(|route| route.expect("parses").uri_bytes).collect();
    assert_eq!(uris, [b"sip:one;lr".as_slice(), b"sip:two,x;lr", b"sip:three;lr", b"sip:four"]);
    let places: Vec<_> = view.values(HeaderName::Route).map(|value| (value.header, value.ordinal)).collect();
    assert_eq!(places, [(5, 0), (5, 1), (5, 2), (8, 0)]);
}

#[test]
fn the_star_of_contact_is_no_address() {
    let message = message("Contact: *\r\nm: <sip:a@b>\r\n");
    assert_eq!(message.view().addresses(HeaderName::Contact).count(), 1);
}

#[test]
fn privacy_tokens_are_read_in_any_case_and_from_every_line() {
    let message = message("Privacy: Id ; CRITICAL\r\nPRIVACY: user, unheard-of\r\n");
    let tokens = message.view().privacy();
    assert!(tokens.is_id && tokens.is_critical && tokens.is_user);
    assert!(!tokens.is_none && !tokens.is_header && !tokens.is_session && !tokens.is_history);
}

#[test]
fn reasons_have_protocol_cause_and_text() {
    let message = message("Reason: SIP;cause=200;text=\"Call, elsewhere\", Q.850 ;cause=16\r\n");
    let view = message.view();
    let reasons: Vec<_> = view.reasons().map(|reason| (reason.protocol, reason.cause, reason.text)).collect();
    assert_eq!(reasons, [(b"SIP".as_slice(), Some(200), Some(b"\"Call, elsewhere\"".as_slice())), (b"Q.850", Some(16), None)]);
}

#[test]
fn a_span_is_found_for_slices_of_this_message_only() {
    let message = message("");
    let view = message.view();
    let span = view.span_of(view.call_id()).expect("inside");
    assert_eq!(span.of(view.bytes()), b"1");
    assert_eq!(view.span_of(b"elsewhere"), None);
}

#[test]
fn e164_numbers_have_3_to_15_digits() {
    for (user, digits) in [
        ("+31201234567", Some("31201234567")),
        ("3123456789", Some("3123456789")),
        ("%2B31201234567", Some("31201234567")),
        ("+31201234567;phone-context=example.com;npdi", Some("31201234567")),
        ("112", Some("112")),
        ("123456789012345", Some("123456789012345")),
        ("1234567890123456", None),
        ("12", None),
        ("", None),
        ("+", None),
        ("++31201234567", None),
        ("+31-20-1234567", None),
        ("+31 201234567", None),
        ("alice", None),
        ("31201234567%00", None),
        ("\u{661}\u{662}\u{663}", None),
    ] {
        assert_eq!(e164_digits(user.as_bytes()).map(|number| number.as_str().to_owned()).as_deref(), digits, "{user}");
    }
}

#[test]
fn escapes_quotes_and_folds_are_resolved() {
    assert_eq!(unescape(b"%41%4a%zz%2").as_ref(), b"AJ%zz%2");
    assert_eq!(unescape(b"null-%00-null").as_ref(), b"null-\0-null");
    assert_eq!(unquote(b"\"a \\\\ \\\" b\"").as_ref(), b"a \\ \" b");
    assert_eq!(unquote(b"plain").as_ref(), b"plain");
    assert_eq!(unquote(b"\"").as_ref(), b"\"");
    assert_eq!(unfold(b"a \r\n\t b\r\n c").as_ref(), b"a b c");
}

#[test]
fn text_that_would_end_a_field_is_no_header_text() {
    assert!(is_header_text("\"J\u{fc}rgen\" <sip:a@b>".as_bytes()));
    for text in [b"a\r\nVia: x".as_slice(), b"a\nb", b"a\rb", b"a\0b", b"a\x7f", b" a", b"a ", b"a\x1b[0m"] {
        assert!(!is_header_text(text), "{text:?}");
        let mut out = Vec::new();
        assert!(!write_line("Subject", text, &mut out) && out.is_empty());
    }
    let mut out = Vec::new();
    assert!(!write_line("Sub ject", b"x", &mut out));
    assert!(write_line("Subject", b"", &mut out));
    assert_eq!(out, b"Subject: \r\n");
}

#[test]
fn a_quoted_display_name_cannot_break_out() {
    let mut out = Vec::new();
    write_quoted(b"x\" <sip:evil>\r\nVia: \\", &mut out);
    assert_eq!(out, b"\"x\\\" <sip:evil>  Via: \\\\\"");
    out.extend_from_slice(b" <sip:a@b>");
    let address = NameAddr::parse(&out).expect("parses");
    assert_eq!((address.uri_bytes, address.display_name().as_ref()), (b"sip:a@b".as_slice(), b"x\" <sip:evil>  Via: \\".as_slice()));
}
