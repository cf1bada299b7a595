//! The replicated tables: what the log says about access, as an immutable snapshot that is swapped whole.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use trunkline_message::{Algorithm, Ha1};

use crate::capture::Capture;
use crate::cow_map::CowMap;
use crate::gateways::Gateways;
use crate::nonce::NonceKey;
use crate::prefixes::{canonical_source, CallerId, Prefix, PrefixTable};

/// One entry of a batch; `trunkline.engine.tables` says what each means.
#[derive(Clone, Debug)]
pub enum Change {
    RemoveAll,
    SetDomain { host: String, domain: Domain },
    RemoveDomain { host: String },
    SetAddress { acl: String, cidr: String, caller_id: String },
    RemoveAddress { acl: String, cidr: String },
    ExemptAddress { acl: String, cidr: String },
    SetAccount { acl: String, username: String, secret: Secret, caller_id: String },
    RemoveAccount { acl: String, username: String },
    RemoveAcl { acl: String },
    SetGateway { gateway: String, entry: Gateway },
    RemoveGateway { gateway: String },
    SetNonceKeys { keys: Vec<NonceKey> },
    SetReason { code: String, reason: Reason },
    SetBan { cidr: String, ban: Ban },
    LiftBan { cidr: String },
}

/// A name that can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    pub tenant: String,
    pub label: String,
    /// Keys of attached ACLs, in the order in which they are looked at.
    pub acls: Vec<Arc<str>>,
    /// Offered in this order; not empty, each once.
    pub algorithms: Vec<Algorithm>,
    /// 401 or 407.
    pub challenge_status: u16,
    pub is_qop_optional: bool,
    pub capture: Capture,
}

/// The three HA1s of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    Readable {
        md5: Ha1,
        sha256: Ha1,
        sha512_256: Ha1,
    },
    /// Its key is missing or was erased: nobody can authenticate with it.
    Unreadable,
}

impl Secret {
    pub(crate) fn ha1(&self, algorithm: Algorithm) -> Option<&Ha1> {
        match (self, algorithm) {
            (Secret::Unreadable, _) => None,
            (Secret::Readable { md5, .. }, Algorithm::Md5) => Some(md5),
            (Secret::Readable { sha256, .. }, Algorithm::Sha256) => Some(sha256),
            (Secret::Readable { sha512_256, .. }, Algorithm::Sha512_256) => Some(sha512_256),
        }
    }
}

/// Where a carrier's messages come from and go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    pub carrier: String,
    pub address: SocketAddr,
    pub transport: String,
    pub is_trusted: bool,
    /// DNS name that its certificate must have; empty: its address.
    pub tls_name: String,
}

/// Nothing of these addresses is looked at until the time has come; who decides on it has seen to it that no customer is among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Unix seconds.
    pub until_s: u64,
    pub reason: String,
}

/// Bans at once; whoever needs more bans wider prefixes. Some 100 bytes each.
const MAX_BANS: usize = 100_000;

/// A row of the registry of refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub status: u16,
    pub text: String,
    pub q850: u16,
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub secret: Secret,
    pub caller_id: CallerId,
}

#[derive(Clone, Debug)]
pub(crate) struct Acl {
    pub addresses: PrefixTable<CallerId>,
    pub accounts: CowMap<Arc<str>, Account>,
}

impl Acl {
    fn new() -> Self {
        Acl { addresses: PrefixTable::new(), accounts: CowMap::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.addresses.len() == 0 && self.accounts.len() == 0
    }
}

/// One version of everything. Cheap to copy: copies share what neither changes.
#[derive(Clone, Debug)]
pub struct Snapshot {
    position: u64,
    domains: CowMap<Arc<str>, Arc<Domain>>,
    /// The domain that was told last.
    told: Option<Arc<Domain>>,
    acls: CowMap<Arc<str>, Arc<Acl>>,
    gateways: Gateways,
    nonce_keys: Arc<[NonceKey]>,
    reasons: Arc<HashMap<String, Reason>>,
    bans: PrefixTable<Arc<Ban>>,
    /// In how many ACLs a prefix stands; narrow and exempt ones only.
    listed: PrefixTable<u32>,
    /// Wide prefixes that count as narrow ones do, by ACL. There are few.
    exempt: Arc<HashMap<String, Vec<Prefix>>>,
}

impl Snapshot {
    fn new() -> Self {
        Snapshot {
            position: 0,
            domains: CowMap::new(),
            told: None,
            acls: CowMap::new(),
            gateways: Gateways::new(),
            nonce_keys: Arc::from([]),
            reasons: Arc::default(),
            bans: PrefixTable::new(),
            listed: PrefixTable::new(),
            exempt: Arc::default(),
        }
    }

