//! Calls that the edge ends itself (RFC 3261 §12.2.1.1, §12.2.2, §15.1.1; RFC 3326).

mod support;

use support::*;
use trunkline_transaction::*;

const NO_CALL: Disposition = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };

fn by_command() -> Refusal {
    Refusal { q850: 16, facts: "by anna".to_owned(), ..refusal(480, "T601", "Ended By Command") }
}

fn hang_up(bench: &mut Bench) {
    bench.act(|proxy, now, out| proxy.hang_up(now, CALL, &by_command(), out).unwrap());
}

fn said() -> FactKind {
    FactKind::HungUp { reason: "T601".to_owned(), facts: "by anna".to_owned() }
}

fn ended(q850: u16) -> FactKind {
    FactKind::Ended { by: EndedBy::Edge, q850, answered_ns: 0 }
}

/// The BYEs at the customer and at the gateway.
fn byes(bench: &mut Bench) -> (String, String) {
    (bench.one_to(CUSTOMER).text, bench.one_to(ALPHA).text)
}

#[test]
fn both_sides_get_a_bye_of_their_own_dialog_with_the_next_cseq_and_the_reason() {
    let mut bench = Bench::new();
    bench.answered(alpha());
    bench.now_ms = 9_000;
    hang_up(&mut bench);
    assert_eq!(*bench.last_fact(), said());
    let (customer, carrier) = byes(&mut bench);
    assert_eq!(customer.lines().next(), Some("BYE sip:31000000@192.168.1.9:5066 SIP/2.0"));
    assert_eq!(value(&customer, "From"), "<sip:+31201234567@acme.sip.trunkline.test>;tag=callee");
    assert_eq!(value(&customer, "To"), "\"Alice\" <sip:31000000@acme.sip.trunkline.test>;tag=caller");
    assert_eq!((value(&customer, "CSeq"), value(&customer, "Call-ID")), ("1 BYE", "call-1"));
    assert_eq!(carrier.lines().next(), Some("BYE sip:callee@10.9.9.1:5060 SIP/2.0"));
    assert_eq!(value(&carrier, "From"), "\"Alice\" <sip:31000000@acme.sip.trunkline.test>;tag=caller");
    assert_eq!(value(&carrier, "To"), "<sip:+31201234567@acme.sip.trunkline.test>;tag=callee");
    assert_eq!((value(&carrier, "CSeq"), value(&carrier, "Call-ID")), ("2 BYE", "call-1"));
    for bye in [&customer, &carrier] {
        assert_eq!(value(bye, "Reason"), "Q.850;cause=16;text=\"T601 Ended By Command\"");
        assert!(values(bye, "Route").is_empty());
    }
    bench.advance(300);
    bench.receive(ALPHA, &reply(&carrier, 200, "callee", ALPHA));
    assert_eq!(*bench.last_fact(), ended(16));
    assert_eq!(bench.facts.last().unwrap().time_ns, START_NS + 9_000_000_000, "when it was hung up");
    bench.receive(CUSTOMER, &reply(&customer, 200, "caller", CUSTOMER));
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "Answered", "HungUp", "Ended"]);
    bench.assert_empties();
}

#[test]
fn the_bye_speaks_for_the_caller_as_it_was_shown_and_follows_the_carriers_routes() {
    let mut bench = Bench::new();
    let shown = Target {
        asserted: vec!["<sip:+31207654321@acme.sip.trunkline.test;user=phone>".to_owned()],
        privacy: "id".to_owned(),
        from_name_addr: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
        ..alpha()
    };
    let text = invite().replacen("Call-ID:", "Record-Route: <sip:10.1.1.9;lr>, <sip:10.1.1.8;lr>\r\nCall-ID:", 1);
    bench.call(&text, vec![shown]);
    let out = bench.one_to(ALPHA);
    let ok =
        reply(&out.text, 200, "callee", "10.9.9.8:5060").replacen("Record-Route:", "Record-Route: <sip:10.9.9.7;lr>\r\nRecord-Route:", 1);
    bench.receive(ALPHA, &ok);
    bench.take_sent();
    hang_up(&mut bench);
    let bye = bench.one_to("10.9.9.7:5060").text;
    assert_eq!((bye.lines().next(), values(&bye, "Route")), (Some("BYE sip:callee@10.9.9.8:5060 SIP/2.0"), vec!["<sip:10.9.9.7;lr>"]));
    assert_eq!(value(&bye, "From"), "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=caller");
    assert_eq!(values(&bye, "P-Asserted-Identity"), ["<sip:+31207654321@acme.sip.trunkline.test;user=phone>"]);
    assert_eq!(values(&bye, "Privacy"), ["id"]);
    let bye = bench.one_to(CUSTOMER).text;
    assert_eq!(values(&bye, "Route"), ["<sip:10.1.1.9;lr>", "<sip:10.1.1.8;lr>"]);
    assert_eq!(value(&bye, "From"), "<sip:+31201234567@acme.sip.trunkline.test>;tag=callee");
    assert!(values(&bye, "P-Asserted-Identity").is_empty());
}

