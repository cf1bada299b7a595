//! Client transactions: runs their machines, matches responses, retransmits requests.

use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_message::{Message, Method, OwnedMessage};

use crate::action::{Flow, GatewayPlace, SeenBy};
use crate::branch;
use crate::forward::Identity;
use crate::invite_client;
use crate::machine::{ClientEffect, ClientTimer, Run};
use crate::plan::CallId;
use crate::request_client;
use crate::slab::Key;
use crate::timer::Timers;
use crate::token::Side;

use super::call::End;
use super::elsewhere::Elsewhere;
use super::leg::Sight;
use super::sighting;
use super::{Proxy, Timed, Turn};

#[derive(Clone, Copy, Debug)]
pub(super) enum Machine {
    Invite(invite_client::State),
    Request(request_client::State),
}

impl Machine {
    fn retransmission(self) -> ClientTimer {
        match self {
            Self::Invite(_) => ClientTimer::A,
            Self::Request(_) => ClientTimer::E,
        }
    }
}

/// Who is told of responses.
#[derive(Clone, Debug)]
pub(super) enum ClientRole {
    /// A gateway tried for a call whose INVITE is `server`. Holds the To-tags of other branches downstream than the call's own that were hung
    /// up: by the caller, or by us because the call was over.
    Try { call: Key, server: Key, forks: Vec<Vec<u8>> },
    /// A request in a dialog. `shown` speaks for a customer who responds; `sight` is what else is seen of who does; `end` is what a BYE ends
    /// when it is through.
    Exchange { server: Key, call: CallId, shown: Option<Arc<Identity>>, sight: Sight, end: Option<End> },
    /// Our BYE to this side of the call.
    HangUp { call: CallId, side: Side },
    /// The gateway given up as the `number`th of this call: a late 1xx is cancelled, a late 2xx said, acknowledged and hung up.
    /// Holds the To-tags that were.
    Abandoned { call: CallId, number: u32, hung_up: Vec<Vec<u8>> },
    /// Our OPTIONS to this gateway; timer C bounds it.
    Ping { place: Arc<GatewayPlace> },
    /// Nobody: our CANCEL, the BYE to a late answer, or the transaction above has ended.
    Nobody,
}

#[derive(Debug)]
pub(super) struct Client {
    pub machine: Machine,
    pub branch: Box<str>,
    pub method: Method,
    /// As sent; parsed only where something is made of it, which is rare. Empty when nothing is any more: most of a transaction's life is
    /// waiting for stray copies.
    pub request: Vec<u8>,
    pub flow: Flow,
    pub is_reliable: bool,
    /// Another way, where the connection of `flow` is gone.
    pub elsewhere: Elsewhere,
    /// Sent again over a new connection.
    pub is_resent: bool,
    pub role: ClientRole,
    /// The client transaction of its CANCEL, which has the same branch.
    pub cancel: Option<Key>,
    /// To be cancelled, with these lines, when a provisional response comes (§9.1).
    pub cancel_wanted: Option<Box<[u8]>>,
    interval_ms: u64,
    pub timers: Timers<{ ClientTimer::ALL.len() }>,
}

impl Client {
    pub fn is_calling(&self) -> bool {
        matches!(self.machine, Machine::Invite(invite_client::State::Calling))
    }

    pub fn is_proceeding(&self) -> bool {
        matches!(self.machine, Machine::Invite(invite_client::State::Proceeding))
    }

    pub fn is_in_dialog(&self) -> bool {
        matches!(self.role, ClientRole::Exchange { .. } | ClientRole::HangUp { .. })
    }

    /// A re-INVITE that was given up.
    fn is_stray_invite(&self) -> bool {
        matches!((self.machine, &self.role), (Machine::Invite(_), ClientRole::Nobody))
    }

    /// The request as a message; `None` when it is not kept any more.
    pub fn sent(&self) -> Option<OwnedMessage> {
        OwnedMessage::parse(&self.request).ok()
    }

