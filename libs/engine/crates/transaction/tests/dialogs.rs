//! Requests inside dialogs, from either side, from the row and from the token alone (RFC 3261 §12.2, §16.4, §16.6).

mod support;

use support::*;
use trunkline_message::Method;
use trunkline_transaction::*;

const REFUSED_ROUTE: Disposition = Disposition::Refuse { status: 403, code: "T109", unsupported: String::new() };
const NO_CALL: Disposition = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };

/// Another edge, or the same one after a restart: the key of the tokens, nothing else.
fn restarted() -> Bench {
    Bench::with(config(), 99)
}

#[test]
fn every_method_of_a_dialog_passes_from_the_customer() {
    for method in ["INVITE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "MESSAGE", "OPTIONS", "FOO", "BYE"] {
        let mut bench = Bench::new();
        let (ok, _) = bench.answered(alpha());
        let text = from_customer(method, 2, &ok.text, "");
        assert_eq!(bench.receive(CUSTOMER, &text), Disposition::Done);
        let out = bench.one_to(ALPHA);
        assert_eq!(out.start(), format!("{method} sip:callee@10.9.9.1:5060 SIP/2.0"));
        assert!(values(&out.text, "Route").is_empty());
        bench.sent_to(CUSTOMER);
        // A retransmission is absorbed.
        bench.receive(CUSTOMER, &text);
        assert!(bench.sent_to(ALPHA).is_empty());
        bench.sent_to(CUSTOMER);
        bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
        assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"], "{method}");
        bench.receive(CUSTOMER, &text);
        let again = if method == "INVITE" { 0 } else { 1 };
        assert_eq!(bench.starts_to(CUSTOMER).len(), again, "{method}: the answer is given again");
    }
}

#[test]
fn every_method_of_a_dialog_passes_from_the_carrier_to_where_the_customer_really_is() {
    for method in ["INVITE", "UPDATE", "INFO", "BYE"] {
        let mut bench = Bench::new();
        let (_, invite) = bench.answered(alpha());
        assert_eq!(bench.receive(ALPHA, &from_carrier(method, 7, &invite.text, "")), Disposition::Done);
        let out = bench.one_to(CUSTOMER);
        assert_eq!(out.start(), format!("{method} sip:31000000@192.168.1.9:5066 SIP/2.0"));
        assert!(values(&out.text, "Route").is_empty());
        bench.sent_to(ALPHA);
        bench.receive(CUSTOMER, &reply(&out.text, 200, "caller", CUSTOMER));
        assert_eq!(bench.starts_to(ALPHA), ["SIP/2.0 200 Whatever"], "{method}");
        let has_ended = bench.fact_names().last().unwrap() == "Ended";
        assert_eq!(has_ended, method == "BYE");
        if has_ended {
            assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Callee, q850: 16, answered_ns: START_NS });
        }
    }
}

#[test]
fn a_reinvite_is_proceeding_at_once_its_2xx_and_ack_pass() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, ""));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying"]);
    let out = bench.one_to(ALPHA);
    for _ in 0..2 {
        bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
        assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    }
    bench.receive(CUSTOMER, &from_customer("ACK", 2, &ok.text, ""));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "Answered"]);
}

#[test]
fn a_refused_reinvite_is_acknowledged_hop_by_hop_and_can_be_cancelled() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let reinvite = from_customer("INVITE", 2, &ok.text, "");
    bench.receive(CUSTOMER, &reinvite);
    let out = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    bench.take_sent();
    bench.receive(CUSTOMER, &hop_request("CANCEL", &reinvite, None));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 OK"]);
    assert!(bench.one_to(ALPHA).start().starts_with("CANCEL "));
    bench.receive(ALPHA, &reply(&out.text, 487, "callee", ALPHA));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
    let end = bench.one_to(CUSTOMER);
    assert_eq!(end.start(), "SIP/2.0 487 Whatever");
    bench.receive(CUSTOMER, &hop_request("ACK", &reinvite, Some(&end.text)));
    bench.advance(6_000);
    assert!(bench.sent_to(CUSTOMER).is_empty(), "acknowledged: no more retransmissions");
}

#[test]
fn a_request_that_nobody_answers_times_out_and_leaves_nothing() {
    for (method, expected) in [("INVITE", vec!["SIP/2.0 408 Request Timeout"]), ("INFO", vec![])] {
        let mut bench = Bench::with(Config { token_lifetime_s: 100, ..config() }, 1);
        let (ok, _) = bench.answered(alpha());
        bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, ""));
        bench.take_sent();
        bench.advance(33_000);
        let mut starts = bench.starts_to(CUSTOMER);
        starts.dedup();
        assert_eq!(starts, expected, "RFC 4320 §4.2: no 408 for a non-INVITE");
        bench.assert_empties();
    }
}