#[test]
fn the_cseq_is_above_all_that_either_side_has_said_and_the_targets_are_the_last_ones() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    let update =
        from_customer("UPDATE", 7, &ok.text, "").replace("Contact: <sip:31000000@192.168.1.9:5066>", "Contact: <sip:new@10.1.1.1:9>");
    bench.receive(CUSTOMER, &update);
    let out = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&out, 200, "callee", "10.9.9.1:7777"));
    bench.receive(ALPHA, &from_carrier("INFO", 41, &invite.text, ""));
    bench.take_sent();
    hang_up(&mut bench);
    let (customer, carrier) = byes(&mut bench);
    assert_eq!((customer.lines().next(), value(&customer, "CSeq")), (Some("BYE sip:new@10.1.1.1:9 SIP/2.0"), "42 BYE"));
    assert_eq!((carrier.lines().next(), value(&carrier, "CSeq")), (Some("BYE sip:callee@10.9.9.1:7777 SIP/2.0"), "8 BYE"));
}

#[test]
fn the_customers_answer_to_a_carriers_reinvite_refreshes_both_targets() {
    let mut bench = Bench::new();
    let (_, invite) = bench.answered(alpha());
    let text =
        from_carrier("INVITE", 5, &invite.text, "").replace("Contact: <sip:callee@10.9.9.1:5060>", "Contact: <sip:moved@10.9.9.1:6>");
    bench.receive(ALPHA, &text);
    let out = bench.one_to(CUSTOMER).text;
    bench.receive(CUSTOMER, &reply(&out, 200, "caller", "192.168.1.9:7000"));
    bench.take_sent();
    hang_up(&mut bench);
    let (customer, carrier) = byes(&mut bench);
    assert!(customer.starts_with("BYE sip:callee@192.168.1.9:7000 "), "{customer}");
    assert!(carrier.starts_with("BYE sip:moved@10.9.9.1:6 "), "{carrier}");
}

#[test]
fn after_our_byes_the_dialog_is_gone_for_both_sides() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    hang_up(&mut bench);
    let (customer, carrier) = byes(&mut bench);
    for is_answered in [false, true] {
        if is_answered {
            bench.receive(ALPHA, &reply(&carrier, 200, "callee", ALPHA));
            bench.receive(CUSTOMER, &reply(&customer, 200, "caller", CUSTOMER));
        }
        for (at, method) in ["INFO", "UPDATE", "INVITE"].into_iter().enumerate() {
            let cseq = 10 + at as u32;
            assert_eq!(bench.receive(CUSTOMER, &from_customer(method, cseq, &ok.text, "")), NO_CALL, "{method}");
            assert_eq!(bench.receive(ALPHA, &from_carrier(method, cseq, &invite.text, "")), NO_CALL, "{method}");
        }
    }
    assert_eq!(bench.receive(CUSTOMER, &from_customer("BYE", 20, &ok.text, "")), NO_CALL);
    assert_eq!(bench.receive(ALPHA, &from_carrier("BYE", 20, &invite.text, "")), NO_CALL);
    assert!(bench.sent.is_empty(), "{:?}", bench.sent);
    // The ACK of the answer may come late; nothing answers an ACK.
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
    bench.assert_empties();
}

#[test]
fn a_call_that_ends_while_our_byes_are_under_way_gets_no_further_one() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    bench.receive(ALPHA, &from_carrier("BYE", 1, &invite.text, ""));
    let passed = bench.one_to(CUSTOMER).text;
    bench.act(|proxy, now, out| proxy.hang_up(now, CALL, &refusal(403, "T603", "Tenant Suspended"), out).unwrap());
    bench.take_sent();
    bench.receive(CUSTOMER, &reply(&passed, 481, "caller", CUSTOMER));
    assert!(matches!(bench.last_fact(), FactKind::Ended { by: EndedBy::Callee, .. }));
    bench.take_sent();
    // By the number that ours has.
    let said = bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    assert!(matches!(said, Disposition::Refuse { status: 481, .. }), "{said:?}");
    assert!(bench.sent_to(ALPHA).is_empty());
    bench.assert_empties();
}

