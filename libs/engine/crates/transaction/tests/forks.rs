//! Forks downstream: more than one answer to an INVITE (RFC 3261 §13.2.2.4, §16.7 step 5, RFC 6026).

mod support;

use support::*;
use trunkline_transaction::*;

const ACK: &str = "ACK sip:callee@10.9.9.1:5060 SIP/2.0";
const BYE: &str = "BYE sip:callee@10.9.9.1:5060 SIP/2.0";
const NO_CALL: Disposition = Disposition::Refuse { status: 481, code: "T108", unsupported: String::new() };

/// A call with the answers of `forks` passed on after that of `callee`: its 200 at the customer, theirs, and the INVITE at the gateway.
fn forked(forks: &[&str]) -> (Bench, Sent, Vec<Sent>, Sent) {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    let oks = forks.iter().map(|fork| {
        bench.receive(ALPHA, &reply(&invite.text, 200, fork, ALPHA));
        bench.one_to(CUSTOMER)
    });
    let oks = oks.collect();
    (bench, ok, oks, invite)
}

fn from_fork(method: &str, cseq: u32, invite: &Sent, fork: &str) -> String {
    from_carrier(method, cseq, &invite.text, "").replace(";tag=callee", &format!(";tag={fork}")).replacen(
        "z9hG4bKg",
        &format!("z9hG4bKg{fork}"),
        1,
    )
}

fn ends(bench: &Bench) -> Vec<FactKind> {
    bench.facts.iter().filter(|fact| matches!(fact.kind, FactKind::Ended { .. })).map(|fact| fact.kind.clone()).collect()
}

fn hang_up(bench: &mut Bench) {
    bench.act(|proxy, now, out| proxy.hang_up(now, CALL, &refusal(403, "T603", "Tenant Suspended"), out).unwrap());
}

#[test]
fn answers_after_the_end_are_acknowledged_and_those_of_other_forks_hung_up() {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    bench.hang_up(&ok.text, 2, "");
    let facts = bench.facts.len();
    let late = reply(&invite.text, 200, "fork", "10.9.9.8:5060");
    bench.receive(ALPHA, &late);
    let own = bench.sent_to("10.9.9.8:5060");
    assert_eq!(
        own.iter().map(Sent::start).collect::<Vec<_>>(),
        ["ACK sip:callee@10.9.9.8:5060 SIP/2.0", "BYE sip:callee@10.9.9.8:5060 SIP/2.0"]
    );
    assert!(own.iter().all(|sent| value(&sent.text, "To").ends_with(";tag=fork") && values(&sent.text, "Route").is_empty()), "{own:?}");
    bench.receive(ALPHA, &late);
    assert_eq!(bench.starts_to("10.9.9.8:5060"), ["ACK sip:callee@10.9.9.8:5060 SIP/2.0"], "acknowledged again, hung up once");
    assert_eq!(bench.facts.len(), facts, "the call has one end, and its answer is told");
    // So is a copy of the call's own answer, whose BYE is through.
    bench.receive(ALPHA, &reply(&invite.text, 200, "callee", ALPHA));
    assert_eq!(bench.starts_to(ALPHA), ["ACK sip:callee@10.9.9.1:5060 SIP/2.0"]);
    assert!(bench.sent_to(CUSTOMER).is_empty());
    bench.receive("10.9.9.8:5060", &reply(&own[1].text, 200, "fork", ALPHA));
    bench.assert_empties();
}

#[test]
fn a_caller_who_keeps_another_than_the_first_that_answered_has_his_call_in_that_dialog() {
    let (mut bench, ok, oks, invite) = forked(&["fork", "third"]);
    bench.hang_up(&ok.text, 2, "");
    bench.hang_up(&oks[0].text, 3, "");
    assert_eq!((ends(&bench), bench.proxy.call_count()), (vec![], 1), "he speaks with the third");
    assert_eq!(bench.receive(CUSTOMER, &from_customer("INFO", 2, &oks[1].text, "")), Disposition::Done);
    assert!(bench.one_to(ALPHA).start().starts_with("INFO "));
    assert_eq!(bench.receive(ALPHA, &from_fork("INFO", 7, &invite, "third")), Disposition::Done);
    assert!(bench.one_to(CUSTOMER).start().starts_with("INFO "));
    for gone in ["callee", "fork"] {
        assert_eq!(bench.receive(ALPHA, &from_fork("INFO", 8, &invite, gone)), NO_CALL, "{gone}");
    }
    bench.hang_up(&oks[1].text, 4, "");
    assert_eq!(ends(&bench), [FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: 0 }]);
    // All three have their BYE.
    for tag in ["callee", "fork", "third"] {
        bench.receive(ALPHA, &reply(&invite.text, 200, tag, ALPHA));
        assert_eq!(bench.starts_to(ALPHA), [ACK], "{tag}");
    }
    bench.assert_empties();
}

