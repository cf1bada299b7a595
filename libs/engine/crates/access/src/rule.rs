//! The access rule: may this call to this domain be placed from there, with that.
//!
//! An ACL with addresses only admits by source, one with accounts only by digest, one with both demands both; an empty one admits nobody.
//! *Live* are the ACLs whose address half is absent or met by the source. (a) A live one without accounts admits, and nothing is asked.
//! (b) Else, with some live one, credentials of an account of a live ACL are asked for. (c) With none, the call is refused and never
//! challenged, so that nobody can try passwords of accounts that are bound to addresses.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_message::Algorithm;

use crate::digest::{self, DigestOutcome};
use crate::nonce::OpenedNonce;
use crate::prefixes::{canonical_source, CallerId, Prefix};
use crate::replay::ReplayWindow;
use crate::tables::{Acl, Domain, Snapshot};

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Of the Request-URI.
    pub host: &'a str,
    pub source: IpAddr,
    pub method: &'a [u8],
    /// User part of the Request-URI, unescaped; empty: the number in the digest's uri is not compared.
    pub number: &'a [u8],
    pub sip_call_id: &'a [u8],
}

/// What the caller brings, or is assumed to bring.
#[derive(Debug)]
pub enum Proof<'a> {
    Credentials {
        realm: &'a str,
        /// Values of the Proxy-Authorization and Authorization fields.
        values: &'a [&'a [u8]],
        now_ms: u64,
        /// Without it a replay is not noticed: for dry runs.
        replay: Option<&'a mut ReplayWindow>,
    },
    /// Of a dry run; an empty username brings no credentials.
    Assumed { username: &'a str, is_password_right: bool },
}

/// What admitted a call; all empty for a call that was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Name of the ACL, without its tenant.
    pub acl: String,
    /// Username; empty where the address alone admitted the call.
    pub account: String,
    /// The listed prefix that covers the source; empty where the ACL lists none.
    pub address: String,
    /// Empty where the account has none, or where there is no account.
    pub account_caller_id: String,
    /// Empty where the listed prefix has none, or where there is none.
    pub address_caller_id: String,
    /// `None` without digest.
    pub algorithm: Option<Algorithm>,
    /// That the right credentials were made on; `None` without, and where another service has looked at them.
    pub nonce: Option<OpenedNonce>,
}

impl Admission {
    /// Of the account, else of the address, else empty.
    pub fn caller_id(&self) -> &str {
        if self.account_caller_id.is_empty() {
            &self.address_caller_id
        } else {
            &self.account_caller_id
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Admit(Admission),
    Challenge {
        is_stale: bool,
    },
    /// `code` is of the registry of refusals; `facts` are for the owner of the domain only.
    Refuse {
        code: &'static str,
        facts: String,
    },
}

#[derive(Clone, Debug)]
pub struct Verdict {
    /// `None`: nobody's; then there is no owner to tell.
    pub domain: Option<Arc<Domain>>,
    pub outcome: Outcome,
    /// The digest username that decided, as sent; empty without credentials of our realm.
    pub username: String,
}

/// An ACL whose address half is absent or met.
pub(crate) struct LiveAcl<'a> {
    pub name: &'a str,
    pub acl: &'a Acl,
    pub address: Option<(Prefix, &'a CallerId)>,
}

impl LiveAcl<'_> {
    fn admit(&self, account: Option<(&str, &CallerId, Option<Algorithm>)>) -> Admission {
        Admission {
            acl: self.name.to_owned(),
            account: account.map(|(username, _, _)| username.to_owned()).unwrap_or_default(),
            address: self.address.map(|(prefix, _)| prefix.to_string()).unwrap_or_default(),
            account_caller_id: account.and_then(|(_, caller_id, _)| caller_id.as_deref()).unwrap_or_default().to_owned(),
            address_caller_id: self.address.and_then(|(_, caller_id)| caller_id.as_deref()).unwrap_or_default().to_owned(),
            algorithm: account.and_then(|(_, _, algorithm)| algorithm),
            nonce: None,
        }
    }
}

/// Steps for people, written only where somebody asked.
pub(crate) struct Trace<'a>(pub Option<&'a mut Vec<String>>);

impl Trace<'_> {
    pub fn say(&mut self, step: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(step());
        }
    }
}