#[test]
fn a_bye_that_crosses_ours_is_answered_and_is_one_end() {
    for is_customers in [true, false] {
        let mut bench = Bench::new();
        let (ok, invite) = bench.answered(alpha());
        hang_up(&mut bench);
        let (customer, carrier) = byes(&mut bench);
        let (peer, text) = match is_customers {
            true => (CUSTOMER, from_customer("BYE", 2, &ok.text, "")),
            false => (ALPHA, from_carrier("BYE", 2, &invite.text, "")),
        };
        for _ in 0..2 {
            assert_eq!(bench.receive(peer, &text), Disposition::Done);
            assert_eq!(bench.starts_to(peer), ["SIP/2.0 200 OK"]);
        }
        assert_eq!(*bench.last_fact(), ended(16));
        bench.receive(CUSTOMER, &reply(&customer, 481, "caller", CUSTOMER));
        bench.receive(ALPHA, &reply(&carrier, 200, "callee", ALPHA));
        assert_eq!(bench.fact_names().iter().filter(|name| *name == "Ended").count(), 1);
        bench.assert_empties();
    }
}

#[test]
fn a_bye_that_came_before_ours_keeps_its_answer_and_there_is_one_end() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    let theirs = bench.one_to(ALPHA).text;
    hang_up(&mut bench);
    let (customer, carrier) = byes(&mut bench);
    assert_eq!(value(&carrier, "CSeq"), "3 BYE");
    bench.receive(ALPHA, &reply(&theirs, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: 0 });
    bench.receive(ALPHA, &reply(&carrier, 481, "callee", ALPHA));
    bench.receive(CUSTOMER, &reply(&customer, 481, "caller", CUSTOMER));
    assert_eq!(bench.fact_names().iter().filter(|name| *name == "Ended").count(), 1);
    bench.assert_empties();
}

#[test]
fn one_side_that_takes_the_bye_or_is_not_there_ends_the_call_whatever_the_other_says() {
    for (status, other) in [(200, 500), (481, 403), (408, 200)] {
        let mut bench = Bench::new();
        bench.answered(alpha());
        hang_up(&mut bench);
        let (customer, carrier) = byes(&mut bench);
        bench.receive(ALPHA, &reply(&carrier, other, "callee", ALPHA));
        bench.receive(CUSTOMER, &reply(&customer, status, "caller", CUSTOMER));
        assert_eq!(bench.fact_names().iter().filter(|name| *name == "Ended").count(), 1, "{status} {other}");
        bench.assert_empties();
    }
    let mut bench = Bench::new();
    bench.answered(alpha());
    hang_up(&mut bench);
    bench.advance(31_000);
    assert_eq!(*bench.last_fact(), said(), "not before its answer, or the end of waiting for it");
    bench.advance(2_000);
    assert_eq!(*bench.last_fact(), ended(16));
    bench.assert_empties();
    let mut bench = Bench::new();
    bench.answered(alpha());
    hang_up(&mut bench);
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
    assert_eq!(*bench.last_fact(), ended(16));
}

