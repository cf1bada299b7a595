//! The torture tests of RFC 4475, one file each, classed by section, with the reaction that this parser owes them.
//!
//! The files hold the messages byte for byte as on the wire; `baddn` has its header ended, so that it is refused for its display names.
//! Where the RFC leaves a choice, or we are stricter than it, the row says so. What it asks of the layers above (420, 483, 416) is
//! theirs; here such messages must parse and show what those layers need.

use std::path::Path;

use trunkline_message::{
    write_malformed_response, CredentialsError, Edits, HeaderName, HeaderTable, Message, Method, OwnedMessage, ResponseSpec, Scheme,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reaction {
    /// Well-formed for this layer.
    Taken,
    /// A request that is answered with this status.
    Answered(u16),
    /// Refused with this status, but not answerable: a mandatory field is missing or cannot be read.
    Dropped(u16),
}
use Reaction::{Answered, Dropped, Taken};

/// File, reaction, what the error says (empty where taken).
const MESSAGES: [(&str, Reaction, &str); 49] = [
    // §3.1.1 Valid messages.
    ("3.1.1.1_wsinv", Taken, ""),
    // Stricter: a NUL in a header ends the framing, even as a quoted pair; it stands in To, so nothing can be answered.
    ("3.1.1.2_intmeth", Dropped(400), "NUL in the header"),
    ("3.1.1.3_esc01", Taken, ""),
    ("3.1.1.4_escnull", Taken, ""),
    ("3.1.1.5_esc02", Taken, ""),
    ("3.1.1.6_lwsdisp", Taken, ""),
    // Stricter: its 34 Via have no branch, which only RFC 2543 allowed.
    ("3.1.1.7_longreq", Answered(400), "top Via without a branch, or with one too long"),
    ("3.1.1.8_dblreq", Taken, ""),
    ("3.1.1.9_semiuri", Taken, ""),
    ("3.1.1.10_transports", Taken, ""),
    ("3.1.1.11_mpart01", Taken, ""),
    ("3.1.1.12_unreason", Taken, ""),
    ("3.1.1.13_noreason", Taken, ""),
    // §3.1.2 Invalid messages.
    ("3.1.2.1_badinv01", Dropped(400), "parameters that cannot be read, or more than 64"),
    ("3.1.2.2_clerr", Answered(400), "body is shorter than Content-Length"),
    ("3.1.2.3_ncl", Answered(400), "Content-Length is no number"),
    ("3.1.2.4_scalar02", Answered(400), "CSeq is not a number below 2^31"),
    // A response: to be discarded.
    ("3.1.2.5_scalarlg", Dropped(400), "CSeq is not a number below 2^31"),
    ("3.1.2.6_quotbal", Answered(400), "quoted string without its end"),
    ("3.1.2.7_ltgtruri", Answered(400), "white space, quote or angle bracket in a URI"),
    ("3.1.2.8_lwsruri", Answered(400), "SIP version is not 2.0"),
    ("3.1.2.9_lwsstart", Answered(400), "SIP version is not 2.0"),
    ("3.1.2.10_trws", Answered(400), "SIP version is not 2.0"),
    // The RFC allows to ignore or to refuse.
    ("3.1.2.11_escruri", Answered(400), "headers in the Request-URI"),
    // The RFC allows to take it where Date does not matter.
    ("3.1.2.12_baddate", Taken, ""),
    // The Contact is refused where it is read.
    ("3.1.2.13_regbadct", Taken, ""),
    ("3.1.2.14_badaspec", Answered(400), "white space, quote or bracket in the URI of an address"),
    ("3.1.2.15_baddn", Answered(400), "display name must be quoted"),
    ("3.1.2.16_badvers", Answered(505), "SIP version is not 2.0"),
    ("3.1.2.17_mismatch01", Answered(400), "method of CSeq is not that of the request"),
    // The RFC allows 400 or 501.
    ("3.1.2.18_mismatch02", Answered(400), "method of CSeq is not that of the request"),
    // A response: to be discarded.
    ("3.1.2.19_bigcode", Dropped(400), "status code is not 100 to 699"),
    // §3.2 Transaction layer semantics.
    ("3.2.1_badbranch", Taken, ""),
    // §3.3 Application layer semantics.
    ("3.3.1_insuf", Dropped(400), "no Call-ID"),
    ("3.3.2_unkscm", Taken, ""),
    ("3.3.3_novelsc", Taken, ""),
    ("3.3.4_unksm2", Taken, ""),
    ("3.3.5_bext01", Taken, ""),
    ("3.3.6_invut", Taken, ""),
    ("3.3.7_regaut01", Taken, ""),
    ("3.3.8_multi01", Answered(400), "two CSeq fields"),
    ("3.3.9_mcl01", Answered(400), "two Content-Length fields"),
    ("3.3.10_bcast", Taken, ""),
    ("3.3.11_zeromf", Taken, ""),
    ("3.3.12_cparam01", Taken, ""),
    ("3.3.13_cparam02", Taken, ""),
    ("3.3.14_regescrt", Taken, ""),
    ("3.3.15_sdp01", Taken, ""),
    // §3.4 Backward compatibility; stricter: no branch.
    ("3.4.1_inv2543", Answered(400), "top Via without a branch, or with one too long"),
];

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rfc4475").join(format!("{name}.sip"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn taken(name: &str) -> OwnedMessage {
    OwnedMessage::parse(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn react(datagram: &[u8]) -> (Reaction, &'static str) {
    let mut table = HeaderTable::new();
    let error = match Message::parse(datagram, &mut table) {
        Ok(_) => return (Taken, ""),
        Err(error) => error,
    };
    let mut out = Vec::new();
    let spec = ResponseSpec { status: 0, reason_phrase: "", source: None, to_tag: Some(b"t"), has_record_route: false, lines: b"" };
    if !write_malformed_response(datagram, &table, &error, &spec, &mut out) {
        return (Dropped(error.status), error.what);
    }
    assert!(out.starts_with(format!("SIP/2.0 {} ", error.status).as_bytes()));
    (Answered(error.status), error.what)
}

#[test]
fn every_message_gets_its_reaction() {
    for (name, reaction, what) in MESSAGES {
        assert_eq!(react(&read(name)), (reaction, what), "{name}");
    }
}

#[test]
fn every_file_has_a_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rfc4475");
    let count =
        std::fs::read_dir(folder).expect("is there").flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "sip"));
    assert_eq!(count.count(), MESSAGES.len());
}

