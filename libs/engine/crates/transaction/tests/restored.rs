//! Rows of answered calls over the end of the process: what is kept of them, and what the next life makes of it.

mod support;

use support::*;
use trunkline_transaction::*;

const AFTER_MS: u64 = 2_000;
const ANSWERED_MS: u64 = 700;

fn saving(config: Config) -> Config {
    Config { saves_after_ms: Some(AFTER_MS), ..config }
}

fn bench() -> Bench {
    Bench { now_ms: ANSWERED_MS, ..Bench::with(saving(config()), 1) }
}

fn unsaved(bench: &mut Bench, is_last: bool) -> Vec<SavedCall> {
    let (mut out, now) = (Vec::new(), bench.now());
    bench.proxy.take_unsaved(now, is_last, &mut out);
    out
}

/// What is kept of the only call.
fn saved(bench: &mut Bench) -> Vec<u8> {
    bench.advance(AFTER_MS);
    let mut calls = unsaved(bench, false);
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0).bytes.unwrap()
}

/// The next life of the edge, so long after the first one began.
fn next_life(now_ms: u64, bytes: &[u8]) -> Bench {
    let mut bench = Bench { now_ms, ..Bench::with(saving(config()), 99) };
    assert_eq!(bench.proxy.restore(bench.now(), CALL, bytes), Ok(()));
    bench
}

fn hang_up(bench: &mut Bench) {
    let reason = Refusal { q850: 16, ..refusal(480, "T601", "Ended By Command") };
    bench.act(|proxy, now, out| proxy.hang_up(now, CALL, &reason, out).unwrap());
}

/// Messages without what is each life's own: the branch of our Via, the CSeq of our BYEs.
fn shown(bench: &mut Bench) -> Vec<(String, String)> {
    let own = |line: &&str| !line.starts_with("Via: SIP/2.0/UDP 127.0.1.1") && !line.ends_with(" BYE");
    let text = |sent: &Sent| sent.text.lines().filter(own).map(|line| format!("{line}\n")).collect();
    bench.take_sent().iter().map(|sent| (sent.to.to_string(), text(sent))).collect()
}

fn anonymous() -> Target {
    Target {
        asserted: vec!["\"Acme\" <sip:+31207654321@acme.sip.trunkline.test;user=phone>".to_owned()],
        privacy: "id".to_owned(),
        from_name_addr: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
        hides_topology: true,
        ..alpha()
    }
}

/// Routes that fit neither into a token nor beside it: the row alone has them.
fn long_routes() -> String {
    (0..4).map(|at| format!("Record-Route: <sip:proxy-with-a-long-name-{at}.{}.example;lr>\r\n", "x".repeat(60))).collect()
}

/// Through the customer's proxies and alpha: the 2xx at the customer and the INVITE at the gateway.
fn answered_behind_proxies(bench: &mut Bench, target: Target) -> (String, String) {
    answered_to(bench, &invite_with("call-1", "branch1", &long_routes()), target)
}

/// The same of an INVITE that its customer's proxies have passed on, or nobody.
fn answered_to(bench: &mut Bench, text: &str, target: Target) -> (String, String) {
    bench.call(text, vec![target]);
    let invite = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&invite, 200, "callee", ALPHA));
    let ok = bench.sent_to(CUSTOMER).pop().unwrap().text;
    bench.receive(CUSTOMER, &arrived(from_customer("ACK", 1, &ok, "")));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
    (ok, invite)
}

/// What the customer's proxies have left of its routes: ours.
fn arrived(text: String) -> String {
    text.lines().filter(|line| !line.starts_with("Route:") || line.contains(";t=")).map(|line| format!("{line}\r\n")).collect()
}

#[test]
fn a_call_stands_again_and_is_listed_and_ended_as_if_nothing_had_been() {
    for target in [alpha(), anonymous()] {
        let mut old = bench();
        answered_behind_proxies(&mut old, target);
        let bytes = saved(&mut old);
        let mut new = next_life(60_000, &bytes);
        assert_eq!(format!("{:?}", new.proxy.live_call(CALL)), format!("{:?}", old.proxy.live_call(CALL)));
        assert!(new.proxy.live_call(CALL).is_some_and(|live| live.gateway == "alpha" && live.carrier == "carrier-alpha"));
        for life in [&mut old, &mut new] {
            life.now_ms = 60_000;
            life.take_sent();
            hang_up(life);
        }
        let byes: Vec<Sent> = new.sent.clone();
        assert_eq!(shown(&mut new), shown(&mut old));
        assert_eq!(new.fact_names(), ["HungUp"]);
        let bye = byes.iter().find(|bye| bye.is_to(ALPHA)).unwrap();
        new.receive(ALPHA, &reply(&bye.text, 200, "callee", ALPHA));
        let ended = FactKind::Ended { by: EndedBy::Edge, q850: 16, answered_ns: 0 };
        assert_eq!(*new.last_fact(), ended, "the answer is a fact of the edge that had the call");
        assert_eq!(unsaved(&mut new, false), [SavedCall { call: CALL, bytes: None }]);
        new.assert_empties();
    }
}

