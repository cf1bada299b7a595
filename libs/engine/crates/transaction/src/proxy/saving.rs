//! Answered calls as bytes, for whoever keeps them over the end of the process, and their rows made of them again.
//!
//! A token tells enough to serve the requests of a call. That it can be listed, hung up, and ended when it has lasted as long as it may, takes
//! its row. Nothing waits for the saving: what was not saved in time is served from its token, as at a sibling.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::action::{Flow, Now};
use crate::forward::Identity;
use crate::plan::{CallId, Increments, Step, Target};
use crate::prepared::Prepared;
use crate::saved::Writer;
use crate::slab::Key;
use crate::timer::Timers;
use crate::token_parts::Reader;
use crate::transport::{pick, Listener, Transport};

use super::call::{Call, CallTimer, Numbers};
use super::hangup::Dialog;
use super::hiding::HiddenSet;
use super::numbering::Numbering;
use super::phase::Phase;
use super::{Proxy, Turn};

/// The form of what is saved; another one is not read.
const FORM: u8 = 1;
/// Calls written in one go, 1 µs each: datagrams wait meanwhile.
const PORTION: usize = 256;
/// Calls that were to be ended while nobody was there are ended from then on, when others have been asked which of them are over, and within
/// this time: 100,000 of them at the pace of hang-ups by order.
const OVERDUE_FROM_MS: u64 = 15_000;
const OVERDUE_WITHIN_MS: u128 = 20_000;

/// What is to be kept of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCall {
    pub call: CallId,
    /// `None`: it is over, and what was kept of it goes.
    pub bytes: Option<Vec<u8>>,
}

/// Why there is no row of a saved call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRestored {
    /// Not written by [`Proxy::take_unsaved`] of this form, or cut, or another call.
    Unreadable,
    /// Nothing of ours speaks to one of its sides any more.
    NoListener,
    /// It has a row, or has ended.
    Known,
    /// `Limits::calls` is reached.
    Full,
}

/// What is to be saved.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// Calls whose saved form is out of date, one entry each, and from when on they are written: the first one first.
    stale: VecDeque<(u64, Key)>,
    /// Saved ones that have ended.
    ended: Vec<CallId>,
}

impl Proxy {
    /// What was said in this turn changes what is to be kept of the call.
    pub(super) fn save_later(&mut self, now_ms: u64, key: Key) {
        let Some(after_ms) = self.config.saves_after_ms else { return };
        let Some(call) = self.calls.get_mut(key).filter(|call| call.is_answered() && !call.is_stale) else { return };
        call.is_stale = true;
        self.saving.stale.push_back((now_ms + after_ms, key));
    }

    /// The same of a call that is known by its id.
    pub(super) fn save_call_later(&mut self, now_ms: u64, call: CallId) {
        if let Some(key) = self.call_ids.get(&call).copied() {
            self.save_later(now_ms, key);
        }
    }

    pub(super) fn save_end(&mut self, call: &Call) {
        if call.is_saved {
            self.saving.ended.push(call.id);
        }
    }

    /// What is to be kept from now on, appended to `out`: in portions, or all of it where the process ends. To be called each second at least
    /// where `Config::saves_after_ms` is given, for it gathers until then.
    pub fn take_unsaved(&mut self, now: Now, is_last: bool, out: &mut Vec<SavedCall>) {
        out.extend(self.saving.ended.drain(..).map(|call| SavedCall { call, bytes: None }));
        let portion = if is_last { usize::MAX } else { PORTION };
        for _ in 0..portion {
            let due = self.saving.stale.front().filter(|(due_ms, _)| is_last || *due_ms <= now.ms);
            let Some(key) = due.map(|(_, key)| *key) else { break };
            self.saving.stale.pop_front();
            if let Some(call) = self.calls.get_mut(key) {
                (call.is_stale, call.is_saved) = (false, true);
                out.extend(call.saved(&self.config.listeners).map(|bytes| SavedCall { call: call.id, bytes: Some(bytes) }));
            }
        }
    }

    /// Whether `take_unsaved` has something to give.
    pub fn has_unsaved(&self, now_ms: u64) -> bool {
        !self.saving.ended.is_empty() || self.saving.stale.front().is_some_and(|(due_ms, _)| *due_ms <= now_ms)
    }