#[test]
fn an_unreachable_gateway_answers_a_dialogs_request_with_500() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, ""));
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 Server Internal Error"]);
}

#[test]
fn crossing_byes_are_one_end_and_both_get_through() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    bench.receive(ALPHA, &from_carrier("BYE", 9, &invite.text, ""));
    let (to_alpha, to_customer) = (bench.one_to(ALPHA).text, bench.one_to(CUSTOMER).text);
    assert!(to_alpha.starts_with("BYE ") && to_customer.starts_with("BYE "));
    bench.receive(CUSTOMER, &reply(&to_customer, 200, "caller", CUSTOMER));
    bench.receive(ALPHA, &reply(&to_alpha, 481, "callee", ALPHA));
    assert_eq!(bench.fact_names().iter().filter(|name| *name == "Ended").count(), 1);
    bench.assert_empties();
}

#[test]
fn the_cause_of_the_end_is_that_of_the_byes_reason() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.hang_up(&ok.text, 2, "Reason: Q.850;cause=31\r\n");
    assert!(matches!(bench.last_fact(), FactKind::Ended { q850: 31, .. }));
}

#[test]
fn an_invite_on_a_call_that_has_ended_is_481_as_long_as_its_token_lives() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.hang_up(&ok.text, 2, "");
    let again = from_customer("INVITE", 3, &ok.text, "").replacen("INVITE sip:callee@10.9.9.1:5060", "INVITE sip:+883555@10.9.9.1:5060", 1);
    for wait_ms in [0, 60_000, 3_600_000, 20 * 3_600_000, 4 * 3_600_000] {
        bench.advance(wait_ms);
        assert_eq!(bench.receive(CUSTOMER, &again), NO_CALL, "{wait_ms}");
    }
    assert!(bench.sent_to(ALPHA).is_empty());
}

#[test]
fn an_invite_on_a_call_whose_end_was_forgotten_asks_the_access_rule() {
    let limits = Limits { ended_calls: 0, ..Limits::default() };
    let mut bench = Bench::with(Config { limits, ..config() }, 1);
    let (ok, _) = bench.answered(alpha());
    bench.hang_up(&ok.text, 2, "");
    let said = bench.receive(CUSTOMER, &from_customer("INVITE", 3, &ok.text, ""));
    assert!(matches!(said, Disposition::Recheck { call: CALL, .. }), "{said:?}");
    assert!(bench.sent_to(ALPHA).is_empty());
}

#[test]
fn a_restarted_edge_serves_the_bye_of_either_side_from_the_token() {
    let mut old = Bench::new();
    old.now_ms = 0;
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
    assert_eq!(values(&bye, "P-Asserted-Identity"), ["<sip:+31207654321@acme.sip.trunkline.test;user=phone>", "<tel:+31207654321>"]);
    assert_eq!(values(&bye, "Privacy"), ["id"]);
    assert_eq!(value(&bye, "From"), "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=caller");
}

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
fn an_expired_token_is_481() {
    let mut old = Bench::new();
    let (ok, _) = old.answered(alpha());
    let mut bench = restarted();
    bench.now_ms = 86_402_000;
    assert_eq!(bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, "")), NO_CALL);
}

#[test]
fn the_customers_token_leads_to_the_gateway_whatever_the_request_uri_says() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let text = from_customer("INFO", 2, &ok.text, "").replace("INFO sip:callee@10.9.9.1:5060", "INFO sip:victim@10.66.66.66:5060");
    bench.receive(CUSTOMER, &text);
    assert!(bench.one_to(ALPHA).start().contains("10.66.66.66"), "{:?}", bench.sent);
}

#[test]
fn a_carriers_request_from_another_address_than_its_gateways_is_refused() {
    let mut bench = Bench::new();
    let (_, invite) = bench.answered(alpha());
    let text = from_carrier("BYE", 2, &invite.text, "");
    assert_eq!(bench.receive("10.66.66.66:5060", &text), REFUSED_ROUTE);
    assert_eq!(restarted().receive("10.66.66.66:5060", &text), REFUSED_ROUTE);
    assert_eq!(bench.fact_names().last().unwrap(), "Answered");
    assert_eq!(bench.receive("10.9.9.1:9999", &text), Disposition::Done);
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
fn requests_to_the_customer_follow_its_last_port() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    bench.receive("10.1.1.1:41000", &from_customer("INFO", 2, &ok.text, ""));
    bench.take_sent();
    bench.receive(ALPHA, &from_carrier("BYE", 2, &invite.text, ""));
    assert!(bench.one_to("10.1.1.1:41000").start().starts_with("BYE "));
}