#[test]
fn messages_that_are_taken_are_forwarded_byte_for_byte() {
    for (name, ..) in MESSAGES.iter().filter(|row| row.1 == Taken) {
        let datagram = read(name);
        let message = taken(name);
        let mut out = Vec::new();
        Edits::new().write(&message.view(), &mut out);
        assert_eq!(out, message.bytes(), "{name}");
        assert!(datagram.starts_with(&out), "{name}");
    }
}

#[test]
fn a_short_tortuous_invite_is_understood() {
    let message = taken("3.1.1.1_wsinv");
    let view = message.view();
    assert_eq!((view.method(), view.cseq().number, view.max_forwards()), (Method::Invite, 9, Some(68)));
    assert_eq!((view.to_tag(), view.from_tag()), (Some(b"1918181833n".as_slice()), Some(b"98asjd8".as_slice())));
    assert_eq!(view.from().display_name().as_ref(), b"J Rosenberg \\\"");
    assert_eq!(view.value(HeaderName::Subject), Some(b"".as_slice()));
    let vias: Vec<_> = view.vias().map(|via| via.expect("parses")).map(|via| (via.transport, via.sent_by_host, via.branch())).collect();
    assert_eq!(
        vias,
        [
            (b"UDP".as_slice(), b"192.0.2.2".as_slice(), b"390skdjuw".as_slice()),
            (b"TCP", b"spindle.example.com", b"z9hG4bK9ikj8"),
            (b"UDP", b"192.168.255.111", b"z9hG4bK30239"),
        ]
    );
    assert!(!view.top_via().has_cookie());
    let route = view.addresses(HeaderName::Route).next().expect("is there").expect("parses").uri().expect("parses");
    assert!(route.has_lr() && route.params().get("unknown-no-value").is_some_and(|param| param.value.is_none()));
    let contact = view.addresses(HeaderName::Contact).next().expect("is there").expect("parses");
    assert_eq!(contact.display_name().as_ref(), b"Quoted string \"\"");
    assert!(contact.params().get("secondparam").is_some_and(|param| param.value.is_none()));
    assert_eq!(contact.params().get("q").and_then(|param| param.value), Some(b"0.33".as_slice()));
    assert_eq!(view.body().len(), 150);
}

