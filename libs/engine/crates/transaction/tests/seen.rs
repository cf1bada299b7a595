//! What is seen of gateways: in calls, and by OPTIONS of our own (RFC 3261 §11).

mod support;

use std::sync::Arc;

use support::*;
use trunkline_transaction::*;

fn failed(cause: FailureCause, status: u16) -> Sign {
    Sign { cause: Some(cause), status, retry_after_s: 0 }
}

fn seen(bench: &mut Bench) -> Vec<(String, Sign)> {
    std::mem::take(&mut bench.seen)
}

/// A call at alpha, which has got the INVITE.
fn started(bench: &mut Bench) -> Sent {
    bench.call(&invite(), vec![alpha(), beta()]);
    bench.take_sent().into_iter().find(|sent| sent.is_to(ALPHA)).unwrap()
}

fn ping() -> Ping {
    let place = GatewayPlace { gateway: "alpha/one".to_owned(), address: addr(ALPHA), transport: Transport::Udp };
    Ping { place: Arc::new(place), listener: 0, timeout_ms: 2_000 }
}

fn pinged(bench: &mut Bench) -> Sent {
    let ping = ping();
    bench.act(|proxy, now, out| assert!(proxy.ping(now, &ping, out)));
    bench.one_to(ALPHA)
}

fn by_options(sign: Sign) -> Vec<(String, Sign)> {
    vec![("OPTIONS alpha/one".to_owned(), sign)]
}

#[test]
fn a_gateway_that_rings_answers_or_refuses_the_call_itself_has_served_it() {
    for status in [180, 200, 404, 486] {
        let mut bench = Bench::new();
        let out = started(&mut bench);
        bench.receive(ALPHA, &reply(&out.text, status, "callee", ALPHA));
        assert_eq!(seen(&mut bench), [(alpha().gateway, Sign::SERVED)], "{status}");
    }
}

#[test]
fn a_hundred_says_nothing_of_a_gateway() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply(&out.text, 100, "", ALPHA));
    assert_eq!(seen(&mut bench), []);
}

#[test]
fn a_gateway_that_is_left_for_the_next_has_failed_and_says_when_to_come_again() {
    let mut bench = Bench::new();
    let out = started(&mut bench);
    bench.receive(ALPHA, &reply_with(&out.text, 503, "callee", ALPHA, "Retry-After: 120 (busy);duration=60\r\n"));
    let sign = Sign { cause: Some(FailureCause::Status), status: 503, retry_after_s: 120 };
    assert_eq!(seen(&mut bench), [(alpha().gateway, sign)]);
}

#[test]
fn silence_and_icmp_are_failures_and_a_caller_who_hangs_up_is_none() {
    let mut bench = Bench::new();
    started(&mut bench);
    bench.advance(3_000);
    assert_eq!(seen(&mut bench), [(alpha().gateway, failed(FailureCause::Silent, 0))]);
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(BETA), out));
    assert_eq!(seen(&mut bench), [(beta().gateway, failed(FailureCause::Icmp, 0))]);

    let mut bench = Bench::new();
    started(&mut bench);
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    assert_eq!(seen(&mut bench), []);
}

#[test]
fn options_goes_out_as_a_request_of_our_own_and_its_answer_is_said() {
    for status in [200, 404, 408, 503] {
        let mut bench = Bench::new();
        let options = pinged(&mut bench);
        assert_eq!(options.start(), format!("OPTIONS sip:{ALPHA} SIP/2.0"));
        assert_eq!((value(&options.text, "Max-Forwards"), value(&options.text, "CSeq")), ("70", "1 OPTIONS"));
        assert_eq!(value(&options.text, "To"), format!("<sip:{ALPHA}>"));
        assert!(value(&options.text, "From").starts_with(&format!("<sip:{OURS}>;tag=")));
        bench.receive(ALPHA, &reply_with(&options.text, status, "there", ALPHA, "Retry-After: 7\r\n"));
        assert_eq!(seen(&mut bench), by_options(Sign { cause: None, status, retry_after_s: 7 }));
        bench.assert_empties();
        assert_eq!(seen(&mut bench), [], "once");
    }
}

#[test]
fn options_without_an_answer_are_silence_after_their_time_though_a_provisional_response_came() {
    let mut bench = Bench::new();
    let options = pinged(&mut bench);
    bench.receive(ALPHA, &reply(&options.text, 100, "", ALPHA));
    bench.advance(1_999);
    assert_eq!(seen(&mut bench), []);
    bench.advance(1);
    assert_eq!(seen(&mut bench), by_options(failed(FailureCause::Silent, 0)));
    bench.receive(ALPHA, &reply(&options.text, 200, "there", ALPHA));
    assert_eq!(seen(&mut bench), [], "too late");
    bench.assert_empties();
}

#[test]
fn options_to_where_nobody_listens_fail_at_once() {
    let mut bench = Bench::new();
    pinged(&mut bench);
    bench.act(|proxy, now, out| proxy.on_unreachable(now, addr(ALPHA), out));
    assert_eq!(seen(&mut bench), by_options(failed(FailureCause::Icmp, 0)));
    bench.assert_empties();
}

#[test]
fn options_over_a_connection_name_its_transport() {
    let listener = Listener { transport: Transport::Tcp, address: addr(OURS) };
    let mut bench = Bench::with(Config { listeners: vec![listener], ..config() }, 1);
    let options = pinged(&mut bench);
    assert_eq!(options.start(), format!("OPTIONS sip:{ALPHA};transport=tcp SIP/2.0"));
    assert!(value(&options.text, "Via").starts_with("SIP/2.0/TCP "));
    let flow = Flow { listener: 0, peer: addr(ALPHA) };
    bench.act(|proxy, now, out| proxy.on_closed(now, flow, Gone::Unmade, out));
    assert_eq!(seen(&mut bench), by_options(failed(FailureCause::Connection, 0)));
}

#[test]
fn beyond_the_bound_on_transactions_nothing_is_asked() {
    let limits = Limits { all_transactions: 1, ..Limits::default() };
    let mut bench = Bench::with(Config { limits, ..config() }, 1);
    let ping = ping();
    bench.act(|proxy, now, out| assert!(!proxy.ping(now, &ping, out)));
    assert!(bench.sent.is_empty());
}