#[test]
fn a_reinvite_from_another_source_waits_for_the_access_rule() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    let text = from_customer("INVITE", 2, &ok.text, "");
    let Disposition::Recheck { handle, call, tenant, domain } = bench.receive("10.2.2.2:5060", &text) else { panic!() };
    assert_eq!((call, tenant.as_str(), domain.as_str()), (CALL, "acme", "acme"));
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
fn an_early_dialog_has_its_requests_too() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&out.text, 183, "callee", ALPHA));
    let ringing = bench.sent_to(CUSTOMER).pop().unwrap();
    bench.receive(CUSTOMER, &from_customer("PRACK", 2, &ringing.text, "RAck: 1 1 INVITE\r\n"));
    let prack = bench.one_to(ALPHA);
    assert_eq!(value(&prack.text, "RAck"), "1 1 INVITE");
    bench.receive(ALPHA, &from_carrier("UPDATE", 3, &out.text, ""));
    assert!(bench.one_to(CUSTOMER).start().starts_with("UPDATE "));
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed"]);
}

#[test]
fn routes_of_the_carrier_beyond_ours_are_followed() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    let ok =
        reply(&out.text, 200, "callee", "10.9.9.8:5060").replacen("Record-Route:", "Record-Route: <sip:10.9.9.7;lr>\r\nRecord-Route:", 1);
    bench.receive(ALPHA, &ok);
    let ok = bench.sent_to(CUSTOMER).pop().unwrap();
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
    let ack = bench.one_to("10.9.9.7:5060");
    assert_eq!((ack.start(), values(&ack.text, "Route")), ("ACK sip:callee@10.9.9.8:5060 SIP/2.0", vec!["<sip:10.9.9.7;lr>"]));
}

#[test]
fn a_strict_router_beyond_ours_gets_its_own_request_uri() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    let ok = reply(&out.text, 200, "callee", "10.9.9.8:5060").replacen("Record-Route:", "Record-Route: <sip:10.9.9.7>\r\nRecord-Route:", 1);
    bench.receive(ALPHA, &ok);
    let ok = bench.sent_to(CUSTOMER).pop().unwrap();
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
    let ack = bench.one_to("10.9.9.7:5060");
    assert_eq!((ack.start(), values(&ack.text, "Route")), ("ACK sip:10.9.9.7 SIP/2.0", vec!["<sip:callee@10.9.9.8:5060>"]));
}

#[test]
fn a_strict_router_before_ours_is_understood() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let good = from_customer("INFO", 2, &ok.text, "");
    let ours = value(&good, "Route").trim_matches(['<', '>']).to_owned();
    let strict = good
        .replace("INFO sip:callee@10.9.9.1:5060", &format!("INFO {ours}"))
        .replace(&format!("Route: <{ours}>"), "Route: <sip:callee@10.9.9.1:5060>");
    assert_eq!(bench.receive(CUSTOMER, &strict), Disposition::Done);
    let out = bench.one_to(ALPHA);
    assert_eq!((out.start(), values(&out.text, "Route").len()), ("INFO sip:callee@10.9.9.1:5060 SIP/2.0", 0));
}

#[test]
fn a_retransmitted_ack_keeps_its_branch() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let ack = from_customer("ACK", 1, &ok.text, "");
    bench.receive(CUSTOMER, &ack);
    bench.receive(CUSTOMER, &ack);
    let sent = bench.sent_to(ALPHA);
    assert_eq!(sent[0].text, sent[1].text);
    assert_eq!(bench.receive(CUSTOMER, &hop_request("ACK", &invite_with("x", "unknown", ""), None)), Disposition::OutOfDialog(Method::Ack));
}

#[test]
fn a_restarted_edge_asks_the_access_rule_for_every_reinvite_of_a_customer_and_for_none_of_a_carrier() {
    let mut old = Bench::new();
    let (ok, invite) = old.answered(alpha());
    let text = from_customer("INVITE", 2, &ok.text, "");
    for source in [CUSTOMER, "10.2.2.2:5060"] {
        let mut bench = restarted();
        let Disposition::Recheck { handle, call, tenant, domain } = bench.receive(source, &text) else { panic!() };
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
fn a_bye_after_the_set_up_failed_is_no_end_of_a_call() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    let ringing = bench.sent_to(CUSTOMER).pop().unwrap();
    bench.receive(ALPHA, &reply(&out.text, 486, "callee", ALPHA));
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ringing.text, ""));
    bench.receive(ALPHA, &from_carrier("BYE", 3, &out.text, ""));
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "GatewayFailed", "Failed"]);
    bench.assert_empties();
}

