//! Server transactions: runs their machines and sends their responses.

use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_message::{Message, Method, OwnedMessage, ResponseSpec};

use crate::action::Flow;
use crate::entropy::hex;
use crate::invite_server;
use crate::machine::{Run, ServerEffect, ServerTimer};
use crate::plan::Refusal;
use crate::request_server;
use crate::route;
use crate::slab::Key;
use crate::timer::Timers;

use super::dialog::Waiting;
use super::{Proxy, Timed, Turn};

#[derive(Clone, Copy, Debug)]
pub(super) enum Machine {
    Invite(invite_server::State),
    Request(request_server::State),
}

/// What the transaction user does with it.
#[derive(Clone, Debug)]
pub(super) enum ServerRole {
    /// The INVITE of this call.
    Call(Key),
    /// Forwarded in a dialog by this client transaction.
    Exchange(Key),
    /// A re-INVITE that waits for the access rule.
    Waiting(Box<Waiting>),
    /// Answered; only the machine goes on.
    Answered,
}

/// Index of the wait for the access rule, beside the machines' timers.
const WAIT: usize = ServerTimer::ALL.len();
/// Index of the time after which a non-INVITE without a final response gets a 100.
const STILL_TRYING: usize = WAIT + 1;

#[derive(Debug)]
pub(super) struct Server {
    pub machine: Machine,
    pub id: u64,
    /// As it came. `None` when no response is made for it any more.
    pub request: Option<Arc<OwnedMessage>>,
    pub source: Flow,
    pub reply: Flow,
    is_reliable: bool,
    /// Where the sender takes responses when its connection is gone: the port of its Via (§18.2.2).
    via_port: Option<u16>,
    /// To-tag of responses of our own.
    pub to_tag: [u8; 16],
    /// The last response, as sent.
    pub last: Box<[u8]>,
    /// To-tag of the 2xx in `last`; of the call's answer, where the call is over.
    pub accepted_tag: Box<[u8]>,
    pub role: ServerRole,
    interval_ms: u64,
    timers: Timers<{ STILL_TRYING + 1 }>,
}

impl Server {
    pub fn is_invite(&self) -> bool {
        matches!(self.machine, Machine::Invite(_))
    }

    /// An INVITE that has no final response yet.
    pub fn is_proceeding_invite(&self) -> bool {
        matches!(self.machine, Machine::Invite(invite_server::State::Proceeding))
    }

    fn is_terminated(&self) -> bool {
        match self.machine {
            Machine::Invite(state) => state == invite_server::State::Terminated,
            Machine::Request(state) => state == request_server::State::Terminated,
        }
    }

    /// The last response is all that goes out any more. An accepted INVITE may get the 2xx of another branch.
    fn is_request_done(&self) -> bool {
        match self.machine {
            Machine::Invite(state) => matches!(state, invite_server::State::Completed | invite_server::State::Confirmed),
            Machine::Request(state) => state == request_server::State::Completed,
        }
    }
}

/// What happens to a server transaction, for either machine.
#[derive(Clone, Copy, Debug)]
enum Input {
    Retransmission,
    Ack,
    Response(u16),
    Timer(ServerTimer),
}

impl Input {
    fn step(self, machine: Machine) -> (Machine, &'static [ServerEffect]) {
        match machine {
            Machine::Invite(state) => {
                let event = match self {
                    Self::Retransmission => invite_server::Event::Invite,
                    Self::Ack => invite_server::Event::Ack,
                    Self::Response(100..=199) => invite_server::Event::Provisional,
                    Self::Response(200..=299) => invite_server::Event::Success,
                    Self::Response(_) => invite_server::Event::Failure,
                    Self::Timer(timer) => invite_server::Event::Timer(timer),
                };
                let (state, effects) = invite_server::step(state, event);
                (Machine::Invite(state), effects)
            }
            Machine::Request(state) => {
                let event = match self {
                    Self::Retransmission => request_server::Event::Request,
                    Self::Ack => return (machine, &[]),
                    Self::Response(100..=199) => request_server::Event::Provisional,
                    Self::Response(_) => request_server::Event::Final,
                    Self::Timer(timer) => request_server::Event::Timer(timer),
                };
                let (state, effects) = request_server::step(state, event);
                (Machine::Request(state), effects)
            }
        }
    }
}

