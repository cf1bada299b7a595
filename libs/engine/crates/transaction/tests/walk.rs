//! The walk over gateways, row by row of the design's table, and CANCEL (RFC 3261 §9, §16.7, §16.8, §16.10).

mod support;

use support::*;
use trunkline_transaction::*;

fn failed(number: u32, status: u16, cause: FailureCause) -> FactKind {
    FactKind::GatewayFailed { number, status, cause }
}

fn kinds(bench: &Bench) -> Vec<FactKind> {
    bench.facts.iter().map(|fact| fact.kind.clone()).filter(|kind| !matches!(kind, FactKind::GatewayTried { .. })).collect()
}

/// A call that is tried at alpha first; gives the INVITE there.
fn started(bench: &mut Bench) -> Sent {
    bench.call(&invite(), vec![alpha(), beta()]);
    bench.sent_to(CUSTOMER);
    bench.one_to(ALPHA)
}

#[test]
fn statuses_that_speak_of_the_gateway_go_to_the_next_one_and_others_pass_at_once() {
    for status in [300, 302, 401, 407, 500, 502, 503, 504] {
        let mut bench = Bench::new();
        let out = started(&mut bench);
        bench.receive(ALPHA, &reply(&out.text, status, "callee", ALPHA));
        assert!(bench.one_to(ALPHA).start().starts_with("ACK "), "{status}");
        assert!(bench.one_to(BETA).start().starts_with("INVITE "), "{status}");
        assert!(bench.sent.is_empty(), "{status}");
        assert_eq!(kinds(&bench), [failed(1, status, FailureCause::Status)]);
    }
    for (status, q850) in [(403, 21), (404, 1), (408, 102), (480, 18), (484, 28), (486, 17), (488, 65), (501, 79), (600, 17), (603, 21)] {
        let mut bench = Bench::new();
        let out = started(&mut bench);
        bench.receive(ALPHA, &reply(&out.text, status, "callee", ALPHA));
        assert_eq!(bench.starts_to(CUSTOMER), [format!("SIP/2.0 {status} Whatever")]);
        assert!(bench.sent_to(BETA).is_empty(), "{status}");
        let said = FactKind::Failed { status, reason: String::new(), q850, by: FailedBy::Carrier };
        assert_eq!(kinds(&bench), [failed(1, status, FailureCause::Status), said]);
        assert_eq!(bench.proxy.call_count(), 0);
        bench.assert_empties();
    }
}

#[test]
fn the_cause_of_a_passed_failure_is_the_carriers_own_where_it_says_one() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply_with(&out.text, 480, "callee", ALPHA, "Reason: SIP;cause=480, Q.850;cause=20\r\n"));
    assert!(matches!(bench.last_fact(), FactKind::Failed { status: 480, q850: 20, .. }));
}

#[test]
fn a_silent_gateway_is_left_after_three_seconds_and_its_invite_is_not_sent_again() {
    let mut bench = Bench::new();
    started(&mut bench);
    bench.advance(2_999);
    assert!(bench.sent_to(BETA).is_empty());
    bench.sent_to(ALPHA);
    bench.advance(1);
    assert!(bench.one_to(BETA).start().starts_with("INVITE "));
    assert_eq!(kinds(&bench), [failed(1, 0, FailureCause::Silent)]);
    bench.advance(2_000);
    assert!(bench.sent_to(ALPHA).is_empty());
}

#[test]
fn silent_gateways_together_get_eight_seconds() {
    let mut bench = Bench::new();
    let third = target("gamma", "10.9.9.3:5060");
    let fourth = target("delta", "10.9.9.4:5060");
    bench.call(&invite(), vec![alpha(), beta(), third, fourth]);
    bench.advance(7_999);
    assert_eq!(bench.sent_to("10.9.9.3:5060").first().map(|sent| sent.at_ms), Some(6_000));
    bench.sent_to(CUSTOMER);
    bench.advance(1);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 All Gateways Failed T402"]);
    assert!(bench.sent_to("10.9.9.4:5060").is_empty());
    assert!(matches!(bench.last_fact(), FactKind::Failed { status: 500, reason, by: FailedBy::Carrier, .. } if reason == "T402"));
    bench.assert_empties();
}

