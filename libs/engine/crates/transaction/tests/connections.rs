//! Connections that are gone, and what was to go over them (RFC 3261 §18.2.2, §18.4).

mod support;

use support::by_transport::*;
use support::*;
use trunkline_transaction::*;

#[test]
fn a_gateway_that_takes_no_connection_is_left_for_the_next_at_once() {
    let mut bench = bench();
    set_up(&mut bench, &invite(), UDP, vec![step_over(alpha(), TCP, None), step_over(beta(), UDP, None)]);
    bench.one_to(ALPHA);
    close(&mut bench, UDP, ALPHA);
    close(&mut bench, TLS, ALPHA);
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
    assert_eq!(cause(&bench), [], "another way to the same address says nothing of this one");
    close(&mut bench, TCP, ALPHA);
    assert_eq!(cause(&bench), [FailureCause::Connection]);
    assert!(bench.one_to(BETA).start().starts_with("INVITE "));
}

#[test]
fn a_request_that_crossed_the_closing_of_a_kept_connection_is_sent_once_more() {
    let mut bench = bench();
    set_up(&mut bench, &invite(), UDP, vec![step_over(alpha(), TCP, None), step_over(beta(), UDP, None)]);
    let first = bench.one_to(ALPHA);
    close_as(&mut bench, Gone::InUse, TCP, ALPHA);
    assert_eq!(bench.one_to(ALPHA).text, first.text, "the branch too: it may have been heard");
    assert_eq!(cause(&bench), []);
    close_as(&mut bench, Gone::InUse, TCP, ALPHA);
    assert_eq!(cause(&bench), [FailureCause::Connection]);
    let invite = bench.one_to(BETA);
    bench.receive(BETA, &reply(&invite.text, 200, "callee", BETA));
    bench.one_to(CUSTOMER);
}

/// The INVITE that alpha may have heard although its connection broke, and that beta got then.
fn in_doubt(bench: &mut Bench) -> (Sent, Sent) {
    set_up(bench, &invite(), UDP, vec![step_over(alpha(), TCP, None), step_over(beta(), UDP, None)]);
    let doubtful = bench.one_to(ALPHA);
    close_as(bench, Gone::Broken, TCP, ALPHA);
    assert_eq!(cause(bench), [FailureCause::Connection]);
    (doubtful, bench.one_to(BETA))
}