impl Proxy {
    /// §17.2.3: branch, sent-by and method, where ACK and CANCEL ask for their INVITE; a keyed hash of them, of which two requests that
    /// are not the same share one with a chance of 2^-64, and nobody without the key can find two.
    pub(super) fn server_id(&self, request: &Message<'_>) -> u64 {
        let via = request.top_via();
        let method = match request.method() {
            Method::Ack | Method::Cancel => Method::Invite.as_str().as_bytes(),
            _ => request.method_bytes(),
        };
        let port = via.sent_by_port.unwrap_or(0).to_be_bytes();
        if !request.has_unique_branch() {
            return self.server_id_of_rfc2543(request, method);
        }
        if via.sent_by_host.iter().any(u8::is_ascii_uppercase) {
            let host = via.sent_by_host.to_ascii_lowercase();
            return self.entropy.mark([request.branch(), &host, &port, method]);
        }
        self.entropy.mark([request.branch(), via.sent_by_host, &port, method])
    }

    /// A branch without the cookie, as RFC 2543 had them, may be that of many requests: they are told apart by all that §17.2.3 names and
    /// that an ACK or a CANCEL repeats.
    fn server_id_of_rfc2543(&self, request: &Message<'_>, method: &[u8]) -> u64 {
        let via = request.top_via();
        let (host, port) = (via.sent_by_host.to_ascii_lowercase(), via.sent_by_port.unwrap_or(0).to_be_bytes());
        let number = request.cseq().number.to_be_bytes();
        let tag = request.from_tag().unwrap_or_default();
        self.entropy.mark([request.branch(), &host, &port, method, request.call_id(), tag, &number, request.request_uri_bytes()])
    }

    pub(super) fn insert_server(&mut self, request: &Message<'_>, source: Flow, role: ServerRole) -> Key {
        let machine = match request.method() {
            Method::Invite => Machine::Invite(invite_server::State::Proceeding),
            _ => Machine::Request(request_server::State::Trying),
        };
        let id = self.server_id(request);
        let to_tag = hex(self.entropy.next());
        let transport = self.transport(source);
        let reply = route::reply_flow(request, source, transport);
        let server = Server {
            machine,
            id,
            request: Some(Arc::new(OwnedMessage::copy_of(request))),
            source,
            reply,
            is_reliable: transport.is_reliable(),
            via_port: request.top_via().sent_by_port,
            to_tag,
            last: Box::default(),
            accepted_tag: Box::default(),
            role,
            interval_ms: self.config.t1_ms,
            timers: Timers::new(),
        };
        let key = self.servers.insert(server);
        self.server_ids.insert(id, key);
        if transport.is_reliable() {
            self.replies.entry(reply).or_default().insert(key);
        }
        key
    }

    pub(super) fn remove_server(&mut self, key: Key) {
        if let Some(server) = self.servers.remove(key) {
            self.server_ids.remove(&server.id);
            if server.is_reliable {
                self.forget_reply(server.reply, key);
            }
        }
    }

    fn forget_reply(&mut self, flow: Flow, key: Key) {
        if let Some(keys) = self.replies.get_mut(&flow) {
            keys.remove(&key);
            if keys.is_empty() {
                self.replies.remove(&flow);
            }
        }
    }

    /// §18.2.2: when the connection of a request is gone, its responses open one to the address it came from, at the port of its Via.
    pub(super) fn move_replies(&mut self, gone: Flow) {
        for key in self.replies.remove(&gone).into_iter().flatten() {
            let default_port = self.transport(gone).default_port();
            let Some(server) = self.servers.get_mut(key) else { continue };
            server.reply.peer.set_port(server.via_port.unwrap_or(default_port));
            self.replies.entry(server.reply).or_default().insert(key);
        }
    }