#[test]
fn a_wide_range_of_characters_is_taken_but_for_the_nul() {
    let datagram: Vec<u8> = read("3.1.1.2_intmeth").into_iter().map(|byte| if byte == 0 { 1 } else { byte }).collect();
    let message = OwnedMessage::parse(&datagram).expect("parses");
    let view = message.view();
    assert_eq!((view.method(), view.method_bytes()), (Method::Other, b"!interesting-Method0123456789_*+`.%indeed'~".as_slice()));
    let uri = view.request_uri().expect("parses");
    assert_eq!(uri.user, Some(b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*".as_slice()));
    assert_eq!(uri.password, Some(b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)".as_slice()));
    assert_eq!(view.top_via().branch(), b"z9hG4bK-.!%66*_+`'~");
    assert_eq!(view.to().display_name().as_ref(), b"BEL:\x07 NUL:\x01 DEL:\x7f");
    assert_eq!(view.from().display_name().as_ref(), b"token1~` token2'+_ token3*%!.-");
    assert_eq!(view.from_tag(), Some(b"_token~1'+`*%!-.".as_slice()));
    assert_eq!(view.call_id(), b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
}

#[test]
fn escapes_are_resolved_in_uris_only() {
    let message = taken("3.1.1.3_esc01");
    let view = message.view();
    assert_eq!(view.request_uri().expect("parses").user_unescaped().as_ref(), b"sips:user@example.com");
    assert_eq!(view.to().uri().expect("parses").user_unescaped().as_ref(), b"user");
    assert_eq!(view.from().uri().expect("parses").user_unescaped().as_ref(), b"I have spaces");
    let message = taken("3.1.1.4_escnull");
    assert_eq!(message.view().to().uri().expect("parses").user_unescaped().as_ref(), b"null-\0-null");
    let message = taken("3.1.1.5_esc02");
    let view = message.view();
    assert_eq!((view.method(), view.method_bytes()), (Method::Other, b"RE%47IST%45R".as_slice()));
    assert_eq!(view.from().display_name().as_ref(), b"%Z%45");
    assert_eq!(view.addresses(HeaderName::Contact).count(), 2, "C%6Fntact is another field");
}

#[test]
fn long_values_are_taken_with_branches_and_fewer_vias() {
    let text = String::from_utf8(read("3.1.1.7_longreq")).expect("UTF-8");
    let is_via = |line: &str| line.split(':').next().is_some_and(|name| matches!(name.trim().to_ascii_lowercase().as_str(), "via" | "v"));
    let (vias, others): (Vec<_>, Vec<_>) = text.split_inclusive("\r\n").partition(|line| is_via(line));
    assert_eq!(vias.len(), 34);
    let start_line = others[0];
    let datagram = [start_line, "Via: SIP/2.0/TCP sip33.example.com;branch=z9hG4bK1\r\n", &others[1..].concat()].concat();
    let message = OwnedMessage::parse(datagram.as_bytes()).expect("parses");
    assert_eq!(message.view().call_id().len(), "longreq.one".len() + 20 * "really".len() + "longcallid".len());
    assert_eq!(message.view().from_tag().map(<[u8]>::len), Some(155));
}

#[test]
fn octets_behind_the_message_are_not_part_of_it() {
    let message = taken("3.1.1.8_dblreq");
    assert_eq!(message.view().method(), Method::Register);
    assert!(message.bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
}

#[test]
fn a_semicolon_in_the_user_part_starts_no_uri_parameter() {
    let message = taken("3.1.1.9_semiuri");
    let uri = message.view().request_uri().expect("parses");
    assert_eq!((uri.user_unescaped().as_ref(), uri.param_bytes), (b"user;par=u@example.net".as_slice(), b"".as_slice()));
}

#[test]
fn any_transport_may_stand_in_via() {
    let message = taken("3.1.1.10_transports");
    let transports: Vec<_> = message.view().vias().map(|via| via.expect("parses").transport.to_vec()).collect();
    assert_eq!(transports, [b"UDP".to_vec(), b"SCTP".to_vec(), b"TLS".to_vec(), b"UNKNOWN".to_vec(), b"TCP".to_vec()]);
}

#[test]
fn reason_phrases_may_be_unusual_or_empty() {
    let message = taken("3.1.1.12_unreason");
    assert!(message.view().reason_phrase().starts_with("= 2**3 * 5**2 но сто".as_bytes()));
    let message = taken("3.1.1.13_noreason");
    assert_eq!((message.view().status(), message.view().reason_phrase()), (Some(100), b"".as_slice()));
}

#[test]
fn a_contact_with_a_question_mark_outside_brackets_cannot_be_read() {
    let message = taken("3.1.2.13_regbadct");
    assert!(message.view().addresses(HeaderName::Contact).all(|contact| contact.is_err()));
    let message = taken("3.3.14_regescrt");
    let contact = message.view().addresses(HeaderName::Contact).next().expect("is there").expect("parses");
    assert_eq!(contact.uri().expect("parses").header_bytes, b"Route=%3Csip:sip.example.com%3E");
}

#[test]
fn a_branch_that_is_nothing_but_the_cookie_is_not_unique() {
    let message = taken("3.2.1_badbranch");
    assert_eq!(message.view().top_via().branch(), b"z9hG4bK");
    assert!(!message.view().top_via().has_cookie());
}

#[test]
fn the_layers_above_find_what_they_refuse_for() {
    for name in ["3.3.2_unkscm", "3.3.3_novelsc"] {
        let message = taken(name);
        assert_eq!(message.view().request_uri().expect("parses").scheme, Scheme::Other, "{name}");
    }
    let message = taken("3.3.5_bext01");
    let tags: Vec<_> = message.view().option_tags(HeaderName::ProxyRequire).map(<[u8]>::to_vec).collect();
    assert_eq!(tags, [b"noProxiesSupportThis".to_vec(), b"norDoAnyProxiesSupportThis".to_vec()]);
    assert_eq!(taken("3.3.11_zeromf").view().max_forwards(), Some(0));
    let message = taken("3.3.7_regaut01");
    let view = message.view();
    let credentials = trunkline_message::Credentials::parse(view.value(HeaderName::Authorization).expect("is there"));
    assert_eq!(credentials.map(|_| ()), Err(CredentialsError::NotDigest));
    assert_eq!(taken("3.3.10_bcast").view().vias().count(), 2);
}