#[test]
fn the_eight_seconds_end_when_some_gateway_has_answered_anything() {
    let mut bench = Bench::new();
    let third = target("gamma", "10.9.9.3:5060");
    bench.call(&invite(), vec![alpha(), beta(), third]);
    let out = bench.one_to(ALPHA);
    bench.advance(2_000);
    bench.receive(ALPHA, &reply(&out.text, 503, "callee", ALPHA));
    bench.advance(3_000);
    bench.sent_to(CUSTOMER);
    bench.advance(2_999);
    assert!(bench.sent_to(CUSTOMER).is_empty(), "gamma has three seconds of its own, past the eighth");
    bench.advance(1);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 All Gateways Failed T402"]);
}

#[test]
fn a_gateway_that_cannot_be_reached_is_left_at_once() {
    let mut bench = Bench::new();
    started(&mut bench);
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
    assert!(bench.one_to(BETA).start().starts_with("INVITE "));
    assert_eq!(kinds(&bench), [failed(1, 0, FailureCause::Icmp)]);
    // The same for the last one ends the call.
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(BETA), out));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 All Gateways Failed T402"]);
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(BETA), out));
    assert_eq!(bench.fact_names().iter().filter(|name| *name == "Failed").count(), 1);
}

#[test]
fn an_icmp_error_is_believed_where_it_quotes_a_request_that_waits_for_that_peer() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    let sent = out.text.as_bytes();
    let quotes = |bench: &Bench, peer: &str, quoted: &[u8]| bench.proxy.quoted(addr(peer), quoted);
    assert_eq!(quotes(&bench, ALPHA, sent), Quoted::Here);
    // Cut where routers cut (RFC 1812), and where the branch has just ended.
    assert_eq!(quotes(&bench, ALPHA, &sent[..sent.len().min(548)]), Quoted::Here);
    let branch = values(&out.text, "Via")[0].split_once("branch=").unwrap().1.to_owned();
    let end = out.text.find(&branch).unwrap() + branch.len();
    assert_eq!(quotes(&bench, ALPHA, &sent[..end]), Quoted::Here);
    // Too short, of somebody else, or made up by someone who knows everything but the branch.
    assert_eq!(quotes(&bench, ALPHA, &sent[..end - 1]), Quoted::Nobodys);
    assert_eq!(quotes(&bench, ALPHA, b""), Quoted::Nobodys);
    assert_eq!(quotes(&bench, BETA, sent), Quoted::Nobodys);
    let secret = branch.split('.').nth(2).unwrap();
    assert_eq!(quotes(&bench, ALPHA, out.text.replace(secret, "0123456789abcdef").as_bytes()), Quoted::Nobodys);
    // It rings: the machine hears no error any more, but another request to the same peer would.
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    assert_eq!(quotes(&bench, ALPHA, sent), Quoted::Here);
    bench.receive(ALPHA, &reply(&out.text, 486, "callee", ALPHA));
    assert_eq!(quotes(&bench, ALPHA, sent), Quoted::Nobodys);
}

#[test]
fn what_an_icmp_error_quotes_is_for_the_worker_in_the_branch_to_know() {
    let of_two = |worker| Bench::with(Config { place: Place { worker, of: 2 }, ..config() }, 1);
    let (mut first, second) = (of_two(0), of_two(1));
    let out = started(&mut first);
    assert_eq!(second.proxy.quoted(addr(ALPHA), out.text.as_bytes()), Quoted::Elsewhere(0));
    let unknown = out.text.replace("z9hG4bKt", "z9hG4bKtv");
    assert_eq!(second.proxy.quoted(addr(ALPHA), unknown.as_bytes()), Quoted::Nobodys, "there is no such worker");
}

