//! The plain call from its INVITE to its end, retransmissions and bounds (RFC 3261 §16, §17, RFC 6026).

mod support;

use support::*;
use trunkline_transaction::*;

#[test]
fn a_call_goes_through_and_each_fact_comes_before_the_message_that_tells_the_world() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha(), beta()]);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying"]);
    let out = bench.one_to(ALPHA);
    assert_eq!(out.start(), "INVITE sip:+31201234567@10.9.9.1:5060 SIP/2.0");
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    assert!(bench.sent.is_empty(), "100 is hop by hop");
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 180 Whatever"]);
    assert_eq!(bench.proxy.live_calls().next().unwrap().state, LiveState::Ringing);
    bench.now_ms = 4_000;
    bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    let ok = bench.one_to(CUSTOMER);
    let live = bench.proxy.live_calls().next().unwrap();
    assert_eq!((live.call, live.state, live.gateway, live.tenant, live.start_ns), (CALL, LiveState::Answered, "alpha", "acme", START_NS));
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
    assert_eq!(bench.starts_to(ALPHA), ["ACK sip:callee@10.9.9.1:5060 SIP/2.0"]);
    bench.now_ms = 9_000;
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    let bye = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&bye.text, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    assert_eq!(
        bench.order,
        [
            "SIP/2.0 100 Trying > 10.1.1.1:5066",
            "GatewayTried",
            "INVITE sip:+31201234567@10.9.9.1:5060 SIP/2.0 > 10.9.9.1:5060",
            "Progressed",
            "SIP/2.0 180 Whatever > 10.1.1.1:5066",
            "Answered",
            "SIP/2.0 200 Whatever > 10.1.1.1:5066",
            "ACK sip:callee@10.9.9.1:5060 SIP/2.0 > 10.9.9.1:5060",
            "BYE sip:callee@10.9.9.1:5060 SIP/2.0 > 10.9.9.1:5060",
            "Ended",
            "SIP/2.0 200 Whatever > 10.1.1.1:5066",
        ]
    );
    assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: 0 });
    assert_eq!(bench.proxy.call_count(), 0);
    bench.assert_empties();
}

#[test]
fn what_is_not_changed_stays_byte_for_byte() {
    let mut bench = Bench::new();
    let text = invite_with("call-1", "branch1", "X-Odd :  a,\r\n\tb\r\ns: Hi\r\n");
    bench.call(&text, vec![alpha()]);
    let out = bench.one_to(ALPHA).text;
    let (headers, body) = text[text.find("From:").unwrap()..].split_once("\r\n\r\n").unwrap();
    assert!(out.ends_with(&format!("{headers}\r\nMax-Breadth: 60\r\n\r\n{body}")), "{out}");
    assert_eq!(values(&out, "Max-Forwards"), ["68"]);
    let vias = values(&out, "Via");
    assert!(vias[0].starts_with("SIP/2.0/UDP 127.0.1.1:5060;rport;branch=z9hG4bK"), "{out}");
    assert!(vias[1].contains("received=10.1.1.1") && vias[1].contains("rport=5066"), "{out}");
}

#[test]
fn a_missing_max_forwards_becomes_70() {
    let mut bench = Bench::new();
    bench.call(&invite().replace("Max-Forwards: 69\r\n", ""), vec![alpha()]);
    assert_eq!(values(&bench.one_to(ALPHA).text, "Max-Forwards"), ["70"]);
}

#[test]
fn responses_follow_rport_and_without_it_the_port_of_sent_by() {
    for (via, expected) in [("192.168.1.9:5066;rport", "10.1.1.1:40000"), ("192.168.1.9:5066", "10.1.1.1:5066"), ("pbx", "10.1.1.1:5060")] {
        let mut bench = Bench::new();
        let text = invite().replace("192.168.1.9:5066;rport", via);
        bench.admit("10.1.1.1:40000", &text);
        assert_eq!(bench.take_sent()[0].to, addr(expected), "{via}");
    }
}

