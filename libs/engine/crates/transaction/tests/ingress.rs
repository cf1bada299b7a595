//! Requests that make no call: what the core says of them, and that it keeps nothing (RFC 3261 §16.3, §16.4, RFC 5393).

mod support;

use support::*;
use trunkline_message::Method;
use trunkline_transaction::*;

fn refused(status: u16, code: &'static str) -> Disposition {
    Disposition::Refuse { status, code, unsupported: String::new() }
}

fn said(text: &str) -> Disposition {
    let mut bench = Bench::new();
    let disposition = bench.receive(CUSTOMER, text);
    assert_eq!((bench.proxy.entry_count(), bench.sent.len(), bench.facts.len()), (0, 0, 0), "nothing is kept");
    disposition
}

fn as_method(method: &str) -> String {
    invite().replace("INVITE", method)
}

#[test]
fn an_invite_is_new_and_other_methods_are_out_of_dialog() {
    assert_eq!(said(&invite()), Disposition::NewInvite);
    for (name, method) in [
        ("OPTIONS", Method::Options),
        ("REGISTER", Method::Register),
        ("MESSAGE", Method::Message),
        ("BYE", Method::Bye),
        ("ACK", Method::Ack),
        ("CANCEL", Method::Cancel),
        ("FOO", Method::Other),
    ] {
        assert_eq!(said(&as_method(name)), Disposition::OutOfDialog(method));
    }
}

#[test]
fn a_request_with_a_to_tag_and_no_route_of_ours_belongs_to_no_call() {
    for method in ["INVITE", "BYE", "INFO"] {
        assert_eq!(said(&as_method(method).replace("test>\r\nCall-ID", "test>;tag=x\r\nCall-ID")), refused(481, "T108"), "{method}");
    }
}

#[test]
fn a_preloaded_route_that_names_us_is_popped_and_any_other_is_refused() {
    for route in ["<sip:127.0.1.1;lr>", "<sip:127.0.1.1:5060;lr>", "<sip:127.0.1.1:5060;transport=udp;lr>"] {
        let mut bench = Bench::new();
        bench.call(&invite_with("call-1", "branch1", &format!("Route: {route}\r\n")), vec![alpha()]);
        assert!(values(&bench.one_to(ALPHA).text, "Route").is_empty(), "{route}");
    }
    for route in [
        "<sip:10.66.66.66;lr>",
        "<sip:127.0.1.1:5070;lr>",
        "<sip:127.0.1.1;lr>, <sip:10.66.66.66;lr>",
        "<sip:10.66.66.66;lr>, <sip:127.0.1.1;lr>",
        "<sip:127.0.1.1:5060;lr;t=AAAA>",
    ] {
        assert_eq!(said(&invite_with("call-1", "branch1", &format!("Route: {route}\r\n"))), refused(403, "T109"), "{route}");
    }
    assert_eq!(said(&as_method("OPTIONS").replace("CSeq", "Route: <sip:10.66.66.66;lr>\r\nCSeq")), refused(403, "T109"));
}

/// What a client makes of an outbound proxy that is given by name, as `trunkline dns settings` gives it.
#[test]
fn a_preloaded_route_of_a_name_of_the_platform_is_popped_and_of_any_other_name_refused() {
    for name in ["REALM", "acme.REALM", "acme.eu1.REALM;transport=tls", "acme.REALM:5060", "ACME.REALM"] {
        let mut bench = Bench::new();
        let name = name.replace("REALM", &config().realm);
        let name = if name.starts_with("ACME") { name.to_ascii_uppercase() } else { name };
        bench.call(&invite_with("call-1", "branch1", &format!("Route: <sip:{name};lr>\r\n")), vec![alpha()]);
        assert!(values(&bench.one_to(ALPHA).text, "Route").is_empty(), "{name}");
    }
    for name in ["other.example", "notREALM", "REALM.other.example", "acme.REALM:5070", "acme.REALM;lr>, <sip:acme.REALM"] {
        let name = name.replace("REALM", &config().realm);
        assert_eq!(said(&invite_with("call-1", "branch1", &format!("Route: <sip:{name};lr>\r\n"))), refused(403, "T109"), "{name}");
    }
}

