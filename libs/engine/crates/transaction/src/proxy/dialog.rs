//! Requests inside dialogs, from either side, served from the call's row or from the token alone (RFC 3261 §16.4 to §16.7, §12.2).

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_message::{Message, Method, OwnedMessage};

use crate::action::{Disposition, EndedBy, Flow};
use crate::branch;
use crate::forward::{self, Hop, Identity, Responder};
use crate::hiding::Cover;
use crate::plan::{CallId, Refusal, StaleCall};
use crate::renumber;
use crate::route::{self, RouteWork, Sealed};
use crate::sealing::Binding;
use crate::slab::Key;
use crate::token::{Side, Token, TokenError};
use crate::transport::{pick, Transport, MAX_UDP_REQUEST_BYTES};

use super::call::{contact_uri, Call, End};
use super::client::ClientRole;
use super::elsewhere::Elsewhere;
use super::ingress::refuse;
use super::leg::{callee_tag, leg_of, Leg, Sight};
use super::phase::Phase;
use super::server::ServerRole;
use super::{Proxy, RecheckHandle, Turn};

/// Clocks of two edges are less apart.
const CLOCKS_DIFFER_S: u32 = 10;
/// From the INVITE to the answer, where a token does not tell: a carrier's copy is sealed before.
const LONGEST_RINGING_S: u32 = 600;

/// A re-INVITE that waits for the access rule.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    leg: Leg,
    work: RouteWork,
    loop_part: String,
}

impl Proxy {
    pub(super) fn on_dialog_request(
        &mut self,
        turn: &mut Turn<'_>,
        flow: Flow,
        request: &Message<'_>,
        sealed: &Sealed,
        work: RouteWork,
        loop_part: &str,
    ) -> Disposition {
        let token = match self.open_token(turn.unix_s(), sealed, request) {
            Ok(token) => token,
            Err(TokenError::NotOurs) => return refuse(403, "T109"),
            Err(TokenError::Expired) => return refuse(481, "T108"),
        };
        if let Some(worker) = self.other_worker(token.call) {
            return Disposition::Elsewhere { worker };
        }
        // §12.2.1.1: without a To-tag it is no request of a dialog but may be a new call, with nobody asked. A carrier's has none where
        // the caller gave none (§12.1.1, RFC 2543): its token opens for no other.
        if token.side == Side::Customer && request.to_tag().is_none_or(<[u8]>::is_empty) {
            return refuse(403, "T109");
        }
        // §16.3: it would have the carrier call somebody else, with nobody asked.
        if token.side == Side::Customer && request.method() == Method::Refer && !token.takes_refer {
            return refuse(403, "T302");
        }
        let row = self.call_ids.get(&token.call).copied();
        let call = row.and_then(|key| self.calls.get(key));
        if token.side == Side::Carrier && !turn.is_carriers && !is_carrier(&token, call, flow.peer.ip()) {
            let carrier = call.and_then(|call| call.step.as_ref()).map(|step| step.target.carrier.clone()).unwrap_or_default();
            return Disposition::OfCarrier { carrier, gateway: token.source };
        }
        let method = request.method();
        // A BYE may cross another. What REFER began outlives the call (RFC 5057 §4.1): its NOTIFYs come after the BYE of who transferred.
        if !matches!(method, Method::Bye | Method::Ack | Method::Notify) && self.ended.contains(token.call) {
            return refuse(481, "T108");
        }
        let callee_tag = callee_tag(token.side, request).unwrap_or_default();
        let is_main = call.is_none_or(|call| !matches!(call.phase, Phase::Answered | Phase::Closing) || call.callee_tag == callee_tag);
        let is_fork = call.is_some_and(|call| call.forks.iter().any(|fork| fork.tag == callee_tag));
        // A row that was restored has forgotten its forks: one that hangs up is heard. It ends nothing but its own dialog.
        let is_forgotten = method == Method::Bye && call.is_some_and(Call::is_restored);
        if token.side == Side::Carrier && !is_main && !is_fork && !is_forgotten {
            return refuse(481, "T108");
        }
        // Whoever ends it by a timer has gone with the row: what would go on is told that it is over (§12.2.1.2, RFC 4028 §10), and says BYE.
        if call.is_none() && !matches!(method, Method::Bye | Method::Ack) && self.is_overdue(turn.unix_s(), &token) {
            return refuse(481, "T602");
        }
        let mut leg = leg_of(&token, call, request, is_main, &self.config.realm);
        leg.large_listener = self.large_listener(&token);
        let work = if token.is_hidden { self.uncovered(turn.unix_s(), &token, call, request, &work) } else { work };
        // The connection of the customer, whose port is known from token or row, was another edge's, or that of this one's earlier life.
        let is_flow_gone = call.is_none_or(|call| call.is_flow_gone);
        if token.side == Side::Carrier && is_flow_gone && self.transport(leg.next_hop).is_reliable() {
            let own_address = route::instead_of(request, &work, leg.next_hop, &self.config.listeners);
            leg.next_hop = own_address.unwrap_or(leg.next_hop);
        }
        let is_same_source = call.map_or(token.source, |call| call.customer.peer.ip()) == flow.peer.ip();
        if let Some(disposition) = self.serve_ending(turn, flow, token.call, is_main, request) {
            return disposition;
        }
        if method == Method::Ack {
            self.forward_ack(turn, flow, request, &leg, &work, loop_part);
            return Disposition::Done;
        }
        if !self.has_room_in_dialog() {
            return refuse(503, "T902");
        }
        if let Some(call) = row.and_then(|key| self.calls.get_mut(key)) {
            call.see_number(token.side, is_main, callee_tag, request.cseq().number);
            call.is_confirmed |= token.side == Side::Customer || is_main || is_fork;
        }
        if let Some(key) = row {
            self.save_later(turn.now.ms, key);
        }
        if token.side == Side::Customer {
            // Without a row nothing tells whether the call still lives, nor who stands behind its source by now.
            if method == Method::Invite && !(is_same_source && row.is_some()) {
                let (tenant, domain) = match row.and_then(|key| self.calls.get(key)) {
                    Some(call) => (call.tenant.clone(), call.domain.clone()),
                    None => (token.tenant, token.domain),
                };
                let waiting = Waiting { leg, work, loop_part: loop_part.to_owned() };
                let key = self.insert_server(request, flow, ServerRole::Waiting(Box::new(waiting)));
                self.respond_plain(turn, key, 100);
                self.await_access(turn, key);
                let handle = RecheckHandle::new(key);
                return Disposition::Recheck { handle, call: token.call, tenant, domain, is_same_source };
            }
            if is_same_source {
                self.follow_customer(turn, token.call, flow, request);
            } else if !matches!(method, Method::Bye | Method::Prack | Method::Update | Method::Info) {
                // A call may move and must be ended from anywhere; nobody speaks to the carrier from where the access rule was not asked.
                return refuse(403, "T109");
            }
        }
        let key = self.insert_server(request, flow, ServerRole::Answered);
        if method == Method::Invite {
            self.respond_plain(turn, key, 100);
        }
        self.forward_in_dialog(turn, key, &leg, &work, loop_part);
        Disposition::Done
    }