#[test]
fn a_retransmitted_invite_gets_the_last_response_again_and_goes_nowhere() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    bench.take_sent();
    assert_eq!(bench.receive(CUSTOMER, &invite()), Disposition::Done);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying"]);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    bench.take_sent();
    bench.receive(CUSTOMER, &invite());
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 180 Whatever"]);
    assert!(bench.sent.is_empty());
}

#[test]
fn final_response_is_resent_for_a_retransmitted_invite_and_until_the_ack() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    bench.take_sent();
    bench.receive(ALPHA, &reply(&out.text, 486, "callee", ALPHA));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
    let busy = bench.one_to(CUSTOMER);
    assert_eq!(busy.start(), "SIP/2.0 486 Whatever");
    bench.receive(CUSTOMER, &invite());
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 486 Whatever"]);
    bench.advance(10_000);
    let times: Vec<u64> = bench.sent_to(CUSTOMER).iter().map(|sent| sent.at_ms).collect();
    assert_eq!(times, [500, 1_500, 3_500, 7_500], "Timer G doubles up to T2");
    bench.receive(CUSTOMER, &hop_request("ACK", &invite(), Some(&busy.text)));
    bench.advance(20_000);
    assert!(bench.sent.is_empty());
    bench.assert_empties();
}

#[test]
fn a_failure_that_is_never_acknowledged_is_given_up_after_timer_h() {
    let mut bench = Bench::new();
    let call = bench.admit(CUSTOMER, &invite());
    bench.act(|proxy, now, out| proxy.reject(now, call, refusal(403, "T203", "Source Not In ACL"), out).unwrap());
    bench.advance(100_000);
    assert!(bench.take_sent().iter().all(|sent| sent.at_ms < 32_000));
    assert_eq!(bench.proxy.entry_count(), 0);
}

#[test]
fn the_invite_is_retransmitted_by_timer_a_until_something_is_heard() {
    let mut bench = Bench::with(Config { silent_gateway_ms: 60_000, all_silent_ms: 60_000, ..config() }, 1);
    bench.call(&invite(), vec![alpha()]);
    bench.advance(10_000);
    let sent = bench.sent_to(ALPHA);
    let times: Vec<u64> = sent.iter().map(|sent| sent.at_ms).collect();
    assert_eq!(times, [0, 500, 1_500, 3_500, 7_500]);
    bench.receive(ALPHA, &reply(&sent[0].text, 100, "", ALPHA));
    bench.advance(9_000);
    assert!(bench.sent_to(ALPHA).is_empty());
}

#[test]
fn the_timeout_of_a_silent_invite_is_timer_b_where_the_walk_waits_longer() {
    let mut bench = Bench::with(Config { silent_gateway_ms: 60_000, all_silent_ms: 60_000, ..config() }, 1);
    bench.call(&invite(), vec![alpha(), beta()]);
    bench.advance(31_999);
    assert!(bench.sent_to(BETA).is_empty());
    bench.advance(1);
    assert_eq!(bench.sent_to(BETA).len(), 1);
    assert!(bench.facts.iter().any(|fact| fact.kind == FactKind::GatewayFailed { number: 1, status: 0, cause: FailureCause::Silent }));
}

#[test]
fn retransmitted_2xx_pass_each_time_and_the_answer_is_said_once() {
    let mut bench = Bench::new();
    let (_, out) = bench.answered(alpha());
    for _ in 0..3 {
        bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    }
    assert_eq!(bench.starts_to(CUSTOMER).len(), 3);
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "Answered"]);
    // Accepted absorbs the INVITE's retransmissions (RFC 6026 §7.1).
    assert_eq!(bench.receive(CUSTOMER, &invite()), Disposition::Done);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_2xx_of_another_branch_downstream_passes_with_a_token_of_its_own() {
    let mut bench = Bench::new();
    let (ok, out) = bench.answered(alpha());
    bench.receive(ALPHA, &reply(&out.text, 200, "other", ALPHA));
    let other = bench.one_to(CUSTOMER);
    assert_ne!(value(&ok.text, "Record-Route"), value(&other.text, "Record-Route"));
    // Retransmissions of either, in any order, stay what they are.
    for tag in ["callee", "other", "other", "callee"] {
        bench.receive(ALPHA, &reply(&out.text, 200, tag, ALPHA));
        assert!(value(&bench.one_to(CUSTOMER).text, "To").ends_with(&format!("tag={tag}")));
    }
    // The caller ends the second dialog; the call goes on.
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &other.text, ""));
    assert!(bench.one_to(ALPHA).start().starts_with("BYE"));
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "Answered"]);
    assert_eq!(bench.proxy.call_count(), 1);
}