#[test]
fn a_gateway_that_had_heard_the_invite_before_its_connection_broke_is_hung_up_on_when_it_answers() {
    let mut bench = bench();
    let (doubtful, invite) = in_doubt(&mut bench);
    bench.receive(BETA, &reply(&invite.text, 180, "beta", BETA));
    bench.take_sent();
    // From the port of a connection that it has made: the branch tells whose answer it is.
    let late = reply(&doubtful.text, 200, "alpha", &contact(ALPHA, TCP));
    bench.receive_at(TCP, "10.9.9.1:41000", &late);
    let own = bench.sent_to(ALPHA);
    let starts = ["ACK sip:callee@10.9.9.1:5060;transport=tcp SIP/2.0", "BYE sip:callee@10.9.9.1:5060;transport=tcp SIP/2.0"];
    assert_eq!(own.iter().map(|sent| (sent.start(), sent.listener)).collect::<Vec<_>>(), starts.map(|start| (start, TCP)));
    assert!(own.iter().all(|sent| value(&sent.text, "To").ends_with(";tag=alpha")), "{own:?}");
    assert!(bench.sent_to(CUSTOMER).is_empty() && bench.sent_to(BETA).is_empty(), "the call is beta's");
    bench.receive_at(TCP, "10.9.9.1:41000", &late);
    assert_eq!(bench.starts_to(ALPHA), [starts[0]], "hung up once");
    let facts = bench.facts.iter().map(|fact| fact.kind.clone()).collect::<Vec<_>>();
    assert!(matches!(facts[1], FactKind::GatewayFailed { number: 1, cause: FailureCause::Connection, .. }), "{facts:?}");
    assert_eq!(facts.last(), Some(&FactKind::Answered { number: 1, status: 200 }), "for its carrier may bill it");

    bench.receive(BETA, &reply(&invite.text, 200, "beta", BETA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"]);
    bench.receive_at(TCP, ALPHA, &reply(&own[1].text, 200, "alpha", ALPHA));
    assert_eq!(bench.proxy.call_count(), 1);
}

#[test]
fn a_gateway_in_doubt_that_rings_is_cancelled_and_its_refusal_acknowledged() {
    let mut bench = bench();
    let (doubtful, invite) = in_doubt(&mut bench);
    bench.receive_at(TCP, "10.9.9.1:41000", &reply(&doubtful.text, 180, "alpha", ALPHA));
    let cancel = bench.one_to(ALPHA);
    assert!(cancel.start().starts_with("CANCEL ") && cancel.listener == TCP, "{}", cancel.text);
    assert_eq!(values(&cancel.text, "Via"), values(&doubtful.text, "Via")[..1]);
    assert_eq!(value(&cancel.text, "Reason"), "Q.850;cause=41");
    bench.receive_at(TCP, ALPHA, &reply(&cancel.text, 200, "alpha", ALPHA));
    bench.receive_at(TCP, ALPHA, &reply(&doubtful.text, 487, "alpha", ALPHA));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
    assert!(bench.sent_to(CUSTOMER).is_empty());
    bench.receive(BETA, &reply(&invite.text, 486, "beta", BETA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 486 Whatever"]);
    bench.assert_empties();
}

#[test]
fn an_invite_is_in_doubt_for_64_t1_and_only_where_there_was_a_connection() {
    let mut bench = bench();
    let (doubtful, invite) = in_doubt(&mut bench);
    bench.receive(BETA, &reply(&invite.text, 486, "beta", BETA));
    // Other connections with the gateway are no matter of this INVITE.
    for gone in [Gone::InUse, Gone::Unmade] {
        close_as(&mut bench, gone, TCP, ALPHA);
    }
    bench.advance(31_900);
    bench.take_sent();
    let late = reply(&doubtful.text, 200, "alpha", ALPHA);
    bench.receive_at(TCP, ALPHA, &late);
    assert_eq!(bench.sent_to(ALPHA).len(), 2);
    bench.assert_empties();

    let mut bench = self::bench();
    let (doubtful, invite) = in_doubt(&mut bench);
    bench.receive(BETA, &reply(&invite.text, 486, "beta", BETA));
    bench.advance(32_100);
    assert_eq!(bench.proxy.entry_count(), 0);
    bench.take_sent();
    bench.receive_at(TCP, ALPHA, &reply(&doubtful.text, 200, "alpha", ALPHA));
    assert!(bench.sent_to(ALPHA).is_empty());

    let mut bench = self::bench();
    set_up(&mut bench, &support::invite(), UDP, vec![step_over(alpha(), TCP, None)]);
    bench.one_to(ALPHA);
    close_as(&mut bench, Gone::Unmade, TCP, ALPHA);
    assert_eq!(bench.proxy.transaction_count(), 1, "nothing was heard: the caller's transaction is left");
}

#[test]
fn an_invite_that_was_sent_once_more_stays_in_doubt_where_no_new_connection_is_made() {
    let mut bench = bench();
    set_up(&mut bench, &invite(), UDP, vec![step_over(alpha(), TCP, None), step_over(beta(), UDP, None)]);
    let doubtful = bench.one_to(ALPHA);
    close_as(&mut bench, Gone::InUse, TCP, ALPHA);
    bench.one_to(ALPHA);
    close_as(&mut bench, Gone::Unmade, TCP, ALPHA);
    bench.one_to(BETA);
    bench.receive_at(TCP, "10.9.9.1:41000", &reply(&doubtful.text, 200, "alpha", ALPHA));
    assert_eq!(bench.sent_to(ALPHA).len(), 2);
}

/// §18.1.1 allows UDP where no connection could be made. By a branch of its own it would be a merged request there (§8.2.2.2).
#[test]
fn an_invite_in_doubt_is_not_sent_to_its_gateway_by_udp_as_well_however_large_it_is() {
    for gone in [&[Gone::Broken][..], &[Gone::InUse, Gone::Unmade]] {
        let mut bench = bench();
        let large = invite_with("call-1", "branch1", &format!("X-Large: {}\r\n", "x".repeat(1_000)));
        set_up(&mut bench, &large, UDP, vec![step_over(alpha(), UDP, Some(TCP)), step_over(beta(), UDP, None)]);
        let doubtful = bench.one_to(ALPHA);
        assert_eq!(doubtful.listener, TCP);
        gone.iter().for_each(|gone| close_as(&mut bench, *gone, TCP, ALPHA));
        let copies = bench.sent_to(ALPHA);
        assert!(copies.iter().all(|sent| sent.text == doubtful.text) && copies.len() == gone.len() - 1, "{gone:?}: {copies:#?}");
        assert_eq!(cause(&bench), [FailureCause::Connection]);
        assert!(bench.one_to(BETA).start().starts_with("INVITE "));
    }
}

#[test]
fn an_invite_that_was_given_up_is_not_sent_again_over_a_new_connection_and_stays_in_doubt() {
    for is_cancelled in [true, false] {
        let mut bench = bench();
        set_up(&mut bench, &invite(), UDP, vec![step_over(alpha(), TCP, None)]);
        let doubtful = bench.one_to(ALPHA);
        match is_cancelled {
            true => assert_eq!(bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None)), Disposition::Done),
            false => bench.advance(config().silent_gateway_ms + 100),
        }
        close_as(&mut bench, Gone::InUse, TCP, ALPHA);
        assert!(bench.sent_to(ALPHA).is_empty());
        bench.receive_at(TCP, "10.9.9.1:41000", &reply(&doubtful.text, 200, "alpha", ALPHA));
        assert_eq!(bench.sent_to(ALPHA).len(), 2, "ACK and BYE");
    }
}

#[test]
fn what_has_a_response_is_not_sent_again_over_a_new_connection() {
    let mut bench = bench();
    set_up(&mut bench, &invite(), UDP, vec![step_over(alpha(), TCP, None), step_over(beta(), UDP, None)]);
    let sent = bench.one_to(ALPHA);
    bench.receive_at(TCP, ALPHA, &reply(&sent.text, 100, "callee", ALPHA));
    close_as(&mut bench, Gone::InUse, TCP, ALPHA);
    assert!(bench.sent_to(ALPHA).is_empty() && bench.sent_to(BETA).is_empty());
}

#[test]
fn a_connection_that_closes_after_a_100_or_a_ring_or_an_answer_ends_nothing() {
    for statuses in [vec![100], vec![180], vec![200]] {
        let mut bench = bench();
        set_up(&mut bench, &invite(), UDP, vec![step_over(alpha(), TCP, None), step_over(beta(), UDP, None)]);
        let sent = bench.one_to(ALPHA);
        for status in &statuses {
            bench.receive_at(TCP, ALPHA, &reply(&sent.text, *status, "callee", ALPHA));
        }
        close(&mut bench, TCP, ALPHA);
        assert!(bench.sent_to(BETA).is_empty(), "after {statuses:?}");
        // The gateway opens a connection of its own for its answer (§18.2.2).
        bench.receive_at(TCP, "10.9.9.1:41000", &reply(&sent.text, 200, "callee", ALPHA));
        assert_eq!(bench.starts_to(CUSTOMER).last().map(String::as_str), Some("SIP/2.0 200 Whatever"));
        assert_eq!(bench.proxy.call_count(), 1);
    }
}

#[test]
fn a_bye_whose_connection_fails_is_answered_500_and_ends_the_call() {
    let mut bench = bench();
    let (ok, _) = answered(&mut bench, UDP, TCP);
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    bench.one_to(ALPHA);
    close(&mut bench, TCP, ALPHA);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 Server Internal Error"]);
    assert_eq!(bench.fact_names().last().unwrap(), "Ended");
    bench.assert_empties();
}

#[test]
fn responses_to_a_connection_that_is_gone_go_to_the_port_of_the_via() {
    let mut bench = bench();
    set_up(&mut bench, &invite(), TCP, vec![step_over(alpha(), UDP, None)]);
    let sent = bench.one_to(ALPHA);
    close(&mut bench, TCP, "10.1.1.1:40000");
    bench.receive(ALPHA, &reply(&sent.text, 180, "callee", ALPHA));
    assert_eq!(bench.one_to(CUSTOMER).start(), "SIP/2.0 180 Whatever", "another connection closed");
    let gone = CUSTOMER;
    let mut later = Bench::with(Config { listeners: listeners(), ..config() }, 1);
    let text = invite().replace("192.168.1.9:5066;rport", "192.168.1.9:5077;rport");
    set_up(&mut later, &text, TCP, vec![step_over(alpha(), UDP, None)]);
    let sent = later.one_to(ALPHA);
    close(&mut later, TCP, gone);
    later.receive(ALPHA, &reply(&sent.text, 486, "callee", ALPHA));
    assert!(later.sent_to(gone).is_empty());
    let moved = later.one_to("10.1.1.1:5077");
    assert_eq!((moved.listener, moved.start()), (TCP, "SIP/2.0 486 Whatever"));
    later.assert_empties();
}

#[test]
fn a_request_to_a_customer_whose_connection_is_gone_goes_to_its_contact_where_that_is_its_own_address() {
    for (contact, port) in [("sip:31000000@10.1.1.1:5070;transport=tcp", Some(5070)), ("sip:31000000@192.168.1.9:5070;transport=tcp", None)]
    {
        let mut bench = bench();
        let text = invite().replace("sip:31000000@192.168.1.9:5066", contact);
        set_up(&mut bench, &text, TCP, vec![step_over(alpha(), UDP, None)]);
        let invite = bench.one_to(ALPHA);
        bench.receive(ALPHA, &reply(&invite.text, 200, "callee", ALPHA));
        bench.sent_to(CUSTOMER);
        bench.receive(ALPHA, &from_carrier("BYE", 7, &invite.text, ""));
        let bye = bench.one_to(CUSTOMER);
        close(&mut bench, TCP, CUSTOMER);
        match port {
            Some(port) => {
                let at = format!("10.1.1.1:{port}");
                let again = bench.one_to(&at);
                assert_eq!((again.text == bye.text, again.listener), (true, TCP));
                bench.receive_at(TCP, &at, &reply(&again.text, 200, "caller", &at));
                assert_eq!(bench.starts_to(ALPHA), ["SIP/2.0 200 Whatever"]);
            }
            None => assert_eq!(bench.starts_to(ALPHA), ["SIP/2.0 500 Server Internal Error"]),
        }
        bench.assert_empties();
    }
}

/// The customer's Contact is its own address; its connection had another port.
fn answered_with_a_contact_of_its_own(bench: &mut Bench) -> Sent {
    let text = invite().replace("sip:31000000@192.168.1.9:5066", "sip:31000000@10.1.1.1:5070;transport=tcp");
    set_up(bench, &text, TCP, vec![step_over(alpha(), UDP, None)]);
    let invite = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&invite.text, 200, "callee", ALPHA));
    bench.take_sent();
    invite
}

