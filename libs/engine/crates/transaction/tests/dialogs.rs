//! Requests inside dialogs, from either side (RFC 3261 §12.2, §16.4, §16.6, RFC 4320).

mod support;

use support::*;
use trunkline_message::Method;
use trunkline_transaction::*;

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
            assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Callee, q850: 16, answered_ns: 0 });
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
    for (method, expected) in [("INVITE", vec!["SIP/2.0 408 Request Timeout"]), ("INFO", vec!["SIP/2.0 100 Trying"])] {
        let mut bench = Bench::with(Config { token_lifetime_s: 100, ..config() }, 1);
        let (ok, _) = bench.answered(alpha());
        bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, ""));
        bench.take_sent();
        bench.advance(33_000);
        let mut starts = bench.starts_to(CUSTOMER);
        starts.dedup();
        assert_eq!(starts, expected, "RFC 4320 §4: a 100 and no 408 for a non-INVITE");
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

/// §16.7 step 6: by a 503 and its Retry-After the sender would leave us, not the one that it was calling.
#[test]
fn a_503_of_either_side_in_a_dialog_is_500_to_the_other() {
    for method in ["INVITE", "INFO", "BYE"] {
        let mut bench = Bench::new();
        let (ok, invite) = bench.answered(alpha());
        bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, ""));
        let out = bench.one_to(ALPHA);
        bench.take_sent();
        bench.receive(ALPHA, &reply_with(&out.text, 503, "callee", ALPHA, "Retry-After: 3600\r\n"));
        let heard = bench.one_to(CUSTOMER);
        assert_eq!((heard.start(), values(&heard.text, "Retry-After").len()), ("SIP/2.0 500 Server Internal Error", 0), "{method}");
        bench.receive(ALPHA, &from_carrier(method, 7, &invite.text, ""));
        let out = bench.one_to(CUSTOMER);
        bench.take_sent();
        bench.receive(CUSTOMER, &reply(&out.text, 503, "caller", CUSTOMER));
        assert_eq!(bench.starts_to(ALPHA), ["SIP/2.0 500 Server Internal Error"], "{method}");
        assert_ne!(bench.fact_names().last().unwrap(), "Ended", "{method}: who refuses stays in the dialog");
    }
}

/// §21.4.2, §21.4.8: a 401 or 407 has a challenge, which is between the one who says it and us; by a 3xx the sender would go past us.
#[test]
fn a_challenge_or_redirection_of_either_side_in_a_dialog_is_500_to_the_other() {
    for method in ["INVITE", "INFO", "BYE"] {
        for status in [300, 302, 380, 401, 407] {
            let mut bench = Bench::new();
            let (ok, invite) = bench.answered(alpha());
            let lines = "WWW-Authenticate: Digest realm=\"x\", nonce=\"1\"\r\n";
            bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, ""));
            let out = bench.one_to(ALPHA);
            bench.take_sent();
            bench.receive(ALPHA, &reply_with(&out.text, status, "callee", "10.66.66.66:5060", lines));
            let heard = bench.one_to(CUSTOMER);
            assert_eq!(heard.start(), "SIP/2.0 500 Server Internal Error", "{method} {status}");
            assert!(!heard.text.contains("Authenticate") && !heard.text.contains("10.66.66.66"), "{}", heard.text);
            bench.receive(ALPHA, &from_carrier(method, 7, &invite.text, ""));
            let out = bench.one_to(CUSTOMER);
            bench.take_sent();
            bench.receive(CUSTOMER, &reply_with(&out.text, status, "caller", CUSTOMER, lines));
            assert_eq!(bench.starts_to(ALPHA), ["SIP/2.0 500 Server Internal Error"], "{method} {status}");
            assert_ne!(bench.fact_names().last().unwrap(), "Ended", "{method}: who refuses stays in the dialog");
        }
    }
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
fn requests_to_the_customer_follow_its_last_port() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    bench.receive("10.1.1.1:41000", &from_customer("INFO", 2, &ok.text, ""));
    bench.take_sent();
    bench.receive(ALPHA, &from_carrier("BYE", 2, &invite.text, ""));
    assert!(bench.one_to("10.1.1.1:41000").start().starts_with("BYE "));
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

/// It crosses our CANCEL: the customer has his 408 by then.
#[test]
fn a_2xx_to_a_reinvite_that_rang_for_too_long_is_acknowledged() {
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, ""));
    let reinvite = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&reinvite.text, 180, "callee", ALPHA));
    bench.advance(config().timer_c_ms + 100);
    assert_eq!(bench.starts_to(CUSTOMER).last().map(String::as_str), Some("SIP/2.0 408 Request Timeout"));
    assert!(bench.starts_to(ALPHA)[0].starts_with("CANCEL "));
    bench.receive(ALPHA, &reply(&reinvite.text, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to(ALPHA), [reinvite.start().replace("INVITE", "ACK")]);
    assert_eq!(bench.proxy.call_count(), 1);
}