#[test]
fn a_forked_answer_that_was_lost_comes_to_the_caller_again_though_the_first_was_hung_up_on() {
    let (mut bench, ok, _, invite) = forked(&["fork"]);
    bench.hang_up(&ok.text, 2, "");
    bench.receive(ALPHA, &reply(&invite.text, 200, "fork", ALPHA));
    assert!(bench.sent_to(ALPHA).is_empty(), "it is the caller's");
    let again = bench.one_to(CUSTOMER);
    assert!(value(&again.text, "To").ends_with(";tag=fork"), "{}", again.text);
    bench.receive(CUSTOMER, &from_customer("ACK", 1, &again.text, ""));
    assert!(bench.one_to(ALPHA).start().starts_with("ACK "));
    bench.hang_up(&again.text, 3, "");
    assert_eq!(ends(&bench).len(), 1);
    bench.assert_empties();
}

/// A caller that has forgotten the call acknowledges nothing, and the callee ends it (§13.3.1.4).
#[test]
fn a_forked_answer_that_nobody_acknowledges_ends_with_the_bye_of_its_callee() {
    let (mut bench, ok, _, invite) = forked(&["fork"]);
    bench.hang_up(&ok.text, 2, "");
    bench.advance(32_000);
    bench.receive(ALPHA, &from_fork("BYE", 1, &invite, "fork"));
    let bye = bench.one_to(CUSTOMER).text;
    bench.receive(CUSTOMER, &reply(&bye, 481, "", CUSTOMER));
    assert_eq!(ends(&bench), [FactKind::Ended { by: EndedBy::Callee, q850: 16, answered_ns: 0 }]);
    bench.assert_empties();
}

#[test]
fn a_fork_that_hangs_up_itself_is_heard_and_the_call_ends_with_the_first() {
    let (mut bench, ok, _, invite) = forked(&["fork"]);
    assert_eq!(bench.receive(ALPHA, &from_fork("BYE", 1, &invite, "fork")), Disposition::Done);
    let bye = bench.one_to(CUSTOMER).text;
    bench.receive(CUSTOMER, &reply(&bye, 200, "caller", CUSTOMER));
    assert_eq!(bench.starts_to(ALPHA), ["SIP/2.0 200 Whatever"]);
    assert_eq!(ends(&bench), []);
    bench.hang_up(&ok.text, 2, "");
    assert_eq!(ends(&bench).len(), 1);
    bench.receive(ALPHA, &reply(&invite.text, 200, "fork", ALPHA));
    assert_eq!(bench.starts_to(ALPHA), [ACK]);
    bench.assert_empties();
}

#[test]
fn byes_that_cross_in_the_first_dialog_end_that_one_alone() {
    let (mut bench, ok, oks, invite) = forked(&["fork"]);
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &ok.text, ""));
    bench.receive(ALPHA, &from_carrier("BYE", 9, &invite.text, ""));
    let (to_alpha, to_customer) = (bench.one_to(ALPHA).text, bench.one_to(CUSTOMER).text);
    bench.receive(CUSTOMER, &reply(&to_customer, 200, "caller", CUSTOMER));
    bench.receive(ALPHA, &reply(&to_alpha, 481, "callee", ALPHA));
    assert_eq!((ends(&bench), bench.proxy.call_count()), (vec![], 1));
    bench.take_sent();
    bench.hang_up(&oks[0].text, 3, "");
    assert_eq!(ends(&bench).len(), 1);
    bench.assert_empties();
}