    /// The row of a call that an earlier life of this edge has saved. Whoever restores calls does so before anything is received.
    ///
    /// # Errors
    /// Why there is none; then nothing was changed.
    pub fn restore(&mut self, now: Now, id: CallId, bytes: &[u8]) -> Result<(), NotRestored> {
        let mut call = Call::read(bytes, &self.config.listeners)?;
        if call.id != id {
            return Err(NotRestored::Unreadable);
        }
        if self.call_ids.contains_key(&id) || self.ended.contains(id) {
            return Err(NotRestored::Known);
        }
        if !self.has_room_for_call() {
            return Err(NotRestored::Full);
        }
        let longest_s = call.max_duration_s.min(self.config.token_lifetime_s);
        let end_ns = call.answered_ns.saturating_add(u64::from(longest_s) * 1_000_000_000);
        let left_ms = match end_ns.saturating_sub(now.unix_ns) / 1_000_000 {
            0 => OVERDUE_FROM_MS + (id.0 % OVERDUE_WITHIN_MS) as u64,
            left_ms => left_ms,
        };
        call.timers.start(CallTimer::Longest as usize, now.ms + left_ms);
        let key = self.calls.insert(call);
        self.call_ids.insert(id, key);
        self.arm_call(&Turn::new(now, &mut Vec::new()), key);
        Ok(())
    }

    /// Whether this edge remembers the end of the call.
    pub fn has_ended(&self, call: CallId) -> bool {
        self.ended.contains(call)
    }

    /// Another edge has ended this call, and said so. `false`: it has no row here.
    pub fn forget(&mut self, call: CallId) -> bool {
        let Some(key) = self.call_ids.get(&call).copied().filter(|key| self.calls.get(*key).is_some_and(Call::is_answered)) else {
            return false;
        };
        self.drop_call(key);
        true
    }
}

impl Call {
    fn is_answered(&self) -> bool {
        matches!(self.phase, Phase::Answered | Phase::Closing)
    }

    /// Its INVITE was an earlier life's.
    pub fn is_restored(&self) -> bool {
        self.server == Key::NOWHERE
    }

    /// `None` where there is nothing by which it could be ended.
    fn saved(&self, listeners: &[Listener]) -> Option<Vec<u8>> {
        let dialog = self.dialog.as_ref().filter(|_| self.is_answered())?;
        let mut out = Writer::default();
        out.byte(FORM);
        out.0.extend_from_slice(&self.id.0.to_be_bytes());
        out.u64(self.start_ns);
        out.u64(self.answered_ns);
        out.u32(self.max_duration_s);
        out.u32(self.tries);
        let target = self.step.as_ref().map(|step| &step.target);
        let (gateway, carrier) = target.map_or(("", ""), |target| (&target.gateway, &target.carrier));
        for text in [&self.tenant, &self.domain, &self.number, &self.caller, gateway, carrier] {
            out.bytes(text.as_bytes());
        }
        for part in [&self.caller_tag, &self.callee_tag, &self.caller_address, &self.called_address, &self.contact] {
            out.bytes(part);
        }
        write_flow(&mut out, listeners, self.customer)?;
        out.flags([self.carrier_ip.is_some()]);
        if let Some(ip) = self.carrier_ip {
            crate::token_parts::write_ip(ip, &mut out.0);
        }
        let Identity { asserted, privacy, from_name_addr, to_name_addr, .. } = &*self.identity;
        let Identity { has_asserted_on_ack, is_anonymous, is_private, is_trusted, .. } = *self.identity;
        out.flags([has_asserted_on_ack, is_anonymous, is_private, is_trusted]);
        out.list(asserted);
        [privacy, from_name_addr, to_name_addr].into_iter().for_each(|text| out.bytes(text.as_bytes()));
        for numbers in [&self.numbers.from_customer, &self.numbers.from_carrier] {
            numbers.write(&mut out);
        }
        out.u32(self.hidden.len() as u32);
        self.hidden.iter().for_each(|set| set.write(&mut out));
        dialog.write(&mut out, |out, flow| write_flow(out, listeners, flow))?;
        Some(out.0)
    }

