//! The account half of the rule: credentials against the accounts of live ACLs (RFC 7616 §3.4, RFC 8760 §2.4).
//!
//! An unknown user and a wrong password take the same path and answer the same; only the owner's facts tell them apart.

use trunkline_message::text::unescape;
use trunkline_message::{e164_digits, Algorithm, Credentials, CredentialsError, Ha1, Uri};

use crate::nonce::{self, NonceId, NonceState, OpenedNonce};
use crate::prefixes::CallerId;
use crate::replay::{ReplayWindow, Use};
use crate::rule::{Call, LiveAcl, Trace};
use crate::tables::{Account, Domain, Snapshot};

/// Credentials of our realm that are looked at in one request: a client answers each of our at most three challenges once.
const CREDENTIALS: usize = 8;
/// Accounts of one name that are tried in one request; bounds what an INVITE can cost.
const ACCOUNTS: usize = 8;
/// Of a username in facts and steps.
const SHOWN_CHARS: usize = 64;

pub(crate) enum DigestOutcome {
    Right { live_index: usize, account: String, caller_id: CallerId, algorithm: Option<Algorithm>, nonce: Option<OpenedNonce> },
    Challenge { is_stale: bool },
    Refuse { code: &'static str, facts: String },
}

pub(crate) struct Input<'a> {
    pub realm: &'a str,
    pub values: &'a [&'a [u8]],
    pub now_ms: u64,
}

struct Candidate<'a> {
    live_index: usize,
    account: &'a Account,
}

/// Accounts of this name in live ACLs, in the order of the ACLs.
fn candidates<'a>(live: &[LiveAcl<'a>], username: &str) -> Vec<Candidate<'a>> {
    live.iter()
        .enumerate()
        .filter_map(|(live_index, live)| live.acl.accounts.get(username).map(|account| Candidate { live_index, account }))
        .take(ACCOUNTS)
        .collect()
}