    /// The call of an accepted INVITE is over: nobody waits for its 2xx any more, and retransmissions are absorbed without it. `own_tag`, the
    /// To-tag of its answer, tells copies of that from the 2xx of other branches downstream.
    pub(super) fn forget_accepted(&mut self, key: Key, own_tag: &[u8]) {
        if let Some(server) = self.servers.get_mut(key) {
            if matches!(server.machine, Machine::Invite(invite_server::State::Accepted)) {
                server.request = None;
                server.last = Box::default();
                server.accepted_tag = own_tag.into();
            }
        }
    }

    /// A request that gets no response at all. Its copies that come now are still its copies, and go nowhere.
    pub(super) fn end_silently(&mut self, turn: &mut Turn<'_>, key: Key) {
        if let Some(server) = self.servers.get_mut(key) {
            server.role = ServerRole::Answered;
            server.last = Box::default();
        }
        self.drive_server(turn, key, Input::Response(408), None);
    }

    pub(super) fn on_retransmission(&mut self, turn: &mut Turn<'_>, key: Key) {
        self.drive_server(turn, key, Input::Retransmission, None);
    }

    /// The ACK of a failure. `false`: the transaction was accepted, so the ACK belongs to the dialog.
    pub(super) fn on_failure_ack(&mut self, turn: &mut Turn<'_>, key: Key) -> bool {
        let is_accepted =
            self.servers.get(key).is_some_and(|server| matches!(server.machine, Machine::Invite(invite_server::State::Accepted)));
        if !is_accepted {
            self.drive_server(turn, key, Input::Ack, None);
        }
        !is_accepted
    }

    /// A response of the transaction user, forwarded or our own. The machine decides whether it goes out.
    pub(super) fn respond(&mut self, turn: &mut Turn<'_>, key: Key, status: u16, bytes: Vec<u8>) {
        if status >= 200 {
            if let Some(server) = self.servers.get_mut(key) {
                server.role = ServerRole::Answered;
                server.timers.stop(WAIT);
                server.timers.stop(STILL_TRYING);
            }
        }
        self.drive_server(turn, key, Input::Response(status), Some(bytes));
    }

    /// A response of our own: `403 Source Not In ACL T203` and its Reason header (RFC 3326, RFC 6432).
    pub(super) fn respond_refusal(&mut self, turn: &mut Turn<'_>, key: Key, refusal: &Refusal) {
        let (phrase, mut lines) = match refusal.code.as_str() {
            "" => (refusal.text.clone(), String::new()),
            code => {
                (format!("{} {code}", refusal.text), format!("Reason: Q.850;cause={};text=\"{code} {}\"\r\n", refusal.q850, refusal.text))
            }
        };
        lines.push_str(&refusal.extra_headers);
        let Some(server) = self.servers.get(key) else { return };
        let Some(request) = &server.request else { return };
        let bytes = own_response(&request.view(), server.source.peer, refusal.status, &phrase, &server.to_tag, &lines);
        self.respond(turn, key, refusal.status, bytes);
    }

    pub(super) fn respond_plain(&mut self, turn: &mut Turn<'_>, key: Key, status: u16) {
        self.respond_refusal(turn, key, &Refusal { status, ..Refusal::default() });
    }

    pub(super) fn await_access(&mut self, turn: &Turn<'_>, key: Key) {
        if let Some(server) = self.servers.get_mut(key) {
            server.timers.start(WAIT, turn.now.ms + self.config.decision_limit_ms);
            self.timers.arm(Timed::Server(key), &mut server.timers, turn.now.ms);
        }
    }

    /// The access rule has spoken.
    pub(super) fn stop_awaiting_access(&mut self, key: Key) {
        if let Some(server) = self.servers.get_mut(key) {
            server.timers.stop(WAIT);
        }
    }

