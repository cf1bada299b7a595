//! What the gateway that is tried answers, and what the customer gets of it (RFC 3261 §16.7, §13.2.2.4).

use trunkline_message::Message;

use crate::action::{FactKind, FailedBy, FailureCause, Flow, Sign};
use crate::details::Details;
use crate::forward::{self, Responder, RouteRewrite};
use crate::plan::Refusal;
use crate::route;
use crate::sealing::Binding;
use crate::slab::Key;
use crate::token::{Side, Token};
use crate::transport::Transport;

use super::call::{Call, CallTimer};
use super::causes::cause_of;
use super::hangup::Dialog;
use super::hiding;
use super::phase::{Change, Phase};
use super::sighting::{fate_of, retry_after_s, Fate};
use super::{Proxy, Turn};

impl Proxy {
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
        // We are hanging up, and whom the caller would acknowledge now nobody would end.
        if self.calls.get(key).is_some_and(|call| call.phase == Phase::Closing && call.callee_tag != tag) {
            return self.on_late_success(turn, client, false, response);
        }
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
        let is_answered = matches!(call.phase, Phase::Answered | Phase::Closing);
        let mut next_hop = None;
        let answered_ns = if is_answered { call.answered_ns } else { turn.now.unix_ns };
        if !is_answered {
            turn.saw_try(call, Sign::SERVED);
            call.change(Change::Answer);
            call.answered_ns = answered_ns;
            call.callee_tag = tag.to_vec();
            call.numbers.early = call.numbers.from_carrier.highest();
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
