//! Calls outlive their edge: another one, with another address and nothing but the ring of token keys, serves their dialogs.

mod support;

use support::*;
use trunkline_transaction::*;

const SIBLING: &str = "127.0.1.2:5060";
const REFUSED_ROUTE: Disposition = Disposition::Refuse { status: 403, code: "T109", unsupported: String::new() };
const NO_CALL: Disposition = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };

fn sibling() -> Bench {
    Bench::with(Config { listeners: vec![Listener::udp(addr(SIBLING))], ..config() }, 77)
}

/// Where a call stood when its edge died: the 2xx at the customer, the INVITE at the gateway, the last CSeq of the customer.
struct Orphan {
    stage: &'static str,
    ok: String,
    invite: String,
    cseq: u32,
    has_ack: bool,
}

/// The first edge, killed at each stage after the answer.
fn orphans() -> Vec<Orphan> {
    let mut found = Vec::new();
    for stage in ["before the ACK", "after the ACK", "while a re-INVITE was out", "after a re-INVITE", "after a re-INVITE of the carrier"] {
        let mut first = Bench::new();
        first.call(&invite(), vec![alpha()]);
        let out = first.one_to(ALPHA).text;
        first.now_ms = 2_500;
        first.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
        let ok = first.sent_to(CUSTOMER).pop().unwrap().text;
        let mut orphan = Orphan { stage, ok: ok.clone(), invite: out.clone(), cseq: 1, has_ack: stage != "before the ACK" };
        if orphan.has_ack {
            first.receive(CUSTOMER, &from_customer("ACK", 1, &ok, ""));
        }
        if stage.contains("re-INVITE") && !stage.contains("carrier") {
            orphan.cseq = 2;
            first.take_sent();
            first.receive(CUSTOMER, &from_customer("INVITE", 2, &ok, ""));
            let again = first.one_to(ALPHA).text;
            if stage == "after a re-INVITE" {
                first.receive(ALPHA, &reply(&again, 200, "callee", ALPHA));
                first.receive(CUSTOMER, &from_customer("ACK", 2, &ok, ""));
            }
        }
        if stage.contains("carrier") {
            first.take_sent();
            first.receive(ALPHA, &from_carrier("INVITE", 2, &out, ""));
            let again = first.one_to(CUSTOMER).text;
            first.receive(CUSTOMER, &reply(&again, 200, "caller", CUSTOMER));
            first.receive(ALPHA, &from_carrier("ACK", 2, &out, ""));
        }
        assert!(!first.fact_names().contains(&"Ended".to_owned()));
        found.push(orphan);
    }
    found
}

fn admit_recheck(bench: &mut Bench, said: Disposition) {
    let Disposition::Recheck { handle, call, tenant, domain, is_same_source } = said else { panic!("{said:?}") };
    assert_eq!((call, tenant.as_str(), domain.as_str()), (CALL, "acme", "acme"), "whose access rule is asked");
    assert!(is_same_source, "it has answered its challenge");
    bench.act(|proxy, now, out| proxy.resume(now, handle, out).unwrap());
}

/// The time for the access rule is over with its word; how long the other side thinks about it is its own matter.
#[test]
fn a_reinvite_that_was_admitted_waits_for_its_answer_as_long_as_any() {
    let mut first = Bench::new();
    let (ok, _) = first.answered(alpha());
    let mut bench = sibling();
    let said = bench.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, ""));
    bench.advance(config().decision_limit_ms - 1);
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 100 Trying"]);
    admit_recheck(&mut bench, said);
    let out = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&out, 180, "callee", ALPHA));
    bench.advance(60_000);
    bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 180 Whatever", "SIP/2.0 200 Whatever"]);
}

