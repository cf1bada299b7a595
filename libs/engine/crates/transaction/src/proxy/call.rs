//! Rows of calls: from the admitted INVITE to the end, and their facts. The first final outcome wins.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_message::{HeaderName, Message};

use crate::action::{EndedBy, FactKind, FailedBy, FailureCause, Flow, Kept};
use crate::forward::{self, Identity};
use crate::plan::{Admission, CallHandle, CallId, Failures, LiveCall, LiveState, Refusal, StaleCall, Step};
use crate::slab::Key;
use crate::timer::Timers;
use crate::token::Token;

use super::forks::Fork;
use super::hangup::{Dialog, Ending};
use super::hiding::HiddenSet;
use super::numbering::Numbering;
use super::phase::{self, Change, Phase};
use super::server::ServerRole;
use super::{AdmitError, Proxy, Timed, Turn};

/// The end of a call as its BYE says it: said when the BYE is through, for a BYE that is refused ends nothing (§12.2.2, §15.1.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub by: EndedBy,
    pub q850: u16,
    pub answered_ns: u64,
    /// When the BYE came.
    pub time_ns: u64,
    /// As of the call then.
    pub dialogs_over: u8,
}

/// Timers of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum CallTimer {
    /// The decision does not come.
    Decision,
    /// The current gateway has sent nothing at all.
    Silent,
    /// No gateway has sent anything at all.
    AllSilent,
    /// 100 and then nothing.
    Pdd,
    /// The end of a cancelled branch does not come.
    CancelWait,
    /// It has lasted as long as it may.
    Longest,
}

impl CallTimer {
    pub const ALL: [Self; 6] = [Self::Decision, Self::Silent, Self::AllSilent, Self::Pdd, Self::CancelWait, Self::Longest];
}

/// CSeq of both directions.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub from_customer: Numbering,
    pub from_carrier: Numbering,
    /// The carrier's highest before the answer, in whichever early dialog: one that answers later may have had it.
    pub early: u32,
}

#[derive(Debug)]
pub(super) struct Call {
    pub id: CallId,
    pub tenant: String,
    pub domain: String,
    pub number: String,
    pub caller: String,
    pub start_ns: u64,
    /// Of the dialog: its caller's tag, and From as the caller wrote it, for To of the carrier's requests.
    pub caller_tag: Vec<u8>,
    pub caller_address: Vec<u8>,
    /// To as the caller wrote it, for From of the carrier's requests, and the URI of its Contact, for their Request-URI.
    pub called_address: Vec<u8>,
    pub contact: Vec<u8>,
    /// Where requests to the customer go: where its last one came from.
    pub customer: Flow,
    /// The server transaction of the INVITE.
    pub server: Key,
    pub phase: Phase,
    /// Gateways not tried yet, first one last.
    pub waiting: Vec<Step>,
    /// The gateway that is tried, or that answered.
    pub step: Option<Step>,
    /// What it is shown.
    pub identity: Arc<Identity>,
    pub failures: Arc<Failures>,
    /// Gateways tried.
    pub tries: u32,
    pub current: Option<Key>,
    /// The token of the current gateway's copy of Record-Route, and what it says.
    pub token: String,
    pub sealed: Option<Token>,
    /// Of a hidden call: routes that one side wrote and the other was not shown.
    pub hidden: Vec<HiddenSet>,
    /// Some gateway has sent something.
    pub is_any_heard: bool,
    /// Of the last gateway that failed.
    pub last_cause: Option<FailureCause>,
    pub answered_ns: u64,
    /// Of the dialog that is the call's, and dialogs beside it.
    pub callee_tag: Vec<u8>,
    pub forks: Vec<Fork>,
    /// Dialogs that were the call's before.
    pub dialogs_over: u8,
    /// Where the carrier's own requests may come from beside its gateways: what its last response that makes a dialog named.
    pub carrier_ip: Option<IpAddr>,
    /// For requests of our own, from the answer on.
    pub dialog: Option<Box<Dialog>>,
    pub ending: Option<Ending>,
    pub numbers: Numbers,
    /// Longest time from the answer.
    pub max_duration_s: u32,
    pub timers: Timers<{ CallTimer::ALL.len() }>,
    /// What is kept of it over the end of the process is out of date.
    pub is_stale: bool,
    /// Something is kept of it.
    pub is_saved: bool,
    /// The customer has not been heard since the row was restored: the connection of `customer`, where it is one, ended with the edge.
    pub is_flow_gone: bool,
    /// One of its sides has spoken in this life of the edge. Of a restored call that is not certain: it may have ended meanwhile.
    pub is_confirmed: bool,
}

impl Call {
    /// Its end, where we hang it up now.
    pub fn ended_by_us(&self, reason: &Refusal, now_ns: u64) -> End {
        End { by: EndedBy::Edge, q850: reason.q850, answered_ns: self.answered_ns, time_ns: now_ns, dialogs_over: self.dialogs_over }
    }

