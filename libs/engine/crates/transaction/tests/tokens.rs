//! Who may speak in a dialog: tokens, tags and sources.

mod support;

use support::*;
use trunkline_transaction::*;

const REFUSED_ROUTE: Disposition = Disposition::Refuse { status: 403, code: "T109", unsupported: String::new() };
const NO_CALL: Disposition = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };

#[test]
fn a_token_that_is_changed_foreign_or_of_another_dialog_is_refused() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    let good = from_customer("INFO", 2, &ok.text, "");
    let route = value(&good, "Route").to_owned();
    let token = route.split_once("t=").unwrap().1.trim_end_matches('>').to_owned();
    let mut changed = token.clone().into_bytes();
    changed[30] = if changed[30] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    for (what, text) in [
        ("changed", good.replace(&token, &changed)),
        ("cut", good.replace(&token, &token[..40])),
        ("empty", good.replace(&token, "")),
        ("other Call-ID", good.replace("Call-ID: call-1", "Call-ID: call-2")),
        ("other caller", good.replace("tag=caller", "tag=other")),
        ("other callee", good.replace("tag=callee", "tag=other")),
        ("another host", good.replace(&route, "<sip:10.66.66.66;lr>")),
    ] {
        assert_eq!(bench.receive(CUSTOMER, &text), REFUSED_ROUTE, "{what}");
        assert!(bench.sent.is_empty(), "{what}");
    }
    assert_eq!(bench.receive(CUSTOMER, &good.replace(&format!(";t={token}"), "")), NO_CALL, "no token");
    // The customer's own copy in the carrier's place, and the other way round.
    let swapped = from_carrier("INFO", 2, &invite.text, "").replace(&value(&invite.text, "Record-Route").to_owned(), &route);
    assert_eq!(bench.receive(ALPHA, &swapped), REFUSED_ROUTE);
    let swapped = good.replace(&route, value(&invite.text, "Record-Route"));
    assert_eq!(bench.receive(CUSTOMER, &swapped), REFUSED_ROUTE);
    // Another platform's key.
    let mut other = restarted();
    other.proxy.set_token_keys(&[TokenKey { key: [8; 32], ..token_key() }]);
    assert_eq!(other.receive(CUSTOMER, &good), REFUSED_ROUTE);
    // An ACK is never answered, and not forwarded either.
    assert_eq!(bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, "").replace(&token, &changed)), Disposition::Done);
    assert!(bench.sent.is_empty());
    assert_eq!(bench.receive(CUSTOMER, &good), Disposition::Done);
    assert_eq!(bench.sent_to(ALPHA).len(), 1);
}

#[test]
fn a_carriers_request_from_another_address_than_its_call_names_is_asked_about() {
    let mut bench = Bench::new();
    let (_, invite) = bench.answered(alpha());
    let text = from_carrier("BYE", 2, &invite.text, "");
    let elsewhere = "10.66.66.66:5060";
    for mut edge in [restarted(), Bench::new()] {
        let gateway = addr(ALPHA).ip();
        assert_eq!(edge.receive(elsewhere, &text), Disposition::OfCarrier { carrier: String::new(), gateway });
        assert!(edge.sent.is_empty(), "nobody is answered before");
    }
    let gateway = addr(ALPHA).ip();
    assert_eq!(bench.receive(elsewhere, &text), Disposition::OfCarrier { carrier: "carrier-alpha".to_owned(), gateway });
    assert_eq!(
        bench.receive(elsewhere, &text.replace("BYE", "ACK")),
        Disposition::OfCarrier { carrier: "carrier-alpha".to_owned(), gateway }
    );
    assert_eq!(bench.fact_names().last().unwrap(), "Answered");
    assert!(bench.sent.is_empty());
    assert_eq!(bench.receive("10.9.9.1:9999", &text), Disposition::Done);
}

#[test]
fn a_request_of_a_carriers_other_gateway_is_served_and_answered_where_it_came_from() {
    let elsewhere = "10.66.66.66:5060";
    for has_row in [true, false] {
        let mut edge = Bench::new();
        let (_, invite) = edge.answered(alpha());
        if !has_row {
            edge = restarted();
        }
        assert_eq!(edge.receive_of_carrier(elsewhere, &from_carrier("BYE", 2, &invite.text, "")), Disposition::Done);
        let bye = edge.one_to(CUSTOMER);
        edge.receive(CUSTOMER, &reply(&bye.text, 200, "caller", CUSTOMER));
        assert_eq!(edge.starts_to(elsewhere), ["SIP/2.0 200 Whatever"]);
        assert_eq!(edge.fact_names().last().unwrap(), "Ended");
    }
}