    fn read(bytes: &[u8], listeners: &[Listener]) -> Result<Self, NotRestored> {
        use NotRestored::Unreadable;
        let mut saved = Reader(bytes);
        let fixed = |saved: &mut Reader<'_>| {
            let (form, id) = (saved.byte()?, CallId(saved.u128()?));
            (form == FORM).then_some(())?;
            Some((id, saved.u64()?, saved.u64()?, saved.u32()?, saved.u32()?))
        };
        let (id, start_ns, answered_ns, max_duration_s, tries) = fixed(&mut saved).ok_or(Unreadable)?;
        let mut text = || saved.long_text().ok_or(Unreadable);
        let (tenant, domain, number, caller, gateway, carrier) = (text()?, text()?, text()?, text()?, text()?, text()?);
        let mut part = || saved.long_bytes().ok_or(Unreadable);
        let (caller_tag, callee_tag, caller_address, called_address, contact) = (part()?, part()?, part()?, part()?, part()?);
        let customer = read_flow(&mut saved, listeners)?;
        let [has_carrier_ip] = saved.flags().ok_or(Unreadable)?;
        let carrier_ip = match has_carrier_ip {
            true => Some(saved.ip().ok_or(Unreadable)?),
            false => None,
        };
        let identity = Arc::new(read_identity(&mut saved).ok_or(Unreadable)?);
        let numbers = |saved: &mut Reader<'_>| {
            let (from_customer, from_carrier) = (Numbering::read(saved)?, Numbering::read(saved)?);
            Some((Numbers { from_customer, from_carrier, ..Numbers::default() }, saved.list(HiddenSet::read)?))
        };
        let (numbers, hidden) = numbers(&mut saved).ok_or(Unreadable)?;
        let dialog = Dialog::read(&mut saved, Unreadable, |saved| read_flow(saved, listeners))?;
        if !saved.0.is_empty() {
            return Err(Unreadable);
        }
        let flow = dialog.carrier_flow();
        let transport = listeners.get(usize::from(flow.listener)).map_or(Transport::Udp, |listener| listener.transport);
        Ok(Self {
            id,
            tenant,
            domain,
            number,
            caller,
            start_ns,
            caller_tag,
            caller_address,
            called_address,
            contact,
            customer,
            server: Key::NOWHERE,
            phase: Phase::Answered,
            waiting: Vec::new(),
            step: Some(answered_step(gateway, carrier, flow, transport)),
            identity,
            failures: Arc::default(),
            tries,
            current: None,
            token: String::new(),
            sealed: None,
            hidden,
            is_any_heard: true,
            last_cause: None,
            answered_ns,
            callee_tag,
            forks: Vec::new(),
            dialogs_over: 0,
            carrier_ip,
            dialog: Some(Box::new(dialog)),
            ending: None,
            numbers,
            max_duration_s,
            timers: Timers::new(),
            is_stale: false,
            is_saved: true,
            is_flow_gone: true,
            is_confirmed: false,
        })
    }
}

/// Of the gateway that has answered, as far as it is still asked for: by its names.
fn answered_step(gateway: String, carrier: String, flow: Flow, transport: Transport) -> Step {
    let target = Target {
        gateway,
        carrier,
        address: flow.peer,
        transport,
        is_tcp_allowed: false,
        is_trusted: false,
        from_name_addr: String::new(),
        asserted: Vec::new(),
        privacy: String::new(),
        has_asserted_on_ack: false,
        pdd_limit_s: 0,
        rate_micros: 0,
        currency: String::new(),
        increments: Increments::default(),
        hides_topology: false,
        shows_callee: false,
        takes_refer: false,
    };
    Step { target: Arc::new(Prepared::new(target)), listener: flow.listener, large_listener: None, request_user: String::new() }
}

/// By the listener's address: the next life may have others, in another order.
fn write_flow(out: &mut Writer, listeners: &[Listener], flow: Flow) -> Option<()> {
    out.listener(*listeners.get(usize::from(flow.listener))?);
    out.address(flow.peer);
    Some(())
}

fn read_flow(saved: &mut Reader<'_>, listeners: &[Listener]) -> Result<Flow, NotRestored> {
    let mut both = || Some((saved.listener()?, saved.address()?));
    let (listener, peer) = both().ok_or(NotRestored::Unreadable)?;
    let same = listeners.iter().position(|ours| *ours == listener).and_then(|at| u16::try_from(at).ok());
    let listener = same.or_else(|| pick(listeners, 0, listener.transport, peer)).ok_or(NotRestored::NoListener)?;
    Ok(Flow { listener, peer })
}

fn read_identity(saved: &mut Reader<'_>) -> Option<Identity> {
    let [has_asserted_on_ack, is_anonymous, is_private, is_trusted] = saved.flags()?;
    let asserted = saved.list(Reader::long_text)?;
    let (privacy, from_name_addr, to_name_addr) = (saved.long_text()?, saved.long_text()?, saved.long_text()?);
    Some(Identity { asserted, privacy, from_name_addr, to_name_addr, has_asserted_on_ack, is_anonymous, is_private, is_trusted })
}