/// The rule with the result of the digest assumed.
pub(crate) fn assume(live: &[LiveAcl<'_>], username: &str, is_password_right: bool, trace: &mut Trace<'_>) -> DigestOutcome {
    if username.is_empty() {
        trace.say(|| "no credentials: challenged".to_owned());
        return DigestOutcome::Challenge { is_stale: false };
    }
    let found = candidates(live, username);
    let readable = found.iter().find(|candidate| candidate.account.secret.ha1(Algorithm::Md5).is_some());
    match readable {
        Some(candidate) if is_password_right => {
            let live_index = candidate.live_index;
            trace.say(|| format!("{}: account {username}, password taken as right; admits", live[live_index].name));
            DigestOutcome::Right {
                live_index,
                account: username.to_owned(),
                caller_id: candidate.account.caller_id.clone(),
                algorithm: None,
                nonce: None,
            }
        }
        _ => refuse_account(&found, username, trace),
    }
}

/// The rule on real credentials, and the username that decided.
pub(crate) fn check(
    tables: &Snapshot,
    domain: &Domain,
    live: &[LiveAcl<'_>],
    call: &Call<'_>,
    input: &Input<'_>,
    mut replay: Option<&mut ReplayWindow>,
    trace: &mut Trace<'_>,
) -> (DigestOutcome, String) {
    if nonce::current_key(tables.nonce_keys(), input.now_ms).is_none() {
        trace.say(|| "no current nonce key: nobody can be challenged".to_owned());
        return (DigestOutcome::Refuse { code: "T904", facts: "no current nonce key".to_owned() }, String::new());
    }
    let ours = input
        .values
        .iter()
        .map(|value| Credentials::parse(value))
        .filter(|parsed| !matches!(parsed, Ok(credentials) if *credentials.realm != *input.realm.as_bytes()))
        .take(CREDENTIALS);
    // A refusal outweighs a stale nonce, which outweighs a plain challenge: a wrong password is told beside whatever else was sent.
    let mut worst = (DigestOutcome::Challenge { is_stale: false }, String::new());
    let mut has_any = false;
    for parsed in ours {
        has_any = true;
        let credentials = match parsed {
            Ok(credentials) => credentials,
            Err(error) => {
                trace.say(|| say_unusable(&error));
                continue;
            }
        };
        let username = shown(&credentials.username);
        match check_one(tables, domain, live, call, input, &credentials, replay.as_deref_mut(), trace) {
            right @ DigestOutcome::Right { .. } => return (right, username),
            refusal @ DigestOutcome::Refuse { .. } => {
                if !matches!(worst.0, DigestOutcome::Refuse { .. }) {
                    worst = (refusal, username);
                }
            }
            DigestOutcome::Challenge { is_stale } => {
                if let DigestOutcome::Challenge { is_stale: known } = &mut worst.0 {
                    *known |= is_stale;
                    worst.1 = username;
                }
            }
        }
    }
    if !has_any {
        trace.say(|| "no credentials for our realm: challenged".to_owned());
    }
    worst
}

#[allow(clippy::too_many_arguments)]
fn check_one(
    tables: &Snapshot,
    domain: &Domain,
    live: &[LiveAcl<'_>],
    call: &Call<'_>,
    input: &Input<'_>,
    credentials: &Credentials<'_>,
    replay: Option<&mut ReplayWindow>,
    trace: &mut Trace<'_>,
) -> DigestOutcome {
    let again = DigestOutcome::Challenge { is_stale: false };
    let stale = DigestOutcome::Challenge { is_stale: true };
    if !domain.algorithms.contains(&credentials.algorithm) {
        trace.say(|| format!("credentials with {}, which this domain does not offer: challenged again", credentials.algorithm.as_str()));
        return again;
    }
    if credentials.qop.is_none() && !domain.is_qop_optional {
        trace.say(|| "credentials without qop, which this domain does not allow: challenged again".to_owned());
        return again;
    }
    let opened = match nonce::open(tables.nonce_keys(), input.realm, credentials.nonce, input.now_ms) {
        Some(opened) if opened.is_fresh(input.now_ms) => opened,
        Some(_) => {
            trace.say(|| "nonce has expired: challenged with stale=true".to_owned());
            return stale;
        }
        // RFC 7616 §3.3: stale says that the nonce, not the password, is at fault. A client that got it under a key that is gone retries.
        None => {
            trace.say(|| "nonce is not ours: challenged with stale=true".to_owned());
            return stale;
        }
    };
    let username = std::str::from_utf8(&credentials.username).unwrap_or_default();
    let found = candidates(live, username);
    let Some((candidate, ha1)) = find_right(&found, credentials, call.method) else {
        return refuse_account(&found, &shown(&credentials.username), trace);
    };
    if !is_number_signed(credentials.uri, call.number) {
        let uri = shown(credentials.uri);
        trace.say(|| format!("password is right, but the digest's uri {uri} names another number"));
        return DigestOutcome::Refuse { code: "T205", facts: format!("digest uri {uri}, called number {}", shown(call.number)) };
    }
    if !is_new(opened.id, credentials, call, input.now_ms, replay) {
        trace.say(|| "nonce and counter were used before: challenged with stale=true".to_owned());
        return stale;
    }
    let live_index = candidate.live_index;
    trace.say(|| format!("{}: account {username}, {} response is right; admits", live[live_index].name, ha1.algorithm().as_str()));
    DigestOutcome::Right {
        live_index,
        account: username.to_owned(),
        caller_id: candidate.account.caller_id.clone(),
        algorithm: Some(credentials.algorithm),
        nonce: Some(opened),
    }
}

/// Whether credentials that another service has found right are used for the first time here; they are then remembered. `username` tells
/// which of the `values` they are. False where their nonce is not one of ours that is still good.
pub fn is_first_use(
    tables: &Snapshot,
    realm: &str,
    values: &[&[u8]],
    username: &[u8],
    sip_call_id: &[u8],
    now_ms: u64,
    replay: &mut ReplayWindow,
) -> bool {
    let mut ours = values.iter().filter_map(|value| Credentials::parse(value).ok());
    let Some(credentials) = ours.find(|each| *each.realm == *realm.as_bytes() && *each.username == *username) else {
        return false;
    };
    let NonceState::Fresh(nonce_id) = nonce::verify(tables.nonce_keys(), realm, credentials.nonce, now_ms) else {
        return false;
    };
    let used = match credentials.qop {
        Some(_) => Use::Counter(credentials.nonce_count),
        None => Use::CallId(sip_call_id),
    };
    replay.admit(nonce_id, used, now_ms)
}

/// The first account whose secret fits. At least one response is computed, over a secret that nobody has where the name is unknown.
fn find_right<'a, 'b>(found: &'b [Candidate<'a>], credentials: &Credentials<'_>, method: &[u8]) -> Option<(&'b Candidate<'a>, Ha1)> {
    let mut readable =
        found.iter().filter_map(|candidate| candidate.account.secret.ha1(credentials.algorithm).map(|ha1| (candidate, *ha1)));
    let first = readable.next();
    let nobody = Ha1::from_raw(credentials.algorithm, &[0; 32][..credentials.algorithm.digest_bytes()]);
    let secret = first.as_ref().map(|(_, ha1)| *ha1).or(nobody)?;
    let is_right = credentials.is_right(&secret, method);
    first.filter(|_| is_right).or_else(|| readable.find(|(_, ha1)| credentials.is_right(ha1, method)))
}

fn refuse_account(found: &[Candidate<'_>], username: &str, trace: &mut Trace<'_>) -> DigestOutcome {
    if !found.is_empty() && found.iter().all(|candidate| candidate.account.secret.ha1(Algorithm::Md5).is_none()) {
        trace.say(|| format!("account {username}: its secret cannot be read"));
        return DigestOutcome::Refuse { code: "T905", facts: format!("the secret of account {username} cannot be read") };
    }
    let what = if found.is_empty() { "no account of that name in a live ACL" } else { "wrong password" };
    trace.say(|| format!("account {username}: {what}"));
    DigestOutcome::Refuse { code: "T204", facts: format!("username {username}: {what}") }
}

/// Many clients differ in host and parameters, but who signed another number did not sign this call.
fn is_number_signed(uri: &[u8], number: &[u8]) -> bool {
    let Some(signed) = Uri::parse(uri).ok().and_then(|uri| uri.user) else {
        return true;
    };
    if number.is_empty() || signed.is_empty() {
        return true;
    }
    match (e164_digits(signed), e164_digits(number)) {
        (Some(signed), Some(number)) => signed == number,
        _ => unescape(signed) == unescape(number),
    }
}

fn is_new(nonce_id: NonceId, credentials: &Credentials<'_>, call: &Call<'_>, now_ms: u64, replay: Option<&mut ReplayWindow>) -> bool {
    let used = match credentials.qop {
        Some(_) => Use::Counter(credentials.nonce_count),
        None => Use::CallId(call.sip_call_id),
    };
    replay.is_none_or(|replay| replay.admit(nonce_id, used, now_ms))
}

fn say_unusable(error: &CredentialsError) -> String {
    let what = match error {
        CredentialsError::NotDigest => "another scheme than Digest".to_owned(),
        CredentialsError::UnknownAlgorithm => "an algorithm that is never offered".to_owned(),
        CredentialsError::Unsupported(what) => format!("{what}, which is never offered"),
        CredentialsError::Malformed(error) => error.to_string(),
    };
    format!("credentials that cannot be used ({what}): challenged again")
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|character| !character.is_control()).take(SHOWN_CHARS).collect()
}
