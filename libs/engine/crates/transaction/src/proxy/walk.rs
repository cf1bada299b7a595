//! The walk over the gateways of one call, and the answer (design: failover of calls; RFC 3261 §16.6 to §16.8).
//!
//! One gateway at a time. Nothing above 100 heard: the next may follow. 18x heard: this one or none.

use trunkline_message::Method;

use crate::action::{FactKind, FailedBy, FailureCause, Flow};
use crate::branch;
use crate::forward::{self, Hop, Identity};
use crate::plan::{RoutePlan, Step, MAX_TARGETS};
use crate::prepared::Prepared;
use crate::route;
use crate::sealing::Binding;
use crate::slab::Key;
use crate::token::{Side, Token};
use crate::transport::{Transport, MAX_UDP_REQUEST_BYTES};

use super::call::{Call, CallTimer};
use super::cancel::TIMED_OUT;
use super::client::ClientRole;
use super::hiding;
use super::phase::{Change, Phase};
use super::{Proxy, Turn};

impl Proxy {
    pub(super) fn start_walk(&mut self, turn: &mut Turn<'_>, key: Key, plan: RoutePlan) {
        if plan.steps.is_empty() {
            return self.refuse_call(turn, key, &plan.failures.no_target);
        }
        let Some(call) = self.calls.get_mut(key) else { return };
        call.waiting = plan.steps.into_iter().take(MAX_TARGETS).collect();
        call.waiting.reverse();
        call.failures = plan.failures;
        call.max_duration_s = match plan.max_duration_s {
            0 => self.config.max_duration_s,
            seconds => seconds,
        };
        call.timers.stop(CallTimer::Decision as usize);
        call.timers.start(CallTimer::AllSilent as usize, turn.now.ms + self.config.all_silent_ms);
        self.try_next(turn, key);
    }

    /// Tries gateways until an INVITE is on its way or none is left.
    fn try_next(&mut self, turn: &mut Turn<'_>, key: Key) {
        // Bounded by MAX_TARGETS: each round takes one.
        while let Some(call) = self.calls.get_mut(key) {
            let Some(step) = call.waiting.pop() else {
                let refusal = match call.last_cause {
                    Some(FailureCause::Pdd) => call.failures.timed_out.clone(),
                    _ => call.failures.all_failed.clone(),
                };
                return self.fail_call(turn, key, &refusal, FailedBy::Carrier);
            };
            call.tries += 1;
            call.change(Change::Try);
            call.current = None;
            call.step = Some(step.clone());
            call.timers.start(CallTimer::Silent as usize, turn.now.ms + self.config.silent_gateway_ms);
            call.timers.stop(CallTimer::Pdd as usize);
            call.timers.stop(CallTimer::CancelWait as usize);
            let (id, number) = (call.id, call.tries);
            if self.send_try(turn, key, &step) {
                return self.arm_call(turn, key);
            }
            turn.fact(id, FactKind::GatewayFailed { number, status: 0, cause: FailureCause::Status });
        }
    }

    /// `false`, with `GatewayTried` said, where the INVITE cannot be written within the bounds of a message.
    fn send_try(&mut self, turn: &mut Turn<'_>, key: Key, step: &Step) -> bool {
        let target = &step.target;
        let Some(call) = self.calls.get(key) else { return false };
        let server_key = call.server;
        let Some(server) = self.servers.get(server_key) else { return false };
        let Some(request) = server.request.clone() else { return false };
        let source = server.source.peer;
        let view = request.view();
        let tried = FactKind::GatewayTried {
            number: call.tries,
            carrier: target.carrier.clone(),
            gateway: target.gateway.clone(),
            address: target.address_text.clone(),
            rate_micros: target.rate_micros,
            currency: target.currency.clone(),
            increments: target.increments,
            from_uri: match target.from_uri.as_str() {
                "" => String::from_utf8_lossy(view.from().uri_bytes).into_owned(),
                shown => shown.to_owned(),
            },
        };
        turn.fact(call.id, tried);
        if !forward::has_room(&view, (0, 0)) {
            return false;
        }
        let mut sealed = token_of(call, target, self.transport(call.customer));
        if call.max_duration_s != self.config.max_duration_s {
            sealed.details.longest_s = call.max_duration_s;
        }
        let cover = match target.hides_topology {
            true => {
                sealed.routes = hiding::customer_routes(&view);
                Some(self.cover(turn.unix_s(), &view, Side::Customer, Side::Carrier, step.listener))
            }
            false => None,
        };
        let Some(call) = self.calls.get(key) else { return false };
        let binding = Binding { side: Side::Carrier, call_id: view.call_id(), caller_tag: &call.caller_tag, callee_tag: b"" };
        let Some(carried) = self.ring.seal_with_routes(&mut self.entropy, turn.unix_s(), &sealed, binding) else { return false };
        let loop_part = branch::loop_part(&self.entropy, &view);
        let realm = self.config.realm.clone();
        let identity = Identity::of(step, &view);
        let role = ClientRole::Try { call: key, server: server_key, forks: Vec::new() };
        let branch = self.next_branch(&loop_part);
        let written = |listener: u16| {
            let ours = self.listener(listener);
            let hop = Hop { ours, branch: &branch, source, realm: &realm, cover: cover.as_ref() };
            forward::write_try(&view, hop, &route::record_route(ours, &carried), step, &identity)
        };
        let (mut listener, mut bytes) = (step.listener, written(step.listener));
        if let Some(large) = step.large_listener.filter(|_| bytes.len() > MAX_UDP_REQUEST_BYTES) {
            (listener, bytes) = (large, written(large));
        }
        let flow = Flow { listener, peer: target.address };
        let client = self.start_client(turn, flow, role, branch, Method::Invite, bytes);
        if let Some(call) = self.calls.get_mut(key) {
            call.current = Some(client);
            call.token = carried.token;
            call.identity = identity;
            if let Some(routes) = sealed.routes.as_deref().filter(|_| sealed.is_hidden) {
                call.keep_routes(Side::Customer, b"", routes);
            }
            call.sealed = Some(sealed);
        }
        true
    }