#[test]
fn a_sibling_serves_every_request_of_the_customer_at_every_stage_and_writes_the_end() {
    for orphan in orphans() {
        let (stage, ok) = (orphan.stage, orphan.ok.as_str());
        let mut bench = sibling();
        bench.now_ms = 10_000;
        if !orphan.has_ack {
            bench.receive(CUSTOMER, &from_customer("ACK", 1, ok, ""));
            let ack = bench.one_to(ALPHA);
            assert!(ack.start().starts_with("ACK sip:callee@10.9.9.1:5060 ") && values(&ack.text, "Route").is_empty(), "{stage}");
        }
        let mut cseq = orphan.cseq;
        for method in ["UPDATE", "INFO", "PRACK", "INVITE"] {
            cseq += 1;
            let said = bench.receive(CUSTOMER, &from_customer(method, cseq, ok, ""));
            match method {
                "INVITE" => admit_recheck(&mut bench, said),
                _ => assert_eq!(said, Disposition::Done, "{stage}: {method}"),
            }
            let out = bench.one_to(ALPHA).text;
            assert!(out.starts_with(&format!("{method} sip:callee@10.9.9.1:5060 ")), "{stage}: {out}");
            assert!(values(&out, "Via")[0].contains(SIBLING), "its answer comes to who lives");
            bench.take_sent();
            bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
            assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 Whatever"], "{stage}: {method}");
            if method == "INVITE" {
                bench.receive(CUSTOMER, &from_customer("ACK", cseq, ok, ""));
                assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
            }
        }
        assert!(bench.facts.is_empty());
        let bye = from_customer("BYE", cseq + 1, ok, "");
        bench.receive(CUSTOMER, &bye);
        let out = bench.one_to(ALPHA).text;
        bench.receive(ALPHA, &reply(&out, 200, "callee", ALPHA));
        bench.receive(CUSTOMER, &bye);
        assert_eq!(bench.facts.len(), 1, "{stage}: one end");
        assert_eq!(bench.facts[0].call, CALL);
        assert_eq!(*bench.last_fact(), FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: START_NS + 2_500_000_000 });
        assert_eq!(bench.receive(CUSTOMER, &from_customer("INVITE", cseq + 2, ok, "")), NO_CALL, "{stage}: its token is used up");
        bench.assert_empties();
    }
}

#[test]
fn a_sibling_serves_every_request_of_the_carrier_at_every_stage_and_writes_the_end() {
    for orphan in orphans() {
        let (stage, invite) = (orphan.stage, orphan.invite.as_str());
        let mut bench = sibling();
        for (at, method) in ["UPDATE", "INFO", "INVITE"].into_iter().enumerate() {
            let cseq = 3 + at as u32;
            assert_eq!(bench.receive(ALPHA, &from_carrier(method, cseq, invite, "")), Disposition::Done, "{stage}: {method}");
            let out = bench.one_to(CUSTOMER).text;
            assert!(out.starts_with(&format!("{method} sip:31000000@192.168.1.9:5066 ")), "{stage}: {out}");
            bench.take_sent();
            bench.receive(CUSTOMER, &reply(&out, 200, "caller", CUSTOMER));
            assert_eq!(bench.starts_to(ALPHA), ["SIP/2.0 200 Whatever"], "{stage}: {method}");
            if method == "INVITE" {
                bench.receive(ALPHA, &from_carrier("ACK", cseq, invite, ""));
                assert!(bench.one_to(CUSTOMER).start().starts_with("ACK "));
            }
        }
        bench.receive(ALPHA, &from_carrier("BYE", 9, invite, ""));
        let out = bench.one_to(CUSTOMER).text;
        bench.receive(CUSTOMER, &reply(&out, 200, "caller", CUSTOMER));
        assert_eq!(bench.fact_names(), ["Ended"], "{stage}");
        assert!(matches!(bench.last_fact(), FactKind::Ended { by: EndedBy::Callee, q850: 16, .. }));
        bench.assert_empties();
    }
}

#[test]
fn byes_that_cross_at_a_sibling_are_one_end() {
    let orphan = orphans().remove(1);
    let mut bench = sibling();
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &orphan.ok, ""));
    bench.receive(ALPHA, &from_carrier("BYE", 2, &orphan.invite, ""));
    let (to_alpha, to_customer) = (bench.one_to(ALPHA).text, bench.one_to(CUSTOMER).text);
    bench.receive(ALPHA, &reply(&to_alpha, 200, "callee", ALPHA));
    bench.receive(CUSTOMER, &reply(&to_customer, 481, "caller", CUSTOMER));
    assert_eq!(bench.fact_names(), ["Ended"]);
    bench.assert_empties();
}

