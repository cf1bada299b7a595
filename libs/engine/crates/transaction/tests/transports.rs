//! Calls whose sides speak by different transports (RFC 3261 §16.6, §17, §18).

mod support;

use support::by_transport::*;
use support::*;
use trunkline_message::Method;
use trunkline_transaction::*;

#[test]
fn each_side_is_spoken_to_and_sees_us_by_its_own_transport() {
    for (customer, carrier) in [(UDP, TCP), (TCP, UDP), (TCP, TLS), (TLS, TCP), (TLS, UDP), (UDP, UDP), (TCP, TCP)] {
        let mut bench = bench();
        let (ok, invite) = answered(&mut bench, customer, carrier);
        assert_eq!((ok.listener, invite.listener), (customer, carrier));
        let ((_, customer_route), (via, carrier_route)) = (shown(customer), shown(carrier));
        assert!(values(&invite.text, "Via")[0].starts_with(via), "{}", invite.text);
        assert!(value(&invite.text, "Record-Route").starts_with(carrier_route), "{}", invite.text);
        assert_eq!(values(&ok.text, "Record-Route").len(), 1);
        assert!(value(&ok.text, "Record-Route").starts_with(customer_route), "{}", ok.text);

        assert_eq!(bench.receive_at(carrier, ALPHA, &from_carrier("INFO", 7, &invite.text, "")), Disposition::Done);
        let info = bench.one_to(CUSTOMER);
        assert_eq!(info.listener, customer);
        assert!(values(&info.text, "Via")[0].starts_with(shown(customer).0));
        bench.receive_at(customer, CUSTOMER, &reply(&info.text, 200, "caller", CUSTOMER));
        assert_eq!(bench.one_to(ALPHA).listener, carrier);

        assert_eq!(bench.receive_at(customer, CUSTOMER, &from_customer("BYE", 2, &ok.text, "")), Disposition::Done);
        let bye = bench.one_to(ALPHA);
        assert_eq!(bye.listener, carrier);
        assert!(values(&bye.text, "Route").is_empty());
        bench.receive_at(carrier, ALPHA, &reply(&bye.text, 200, "callee", ALPHA));
        assert_eq!(bench.one_to(CUSTOMER).listener, customer);
        assert_eq!(bench.fact_names().last().unwrap(), "Ended");
        bench.assert_empties();
    }
}

#[test]
fn over_a_connection_nothing_is_sent_again_and_what_is_over_is_forgotten_at_once() {
    let patient = Config { silent_gateway_ms: 20_000, all_silent_ms: 20_000, listeners: listeners(), ..config() };
    for (listener, expected) in [(TCP, 1), (UDP, 6)] {
        let mut bench = Bench::with(patient.clone(), 1);
        set_up(&mut bench, &invite(), TCP, vec![step_over(alpha(), listener, None)]);
        bench.advance(16_000);
        assert_eq!(bench.sent_to(ALPHA).len(), expected, "INVITEs in 16 s by listener {listener}");
    }
    let mut bench = Bench::with(patient, 1);
    set_up(&mut bench, &invite(), TCP, vec![step_over(alpha(), TCP, None)]);
    let sent = bench.one_to(ALPHA);
    bench.receive_at(TCP, ALPHA, &reply(&sent.text, 486, "callee", ALPHA));
    assert_eq!(bench.starts_to(ALPHA), [format!("ACK {} SIP/2.0", sent.start().split(' ').nth(1).unwrap())]);
    let busy = bench.one_to(CUSTOMER);
    bench.advance(2_000);
    assert!(bench.sent_to(CUSTOMER).is_empty(), "Timer G does not run");
    assert_eq!(bench.proxy.transaction_count(), 1, "Timer D is zero; the ACK is awaited");
    bench.receive_at(TCP, CUSTOMER, &hop_request("ACK", &invite(), Some(&busy.text)));
    bench.advance(1);
    assert_eq!(bench.proxy.entry_count(), 0, "Timer I is zero");
}

#[test]
fn an_ack_that_never_comes_is_given_up_over_a_connection_too() {
    let mut bench = bench();
    set_up(&mut bench, &invite(), TCP, vec![step_over(alpha(), TCP, None)]);
    let sent = bench.one_to(ALPHA);
    bench.receive_at(TCP, ALPHA, &reply(&sent.text, 486, "callee", ALPHA));
    bench.advance(31_000);
    assert_eq!(bench.proxy.transaction_count(), 1);
    bench.advance(1_100);
    assert_eq!(bench.proxy.entry_count(), 0);
}

