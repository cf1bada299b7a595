//! The torture tests of RFC 5118 (SIP over IPv6), one file each, classed by section, with the reaction that this parser owes them.
//!
//! The files hold the messages as on the wire. Content-Length of the three that have a body is that of the body with its CRLFs; the RFC's
//! print of them says other numbers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use trunkline_message::{Edits, HeaderName, Message, OwnedMessage, Via};

/// File, and what the error says; empty where it is taken.
const MESSAGES: [(&str, &str); 12] = [
    ("4.1_ipv6-good", ""),
    // A Request-URI without brackets: to be refused, with 400.
    ("4.2_ipv6-bad", "port of a URI is not 1 to 65535"),
    ("4.3_port-ambiguous", ""),
    ("4.4_port-unambiguous", ""),
    // `received` with and without brackets: both to be taken.
    ("4.5_via-received-param-with-delim", ""),
    ("4.5_via-received-param-no-delim", ""),
    ("4.6_ipv6-in-sdp", ""),
    ("4.7_mult-ip-in-header", ""),
    ("4.8_mult-ip-in-sdp", ""),
    ("4.9_ipv4-mapped-ipv6", ""),
    // The bug of RFC 3261's grammar. The RFC asks for the good form to be generated; we take no other.
    ("4.10_ipv6-bug-abnf-3-colons", "host of a URI is no name and no address"),
    ("4.10_ipv6-correct-abnf-2-colons", ""),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rfc5118")
}

fn read(name: &str) -> Vec<u8> {
    let path = folder().join(format!("{name}.sip"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn taken(name: &str) -> OwnedMessage {
    OwnedMessage::parse(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn host(message: &Message<'_>) -> (String, Option<u16>) {
    let uri = message.request_uri().expect("parses");
    (uri.host_ip().map(|ip| ip.to_string()).unwrap_or_default(), uri.port)
}

#[test]
fn every_message_gets_its_reaction() {
    for (name, what) in MESSAGES {
        let said = match OwnedMessage::parse(&read(name)) {
            Ok(_) => "",
            Err(error) => {
                assert_eq!(error.status, 400, "{name}");
                error.what
            }
        };
        assert_eq!(said, what, "{name}");
    }
}

#[test]
fn every_file_has_a_row() {
    let files = std::fs::read_dir(folder()).expect("is there").flatten();
    assert_eq!(files.filter(|entry| entry.path().extension().is_some_and(|end| end == "sip")).count(), MESSAGES.len());
}

#[test]
fn messages_that_are_taken_are_forwarded_byte_for_byte() {
    for (name, _) in MESSAGES.iter().filter(|row| row.1.is_empty()) {
        let mut out = Vec::new();
        Edits::new().write(&taken(name).view(), &mut out);
        assert_eq!(out, read(name), "{name}");
    }
}

#[test]
fn a_port_stands_behind_the_bracket_and_what_stands_in_it_is_the_address() {
    for (name, address, port) in [
        ("4.1_ipv6-good", "2001:db8::10", None),
        ("4.3_port-ambiguous", "2001:db8::10:5070", None),
        ("4.4_port-unambiguous", "2001:db8::10", Some(5070)),
        ("4.10_ipv6-correct-abnf-2-colons", "2001:db8::c000:201", None),
    ] {
        assert_eq!(host(&taken(name).view()), (address.to_owned(), port), "{name}");
    }
}

#[test]
fn received_is_read_with_and_without_brackets_and_written_without() {
    for name in ["4.5_via-received-param-with-delim", "4.5_via-received-param-no-delim"] {
        let message = taken(name);
        let via = message.view().top_via();
        assert_eq!(via.received().map(|ip| ip.to_string()).as_deref(), Some("2001:db8::9:255"), "{name}");
        let mut out = Vec::new();
        via.write_received("[2001:db8::9:254]:5060".parse::<SocketAddr>().expect("an address"), &mut out);
        let text = String::from_utf8(out).expect("ASCII");
        assert!(text.ends_with(";received=2001:db8::9:254") && text.matches("received").count() == 1, "{text}");
    }
}

#[test]
fn addresses_of_both_families_stand_in_one_header_and_in_one_body() {
    let message = taken("4.7_mult-ip-in-header");
    let vias: Vec<Via<'_>> = message.view().vias().map(|via| via.expect("parses")).collect();
    let sent_by: Vec<_> = vias.iter().map(|via| (via.sent_by_ip().expect("an address").to_string(), via.sent_by_port)).collect();
    let expected = [("2001:db8::9:1", Some(6050)), ("192.0.2.1", None), ("2001:db8::9:255", None)];
    assert_eq!(sent_by, expected.map(|(address, port)| (address.to_owned(), port)));
    assert_eq!(vias[2].received().map(|ip| ip.to_string()).as_deref(), Some("192.0.2.200"));
    for (name, line) in [
        ("4.6_ipv6-in-sdp", "c=IN IP6 2001:db8::20\r\n"),
        ("4.8_mult-ip-in-sdp", "c=IN IP6 2001:db8::1\r\n"),
        ("4.9_ipv4-mapped-ipv6", "c=IN IP6 ::ffff:192.0.2.2\r\n"),
    ] {
        let message = taken(name);
        assert!(String::from_utf8_lossy(message.view().body()).contains(line), "{name}");
    }
}

#[test]
fn a_mapped_address_is_the_ipv4_address_that_it_maps() {
    let message = taken("4.9_ipv4-mapped-ipv6");
    let via = message.view().top_via();
    let mut out = Vec::new();
    // From where it says that it is: nothing is to be added.
    via.write_received("192.0.2.10:19823".parse::<SocketAddr>().expect("an address"), &mut out);
    assert_eq!(out, via.raw);
    let contact = message.view().addresses(HeaderName::Contact).next().expect("is there").expect("parses");
    assert_eq!(contact.uri().expect("parses").host_ip().map(|ip| ip.to_canonical().to_string()).as_deref(), Some("192.0.2.2"));
}
