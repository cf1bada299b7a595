//! Requests that the core leaves to the edge: new INVITEs, and re-INVITEs from elsewhere. Others outside of dialogs: `strays`; refusals: `refusing`.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use trunkline_access::{current_key, decide, entropy_for, issue, Admission, Call, Domain, Outcome, Proof, Snapshot, Verdict};
use trunkline_message::{Algorithm, Message, Scheme};
use trunkline_transaction::{
    AdmitError, CallHandle, CallId, Disposition, Failures, Flow, Listener, Now, Prepared, RecheckHandle, RoutePlan, Step, Transport,
};

use crate::attempt::{credentials_of, Attempt, Owner};
use crate::counts::What;
use crate::policy::{self, Decision, Invite, Policy};
use crate::reasons::refusal;
use crate::stateless::Challenges;
use crate::status::raise;
use crate::worker::Worker;

/// Callers who are turned away come again within these seconds, spread so that they do not come at once.
const RETRY_FIRST_S: u128 = 2;
const RETRY_SPREAD_S: u128 = 8;

impl Worker {
    pub(crate) fn on_message(&mut self, now: Now, flow: Flow, message: &Message<'_>, policy: &mut dyn Policy) {
        self.learn_keys();
        self.capture_sampled(now, flow, message);
        let disposition = match self.proxy.on_message(now, flow, message, &mut self.actions) {
            Disposition::OfCarrier { carrier, gateway } => self.ask_for_carrier(now, flow, message, &carrier, gateway),
            other => other,
        };
        match disposition {
            Disposition::Done => self.capture_failing(now, flow, message),
            Disposition::NewInvite if self.is_shut_out(now, flow, message) => {}
            Disposition::NewInvite if self.shedding.turns_away(flow.peer, message.branch()) => self.shed(now, flow, message),
            Disposition::NewInvite => self.new_invite(now, flow, message, policy),
            Disposition::Recheck { handle, call: _, tenant: _, domain, is_same_source } => {
                self.recheck(now, flow, message, handle, &domain, is_same_source);
            }
            Disposition::Elsewhere { worker } => self.pass(worker, flow, message),
            // Asked for above, and asked for once.
            Disposition::OfCarrier { .. } => {}
            Disposition::OutOfDialog(method) => self.out_of_dialog(now, flow, message, method),
            Disposition::Refuse { status, code, unsupported } => {
                let mut refusal = refusal(&self.shared.tables.load(), code, String::new());
                refusal.status = status;
                if !unsupported.is_empty() {
                    refusal.extra_headers = format!("Unsupported: {unsupported}\r\n");
                }
                self.refuse_unasked(now, flow, message, &refusal);
            }
        }
    }

    /// A carrier speaks from any of its gateways, which the tables know.
    fn ask_for_carrier(&mut self, now: Now, flow: Flow, message: &Message<'_>, carrier: &str, gateway: IpAddr) -> Disposition {
        if self.shared.tables.load().is_of_carrier(flow.peer.ip(), carrier, gateway) {
            return self.proxy.on_carrier_message(now, flow, message, &mut self.actions);
        }
        Disposition::Refuse { status: 403, code: "T109", unsupported: String::new() }
    }

    /// A new call while this worker is behind: turned away before anything dear is done for it, and asked to come at a time of its own.
    fn shed(&mut self, now: Now, flow: Flow, message: &Message<'_>) {
        raise(&self.counters.shed);
        // A customer is told each time: silence is a call that takes 32 s to fail.
        if !self.may_answer(now, flow, What::Shed) && !self.shared.sources.is_known(now.ms, flow.peer.ip()) {
            return;
        }
        let mut refusal = refusal(&self.shared.tables.load(), "T902", String::new());
        // Of an id, whose last byte says something else.
        let jitter_s = (self.ids.next(now) >> 8) % RETRY_SPREAD_S;
        refusal.extra_headers = format!("Retry-After: {}\r\n", RETRY_FIRST_S + jitter_s);
        self.refuse(flow, message, &refusal, b"");
    }

