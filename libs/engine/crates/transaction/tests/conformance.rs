//! Clauses of RFC 3261 §16 to §18, RFC 3326, RFC 4320 and RFC 5393 that no other file meets. `docs/conformance.md` lists them all.

mod support;

use support::*;
use trunkline_message::Method;
use trunkline_transaction::*;

fn refused(status: u16, code: &'static str) -> Disposition {
    Disposition::Refuse { status, code, unsupported: String::new() }
}

#[test]
fn a_non_invite_that_nobody_answers_gets_a_100_when_timer_e_has_come_to_t2_and_not_before() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    let info = from_customer("INFO", 2, &ok.text, "");
    bench.receive(CUSTOMER, &info);
    bench.advance(3_499);
    bench.receive(CUSTOMER, &info);
    assert_eq!(bench.starts_to(CUSTOMER), [""; 0]);
    bench.advance(1);
    let trying = bench.one_to(CUSTOMER).text;
    assert!(trying.starts_with("SIP/2.0 100 Trying"), "{trying}");
    bench.receive(CUSTOMER, &info);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying"]);
    let request = bench.sent_to(ALPHA).remove(0).text;
    bench.receive(ALPHA, &reply(&request, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    bench.advance(60_000);
    assert_eq!(bench.starts_to(CUSTOMER), [""; 0], "nothing after the final response");
}

#[test]
fn a_non_invite_that_is_answered_in_time_gets_no_100() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("UPDATE", 2, &ok.text, ""));
    let request = bench.one_to(ALPHA).text;
    bench.advance(3_000);
    bench.sent.clear();
    bench.receive(ALPHA, &reply(&request, 200, "callee", ALPHA));
    bench.advance(60_000);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
}

#[test]
fn requests_of_old_clients_with_the_same_branch_are_told_apart() {
    for branch in ["old", "z9hG4bK"] {
        let old = |call_id: &str| invite_with(call_id, "x", "").replace("branch=z9hG4bKx", &format!("branch={branch}"));
        let mut bench = Bench::new();
        let one = bench.admit(CUSTOMER, &old("call-1"));
        let two = bench.admit_as(CUSTOMER, &old("call-2"), CallId(2));
        bench.route(one, vec![alpha()]);
        bench.route(two, vec![beta()]);
        bench.sent.clear();
        // The same again is a retransmission, its CANCEL finds it, and so does the ACK of its failure.
        assert_eq!(bench.receive(CUSTOMER, &old("call-1")), Disposition::Done);
        assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying"]);
        bench.receive(CUSTOMER, &hop_request("CANCEL", &old("call-2"), None));
        let answers = bench.sent_to(CUSTOMER);
        assert_eq!(answers.iter().map(Sent::start).collect::<Vec<_>>(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
        bench.receive(CUSTOMER, &hop_request("ACK", &old("call-2"), Some(&answers[1].text)));
        bench.advance(20_000);
        assert!(bench.starts_to(CUSTOMER).iter().all(|start| !start.contains("487")), "it was acknowledged");
    }
}

#[test]
fn timer_c_is_started_again_by_180_and_not_by_100() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, ""));
    let invite = bench.one_to(ALPHA).text;
    for status in [180, 100] {
        bench.receive(ALPHA, &reply(&invite, status, "callee", ALPHA));
        bench.advance(100_000);
    }
    // 181 s after the 180.
    assert!(bench.starts_to(ALPHA).iter().any(|start| start.starts_with("CANCEL ")));
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INVITE", 3, &ok.text, ""));
    let invite = bench.sent_to(ALPHA).pop().unwrap().text;
    for _ in 0..2 {
        bench.receive(ALPHA, &reply(&invite, 180, "callee", ALPHA));
        bench.advance(100_000);
    }
    assert_eq!(bench.starts_to(ALPHA), [""; 0]);
}

#[test]
fn what_came_without_a_content_length_leaves_with_one() {
    let without = |text: &str| text.replace("Content-Length: 0\r\n", "").replace("Content-Length: 5\r\n", "");
    let mut bench = Bench::new();
    bench.call(&without(&invite()), vec![alpha()]);
    let invite = bench.one_to(ALPHA).text;
    assert_eq!(value(&invite, "Content-Length"), "5");
    bench.sent.clear();
    bench.receive(ALPHA, &without(&reply(&invite, 200, "callee", ALPHA)));
    let ok = bench.one_to(CUSTOMER).text;
    assert_eq!(value(&ok, "Content-Length"), "0");
    bench.receive(CUSTOMER, &without(&from_customer("ACK", 1, &ok, "")));
    assert_eq!(value(&bench.one_to(ALPHA).text, "Content-Length"), "0");
}