#[test]
fn the_ack_of_a_reinvite_that_found_the_connection_gone_follows_it_to_the_contact() {
    let mut bench = bench();
    let invite = answered_with_a_contact_of_its_own(&mut bench);
    bench.receive(ALPHA, &from_carrier("INVITE", 7, &invite.text, ""));
    bench.one_to(CUSTOMER);
    close(&mut bench, TCP, CUSTOMER);
    let at = "10.1.1.1:5070";
    let again = bench.one_to(at);
    bench.receive_at(TCP, at, &reply(&again.text, 200, "caller", at));
    bench.take_sent();
    for (method, cseq) in [("ACK", 7), ("INFO", 8)] {
        bench.receive(ALPHA, &from_carrier(method, cseq, &invite.text, ""));
        let sent = bench.one_to(at);
        assert!(sent.start().starts_with(method) && sent.listener == TCP, "{sent:?}");
    }
}

#[test]
fn where_the_call_is_not_known_its_connection_is_not_either_and_requests_go_to_the_contact_at_once() {
    let invite = answered_with_a_contact_of_its_own(&mut bench());
    let mut sibling = Bench::with(Config { listeners: listeners(), ..config() }, 9);
    for (method, cseq) in [("INVITE", 7), ("ACK", 7), ("BYE", 8)] {
        sibling.receive(ALPHA, &from_carrier(method, cseq, &invite.text, ""));
        let sent = sibling.one_to("10.1.1.1:5070");
        assert!(sent.start().starts_with(method) && sent.listener == TCP, "{sent:?}");
        if method != "ACK" {
            sibling.receive_at(TCP, "10.1.1.1:5070", &reply(&sent.text, 200, "caller", "10.1.1.1:5070"));
            sibling.take_sent();
        }
    }
}

