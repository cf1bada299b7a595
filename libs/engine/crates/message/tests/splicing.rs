//! Edits: what is touched changes, the rest stays byte for byte.

use trunkline_message::{Edits, HeaderName, Message, OwnedMessage, Span};

const REQUEST: &str = "INVITE sip:+31201234567@acme.sip.example.com SIP/2.0\r\n\
    v : SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0\r\n\
    rOuTe: <sip:eu1.sip.example.com;lr>,\r\n <sip:second;lr> , <sip:third;lr>\r\n\
    f: \"Alice\"\r\n <sip:31000000@acme.sip.example.com> ;tag=a1;x=y\r\n\
    t: sip:+31201234567@acme.sip.example.com\r\n\
    i: c1\r\n\
    CSeq: 1 INVITE\r\n\
    P-Asserted-Identity: <sip:victim@example.com>,\r\n\t<tel:+31>\r\n\
    X-Odd:  kept   as it is \r\n\
    p-asserted-identity : <sip:other@example.com>\r\n\
    Max-Forwards:  70\r\n\
    l: 4\r\n\
    \r\n\
    v=0\n";

fn spliced(text: &str, edit: impl FnOnce(&mut Edits, &Message<'_>)) -> String {
    let message = OwnedMessage::parse(text.as_bytes()).expect("parses");
    let mut edits = Edits::new();
    edit(&mut edits, &message.view());
    let mut out = b"before".to_vec();
    edits.write(&message.view(), &mut out);
    let out = String::from_utf8(out).expect("ASCII");
    out.strip_prefix("before").expect("appends").to_owned()
}

/// The only difference is that `from` became `to`.
fn assert_changes(edit: impl FnOnce(&mut Edits, &Message<'_>), from: &str, to: &str) {
    assert_eq!(REQUEST.matches(from).count(), 1, "the test looks for something ambiguous: {from:?}");
    assert_eq!(spliced(REQUEST, edit), REQUEST.replace(from, to));
}

#[test]
fn without_edits_the_message_is_the_same() {
    assert_eq!(spliced(REQUEST, |_, _| {}), REQUEST);
}

#[test]
fn the_request_uri_is_replaced() {
    assert_changes(
        |edits, message| edits.replace_request_uri(message, b"sip:31201234567@192.0.2.9:5060"),
        "INVITE sip:+31201234567@acme.sip.example.com SIP",
        "INVITE sip:31201234567@192.0.2.9:5060 SIP",
    );
}

#[test]
fn a_field_goes_with_its_folds_and_in_all_its_spellings() {
    let text = spliced(REQUEST, |edits, message| edits.remove_all(message, HeaderName::PAssertedIdentity));
    assert_eq!(
        text,
        REQUEST
            .replace("P-Asserted-Identity: <sip:victim@example.com>,\r\n\t<tel:+31>\r\n", "")
            .replace("p-asserted-identity : <sip:other@example.com>\r\n", "")
    );
    assert!(!OwnedMessage::parse(text.as_bytes()).expect("parses").view().has(HeaderName::PAssertedIdentity));
}

#[test]
fn an_unknown_field_is_removed_by_name() {
    assert_changes(|edits, message| edits.remove_named(message, b"x-ODD"), "X-Odd:  kept   as it is \r\n", "");
}

#[test]
fn one_value_of_a_list_is_removed_wherever_it_stands() {
    let remove = |uri: &'static [u8]| {
        move |edits: &mut Edits, message: &Message<'_>| edits.retain_values(message, HeaderName::Route, |value| !value.bytes.ends_with(uri))
    };
    assert_changes(remove(b"com;lr>"), "<sip:eu1.sip.example.com;lr>,\r\n <sip:second;lr>", "<sip:second;lr>");
    assert_changes(remove(b"second;lr>"), "<sip:second;lr> , <sip:third;lr>", "<sip:third;lr>");
    assert_changes(remove(b"third;lr>"), "<sip:second;lr> , <sip:third;lr>", "<sip:second;lr>");
    assert_changes(remove(b""), "rOuTe: <sip:eu1.sip.example.com;lr>,\r\n <sip:second;lr> , <sip:third;lr>\r\n", "");
}

#[test]
fn every_subset_of_a_list_can_be_removed() {
    let routes = ["<sip:eu1.sip.example.com;lr>", "<sip:second;lr>", "<sip:third;lr>"];
    for kept in 0..8u32 {
        let text = spliced(REQUEST, |edits, message| {
            edits.retain_values(message, HeaderName::Route, |value| kept & (1 << value.ordinal) != 0);
        });
        let message = OwnedMessage::parse(text.as_bytes()).expect("parses");
        let expected: Vec<_> = (0..3).filter(|index| kept & (1 << index) != 0).map(|index| routes[index].as_bytes()).collect();
        let left: Vec<_> = message.view().values(HeaderName::Route).map(|value| value.bytes).collect();
        assert_eq!(left, expected);
        assert_eq!(message.view().has(HeaderName::Route), kept != 0);
        assert!(!text.contains(",\r\nf:"), "a comma is left over");
    }
}

#[test]
fn the_first_value_is_removed() {
    assert_changes(
        |edits, message| edits.remove_first_value(message, HeaderName::Via),
        "v : SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport, SIP",
        "v : SIP",
    );
    assert_eq!(spliced(REQUEST, |edits, message| edits.remove_first_value(message, HeaderName::RecordRoute)), REQUEST);
}

#[test]
fn lines_are_inserted_before_the_first_and_after_the_last_field_in_order() {
    let text = spliced(REQUEST, |edits, message| {
        edits.insert_top(message, "Via", b"SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKnew");
        edits.insert_top(message, "Record-Route", b"<sip:192.0.2.5;lr>");
        edits.insert_bottom(message, "Privacy", b"id");
        edits.insert_lines(message, b"A: 1\r\nB: 2\r\n");
    });
    let expected = REQUEST
        .replace("v : ", "Via: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKnew\r\nRecord-Route: <sip:192.0.2.5;lr>\r\nv : ")
        .replace("l: 4\r\n", "l: 4\r\nPrivacy: id\r\nA: 1\r\nB: 2\r\n");
    assert_eq!(text, expected);
}

#[test]
fn insertions_survive_the_removal_of_the_fields_beside_them() {
    let text = spliced(REQUEST, |edits, message| {
        edits.remove_all(message, HeaderName::Via);
        edits.remove_all(message, HeaderName::ContentLength);
        edits.insert_top(message, "Via", b"SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKnew");
        edits.insert_bottom(message, "Content-Length", b"4");
    });
    assert!(text.contains("SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKnew\r\nrOuTe"));
    assert!(text.ends_with("Max-Forwards:  70\r\nContent-Length: 4\r\n\r\nv=0\n"));
}

#[test]
fn a_removed_field_takes_its_edits_along_in_any_order() {
    for is_removed_first in [true, false] {
        let text = spliced(REQUEST, |edits, message| {
            if is_removed_first {
                edits.remove_all(message, HeaderName::Via);
            }
            edits.set_received(message, "192.0.2.1:9".parse().expect("an address"));
            if !is_removed_first {
                edits.remove_all(message, HeaderName::Via);
            }
            edits.insert_top(message, "Via", b"SIP/2.0/UDP x;branch=z9hG4bKnew");
        });
        assert!(text.starts_with("INVITE sip:+31201234567@acme.sip.example.com SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKnew\r\nrOuTe"));
        assert!(!text.contains("received"));
    }
}

#[test]
fn removing_a_field_twice_is_removing_it_once() {
    let text = spliced(REQUEST, |edits, message| {
        edits.remove_all(message, HeaderName::MaxForwards);
        edits.remove_all(message, HeaderName::MaxForwards);
    });
    assert_eq!(text, REQUEST.replace("Max-Forwards:  70\r\n", ""));
}

#[test]
fn from_and_to_are_replaced_and_keep_their_parameters() {
    assert_changes(
        |edits, message| edits.replace_address(message, HeaderName::From, b"\"Anonymous\" <sip:anonymous@anonymous.invalid>"),
        "\"Alice\"\r\n <sip:31000000@acme.sip.example.com> ;tag",
        "\"Anonymous\" <sip:anonymous@anonymous.invalid> ;tag",
    );
    assert_changes(
        |edits, message| edits.replace_address(message, HeaderName::To, b"<sip:x@y>"),
        "t: sip:+31201234567@acme.sip.example.com\r\n",
        "t: <sip:x@y>\r\n",
    );
}

#[test]
fn max_forwards_is_replaced_or_inserted() {
    assert_changes(|edits, message| edits.set_max_forwards(message, 69), "Max-Forwards:  70", "Max-Forwards:  69");
    let without = REQUEST.replace("Max-Forwards:  70\r\n", "");
    let text = spliced(&without, |edits, message| edits.set_max_forwards(message, 70));
    assert_eq!(OwnedMessage::parse(text.as_bytes()).expect("parses").view().max_forwards(), Some(70));
}

#[test]
fn received_goes_into_the_top_via_of_a_list() {
    assert_changes(
        |edits, message| edits.set_received(message, "192.0.2.1:4444".parse().expect("an address")),
        "branch=z9hG4bK1;rport,",
        "branch=z9hG4bK1;rport=4444;received=192.0.2.1,",
    );
}

#[test]
fn edits_can_be_reused() {
    let message = OwnedMessage::parse(REQUEST.as_bytes()).expect("parses");
    let mut edits = Edits::new();
    edits.remove_all(&message.view(), HeaderName::Via);
    assert!(!edits.is_empty());
    edits.clear();
    edits.replace(Span { start: 0, end: 6 }, b"BYE");
    let mut out = Vec::new();
    edits.write(&message.view(), &mut out);
    assert_eq!(out, REQUEST.replacen("INVITE", "BYE", 1).as_bytes());
}
