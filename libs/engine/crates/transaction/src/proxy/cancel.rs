//! What was given up: CANCEL from the caller and to gateways, and late answers of abandoned gateways (RFC 3261 §9, §16.10).

use trunkline_message::{DialogRequest, HeaderName, Message, Method};

use crate::action::{FactKind, Flow};
use crate::forward;
use crate::plan::CallId;
use crate::route;
use crate::slab::Key;

use super::client::ClientRole;
use super::server::{own_response, ServerRole};
use super::{Proxy, Turn};

/// A downstream proxy may fork; more late answers than this to one INVITE are left to their own timers.
pub(super) const MAX_HUNG_UP: usize = 8;

/// Of a CANCEL of our own for which somebody took too long. Q.850 102: recovery on timer expiry.
pub(super) const TIMED_OUT: &[u8] = b"Reason: Q.850;cause=102\r\n";

/// The Reason fields of a CANCEL, for the one that goes on: RFC 3326 §2 has its reader know why, and each hop writes its own CANCEL.
fn reason_lines(cancel: &Message<'_>) -> Vec<u8> {
    cancel.fields(HeaderName::Reason).flat_map(|field| field.line.of(cancel.bytes())).copied().collect()
}

impl Proxy {
    /// A CANCEL whose INVITE is `server`. Answered 200 each time it comes, which is what a transaction of its own would do.
    pub(super) fn on_cancel(&mut self, turn: &mut Turn<'_>, flow: Flow, cancel: &Message<'_>, key: Key) {
        let Some(server) = self.servers.get(key) else { return };
        let bytes = own_response(cancel, flow.peer, 200, "", &server.to_tag, "");
        let is_open = server.is_proceeding_invite();
        let role = server.role.clone();
        turn.send(route::reply_flow(cancel, flow, self.transport(flow)), bytes);
        if !is_open {
            return;
        }
        match role {
            ServerRole::Call(call) => self.on_caller_cancel(turn, call, &reason_lines(cancel)),
            ServerRole::Exchange(client) => self.want_cancel(turn, client, &reason_lines(cancel)),
            ServerRole::Waiting(_) => self.respond_plain(turn, key, 487),
            ServerRole::Answered => {}
        }
    }