/// A call of a customer behind a proxy of its own at the same address, and what both say of where they are. `proxy` is what it records.
fn behind(bench: &mut Bench, proxy: &str) -> Sent {
    let lines = format!("Record-Route: <sip:10.1.1.1:5080;transport=tcp{proxy}>, <sip:10.1.1.1:5081;transport=tcp;lr>\r\n");
    let text =
        invite_with("call-1", "branch1", &lines).replace("sip:31000000@192.168.1.9:5066", "sip:31000000@10.1.1.1:5070;transport=tcp");
    set_up(bench, &text, TCP, vec![step_over(alpha(), UDP, None)]);
    let invite = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&invite.text, 200, "callee", ALPHA));
    bench.take_sent();
    invite
}

/// Request-URI and Routes as the customer's nearest proxy gets them.
fn way(sent: &Sent) -> (String, Vec<String>) {
    let routes = values(&sent.text, "Route").iter().flat_map(|line| line.split(", ")).map(str::to_owned).collect();
    (sent.start().split(' ').nth(1).unwrap().to_owned(), routes)
}

#[test]
fn a_request_whose_connection_is_gone_goes_to_the_proxy_of_the_customer_be_it_a_loose_or_a_strict_router() {
    let (target, next) = ("sip:31000000@10.1.1.1:5070;transport=tcp", "<sip:10.1.1.1:5081;transport=tcp;lr>");
    for (proxy, uri, routes) in [
        (";lr", target, vec!["<sip:10.1.1.1:5080;transport=tcp;lr>", next]),
        ("", "sip:10.1.1.1:5080;transport=tcp", vec![next, "<sip:31000000@10.1.1.1:5070;transport=tcp>"]),
    ] {
        let expected = (uri.to_owned(), routes.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let at = "10.1.1.1:5080";
        // The connection closes under it.
        let mut bench = bench();
        let invite = behind(&mut bench, proxy);
        bench.receive(ALPHA, &from_carrier("BYE", 7, &invite.text, ""));
        assert_eq!(way(&bench.one_to(CUSTOMER)), expected);
        close(&mut bench, TCP, CUSTOMER);
        assert_eq!(way(&bench.one_to(at)), expected);
        // Where the call is not known there is none.
        let mut sibling = Bench::with(Config { listeners: listeners(), ..config() }, 9);
        for (method, cseq) in [("ACK", 1), ("BYE", 8)] {
            sibling.receive(ALPHA, &from_carrier(method, cseq, &invite.text, ""));
            assert_eq!(way(&sibling.one_to(at)), expected, "{method}");
        }
        // A BYE of our own.
        let mut bench = self::bench();
        behind(&mut bench, proxy);
        bench.act(|proxy, now, out| proxy.hang_up(now, CALL, &refusal(403, "T603", "Tenant Suspended"), out).unwrap());
        assert_eq!(way(&bench.one_to(CUSTOMER)), expected);
        close(&mut bench, TCP, CUSTOMER);
        assert_eq!(way(&bench.one_to(at)), expected);
    }
}

#[test]
fn a_request_in_a_dialog_whose_new_connection_broke_is_sent_once_more() {
    for method in ["INVITE", "UPDATE", "BYE"] {
        let mut bench = bench();
        let (ok, _) = answered(&mut bench, UDP, TCP);
        bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, ""));
        let first = bench.one_to(ALPHA);
        close_as(&mut bench, Gone::Broken, TCP, ALPHA);
        assert_eq!(bench.one_to(ALPHA).text, first.text, "the branch too: it may have been heard");
        bench.take_sent();
        close_as(&mut bench, Gone::Broken, TCP, ALPHA);
        assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 500 Server Internal Error"], "{method}");
    }
}