    /// Of the log, that the tables cover.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Without case, a trailing dot does not matter.
    pub fn domain(&self, host: &str) -> Option<&Arc<Domain>> {
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.domains.get(host.to_ascii_lowercase().as_str());
        }
        self.domains.get(host)
    }

    pub(crate) fn acl(&self, key: &str) -> Option<&Arc<Acl>> {
        self.acls.get(key)
    }

    pub fn gateway(&self, gateway: &str) -> Option<&Arc<Gateway>> {
        self.gateways.get(gateway)
    }

    /// Ids of the gateways that send from this address; empty where there is none.
    pub fn gateways_at(&self, address: SocketAddr) -> &[Arc<str>] {
        self.gateways.at(address)
    }

    /// Whether a carrier's gateway is at this IP, whatever the port: the `carrier`'s or, where none is named, that of one who has a gateway
    /// at `known` too.
    pub fn is_of_carrier(&self, source: IpAddr, carrier: &str, known: IpAddr) -> bool {
        let (source, known) = (source.to_canonical(), known.to_canonical());
        match carrier {
            "" => self.gateways.are_of_one_carrier(source, known),
            carrier => self.gateways.has_carrier_on(carrier, source),
        }
    }

    /// Some ACL lists this address, alone or in a network no wider than a company's (/16, or /32 of IPv6): whoever lists the whole Internet
    /// makes nobody known by it.
    pub fn is_listed(&self, source: SocketAddr) -> bool {
        self.listed.len() > 0 && self.listed.find(canonical_source(source.ip())).is_some()
    }

    /// Some ACL of this domain lists this address, as of `is_listed`.
    pub fn is_listed_by(&self, domain: &Domain, source: IpAddr) -> bool {
        let source = canonical_source(source);
        domain.acls.iter().any(|key| {
            let found = self.acl(key).and_then(|acl| acl.addresses.find(source));
            found.is_some_and(|(prefix, _)| prefix.is_narrow() || self.exemptions(key).iter().any(|exempt| exempt.covers(source)))
        })
    }

    /// What the certificate of a gateway at this address must name; `None`: the address.
    pub fn tls_name_at(&self, address: SocketAddr) -> Option<&str> {
        let gateways = self.gateways_at(address).iter().filter_map(|id| self.gateways.get(id));
        gateways.map(|gateway| gateway.tls_name.as_str()).find(|name| !name.is_empty())
    }

    pub fn nonce_keys(&self) -> &[NonceKey] {
        &self.nonce_keys
    }

    /// The ban of the longest prefix that covers this source and holds at this time. A gateway's address is never banned: its responses are
    /// those of calls that are up.
    pub fn ban(&self, source: SocketAddr, now_s: u64) -> Option<&Ban> {
        if self.bans.len() == 0 {
            return None;
        }
        let (_, ban) = self.bans.find(canonical_source(source.ip()))?;
        (now_s < ban.until_s && self.gateways_at(source).is_empty()).then_some(ban)
    }

    pub fn reason(&self, code: &str) -> Option<&Reason> {
        self.reasons.get(code)
    }