#[test]
fn hops_run_out_at_zero() {
    let text = invite().replace("Max-Forwards: 69", "Max-Forwards: 0");
    assert_eq!(said(&text), refused(483, "T103"));
    assert_eq!(said(&text.replace("INVITE", "ACK")), Disposition::Done);
    assert_eq!(said(&text.replace("INVITE", "OPTIONS")), Disposition::OutOfDialog(Method::Options));
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let text = from_customer("OPTIONS", 2, &ok.text, "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(bench.receive(CUSTOMER, &text), refused(483, "T103"));
    bench.call(&invite_with("call-2", "branch2", "").replace("Max-Forwards: 69", "Max-Forwards: 1"), vec![alpha()]);
    assert_eq!(values(&bench.one_to(ALPHA).text, "Max-Forwards"), ["0"]);
}

#[test]
fn extensions_for_proxies_are_refused_with_their_names() {
    let text = invite_with("call-1", "branch1", "Proxy-Require: foo\r\nProxy-Require: bar, baz\r\n");
    assert_eq!(said(&text), Disposition::Refuse { status: 420, code: "T106", unsupported: "foo, bar, baz".to_owned() });
    assert_eq!(said(&text.replace("Proxy-Require", "Require")), Disposition::NewInvite);
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let info = from_customer("INFO", 2, &ok.text, "Proxy-Require: foo\r\n");
    assert_eq!(bench.receive(CUSTOMER, &info), Disposition::Refuse { status: 420, code: "T106", unsupported: "foo".to_owned() });
}

#[test]
fn a_request_that_comes_back_unchanged_or_to_a_live_call_is_a_loop() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA).text;
    let via = |branch: &str| format!("Via: SIP/2.0/UDP 10.9.9.1:5060;branch=z9hG4bK{branch}\r\nVia: SIP/2.0/UDP 127.0.1.1");
    // As we sent it, while the call lives.
    let back = out.replacen("Via: SIP/2.0/UDP 127.0.1.1", &via("x"), 1);
    assert_eq!(bench.receive(ALPHA, &back), refused(482, "T104"));
    // As it first came, later.
    bench.receive(ALPHA, &reply(&out, 486, "callee", ALPHA));
    bench.advance(40_000);
    let original = "INVITE sip:+31201234567@acme.sip.trunkline.test SIP/2.0";
    let unchanged = back.replacen(out.lines().next().unwrap(), original, 1).replace("tag=callee", "");
    let unchanged: String = unchanged.lines().filter(|line| !line.starts_with("Record-Route")).map(|line| format!("{line}\r\n")).collect();
    assert_eq!(bench.receive(ALPHA, &unchanged), refused(482, "T104"));
    // A spiral: the same call to another number is none.
    let spiral = unchanged.replacen("INVITE sip:+31201234567@", "INVITE sip:+31201234568@", 1);
    assert_eq!(bench.receive(ALPHA, &spiral), Disposition::NewInvite);
}

#[test]
fn a_request_with_as_many_vias_as_may_be_cannot_get_another_and_the_call_fails() {
    let mut bench = Bench::new();
    let vias: String = (1..trunkline_message::limits::VIAS).map(|n| format!("Via: SIP/2.0/UDP 10.0.0.{n};branch=z9hG4bK{n}\r\n")).collect();
    bench.call(&invite_with("call-1", "branch1", &vias), vec![alpha(), beta()]);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying", "SIP/2.0 500 All Gateways Failed T402"]);
    assert!(bench.sent.is_empty());
    assert_eq!(bench.fact_names(), ["GatewayTried", "GatewayFailed", "GatewayTried", "GatewayFailed", "Failed"]);
    bench.assert_empties();
}

#[test]
fn two_clients_may_choose_the_same_branch() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let other = invite_with("call-2", "branch1", "").replace("192.168.1.9:5066", "192.168.1.10:5066");
    assert_eq!(bench.receive("10.1.1.2:5066", &other), Disposition::NewInvite);
}

#[test]
fn an_invite_with_one_of_the_last_numbers_is_refused_for_no_request_of_ours_could_follow() {
    assert_eq!(said(&invite().replace("CSeq: 1 INVITE", "CSeq: 2147483632 INVITE")), refused(400, "T101"));
    assert_eq!(said(&invite().replace("CSeq: 1 INVITE", "CSeq: 2147483631 INVITE")), Disposition::NewInvite);
}