#[test]
fn a_2xx_to_a_reinvite_whose_connections_broke_is_acknowledged_and_the_call_goes_on() {
    let mut bench = bench();
    let (ok, _) = answered(&mut bench, UDP, TCP);
    bench.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, ""));
    let reinvite = bench.one_to(ALPHA);
    for _ in 0..2 {
        close_as(&mut bench, Gone::Broken, TCP, ALPHA);
    }
    bench.one_to(ALPHA);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying", "SIP/2.0 500 Server Internal Error"]);
    for _ in 0..2 {
        bench.receive_at(TCP, "10.9.9.1:41000", &reply(&reinvite.text, 200, "callee", ALPHA));
        let ack = bench.one_to(ALPHA);
        assert_eq!((ack.start(), value(&ack.text, "CSeq")), (reinvite.start().replace("INVITE", "ACK").as_str(), "2 ACK"));
        assert!(value(&ack.text, "To").ends_with(";tag=callee") && value(&ack.text, "Via") != value(&reinvite.text, "Via"), "{}", ack.text);
    }
    assert!(bench.sent_to(CUSTOMER).is_empty());
    bench.receive(CUSTOMER, &hop_request("ACK", &from_customer("INVITE", 2, &ok.text, ""), Some(&ok.text)));
    bench.receive(CUSTOMER, &from_customer("BYE", 3, &ok.text, ""));
    let bye = bench.one_to(ALPHA);
    bench.receive_at(TCP, ALPHA, &reply(&bye.text, 200, "callee", ALPHA));
    assert_eq!(bench.fact_names().last().unwrap(), "Ended");
    bench.assert_empties();
}