#[test]
fn what_we_end_is_ended_in_every_dialog_and_copies_of_answers_are_acknowledged() {
    let (mut bench, _, _, invite) = forked(&["fork"]);
    hang_up(&mut bench);
    let (to_alpha, to_customer) = (bench.sent_to(ALPHA), bench.sent_to(CUSTOMER));
    assert_eq!(to_alpha.iter().map(Sent::start).collect::<Vec<_>>(), [BYE, BYE]);
    let tags = |sent: &[Sent], name: &str| {
        sent.iter().map(|sent| value(&sent.text, name).rsplit_once(";tag=").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (tags(&to_alpha, "To"), tags(&to_customer, "From")),
        (vec!["callee".to_owned(), "fork".to_owned()], vec!["callee".to_owned(), "fork".to_owned()])
    );
    for sent in &to_alpha {
        bench.receive(ALPHA, &reply(&sent.text, 200, "", ALPHA));
    }
    for sent in &to_customer {
        bench.receive(CUSTOMER, &reply(&sent.text, 200, "", CUSTOMER));
    }
    assert_eq!(ends(&bench).len(), 1);
    for tag in ["callee", "fork"] {
        bench.receive(ALPHA, &reply(&invite.text, 200, tag, ALPHA));
        assert_eq!(bench.starts_to(ALPHA), [ACK], "{tag}");
    }
    bench.assert_empties();
}

/// What nobody remembers any more is hung up on when it comes again.
#[test]
fn of_more_forks_than_are_remembered_the_rest_is_hung_up_after_the_end() {
    let names: Vec<String> = (0..9).map(|at| format!("fork{at}")).collect();
    let (mut bench, ok, oks, invite) = forked(&names.iter().map(String::as_str).collect::<Vec<_>>());
    bench.hang_up(&ok.text, 2, "");
    for (at, forked_ok) in oks[..7].iter().enumerate() {
        bench.hang_up(&forked_ok.text, 3 + at as u32, "");
    }
    assert_eq!(ends(&bench), []);
    bench.hang_up(&oks[7].text, 10, "");
    assert_eq!(ends(&bench).len(), 1, "the ninth was passed on and is not known");
    bench.receive(ALPHA, &reply(&invite.text, 200, "fork0", ALPHA));
    assert_eq!(bench.starts_to(ALPHA), [ACK]);
    bench.assert_empties();
}

/// Passed on, it would be acknowledged by a caller who is told that the call is over, and be in a dialog that nobody ends.
#[test]
fn an_answer_that_comes_while_we_hang_up_is_acknowledged_and_hung_up_by_us() {
    let (mut bench, _, oks, invite) = forked(&["second", "third"]);
    assert_eq!(oks.len(), 2);
    hang_up(&mut bench);
    let (to_alpha, to_customer) = (bench.sent_to(ALPHA), bench.sent_to(CUSTOMER));
    let late = reply(&invite.text, 200, "late", ALPHA);
    bench.receive(ALPHA, &late);
    let own = bench.sent_to(ALPHA);
    assert_eq!(own.iter().map(Sent::start).collect::<Vec<_>>(), [ACK, BYE]);
    assert!(own.iter().all(|sent| value(&sent.text, "To").ends_with(";tag=late")), "{own:?}");
    // The third is the one that was passed on last.
    for copy in ["late", "second", "third"] {
        bench.receive(ALPHA, &reply(&invite.text, 200, copy, ALPHA));
        assert_eq!(bench.starts_to(ALPHA), [ACK], "{copy} has its BYE");
    }
    assert!(bench.sent_to(CUSTOMER).is_empty());
    // The call's own is the caller's until the call is over.
    bench.receive(ALPHA, &reply(&invite.text, 200, "callee", ALPHA));
    assert_eq!((bench.sent_to(ALPHA).len(), bench.starts_to(CUSTOMER)), (0, vec!["SIP/2.0 200 Whatever".to_owned()]));
    for (at, sent) in to_alpha.iter().chain(&own[1..]).map(|sent| (ALPHA, sent)).chain(to_customer.iter().map(|sent| (CUSTOMER, sent))) {
        bench.receive(at, &reply(&sent.text, 200, "", at));
    }
    assert_eq!(ends(&bench).len(), 1);
    bench.assert_empties();
}

#[test]
fn a_target_that_is_refreshed_in_one_dialog_is_that_dialogs_alone() {
    for is_carriers in [true, false] {
        let (mut bench, _, oks, invite) = forked(&["fork"]);
        if is_carriers {
            let text = from_fork("UPDATE", 5, &invite, "fork").replace("<sip:callee@10.9.9.1:5060>", "<sip:callee@10.9.9.1:7777>");
            bench.receive(ALPHA, &text);
            let update = bench.one_to(CUSTOMER).text;
            bench.receive(CUSTOMER, &reply(&update, 200, "caller", "10.1.1.1:7000"));
        } else {
            bench.receive(CUSTOMER, &from_customer("UPDATE", 5, &oks[0].text, ""));
            let update = bench.one_to(ALPHA).text;
            bench.receive(ALPHA, &reply(&update, 200, "fork", "10.9.9.1:7777"));
        }
        bench.take_sent();
        hang_up(&mut bench);
        let byes = bench.sent_to(ALPHA);
        let shown: Vec<_> = byes.iter().map(|bye| (bye.start(), value(&bye.text, "To").rsplit_once(";tag=").unwrap().1)).collect();
        assert_eq!(shown, [(BYE, "callee"), ("BYE sip:callee@10.9.9.1:7777 SIP/2.0", "fork")], "{is_carriers}");
        if is_carriers {
            let targets = bench.starts_to(CUSTOMER);
            assert_eq!(targets, ["BYE sip:callee@10.1.1.1:7000 SIP/2.0"; 2], "the customer is one");
        }
    }
}

/// §12.2.1.1: the CSeq of the carrier counts in each dialog for itself, and so does ours when we speak for it.
#[test]
fn our_byes_have_the_next_number_of_their_dialog_and_what_is_refused_there_is_counted_there() {
    let cseqs = |bench: &mut Bench| bench.sent_to(CUSTOMER).iter().map(|sent| value(&sent.text, "CSeq").to_owned()).collect::<Vec<_>>();
    let spoken = || {
        let (mut bench, ok, _, invite) = forked(&["fork"]);
        bench.receive(ALPHA, &from_fork("INFO", 100, &invite, "callee"));
        bench.receive(ALPHA, &from_fork("INFO", 7, &invite, "fork"));
        bench.take_sent();
        (bench, ok, invite)
    };
    let (mut bench, _, _) = spoken();
    hang_up(&mut bench);
    assert_eq!(cseqs(&mut bench), ["101 BYE", "8 BYE"]);

    let (mut bench, ok, invite) = spoken();
    bench.hang_up(&ok.text, 2, "");
    bench.take_sent();
    hang_up(&mut bench);
    for (at, tag) in [(CUSTOMER, "caller"), (ALPHA, "fork")] {
        let bye = bench.one_to(at);
        if at == CUSTOMER {
            assert_eq!(value(&bye.text, "CSeq"), "8 BYE");
        }
        bench.receive(at, &reply(&bye.text, 405, tag, at));
    }
    bench.receive(ALPHA, &from_fork("INFO", 8, &invite, "fork"));
    assert_eq!(cseqs(&mut bench), ["9 INFO"], "8 was ours");
    // In the dialog of one that answers now stands no BYE of ours.
    bench.receive(ALPHA, &reply(&invite.text, 200, "late", ALPHA));
    bench.take_sent();
    bench.receive(ALPHA, &from_fork("INFO", 30, &invite, "late"));
    assert_eq!(cseqs(&mut bench), ["30 INFO"]);
}

#[test]
fn a_number_of_an_early_dialog_counts_in_whichever_is_answered() {
    let mut bench = Bench::new();
    bench.call(&invite(), vec![alpha()]);
    let invite = bench.one_to(ALPHA);
    for tag in ["callee", "fork"] {
        bench.receive(ALPHA, &reply(&invite.text, 180, tag, ALPHA));
    }
    bench.receive(ALPHA, &from_fork("UPDATE", 5, &invite, "fork"));
    for tag in ["callee", "fork"] {
        bench.receive(ALPHA, &reply(&invite.text, 200, tag, ALPHA));
    }
    bench.take_sent();
    hang_up(&mut bench);
    let byes = bench.sent_to(CUSTOMER);
    assert_eq!(byes.iter().map(|sent| value(&sent.text, "CSeq")).collect::<Vec<_>>(), ["6 BYE", "6 BYE"]);
}

#[test]
fn a_bye_in_one_dialog_that_crosses_ours_does_not_end_the_other() {
    let (mut bench, ok, oks, _) = forked(&["fork"]);
    hang_up(&mut bench);
    bench.take_sent();
    bench.receive(CUSTOMER, &from_customer("BYE", 2, &oks[0].text, ""));
    assert_eq!(bench.starts_to(CUSTOMER), ["SIP/2.0 200 OK"]);
    assert_eq!((ends(&bench).len(), bench.proxy.call_count()), (0, 1), "the call's own waits for its answers");
    bench.receive(CUSTOMER, &from_customer("BYE", 3, &ok.text, ""));
    assert_eq!((ends(&bench).len(), bench.proxy.call_count()), (1, 0));
}
