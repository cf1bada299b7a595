//! What each side is shown of the other, in every message of a call (RFC 3323, RFC 3325, requirements 1.5).

mod support;

use support::*;
use trunkline_transaction::*;

const SPOOFED: &str =
    "P-Asserted-Identity: <sip:+1@evil>\r\np-asserted-IDENTITY : <tel:+1>,\r\n <sip:+2@evil>\r\nP-Preferred-Identity: <sip:+3@evil>\r\n\
     Remote-Party-ID: <sip:+4@evil>;party=calling\r\nremote-party-id:\r\n\t<sip:+5@evil>\r\nPrivacy: none\r\n";
const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

fn shown() -> Target {
    Target {
        asserted: vec!["\"Acme\" <sip:+31207654321@sip.trunkline.test;user=phone>".to_owned(), "<tel:+31207654321>".to_owned()],
        privacy: "id".to_owned(),
        from_name_addr: ANONYMOUS.to_owned(),
        ..alpha()
    }
}

fn assert_no_trace(text: &str) {
    for name in ["P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"] {
        assert!(values(text, name).is_empty(), "{name} in\n{text}");
    }
    assert!(!text.contains("evil"), "{text}");
}

fn assert_is_shown(text: &str) {
    assert_eq!(values(text, "P-Asserted-Identity"), shown().asserted, "{text}");
    assert_eq!(values(text, "Privacy"), ["id"], "{text}");
    assert_eq!(value(text, "From"), format!("{ANONYMOUS};tag=caller"));
    assert!(!text.contains("evil") && !text.contains("Preferred") && !text.to_lowercase().contains("remote-party"), "{text}");
}

#[test]
fn what_a_customer_asserts_never_gets_through_and_what_we_assert_does() {
    let mut bench = Bench::new();
    bench.call(&invite_with("call-1", "branch1", SPOOFED), vec![shown(), beta()]);
    let out = bench.one_to(ALPHA);
    assert_is_shown(&out.text);
    // The next gateway is shown what its own target says: nothing.
    bench.receive(ALPHA, &reply(&out.text, 503, "callee", ALPHA));
    let second = bench.one_to(BETA).text;
    assert_no_trace(&second);
    assert!(values(&second, "Privacy").is_empty());
    assert_eq!(value(&second, "From"), value(&invite(), "From"));
}

#[test]
fn every_request_of_the_dialog_and_the_ack_of_a_2xx_carry_the_same_identity() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(shown());
    for (method, cseq) in [("ACK", 1), ("INVITE", 2), ("INFO", 3), ("BYE", 4)] {
        bench.receive(CUSTOMER, &from_customer(method, cseq, &ok.text, SPOOFED));
        assert_is_shown(&bench.one_to(ALPHA).text);
    }
}

#[test]
fn a_carrier_that_wants_no_identity_on_ack_gets_none_there() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(Target { has_asserted_on_ack: false, ..shown() });
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, SPOOFED));
    let ack = bench.one_to(ALPHA).text;
    assert_no_trace(&ack);
    assert_eq!(value(&ack, "From"), format!("{ANONYMOUS};tag=caller"));
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    assert_is_shown(&bench.one_to(ALPHA).text);
}

#[test]
fn cancel_and_the_ack_of_a_failure_carry_no_identity() {
    let mut bench = Bench::new();
    bench.call(&invite_with("call-1", "branch1", SPOOFED), vec![shown()]);
    let out = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    let cancel = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&out.text, 487, "callee", ALPHA));
    let ack = bench.one_to(ALPHA).text;
    for text in [cancel, ack] {
        assert_no_trace(&text);
        assert_eq!(value(&text, "From"), format!("{ANONYMOUS};tag=caller"));
    }
}

