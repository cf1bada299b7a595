//! What each side is shown of the other, in every message of a call (RFC 3323, RFC 3325, requirements 1.5).

mod support;

use support::*;
use trunkline_transaction::*;

const SPOOFED: &str =
    "P-Asserted-Identity: <sip:+1@evil>\r\np-asserted-IDENTITY : <tel:+1>,\r\n <sip:+2@evil>\r\nP-Preferred-Identity: <sip:+3@evil>\r\n\
     Remote-Party-ID: <sip:+4@evil>;party=calling\r\nremote-party-id:\r\n\t<sip:+5@evil>\r\nPrivacy: none\r\n\
     P-Charge-Info: <sip:+6@evil>\r\np-asserted-service: urn:evil\r\nP-Preferred-Service: urn:evil\r\nP-Private-Network-Indication: evil\r\n\
     P-Visited-Network-ID: evil\r\nP-Profile-Key: <sip:evil>\r\nP-DCS-Billing-Info: evil\r\nP-DCS-Trace-Party-ID: <sip:evil>\r\n\
     referred-by: <sip:+7@evil>\r\nAttestation-Info: evil\r\nOrigination-Id: evil\r\n";
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
    assert_eq!(
        (values(&text, "P-Asserted-Identity"), values(&text, "Privacy")),
        (shown().asserted.iter().map(String::as_str).collect(), vec!["id"])
    );
    assert!(!text.contains("evil") && !text.contains("31000000@acme"), "{text}");
}