    fn apply(&mut self, change: Change) -> Result<(), String> {
        match change {
            Change::RemoveAll => self.remove_all(),
            Change::SetDomain { host, domain } => self.set_domain(&host, domain)?,
            Change::RemoveDomain { host } => drop(self.domains.remove(host.as_str())),
            Change::SetAddress { acl, cidr, caller_id } => {
                let prefix = parse_prefix(&cidr)?;
                if self.acl_mut(&acl)?.addresses.insert(prefix, to_caller_id(&caller_id)).is_none() {
                    self.count_listed(prefix, true);
                }
            }
            Change::RemoveAddress { acl, cidr } => {
                let prefix = parse_prefix(&cidr)?;
                if self.acls.get(acl.as_str()).is_some_and(|acl| acl.addresses.get(prefix).is_some()) {
                    self.count_listed(prefix, false);
                }
                self.end_exemptions(&acl, |exempt| exempt == prefix);
                self.change_acl(&acl, |acl| acl.addresses.remove(prefix));
            }
            Change::ExemptAddress { acl, cidr } => {
                let prefix = parse_prefix(&cidr)?;
                let is_listed = self.acl(&acl).is_some_and(|acl| acl.addresses.get(prefix).is_some());
                if is_listed && !prefix.is_narrow() && !self.exemptions(&acl).contains(&prefix) {
                    Arc::make_mut(&mut self.exempt).entry(acl).or_default().push(prefix);
                    self.add_listed(prefix, true);
                }
            }
            Change::SetAccount { acl, username, secret, caller_id } => {
                require(&username, "username")?;
                self.acl_mut(&acl)?.accounts.insert(Arc::from(username), Account { secret, caller_id: to_caller_id(&caller_id) });
            }
            Change::RemoveAccount { acl, username } => self.change_acl(&acl, |acl| drop(acl.accounts.remove(username.as_str()))),
            Change::RemoveAcl { acl } => {
                self.end_exemptions(&acl, |_| true);
                if let Some(removed) = self.acls.remove(acl.as_str()) {
                    removed.addresses.prefixes().for_each(|prefix| self.count_listed(prefix, false));
                }
            }
            Change::SetGateway { gateway, entry } => {
                require(&gateway, "gateway")?;
                self.gateways.set(gateway, entry);
            }
            Change::RemoveGateway { gateway } => self.gateways.remove(&gateway),
            Change::SetNonceKeys { keys } => self.nonce_keys = Arc::from(keys),
            Change::SetReason { code, reason } => {
                require(&code, "code")?;
                if !(300..=699).contains(&reason.status) {
                    return Err(format!("status: {} is no final status of a refusal (300 to 699)", reason.status));
                }
                if !trunkline_message::text::is_header_text(reason.text.as_bytes()) || reason.text.contains(['"', '\\']) {
                    return Err("text: it cannot stand in a header (control characters, quotes, or blanks at an end)".to_owned());
                }
                Arc::make_mut(&mut self.reasons).insert(code, reason);
            }
            Change::SetBan { cidr, ban } => {
                let prefix = parse_prefix(&cidr)?;
                if self.bans.len() >= MAX_BANS && self.bans.get(prefix).is_none() {
                    return Err(format!("cidr: there are {MAX_BANS} bans already; lift some, or ban wider prefixes"));
                }
                drop(self.bans.insert(prefix, Arc::new(ban)));
            }
            Change::LiftBan { cidr } => self.bans.remove(parse_prefix(&cidr)?),
        }
        Ok(())
    }

    fn remove_all(&mut self) {
        let empty = Snapshot::new();
        *self = Snapshot {
            position: self.position,
            nonce_keys: Arc::clone(&self.nonce_keys),
            reasons: Arc::clone(&self.reasons),
            bans: self.bans.clone(),
            ..empty
        };
    }