    pub fn as_live(&self) -> LiveCall<'_> {
        LiveCall {
            call: self.id,
            tenant: &self.tenant,
            domain: &self.domain,
            number: &self.number,
            caller: &self.caller,
            state: match self.phase {
                Phase::Deciding | Phase::Trying | Phase::Skipping => LiveState::Trying,
                Phase::Ringing | Phase::Cancelled | Phase::Overdue => LiveState::Ringing,
                // A call that is over has no row.
                Phase::Answered | Phase::Closing | Phase::Over => LiveState::Answered,
            },
            start_ns: self.start_ns,
            gateway: self.step.as_ref().map_or("", |step| &step.target.gateway),
            carrier: self.step.as_ref().map_or("", |step| &step.target.carrier),
        }
    }

    /// The only way in which a phase changes: by the table.
    pub fn change(&mut self, change: Change) {
        let next = phase::step(self.phase, change);
        debug_assert!(next.is_some(), "{change:?} in {:?}", self.phase);
        self.phase = next.unwrap_or(self.phase);
    }
}

/// The URI of the first Contact, as it may stand in a Request-URI; empty where there is none.
pub(super) fn contact_uri(request: &Message<'_>) -> Vec<u8> {
    let contact = request.addresses(HeaderName::Contact).next().and_then(Result::ok);
    contact.map(|contact| forward::without_headers(contact.uri_bytes).to_vec()).unwrap_or_default()
}

impl Proxy {
    pub(super) fn make_call(
        &mut self,
        turn: &mut Turn<'_>,
        flow: Flow,
        invite: &Message<'_>,
        admission: Admission,
    ) -> Result<Key, AdmitError> {
        if !self.has_room_for_call() {
            return Err(AdmitError::Overloaded);
        }
        if !self.ring.can_seal(turn.unix_s()) {
            return Err(AdmitError::NoTokenKey);
        }
        let call_key = self.calls.next_key();
        let server = self.insert_server(invite, flow, ServerRole::Call(call_key));
        let mut timers = Timers::new();
        timers.start(CallTimer::Decision as usize, turn.now.ms + self.config.decision_limit_ms);
        self.call_ids.insert(admission.call, call_key);
        self.calls.insert(Call {
            id: admission.call,
            tenant: admission.tenant,
            domain: admission.domain,
            number: admission.number,
            caller: admission.caller,
            start_ns: turn.now.unix_ns,
            caller_tag: invite.from_tag().unwrap_or_default().to_vec(),
            caller_address: invite.from().address_bytes.to_vec(),
            called_address: invite.to().address_bytes.to_vec(),
            contact: contact_uri(invite),
            identity: Arc::new(Identity::default()),
            customer: flow,
            server,
            phase: Phase::Deciding,
            waiting: Vec::new(),
            step: None,
            failures: Arc::default(),
            tries: 0,
            current: None,
            token: String::new(),
            sealed: None,
            hidden: Vec::new(),
            is_any_heard: false,
            last_cause: None,
            answered_ns: 0,
            callee_tag: Vec::new(),
            forks: Vec::new(),
            dialogs_over: 0,
            carrier_ip: None,
            dialog: None,
            ending: None,
            numbers: Numbers { from_customer: Numbering::starting_at(invite.cseq().number), ..Numbers::default() },
            max_duration_s: 0,
            timers,
            is_stale: false,
            is_saved: false,
            is_flow_gone: false,
            is_confirmed: true,
        });
        self.arm_call(turn, call_key);
        self.respond_plain(turn, server, 100);
        Ok(call_key)
    }

    pub(super) fn deciding(&self, handle: CallHandle) -> Result<Key, StaleCall> {
        let key = Key { slot: handle.slot, generation: handle.generation };
        self.calls.get(key).filter(|call| call.phase == Phase::Deciding).map(|_| key).ok_or(StaleCall)
    }

    /// Refused before any gateway was tried.
    pub(super) fn refuse_call(&mut self, turn: &mut Turn<'_>, key: Key, refusal: &Refusal) {
        let Some(call) = self.calls.get(key) else { return };
        let (id, server) = (call.id, call.server);
        let kind =
            FactKind::Refused { status: refusal.status, reason: refusal.code.clone(), q850: refusal.q850, facts: refusal.facts.clone() };
        self.keep_messages(turn, key);
        turn.fact(id, kind);
        self.respond_refusal(turn, server, refusal);
        self.remove_call(key, Change::Fail);
    }

    /// The set-up ends without an answer, by a response of our own.
    pub(super) fn fail_call(&mut self, turn: &mut Turn<'_>, key: Key, refusal: &Refusal, by: FailedBy) {
        if let Some(server) = self.close_failed(turn, key, refusal, by) {
            self.respond_refusal(turn, server, refusal);
        }
    }

    /// The set-up ends with a carrier's failure, which is passed on as `bytes`.
    pub(super) fn pass_call_failure(&mut self, turn: &mut Turn<'_>, key: Key, refusal: &Refusal, bytes: Vec<u8>) {
        if let Some(server) = self.close_failed(turn, key, refusal, FailedBy::Carrier) {
            self.respond(turn, server, refusal.status, bytes);
        }
    }