#[test]
fn a_call_that_both_sides_keep_goes_on_with_its_numbers_and_can_be_hung_up_again() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    for round in 1..=2 {
        hang_up(&mut bench);
        hang_up(&mut bench);
        let (customer, carrier) = byes(&mut bench);
        assert_eq!((value(&customer, "CSeq"), value(&carrier, "CSeq")), (&*format!("{round} BYE"), &*format!("{} BYE", round + 1)));
        bench.receive(ALPHA, &reply(&carrier, 500, "callee", ALPHA));
        bench.receive(CUSTOMER, &reply(&customer, 403, "caller", CUSTOMER));
        assert_eq!((*bench.last_fact() == said(), bench.proxy.call_count()), (true, 1));
    }
    // Two of ours stand before it on its way, and none for who sent it.
    bench.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, ""));
    let out = bench.one_to(ALPHA).text;
    assert_eq!(value(&out, "CSeq"), "4 INVITE");
    bench.sent_to(CUSTOMER);
    bench.receive(ALPHA, &reply(&out, 183, "callee", ALPHA));
    bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
    let answers = bench.sent_to(CUSTOMER);
    assert_eq!(answers.iter().map(|sent| value(&sent.text, "CSeq")).collect::<Vec<_>>(), ["2 INVITE", "2 INVITE"]);
    bench.receive(CUSTOMER, &from_customer("ACK", 2, &ok.text, ""));
    assert_eq!(value(&bench.one_to(ALPHA).text, "CSeq"), "4 ACK");
    bench.receive(CUSTOMER, &from_customer("PRACK", 3, &ok.text, "RAck: 1 2 INVITE\r\n"));
    let prack = bench.one_to(ALPHA).text;
    assert_eq!((value(&prack, "CSeq"), value(&prack, "RAck")), ("5 PRACK", "1 4 INVITE"));
    bench.receive(CUSTOMER, &from_customer("PRACK", 4, &ok.text, "RAck: 1 1 INVITE\r\n"));
    assert_eq!(value(&bench.one_to(ALPHA).text, "RAck"), "1 1 INVITE", "of before our BYEs");
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
    assert_eq!(value(&bench.one_to(ALPHA).text, "CSeq"), "1 ACK", "a late one of the first INVITE");
    bench.receive(ALPHA, &from_carrier("BYE", 1, &invite.text, ""));
    let bye = bench.one_to(CUSTOMER).text;
    assert_eq!(value(&bye, "CSeq"), "3 BYE");
    bench.receive(CUSTOMER, &reply(&bye, 200, "caller", CUSTOMER));
    assert_eq!(value(&bench.one_to(ALPHA).text, "CSeq"), "1 BYE");
    assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Callee, q850: 16, answered_ns: 0 });
    bench.assert_empties();
}

/// §8.1.1.5: no number is 2^31 or more, and whoever had used the last one could not be hung up any more.
#[test]
fn neither_side_leaves_our_byes_without_a_number() {
    let no_number = Disposition::Refuse { status: 400, code: "T101", unsupported: String::new() };
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    assert_eq!(bench.receive(CUSTOMER, &from_customer("UPDATE", 2_147_483_647, &ok.text, "")), no_number);
    assert_eq!(bench.receive(ALPHA, &from_carrier("INFO", 2_147_483_640, &invite.text, "")), no_number);
    assert_eq!(bench.receive(CUSTOMER, &from_customer("INFO", 2_147_483_631, &ok.text, "")), Disposition::Done);
    bench.take_sent();
    hang_up(&mut bench);
    let (customer, carrier) = byes(&mut bench);
    assert_eq!((value(&customer, "CSeq"), value(&carrier, "CSeq")), ("1 BYE", "2147483632 BYE"));
}

#[test]
fn a_call_that_is_being_set_up_is_cancelled_and_its_caller_answered() {
    for is_ringing in [false, true] {
        let mut bench = Bench::new();
        bench.call(&invite(), vec![alpha(), beta()]);
        let out = bench.one_to(ALPHA).text;
        bench.receive(ALPHA, &reply(&out, if is_ringing { 180 } else { 100 }, "callee", ALPHA));
        bench.take_sent();
        hang_up(&mut bench);
        assert!(bench.one_to(ALPHA).start().starts_with("CANCEL "));
        let end = bench.one_to(CUSTOMER).text;
        assert!(end.starts_with("SIP/2.0 480 Ended By Command T601\r\n"), "{end}");
        assert_eq!(value(&end, "Reason"), "Q.850;cause=16;text=\"T601 Ended By Command\"");
        assert!(bench.sent_to(BETA).is_empty());
        let failed = FactKind::Failed { status: 480, reason: "T601".to_owned(), q850: 16, by: FailedBy::Edge };
        assert_eq!(*bench.last_fact(), failed);
        bench.receive(CUSTOMER, &hop_request("ACK", &invite(), Some(&end)));
        // The answer and the CANCEL have crossed: acknowledged and hung up.
        bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
        assert_eq!(
            bench.starts_to(ALPHA).iter().map(|start| start.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>(),
            ["ACK", "BYE"]
        );
        bench.assert_empties();
    }
}

#[test]
fn a_call_that_the_caller_has_cancelled_or_nobody_knows_is_left_alone() {
    let mut bench = Bench::new();
    bench.act(|proxy, now, out| assert_eq!(proxy.hang_up(now, CALL, &by_command(), out), Err(StaleCall)));
    bench.call(&invite(), vec![alpha()]);
    let out = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&out, 180, "callee", ALPHA));
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    bench.take_sent();
    hang_up(&mut bench);
    assert!(bench.sent.is_empty());
    bench.receive(ALPHA, &reply(&out, 487, "callee", ALPHA));
    assert_eq!(*bench.last_fact(), FactKind::Failed { status: 487, reason: String::new(), q850: 16, by: FailedBy::Caller });
}