#[test]
fn retransmitted_failures_of_a_gateway_are_acknowledged_again() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    for _ in 0..3 {
        bench.receive(ALPHA, &reply(&out.text, 404, "callee", ALPHA));
    }
    assert_eq!(bench.sent_to(ALPHA).len(), 3);
    bench.assert_empties();
}

#[test]
fn a_forged_response_is_dropped() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    bench.take_sent();
    let good = reply(&out.text, 200, "callee", ALPHA);
    let branch = values(&out.text, "Via")[0].split_once("branch=").unwrap().1.to_owned();
    let parts: Vec<&str> = branch.split('.').collect();
    let forged = format!("{}.{}.{}.{}", parts[0], parts[1], "0123456789abcdef", parts[3]);
    for wrong in [forged, "z9hG4bKt0.1.00.00".to_owned(), "z9hG4bKt99.0.00.00".to_owned()] {
        bench.receive(ALPHA, &good.replace(&branch, &wrong));
    }
    assert!(bench.sent.is_empty());
    bench.receive(ALPHA, &good);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
}

#[test]
fn a_refused_call_is_one_fact_and_carries_code_and_cause() {
    let mut bench = Bench::new();
    let call = bench.admit(CUSTOMER, &invite());
    bench.take_sent();
    let mut said = refusal(404, "T401", "No Route");
    said.q850 = 3;
    bench.act(|proxy, now, out| proxy.reject(now, call, said.clone(), out).unwrap());
    let text = bench.one_to(CUSTOMER).text;
    assert!(text.starts_with("SIP/2.0 404 No Route T401\r\n"), "{text}");
    assert_eq!(value(&text, "Reason"), "Q.850;cause=3;text=\"T401 No Route\"");
    assert!(!text.contains("facts"));
    let expected = FactKind::Refused { status: 404, reason: "T401".to_owned(), q850: 3, facts: "facts".to_owned() };
    assert_eq!(bench.facts.iter().map(|fact| &fact.kind).collect::<Vec<_>>(), [&expected]);
    bench.act(|proxy, now, out| assert_eq!(proxy.reject(now, call, said.clone(), out), Err(StaleCall)));
    bench.assert_empties();
}

#[test]
fn a_decision_that_never_comes_is_answered_by_a_timer() {
    let mut bench = Bench::new();
    let call = bench.admit(CUSTOMER, &invite());
    bench.take_sent();
    bench.advance(4_999);
    assert!(bench.sent.is_empty());
    bench.advance(1);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 Decision Failed T901"]);
    bench.act(|proxy, now, out| assert_eq!(proxy.route(now, call, plan(vec![alpha()]), out), Err(StaleCall)));
    assert_eq!(bench.fact_names(), ["Refused"]);
    bench.assert_empties();
}