#[test]
fn requests_of_either_side_are_passed_on_as_before() {
    for target in [alpha(), anonymous()] {
        let mut old = bench();
        let (ok, invite) = answered_behind_proxies(&mut old, target);
        let bytes = saved(&mut old);
        let mut new = next_life(60_000, &bytes);
        for life in [&mut old, &mut new] {
            life.take_sent();
            life.now_ms = 60_000;
            life.receive(CUSTOMER, &arrived(from_customer("INFO", 2, &ok, "")));
            life.receive(ALPHA, &arrived(from_carrier("INFO", 7, &invite, "")));
        }
        let expected = shown(&mut old);
        assert_eq!(expected.len(), 2, "{expected:#?}");
        // A sealed Contact of ours is another one each time.
        let without = |sent: Vec<(String, String)>| -> Vec<(String, String)> {
            let text = |text: &str| text.lines().filter(|line| !line.starts_with("Contact:")).map(|line| format!("{line}\n")).collect();
            sent.iter().map(|(to, sent)| (to.clone(), text(sent))).collect()
        };
        assert_eq!(without(shown(&mut new)), without(expected));
    }
}

#[test]
fn a_reinvite_of_the_same_source_asks_nobody_again() {
    let mut old = bench();
    let (ok, _) = old.answered(alpha());
    let bytes = saved(&mut old);
    let mut new = next_life(60_000, &bytes);
    assert_eq!(new.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, "")), Disposition::Done);
    let mut bare = restarted();
    assert!(matches!(bare.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, "")), Disposition::Recheck { .. }));
}

#[test]
fn what_either_side_says_later_is_kept_too() {
    let mut old = bench();
    let (ok, invite) = old.answered(alpha());
    saved(&mut old);
    assert_eq!(unsaved(&mut old, false), []);
    let update =
        from_customer("UPDATE", 7, &ok.text, "").replace("Contact: <sip:31000000@192.168.1.9:5066>", "Contact: <sip:new@10.1.1.1:9>");
    old.receive("10.1.1.1:7777", &update);
    let out = old.one_to(ALPHA).text;
    old.receive(ALPHA, &reply(&out, 200, "callee", "10.9.9.1:7777"));
    old.receive(ALPHA, &from_carrier("INFO", 41, &invite.text, ""));
    let bytes = saved(&mut old);
    let mut new = next_life(60_000, &bytes);
    hang_up(&mut new);
    let (customer, carrier) = (new.one_to("10.1.1.1:7777").text, new.one_to(ALPHA).text);
    assert_eq!((customer.lines().next(), value(&customer, "CSeq")), (Some("BYE sip:new@10.1.1.1:9 SIP/2.0"), "1042 BYE"));
    assert_eq!((carrier.lines().next(), value(&carrier, "CSeq")), (Some("BYE sip:callee@10.9.9.1:7777 SIP/2.0"), "1008 BYE"));
}

#[test]
fn numbers_that_refused_byes_have_used_are_not_used_again() {
    let mut old = bench();
    old.answered(alpha());
    saved(&mut old);
    hang_up(&mut old);
    for (at, tag) in [(CUSTOMER, "caller"), (ALPHA, "callee")] {
        let bye = old.one_to(at).text;
        old.receive(at, &reply(&bye, 405, tag, at));
    }
    let bytes = saved(&mut old);
    let mut new = next_life(60_000, &bytes);
    hang_up(&mut new);
    assert_eq!((value(&new.one_to(CUSTOMER).text, "CSeq"), value(&new.one_to(ALPHA).text, "CSeq")), ("1002 BYE", "1003 BYE"));
}

