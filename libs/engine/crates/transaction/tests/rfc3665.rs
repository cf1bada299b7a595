//! The flows of RFC 3665 §3 that a proxy is in, message by message, with us for its proxies. Flows without a proxy (§3.1, §3.5) and the
//! redirect server of §3.6 are not ours; challenges (§3.3) are the edge's, `tests/integration/engine/test_access_on_the_wire.py`.

mod support;

use support::*;
use trunkline_transaction::*;

/// Every message that left since the last time: `180 > customer`.
fn ladder(bench: &mut Bench) -> Vec<String> {
    let name = |address: &str| match address {
        CUSTOMER => "customer".to_owned(),
        ALPHA => "alpha".to_owned(),
        BETA => "beta".to_owned(),
        other => other.to_owned(),
    };
    let steps = std::mem::take(&mut bench.order);
    let sent = steps.iter().filter_map(|step| step.split_once(" > "));
    sent.map(|(start, to)| {
        let what = start.strip_prefix("SIP/2.0 ").unwrap_or(start).split(' ').next().unwrap();
        format!("{what} > {}", name(to))
    })
    .collect()
}

#[track_caller]
fn assert_ladder(bench: &mut Bench, expected: &[&str]) {
    assert_eq!(ladder(bench), expected);
}

/// INVITE, 180, 200, ACK; gives the 200 at the customer and the INVITE at the gateway.
fn set_up(bench: &mut Bench, invite_text: &str) -> (String, String) {
    bench.call(invite_text, vec![alpha(), beta()]);
    assert_ladder(bench, &["100 > customer", "INVITE > alpha"]);
    let invite = bench.sent_to(ALPHA).pop().unwrap().text;
    bench.receive(ALPHA, &reply(&invite, 100, "", ALPHA));
    assert_ladder(bench, &[]);
    for (status, step) in [(180, "180 > customer"), (200, "200 > customer")] {
        bench.receive(ALPHA, &reply(&invite, status, "callee", ALPHA));
        assert_ladder(bench, &[step]);
    }
    let ok = bench.sent_to(CUSTOMER).pop().unwrap().text;
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &ok, ""));
    assert_ladder(bench, &["ACK > alpha"]);
    (ok, invite)
}

#[test]
fn section_3_2_a_session_through_proxies_is_ended_by_the_callee() {
    let mut bench = Bench::new();
    let (_, invite) = set_up(&mut bench, &invite());
    bench.receive(ALPHA, &from_carrier("BYE", 1, &invite, ""));
    assert_ladder(&mut bench, &["BYE > customer"]);
    let bye = bench.one_to(CUSTOMER).text;
    bench.receive(CUSTOMER, &reply(&bye, 200, "caller", CUSTOMER));
    assert_ladder(&mut bench, &["200 > alpha"]);
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "Answered", "Ended"]);
    bench.assert_empties();
}

#[test]
fn section_3_3_credentials_for_a_proxy_beyond_us_pass() {
    let mut bench = Bench::new();
    let digest = |realm: &str| {
        format!("Proxy-Authorization: Digest username=\"a\", realm=\"{realm}\", nonce=\"n\", uri=\"sip:b\", response=\"00\"\r\n")
    };
    let lines = [digest(REALM), digest("biloxi.example.com")].concat();
    let (_, forwarded) = set_up(&mut bench, &invite_with("call-1", "branch1", &lines));
    let passed = values(&forwarded, "Proxy-Authorization");
    assert!(passed.len() == 1 && passed[0].contains("biloxi.example.com"), "{passed:?}");
}

#[test]
fn section_3_4_a_proxy_that_fails_is_left_for_the_next() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha(), beta()]);
    assert_ladder(&mut bench, &["100 > customer", "INVITE > alpha"]);
    bench.sent.clear();
    bench.advance(3_000);
    assert_ladder(&mut bench, &["INVITE > alpha", "INVITE > alpha", "INVITE > beta"]);
    let invite = bench.one_to(BETA).text;
    bench.receive(BETA, &reply(&invite, 200, "callee", BETA));
    assert_ladder(&mut bench, &["200 > customer"]);
}