#[test]
fn unknown_schemes_and_extensions_are_refused_for_every_method() {
    for method in ["INVITE", "OPTIONS", "REGISTER", "MESSAGE"] {
        let text = invite().replace("INVITE", method);
        let unknown = text.replacen(" sip:", " nobodyKnowsThisScheme:", 1);
        assert_eq!(Bench::new().receive(CUSTOMER, &unknown), refused(416, "T107"), "{method}");
        let extended = text.replace("CSeq", "Proxy-Require: foo\r\nCSeq");
        let disposition = Disposition::Refuse { status: 420, code: "T106", unsupported: "foo".to_owned() };
        assert_eq!(Bench::new().receive(CUSTOMER, &extended), disposition, "{method}");
    }
    let ack = invite().replace("INVITE", "ACK").replacen(" sip:", " nobodyKnowsThisScheme:", 1);
    assert_eq!(Bench::new().receive(CUSTOMER, &ack), Disposition::OutOfDialog(Method::Ack));
}

#[test]
fn a_request_goes_on_with_the_breadth_it_came_with_or_else_with_60() {
    for (came, goes) in [("", "60"), ("Max-Breadth: 7\r\n", "7"), ("max-breadth : 61\r\n", "60"), ("Max-Breadth: 99999999999\r\n", "60")] {
        let mut bench = Bench::new();
        bench.call(&invite_with("call-1", "branch1", came), vec![alpha()]);
        assert_eq!(values(&bench.one_to(ALPHA).text, "Max-Breadth"), [goes], "{came:?}");
    }
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, "Max-Breadth: 3\r\n"));
    assert_eq!(values(&bench.one_to(ALPHA).text, "Max-Breadth"), ["3"]);
}

#[test]
fn a_request_that_may_have_no_branch_is_refused() {
    let with = |value: &str| invite_with("call-1", "branch1", &format!("Max-Breadth: {value}\r\n"));
    assert_eq!(Bench::new().receive(CUSTOMER, &with("0")), refused(440, "T111"));
    assert_eq!(Bench::new().receive(CUSTOMER, &with("some")), refused(400, "T101"));
}

#[test]
fn the_reason_of_a_cancel_goes_on_to_the_gateway_at_once_or_with_the_cancel_that_waits() {
    let reason = "Reason: SIP;cause=600;text=\"Busy Everywhere\"\r\nReason: Q.850;cause=17\r\n";
    let expected = ["SIP;cause=600;text=\"Busy Everywhere\"", "Q.850;cause=17"];
    for is_heard in [true, false] {
        let mut bench = Bench::new();
        bench.call(&invite(), vec![alpha()]);
        let invite_text = bench.one_to(ALPHA).text;
        if is_heard {
            bench.receive(ALPHA, &reply(&invite_text, 180, "callee", ALPHA));
        }
        let cancel = hop_request("CANCEL", &invite(), None).replace("Content-Length", &format!("{reason}Content-Length"));
        bench.receive(CUSTOMER, &cancel);
        if !is_heard {
            assert_eq!(bench.starts_to(ALPHA), [""; 0], "§9.1: not before something came");
            bench.receive(ALPHA, &reply(&invite_text, 100, "", ALPHA));
        }
        let cancel = bench.one_to(ALPHA).text;
        assert!(cancel.starts_with("CANCEL "));
        assert_eq!(values(&cancel, "Reason"), expected);
    }
}

#[test]
fn a_cancel_of_our_own_says_why() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha(), beta()]);
    let invite_text = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&invite_text, 100, "", ALPHA));
    bench.advance(20_000);
    let cancel = bench.one_to(ALPHA).text;
    assert!(cancel.starts_with("CANCEL "));
    assert_eq!(values(&cancel, "Reason"), ["Q.850;cause=102"]);
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let invite_text = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&invite_text, 180, "callee", ALPHA));
    let reason = Refusal { q850: 16, ..refusal(480, "T601", "Ended By Command") };
    bench.act(|proxy, now, out| proxy.hang_up(now, CALL, &reason, out).unwrap());
    assert_eq!(values(&bench.one_to(ALPHA).text, "Reason"), ["Q.850;cause=16;text=\"T601 Ended By Command\""]);
}

#[test]
fn refer_goes_to_a_carrier_that_takes_it_and_to_no_other_from_whatever_edge() {
    for takes_refer in [false, true] {
        let mut bench = Bench::new();
        let (ok, invite) = bench.answered(Target { takes_refer, ..alpha() });
        let refer = from_customer("REFER", 2, &ok.text, "Refer-To: <sip:+881@10.1.1.9>\r\n");
        for mut edge in [bench, restarted()] {
            let disposition = edge.receive(CUSTOMER, &refer);
            let passed = edge.starts_to(ALPHA).len();
            match takes_refer {
                true => assert_eq!((disposition, passed), (Disposition::Done, 1)),
                false => assert_eq!((disposition, passed), (refused(403, "T302"), 0)),
            }
            // The carrier's own passes: the customer is asked, and pays nothing for it.
            edge.receive(ALPHA, &from_carrier("REFER", 1, &invite.text, "Refer-To: <sip:+881@10.1.1.9>\r\n"));
            assert!(edge.starts_to(CUSTOMER).iter().any(|start| start.starts_with("REFER ")));
        }
    }
}