    /// No final response yet.
    pub fn is_waiting(&self) -> bool {
        match self.machine {
            Machine::Invite(state) => matches!(state, invite_client::State::Calling | invite_client::State::Proceeding),
            Machine::Request(state) => matches!(state, request_client::State::Trying | request_client::State::Proceeding),
        }
    }

    /// From now on what is sent may be lost.
    pub fn go_by_datagrams(&mut self, listener: u16, now_ms: u64, t1_ms: u64) {
        self.flow.listener = listener;
        (self.is_reliable, self.interval_ms) = (false, t1_ms);
        self.timers.start(self.machine.retransmission() as usize, now_ms + t1_ms.max(1));
    }

    /// No response at all yet.
    pub fn is_unanswered(&self) -> bool {
        match self.machine {
            Machine::Invite(state) => state == invite_client::State::Calling,
            Machine::Request(state) => state == request_client::State::Trying,
        }
    }

    fn is_terminated(&self) -> bool {
        match self.machine {
            Machine::Invite(state) => state == invite_client::State::Terminated,
            Machine::Request(state) => state == request_client::State::Terminated,
        }
    }

    /// Nothing is retransmitted or acknowledged with this request any more.
    fn is_request_done(&self) -> bool {
        match self.machine {
            Machine::Invite(state) => state == invite_client::State::Accepted,
            Machine::Request(state) => state == request_client::State::Completed,
        }
    }

