//! The rule on real credentials: which of several decides, and what is stale, used, unreadable or beyond a bound.

use std::net::IpAddr;

use trunkline_access::{
    decide, entropy_for, issue, Call, Capture, Change, Domain, NonceKey, Outcome, Proof, ReplayWindow, Secret, Tables, Verdict, ENTRIES,
    VALID_MS,
};
use trunkline_message::{compute_ha1, compute_response, Algorithm, Qop, ResponseInput};

const NOW_MS: u64 = 1_795_000_000_000;
const REALM: &str = "sip.example.com";
const HOST: &str = "acme.sip.example.com";
const URI: &str = "sip:3123456789@acme.sip.example.com";
const ALL: [Algorithm; 3] = [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256];

fn key() -> NonceKey {
    NonceKey::new(1, &[7; 32], NOW_MS / 1000 - 1000, NOW_MS / 1000 + 1000, true)
}

fn secret(username: &str, password: &str) -> Secret {
    let ha1 = |algorithm| compute_ha1(algorithm, username.as_bytes(), REALM.as_bytes(), password.as_bytes());
    Secret::Readable { md5: ha1(Algorithm::Md5), sha256: ha1(Algorithm::Sha256), sha512_256: ha1(Algorithm::Sha512_256) }
}

fn account(acl: &str, username: &str, secret: Secret) -> Change {
    Change::SetAccount { acl: acl.to_owned(), username: username.to_owned(), secret, caller_id: String::new() }
}

fn domain(acls: &[&str], algorithms: &[Algorithm], is_qop_optional: bool) -> Change {
    let domain = Domain {
        tenant: "acme".to_owned(),
        label: "acme".to_owned(),
        acls: acls.iter().map(|acl| (*acl).into()).collect(),
        algorithms: algorithms.to_vec(),
        challenge_status: 407,
        is_qop_optional,
        capture: Capture::default(),
    };
    Change::SetDomain { host: HOST.to_owned(), domain }
}

fn tables(changes: Vec<Change>) -> Tables {
    let tables = Tables::new();
    let mut batch = vec![Change::SetNonceKeys { keys: vec![key()] }];
    batch.extend(changes);
    tables.apply(batch, 1).expect("a valid batch");
    tables
}

fn one_account() -> Tables {
    tables(vec![domain(&["acme/IN"], &[Algorithm::Md5], false), account("acme/IN", "alice", secret("alice", "right"))])
}

/// What a client sends; fields are changed by the tests.
struct Client<'a> {
    username: &'a str,
    password: &'a str,
    realm: &'a str,
    algorithm: Algorithm,
    nonce: String,
    nc: u32,
    has_qop: bool,
    uri: &'a str,
}

impl Default for Client<'_> {
    fn default() -> Self {
        let nonce = issue(&key(), REALM, NOW_MS, [3; 8]);
        Client { username: "alice", password: "right", realm: REALM, algorithm: Algorithm::Md5, nonce, nc: 1, has_qop: true, uri: URI }
    }
}

impl Client<'_> {
    fn value(&self) -> String {
        let ha1 = compute_ha1(self.algorithm, self.username.as_bytes(), self.realm.as_bytes(), self.password.as_bytes());
        let nc = format!("{:08x}", self.nc);
        let qop = self.has_qop.then_some(Qop { nc: nc.as_bytes(), cnonce: b"c" });
        let input = ResponseInput { nonce: self.nonce.as_bytes(), method: b"INVITE", uri: self.uri.as_bytes(), qop };
        let response = compute_response(&ha1, &input);
        let mut value = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={}",
            self.username,
            self.realm,
            self.nonce,
            self.uri,
            response.as_str(),
            self.algorithm.as_str()
        );
        if self.has_qop {
            value.push_str(&format!(", qop=auth, nc={nc}, cnonce=\"c\""));
        }
        value
    }
}

fn ask_at(tables: &Tables, values: &[String], replay: Option<&mut ReplayWindow>, call_id: &[u8], now_ms: u64) -> Verdict {
    let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    let source = IpAddr::from([192, 0, 2, 1]);
    let call = Call { host: HOST, source, method: b"INVITE", number: b"+3123456789", sip_call_id: call_id };
    decide(&tables.load(), &call, Proof::Credentials { realm: REALM, values: &values, now_ms, replay }, None)
}

fn ask(tables: &Tables, clients: &[Client<'_>]) -> Outcome {
    let values: Vec<String> = clients.iter().map(Client::value).collect();
    ask_at(tables, &values, None, b"call", NOW_MS).outcome
}

fn is_admitted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Admit(admission) if admission.account == "alice")
}

fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refuse { code, .. } => code,
        Outcome::Challenge { is_stale: true } => "stale",
        Outcome::Challenge { is_stale: false } => "challenge",
        Outcome::Admit(_) => "admit",
    }
}

#[test]
fn the_right_password_admits_with_each_algorithm_that_is_offered_and_with_no_other() {
    for offered in ALL {
        let tables = tables(vec![domain(&["acme/IN"], &[offered], false), account("acme/IN", "alice", secret("alice", "right"))]);
        for algorithm in ALL {
            let outcome = ask(&tables, &[Client { algorithm, ..Client::default() }]);
            assert_eq!(code(&outcome), if algorithm == offered { "admit" } else { "challenge" }, "{algorithm:?} of {offered:?}");
        }
    }
}

#[test]
fn an_expired_nonce_and_one_that_is_not_ours_are_stale_whatever_the_password() {
    let tables = one_account();
    let old = issue(&key(), REALM, NOW_MS - VALID_MS - 1, [3; 8]);
    let foreign = issue(&NonceKey::new(1, &[8; 32], 0, u64::MAX / 1000, true), REALM, NOW_MS, [3; 8]);
    for nonce in [old, foreign, "garbage".to_owned()] {
        for password in ["right", "wrong"] {
            let outcome = ask(&tables, &[Client { nonce: nonce.clone(), password, ..Client::default() }]);
            assert_eq!(code(&outcome), "stale", "{nonce} {password}");
        }
    }
}

#[test]
fn credentials_of_other_realms_and_other_schemes_do_not_count() {
    let tables = one_account();
    let other = Client { realm: "elsewhere.example.com", password: "wrong", ..Client::default() }.value();
    let right = Client::default().value();
    let basic = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned();
    for values in [vec![other.clone(), right.clone()], vec![right, basic.clone()]] {
        assert!(is_admitted(&ask_at(&tables, &values, None, b"call", NOW_MS).outcome));
    }
    for value in [other, basic, "Digest".to_owned(), String::new(), "Digest username=\"\u{1}\"".to_owned()] {
        assert_eq!(code(&ask_at(&tables, std::slice::from_ref(&value), None, b"call", NOW_MS).outcome), "challenge", "{value}");
    }
}

#[test]
fn of_several_the_right_one_admits_and_else_a_wrong_password_outweighs_a_stale_nonce() {
    let tables = one_account();
    let wrong = || Client { password: "wrong", ..Client::default() };
    let stale = || Client { nonce: "old".to_owned(), ..Client::default() };
    assert!(is_admitted(&ask(&tables, &[wrong(), stale(), Client::default()])));
    assert_eq!(code(&ask(&tables, &[stale(), wrong()])), "T204");
    assert_eq!(code(&ask(&tables, &[wrong(), stale()])), "T204");
    let not_offered = Client { algorithm: Algorithm::Sha256, ..Client::default() };
    assert_eq!(code(&ask(&tables, &[stale(), not_offered])), "stale");
}

#[test]
fn not_more_than_eight_credentials_of_our_realm_are_looked_at() {
    let tables = one_account();
    let with_wrong = |count: usize| {
        let mut clients: Vec<Client<'_>> = (0..count).map(|_| Client { password: "wrong", ..Client::default() }).collect();
        clients.push(Client::default());
        code(&ask(&tables, &clients)).to_owned()
    };
    assert_eq!(with_wrong(7), "admit");
    assert_eq!(with_wrong(8), "T204");
}

#[test]
fn not_more_than_eight_accounts_of_one_name_are_tried() {
    let acls: Vec<String> = (0..9).map(|number| format!("acme/ACL{number}")).collect();
    let names: Vec<&str> = acls.iter().map(String::as_str).collect();
    let mut changes = vec![domain(&names, &[Algorithm::Md5], false)];
    changes.extend(acls.iter().enumerate().map(|(number, acl)| account(acl, "alice", secret("alice", &format!("password-{number}")))));
    let tables = tables(changes);
    assert_eq!(code(&ask(&tables, &[Client { password: "password-7", ..Client::default() }])), "admit");
    assert_eq!(code(&ask(&tables, &[Client { password: "password-8", ..Client::default() }])), "T204");
}