    fn new_invite(&mut self, now: Now, flow: Flow, message: &Message<'_>, policy: &mut dyn Policy) {
        let tables = self.shared.tables.load();
        let uri = match message.request_uri() {
            Ok(uri) if uri.scheme == Scheme::Sip => uri,
            Ok(_) => return self.refuse_unasked(now, flow, message, &refusal(&tables, "T107", String::new())),
            Err(error) => return self.refuse_unasked(now, flow, message, &refusal(&tables, "T101", error.what.to_owned())),
        };
        let host = String::from_utf8_lossy(uri.host);
        let user = uri.user_unescaped();
        let number = String::from_utf8_lossy(&user);
        if let Some(gateway) = tables.gateways_at(flow.peer).first() {
            // Calls go to carriers, they do not come from them.
            let refusal = refusal(&tables, "T203", format!("source {} is gateway {gateway}", flow.peer));
            let attempt = Attempt { host: &host, number: &number, username: b"" };
            let owner = tables.domain(&host).map(|domain| Owner::of(domain, &tables));
            return self.refuse_attempt(now, flow, message, owner, &refusal, &attempt);
        }
        if let Some(default) = self.bound_elsewhere(&host) {
            // The same for a domain that exists and one that does not: nobody learns by it which names there are.
            let refusal = refusal(&tables, "T206", format!("{host} is bound to another point of presence than {}", self.config.pop));
            let attempt = Attempt { host: &host, number: &number, username: b"" };
            let owner = tables.domain(&default).map(|domain| Owner::of(domain, &tables));
            return self.refuse_attempt(now, flow, message, owner, &refusal, &attempt);
        }
        if self.shared.is_degraded.load(Ordering::Relaxed) {
            return self.ask_elsewhere(now, flow, message, policy, &host, &number);
        }
        let verdict = self.ask(now, flow, message, &tables, &host, &user);
        let attempt = Attempt { host: &host, number: &number, username: verdict.username.as_bytes() };
        match verdict.outcome {
            Outcome::Admit(ref admission) => match verdict.domain {
                Some(ref domain) => self.admit(now, flow, message, policy, &tables, domain, admission, &attempt),
                None => self.refuse(flow, message, &refusal(&tables, "T901", "admitted by no domain".to_owned()), b""),
            },
            Outcome::Challenge { is_stale } => {
                if let Some(domain) = &verdict.domain {
                    let owner = Owner::of(domain, &tables);
                    self.challenge(now, flow, message, &tables, owner, domain.challenge_status, &domain.algorithms, is_stale, &attempt);
                }
            }
            Outcome::Refuse { code, facts } => {
                let owner = verdict.domain.as_deref().map(|domain| Owner::of(domain, &tables));
                self.refuse_attempt(now, flow, message, owner, &refusal(&tables, code, facts), &attempt);
            }
        }
    }

    /// For `<label>.<other POP>.<realm>` the default name `<label>.<realm>`; names are compared without case (RFC 4343).
    fn bound_elsewhere(&self, host: &str) -> Option<String> {
        let realm = &self.config.realm;
        let cut = host.len().checked_sub(realm.len() + 1)?;
        let (inner, suffix) = (host.get(..cut)?, host.get(cut..)?);
        if !suffix.strip_prefix('.')?.eq_ignore_ascii_case(realm) {
            return None;
        }
        let (label, pop) = inner.rsplit_once('.')?;
        self.config.other_pops.iter().any(|other| other.eq_ignore_ascii_case(pop)).then(|| format!("{label}.{realm}"))
    }