/// What may have gone by a sibling meanwhile is below our BYEs; what a side says after one that was refused is above it (§12.2.2).
#[test]
fn our_byes_are_far_above_what_was_heard_and_what_follows_them_is_raised() {
    let mut old = bench();
    let (ok, _) = old.answered(alpha());
    let bytes = saved(&mut old);
    let mut new = next_life(60_000, &bytes);
    hang_up(&mut new);
    let (customer, carrier) = (new.one_to(CUSTOMER).text, new.one_to(ALPHA).text);
    assert_eq!((value(&customer, "CSeq"), value(&carrier, "CSeq")), ("1001 BYE", "1002 BYE"));
    new.receive(CUSTOMER, &reply(&customer, 405, "caller", CUSTOMER));
    new.receive(ALPHA, &reply(&carrier, 405, "callee", ALPHA));
    // Two refreshes have gone by the sibling.
    new.receive(CUSTOMER, &from_customer("INFO", 4, &ok.text, ""));
    assert_eq!(value(&new.one_to(ALPHA).text, "CSeq"), "1005 INFO");
}

/// Nobody can say when a call ended whose sides are both gone: a record that said now would be a bill for the time in which the edge was away.
#[test]
fn a_call_that_neither_side_knows_any_more_has_no_end_of_ours() {
    let answers = |customer: u16, carrier: u16, is_confirmed: bool| {
        let mut old = bench();
        let (ok, _) = old.answered(alpha());
        let bytes = saved(&mut old);
        let mut new = next_life(60_000, &bytes);
        if is_confirmed {
            new.receive(CUSTOMER, &from_customer("INFO", 2, &ok.text, ""));
            new.take_sent();
        }
        hang_up(&mut new);
        for (at, tag, status) in [(CUSTOMER, "caller", customer), (ALPHA, "callee", carrier)] {
            let bye = new.sent_to(at).remove(0).text;
            if status > 0 {
                new.receive(at, &reply(&bye, status, tag, at));
            }
        }
        new.advance(40_000);
        let is_ended = matches!(new.last_fact(), FactKind::Ended { .. });
        (is_ended, new.proxy.call_count())
    };
    assert_eq!(answers(481, 481, false), (false, 0));
    assert_eq!(answers(0, 481, false), (false, 0), "silence is as good");
    assert_eq!(answers(481, 200, false), (true, 0), "it was in the call until now");
    assert_eq!(answers(481, 405, false), (false, 1), "it is still in the call");
    assert_eq!(answers(481, 481, true), (true, 0), "a side has spoken since");
}

/// Dialogs beside the call's own are kept nowhere.
#[test]
fn a_fork_that_hangs_up_is_heard_by_a_row_that_has_forgotten_it_and_proves_nothing_of_the_call() {
    let mut old = bench();
    let (_, invite) = old.answered(alpha());
    old.receive(ALPHA, &reply(&invite.text, 200, "fork", ALPHA));
    let bytes = saved(&mut old);
    let mut new = next_life(60_000, &bytes);
    let from_fork = |method: &str, cseq: u32| from_carrier(method, cseq, &invite.text, "").replace(";tag=callee", ";tag=fork");
    let no_call = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };
    assert_eq!(new.receive(ALPHA, &from_fork("INFO", 40)), no_call);
    assert_eq!(new.receive(ALPHA, &from_fork("BYE", 41)), Disposition::Done);
    let bye = new.one_to(CUSTOMER).text;
    assert!(value(&bye, "From").ends_with(";tag=fork"), "{bye}");
    new.receive(CUSTOMER, &reply(&bye, 200, "caller", CUSTOMER));
    assert_eq!(new.starts_to(ALPHA), ["SIP/2.0 200 Whatever"]);
    assert_eq!((new.fact_names(), new.proxy.call_count()), (vec![], 1));
    hang_up(&mut new);
    for (at, tag) in [(CUSTOMER, "caller"), (ALPHA, "callee")] {
        let bye = new.one_to(at).text;
        assert_eq!(value(&bye, "CSeq"), if at == CUSTOMER { "1001 BYE" } else { "1002 BYE" });
        new.receive(at, &reply(&bye, 481, tag, at));
    }
    assert_eq!((new.fact_names(), new.proxy.call_count()), (vec!["HungUp".to_owned()], 0), "it may have ended long ago");
}

#[test]
fn a_fork_that_a_row_has_forgotten_does_not_end_the_call_that_we_hang_up() {
    let mut old = bench();
    let (_, invite) = old.answered(alpha());
    old.receive(ALPHA, &reply(&invite.text, 200, "fork", ALPHA));
    let bytes = saved(&mut old);
    let mut new = next_life(60_000, &bytes);
    hang_up(&mut new);
    new.take_sent();
    let bye = from_carrier("BYE", 41, &invite.text, "").replace(";tag=callee", ";tag=fork");
    assert_eq!(new.receive(ALPHA, &bye), Disposition::Done);
    assert!(value(&new.one_to(CUSTOMER).text, "From").ends_with(";tag=fork"), "the caller hears of it");
    assert_eq!((new.fact_names(), new.proxy.call_count()), (vec!["HungUp".to_owned()], 1));
}