#[test]
fn what_is_too_large_for_udp_goes_over_tcp_where_the_gateway_takes_it_and_by_udp_where_it_does_not() {
    let large = |bytes: usize| invite_with("call-1", "branch1", &format!("X-Large: {}\r\n", "x".repeat(bytes)));
    let both = || vec![step_over(alpha(), UDP, Some(TCP)), step_over(beta(), UDP, None)];
    let mut small = bench();
    set_up(&mut small, &invite(), UDP, both());
    assert_eq!(small.one_to(ALPHA).listener, UDP);

    let mut alone = bench();
    set_up(&mut alone, &large(1_000), UDP, vec![step_over(alpha(), UDP, None)]);
    let sent = alone.one_to(ALPHA);
    assert_eq!((sent.listener, sent.text.len() > 1_300), (UDP, true), "the gateway takes nothing else");

    let mut bench = bench();
    set_up(&mut bench, &large(1_000), UDP, both());
    let sent = bench.one_to(ALPHA);
    assert_eq!(sent.listener, TCP);
    assert!(values(&sent.text, "Via")[0].starts_with(shown(TCP).0));
    assert!(value(&sent.text, "Record-Route").starts_with(shown(TCP).1));
    close(&mut bench, TCP, ALPHA);
    let again = bench.one_to(ALPHA);
    assert_eq!(again.listener, UDP);
    assert!(values(&again.text, "Via")[0].starts_with(shown(UDP).0));
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
    assert_eq!(bench.one_to(BETA).listener, UDP);
    assert_eq!(cause(&bench), [FailureCause::Connection, FailureCause::Icmp]);
}

fn large_line() -> String {
    format!("X-Large: {}\r\n", "x".repeat(1_000))
}

/// Answered from `contact` by alpha, which takes by TCP what is too large.
fn answered_by_both(bench: &mut Bench, contact: &str) -> (Sent, Sent) {
    set_up(bench, &invite(), UDP, vec![step_over(alpha(), UDP, Some(TCP))]);
    let invite = bench.one_to(ALPHA);
    bench.receive(ALPHA, &reply(&invite.text, 200, "callee", contact));
    let ok = bench.one_to(CUSTOMER);
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
    bench.take_sent();
    (ok, invite)
}

#[test]
fn what_is_too_large_for_udp_in_a_dialog_goes_over_tcp_where_the_gateway_takes_it() {
    let mut first = bench();
    let (ok, invite) = answered_by_both(&mut first, ALPHA);
    let sibling = Bench::with(Config { listeners: listeners(), ..config() }, 9);
    for (mut bench, methods) in [(first, &["INVITE", "UPDATE"][..]), (sibling, &["UPDATE"][..])] {
        for (at, method) in methods.iter().enumerate() {
            let cseq = 2 + 2 * at as u32;
            bench.receive(CUSTOMER, &from_customer(method, cseq, &ok.text, &large_line()));
            let sent = bench.one_to(ALPHA);
            assert_eq!(sent.listener, TCP, "{}", sent.text);
            assert!(values(&sent.text, "Via")[0].starts_with(shown(TCP).0));
            bench.advance(3_000);
            assert_eq!(bench.sent_to(ALPHA).len(), 0, "over a connection nothing is sent again");
            bench.receive_at(TCP, ALPHA, &reply(&sent.text, 200, "callee", ALPHA));
            assert_eq!(bench.starts_to(CUSTOMER).last().map(String::as_str), Some("SIP/2.0 200 Whatever"));
            // What is small goes as the dialog goes.
            bench.receive(CUSTOMER, &from_customer(if *method == "INVITE" { "ACK" } else { "INFO" }, cseq + 1, &ok.text, ""));
            assert_eq!(bench.one_to(ALPHA).listener, UDP);
        }
        // The customer has said nothing of TCP.
        bench.receive(ALPHA, &from_carrier("INFO", 7, &invite.text, &large_line()));
        assert_eq!(bench.one_to(CUSTOMER).listener, UDP);
    }
}