    fn has_method(&self, response: &Message<'_>) -> bool {
        match self.method {
            // Completed: no response changes anything, whatever its method was.
            Method::Other => {
                self.request.starts_with(response.method_bytes()) && self.request.get(response.method_bytes().len()) == Some(&b' ')
            }
            method => response.method() == method,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Input {
    Response(u16),
    TransportError,
    Timer(ClientTimer),
}

impl Input {
    fn step(self, machine: Machine) -> (Machine, &'static [ClientEffect]) {
        match machine {
            Machine::Invite(state) => {
                let event = match self {
                    Self::Response(100..=199) => invite_client::Event::Provisional,
                    Self::Response(200..=299) => invite_client::Event::Success,
                    Self::Response(_) => invite_client::Event::Failure,
                    Self::TransportError => invite_client::Event::TransportError,
                    Self::Timer(timer) => invite_client::Event::Timer(timer),
                };
                let (state, effects) = invite_client::step(state, event);
                (Machine::Invite(state), effects)
            }
            Machine::Request(state) => {
                let event = match self {
                    Self::Response(100..=199) => request_client::Event::Provisional,
                    Self::Response(_) => request_client::Event::Final,
                    Self::TransportError => request_client::Event::TransportError,
                    Self::Timer(timer) => request_client::Event::Timer(timer),
                };
                let (state, effects) = request_client::step(state, event);
                (Machine::Request(state), effects)
            }
        }
    }
}

impl Proxy {
    /// Makes the transaction, sends the request that `write` makes with the new branch, and starts A and B, or E and F.
    pub(super) fn send_request(
        &mut self,
        turn: &mut Turn<'_>,
        flow: Flow,
        role: ClientRole,
        loop_part: &str,
        method: Method,
        write: impl FnOnce(&str) -> Vec<u8>,
    ) -> Key {
        let branch = self.next_branch(loop_part);
        let bytes = write(&branch);
        self.start_client(turn, flow, role, branch, method, bytes)
    }

    /// Of the next client transaction, and of no other.
    pub(super) fn next_branch(&mut self, loop_part: &str) -> String {
        branch::make(&mut self.entropy, self.config.place.worker, self.clients.next_key(), loop_part)
    }

    /// The CANCEL of an INVITE: a transaction of its own under the same branch (§9.1).
    /// `lines` are its Reason (RFC 3326).
    pub(super) fn send_cancel(&mut self, turn: &mut Turn<'_>, invite: Key, lines: &[u8]) {
        let Some(client) = self.clients.get(invite).filter(|client| client.cancel.is_none()) else { return };
        let Some(request) = client.sent() else { return };
        let (flow, branch) = (client.flow, client.branch.to_string());
        let mut bytes = Vec::with_capacity(512);
        trunkline_message::write_cancel(&request.view(), lines, &mut bytes);
        let cancel = self.start_client(turn, flow, ClientRole::Nobody, branch, Method::Cancel, bytes);
        if let Some(client) = self.clients.get_mut(invite) {
            client.cancel = Some(cancel);
            client.cancel_wanted = None;
        }
    }

    pub(super) fn start_client(
        &mut self,
        turn: &mut Turn<'_>,
        flow: Flow,
        role: ClientRole,
        branch: String,
        method: Method,
        request: Vec<u8>,
    ) -> Key {
        let (machine, timeout) = match method {
            Method::Invite => (Machine::Invite(invite_client::State::Calling), ClientTimer::B),
            _ => (Machine::Request(request_client::State::Trying), ClientTimer::F),
        };
        let mut timers = Timers::new();
        let is_reliable = self.transport(flow).is_reliable();
        if machine.retransmission().over(is_reliable) != Run::Never {
            timers.start(machine.retransmission() as usize, turn.now.ms + self.config.t1_ms.max(1));
        }
        timers.start(timeout as usize, turn.now.ms + self.lifetime_ms());
        let interval_ms = self.config.t1_ms;
        let kept = request.as_slice().to_vec();
        turn.send(flow, request);
        let key = self.clients.insert(Client {
            machine,
            branch: branch.into_boxed_str(),
            method,
            request: kept,
            flow,
            is_reliable,
            elsewhere: Elsewhere::Nowhere,
            is_resent: false,
            role,
            cancel: None,
            cancel_wanted: None,
            interval_ms,
            timers,
        });
        if let Some(client) = self.clients.get_mut(key) {
            self.timers.arm(Timed::Client(key), &mut client.timers, turn.now.ms);
        }
        self.peers.entry(flow.peer).or_default().insert(key);
        key
    }

    pub(super) fn remove_client(&mut self, key: Key) {
        let Some(client) = self.clients.remove(key) else { return };
        self.forget_peer(key, client.flow.peer);
        if let Some(cancel) = client.cancel {
            self.remove_client(cancel);
        }
    }

    /// An error of the transport changes nothing for this transaction any more.
    pub(super) fn forget_peer(&mut self, key: Key, peer: SocketAddr) {
        if let Some(keys) = self.peers.get_mut(&peer) {
            keys.remove(&key);
            if keys.is_empty() {
                self.peers.remove(&peer);
            }
        }
    }

    /// Finds the transaction by the branch of the top Via (§17.1.3). Anything that is not exactly what was sent is dropped.
    pub(super) fn on_response(&mut self, turn: &mut Turn<'_>, response: &Message<'_>) {
        let branch = response.branch();
        let Some(key) = branch::key_of(branch, self.config.place.worker) else { return };
        let Some(client) = self.clients.get(key).filter(|client| client.branch.as_bytes() == branch) else { return };
        let Some(status) = response.status() else { return };
        let key = if client.has_method(response) {
            key
        } else {
            match client.cancel.filter(|_| response.method() == Method::Cancel) {
                Some(cancel) => cancel,
                None => return,
            }
        };
        self.drive_client(turn, key, Input::Response(status), Some(response));
    }

    pub(super) fn on_client_timers(&mut self, turn: &mut Turn<'_>, key: Key, at_ms: u64) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.timers.opened(at_ms);
        while let Some(kind) = self.clients.get_mut(key).and_then(|client| client.timers.take_due(turn.now.ms)) {
            match ClientTimer::ALL[kind] {
                ClientTimer::C => self.on_timer_c(turn, key),
                timer => self.drive_client(turn, key, Input::Timer(timer), None),
            }
        }
        if let Some(client) = self.clients.get_mut(key) {
            self.timers.arm(Timed::Client(key), &mut client.timers, turn.now.ms);
        }
    }

    /// Timer C, or the bound on waiting for the end of a branch that was given up.
    pub(super) fn start_timer_c(&mut self, turn: &Turn<'_>, key: Key, delay_ms: u64) {
        if let Some(client) = self.clients.get_mut(key) {
            client.timers.start(ClientTimer::C as usize, turn.now.ms + delay_ms);
            self.timers.arm(Timed::Client(key), &mut client.timers, turn.now.ms);
        }
    }

    fn is_timer_c_running(&self, key: Key) -> bool {
        self.clients.get(key).is_some_and(|client| client.timers.is_running(ClientTimer::C as usize))
    }

    /// No more retransmissions of an INVITE to a gateway that was given up.
    pub(super) fn stop_retransmission(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key) {
            client.timers.stop(ClientTimer::A as usize);
        }
    }

    pub(super) fn drive_client(&mut self, turn: &mut Turn<'_>, key: Key, input: Input, response: Option<&Message<'_>>) {
        let lifetime_ms = self.lifetime_ms();
        let Some(client) = self.clients.get_mut(key) else { return };
        let (machine, effects) = input.step(client.machine);
        client.machine = machine;
        let mut report = None;
        for effect in effects {
            match effect {
                ClientEffect::Resend => {
                    turn.send(client.flow, client.request.clone());
                }
                ClientEffect::Start(timer) => {
                    let delay_ms = match timer {
                        _ if timer.over(client.is_reliable) == Run::Never => continue,
                        _ if timer.over(client.is_reliable) == Run::AtOnce => 0,
                        ClientTimer::A => {
                            client.interval_ms *= 2;
                            client.interval_ms
                        }
                        ClientTimer::E => {
                            client.interval_ms = match client.machine {
                                Machine::Request(request_client::State::Proceeding) => self.config.t2_ms,
                                _ => (2 * client.interval_ms).min(self.config.t2_ms),
                            };
                            client.interval_ms
                        }
                        ClientTimer::K => self.config.t4_ms,
                        ClientTimer::B | ClientTimer::C | ClientTimer::D | ClientTimer::F | ClientTimer::M => lifetime_ms,
                    };
                    client.timers.start(*timer as usize, turn.now.ms + delay_ms.max(1));
                }
                ClientEffect::Stop(timer) => client.timers.stop(*timer as usize),
                ClientEffect::Acknowledge => {
                    if let (Some(request), Some(response)) = (client.sent(), response) {
                        let mut bytes = Vec::with_capacity(512);
                        trunkline_message::write_ack_for_failure(&request.view(), response, &mut bytes);
                        turn.send(client.flow, bytes);
                    }
                }
                ClientEffect::Deliver | ClientEffect::Timeout | ClientEffect::Unreachable => report = Some(*effect),
            }
        }
        if matches!(input, Input::Response(200..)) {
            client.timers.stop(ClientTimer::C as usize);
            // The INVITE is over, so its CANCEL need not be repeated.
            if let Some(cancel) = client.cancel.take() {
                self.remove_client(cancel);
            }
        }
        let Some(client) = self.clients.get_mut(key) else { return };
        let role = client.role.clone();
        self.timers.arm(Timed::Client(key), &mut client.timers, turn.now.ms);
        match (report, response) {
            (Some(ClientEffect::Deliver), Some(response)) => self.on_delivered(turn, key, role, response),
            (Some(ClientEffect::Timeout), _) => self.on_nobody_answered(turn, key, role),
            (Some(ClientEffect::Unreachable), _) => self.on_nobody_reached(turn, key, role),
            _ => {}
        }
        match self.clients.get_mut(key) {
            None => {}
            Some(client) if client.is_terminated() => self.remove_client(key),
            Some(client) => {
                if client.is_request_done() && !client.is_stray_invite() {
                    client.request = Vec::new();
                }
                if !client.is_waiting() {
                    let peer = client.flow.peer;
                    self.forget_peer(key, peer);
                }
            }
        }
    }

    fn on_delivered(&mut self, turn: &mut Turn<'_>, key: Key, role: ClientRole, response: &Message<'_>) {
        let is_provisional = response.status().is_some_and(|status| status < 200);
        let cancel_due = self.clients.get_mut(key).filter(|_| is_provisional).and_then(|client| client.cancel_wanted.take());
        if is_provisional && self.clients.get(key).is_some_and(Client::is_proceeding) {
            match role {
                // §16.7 step 2: anything but 100 starts it again.
                ClientRole::Try { .. } | ClientRole::Exchange { .. } if response.status() == Some(100) && self.is_timer_c_running(key) => {}
                ClientRole::Try { .. } | ClientRole::Exchange { .. } => self.start_timer_c(turn, key, self.config.timer_c_ms),
                // Not restarted: a peer that goes on sending provisional responses is forgotten all the same.
                ClientRole::Abandoned { .. } | ClientRole::Nobody | ClientRole::HangUp { .. } if self.is_timer_c_running(key) => {}
                ClientRole::Ping { .. } => {}
                ClientRole::Abandoned { .. } | ClientRole::Nobody | ClientRole::HangUp { .. } => {
                    self.start_timer_c(turn, key, self.lifetime_ms())
                }
            }
        }
        if let Some(lines) = cancel_due {
            self.send_cancel(turn, key, &lines);
        }
        match role {
            ClientRole::Try { call, server, .. } => self.on_try_response(turn, key, call, server, response),
            ClientRole::Exchange { server, call, shown, sight, end } => {
                self.refresh_targets(turn, server, call, shown.is_some(), response);
                self.end_if_over(turn, call, end, response.status().unwrap_or_default());
                self.on_exchange_response(turn, server, shown.as_deref(), sight, response);
            }
            ClientRole::Abandoned { call, number, hung_up } => self.on_stray_response(turn, key, (call, number), hung_up, response),
            ClientRole::HangUp { call, side } => self.on_own_bye_answered(turn, call, side, response.status().unwrap_or_default()),
            ClientRole::Ping { place } if !is_provisional => turn.saw(SeenBy::Options(place), sighting::sign_of(response)),
            ClientRole::Nobody if matches!(response.status(), Some(200..=299)) => self.acknowledge_stray(turn, key, response),
            ClientRole::Ping { .. } | ClientRole::Nobody => {}
        }
    }

    fn on_nobody_answered(&mut self, turn: &mut Turn<'_>, key: Key, role: ClientRole) {
        match role {
            ClientRole::Try { call, .. } => self.on_try_silent(turn, key, call),
            ClientRole::Exchange { server, call, end, .. } => {
                self.end_if_over(turn, call, end, 408);
                self.end_exchange(turn, server, 408);
            }
            ClientRole::HangUp { call, side } => self.on_own_bye_answered(turn, call, side, 408),
            ClientRole::Ping { place } => self.on_ping_overdue(turn, key, place),
            ClientRole::Abandoned { .. } | ClientRole::Nobody => {}
        }
    }

    fn on_nobody_reached(&mut self, turn: &mut Turn<'_>, key: Key, role: ClientRole) {
        match role {
            ClientRole::Try { call, .. } => self.on_try_unreachable(turn, key, call),
            // §16.9: as a 503 from the next hop, which is not passed on as it is (§16.7 step 6).
            ClientRole::Exchange { server, call, end, .. } => {
                self.end_if_over(turn, call, end, 408);
                self.end_exchange(turn, server, 500);
            }
            ClientRole::HangUp { call, side } => self.on_own_bye_answered(turn, call, side, 408),
            ClientRole::Ping { place } => self.on_ping_unreachable(turn, key, place),
            ClientRole::Abandoned { .. } | ClientRole::Nobody => {}
        }
    }
}