#[test]
fn challenges_of_carriers_are_not_passed_on() {
    let lines = "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"1\"\r\nWWW-Authenticate: Digest realm=\"carrier\", nonce=\"1\"\r\n";
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    for (cseq, status) in [(2, 401), (3, 407), (4, 200)] {
        bench.receive(CUSTOMER, &from_customer("INFO", cseq, &ok.text, ""));
        let out = bench.one_to(ALPHA).text;
        bench.receive(ALPHA, &reply_with(&out, status, "callee", ALPHA, lines));
        let text = bench.one_to(CUSTOMER).text;
        let expected = if status == 200 { "SIP/2.0 200" } else { "SIP/2.0 500 Server Internal Error" };
        assert!(text.starts_with(expected) && !text.contains("Authenticate"), "{status}: {text}");
    }
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
fn an_edge_that_never_saw_the_call_shows_the_caller_as_the_first_one_did() {
    let sip = |name: &str, user: &str| format!("\"{name}\" <sip:{user}@acme.{REALM}>");
    let number = "31207654321";
    for (asserted, from, privacy) in [
        (vec![sip("acme", "+31207654321").replace('>', ";user=phone>"), format!("<tel:+{number}>")], "", ""),
        (vec![sip("31000000", "+31207654321").replace('>', ";user=phone>"), format!("<tel:+{number}>")], "", "id;critical"),
        (vec![sip("alice", "alice")], "", "none;critical"),
        (vec![sip("a \\\"b\\\" c", "alice")], "", "history"),
        (vec![sip("acme", "0031207654321"), format!("<tel:+{number}>")], "", "user;history"),
        (vec![sip("31000000", "0207654321"), format!("<tel:+{number}>")], "asserted", ""),
        (vec![sip("acme", "31207654321"), format!("<tel:+{number}>")], "", ""),
        (vec![format!("<tel:+{number}>")], "", ""),
    ] {
        let from_name_addr = if from.is_empty() { String::new() } else { asserted[0].clone() };
        let target = Target { asserted, from_name_addr, privacy: privacy.to_owned(), ..shown() };
        let mut first = Bench::new();
        let (ok, invite) = first.answered(target);
        let mut sibling = restarted();
        sibling.receive(CUSTOMER, &from_customer("UPDATE", 2, &ok.text, ""));
        let update = sibling.one_to(ALPHA).text;
        for name in ["P-Asserted-Identity", "Privacy", "From"] {
            assert_eq!(values(&update, name), values(&invite.text, name), "{name}");
        }
    }
}

#[test]
fn ipv6_on_the_carriers_side_works_with_a_listener_of_its_own() {
    let listeners = vec![Listener::udp(addr(OURS)), Listener::udp(addr("[::1]:5060"))];
    let mut bench = Bench::with(Config { listeners, ..config() }, 1);
    let peer = "[2001:db8::9]:5062";
    let (ok, invite) = bench.answered(Target { address: addr(peer), ..shown() });
    assert!(invite.start().contains("@[2001:db8::9]:5062 "), "{}", invite.text);
    assert!(value(&invite.text, "Via").starts_with("SIP/2.0/UDP [::1]:5060;"));
    assert!(value(&invite.text, "Record-Route").starts_with("<sip:[::1]:5060;lr;"));
    assert!(value(&ok.text, "Record-Route").starts_with("<sip:127.0.1.1:5060;lr;"));
    bench.receive(peer, &from_carrier("BYE", 2, &invite.text, ""));
    assert!(bench.one_to(CUSTOMER).start().starts_with("BYE "));
}

/// A private call as a carrier outside the trust domain gets it.
fn private() -> Target {
    Target { asserted: Vec::new(), privacy: String::new(), is_trusted: false, ..shown() }
}

const TELLING: &str = "Diversion: <sip:+31207654321@acme.example>\r\nHistory-Info: <sip:+31207654321@acme.example>;index=1\r\n\
     y: alice\r\nn: <https://acme.example>\r\nIdentity-Info: <https://acme.example>\r\np-access-network-info: acme\r\n\
     P-Charging-Vector: icid-value=acme\r\nP-Charging-Function-Addresses: ccf=acme\r\nP-Associated-URI: <sip:alice@acme.example>\r\n\
     P-Called-Party-ID: <sip:alice@acme.example>\r\nP-Served-User: <sip:alice@acme.example>\r\nb: <sip:alice@acme.example>\r\n\
     Referred-By: \"Alice\" <sip:alice@acme.example>\r\n";
const TELLING_OF_THE_ANONYMOUS: &str = "Reply-To: <sip:alice@acme.example>\r\ns: alice\r\nCall-Info: <https://acme.example>\r\n\
     Organization: acme\r\nIn-Reply-To: alice@acme\r\n";

/// As the caller's PBX writes it. It names the dialog, so it goes through as it is (docs/identity.md).
const CALL_ID: &str = "4711@pbx.acme.example";

fn assert_tells_nothing(text: &str) {
    let traces = ["31000000", "31207654321", "alice", "acme", "pbx"];
    assert_eq!(value(text, "Call-ID"), CALL_ID);
    let others = text.lines().filter(|line| !line.starts_with("Call-ID: "));
    let leaks: Vec<&str> = others.filter(|line| traces.iter().any(|trace| line.to_lowercase().contains(trace))).collect();
    assert!(leaks.is_empty(), "{leaks:#?} in\n{text}");
}

#[test]
fn an_anonymous_call_shows_the_carrier_nothing_of_the_caller_in_any_message() {
    let lines = format!("Privacy: id\r\nUser-Agent: Phone\r\n{TELLING}{TELLING_OF_THE_ANONYMOUS}");
    let mut bench = Bench::new();
    bench.call(&invite_with(CALL_ID, "branch1", &lines), vec![private()]);
    let out = bench.one_to(ALPHA).text;
    assert_tells_nothing(&out);
    assert_eq!((values(&out, "User-Agent").len(), value(&out, "Contact")), (0, "<sip:192.168.1.9:5066>"), "RFC 3323 §5.3");
    assert_eq!(value(&out, "To"), "<sip:+31201234567@10.9.9.1>");
    bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
    let ok = bench.sent_to(CUSTOMER).pop().unwrap().text;
    assert_eq!(value(&ok, "To"), format!("{};tag=callee", value(&invite(), "To")), "the customer sees its own");
    for (method, cseq) in [("ACK", 1), ("INVITE", 2), ("UPDATE", 3), ("INFO", 4)] {
        let text = from_customer(method, cseq, &ok, &lines).replace("Contact: <", "Contact: \"Alice\" <");
        bench.receive(CUSTOMER, &text);
        let sent = bench.one_to(ALPHA).text;
        assert_tells_nothing(&sent);
        assert_eq!(value(&sent, "To"), "<sip:+31201234567@10.9.9.1>;tag=callee", "one dialog, one To");
    }
    bench.take_sent();
    // A request of the carrier reaches the Contact as the customer wrote it, between the addresses that the customer knows.
    let text = from_carrier("INFO", 5, &out, "");
    assert!(text.starts_with("INFO sip:192.168.1.9:5066 SIP/2.0"), "{text}");
    bench.receive(ALPHA, &text);
    let info = bench.one_to(CUSTOMER).text;
    assert!(info.starts_with("INFO sip:31000000@192.168.1.9:5066 SIP/2.0"), "{info}");
    assert_eq!(value(&info, "From"), value(&ok, "To"));
    assert_eq!(value(&info, "To"), value(&ok, "From"));
    bench.receive(CUSTOMER, &reply_with(&info, 200, "caller", CUSTOMER, &lines).replace("sip:callee@", "sip:alice:secret@"));
    let answer = bench.one_to(ALPHA).text;
    assert_tells_nothing(&answer);
    assert_eq!((value(&answer, "From"), value(&answer, "To")), (value(&text, "From"), value(&text, "To")));
}

#[test]
fn an_anonymous_call_stays_anonymous_after_a_restart() {
    let mut old = Bench::new();
    let (ok, out) = old.answered_as(&invite_with(CALL_ID, "branch1", ""), private());
    let mut bench = restarted();
    bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, &format!("{TELLING}{TELLING_OF_THE_ANONYMOUS}")));
    let info = bench.one_to(ALPHA).text;
    assert_tells_nothing(&info);
    assert_eq!(value(&info, "To"), "<sip:+31201234567@10.9.9.1>;tag=callee");
    bench.receive(ALPHA, &from_carrier("BYE", 5, &out.text, ""));
    assert!(bench.one_to(CUSTOMER).start().starts_with("BYE sip:192.168.1.9:5066 "), "found by the token");
}