#[test]
fn an_unreadable_secret_is_told_unless_another_account_of_the_name_is_readable() {
    let accounts = |second| {
        tables(vec![
            domain(&["acme/A", "acme/B"], &[Algorithm::Md5], false),
            account("acme/A", "alice", Secret::Unreadable),
            account("acme/B", if second { "alice" } else { "bob" }, secret("alice", "right")),
        ])
    };
    assert_eq!(code(&ask(&accounts(false), &[Client::default()])), "T905");
    assert!(is_admitted(&ask(&accounts(true), &[Client::default()])));
    assert_eq!(code(&ask(&accounts(true), &[Client { password: "wrong", ..Client::default() }])), "T204");
}

#[test]
fn the_number_signed_must_be_the_number_called_and_a_uri_without_a_user_says_nothing() {
    let tables = one_account();
    for (uri, wanted) in [
        ("sip:3123456789@other.example.com;transport=tcp", "admit"),
        ("sip:+3123456789@acme.sip.example.com", "admit"),
        ("sip:%2b3123456789@acme.sip.example.com", "admit"),
        ("tel:+3123456789", "admit"),
        ("sip:acme.sip.example.com", "admit"),
        ("/", "admit"),
        ("sip:3123456780@acme.sip.example.com", "T205"),
        ("sip:alice@acme.sip.example.com", "T205"),
    ] {
        assert_eq!(code(&ask(&tables, &[Client { uri, ..Client::default() }])), wanted, "{uri}");
    }
    let wrong = Client { uri: "sip:1@x.example.com", password: "wrong", ..Client::default() };
    assert_eq!(code(&ask(&tables, &[wrong])), "T204", "who has no password learns nothing about the number");
}

#[test]
fn a_use_is_remembered_only_where_the_password_was_right() {
    let tables = one_account();
    let mut replay = ReplayWindow::new(NOW_MS, ENTRIES);
    let mut ask = |client: &Client<'_>| {
        let outcome = ask_at(&tables, &[client.value()], Some(&mut replay), b"call", NOW_MS).outcome;
        code(&outcome).to_owned()
    };
    assert_eq!(ask(&Client { password: "wrong", ..Client::default() }), "T204");
    assert_eq!(ask(&Client::default()), "admit");
    assert_eq!(ask(&Client::default()), "stale");
    assert_eq!(ask(&Client { nc: 2, ..Client::default() }), "admit");
    assert_eq!(ask(&Client { password: "wrong", ..Client::default() }), "T204");
}

#[test]
fn without_qop_one_call_id_is_admitted_and_only_where_the_domain_allows_it() {
    let client = Client { has_qop: false, ..Client::default() };
    assert_eq!(code(&ask(&one_account(), &[Client { has_qop: false, ..Client::default() }])), "challenge");
    let tables = tables(vec![domain(&["acme/IN"], &[Algorithm::Md5], true), account("acme/IN", "alice", secret("alice", "right"))]);
    let mut replay = ReplayWindow::new(NOW_MS, ENTRIES);
    for (call_id, wanted) in [(b"one", "admit"), (b"two", "stale"), (b"one", "admit")] {
        let outcome = ask_at(&tables, &[client.value()], Some(&mut replay), call_id, NOW_MS).outcome;
        assert_eq!(code(&outcome), wanted);
    }
}

#[test]
fn the_username_that_decided_is_told_for_the_record() {
    let tables = one_account();
    let verdict = ask_at(&tables, &[Client { username: "mallory", ..Client::default() }.value()], None, b"call", NOW_MS);
    assert_eq!((code(&verdict.outcome), verdict.username.as_str()), ("T204", "mallory"));
    assert_eq!(verdict.domain.map(|domain| domain.tenant.clone()).as_deref(), Some("acme"));
    let verdict = ask_at(&tables, &[], None, b"call", NOW_MS);
    assert_eq!((code(&verdict.outcome), verdict.username.as_str()), ("challenge", ""));
}

/// So that nobody has to open it a second time.
#[test]
fn an_admission_hands_on_the_nonce_that_was_opened_for_it() {
    let tables = one_account();
    let (source, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
    let nonce = issue(&key(), REALM, NOW_MS, entropy_for(&key(), source, [1, 2, 3, 4]));
    let older = issue(&key(), REALM, NOW_MS - 1, entropy_for(&key(), other, [1, 2, 3, 4]));
    let wrong = Client { password: "wrong", nonce: older, ..Client::default() };
    let Outcome::Admit(admission) = ask(&tables, &[wrong, Client { nonce, ..Client::default() }]) else { panic!("not admitted") };
    let opened = admission.nonce.expect("it was admitted by digest");
    assert!(opened.was_sent_to(&[key()], NOW_MS, source));
    assert!(!opened.was_sent_to(&[key()], NOW_MS, other));
}