    /// The current gateway is out: says so and goes on.
    pub(super) fn fail_try(&mut self, turn: &mut Turn<'_>, key: Key, status: u16, cause: FailureCause, retry_after_s: u32) {
        self.saw_failure(turn, key, status, cause, retry_after_s);
        self.say_gateway_failed(turn, key, status, cause);
        self.try_next(turn, key);
    }

    pub(super) fn say_gateway_failed(&mut self, turn: &mut Turn<'_>, key: Key, status: u16, cause: FailureCause) {
        self.keep_try(turn, key);
        let Some(call) = self.calls.get_mut(key) else { return };
        call.last_cause = Some(cause);
        call.current = None;
        turn.fact(call.id, FactKind::GatewayFailed { number: call.tries, status, cause });
    }

    /// The current INVITE is left to itself: cancelled when it can be, its late 2xx hung up.
    pub(super) fn abandon_try(&mut self, turn: &mut Turn<'_>, key: Key, lines: &[u8]) {
        let Some(call) = self.calls.get(key) else { return };
        if let Some(client) = call.current {
            let role = ClientRole::Abandoned { call: call.id, number: call.tries, hung_up: Vec::new() };
            self.give_up(turn, client, role, lines);
        }
    }

    pub(super) fn on_silent(&mut self, turn: &mut Turn<'_>, key: Key) {
        if self.calls.get(key).is_some_and(|call| call.phase == Phase::Trying) {
            self.abandon_try(turn, key, TIMED_OUT);
            self.fail_try(turn, key, 0, FailureCause::Silent, 0);
        }
    }

    pub(super) fn on_all_silent(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(call) = self.calls.get_mut(key).filter(|call| !call.is_any_heard && call.phase == Phase::Trying) else { return };
        call.waiting.clear();
        self.abandon_try(turn, key, TIMED_OUT);
        self.fail_try(turn, key, 0, FailureCause::Silent, 0);
    }

    /// Timer B, where it is shorter than the limit for silent gateways.
    pub(super) fn on_try_silent(&mut self, turn: &mut Turn<'_>, client: Key, key: Key) {
        self.on_try_lost(turn, client, key, FailureCause::Silent);
    }

    pub(super) fn on_try_unreachable(&mut self, turn: &mut Turn<'_>, client: Key, key: Key) {
        let Some(flow) = self.clients.get(client).map(|client| client.flow) else { return };
        let cause = if self.transport(flow).is_reliable() { FailureCause::Connection } else { FailureCause::Icmp };
        if let Some(call) = self.calls.get_mut(key).filter(|call| call.current == Some(client)) {
            // §18.1.1: what was too large for UDP goes by it all the same where the gateway takes no connection.
            if let Some(step) = call.step.as_ref().filter(|step| step.large_listener == Some(flow.listener)) {
                call.waiting.push(Step { large_listener: None, ..step.clone() });
            }
        }
        self.on_try_lost(turn, client, key, cause);
    }