    /// The access rule has admitted the new source: requests to the customer go there from now on.
    pub(super) fn resume_waiting(&mut self, turn: &mut Turn<'_>, key: Key) -> Result<(), StaleCall> {
        let server = self.servers.get_mut(key).ok_or(StaleCall)?;
        let ServerRole::Waiting(waiting) = &server.role else { return Err(StaleCall) };
        let (waiting, source) = (waiting.clone(), server.source);
        let request = server.request.clone().ok_or(StaleCall)?;
        server.role = ServerRole::Answered;
        self.stop_awaiting_access(key);
        self.follow_customer(turn, waiting.leg.call, source, &request.view());
        self.forward_in_dialog(turn, key, &waiting.leg, &waiting.work, &waiting.loop_part);
        Ok(())
    }

    pub(super) fn refuse_waiting(&mut self, turn: &mut Turn<'_>, key: Key, refusal: &Refusal) -> Result<(), StaleCall> {
        let server = self.servers.get(key).ok_or(StaleCall)?;
        let ServerRole::Waiting(_) = server.role else { return Err(StaleCall) };
        self.respond_refusal(turn, key, refusal);
        Ok(())
    }

    pub(super) fn on_exchange_response(
        &mut self,
        turn: &mut Turn<'_>,
        server: Key,
        shown: Option<&Identity>,
        sight: Sight,
        response: &Message<'_>,
    ) {
        let status = response.status().unwrap_or_default();
        let Some(known) = self.servers.get(server) else { return };
        let Some(request) = &known.request else { return };
        let is_invite = known.is_invite();
        // 100 is hop by hop (§16.7 step 5), and a non-INVITE has no other provisional (RFC 4320 §4.1).
        if status == 100 || (status < 200 && !is_invite) {
            return;
        }
        match status {
            408 if !is_invite => return self.end_exchange(turn, server, status),
            // As of an initial INVITE: what the next hop says to us. A 401 or 407 without its challenge breaks §21.4.2 and §21.4.8, and nobody but
            // we could answer the challenge; by a 3xx the sender would go past us; by a 503 it would leave us, with all its calls, for what one
            // peer of ours cannot do (§16.7 step 6).
            300..=399 | 401 | 407 | 503 => return self.end_exchange(turn, server, 500),
            _ => {}
        }
        let (request, source) = (Arc::clone(request), known.source);
        let lowered = renumber::as_asked(response, request.view().cseq().number);
        let view = lowered.as_ref().map_or(*response, OwnedMessage::view);
        let (requester, responder) = match shown {
            Some(identity) => (Side::Carrier, Responder::Customer(identity)),
            None => (Side::Customer, Responder::Carrier { shows_callee: sight.shows_callee }),
        };
        let cover = match sight.is_hidden {
            true => Some(self.cover(turn.unix_s(), &view, requester, requester, source.listener)),
            false => None,
        };
        let bytes = forward::write_response(&request.view(), source.peer, &view, None, responder, cover.as_ref());
        self.respond(turn, server, status, bytes);
    }