#[test]
fn beyond_the_second_bound_of_transactions_a_dialogs_request_is_refused_and_acks_pass() {
    let limits = Limits { transactions: 3, all_transactions: 3, ..Limits::default() };
    let mut bench = Bench::with(Config { limits, ..config() }, 1);
    let (ok, _) = bench.answered(alpha());
    let busy = Disposition::Refuse { status: 503, code: "T902", unsupported: String::new() };
    assert_eq!(bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, "")), busy);
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
}

#[test]
fn a_bye_that_the_carrier_refuses_does_not_end_the_call() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    // CSeq below the INVITE's: RFC 3261 §12.2.2 makes the callee answer 500 and keep the dialog, and media flows on past us.
    bench.receive(CUSTOMER, &from_customer("BYE", 0, &ok.text, ""));
    let bye = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&bye, 500, "callee", ALPHA));
    assert!(bench.one_to(CUSTOMER).start().contains("500"));
    assert!(!bench.fact_names().contains(&"Ended".to_owned()), "{:?}", bench.fact_names());
}

#[test]
fn a_bye_ends_the_call_when_it_came_and_only_with_an_answer_that_ends_the_dialog() {
    for status in [200, 202, 408, 481] {
        let mut bench = Bench::new();
        let (ok, _) = bench.answered(alpha());
        bench.now_ms = 7_000;
        bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
        let bye = bench.one_to(ALPHA).text;
        bench.advance(400);
        assert_eq!(bench.fact_names().last().unwrap(), "Answered", "not before its answer");
        bench.receive(ALPHA, &reply(&bye, status, "callee", ALPHA));
        assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: START_NS }, "{status}");
        assert_eq!(bench.facts.last().unwrap().time_ns, START_NS + 7_000_000_000);
        bench.assert_empties();
    }
    for status in [302, 400, 401, 403, 407, 500, 503, 603] {
        let mut bench = Bench::new();
        let (ok, _) = bench.answered(alpha());
        bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
        let bye = bench.one_to(ALPHA).text;
        bench.receive(ALPHA, &reply(&bye, status, "callee", ALPHA));
        bench.take_sent();
        bench.advance(100_000);
        assert_eq!((bench.fact_names().last().unwrap().as_str(), bench.proxy.call_count()), ("Answered", 1), "{status}");
        bench.hang_up(&ok.text, 3, "");
        assert_eq!(bench.fact_names().last().unwrap(), "Ended");
    }
}

#[test]
fn a_bye_that_nobody_answers_or_nobody_gets_ends_the_call_when_it_came() {
    for is_reachable in [true, false] {
        for has_row in [true, false] {
            let mut bench = Bench::new();
            let (ok, _) = bench.answered(alpha());
            if !has_row {
                bench = restarted();
            }
            bench.advance(2_000);
            bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
            bench.one_to(ALPHA);
            if is_reachable {
                bench.advance(32_000);
            } else {
                bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
            }
            assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: START_NS });
            assert_eq!(bench.facts.last().unwrap().time_ns, START_NS + 2_000_000_000);
            bench.assert_empties();
        }
    }
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
        assert_eq!(bench.receive(CUSTOMER, &second), REFUSED_ROUTE, "{tag}");
    }
    assert!(bench.sent_to(ALPHA).is_empty());
}

#[test]
fn after_a_restart_every_form_of_an_asserted_sip_uri_is_as_before() {
    for uri in ["sip:alice@acme.sip.trunkline.test", "sip:acme.sip.trunkline.test", "sip:%40x@acme.sip.trunkline.test"] {
        let mut old = Bench::new();
        let (ok, _) = old.answered(Target { asserted: vec![format!("\"Acme\" <{uri}>")], ..alpha() });
        let mut bench = restarted();
        bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, ""));
        assert_eq!(values(&bench.one_to(ALPHA).text, "P-Asserted-Identity"), [format!("<{uri}>")]);
    }
}

#[test]
fn a_non_invite_has_no_provisional_and_no_408_from_another() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    for (method, cseq) in [("INFO", 2), ("BYE", 3)] {
        bench.receive(CUSTOMER, &from_customer(method, cseq, &ok.text, ""));
        let out = bench.one_to(ALPHA).text;
        for status in [100, 180, 183, 199, 408] {
            bench.receive(ALPHA, &reply(&out, status, "callee", ALPHA));
        }
        assert!(bench.sent.is_empty(), "{method}: RFC 4320 §4: {:?}", bench.sent);
    }
    assert_eq!(bench.fact_names().last().unwrap(), "Ended");
    bench.assert_empties();
    // An INVITE has them.
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, ""));
    let out = bench.one_to(ALPHA).text;
    bench.take_sent();
    for status in [180, 408] {
        bench.receive(ALPHA, &reply(&out, status, "callee", ALPHA));
    }
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 180 Whatever", "SIP/2.0 408 Whatever"]);
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