    /// CANCELs an INVITE now, or when its first provisional response has come (§9.1), with these lines.
    pub(super) fn want_cancel(&mut self, turn: &mut Turn<'_>, key: Key, lines: &[u8]) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if client.is_proceeding() {
            self.send_cancel(turn, key, lines);
        } else if client.is_calling() {
            client.cancel_wanted = Some(lines.into());
        }
    }

    /// Nobody waits for this INVITE any more: it is cancelled, not sent again, and forgotten after 64*T1.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>, key: Key, role: ClientRole, lines: &[u8]) {
        if let Some(client) = self.clients.get_mut(key) {
            client.role = role;
        }
        self.stop_retransmission(key);
        self.want_cancel(turn, key, lines);
        if self.clients.get(key).is_some_and(|client| client.is_proceeding()) {
            self.start_timer_c(turn, key, self.lifetime_ms());
        }
    }

    /// A response to an INVITE that was given up. Provisional: the CANCEL is on its way. A 2xx: said once, for the
    /// carrier may bill it; acknowledged each time; hung up once a dialog.
    pub(super) fn on_stray_response(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        (call, number): (CallId, u32),
        mut hung_up: Vec<Vec<u8>>,
        response: &Message<'_>,
    ) {
        let Some(status) = response.status().filter(|status| (200..300).contains(status)) else { return };
        if hung_up.is_empty() {
            turn.fact(call, FactKind::Answered { number, status });
        }
        if self.hang_up_stray(turn, key, &mut hung_up, response) {
            if let Some(client) = self.clients.get_mut(key) {
                client.role = ClientRole::Abandoned { call, number, hung_up };
            }
        }
    }

    /// A 2xx to a re-INVITE that was given up. Its sender was told that it failed, and the dialog goes on (§14.1): acknowledged each time, or who
    /// answers would end the call (§13.3.1.4).
    pub(super) fn acknowledge_stray(&mut self, turn: &mut Turn<'_>, key: Key, response: &Message<'_>) {
        let Some(client) = self.clients.get(key).filter(|client| client.method == Method::Invite) else { return };
        let Some(invite) = client.sent() else { return };
        let branch = crate::branch::make_stateless(&self.entropy, client.branch.as_bytes(), "0");
        let via = forward::via(self.listener(client.flow.listener), &branch);
        let mut bytes = Vec::with_capacity(512);
        trunkline_message::write_ack_for_success(&invite.view(), &via, response, &mut bytes);
        turn.send(client.flow, bytes);
    }

    /// A 2xx when the call is over already: nobody would acknowledge it if it were passed on. A copy of the call's own has had its BYE; that
    /// of another branch downstream has not, unless it is remembered.
    pub(super) fn on_late_success(&mut self, turn: &mut Turn<'_>, key: Key, is_own: bool, response: &Message<'_>) {
        let Some(ClientRole::Try { call, server, mut forks }) = self.clients.get(key).map(|client| client.role.clone()) else { return };
        if is_own {
            let mut known = vec![response.to_tag().unwrap_or_default().to_vec()];
            self.hang_up_stray(turn, key, &mut known, response);
        } else if self.hang_up_stray(turn, key, &mut forks, response) {
            if let Some(client) = self.clients.get_mut(key) {
                client.role = ClientRole::Try { call, server, forks };
            }
        }
    }

    /// Acknowledges a 2xx that the caller is not told of, and hangs up where its To-tag is new. Says whether it was.
    fn hang_up_stray(&mut self, turn: &mut Turn<'_>, key: Key, hung_up: &mut Vec<Vec<u8>>, response: &Message<'_>) -> bool {
        let tag = response.to_tag().unwrap_or_default().to_vec();
        let is_new = !hung_up.contains(&tag);
        if is_new && hung_up.len() >= MAX_HUNG_UP {
            return false;
        }
        let Some(client) = self.clients.get(key) else { return false };
        let own_token = route::own_token(response, &self.config.listeners);
        let flow = route::next_hop(response, &own_token, client.flow, &self.config.listeners);
        let ours = self.listener(flow.listener);
        let write =
            |method: &str, cseq: u32, branch: &str| write_own_request(method, cseq, &forward::via(ours, branch), response, &own_token);
        let cseq = response.cseq().number;
        let ack_branch = crate::branch::make_stateless(&self.entropy, client.branch.as_bytes(), "0");
        turn.send(flow, write("ACK", cseq, &ack_branch));
        if is_new {
            hung_up.push(tag);
            // Below 2^31: an INVITE with one of the last numbers was refused.
            self.send_request(turn, flow, ClientRole::Nobody, "0", Method::Bye, |branch| write("BYE", cseq.saturating_add(1), branch));
        }
        is_new
    }

    /// Of a client transaction whose peer has taken too long (§16.8), or of our OPTIONS.
    pub(super) fn on_timer_c(&mut self, turn: &mut Turn<'_>, key: Key) {
        let Some(role) = self.clients.get(key).map(|client| client.role.clone()) else { return };
        match role {
            ClientRole::Try { call, .. } => self.on_try_overdue(turn, key, call),
            ClientRole::Exchange { server, .. } => {
                self.give_up(turn, key, ClientRole::Nobody, TIMED_OUT);
                self.end_exchange(turn, server, 408);
            }
            ClientRole::Ping { place } => self.on_ping_overdue(turn, key, place),
            ClientRole::Abandoned { .. } | ClientRole::Nobody | ClientRole::HangUp { .. } => self.remove_client(key),
        }
    }
}

/// A request of ours in the dialog that a 2xx made: From, To and Call-ID as there, to its Contact along its routes (§12.2.1.1).
fn write_own_request(method: &str, cseq: u32, via: &[u8], response: &Message<'_>, own_token: &str) -> Vec<u8> {
    let contact = response.addresses(HeaderName::Contact).next().and_then(Result::ok);
    let value = |name| response.value(name).unwrap_or_default();
    let routes = route::route_set(response, own_token);
    let request = DialogRequest {
        method,
        remote_target: forward::without_headers(contact.map_or(response.to().uri_bytes, |contact| contact.uri_bytes)),
        routes: &routes,
        via,
        from: value(HeaderName::From),
        to: value(HeaderName::To),
        call_id: response.call_id(),
        cseq,
        lines: b"",
    };
    let mut out = Vec::with_capacity(512);
    trunkline_message::write_request(&request, &mut out);
    out
}