    fn ask(&mut self, now: Now, flow: Flow, message: &Message<'_>, tables: &Snapshot, host: &str, user: &[u8]) -> Verdict {
        let unfolded = credentials_of(message);
        let values: Vec<&[u8]> = unfolded.iter().map(AsRef::as_ref).collect();
        let call = Call { host, source: flow.peer.ip(), method: message.method_bytes(), number: user, sip_call_id: message.call_id() };
        // One memory for all workers, so that no use is admitted by two; nobody waits who brings none.
        let mut replay = (!values.is_empty()).then(|| self.shared.replay.lock().unwrap_or_else(PoisonError::into_inner));
        let proof = Proof::Credentials {
            realm: &self.config.realm,
            values: &values,
            now_ms: now.unix_ns / 1_000_000,
            replay: replay.as_deref_mut(),
        };
        decide(tables, &call, proof, None)
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn challenge(
        &mut self,
        now: Now,
        flow: Flow,
        message: &Message<'_>,
        tables: &Snapshot,
        owner: Owner<'_>,
        status: u16,
        algorithms: &[Algorithm],
        is_stale: bool,
        attempt: &Attempt<'_>,
    ) {
        let now_ms = now.unix_ns / 1_000_000;
        let Some(key) = current_key(tables.nonce_keys(), now_ms) else {
            return self.refuse_attempt(now, flow, message, Some(owner), &refusal(tables, "T904", String::new()), attempt);
        };
        raise(&self.counters.challenges);
        self.challenges.sent(now.unix_ns, flow.peer.ip(), owner.tenant, owner.label, &mut self.lines, &mut self.pending);
        let nonce = issue(key, &self.config.realm, now_ms, entropy_for(key, flow.peer.ip(), self.ids.random(now)));
        let challenges = Challenges { status, realm: &self.config.realm, nonce: &nonce, algorithms, is_stale };
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        self.stateless.challenge(message, flow.peer, &challenges, &mut answer);
        self.send(self.reply_flow(message, flow), &answer);
        self.answer = answer;
    }

    #[allow(clippy::too_many_arguments)]
    fn admit(
        &mut self,
        now: Now,
        flow: Flow,
        message: &Message<'_>,
        policy: &mut dyn Policy,
        tables: &Snapshot,
        domain: &Domain,
        admission: &Admission,
        attempt: &Attempt<'_>,
    ) {
        let owner = Owner::of(domain, tables);
        let Some((call, handle)) = self.begin(now, flow, message, tables, owner, admission, attempt) else { return };
        self.gather();

        let Some(kept) = self.proxy.invite(handle) else { return };
        let source = flow.peer.to_string();
        let invite = Invite {
            call,
            position: owner.position,
            tenant: owner.tenant,
            domain: owner.label,
            host: attempt.host,
            number: attempt.number,
            source: &source,
            transport: self.transport(flow).as_str(),
            acl: &admission.acl,
            account: &admission.account,
            address: &admission.address,
            account_caller_id: &admission.account_caller_id,
            address_caller_id: &admission.address_caller_id,
            message: &kept,
        };
        // Before the policy is asked: what changes meanwhile makes the answer too old to be kept.
        let changes = self.shared.changes.number();
        let decision = match self.decisions.find(changes, &invite) {
            Some(known) => {
                raise(&self.counters.remembered);
                known
            }
            None => {
                let decided = {
                    let _running = self.watchdog.decision();
                    policy.decide(&invite)
                };
                self.decisions.keep(changes, &invite, &decided);
                decided
            }
        };
        self.carry_out(flow, message, tables, owner, admission, decision, call, handle, attempt);
    }

    /// Makes the transaction of an admitted INVITE, with its 100. `None`: it was refused.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn begin(
        &mut self,
        now: Now,
        flow: Flow,
        message: &Message<'_>,
        tables: &Snapshot,
        owner: Owner<'_>,
        admission: &Admission,
        attempt: &Attempt<'_>,
    ) -> Option<(CallId, CallHandle)> {
        if admission.algorithm.is_some() {
            self.challenges.answered(flow.peer.ip(), owner.label);
        }
        if self.is_journal_failing && !self.write_journal() {
            self.refuse(flow, message, &refusal(tables, "T902", String::new()), b"");
            return None;
        }
        let call = CallId(self.ids.next(now));
        let caller = [admission.caller_id(), &admission.account, &admission.address].into_iter().find(|text| !text.is_empty());
        let admitted = trunkline_transaction::Admission {
            call,
            tenant: owner.tenant.to_owned(),
            domain: owner.label.to_owned(),
            number: attempt.number.to_owned(),
            caller: caller.unwrap_or_default().to_owned(),
        };
        match self.proxy.admit(now, flow, message, admitted, &mut self.actions) {
            Ok(handle) => {
                raise(&self.counters.admitted);
                self.capture_begun(now, flow, message, call, owner);
                self.shared.sources.know(now.ms, flow.peer.ip());
                self.remember(message);
                Some((call, handle))
            }
            Err(error) => {
                let code = match error {
                    AdmitError::Overloaded => "T902",
                    AdmitError::NoTokenKey => "T906",
                };
                let refusal = refusal(tables, code, format!("{error:?}"));
                self.refuse_recorded(now, flow, message, owner, &refusal, attempt);
                None
            }
        }
    }