#[test]
fn section_3_6_the_offer_may_be_in_the_200_and_the_answer_in_the_ack() {
    let mut bench = Bench::new();
    let text = invite().replace("Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n", "Content-Length: 0\r\n\r\n");
    bench.call(&text, vec![alpha()]);
    let invite = bench.one_to(ALPHA).text;
    assert!(invite.ends_with("\r\n\r\n"), "no offer");
    let with_body = |text: &str, body: &str| {
        let lines = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        text.replace("Content-Length: 0\r\n\r\n", &lines)
    };
    bench.sent.clear();
    bench.receive(ALPHA, &with_body(&reply(&invite, 200, "callee", ALPHA), "v=0\r\no=offer\r\n"));
    let ok = bench.one_to(CUSTOMER).text;
    assert!(ok.ends_with("\r\n\r\nv=0\r\no=offer\r\n"));
    bench.receive(CUSTOMER, &with_body(&from_customer("ACK", 1, &ok, ""), "v=0\r\no=answer\r\n"));
    assert!(bench.one_to(ALPHA).text.ends_with("\r\n\r\nv=0\r\no=answer\r\n"));
}

#[test]
fn section_3_7_a_reinvite_changes_where_the_callee_is() {
    let mut bench = Bench::new();
    let (ok, invite) = set_up(&mut bench, &invite());
    bench.receive(
        ALPHA,
        &from_carrier("INVITE", 14, &invite, "").replace("callee@10.9.9.1:5060>\r\nContent", "callee@10.9.9.77:5060>\r\nContent"),
    );
    assert_ladder(&mut bench, &["100 > alpha", "INVITE > customer"]);
    let reinvite = bench.one_to(CUSTOMER).text;
    assert!(value(&reinvite, "Contact").contains("callee@10.9.9.77:5060"));
    bench.receive(CUSTOMER, &reply(&reinvite, 200, "caller", CUSTOMER));
    assert_ladder(&mut bench, &["200 > alpha"]);
    bench.receive(ALPHA, &from_carrier("ACK", 14, &invite, ""));
    assert_ladder(&mut bench, &["ACK > customer"]);
    // The caller's BYE names the new address; our own would too.
    let bye = from_customer("BYE", 2, &ok, "").replacen("BYE sip:callee@10.9.9.1:5060", "BYE sip:callee@10.9.9.77:5060", 1);
    bench.sent.clear();
    bench.receive(CUSTOMER, &bye);
    assert!(bench.one_to(ALPHA).start().starts_with("BYE sip:callee@10.9.9.77:5060 "));
}

#[test]
fn section_3_8_no_answer_is_cancelled_hop_by_hop() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let invite_text = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&invite_text, 180, "callee", ALPHA));
    ladder(&mut bench);
    bench.receive(CUSTOMER, &hop_request("CANCEL", &invite(), None));
    assert_ladder(&mut bench, &["200 > customer", "CANCEL > alpha"]);
    let cancel = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&cancel, 200, "callee", ALPHA));
    assert_ladder(&mut bench, &[]);
    bench.receive(ALPHA, &reply(&invite_text, 487, "callee", ALPHA));
    assert_ladder(&mut bench, &["ACK > alpha", "487 > customer"]);
    let refused = bench.sent_to(CUSTOMER).pop().unwrap().text;
    bench.receive(CUSTOMER, &hop_request("ACK", &invite(), Some(&refused)));
    assert_ladder(&mut bench, &[]);
    assert_eq!(bench.fact_names(), ["GatewayTried", "Progressed", "GatewayFailed", "Failed"]);
    bench.assert_empties();
}

#[test]
fn sections_3_9_and_3_11_busy_and_unavailable_are_acknowledged_hop_by_hop_and_passed() {
    for status in [486, 480] {
        let mut bench = Bench::new();
        bench.call(&invite(), vec![alpha(), beta()]);
        let invite_text = bench.one_to(ALPHA).text;
        ladder(&mut bench);
        bench.receive(ALPHA, &reply(&invite_text, status, "callee", ALPHA));
        assert_ladder(&mut bench, &["ACK > alpha", &format!("{status} > customer")]);
        let refused = bench.sent_to(CUSTOMER).pop().unwrap().text;
        bench.receive(CUSTOMER, &hop_request("ACK", &invite(), Some(&refused)));
        assert_ladder(&mut bench, &[]);
        bench.assert_empties();
    }
}

#[test]
fn section_3_10_no_response_at_all_is_told_by_us_and_not_as_503() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    ladder(&mut bench);
    bench.advance(3_000);
    // The RFC's proxy waits for Timer B and says 408; a trunk's other gateways are asked long before, and all failed is 500 (design §5).
    assert_ladder(&mut bench, &["INVITE > alpha", "INVITE > alpha", "500 > customer"]);
    assert!(matches!(bench.last_fact(), FactKind::Failed { status: 500, .. }));
}