#[test]
fn a_short_call_is_not_kept_and_the_end_of_one_that_is_kept_is_said_once() {
    let mut bench = bench();
    let (ok, _) = bench.answered(alpha());
    bench.advance(AFTER_MS - 1);
    assert!(!bench.proxy.has_unsaved(bench.now_ms) && unsaved(&mut bench, false).is_empty());
    bench.hang_up(&ok.text, 2, "");
    bench.advance(AFTER_MS);
    assert_eq!(unsaved(&mut bench, true), []);

    let mut bench = Bench { now_ms: ANSWERED_MS, ..Bench::with(saving(config()), 1) };
    let (ok, _) = bench.answered(alpha());
    saved(&mut bench);
    bench.hang_up(&ok.text, 2, "");
    assert!(bench.proxy.has_unsaved(bench.now_ms));
    assert_eq!(unsaved(&mut bench, false), [SavedCall { call: CALL, bytes: None }]);
    bench.advance(AFTER_MS);
    assert_eq!(unsaved(&mut bench, true), []);
    bench.assert_empties();
}

#[test]
fn a_process_that_ends_keeps_every_answered_call_however_young() {
    let mut bench = bench();
    bench.answered(alpha());
    assert_eq!(unsaved(&mut bench, false), []);
    assert_eq!(unsaved(&mut bench, true).len(), 1);
    let mut bench = Bench::new();
    bench.answered(alpha());
    assert_eq!(unsaved(&mut bench, true), [], "nobody wants them kept");
}

#[test]
fn it_is_ended_when_it_has_lasted_as_long_as_it_may() {
    let longest_ms = ANSWERED_MS + u64::from(Config::default().max_duration_s) * 1_000;
    // In time; and where that is past, when the others have had time to say that it is over.
    for (back_ms, quiet_until_ms, over_ms) in
        [(60_000, longest_ms - 1, longest_ms), (longest_ms + 60_000, longest_ms + 74_999, longest_ms + 95_000)]
    {
        let mut old = bench();
        old.answered(alpha());
        let bytes = saved(&mut old);
        let mut new = next_life(back_ms, &bytes);
        new.advance(quiet_until_ms.saturating_sub(back_ms));
        assert_eq!(new.sent.len(), 0);
        new.advance(over_ms - new.now_ms);
        let byes = new.take_sent();
        assert!(byes.iter().any(|bye| bye.is_to(CUSTOMER)) && byes.iter().any(|bye| bye.is_to(ALPHA)));
        assert!(byes.iter().all(|bye| bye.text.contains("T602")), "{byes:#?}");
        new.assert_empties();
    }
}

/// Of a customer with a connection from `CUSTOMER`, to an edge that listens by TCP alone. `lines` and `contact` are those of its INVITE.
fn over_tcp(lines: &str, contact: &str) -> (Bench, Bench, String, String) {
    let tcp = Listener { transport: Transport::Tcp, address: addr(OURS) };
    let config = || saving(Config { listeners: vec![tcp], ..config() });
    let mut old = Bench { now_ms: ANSWERED_MS, ..Bench::with(config(), 1) };
    let text = invite_with("call-1", "branch1", lines).replace("sip:31000000@192.168.1.9:5066", contact);
    let (ok, invite) = answered_to(&mut old, &text, alpha());
    let bytes = saved(&mut old);
    let mut new = Bench { now_ms: 60_000, ..Bench::with(config(), 99) };
    new.proxy.restore(new.now(), CALL, &bytes).unwrap();
    (old, new, ok, invite)
}

/// Where what is sent to the customer goes.
fn customers(bench: &mut Bench) -> Vec<(String, String)> {
    let sent = bench.take_sent();
    let method = |sent: &Sent| sent.start().split(' ').next().unwrap_or_default().to_owned();
    sent.iter().filter(|sent| !sent.is_to(ALPHA)).map(|sent| (method(sent), sent.to.to_string())).collect()
}