#[test]
fn the_customer_sees_its_own_from_and_nothing_of_the_carriers_identity() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![shown()]);
    let out = bench.one_to(ALPHA);
    bench.take_sent();
    for status in [183, 200] {
        bench.receive(ALPHA, &reply_with(&out.text, status, "callee", ALPHA, SPOOFED));
        let text = bench.one_to(CUSTOMER).text;
        assert_no_trace(&text);
        assert_eq!(value(&text, "From"), value(&invite(), "From"));
        assert_eq!(values(&text, "Via").len(), 1, "our own Via is gone");
    }
    bench.receive(ALPHA, &from_carrier("INFO", 2, &out.text, SPOOFED));
    let info = bench.one_to(CUSTOMER).text;
    assert_no_trace(&info);
    assert_eq!(value(&info, "To"), value(&invite(), "From"));
    // And the answer brings back to the carrier what the carrier wrote, with the identity of the answering customer.
    bench.receive(CUSTOMER, &reply_with(&info, 200, "caller", CUSTOMER, SPOOFED));
    let text = bench.one_to(ALPHA).text;
    assert_eq!(value(&text, "To"), format!("{ANONYMOUS};tag=caller"));
    assert_eq!(values(&text, "P-Asserted-Identity"), shown().asserted);
    assert!(!text.contains("evil") && !text.contains("31000000@acme"), "{text}");
}

#[test]
fn challenges_of_carriers_are_not_passed_on() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, ""));
    let out = bench.one_to(ALPHA).text;
    let lines = "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"1\"\r\nWWW-Authenticate: Digest realm=\"carrier\", nonce=\"1\"\r\n";
    bench.receive(ALPHA, &reply_with(&out, 407, "callee", ALPHA, lines));
    let text = bench.one_to(CUSTOMER).text;
    assert!(text.starts_with("SIP/2.0 407") && !text.contains("Authenticate"), "{text}");
}

#[test]
fn credentials_of_our_realm_are_consumed_everywhere_and_others_pass() {
    let credentials = |realm: &str| {
        format!(
            "Proxy-Authorization: Digest username=\"u\", realm=\"{realm}\", nonce=\"n\", uri=\"sip:x\", response=\"{}\"\r\n",
            "0123456789abcdef0123456789abcdef"
        )
    };
    let ours = credentials(REALM) + &credentials("SIP.Trunkline.TEST").replace("Proxy-Authorization", "authorization ");
    let lines = format!("{ours}{}Proxy-Authorization: Digest broken\r\n", credentials("elsewhere"));
    let mut bench = Bench::new();
    bench.call(&invite_with("call-1", "branch1", &lines), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    let kept = values(&out.text, "Proxy-Authorization");
    assert!(kept.len() == 1 && kept[0].contains("elsewhere"), "{kept:?}");
    assert!(values(&out.text, "Authorization").is_empty());
    bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    let ok = bench.sent_to(CUSTOMER).pop().unwrap();
    for method in ["ACK", "BYE"] {
        bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, &lines));
        let text = bench.one_to(ALPHA).text;
        assert_eq!(values(&text, "Proxy-Authorization").len(), 1, "{method}");
    }
}

#[test]
fn the_token_of_a_record_route_fits_and_is_another_on_each_side() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(shown());
    let (customers, carriers) = (value(&ok.text, "Record-Route"), value(&invite.text, "Record-Route"));
    assert_ne!(customers, carriers);
    for route in [customers, carriers] {
        assert!(route.starts_with("<sip:127.0.1.1:5060;lr;t=") && route.ends_with('>'), "{route}");
        assert!(route.split_once("t=").unwrap().1.len() <= MAX_TOKEN_LENGTH + 1);
    }
    assert_eq!(values(&ok.text, "Record-Route").len(), 1);
}

#[test]
fn ipv6_on_the_carriers_side_works_with_a_listener_of_its_own() {
    let listeners = vec![addr(OURS), addr("[::1]:5060")];
    let mut bench = Bench::with(Config { listeners, ..config() }, 1);
    let peer = "[2001:db8::9]:5062";
    let (ok, invite) = bench.answered(Target { listener: 1, address: addr(peer), ..shown() });
    assert!(invite.start().contains("@[2001:db8::9]:5062 "), "{}", invite.text);
    assert!(value(&invite.text, "Via").starts_with("SIP/2.0/UDP [::1]:5060;"));
    assert!(value(&invite.text, "Record-Route").starts_with("<sip:[::1]:5060;lr;"));
    assert!(value(&ok.text, "Record-Route").starts_with("<sip:127.0.1.1:5060;lr;"));
    bench.receive(peer, &from_carrier("BYE", 2, &invite.text, ""));
    assert!(bench.one_to(CUSTOMER).start().starts_with("BYE "));
}