/// The rule, once. `steps`, where given, are appended to in the order in which things were looked at.
pub fn decide(tables: &Snapshot, call: &Call<'_>, proof: Proof<'_>, steps: Option<&mut Vec<String>>) -> Verdict {
    let mut trace = Trace(steps);
    let Some(domain) = tables.domain(call.host) else {
        trace.say(|| format!("{}: no domain of this name", call.host));
        return refuse(None, "T201", format!("no domain {}", call.host));
    };
    let domain = domain.clone();
    let source = canonical_source(call.source);
    let attached: Vec<(&str, Option<&Acl>)> =
        domain.acls.iter().map(|key| (name_of(key), tables.acl(key).map(|acl| &**acl).filter(|acl| !acl.is_empty()))).collect();
    trace.say(|| format!("{}: domain {} of tenant {}, ACLs attached: {}", call.host, domain.label, domain.tenant, attached.len()));

    let mut live: Vec<LiveAcl<'_>> = Vec::new();
    let mut has_entries = false;
    for (name, acl) in attached {
        let Some(acl) = acl else {
            trace.say(|| format!("{name}: empty, admits nobody"));
            continue;
        };
        has_entries = true;
        let address = acl.addresses.find(source);
        let is_live = address.is_some() || acl.addresses.len() == 0;
        trace.say(|| say_acl(name, acl, source, address.map(|(prefix, _)| prefix)));
        if is_live {
            live.push(LiveAcl { name, acl, address });
        }
    }
    if !has_entries {
        trace.say(|| "no attached ACL has an entry: refused, as an unknown domain is".to_owned());
        let facts = format!("domain {} has no ACL with an address or an account; source {source}", call.host);
        return refuse(Some(domain.clone()), "T201", facts);
    }
    if let Some(by_address) = live.iter().find(|live| live.acl.accounts.len() == 0) {
        trace.say(|| format!("{}: live and without accounts, admits by address", by_address.name));
        let outcome = Outcome::Admit(by_address.admit(None));
        return Verdict { domain: Some(domain.clone()), outcome, username: String::new() };
    }
    if live.is_empty() {
        trace.say(|| format!("no ACL is live for {source}: refused, not challenged"));
        return refuse(Some(domain.clone()), "T203", source_facts(tables, &domain, source));
    }
    let (digest, username) = match proof {
        Proof::Assumed { username, is_password_right } => {
            (digest::assume(&live, username, is_password_right, &mut trace), username.to_owned())
        }
        Proof::Credentials { realm, values, now_ms, replay } => {
            digest::check(tables, &domain, &live, call, &digest::Input { realm, values, now_ms }, replay, &mut trace)
        }
    };
    let outcome = match digest {
        DigestOutcome::Right { live_index, account, caller_id, algorithm, nonce } => {
            Outcome::Admit(Admission { nonce, ..live[live_index].admit(Some((account.as_str(), &caller_id, algorithm))) })
        }
        DigestOutcome::Challenge { is_stale } => Outcome::Challenge { is_stale },
        DigestOutcome::Refuse { code, facts } => Outcome::Refuse { code, facts: format!("{facts}; source {source}") },
    };
    Verdict { domain: Some(domain), outcome, username }
}

fn refuse(domain: Option<Arc<Domain>>, code: &'static str, facts: String) -> Verdict {
    Verdict { domain, outcome: Outcome::Refuse { code, facts }, username: String::new() }
}

/// `<tenant>/<name>` → `<name>`.
fn name_of(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, name)| name)
}

fn say_acl(name: &str, acl: &Acl, source: IpAddr, address: Option<Prefix>) -> String {
    let accounts = acl.accounts.len();
    match address {
        Some(prefix) => format!("{name}: {source} is in {prefix}, accounts: {accounts}; live"),
        None if acl.addresses.len() == 0 => format!("{name}: no addresses, accounts: {accounts}; live"),
        None => format!("{name}: {source} is in none of its addresses ({}); not live", acl.addresses.len()),
    }
}

fn source_facts(tables: &Snapshot, domain: &Domain, source: IpAddr) -> String {
    let nearest = domain
        .acls
        .iter()
        .filter_map(|key| tables.acl(key).and_then(|acl| acl.addresses.nearest(source)).map(|(bits, prefix)| (bits, prefix, name_of(key))))
        // The first of equals, as they are attached.
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    match nearest {
        Some((_, prefix, acl)) => format!("source {source} is in no live ACL; nearest entry {prefix} of {acl}"),
        None => format!("source {source} is in no live ACL"),
    }
}