#[test]
fn an_icmp_error_about_a_response_is_not_believed() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let trying = bench.one_to(CUSTOMER);
    assert_eq!(bench.proxy.quoted(addr(CUSTOMER), trying.text.as_bytes()), Quoted::Nobodys);
}

#[test]
fn icmp_after_a_100_changes_nothing() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
    assert!(bench.sent.is_empty());
}

#[test]
fn all_failed_is_500_never_the_gateways_503() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 503, "callee", ALPHA));
    let second = bench.one_to(BETA);
    bench.receive(BETA, &reply(&second.text, 503, "callee", BETA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 All Gateways Failed T402"]);
    let said = FactKind::Failed { status: 500, reason: "T402".to_owned(), q850: 41, by: FailedBy::Carrier };
    assert_eq!(kinds(&bench), [failed(1, 503, FailureCause::Status), failed(2, 503, FailureCause::Status), said]);
    bench.assert_empties();
}

#[test]
fn after_18x_no_other_gateway_is_tried() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 183, "callee", ALPHA));
    bench.sent_to(CUSTOMER);
    bench.receive(ALPHA, &reply(&out.text, 503, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 All Gateways Failed T402"]);
    assert!(bench.sent_to(BETA).is_empty());
    bench.assert_empties();
}

#[test]
fn progress_is_said_once_and_every_18x_passes() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    for status in [183, 180, 180] {
        bench.receive(ALPHA, &reply(&out.text, status, "callee", ALPHA));
    }
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 183 Whatever", "SIP/2.0 180 Whatever", "SIP/2.0 180 Whatever"]);
    assert_eq!(kinds(&bench), [FactKind::Progressed { number: 1, status: 183 }]);
}

#[test]
fn a_gateway_that_says_100_and_then_nothing_is_cancelled_and_followed_by_the_next() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    bench.advance(19_999);
    assert!(bench.sent.is_empty());
    bench.advance(1);
    let cancel = bench.one_to(ALPHA);
    assert!(cancel.start().starts_with("CANCEL "));
    assert_eq!(values(&cancel.text, "Via")[0], values(&out.text, "Via")[0]);
    assert!(bench.sent_to(BETA).is_empty(), "the 487 is awaited");
    bench.receive(ALPHA, &reply(&cancel.text, 200, "callee", ALPHA));
    bench.receive(ALPHA, &reply(&out.text, 487, "callee", ALPHA));
    assert!(bench.one_to(BETA).start().starts_with("INVITE "));
    assert_eq!(kinds(&bench), [failed(1, 487, FailureCause::Pdd)]);
}

#[test]
fn the_487_is_awaited_for_two_seconds_and_the_last_time_out_has_its_own_reason() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA);
    bench.sent_to(CUSTOMER);
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    bench.advance(22_000);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 Carrier Timed Out T405"]);
    assert_eq!(kinds(&bench)[0], failed(1, 0, FailureCause::Pdd));
    bench.assert_empties();
}

#[test]
fn a_2xx_that_crosses_the_cancel_of_a_slow_gateway_answers_the_call() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    bench.advance(20_500);
    bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    bench.advance(30_000);
    assert!(bench.sent_to(BETA).is_empty());
    assert_eq!(kinds(&bench), [FactKind::Answered { number: 1, status: 200 }]);
}