    /// Nothing came from the next hop. A non-INVITE is not answered 408 (RFC 4320 §4.2): its sender's own timer has run out too.
    pub(super) fn end_exchange(&mut self, turn: &mut Turn<'_>, server: Key, status: u16) {
        let Some(known) = self.servers.get(server) else { return };
        if known.is_invite() || status != 408 {
            self.respond_plain(turn, server, status);
        } else {
            self.end_silently(turn, server);
        }
    }

    /// The call has lasted as long as it may, as far as its token tells.
    fn is_overdue(&self, now_s: u64, token: &Token) -> bool {
        let longest_s = match token.details.longest_s {
            0 => self.config.max_duration_s,
            own => own,
        };
        let until_answered_s = token.answered_after_ms.map_or(LONGEST_RINGING_S, |after_ms| after_ms / 1_000 + CLOCKS_DIFFER_S);
        u64::from(token.start_s) + u64::from(until_answered_s) + u64::from(longest_s) < now_s
    }

    fn open_token(&self, now_s: u64, sealed: &Sealed, request: &Message<'_>) -> Result<Token, TokenError> {
        let text = sealed.token.as_bytes();
        let (from_tag, to_tag) = (request.from_tag().unwrap_or_default(), request.to_tag().unwrap_or_default());
        let call_id = request.call_id();
        let customer = Binding { side: Side::Customer, call_id, caller_tag: from_tag, callee_tag: to_tag };
        let carrier = Binding { side: Side::Carrier, call_id, caller_tag: to_tag, callee_tag: b"" };
        let lifetime_s = self.config.token_lifetime_s;
        let mut token = match self.ring.open(now_s, lifetime_s, text, customer) {
            Err(TokenError::NotOurs) => self.ring.open(now_s, lifetime_s, text, carrier)?,
            result => result?,
        };
        if token.is_hidden && token.routes.is_none() && !sealed.routes.is_empty() {
            let binding = if token.side == Side::Customer { customer } else { carrier };
            token.routes = self.ring.open_routes(now_s, &sealed.routes, binding);
        }
        // Another edge may have sealed it, whose listeners stand in another order.
        let next_hop = &mut token.next_hop;
        if let Some(ours) = pick(&self.config.listeners, next_hop.listener, token.transport, next_hop.peer) {
            next_hop.listener = ours;
        }
        Ok(token)
    }

    /// Clients behind NAT: requests to the customer go where its last one came from. Its Contact is that of its last INVITE or UPDATE.
    fn follow_customer(&mut self, turn: &Turn<'_>, id: CallId, flow: Flow, request: &Message<'_>) {
        self.save_call_later(turn.now.ms, id);
        let Some(call) = self.call_ids.get(&id).and_then(|key| self.calls.get_mut(*key)) else { return };
        (call.customer, call.is_flow_gone) = (flow, false);
        if matches!(request.method(), Method::Invite | Method::Update) {
            call.contact = contact_uri(request);
        }
    }

    /// Without a transaction (§16.11, §17.1.1.3): a retransmitted ACK gets the same branch.
    fn forward_ack(&mut self, turn: &mut Turn<'_>, flow: Flow, ack: &Message<'_>, leg: &Leg, work: &RouteWork, loop_part: &str) {
        let branch = branch::make_stateless(&self.entropy, ack.branch(), loop_part);
        let cover = self.cover_of(turn.unix_s(), leg, ack);
        let (ours, realm) = (self.listener(leg.next_hop.listener), self.config.realm.as_str());
        let hop = Hop { ours, branch: &branch, source: flow.peer, realm, cover: cover.as_ref() };
        turn.send(leg.next_hop, write_request(ack, hop, leg, work));
    }