    /// RFC 4320 §4.1: a non-INVITE gets its 100 when the sender's Timer E has come to T2, over any transport, and not before.
    pub(super) fn await_final(&mut self, turn: &Turn<'_>, key: Key) {
        let (mut interval_ms, mut delay_ms) = (self.config.t1_ms.max(1), 0);
        while interval_ms < self.config.t2_ms {
            delay_ms += interval_ms;
            interval_ms *= 2;
        }
        if let Some(server) = self.servers.get_mut(key) {
            server.timers.start(STILL_TRYING, turn.now.ms + delay_ms);
            self.timers.arm(Timed::Server(key), &mut server.timers, turn.now.ms);
        }
    }

    fn on_still_trying(&mut self, turn: &mut Turn<'_>, key: Key) {
        let is_trying =
            self.servers.get(key).is_some_and(|server| matches!(server.machine, Machine::Request(request_server::State::Trying)));
        if is_trying {
            self.respond_plain(turn, key, 100);
        }
    }

    pub(super) fn on_server_timers(&mut self, turn: &mut Turn<'_>, key: Key, at_ms: u64) {
        let Some(server) = self.servers.get_mut(key) else { return };
        server.timers.opened(at_ms);
        while let Some(kind) = self.servers.get_mut(key).and_then(|server| server.timers.take_due(turn.now.ms)) {
            match ServerTimer::ALL.get(kind) {
                Some(timer) => self.drive_server(turn, key, Input::Timer(*timer), None),
                None if kind == STILL_TRYING => self.on_still_trying(turn, key),
                None => {
                    let refusal = self.config.decision_refusal.clone();
                    self.respond_refusal(turn, key, &refusal);
                }
            }
        }
        if let Some(server) = self.servers.get_mut(key) {
            self.timers.arm(Timed::Server(key), &mut server.timers, turn.now.ms);
        }
    }

    fn drive_server(&mut self, turn: &mut Turn<'_>, key: Key, input: Input, response: Option<Vec<u8>>) {
        let lifetime_ms = self.lifetime_ms();
        let Some(server) = self.servers.get_mut(key) else { return };
        let (machine, effects) = input.step(server.machine);
        server.machine = machine;
        let mut response = response;
        for effect in effects {
            match effect {
                ServerEffect::Send => {
                    if let Some(bytes) = response.take() {
                        // A copy without the room that writing left, for it is kept the longest.
                        server.last = bytes.as_slice().into();
                        turn.send(server.reply, bytes);
                    }
                }
                ServerEffect::Resend => {
                    // Empty before the first provisional: then silence is right (§17.2.2).
                    if !server.last.is_empty() {
                        turn.send(server.reply, server.last.to_vec());
                    }
                }
                ServerEffect::Start(timer) => {
                    let delay_ms = match timer {
                        _ if timer.over(server.is_reliable) == Run::Never => continue,
                        _ if timer.over(server.is_reliable) == Run::AtOnce => 0,
                        ServerTimer::G => {
                            let delay_ms = server.interval_ms;
                            server.interval_ms = (2 * delay_ms).min(self.config.t2_ms);
                            delay_ms
                        }
                        ServerTimer::H | ServerTimer::J | ServerTimer::L => lifetime_ms,
                        ServerTimer::I => self.config.t4_ms,
                    };
                    server.timers.start(*timer as usize, turn.now.ms + delay_ms.max(1));
                }
                ServerEffect::Stop(timer) => server.timers.stop(*timer as usize),
            }
        }
        if server.is_request_done() {
            server.request = None;
        }
        if server.is_terminated() {
            self.remove_server(key);
        } else {
            self.timers.arm(Timed::Server(key), &mut server.timers, turn.now.ms);
        }
    }
}

/// A response without a body. An empty phrase is the RFC's.
pub(super) fn own_response(request: &Message<'_>, source: SocketAddr, status: u16, phrase: &str, to_tag: &[u8], lines: &str) -> Vec<u8> {
    let spec = ResponseSpec {
        status,
        reason_phrase: phrase,
        source: Some(source),
        to_tag: (status != 100).then_some(to_tag),
        has_record_route: false,
        lines: lines.as_bytes(),
    };
    let mut out = Vec::with_capacity(512);
    trunkline_message::write_response(request, &spec, &mut out);
    out
}
