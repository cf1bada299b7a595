//! How a call ends, and what is left of it: BYE, its answers, and INVITEs that come after (RFC 3261 §12.2.2, §15.1).

mod support;

use support::*;
use trunkline_transaction::*;

const NO_CALL: Disposition = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };

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
        assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: 0 }, "{status}");
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
            // Where the row is, the answer is a fact of the same edge.
            let answered_ns = if has_row { 0 } else { START_NS };
            assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns });
            assert_eq!(bench.facts.last().unwrap().time_ns, START_NS + 2_000_000_000);
            bench.assert_empties();
        }
    }
}

#[test]
fn a_carrier_hangs_up_on_a_caller_without_a_tag() {
    let mut bench = Bench::new();
    bench.call(&invite().replace(";tag=caller", ""), vec![alpha()]);
    let out = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
    bench.take_sent();
    bench.receive(ALPHA, &from_carrier("BYE", 2, &out, ""));
    let bye = bench.one_to(CUSTOMER).text;
    bench.receive(CUSTOMER, &reply(&bye, 200, "", CUSTOMER).replace(";tag=\r\n", "\r\n"));
    assert_eq!(bench.fact_names().last().unwrap(), "Ended");
}

#[test]
fn after_the_end_nothing_passes_of_either_side_but_another_bye_and_what_a_transfer_has_begun() {
    let refused = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };
    for has_row in [true, false] {
        let mut bench = Bench::new();
        let (ok, invite) = bench.answered(alpha());
        if !has_row {
            bench = restarted();
        }
        bench.hang_up(&ok.text, 2, "");
        for method in ["INVITE", "UPDATE", "INFO", "PRACK", "MESSAGE", "OPTIONS", "REFER", "SUBSCRIBE", "FOO"] {
            assert_eq!(bench.receive(CUSTOMER, &from_customer(method, 3, &ok.text, "")), refused, "{method}");
            assert_eq!(bench.receive(ALPHA, &from_carrier(method, 3, &invite.text, "")), refused, "{method}");
        }
        assert!(bench.sent.is_empty(), "{:?}", bench.sent);
        for method in ["NOTIFY", "BYE"] {
            assert_eq!(bench.receive(CUSTOMER, &from_customer(method, 4, &ok.text, "")), Disposition::Done, "{method}");
            assert_eq!(bench.receive(ALPHA, &from_carrier(method, 4, &invite.text, "")), Disposition::Done, "{method}");
            assert_eq!((bench.sent_to(ALPHA).len(), bench.sent_to(CUSTOMER).len()), (1, 1), "{method}");
        }
        assert_eq!(bench.fact_names().iter().filter(|name| *name == "Ended").count(), 1);
    }
}

#[test]
fn a_copy_of_a_bye_that_nobody_answered_goes_nowhere() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let bye = from_customer("BYE", 2, &ok.text, "");
    bench.receive(CUSTOMER, &bye);
    bench.advance(32_500);
    bench.take_sent();
    bench.receive(CUSTOMER, &bye);
    assert!(bench.take_sent().is_empty(), "neither to the carrier nor answered (RFC 4320)");
    bench.assert_empties();
}