#[test]
fn what_is_no_token_of_the_carriers_is_none_from_its_other_gateway_either() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    let forged = from_carrier("BYE", 2, &invite.text, "").replace("Call-ID: call-1", "Call-ID: call-2");
    assert_eq!(bench.receive_of_carrier("10.66.66.66:5060", &forged), REFUSED_ROUTE);
    let customers = from_customer("MESSAGE", 2, &ok.text, "");
    assert_eq!(bench.receive_of_carrier("10.66.66.66:5060", &customers), REFUSED_ROUTE);
}

#[test]
fn an_early_request_of_a_carrier_comes_from_where_its_18x_says_that_it_is() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    let switch = "10.66.66.66:5060";
    bench.receive(ALPHA, &reply(&out.text, 183, "callee", switch));
    assert_eq!(bench.receive(switch, &from_carrier("UPDATE", 2, &out.text, "")), Disposition::Done);
    assert!(bench.sent_to(CUSTOMER).pop().unwrap().start().starts_with("UPDATE "));
    assert!(matches!(bench.receive("10.66.66.67:5060", &from_carrier("INFO", 3, &out.text, "")), Disposition::OfCarrier { .. }));
}

#[test]
fn a_gateway_that_was_abandoned_cannot_end_the_call() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha(), beta()]);
    let first = bench.one_to(ALPHA);
    bench.advance(3_000);
    let second = bench.one_to(BETA);
    bench.receive(BETA, &reply(&second.text, 200, "winner", BETA));
    assert_eq!(bench.receive(ALPHA, &from_carrier("BYE", 2, &first.text, "")), NO_CALL);
    assert_eq!(bench.fact_names().last().unwrap(), "Answered");
}

#[test]
fn a_reinvite_from_another_source_waits_for_the_access_rule() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    let text = from_customer("INVITE", 2, &ok.text, "");
    let Disposition::Recheck { handle, call, tenant, domain, is_same_source } = bench.receive("10.2.2.2:5060", &text) else { panic!() };
    assert_eq!((call, tenant.as_str(), domain.as_str(), is_same_source), (CALL, "acme", "acme", false));
    assert_eq!(bench.starts_to("10.2.2.2:5060"), ["SIP/2.0 100 Trying"]);
    assert!(bench.sent_to(ALPHA).is_empty());
    assert_eq!(bench.receive("10.2.2.2:5060", &text), Disposition::Done, "a retransmission");
    bench.act(|proxy, now, out| proxy.resume(now, handle, out).unwrap());
    let out = bench.one_to(ALPHA);
    bench.take_sent();
    bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to("10.2.2.2:5060"), ["SIP/2.0 200 Whatever"]);
    bench.act(|proxy, now, out| assert_eq!(proxy.resume(now, handle, out), Err(StaleCall)));
    bench.receive(ALPHA, &from_carrier("INFO", 2, &invite.text, ""));
    assert!(bench.one_to("10.2.2.2:5060").start().starts_with("INFO "), "the flow follows");
}

#[test]
fn a_reinvite_that_the_access_rule_refuses_leaves_the_call_as_it_was() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    let text = from_customer("INVITE", 2, &ok.text, "");
    let Disposition::Recheck { handle, .. } = bench.receive("10.2.2.2:5060", &text) else { panic!() };
    let mut said = refusal(407, "", "Proxy Authentication Required");
    said.extra_headers = "Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n".to_owned();
    bench.act(|proxy, now, out| proxy.refuse(now, handle, said, out).unwrap());
    let last = bench.sent_to("10.2.2.2:5060").pop().unwrap().text;
    assert!(last.starts_with("SIP/2.0 407 Proxy Authentication Required\r\n") && last.contains("Proxy-Authenticate: Digest"), "{last}");
    bench.receive(ALPHA, &from_carrier("INFO", 2, &invite.text, ""));
    assert!(bench.one_to(CUSTOMER).start().starts_with("INFO "));
    assert_eq!(bench.fact_names().last().unwrap(), "Answered");
}