#[test]
fn an_abandoned_gateway_that_wakes_up_is_cancelled_and_its_2xx_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.advance(3_000);
    let second = bench.one_to(BETA);
    bench.sent_to(ALPHA);
    bench.receive(ALPHA, &reply(&out.text, 180, "late", ALPHA));
    assert!(bench.one_to(ALPHA).start().starts_with("CANCEL "));
    assert!(bench.sent_to(CUSTOMER).is_empty(), "its ringing is not passed on");
    let ok = reply_with(&out.text, 200, "late", "10.9.9.1:5070", "");
    bench.receive(ALPHA, &ok);
    let own = bench.sent_to("10.9.9.1:5070");
    assert_eq!(
        own.iter().map(Sent::start).collect::<Vec<_>>(),
        ["ACK sip:callee@10.9.9.1:5070 SIP/2.0", "BYE sip:callee@10.9.9.1:5070 SIP/2.0"]
    );
    assert_eq!((value(&own[0].text, "CSeq"), value(&own[1].text, "CSeq")), ("1 ACK", "2 BYE"));
    assert_eq!(value(&own[1].text, "To"), value(&ok, "To"));
    assert!(values(&own[1].text, "Route").is_empty(), "our own Record-Route is not part of it");
    bench.receive(ALPHA, &ok);
    assert_eq!(bench.starts_to("10.9.9.1:5070"), ["ACK sip:callee@10.9.9.1:5070 SIP/2.0"], "acknowledged again, hung up once");
    bench.receive("10.9.9.1:5070", &reply(&own[1].text, 200, "late", ALPHA));
    bench.receive(BETA, &reply(&second.text, 200, "callee", BETA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    // The record keeps the late answer as a note: the gateway had failed before.
    let answered = |number| FactKind::Answered { number, status: 200 };
    assert_eq!(kinds(&bench), [failed(1, 0, FailureCause::Silent), answered(1), answered(2)]);
    let said_at = bench.order.iter().position(|action| action == "Answered");
    assert!(said_at < bench.order.iter().position(|action| action.starts_with("ACK ")), "{:?}", bench.order);
}

#[test]
fn requests_of_our_own_have_no_headers_in_their_request_uri() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.advance(3_000);
    bench.take_sent();
    bench.receive(ALPHA, &reply(&out.text, 200, "late", "10.9.9.1:5060;x=y?Subject=late&Priority=urgent"));
    assert_eq!(bench.starts_to(ALPHA), ["ACK sip:callee@10.9.9.1:5060;x=y SIP/2.0", "BYE sip:callee@10.9.9.1:5060;x=y SIP/2.0"]);
}

#[test]
fn the_ack_of_a_stray_2xx_follows_the_routes_of_the_carrier() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.advance(3_000);
    bench.take_sent();
    let ok = reply(&out.text, 200, "late", ALPHA).replacen("Record-Route:", "Record-Route: <sip:10.9.9.7;lr>\r\nRecord-Route:", 1);
    bench.receive(ALPHA, &ok);
    let own = bench.sent_to("10.9.9.7:5060");
    assert_eq!(own.len(), 2);
    assert_eq!(values(&own[0].text, "Route"), ["<sip:10.9.9.7;lr>"]);
}

#[test]
fn a_call_that_rings_for_longer_than_timer_c_is_cancelled_and_goes_nowhere_else() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    bench.advance(120_000);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    bench.take_sent();
    bench.advance(180_999);
    assert!(bench.sent.is_empty(), "each provisional response starts it again");
    bench.advance(1);
    let cancel = bench.one_to(ALPHA);
    assert!(cancel.start().starts_with("CANCEL "));
    bench.receive(ALPHA, &reply(&out.text, 487, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 Carrier Timed Out T405"]);
    assert!(bench.sent_to(BETA).is_empty());
    assert!(matches!(bench.last_fact(), FactKind::Failed { by: FailedBy::Edge, .. }));
    bench.assert_empties();
}

#[test]
fn a_plan_without_targets_is_refused() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![]);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying", "SIP/2.0 503 No Usable Gateway T403"]);
    assert_eq!(bench.fact_names(), ["Refused"]);
    bench.assert_empties();
}