#[test]
fn a_sibling_refuses_who_does_not_belong_to_the_call() {
    let orphan = orphans().remove(1);
    let mut bench = sibling();
    let stranger = "10.66.66.66:5060";
    let asked = Disposition::OfCarrier { carrier: String::new(), gateway: addr(ALPHA).ip() };
    assert_eq!(bench.receive(stranger, &from_carrier("BYE", 2, &orphan.invite, "")), asked);
    assert_eq!(bench.receive(stranger, &from_customer("MESSAGE", 2, &orphan.ok, "")), REFUSED_ROUTE);
    let said = bench.receive(stranger, &from_customer("INVITE", 2, &orphan.ok, ""));
    let Disposition::Recheck { handle, is_same_source: false, .. } = said else { panic!("{said:?}") };
    bench.act(|proxy, now, out| proxy.refuse(now, handle, refusal(403, "T203", "Source Not In ACL"), out).unwrap());
    assert_eq!(bench.starts_to(stranger).last().map(String::as_str), Some("SIP/2.0 403 Source Not In ACL T203"));
    for (what, text) in [
        ("forged", from_customer("BYE", 2, &orphan.ok, "").replacen(";t=", ";t=A", 1)),
        ("of another call", from_customer("BYE", 2, &orphan.ok, "").replace("Call-ID: call-1", "Call-ID: call-2")),
        (
            "the other side's",
            from_customer("BYE", 2, &orphan.ok, "").replace(value(&orphan.ok, "Record-Route"), value(&orphan.invite, "Record-Route")),
        ),
    ] {
        assert_eq!(bench.receive(CUSTOMER, &text), REFUSED_ROUTE, "{what}");
    }
    bench.now_ms = 86_403_000;
    assert_eq!(bench.receive(CUSTOMER, &from_customer("BYE", 2, &orphan.ok, "")), NO_CALL, "expired");
    assert!(bench.sent.is_empty() && bench.facts.is_empty());
}

#[test]
fn a_rotation_of_keys_between_set_up_and_end_ends_no_call_and_a_key_that_is_gone_opens_nothing() {
    let next = TokenKey { key_id: 8, key: [8; 32], ..token_key() };
    let retired = TokenKey { is_current: false, ..token_key() };
    let orphan = orphans().remove(1);
    for from_customer_side in [true, false] {
        let mut bench = sibling();
        bench.proxy.set_token_keys(&[next.clone(), retired.clone()]);
        let (peer, other, text) = match from_customer_side {
            true => (CUSTOMER, ALPHA, from_customer("BYE", 2, &orphan.ok, "")),
            false => (ALPHA, CUSTOMER, from_carrier("BYE", 2, &orphan.invite, "")),
        };
        assert_eq!(bench.receive(peer, &text), Disposition::Done);
        let out = bench.one_to(other).text;
        bench.receive(other, &reply(&out, 200, "other", other));
        assert_eq!(bench.fact_names(), ["Ended"]);
        bench.proxy.set_token_keys(std::slice::from_ref(&next));
        let later = text.replace("CSeq: 2", "CSeq: 3").replace("BYE2", "BYE3");
        assert_eq!(bench.receive(peer, &later), REFUSED_ROUTE);
    }
    // The edge that made the call goes on with it over the rotation, and seals what comes with the new key.
    let mut bench = Bench::new();
    let (ok, _) = bench.answered(alpha());
    bench.proxy.set_token_keys(&[next.clone(), retired]);
    bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, ""));
    assert!(bench.one_to(ALPHA).start().starts_with("INFO "));
}

#[test]
fn an_edge_that_has_hung_up_has_its_sibling_say_no_second_end_of_its_own() {
    // The customer's own BYE has crossed ours on the way to the sibling: both edges say an end, and the record keeps the first.
    let mut first = Bench::new();
    let (ok, _) = first.answered(alpha());
    first.act(|proxy, now, out| proxy.hang_up(now, CALL, &refusal(480, "T601", "Ended By Command"), out).unwrap());
    let (to_customer, to_alpha) = (first.one_to(CUSTOMER).text, first.one_to(ALPHA).text);
    let mut second = sibling();
    second.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    let crossing = second.one_to(ALPHA).text;
    first.receive(ALPHA, &reply(&to_alpha, 200, "callee", ALPHA));
    second.receive(ALPHA, &reply(&crossing, 481, "callee", ALPHA));
    first.receive(CUSTOMER, &reply(&to_customer, 200, "caller", CUSTOMER));
    assert_eq!(second.starts_to(CUSTOMER), ["SIP/2.0 481 Whatever"]);
    let ends = |bench: &Bench| bench.fact_names().iter().filter(|name| *name == "Ended").count();
    assert_eq!((ends(&first), ends(&second)), (1, 1));
    first.assert_empties();
    second.assert_empties();
}