    /// Says `Failed`, forgets the row, and gives the transaction that is still to be answered. Its early dialogs cannot end the call again.
    fn close_failed(&mut self, turn: &mut Turn<'_>, key: Key, refusal: &Refusal, by: FailedBy) -> Option<Key> {
        let call = self.calls.get(key)?;
        let (id, server) = (call.id, call.server);
        self.keep_messages(turn, key);
        turn.fact(id, FactKind::Failed { status: refusal.status, reason: refusal.code.clone(), q850: refusal.q850, by });
        self.ended.insert(id);
        self.remove_call(key, Change::Fail);
        Some(server)
    }

    /// What the transactions of a call that failed hold of it.
    fn keep_messages(&self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get(key) else { return };
        if let Some((flow, request)) = self.servers.get(call.server).and_then(|server| Some((server.source, server.request.as_ref()?))) {
            let (tenant, bytes) = (call.tenant.clone(), request.bytes().to_vec());
            turn.keep(Kept { call: call.id, tenant, flow, number: 0, time_ns: call.start_ns, bytes });
        }
        self.keep_try(turn, key);
    }

    /// The INVITE that the current gateway was sent.
    pub(super) fn keep_try(&self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get(key) else { return };
        if let Some(client) = call.current.and_then(|client| self.clients.get(client)).filter(|client| !client.request.is_empty()) {
            let (tenant, bytes) = (call.tenant.clone(), client.request.clone());
            turn.keep(Kept { call: call.id, tenant, flow: client.flow, number: call.tries, time_ns: 0, bytes });
        }
    }

    /// The set-up ends with what the caller asked for.
    pub(super) fn fail_cancelled(&mut self, turn: &mut Turn<'_>, key: Key) {
        // Q.850 16: normal clearing.
        let refusal = Refusal { status: 487, q850: 16, ..Refusal::default() };
        self.fail_call(turn, key, &refusal, FailedBy::Caller);
    }

    /// The call is over: one `Ended`, and a memory of it. Where that is lost a second one may be said, and the record keeps the first.
    pub(super) fn end_call(&mut self, turn: &mut Turn<'_>, call: CallId, end: End) {
        let End { by, q850, answered_ns, time_ns, .. } = end;
        if self.ended.contains(call) {
            return;
        }
        let row = self.call_ids.get(&call).copied();
        if row.is_some_and(|key| self.goes_on(turn, key, end)) {
            return;
        }
        self.ended.insert(call);
        // Whose row is here, his answer is a fact of this edge.
        let answered_ns = if row.is_some() { 0 } else { answered_ns };
        turn.fact_at(call, time_ns, FactKind::Ended { by, q850, answered_ns });
        if let Some(key) = row {
            // BYEs of ours are under way as well: one more, by the number of ours, has no use.
            if self.calls.get(key).is_some_and(|call| call.ending.is_some()) {
                self.hung_up.insert(call);
            }
            self.remove_call(key, Change::End);
        }
    }

    /// The final status of a BYE, or 408 where none came: the dialog is over with a 2xx and wherever nobody is left to be in it (§15.1.1).
    pub(super) fn end_if_over(&mut self, turn: &mut Turn<'_>, call: CallId, end: Option<End>, status: u16) {
        if let (Some(end), 200..=299 | 408 | 481) = (end, status) {
            self.end_call(turn, call, end);
        }
    }

    /// Without a fact: it has been said elsewhere, or nobody knows when it was.
    pub(super) fn drop_call(&mut self, key: Key) {
        if let Some(call) = self.calls.get(key) {
            self.ended.insert(call.id);
            self.remove_call(key, Change::End);
        }
    }

    fn remove_call(&mut self, key: Key, change: Change) {
        if let Some(mut call) = self.calls.remove(key) {
            call.change(change);
            self.forget_accepted(call.server, &call.callee_tag);
            self.save_end(&call);
            // A restarted set-up with the same id stays.
            if self.call_ids.get(&call.id) == Some(&key) {
                self.call_ids.remove(&call.id);
            }
        }
    }

    pub(super) fn arm_call(&mut self, turn: &Turn<'_>, key: Key) {
        if let Some(call) = self.calls.get_mut(key) {
            self.timers.arm(Timed::Call(key), &mut call.timers, turn.now.ms);
        }
    }

    pub(super) fn on_call_timers(&mut self, turn: &mut Turn<'_>, key: Key, at_ms: u64) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.timers.opened(at_ms);
        while let Some(kind) = self.calls.get_mut(key).and_then(|call| call.timers.take_due(turn.now.ms)) {
            match CallTimer::ALL[kind] {
                CallTimer::Decision => {
                    let refusal = self.config.decision_refusal.clone();
                    self.refuse_call(turn, key, &refusal);
                }
                CallTimer::Silent => self.on_silent(turn, key),
                CallTimer::AllSilent => self.on_all_silent(turn, key),
                CallTimer::Pdd => self.on_pdd_limit(turn, key),
                CallTimer::CancelWait => self.on_cancel_wait_over(turn, key),
                CallTimer::Longest => self.on_longest(turn, key),
            }
        }
        self.arm_call(turn, key);
    }
}