#[test]
fn beyond_the_bound_no_call_is_admitted_and_running_ones_go_on() {
    for limits in [Limits { calls: 1, ..Limits::default() }, Limits { transactions: 2, ..Limits::default() }] {
        let mut bench = Bench::with(Config { limits, ..config() }, 1);
        let (ok, _) = bench.answered(alpha());
        let text = invite_with("call-2", "branch2", "");
        assert_eq!(bench.receive(CUSTOMER, &text), Disposition::NewInvite);
        let mut table = trunkline_message::HeaderTable::new();
        let message = trunkline_message::Message::parse(text.as_bytes(), &mut table).unwrap();
        let flow = Flow { listener: 0, peer: addr(CUSTOMER) };
        let mut out = Vec::new();
        let now = bench.now();
        let result = bench.proxy.admit(now, flow, &message, admission(CallId(2)), &mut out);
        assert_eq!((result, out.len()), (Err(AdmitError::Overloaded), 0));
        bench.hang_up(&ok.text, 2, "");
        assert_eq!(bench.fact_names().last().unwrap(), "Ended");
    }
}

#[test]
fn without_a_token_key_no_call_is_admitted() {
    let mut bench = Bench::new();
    bench.proxy.set_token_keys(&[]);
    let text = invite();
    let mut table = trunkline_message::HeaderTable::new();
    let message = trunkline_message::Message::parse(text.as_bytes(), &mut table).unwrap();
    let flow = Flow { listener: 0, peer: addr(CUSTOMER) };
    let now = bench.now();
    let result = bench.proxy.admit(now, flow, &message, admission(CALL), &mut Vec::new());
    assert_eq!((result, bench.proxy.entry_count()), (Err(AdmitError::NoTokenKey), 0));
}

#[test]
fn a_call_that_nobody_ends_is_forgotten_when_its_token_has_run_out() {
    let mut bench = Bench::with(Config { token_lifetime_s: 3_600, ..config() }, 1);
    bench.answered(alpha());
    bench.advance(3_600_000);
    assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Edge, q850: 102, answered_ns: 0 });
    bench.assert_empties();
}

#[test]
fn a_long_call_leaves_no_timer_behind() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.advance(3 * 3_600_000);
    assert_eq!(bench.proxy.call_count(), 1);
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    bench.assert_empties();
}

#[test]
fn the_bound_of_transactions_holds_2000_calls_a_second() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.hang_up(&ok.text, 2, "");
    let mut transaction_ms = 0;
    while bench.proxy.transaction_count() > 0 {
        transaction_ms += 100 * bench.proxy.transaction_count();
        bench.advance(100);
    }
    let steady = 2_000 * transaction_ms / 1_000;
    let ringing = 2_000 * 2 * 90;
    let limits = Limits::default();
    assert!(steady + ringing < limits.transactions, "{steady} and {ringing} transactions at 2,000 calls/s that ring for 90 s");
    assert!(limits.transactions + 2 * limits.calls <= limits.all_transactions, "every call can be ended");
}

#[test]
fn responses_have_the_vias_of_the_request_whatever_the_gateway_made_of_them() {
    let mut bench = Bench::new();
    let text =
        invite().replacen("Max-Forwards", "v: SIP/2.0/UDP 192.168.1.8;branch=z9hG4bKup,\r\n SIP/2.0/UDP 192.168.1.7\r\nMax-Forwards", 1);
    bench.call(&text, vec![alpha()]);
    let out = bench.one_to(ALPHA).text;
    bench.take_sent();
    let ours = values(&out, "Via")[0];
    for status in [180, 200] {
        let good = reply(&out, status, "callee", ALPHA);
        let cut: String = good.split_inclusive("\r\n").filter(|line| !line.starts_with("Via:") || line.contains(ours)).collect();
        let changed = cut.replacen("From:", "Via: SIP/2.0/UDP 10.66.66.66;branch=z9hG4bKx\r\nFrom:", 1);
        for response in [good, cut, changed] {
            bench.receive(ALPHA, &response);
            let sent = bench.one_to(CUSTOMER).text;
            assert_eq!(values(&sent, "Via"), ["SIP/2.0/UDP 192.168.1.9:5066;rport=5066;branch=z9hG4bKbranch1;received=10.1.1.1"], "{sent}");
            assert!(sent.contains("\r\nv: SIP/2.0/UDP 192.168.1.8;branch=z9hG4bKup,\r\n SIP/2.0/UDP 192.168.1.7\r\n"), "{sent}");
        }
    }
}