#[test]
fn a_call_that_is_not_anonymous_loses_what_speaks_for_the_caller_elsewhere_and_keeps_the_rest() {
    let mut bench = Bench::new();
    let lines = format!("{TELLING}{TELLING_OF_THE_ANONYMOUS}");
    let plain = Target { from_name_addr: String::new(), ..shown() };
    bench.call(&invite_with("call-1", "branch1", &lines), vec![plain]);
    let out = bench.one_to(ALPHA).text;
    for line in TELLING.lines() {
        assert!(!out.contains(line), "{line} in\n{out}");
    }
    for line in TELLING_OF_THE_ANONYMOUS.lines() {
        assert!(out.contains(line), "{line} not in\n{out}");
    }
    for name in ["From", "To", "Contact"] {
        assert_eq!(value(&out, name), value(&invite(), name));
    }
}

#[test]
fn privacy_that_is_asked_for_later_is_given_in_that_message_and_less_than_before_is_not() {
    let later = format!("Privacy: ID\r\nUser-Agent: acme\r\n{TELLING_OF_THE_ANONYMOUS}");
    for (is_trusted, first, expected) in [(true, "", "id"), (true, "none", "id"), (true, "user;foo", "user;foo;id"), (false, "none", "")] {
        let target = Target { is_trusted, privacy: first.to_owned(), from_name_addr: String::new(), ..shown() };
        let mut bench = Bench::new();
        let (ok, invite) = bench.answered(target.clone());
        for (cseq, method) in [(2, "UPDATE"), (3, "INVITE"), (4, "INFO")] {
            bench.receive(CUSTOMER, &from_customer(method, cseq, &ok.text, &later));
            let sent = bench.one_to(ALPHA).text;
            let asserted: &[String] = if is_trusted { &target.asserted } else { &[] };
            assert_eq!(values(&sent, "P-Asserted-Identity"), asserted, "{sent}");
            assert_eq!(values(&sent, "Privacy").concat(), expected, "{sent}");
            // Inside the trust domain all else passes, as it does in an INVITE.
            assert_eq!(values(&sent, "Organization").len(), usize::from(is_trusted), "{sent}");
            for name in ["From", "Contact"] {
                assert_eq!(value(&sent, name), value(&invite.text, name), "the carrier has it already");
            }
        }
        // What a response of the customer asks for is given too.
        bench.take_sent();
        bench.receive(ALPHA, &from_carrier("INFO", 7, &invite.text, ""));
        let info = bench.one_to(CUSTOMER).text;
        bench.receive(CUSTOMER, &reply_with(&info, 200, "caller", CUSTOMER, &later));
        let answer = bench.one_to(ALPHA).text;
        assert_eq!(values(&answer, "Privacy").concat(), expected, "{answer}");
        assert_eq!(values(&answer, "P-Asserted-Identity").is_empty(), !is_trusted);
        // A message that asks for none is as the INVITE was.
        bench.receive(CUSTOMER, &from_customer("INFO", 5, &ok.text, "Privacy: none\r\n"));
        assert_eq!(values(&bench.one_to(ALPHA).text, "Privacy").concat(), first);
    }
    // An edge that never saw the call does not know whom it may trust.
    let (ok, _) = Bench::new().answered(Target { privacy: "none".to_owned(), from_name_addr: String::new(), ..shown() });
    let mut sibling = restarted();
    sibling.receive(CUSTOMER, &from_customer("UPDATE", 2, &ok.text, &later));
    assert!(values(&sibling.one_to(ALPHA).text, "P-Asserted-Identity").is_empty());
}

#[test]
fn a_called_party_that_asks_for_user_privacy_is_not_told_of() {
    let lines = "Server: Phone\r\nUser-Agent: Phone\r\nOrganization: acme\r\nCall-Info: <https://acme.example>\r\n\
                 Reply-To: <sip:alice@acme.example>\r\nSubject: alice\r\n";
    for (asked, is_told) in [("", true), ("Privacy: id\r\n", true), ("Privacy: USER\r\n", false), ("Privacy: id;user\r\n", false)] {
        let lines = format!("{asked}{lines}");
        let named = |text: String| text.replace("Contact: <", "Contact: \"Alice\" <");
        let mut bench = Bench::new();
        bench.call(&invite(), vec![Target { shows_callee: true, ..alpha() }]);
        let out = bench.one_to(ALPHA).text;
        bench.take_sent();
        let mut heard = Vec::new();
        for status in [183, 200] {
            bench.receive(ALPHA, &named(reply_with(&out, status, "callee", ALPHA, &lines)));
            heard.push(bench.one_to(CUSTOMER).text);
        }
        bench.receive(ALPHA, &named(from_carrier("INFO", 2, &out, &lines)));
        heard.push(bench.one_to(CUSTOMER).text);
        for text in heard {
            assert_eq!(["alice", "acme.example", "Phone"].iter().any(|trace| text.contains(trace)), is_told, "{asked}: {text}");
            assert_eq!(value(&text, "Contact").contains("Alice"), is_told);
            assert!(value(&text, "Contact").contains("<sip:callee@"), "it is still found");
        }
    }
}