#[test]
fn cancel_while_ringing_is_passed_on_and_487_comes_back() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    bench.take_sent();
    let cancel = hop_request("CANCEL", &invite(), None);
    assert_eq!(bench.receive(CUSTOMER, &cancel), Disposition::Done);
    let answer = bench.one_to(CUSTOMER);
    assert_eq!((answer.start(), value(&answer.text, "CSeq")), ("SIP/2.0 200 OK", "1 CANCEL"));
    let own = bench.one_to(ALPHA);
    assert!(own.start().starts_with("CANCEL sip:+31201234567@10.9.9.1:5060"));
    bench.receive(ALPHA, &reply(&own.text, 200, "callee", ALPHA));
    bench.receive(ALPHA, &reply(&out.text, 487, "callee", ALPHA));
    let end = bench.one_to(CUSTOMER);
    assert_eq!((end.start(), value(&end.text, "CSeq")), ("SIP/2.0 487 Request Terminated", "1 INVITE"));
    // The CANCEL comes again: answered again, nothing else.
    bench.take_sent();
    bench.receive(CUSTOMER, &cancel);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 OK"]);
    let said = FactKind::Failed { status: 487, reason: String::new(), q850: 16, by: FailedBy::Caller };
    assert_eq!(kinds(&bench)[1..], [failed(1, 487, FailureCause::Cancelled), said]);
    assert!(bench.sent_to(BETA).is_empty());
    bench.assert_empties();
}

#[test]
fn a_cancel_that_a_gateway_ignores_is_repeated_and_answered_after_a_bounded_wait() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    bench.take_sent();
    bench.advance(2_000);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.sent_to(ALPHA).len(), 2, "Timer E at 500 and 1500 ms");
    bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    assert_eq!(bench.sent_to(ALPHA).iter().map(|sent| &sent.start()[..3]).collect::<Vec<_>>(), ["ACK", "BYE"]);
    assert_eq!(bench.fact_names()[2..], ["GatewayFailed", "Failed", "Answered"]);
    bench.assert_empties();
}

#[test]
fn a_2xx_that_crosses_the_callers_cancel_wins() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 180, "callee", ALPHA));
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    bench.take_sent();
    bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    let ok = bench.one_to(CUSTOMER);
    assert_eq!(ok.start(), "SIP/2.0 200 Whatever");
    bench.advance(5_000);
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "Answered"]);
    bench.take_sent();
    bench.hang_up(&ok.text, 2, "");
    assert_eq!(bench.fact_names().last().unwrap(), "Ended");
}

#[test]
fn cancel_before_anything_was_heard_is_answered_at_once_and_no_cancel_goes_out_yet() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert!(bench.sent_to(ALPHA).is_empty(), "§9.1: not before a provisional response");
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    assert!(bench.one_to(ALPHA).start().starts_with("CANCEL "));
    bench.receive(ALPHA, &reply(&out.text, 200, "callee", ALPHA));
    assert_eq!(bench.sent_to(ALPHA).iter().map(|sent| &sent.start()[..3]).collect::<Vec<_>>(), ["ACK", "BYE"]);
    assert!(bench.sent_to(BETA).is_empty());
    bench.assert_empties();
}

#[test]
fn cancel_before_the_decision_ends_the_call() {
    let mut bench = Bench::new();
    let call = bench.admit(CUSTOMER, &invite());
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying", "SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    bench.act(|proxy, now, out| assert_eq!(proxy.route(now, call, plan(vec![alpha()]), out), Err(StaleCall)));
    assert_eq!(bench.fact_names(), ["Failed"]);
    bench.assert_empties();
}

#[test]
fn a_cancel_of_nothing_is_left_to_the_caller() {
    let mut bench = Bench::new();
    let cancel = hop_request("CANCEL", &invite(), None);
    assert_eq!(bench.receive(CUSTOMER, &cancel), Disposition::OutOfDialog(trunkline_message::Method::Cancel));
    assert_eq!(bench.proxy.entry_count(), 0);
}

#[test]
fn cancel_of_a_slow_gateways_replacement_reaches_the_replacement() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 503, "callee", ALPHA));
    let second = bench.one_to(BETA);
    bench.receive(BETA, &reply(&second.text, 180, "callee", BETA));
    bench.take_sent();
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    assert!(bench.one_to(BETA).start().starts_with("CANCEL "));
    assert!(bench.sent_to(ALPHA).is_empty());
}
