//! Dialogs that an edge serves from the token alone (RFC 3261 §16.4, §16.6).

mod support;

use support::*;
use trunkline_transaction::*;

const NO_CALL: Disposition = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };

#[test]
fn a_restarted_edge_serves_the_bye_of_either_side_from_the_token() {
    let mut old = Bench::new();
    // A call mostly begins within a second.
    old.now_ms = 700;
    old.call(&invite(), vec![alpha()]);
    let invite_out = old.one_to(ALPHA);
    old.now_ms = 2_500;
    old.receive(ALPHA, &reply(&invite_out.text, 200, "callee", ALPHA));
    let ok = old.sent_to(CUSTOMER).pop().unwrap();

    let mut bench = restarted();
    assert_eq!(bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, "")), Disposition::Done);
    let bye = bench.one_to(ALPHA);
    assert!(bench.facts.is_empty());
    bench.receive(ALPHA, &reply(&bye.text, 200, "callee", ALPHA));
    assert_eq!(bench.facts[0].call, CALL);
    assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: START_NS + 2_500_000_000 });
    assert_eq!(bench.order[1], "Ended");
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    assert_eq!(bench.facts.len(), 1);
    bench.assert_empties();

    let mut bench = restarted();
    assert_eq!(bench.receive(ALPHA, &from_carrier("BYE", 2, &invite_out.text, "")), Disposition::Done);
    let bye = bench.one_to(CUSTOMER).text;
    assert!(bye.starts_with("BYE "));
    bench.receive(CUSTOMER, &reply(&bye, 200, "caller", CUSTOMER));
    assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Callee, q850: 16, answered_ns: 0 });
}

#[test]
fn a_restarted_edge_asserts_the_identity_that_the_token_carries() {
    let mut old = Bench::new();
    let shown = Target {
        asserted: vec!["\"Acme\" <sip:+31207654321@acme.sip.trunkline.test;user=phone>".to_owned(), "<tel:+31207654321>".to_owned()],
        privacy: "id".to_owned(),
        from_name_addr: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
        ..alpha()
    };
    let (ok, _) = old.answered(shown);
    let mut bench = restarted();
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, "P-Asserted-Identity: <sip:+1@evil>\r\n"));
    let bye = bench.one_to(ALPHA).text;
    assert_eq!(
        values(&bye, "P-Asserted-Identity"),
        ["\"Acme\" <sip:+31207654321@acme.sip.trunkline.test;user=phone>", "<tel:+31207654321>"]
    );
    assert_eq!(values(&bye, "Privacy"), ["id"]);
    assert_eq!(value(&bye, "From"), "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=caller");
}

#[test]
fn an_expired_token_is_481() {
    let mut old = Bench::new();
    let (ok, _) = old.answered(alpha());
    let mut bench = restarted();
    bench.now_ms = 86_402_000;
    assert_eq!(bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, "")), NO_CALL);
}

const TOO_LONG: Disposition = Disposition::Refuse { status: 481, code: "T602", unsupported: String::new() };

/// RFC 4028 §10: a refresh that is answered with 481 is followed by a BYE.
#[test]
fn a_call_whose_edge_died_is_not_refreshed_beyond_its_longest_time_and_its_bye_is_served() {
    for (of_route, longest_s) in [(0, 4 * 3_600), (61, 62), (40_000, 40_000)] {
        let mut old = Bench::new();
        let handle = old.admit(CUSTOMER, &invite());
        let plan = RoutePlan { max_duration_s: of_route, ..plan(vec![alpha()]) };
        old.act(|proxy, now, out| proxy.route(now, handle, plan, out).unwrap());
        let out = old.one_to(ALPHA);
        old.now_ms = 20_000;
        old.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
        let ok = old.sent_to(CUSTOMER).pop().unwrap();
        let customers = |method| (CUSTOMER, from_customer(method, 2, &ok.text, ""), 20 + longest_s + 10);
        let carriers = |method| (ALPHA, from_carrier(method, 2, &out.text, ""), longest_s + 600);
        for (who, text, end_s) in [customers("UPDATE"), customers("INVITE"), carriers("UPDATE"), carriers("INVITE"), customers("INFO")] {
            let mut bench = restarted();
            bench.now_ms = end_s * 1_000 + 999;
            assert_ne!(bench.receive(who, &text), TOO_LONG, "{longest_s} {text}");
            let mut bench = restarted();
            bench.now_ms = (end_s + 1) * 1_000;
            assert_eq!(bench.receive(who, &text), TOO_LONG, "{longest_s} {text}");
            assert!(bench.sent.is_empty());
            let (bye, other, tag) = match who {
                CUSTOMER => (from_customer("BYE", 3, &ok.text, ""), ALPHA, "callee"),
                _ => (from_carrier("BYE", 3, &out.text, ""), CUSTOMER, "caller"),
            };
            assert_eq!(bench.receive(who, &bye), Disposition::Done);
            let bye = bench.one_to(other).text;
            bench.receive(other, &reply(&bye, 200, tag, other));
            assert!(matches!(bench.last_fact(), FactKind::Ended { .. }));
        }
    }
}

#[test]
fn a_restarted_edge_asks_the_access_rule_for_every_reinvite_of_a_customer_and_for_none_of_a_carrier() {
    let mut old = Bench::new();
    let (ok, invite) = old.answered(alpha());
    let text = from_customer("INVITE", 2, &ok.text, "");
    for source in [CUSTOMER, "10.2.2.2:5060"] {
        let mut bench = restarted();
        let Disposition::Recheck { handle, call, tenant, domain, .. } = bench.receive(source, &text) else { panic!() };
        assert_eq!((call, tenant.as_str(), domain.as_str()), (CALL, "acme", "acme"));
        assert!(bench.sent_to(ALPHA).is_empty(), "{source}");
        bench.act(|proxy, now, out| proxy.resume(now, handle, out).unwrap());
        assert!(bench.one_to(ALPHA).start().starts_with("INVITE sip:callee@"), "{source}");
    }
    let mut bench = restarted();
    assert_eq!(bench.receive(ALPHA, &from_carrier("INVITE", 2, &invite.text, "")), Disposition::Done);
    assert!(bench.one_to(CUSTOMER).start().starts_with("INVITE "));
}

#[test]
fn after_a_restart_every_form_of_an_asserted_sip_uri_is_as_before() {
    for uri in ["sip:alice@acme.sip.trunkline.test", "sip:acme.sip.trunkline.test", "sip:%40x@acme.sip.trunkline.test"] {
        let mut old = Bench::new();
        let (ok, _) = old.answered(Target { asserted: vec![format!("\"Acme\" <{uri}>")], ..alpha() });
        let mut bench = restarted();
        bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, ""));
        assert_eq!(values(&bench.one_to(ALPHA).text, "P-Asserted-Identity"), [format!("\"Acme\" <{uri}>")]);
    }
}