    pub(super) fn on_try_lost(&mut self, turn: &mut Turn<'_>, client: Key, key: Key, cause: FailureCause) {
        let Some(call) = self.calls.get(key).filter(|call| call.current == Some(client)) else { return };
        match call.phase {
            Phase::Cancelled => self.fail_cancelled(turn, key),
            Phase::Deciding | Phase::Trying | Phase::Ringing | Phase::Skipping | Phase::Overdue => self.fail_try(turn, key, 0, cause, 0),
            Phase::Answered | Phase::Closing | Phase::Over => {}
        }
    }

    /// 100 and then nothing: CANCEL, and the next gateway when the branch has ended.
    pub(super) fn on_pdd_limit(&mut self, turn: &mut Turn<'_>, key: Key) {
        self.cancel_current(turn, key, Phase::Trying, Change::Skip, TIMED_OUT);
    }

    /// Timer C (§16.8): it has rung for too long.
    pub(super) fn on_try_overdue(&mut self, turn: &mut Turn<'_>, client: Key, key: Key) {
        if self.calls.get(key).is_some_and(|call| call.current == Some(client)) {
            self.cancel_current(turn, key, Phase::Ringing, Change::Expire, TIMED_OUT);
        }
    }

    fn cancel_current(&mut self, turn: &mut Turn<'_>, key: Key, from: Phase, change: Change, lines: &[u8]) {
        let Some(call) = self.calls.get_mut(key).filter(|call| call.phase == from) else { return };
        call.change(change);
        call.timers.start(CallTimer::CancelWait as usize, turn.now.ms + self.config.cancel_wait_ms);
        if let Some(client) = call.current {
            self.want_cancel(turn, client, lines);
        }
        self.arm_call(turn, key);
    }

    pub(super) fn on_cancel_wait_over(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(phase) = self.calls.get(key).map(|call| call.phase) else { return };
        self.abandon_try(turn, key, TIMED_OUT);
        match phase {
            Phase::Skipping => self.fail_try(turn, key, 0, FailureCause::Pdd, 0),
            Phase::Cancelled => {
                self.say_gateway_failed(turn, key, 0, FailureCause::Cancelled);
                self.fail_cancelled(turn, key);
            }
            Phase::Overdue => self.fail_overdue(turn, key, 0),
            Phase::Deciding | Phase::Trying | Phase::Ringing | Phase::Answered | Phase::Closing | Phase::Over => {}
        }
    }

    pub(super) fn fail_overdue(&mut self, turn: &mut Turn<'_>, key: Key, status: u16) {
        self.say_gateway_failed(turn, key, status, FailureCause::Pdd);
        let Some(refusal) = self.calls.get(key).map(|call| call.failures.timed_out.clone()) else { return };
        self.fail_call(turn, key, &refusal, FailedBy::Edge);
    }

    /// The caller has hung up before the answer; `lines` are its Reason. Where its gateway has said nothing, 487 goes out at once.
    pub(super) fn on_caller_cancel(&mut self, turn: &mut Turn<'_>, key: Key, lines: &[u8]) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let is_heard = call.current.and_then(|client| self.clients.get(client)).is_some_and(|client| client.is_proceeding());
        match call.phase {
            Phase::Deciding => self.fail_cancelled(turn, key),
            Phase::Trying | Phase::Ringing | Phase::Skipping | Phase::Overdue if is_heard => {
                let phase = call.phase;
                call.timers.stop_all();
                self.cancel_current(turn, key, phase, Change::Cancel, lines);
            }
            Phase::Trying | Phase::Ringing | Phase::Skipping | Phase::Overdue => {
                self.abandon_try(turn, key, lines);
                self.say_gateway_failed(turn, key, 0, FailureCause::Cancelled);
                self.fail_cancelled(turn, key);
            }
            Phase::Cancelled | Phase::Answered | Phase::Closing | Phase::Over => {}
        }
    }
}

/// What the gateway's copy of Record-Route says. The customer's says the same of the other side.
fn token_of(call: &Call, target: &Prepared, transport: Transport) -> Token {
    Token {
        side: Side::Carrier,
        call: call.id,
        start_s: u32::try_from(call.start_ns / 1_000_000_000).unwrap_or(u32::MAX),
        answered_after_ms: None,
        next_hop: call.customer,
        transport,
        source: target.address.ip(),
        has_asserted: target.has_asserted_sip,
        has_asserted_tel: target.has_asserted_tel,
        has_asserted_on_ack: target.has_asserted_on_ack,
        has_privacy_id: target.has_privacy_id,
        privacy: target.privacy_form,
        has_tel_of_digits: target.has_tel_of_digits,
        takes_refer: target.takes_refer,
        from_form: target.from_form,
        user: target.user.clone(),
        domain: call.domain.clone(),
        tenant: call.tenant.clone(),
        is_hidden: target.hides_topology,
        routes: None,
        shows_callee: target.shows_callee,
        details: target.details.clone(),
    }
}
