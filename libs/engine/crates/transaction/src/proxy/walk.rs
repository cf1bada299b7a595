//! The walk over the gateways of one call, and the answer (design: failover of calls; RFC 3261 §16.6 to §16.8).
//!
//! One gateway at a time. Nothing above 100 heard: the next may follow. 18x heard: this one or none.

use trunkline_message::{Message, Method};

use crate::action::{FactKind, FailedBy, FailureCause, Flow, Sign};
use crate::branch;
use crate::details::Details;
use crate::forward::{self, Hop, Identity, Responder, RouteRewrite};
use crate::plan::{Refusal, RoutePlan, Step, MAX_TARGETS};
use crate::prepared::Prepared;
use crate::route;
use crate::sealing::Binding;
use crate::slab::Key;
use crate::token::{Side, Token};
use crate::transport::{Transport, MAX_UDP_REQUEST_BYTES};

use super::call::{Call, CallTimer};
use super::cancel::TIMED_OUT;
use super::causes::cause_of;
use super::client::ClientRole;
use super::hangup::Dialog;
use super::hiding;
use super::phase::{Change, Phase};
use super::sighting::{fate_of, retry_after_s, Fate};
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
    fn fail_try(&mut self, turn: &mut Turn<'_>, key: Key, status: u16, cause: FailureCause, retry_after_s: u32) {
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

    fn fail_overdue(&mut self, turn: &mut Turn<'_>, key: Key, status: u16) {
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

    pub(super) fn on_try_response(&mut self, turn: &mut Turn<'_>, client: Key, key: Key, server: Key, response: &Message<'_>) {
        let status = response.status().unwrap_or_default();
        let is_current = self.calls.get(key).is_some_and(|call| call.current == Some(client));
        match status {
            200..=299 => self.on_success(turn, client, key, server, response),
            _ if !is_current => {}
            0..=199 => self.on_provisional(turn, key, response),
            _ => self.on_failure(turn, key, response),
        }
    }

    fn on_provisional(&mut self, turn: &mut Turn<'_>, key: Key, response: &Message<'_>) {
        let status = response.status().unwrap_or_default();
        let Some(call) = self.calls.get_mut(key) else { return };
        call.is_any_heard = true;
        call.timers.stop(CallTimer::Silent as usize);
        call.timers.stop(CallTimer::AllSilent as usize);
        match call.phase {
            Phase::Trying if status == 100 => {
                if !call.timers.is_running(CallTimer::Pdd as usize) {
                    let limit_s = call.step.as_ref().map_or(0, |step| step.target.pdd_limit_s);
                    call.timers.start(CallTimer::Pdd as usize, turn.now.ms + u64::from(limit_s) * 1_000);
                }
                self.arm_call(turn, key);
            }
            Phase::Trying | Phase::Ringing if status > 100 => {
                call.timers.stop(CallTimer::Pdd as usize);
                if call.phase == Phase::Trying {
                    turn.saw_try(call, Sign::SERVED);
                    call.change(Change::Ring);
                    turn.fact(call.id, FactKind::Progressed { number: call.tries, status });
                }
                let server = call.server;
                let bytes = self.response_of_try(turn, key, response, None, None);
                if let Some(bytes) = bytes {
                    self.respond(turn, server, status, bytes);
                }
            }
            Phase::Deciding
            | Phase::Trying
            | Phase::Ringing
            | Phase::Skipping
            | Phase::Cancelled
            | Phase::Overdue
            | Phase::Answered
            | Phase::Closing
            | Phase::Over => {}
        }
    }

    /// The first 2xx answers the call, whatever we had in mind; its retransmissions and those of other branches downstream pass.
    fn on_success(&mut self, turn: &mut Turn<'_>, client: Key, key: Key, server: Key, response: &Message<'_>) {
        let status = response.status().unwrap_or_default();
        let tag = response.to_tag().unwrap_or_default();
        if let Some(known) = self.servers.get(server).filter(|known| !tag.is_empty() && *known.accepted_tag == *tag) {
            if known.last.is_empty() {
                return self.on_late_success(turn, client, true, response);
            }
            let bytes = known.last.to_vec();
            return self.respond(turn, server, status, bytes);
        }
        let Some(call) = self.calls.get_mut(key).filter(|call| call.current == Some(client)) else {
            return self.on_late_success(turn, client, false, response);
        };
        // We are hanging up, and whom the caller would acknowledge now nobody would end.
        if call.phase == Phase::Closing && call.callee_tag != tag {
            return self.on_late_success(turn, client, false, response);
        }
        let is_answered = matches!(call.phase, Phase::Answered | Phase::Closing);
        let mut next_hop = None;
        let answered_ns = if is_answered { call.answered_ns } else { turn.now.unix_ns };
        if !is_answered {
            turn.saw_try(call, Sign::SERVED);
            call.change(Change::Answer);
            call.answered_ns = answered_ns;
            call.callee_tag = tag.to_vec();
            call.waiting.clear();
            call.timers.stop_all();
            let longest_s = call.max_duration_s.min(self.config.token_lifetime_s);
            call.timers.start(CallTimer::Longest as usize, turn.now.ms + u64::from(longest_s) * 1_000);
            turn.fact(call.id, FactKind::Answered { number: call.tries, status });
            let flow = self.clients.get(client).map(|client| client.flow);
            next_hop = flow.map(|flow| route::next_hop(response, &call.token, flow, &self.config.listeners));
            let invite = self.servers.get(server).and_then(|server| server.request.as_deref());
            call.dialog = match (invite, next_hop) {
                (Some(invite), Some(next_hop)) => Some(Box::new(Dialog::of(&invite.view(), response, &call.token, next_hop))),
                _ => None,
            };
        }
        if is_answered {
            self.remember_fork(client, key, response);
        }
        self.arm_call(turn, key);
        self.save_later(turn.now.ms, key);
        if let Some(bytes) = self.response_of_try(turn, key, response, Some(answered_ns), next_hop) {
            if let Some(server) = self.servers.get_mut(server) {
                server.accepted_tag = tag.into();
            }
            self.respond(turn, server, status, bytes);
        }
    }

    fn on_failure(&mut self, turn: &mut Turn<'_>, key: Key, response: &Message<'_>) {
        let status = response.status().unwrap_or_default();
        let Some(call) = self.calls.get_mut(key) else { return };
        call.is_any_heard = true;
        call.timers.stop(CallTimer::AllSilent as usize);
        match (call.phase, fate_of(status)) {
            (Phase::Skipping, _) => self.fail_try(turn, key, status, FailureCause::Pdd, 0),
            (Phase::Cancelled, _) => {
                self.say_gateway_failed(turn, key, status, FailureCause::Cancelled);
                self.fail_cancelled(turn, key);
            }
            (Phase::Overdue, _) => self.fail_overdue(turn, key, status),
            (Phase::Trying, Fate::Next) => self.fail_try(turn, key, status, FailureCause::Status, retry_after_s(response)),
            (Phase::Trying | Phase::Ringing, Fate::Pass) => self.pass_failure(turn, key, response),
            (Phase::Ringing, Fate::Next) => {
                // It has rung: no other gateway, and none of these statuses means to the caller what it means to us (§16.7 step 6).
                self.say_gateway_failed(turn, key, status, FailureCause::Status);
                let Some(refusal) = self.calls.get(key).map(|call| call.failures.all_failed.clone()) else { return };
                self.fail_call(turn, key, &refusal, FailedBy::Carrier);
            }
            (Phase::Deciding | Phase::Answered | Phase::Closing | Phase::Over, _) => {}
        }
    }

    fn pass_failure(&mut self, turn: &mut Turn<'_>, key: Key, response: &Message<'_>) {
        let status = response.status().unwrap_or_default();
        let Some(bytes) = self.response_of_try(turn, key, response, None, None) else { return };
        self.calls.get(key).into_iter().for_each(|call| turn.saw_try(call, Sign::SERVED));
        self.say_gateway_failed(turn, key, status, FailureCause::Status);
        let refusal = Refusal { status, q850: cause_of(response), ..Refusal::default() };
        self.pass_call_failure(turn, key, &refusal, bytes);
    }

    /// A response of the current gateway as the customer gets it, with the customer's copy of Record-Route in responses that make a dialog.
    /// `next_hop` where it is known already.
    fn response_of_try(
        &mut self,
        turn: &Turn<'_>,
        key: Key,
        response: &Message<'_>,
        answered_ns: Option<u64>,
        next_hop: Option<Flow>,
    ) -> Option<Vec<u8>> {
        let call = self.calls.get(key)?;
        let (is_hidden, listener) = (call.step.as_ref().is_some_and(|step| step.target.hides_topology), call.customer.listener);
        let cover = match is_hidden {
            true => Some(self.cover(turn.unix_s(), response, Side::Customer, Side::Customer, listener)),
            false => None,
        };
        let call = self.calls.get(key)?;
        let client = self.clients.get(call.current?)?;
        let server = self.servers.get(call.server)?;
        let (request, source) = (server.request.clone()?, server.source.peer);
        // Without a To-tag a response makes no dialog (§12.1), and a token for it would be bound to none.
        let has_tag = response.to_tag().is_some_and(|tag| !tag.is_empty());
        let is_dialog = has_tag && response.status().is_some_and(|status| (101..300).contains(&status));
        let (mut hidden_routes, mut carrier_ip) = (None, None);
        let replacement = match is_dialog {
            true => {
                let side = Side::Customer;
                let source = call.customer.peer.ip();
                let next_hop = next_hop.unwrap_or_else(|| route::next_hop(response, &call.token, client.flow, &self.config.listeners));
                let transport = self.transport(next_hop);
                carrier_ip = Some(next_hop.peer.ip());
                let sealed = call.sealed.clone()?;
                let answered_after_ms = answered_ns.map(|at_ns| sealed.after_ms(at_ns));
                let routes = if is_hidden { hiding::carrier_routes(response, &call.token) } else { None };
                let details = Details { takes_tcp: call.takes_tcp_at(next_hop, transport), ..sealed.details };
                let token = Token { side, next_hop, transport, source, answered_after_ms, routes, details, ..sealed };
                let callee_tag = response.to_tag().unwrap_or_default();
                let binding = Binding { side, call_id: response.call_id(), caller_tag: &call.caller_tag, callee_tag };
                let ours = self.listener(call.customer.listener);
                hidden_routes = token.routes.clone();
                let carried = self.ring.seal_with_routes(&mut self.entropy, turn.unix_s(), &token, binding);
                carried.map(|carried| route::record_route(ours, &carried))
            }
            false => None,
        };
        let rewrite = replacement.as_deref().map(|replacement| RouteRewrite { token: &call.token, replacement });
        let responder = Responder::Carrier { shows_callee: call.step.as_ref().is_some_and(|step| step.target.shows_callee) };
        let bytes = forward::write_response(&request.view(), source, response, rewrite, responder, cover.as_ref());
        if let Some(call) = self.calls.get_mut(key).filter(|_| is_dialog) {
            call.carrier_ip = carrier_ip;
            if let Some(routes) = hidden_routes {
                call.keep_routes(Side::Carrier, response.to_tag().unwrap_or_default(), &routes);
            }
        }
        Some(bytes)
    }
}

impl Call {
    /// What is too large for UDP goes to this next hop by TCP: it is where the gateway is, which takes TCP and has not refused it.
    fn takes_tcp_at(&self, next_hop: Flow, transport: Transport) -> bool {
        let step = self.step.as_ref().filter(|step| step.large_listener.is_some() && !transport.is_reliable());
        step.is_some_and(|step| step.target.address.ip() == next_hop.peer.ip())
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