    fn forward_in_dialog(&mut self, turn: &mut Turn<'_>, server: Key, leg: &Leg, work: &RouteWork, loop_part: &str) {
        let Some(known) = self.servers.get(server) else { return };
        let (Some(request), source) = (known.request.clone(), known.source) else { return };
        let view = request.view();
        let end = (view.method() == Method::Bye && leg.is_main).then(|| End {
            by: match leg.side {
                Side::Customer => EndedBy::Caller,
                Side::Carrier => EndedBy::Callee,
            },
            // Q.850 16: normal clearing.
            q850: super::causes::stated_cause(&view).unwrap_or(16),
            answered_ns: leg.answered_ns,
            time_ns: turn.now.unix_ns,
            dialogs_over: leg.dialogs_over,
        });
        let shown = match leg.side {
            Side::Customer => None,
            Side::Carrier => Some(Arc::clone(&leg.identity)),
        };
        if !forward::has_room(&view, work.growth()) {
            return self.respond_plain(turn, server, 500);
        }
        let cover = self.cover_of(turn.unix_s(), leg, &view);
        let role = ClientRole::Exchange { server, call: leg.call, shown, sight: leg.sight, end };
        let (branch, realm) = (self.next_branch(loop_part), self.config.realm.as_str());
        let written = |flow: Flow| {
            let hop = Hop { ours: self.listener(flow.listener), branch: &branch, source: source.peer, realm, cover: cover.as_ref() };
            write_request(&view, hop, leg, work)
        };
        let (mut flow, mut bytes) = (leg.next_hop, written(leg.next_hop));
        if let Some(listener) = leg.large_listener.filter(|_| bytes.len() > MAX_UDP_REQUEST_BYTES) {
            flow.listener = listener;
            bytes = written(flow);
        }
        let client = self.start_client(turn, flow, role, branch, view.method(), bytes);
        match leg.side {
            Side::Carrier => self.allow_elsewhere(client, Elsewhere::OwnAddress { is_strict: work.is_strict }),
            Side::Customer if flow != leg.next_hop => self.allow_elsewhere(client, Elsewhere::Datagrams(leg.next_hop.listener)),
            Side::Customer => {}
        }
        if view.method() == Method::Bye && !leg.is_main {
            self.on_fork_hung_up(leg.call, callee_tag(leg.side, &view).unwrap_or_default());
        }
        let server_key = server;
        if let Some(server) = self.servers.get_mut(server_key) {
            server.role = ServerRole::Exchange(client);
        }
        if view.method() != Method::Invite {
            self.await_final(turn, server_key);
        }
    }

    /// The listener for what is too large for a datagram to the carrier, where that takes it.
    fn large_listener(&self, token: &Token) -> Option<u16> {
        let Flow { listener, peer } = token.next_hop;
        let is_wanted = token.side == Side::Customer && token.details.takes_tcp && !self.transport(token.next_hop).is_reliable();
        is_wanted.then(|| pick(&self.config.listeners, listener, Transport::Tcp, peer))?
    }

    /// What the other side is shown instead of the sender of a request of the leg.
    fn cover_of(&mut self, now_s: u64, leg: &Leg, request: &Message<'_>) -> Option<Cover> {
        let (requester, holder) = match leg.side {
            Side::Customer => (Side::Customer, Side::Carrier),
            Side::Carrier => (Side::Carrier, Side::Customer),
        };
        leg.sight.is_hidden.then(|| self.cover(now_s, request, requester, holder, leg.next_hop.listener))
    }
}

fn write_request(request: &Message<'_>, hop: Hop<'_>, leg: &Leg, work: &RouteWork) -> Vec<u8> {
    let raised = renumber::raised(request, leg.raise);
    let view = raised.as_ref().map_or(*request, OwnedMessage::view);
    match leg.side {
        Side::Customer => forward::write_to_carrier(&view, hop, work, &leg.identity),
        Side::Carrier => forward::write_to_customer(&view, hop, work, &leg.own, leg.sight.shows_callee),
    }
}

/// A carrier speaks from the gateway that the token names, or from where its response said that it would be. Which further gateways it has,
/// the tables know.
fn is_carrier(token: &Token, call: Option<&Call>, source: IpAddr) -> bool {
    token.source == source || call.is_some_and(|call| call.carrier_ip == Some(source))
}