/// Its connection died with the edge. A firewall that says nothing would have each request wait for it.
#[test]
fn a_customer_whose_connection_was_of_the_earlier_life_is_spoken_to_at_its_own_address_until_it_is_heard() {
    let own = "sip:31000000@10.1.1.1:5070;transport=tcp";
    let proxy = "Record-Route: <sip:10.1.1.1:5080;transport=tcp;lr>\r\n";
    let private = "sip:31000000@192.168.1.9:5070;transport=tcp";
    for (lines, contact, at) in [("", own, "10.1.1.1:5070"), (proxy, private, "10.1.1.1:5080"), ("", private, CUSTOMER)] {
        let (mut old, mut new, ok, invite) = over_tcp(lines, contact);
        for (bench, at) in [(&mut old, CUSTOMER), (&mut new, at)] {
            for (method, cseq) in [("INVITE", 7), ("ACK", 7), ("INFO", 8)] {
                bench.receive(ALPHA, &from_carrier(method, cseq, &invite, ""));
                assert_eq!(customers(bench), [(method.to_owned(), at.to_owned())]);
            }
        }
        // By a new connection: the next request of the carrier goes by that.
        let new_flow = "10.1.1.1:40001";
        let info = arrived(from_customer("INFO", 2, &ok, ""));
        let (mut heard, silent) = (new, over_tcp(lines, contact).1);
        heard.receive(new_flow, &info);
        heard.take_sent();
        heard.receive(ALPHA, &from_carrier("INFO", 9, &invite, ""));
        assert_eq!(customers(&mut heard), [("INFO".to_owned(), new_flow.to_owned())]);
        // So does our own BYE.
        for (mut bench, at) in [(old, CUSTOMER), (silent, at), (heard, new_flow)] {
            bench.take_sent();
            hang_up(&mut bench);
            assert_eq!(customers(&mut bench), [("BYE".to_owned(), at.to_owned())]);
        }
    }
}

#[test]
fn another_edge_may_have_ended_it() {
    let mut old = bench();
    let (ok, _) = old.answered(alpha());
    let bytes = saved(&mut old);
    let mut new = next_life(60_000, &bytes);
    assert!(new.proxy.forget(CALL) && !new.proxy.forget(CALL));
    assert_eq!((new.facts.len(), new.sent.len(), new.proxy.call_count()), (0, 0, 0));
    assert_eq!(unsaved(&mut new, false), [SavedCall { call: CALL, bytes: None }]);
    let no_call = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };
    assert_eq!(new.receive(CUSTOMER, &from_customer("INVITE", 2, &ok.text, "")), no_call);
    assert_eq!(new.proxy.restore(new.now(), CALL, &bytes), Err(NotRestored::Known));
    new.assert_empties();
}

#[test]
fn it_is_served_from_where_it_was_whatever_else_is_listened_to() {
    let (udp, tcp) = (Listener::udp(addr(OURS)), Listener { transport: Transport::Tcp, address: addr(OURS) });
    let mut old = bench();
    old.answered(alpha());
    let bytes = saved(&mut old);
    let other = Config { listeners: vec![tcp, Listener::udp(addr("127.0.1.9:5060")), udp], ..config() };
    let mut new = Bench::with(other, 99);
    new.proxy.restore(new.now(), CALL, &bytes).unwrap();
    hang_up(&mut new);
    assert_eq!(new.sent.iter().map(|sent| sent.listener).collect::<Vec<u16>>(), [2, 2]);
    let mut new = Bench::with(Config { listeners: vec![tcp], ..config() }, 99);
    assert_eq!(new.proxy.restore(new.now(), CALL, &bytes), Err(NotRestored::NoListener));
}

#[test]
fn what_is_no_saved_call_changes_nothing() {
    let mut old = bench();
    answered_behind_proxies(&mut old, anonymous());
    let bytes = saved(&mut old);
    let mut new = restarted();
    for length in 0..bytes.len() {
        assert_eq!(new.proxy.restore(new.now(), CALL, &bytes[..length]), Err(NotRestored::Unreadable), "{length} bytes");
    }
    assert_eq!(new.proxy.restore(new.now(), CALL, &[&bytes[..], b"x"].concat()), Err(NotRestored::Unreadable));
    let other_form = [&[bytes[0] + 1], &bytes[1..]].concat();
    assert_eq!(new.proxy.restore(new.now(), CALL, &other_form), Err(NotRestored::Unreadable));
    assert_eq!((new.proxy.entry_count(), new.proxy.next_deadline()), (0, None));
    let limits = Limits { calls: 0, ..Limits::default() };
    let full = Bench::with(Config { limits, ..config() }, 1);
    let Bench { mut proxy, .. } = full;
    assert_eq!(proxy.restore(new.now(), CALL, &bytes), Err(NotRestored::Full));
    // Whatever a broken disk makes of it, it is read or refused.
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << bit;
            let mut bench = restarted();
            let is_restored = bench.proxy.restore(bench.now(), CALL, &broken).is_ok();
            assert_eq!(bench.proxy.live_calls().filter(|live| live.call == CALL).count(), usize::from(is_restored));
        }
    }
}