    /// What was decided about a call whose transaction is there: its first facts, then its first gateway or its refusal.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn carry_out(
        &mut self,
        flow: Flow,
        message: &Message<'_>,
        tables: &Snapshot,
        owner: Owner<'_>,
        admission: &Admission,
        decision: Decision,
        call: CallId,
        handle: CallHandle,
        attempt: &Attempt<'_>,
    ) {
        let now = self.clock.now();
        self.write_attempt(now, flow, message, owner, admission, &decision, call, attempt);
        let is_recorded = self.write_journal();
        let now = self.clock.now();
        let done = match decision.outcome {
            _ if !is_recorded => {
                self.proxy.reject(now, handle, refusal(tables, "T902", "the journal takes no facts".to_owned()), &mut self.actions)
            }
            policy::Outcome::Route(targets) => {
                let plan = RoutePlan {
                    steps: targets.into_iter().filter_map(|(target, request_user)| self.step(target, request_user)).collect(),
                    failures: self.failures(tables, decision.is_last_resort),
                    max_duration_s: decision.max_duration_s,
                };
                self.proxy.route(now, handle, plan, &mut self.actions)
            }
            policy::Outcome::Reject { code, facts } => {
                raise(&self.counters.refusals);
                self.proxy.reject(now, handle, refusal(tables, &code, facts), &mut self.actions)
            }
            policy::Outcome::Failed(what) => {
                raise(&self.counters.policy_failures);
                self.proxy.reject(now, handle, refusal(tables, "T901", what), &mut self.actions)
            }
        };
        // A stale handle: the call was over before its decision, and has its facts.
        let _ = done;
    }

    /// Made anew when the tables have changed.
    fn failures(&mut self, tables: &Snapshot, is_last_resort: bool) -> Arc<Failures> {
        if self.failures.0 != Some(tables.position()) {
            let failures = Failures {
                all_failed: refusal(tables, "T402", String::new()),
                timed_out: refusal(tables, "T405", String::new()),
                no_target: refusal(tables, "T403", String::new()),
            };
            self.failures = (Some(tables.position()), Arc::new(failures));
        }
        if is_last_resort {
            let known = &self.failures.1;
            return Arc::new(Failures { all_failed: known.no_target.clone(), ..Failures::clone(known) });
        }
        Arc::clone(&self.failures.1)
    }

    /// The first listener of the gateway's transport and address family; without one the gateway cannot be reached from here.
    fn step(&self, target: Arc<Prepared>, request_user: String) -> Option<Step> {
        let large_listener = if target.is_tcp_allowed { self.listener_to(Transport::Tcp, target.address) } else { None };
        Some(Step { listener: self.listener_to(target.transport, target.address)?, large_listener, target, request_user })
    }

    /// The first of this transport and of the address's family.
    pub(crate) fn listener_to(&self, transport: Transport, address: SocketAddr) -> Option<u16> {
        let speaks = |listener: &Listener| listener.transport == transport && listener.address.is_ipv4() == address.is_ipv4();
        let mut fitting = self.places.iter().enumerate().filter(|(_, listener)| speaks(listener)).map(|(at, _)| at);
        // A connection that this worker makes is its own.
        let at = fitting.find(|at| transport == Transport::Udp || self.own_streams.contains(at))?;
        u16::try_from(at).ok()
    }

    /// A re-INVITE from another source, or of a call that another edge has set up, passes the access rule of its domain again. From the
    /// call's own source nobody is challenged a second time; what the rule refuses by now is refused.
    fn recheck(&mut self, now: Now, flow: Flow, message: &Message<'_>, handle: RecheckHandle, domain: &str, is_same_source: bool) {
        let tables = self.shared.tables.load();
        let host = format!("{domain}.{}", self.config.realm);
        let verdict = self.ask(now, flow, message, &tables, &host, b"");
        let done = match verdict.outcome {
            Outcome::Admit(_) => self.proxy.resume(now, handle, &mut self.actions),
            Outcome::Challenge { .. } if is_same_source => self.proxy.resume(now, handle, &mut self.actions),
            Outcome::Challenge { is_stale } => match (current_key(tables.nonce_keys(), now.unix_ns / 1_000_000), verdict.domain) {
                (Some(key), Some(domain)) => {
                    let entropy = entropy_for(key, flow.peer.ip(), self.ids.random(now));
                    let nonce = issue(key, &self.config.realm, now.unix_ns / 1_000_000, entropy);
                    let challenges = Challenges {
                        status: domain.challenge_status,
                        realm: &self.config.realm,
                        nonce: &nonce,
                        algorithms: &domain.algorithms,
                        is_stale,
                    };
                    let mut lines = Vec::new();
                    challenges.write(&mut lines);
                    let mut refusal = refusal(&tables, "T203", "re-INVITE from another source".to_owned());
                    refusal.status = domain.challenge_status;
                    refusal.extra_headers = String::from_utf8_lossy(&lines).into_owned();
                    self.proxy.refuse(now, handle, refusal, &mut self.actions)
                }
                _ => self.proxy.refuse(now, handle, refusal(&tables, "T904", String::new()), &mut self.actions),
            },
            // What is not in the tables yet is no reason: a 404 would end the dialog (RFC 5057 §5.1), and the call is one of ours.
            Outcome::Refuse { .. } if self.shared.is_degraded.load(Ordering::Relaxed) => {
                self.proxy.refuse(now, handle, refusal(&tables, "T906", String::new()), &mut self.actions)
            }
            Outcome::Refuse { code, facts } => self.proxy.refuse(now, handle, refusal(&tables, code, facts), &mut self.actions),
        };
        // A stale handle: the dialog ended meanwhile.
        let _ = done;
    }
}