#[test]
fn what_is_too_large_for_udp_in_a_dialog_goes_by_udp_where_the_gateway_takes_no_connection() {
    for method in ["INVITE", "UPDATE"] {
        let mut bench = bench();
        let (ok, _) = answered_by_both(&mut bench, ALPHA);
        bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, &large_line()));
        let sent = bench.one_to(ALPHA);
        close(&mut bench, TCP, ALPHA);
        let again = bench.one_to(ALPHA);
        assert_eq!((again.listener, again.text.replace("SIP/2.0/UDP 127.0.1.1", "SIP/2.0/TCP 127.0.1.1")), (UDP, sent.text));
        bench.advance(1_600);
        assert_eq!(bench.sent_to(ALPHA).iter().map(|copy| copy.text == again.text).collect::<Vec<_>>(), [true, true]);
        bench.receive(ALPHA, &reply(&again.text, 200, "callee", ALPHA));
        assert_eq!(bench.starts_to(CUSTOMER).last().map(String::as_str), Some("SIP/2.0 200 Whatever"));
        bench.hang_up(&ok.text, 3, "");
        bench.assert_empties();
        // And fails where that does not lead there either.
        let mut bench = self::bench();
        let (ok, _) = answered_by_both(&mut bench, ALPHA);
        bench.receive(CUSTOMER, &from_customer(method, 2, &ok.text, &large_line()));
        close(&mut bench, TCP, ALPHA);
        bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
        assert_eq!(bench.starts_to(CUSTOMER).last().map(String::as_str), Some("SIP/2.0 500 Server Internal Error"));
    }
}

#[test]
fn what_is_too_large_for_udp_in_a_dialog_goes_by_udp_to_whom_is_not_known_to_take_tcp() {
    let to = |bench: &mut Bench, ok: &Sent, at: &str| {
        bench.receive(CUSTOMER, &from_customer("UPDATE", 2, &ok.text, &large_line()));
        bench.one_to(at).listener
    };
    let mut moved = bench();
    let (ok, _) = answered_by_both(&mut moved, "10.9.9.7:5060");
    assert_eq!(to(&mut moved, &ok, "10.9.9.7:5060"), UDP, "it is no gateway");

    let mut alone = bench();
    let (ok, _) = answered(&mut alone, UDP, UDP);
    assert_eq!(to(&mut alone, &ok, ALPHA), UDP, "the gateway takes nothing else");

    let mut refused = bench();
    let text = invite_with("call-1", "branch1", &large_line());
    set_up(&mut refused, &text, UDP, vec![step_over(alpha(), UDP, Some(TCP))]);
    refused.one_to(ALPHA);
    close(&mut refused, TCP, ALPHA);
    let sent = refused.one_to(ALPHA);
    refused.receive(ALPHA, &reply(&sent.text, 200, "callee", ALPHA));
    let ok = refused.one_to(CUSTOMER);
    assert_eq!(to(&mut refused, &ok, ALPHA), UDP, "it has refused the INVITE");
}

#[test]
fn a_contact_that_names_another_transport_is_spoken_to_by_that() {
    let mut bench = bench();
    set_up(&mut bench, &invite(), UDP, vec![step_over(alpha(), TCP, None)]);
    let invite = bench.one_to(ALPHA);
    bench.receive_at(TCP, ALPHA, &reply(&invite.text, 200, "callee", "10.9.9.1:5090;transport=udp"));
    let ok = bench.one_to(CUSTOMER);
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    let bye = bench.one_to("10.9.9.1:5090");
    assert_eq!(bye.listener, UDP);
    assert!(values(&bye.text, "Via")[0].starts_with(shown(UDP).0));
}

#[test]
fn another_edge_whose_listeners_stand_in_another_order_finds_its_own_for_the_token() {
    let mut first = bench();
    let (ok, invite) = answered(&mut first, TCP, TLS);
    let mut turned = listeners();
    turned.reverse();
    let mut sibling = Bench::with(Config { listeners: turned, ..config() }, 9);
    assert_eq!(sibling.receive_at(1, CUSTOMER, &from_customer("BYE", 2, &ok.text, "")), Disposition::Done);
    let bye = sibling.one_to(ALPHA);
    assert_eq!(bye.listener, 0, "TLS stands first there");
    assert!(values(&bye.text, "Via")[0].starts_with(shown(TLS).0));
    assert_eq!(sibling.receive_at(0, ALPHA, &from_carrier("INFO", 7, &invite.text, "")), Disposition::Done);
    assert_eq!(sibling.one_to(CUSTOMER).listener, 1);
}

#[test]
fn a_cancel_over_a_connection_is_answered_on_it() {
    let mut bench = bench();
    let text = invite().replace(";rport", "");
    set_up(&mut bench, &text, TCP, vec![step_over(alpha(), TCP, None)]);
    bench.one_to(ALPHA);
    assert_eq!(bench.receive_at(TCP, CUSTOMER, &hop_request("CANCEL", &text, None)), Disposition::Done);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(
        bench.receive_at(TCP, CUSTOMER, &text.replace("INVITE", "OPTIONS").replace("branch1", "b2")),
        Disposition::OutOfDialog(Method::Options)
    );
}