#[test]
fn a_reinvite_whose_access_is_never_decided_is_answered_by_a_timer() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let text = from_customer("INVITE", 2, &ok.text, "");
    let Disposition::Recheck { handle, .. } = bench.receive("10.2.2.2:5060", &text) else { panic!() };
    bench.take_sent();
    bench.advance(5_000);
    assert_eq!(bench.starts_to("10.2.2.2:5060"), ["SIP/2.0 500 Decision Failed T901"]);
    bench.act(|proxy, now, out| assert_eq!(proxy.resume(now, handle, out), Err(StaleCall)));
}

#[test]
fn a_request_without_a_to_tag_is_no_request_of_a_dialog() {
    let mut bench = Bench::new();
    let (ok, out) = bench.answered(alpha());
    for method in ["INVITE", "BYE", "INFO"] {
        let text = from_customer(method, 2, &ok.text, "").replace(";tag=callee", "");
        assert_eq!(bench.receive(CUSTOMER, &text), REFUSED_ROUTE, "{method}");
        let text = from_carrier(method, 2, &out.text, "").replace(";tag=caller", "");
        assert_eq!(bench.receive(ALPHA, &text), REFUSED_ROUTE, "{method}");
    }
    assert!(bench.sent.is_empty(), "{:?}", bench.sent);
}

#[test]
fn a_response_without_a_to_tag_gives_the_customer_no_token() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&out, 183, "callee", ALPHA).replacen(";tag=callee", "", 1));
    let progress = bench.sent_to(CUSTOMER).pop().unwrap().text;
    assert!(progress.starts_with("SIP/2.0 183"), "{progress}");
    // What stands there is the gateway's own copy, good for the gateway alone.
    assert_eq!(value(&progress, "Record-Route"), value(&out, "Record-Route"));
    // A new call to another number, on the early "dialog": neither the access rule nor the policy would be asked.
    for tag in ["", ";tag=callee", ";tag=caller"] {
        let second = from_customer("INVITE", 2, &progress, "").replacen("INVITE sip:callee@", "INVITE sip:+883555@", 1);
        let to = value(&progress, "To").to_owned();
        let second = second.replacen(&format!("To: {to}"), &format!("To: {to}{tag}"), 1);
        let said = bench.receive(CUSTOMER, &second);
        // As the carrier's copy it is good for gateways of the carrier alone.
        assert!(said == REFUSED_ROUTE || (tag == ";tag=caller" && matches!(said, Disposition::OfCarrier { .. })), "{tag}: {said:?}");
    }
    assert!(bench.sent.is_empty());
}

#[test]
fn from_a_source_that_the_access_rule_was_not_asked_for_a_call_is_moved_and_ended_and_nothing_else() {
    let elsewhere = "10.2.2.2:5060";
    for has_row in [true, false] {
        for method in ["BYE", "PRACK", "UPDATE", "INFO", "MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "OPTIONS", "PUBLISH", "FOO"] {
            let mut bench = Bench::new();
            let (ok, _) = bench.answered(alpha());
            if !has_row {
                bench = restarted();
            }
            let is_served = ["BYE", "PRACK", "UPDATE", "INFO"].contains(&method);
            let expected = if is_served { Disposition::Done } else { REFUSED_ROUTE };
            assert_eq!(bench.receive(elsewhere, &from_customer(method, 2, &ok.text, "")), expected, "{method}");
            assert_eq!(bench.sent_to(ALPHA).len(), usize::from(is_served), "{method}");
        }
    }
    // Where the access rule has been asked it is the customer.
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let Disposition::Recheck { handle, .. } = bench.receive(elsewhere, &from_customer("INVITE", 2, &ok.text, "")) else { panic!() };
    bench.act(|proxy, now, out| proxy.resume(now, handle, out).unwrap());
    assert_eq!(bench.receive(elsewhere, &from_customer("MESSAGE", 3, &ok.text, "")), Disposition::Done);
    assert_eq!(bench.receive(CUSTOMER, &from_customer("MESSAGE", 4, &ok.text, "")), REFUSED_ROUTE);
}
