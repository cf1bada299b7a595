//! Answers to what was asked elsewhere: from them on the call goes its usual way.

use std::sync::atomic::Ordering;
use std::sync::PoisonError;

use trunkline_access::{is_first_use, Admission, Capture};
use trunkline_message::{Algorithm, Message};
use trunkline_transaction::{CallId, Flow, Now};

use crate::asked::NotAsked;
use crate::attempt::{credentials_of, nobody, Attempt, Owner};
use crate::policy::{Decision, Invite, Outcome, Policy};
use crate::reasons::refusal;
use crate::worker::Worker;

/// Of a challenge after credentials that were used before: a client takes either, and 407 is what domains have unless they ask for 401.
const CHALLENGE_STATUS: u16 = 407;

/// What was answered about the INVITE of this id.
#[derive(Clone, Debug)]
pub struct Completion {
    pub id: u128,
    pub answer: Answer,
    /// Whose call it is and what admitted it; `None`: of no domain.
    pub asked: Option<AskedOwner>,
}

#[derive(Clone, Debug)]
pub enum Answer {
    Decided(Decision),
    Challenge { status: u16, algorithms: Vec<Algorithm>, is_stale: bool },
}

#[derive(Clone, Debug, Default)]
pub struct AskedOwner {
    pub tenant: String,
    /// Label.
    pub domain: String,
    pub acl: String,
    pub account: String,
    pub address: String,
    pub account_caller_id: String,
    pub address_caller_id: String,
    /// `None` without digest.
    pub algorithm: Option<Algorithm>,
    /// Position of the log that the answer covered.
    pub position: u64,
    /// The digest username that was sent, for refused attempts.
    pub username: String,
}

impl Worker {
    /// Hands a new INVITE to whoever asks for its decision. Without somebody to ask, and with too many that wait, it is refused.
    pub(crate) fn ask_elsewhere(&mut self, now: Now, flow: Flow, message: &Message<'_>, policy: &mut dyn Policy, host: &str, number: &str) {
        let id = self.ids.next(now);
        match self.asked.keep(id, flow, message, now.ms + self.config.ask_limit_ms) {
            Ok(()) => {}
            Err(NotAsked::Retransmission) => return,
            Err(NotAsked::Full) => return self.refuse(flow, message, &refusal(&self.shared.tables.load(), "T902", String::new()), b""),
        }
        let Some(kept) = self.asked.message(id) else { return };
        let source = flow.peer.to_string();
        let invite = Invite {
            call: CallId(id),
            position: 0,
            tenant: "",
            domain: "",
            host,
            number,
            source: &source,
            transport: self.transport(flow).as_str(),
            acl: "",
            account: "",
            address: "",
            account_caller_id: "",
            address_caller_id: "",
            message: &kept,
        };
        let is_asked = {
            let _running = self.watchdog.decision();
            policy.ask(&invite)
        };
        if !is_asked && self.asked.take(id).is_some() {
            self.refuse(flow, message, &refusal(&self.shared.tables.load(), "T906", String::new()), b"");
        }
    }

    /// What nobody answered in time.
    pub(crate) fn refuse_overdue(&mut self, now: Now) {
        // Ends: each turn takes one that waits.
        while let Some(waiting) = self.asked.take_overdue(now.ms) {
            self.refuse(waiting.flow, &waiting.message.view(), &refusal(&self.shared.tables.load(), "T907", String::new()), b"");
        }
    }

    pub(crate) fn complete(&mut self, now: Now, completion: Completion) {
        self.learn_keys();
        // Too late: it was refused, and the caller has gone.
        let Some(waiting) = self.asked.take(completion.id) else { return };
        let (flow, message) = (waiting.flow, waiting.message.view());
        let tables = self.shared.tables.load();
        let Ok(uri) = message.request_uri() else { return };
        let (host, user) = (String::from_utf8_lossy(uri.host), uri.user_unescaped());
        let number = String::from_utf8_lossy(&user);
        let asked = completion.asked.unwrap_or_default();
        let attempt = Attempt { host: &host, number: &number, username: asked.username.as_bytes() };
        let (tenant, label) = (asked.tenant.as_str(), asked.domain.as_str());
        // What is sampled stands in the tables, which are not whole.
        let owner = Owner { tenant, label, position: asked.position, capture: Capture::default() };
        let decision = match completion.answer {
            Answer::Challenge { status, algorithms, is_stale } => {
                return self.challenge(now, flow, &message, &tables, owner, status, &algorithms, is_stale, &attempt);
            }
            Answer::Decided(decision) => decision,
        };
        if let Some(algorithm) = asked.algorithm {
            let values = credentials_of(&message);
            let values: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
            let now_ms = now.unix_ns / 1_000_000;
            let realm = &self.config.realm;
            let is_first = {
                let mut replay = self.shared.replay.lock().unwrap_or_else(PoisonError::into_inner);
                is_first_use(&tables, realm, &values, asked.account.as_bytes(), message.call_id(), now_ms, &mut replay)
            };
            if !is_first {
                let status = CHALLENGE_STATUS;
                return self.challenge(now, flow, &message, &tables, owner, status, &[algorithm], true, &attempt);
            }
        }
        if let Outcome::Reject { code, facts } = &decision.outcome {
            let owner = (!asked.tenant.is_empty()).then_some(owner);
            return self.refuse_attempt(now, flow, &message, owner, &refusal(&tables, code, facts.clone()), &attempt);
        }
        let admission = Admission {
            acl: asked.acl.clone(),
            account: asked.account.clone(),
            address: asked.address.clone(),
            account_caller_id: asked.account_caller_id.clone(),
            address_caller_id: asked.address_caller_id.clone(),
            algorithm: asked.algorithm,
            nonce: None,
        };
        debug_assert!(admission != nobody(), "a route for nobody");
        if let Some((call, handle)) = self.begin(now, flow, &message, &tables, owner, &admission, &attempt) {
            self.gather();
            self.carry_out(flow, &message, &tables, owner, &admission, decision, call, handle, &attempt);
        }
        self.counters.deferred.fetch_add(1, Ordering::Relaxed);
    }
}