#[test]
fn a_call_ends_after_the_longest_time_of_its_route_or_else_of_the_platform() {
    for (of_route, of_platform, token_s, expected_s) in [(60, 600, 1_000, 60), (0, 600, 1_000, 600), (5_000, 600, 1_000, 1_000)] {
        let mut bench = Bench::with(Config { max_duration_s: of_platform, token_lifetime_s: token_s, ..config() }, 1);
        let handle = bench.admit(CUSTOMER, &invite());
        let plan = RoutePlan { max_duration_s: of_route, ..plan(vec![alpha()]) };
        bench.act(|proxy, now, out| proxy.route(now, handle, plan, out).unwrap());
        let out = bench.one_to(ALPHA).text;
        bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
        bench.take_sent();
        // No ACK came, so that the 2xx is sent again by the gateway only.
        bench.advance(expected_s * 1_000 - 1);
        assert!(bench.sent.is_empty(), "{:?}", bench.sent);
        bench.advance(1);
        let (customer, carrier) = byes(&mut bench);
        assert_eq!(value(&customer, "Reason"), "Q.850;cause=102;text=\"T602 Maximum Duration Reached\"");
        bench.receive(ALPHA, &reply(&carrier, 200, "callee", ALPHA));
        bench.receive(CUSTOMER, &reply(&customer, 200, "caller", CUSTOMER));
        assert_eq!(*bench.last_fact(), ended(102));
        assert_eq!(bench.facts.last().unwrap().time_ns, START_NS + expected_s * 1_000_000_000);
        bench.assert_empties();
    }
}

#[test]
fn the_longest_call_is_hung_up_again_until_it_ends_or_its_token_does() {
    let mut bench = Bench::with(Config { max_duration_s: 100, token_lifetime_s: 250, ..config() }, 1);
    bench.answered(alpha());
    let mut tries = 0;
    while bench.proxy.call_count() > 0 {
        assert!(bench.now_ms < 300_000, "it lives longer than its token");
        bench.advance(1_000);
        for (peer, tag) in [(CUSTOMER, "caller"), (ALPHA, "callee")] {
            for sent in bench.sent_to(peer) {
                tries += 1;
                bench.receive(peer, &reply(&sent.text, 500, tag, peer));
            }
        }
    }
    assert_eq!((bench.now_ms / 1_000, tries), (250, 2 * 4), "at 100, 160, 220 and 250 s");
    assert_eq!(*bench.last_fact(), ended(102));
    bench.assert_empties();
}

/// RFC 4028 is between the two sides: what they agree on passes, and our own bound stands beside it.
#[test]
fn session_timers_pass_untouched_in_both_directions() {
    let offer = "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n";
    let agreed = "Require: timer\r\nSession-Expires: 1800;refresher=uac\r\n";
    let has_all = |text: &str, lines: &str| lines.lines().all(|line| text.lines().any(|ours| ours == line));
    let mut bench = Bench::new();
    bench.call(&invite_with("call-1", "branch1", offer), vec![alpha()]);
    let out = bench.one_to(ALPHA).text;
    assert!(has_all(&out, offer), "{out}");
    bench.receive(ALPHA, &reply_with(&out, 200, "callee", ALPHA, agreed));
    let ok = bench.sent_to(CUSTOMER).pop().unwrap().text;
    assert!(has_all(&ok, agreed), "{ok}");
    for (peer, other, tag, text) in [
        (CUSTOMER, ALPHA, "callee", from_customer("UPDATE", 2, &ok, offer)),
        (ALPHA, CUSTOMER, "caller", from_carrier("UPDATE", 2, &out, offer)),
    ] {
        bench.receive(peer, &text);
        let refresh = bench.one_to(other).text;
        assert!(has_all(&refresh, offer), "{refresh}");
        bench.receive(other, &reply_with(&refresh, 422, tag, other, "Min-SE: 3600\r\n"));
        let answer = bench.sent_to(peer).pop().unwrap().text;
        assert!(answer.starts_with("SIP/2.0 422 ") && has_all(&answer, "Min-SE: 3600"), "{answer}");
    }
}