    fn set_domain(&mut self, host: &str, domain: Domain) -> Result<(), String> {
        require(host, "host")?;
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) || host.ends_with('.') {
            return Err(format!("host: {host:?} must be in lower case and without a dot at its end"));
        }
        if domain.algorithms.is_empty() {
            return Err("algorithms: at least one must be offered".to_owned());
        }
        if domain.algorithms.iter().enumerate().any(|(at, algorithm)| domain.algorithms[..at].contains(algorithm)) {
            return Err("algorithms: each can be offered once".to_owned());
        }
        if !matches!(domain.challenge_status, 401 | 407) {
            return Err(format!("challenge_status: {} is neither 401 nor 407", domain.challenge_status));
        }
        // The names of a domain are told one after another, and say the same.
        let told = self.told.take().filter(|told| **told == domain).unwrap_or_else(|| Arc::new(domain));
        self.told = Some(Arc::clone(&told));
        self.domains.insert(Arc::from(host), told);
        Ok(())
    }

    fn acl_mut(&mut self, key: &str) -> Result<&mut Acl, String> {
        if self.acls.get(key).is_none() {
            require(key, "acl")?;
            self.acls.insert(Arc::from(key), Arc::new(Acl::new()));
        }
        self.acls.get_mut(key).map(Arc::make_mut).ok_or_else(|| format!("acl: {key:?} could not be made"))
    }

    fn change_acl(&mut self, key: &str, change: impl FnOnce(&mut Acl)) {
        let Some(acl) = self.acls.get_mut(key).map(Arc::make_mut) else {
            return;
        };
        change(acl);
        if acl.is_empty() {
            self.acls.remove(key);
        }
    }

    fn count_listed(&mut self, prefix: Prefix, is_added: bool) {
        if prefix.is_narrow() {
            self.add_listed(prefix, is_added);
        }
    }

    fn exemptions(&self, acl: &str) -> &[Prefix] {
        self.exempt.get(acl).map_or(&[], Vec::as_slice)
    }

    fn end_exemptions(&mut self, acl: &str, is_over: impl Fn(Prefix) -> bool) {
        let (over, left): (Vec<_>, Vec<_>) = self.exemptions(acl).iter().partition(|prefix| is_over(**prefix));
        if over.is_empty() {
            return;
        }
        let exempt = Arc::make_mut(&mut self.exempt);
        if left.is_empty() {
            exempt.remove(acl);
        } else {
            exempt.insert(acl.to_owned(), left);
        }
        over.into_iter().for_each(|prefix| self.add_listed(prefix, false));
    }

    fn add_listed(&mut self, prefix: Prefix, is_added: bool) {
        if is_added {
            // In most cases it is new, and that is done by one look-up.
            if let Some(count) = self.listed.insert(prefix, 1) {
                self.listed.insert(prefix, count + 1);
            }
            return;
        }
        match self.listed.get(prefix).copied() {
            None => {}
            Some(1) => self.listed.remove(prefix),
            Some(count) => {
                self.listed.insert(prefix, count - 1);
            }
        }
    }
}

fn require(text: &str, field: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{field}: it is empty"));
    }
    Ok(())
}

fn parse_prefix(cidr: &str) -> Result<Prefix, String> {
    Prefix::parse(cidr).map_err(|what| format!("cidr: {cidr:?}: {what}"))
}

fn to_caller_id(text: &str) -> CallerId {
    (!text.is_empty()).then(|| Arc::from(text))
}

/// Why a batch was not applied: which entry (from 0) and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchError {
    pub entry: usize,
    pub what: String,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} of the batch: {}", self.entry, self.what)
    }
}

impl std::error::Error for BatchError {}

/// The tables that change. Readers take a snapshot and are never held up; writers wait for one another.
#[derive(Debug)]
pub struct Tables {
    current: ArcSwap<Snapshot>,
    writer: Mutex<()>,
}

impl Tables {
    pub fn new() -> Self {
        Tables { current: ArcSwap::from_pointee(Snapshot::new()), writer: Mutex::new(()) }
    }

    /// One version, for one message.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// The same to keep, where a borrow would be in the way.
    pub fn load_full(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// All of the batch or, on an error, none. `position` is that of the log after it; it never goes back.
    pub fn apply(&self, batch: Vec<Change>, position: u64) -> Result<(), BatchError> {
        // A writer that panicked has published nothing.
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Snapshot::clone(&self.current.load());
        for (entry, change) in batch.into_iter().enumerate() {
            next.apply(change).map_err(|what| BatchError { entry, what })?;
        }
        next.position = next.position.max(position);
        self.current.store(Arc::new(next));
        Ok(())
    }

    /// As `apply`, in place, while nobody looks: nothing is copied, and a reader would find empty tables. After an error they hold what came
    /// before it.
    pub fn fill(&self, batch: Vec<Change>) -> Result<(), BatchError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Arc::unwrap_or_clone(self.current.swap(Arc::new(Snapshot::new())));
        let filled =
            batch.into_iter().enumerate().try_for_each(|(entry, change)| next.apply(change).map_err(|what| BatchError { entry, what }));
        self.current.store(Arc::new(next));
        filled
    }
}

impl Default for Tables {
    fn default() -> Self {
        Tables::new()
    }
}
