//! The proxy: one object that knows every transaction and call of a worker.
//!
//! `ingress` sorts what arrives; `server` and `client` run the machines; `call` holds the rows and their ends, `phase` says where a call stands, `walk` tries the gateways, `answers` hears what they say,
//! `sighting` says what they did and `options` asks whether they are there,
//! `cancel` ends what was given up, `closed` weighs what went over a connection that is gone, `dialog` serves requests inside dialogs by their `leg`, `elsewhere` sends again what found no connection, `forks` knows of answers beside the first, `hangup` ends calls of our own accord, `hiding` gives back what one
//! side was not shown of the other, `saving` keeps rows over the end of the process, `unreachable` weighs what ICMP says, `workers` says what belongs to another worker.

mod answers;
mod call;
mod cancel;
mod causes;
mod client;
mod closed;
mod dialog;
mod elsewhere;
mod forks;
mod hangup;
mod hiding;
mod ingress;
mod leg;
mod memory;
mod numbering;
mod options;
pub(crate) mod phase;
mod saving;
mod server;
mod sighting;
mod unreachable;
mod walk;
mod workers;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_message::{Message, OwnedMessage};

use crate::action::{Action, Disposition, Fact, FactKind, Flow, Kept, Now};
use crate::config::{Config, MAX_WORKERS};
use crate::entropy::{Entropy, IsHash, KeyedState};
use crate::plan::{Admission, CallHandle, CallId, LiveCall, Refusal, RoutePlan, StaleCall};
use crate::sealing::{TokenKey, TokenRing};
use crate::slab::{Key, Slab};
use crate::timer::TimerQueue;
use crate::token::MAX_LISTENERS;
use crate::transport::{Listener, Transport};

use call::Call;
use client::Client;
pub use closed::Gone;
use memory::EndedCalls;
pub use options::Ping;
use saving::Saving;
pub use saving::{NotRestored, SavedCall};
use server::Server;
pub use unreachable::Quoted;

/// Why `admit` made no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmitError {
    /// A bound of `Limits` is reached: answer statelessly with 503 T902.
    Overloaded,
    /// No token key is current, so no Record-Route can be sealed: answer statelessly with 503 T906.
    NoTokenKey,
}

/// A re-INVITE that waits for the access rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecheckHandle {
    slot: u32,
    generation: u32,
}

impl RecheckHandle {
    fn new(key: Key) -> Self {
        Self { slot: key.slot, generation: key.generation }
    }

    fn key(self) -> Key {
        Key { slot: self.slot, generation: self.generation }
    }
}

/// What a deadline belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timed {
    Server(Key),
    Client(Key),
    Call(Key),
}

/// One input: when it came and where its actions go.
struct Turn<'a> {
    now: Now,
    out: &'a mut Vec<Action>,
    /// The caller knows its source for one of the carrier's gateways.
    is_carriers: bool,
}

impl<'a> Turn<'a> {
    fn new(now: Now, out: &'a mut Vec<Action>) -> Self {
        Self { now, out, is_carriers: false }
    }
}

impl Turn<'_> {
    fn send(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.out.push(Action::Send { flow, bytes });
    }

    fn keep(&mut self, kept: Kept) {
        self.out.push(Action::Keep(Box::new(kept)));
    }

    fn fact(&mut self, call: CallId, kind: FactKind) {
        self.fact_at(call, self.now.unix_ns, kind);
    }

    /// Of something that came to pass earlier and is known only now.
    fn fact_at(&mut self, call: CallId, time_ns: u64, kind: FactKind) {
        self.out.push(Action::Fact(Fact { call, time_ns, kind }));
    }

    fn unix_s(&self) -> u64 {
        self.now.unix_ns / 1_000_000_000
    }
}

/// Transactions and calls of one worker.
pub struct Proxy {
    config: Config,
    entropy: Entropy,
    ring: TokenRing,
    servers: Slab<Server>,
    clients: Slab<Client>,
    calls: Slab<Call>,
    /// Server transactions by `server_id`.
    server_ids: HashMap<u64, Key, IsHash>,
    call_ids: HashMap<CallId, Key, KeyedState>,
    ended: EndedCalls,
    /// Those of them that we have ended ourselves: nothing of theirs passes any more.
    hung_up: EndedCalls,
    /// Client transactions by peer, for ICMP and closed connections.
    peers: HashMap<SocketAddr, BTreeSet<Key>, KeyedState>,
    /// Server transactions by the connection that their responses take.
    replies: HashMap<Flow, BTreeSet<Key>, KeyedState>,
    timers: TimerQueue<Timed>,
    saving: Saving,
}

impl Proxy {
    /// `seed` is entropy from the caller, new for each process and the same for its workers: branches, tags and token nonces derive from it.
    /// Listeners beyond the 64th cannot be named in a token and must not be given; all calls are bounded by `config.limits`.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        assert!((1..=MAX_LISTENERS).contains(&config.listeners.len()), "a proxy has 1 to {MAX_LISTENERS} listeners");
        let place = config.place;
        assert!(place.worker < place.of && place.of <= MAX_WORKERS, "{place:?} is no place among at most {MAX_WORKERS}");
        let mut entropy = Entropy::new(&seed, place.worker);
        let server_ids = HashMap::with_hasher(IsHash);
        let call_ids = HashMap::with_hasher(entropy.map_state());
        let peers = HashMap::with_hasher(entropy.map_state());
        let replies = HashMap::with_hasher(entropy.map_state());
        let ended = EndedCalls::new(config.limits.ended_calls, entropy.map_state());
        let hung_up = EndedCalls::new(config.limits.ended_calls, entropy.map_state());
        Self {
            config,
            entropy,
            ring: TokenRing::default(),
            servers: Slab::new(),
            clients: Slab::new(),
            calls: Slab::new(),
            server_ids,
            call_ids,
            ended,
            hung_up,
            peers,
            replies,
            timers: TimerQueue::new(),
            saving: Saving::default(),
        }
    }

    /// Replaces the ring of token keys. Without a current key `admit` refuses.
    pub fn set_token_keys(&mut self, keys: &[TokenKey]) {
        self.ring = TokenRing::new(keys);
    }

    /// One parsed datagram, request or response. `out` is appended to; on `Refuse`, `OutOfDialog` and `NewInvite` nothing was kept.
    pub fn on_message(&mut self, now: Now, flow: Flow, message: &Message<'_>, out: &mut Vec<Action>) -> Disposition {
        let mut turn = Turn::new(now, out);
        if message.is_request() {
            self.on_request(&mut turn, flow, message)
        } else {
            self.on_response(&mut turn, message);
            Disposition::Done
        }
    }

    /// A request that `on_message` called `OfCarrier` comes from one of its gateways: the same flow and message as given to it.
    pub fn on_carrier_message(&mut self, now: Now, flow: Flow, request: &Message<'_>, out: &mut Vec<Action>) -> Disposition {
        self.on_request(&mut Turn { is_carriers: true, ..Turn::new(now, out) }, flow, request)
    }

    /// The INVITE that `on_message` called `NewInvite` was admitted: makes its server transaction and sends 100.
    /// The same flow and message as given to `on_message`.
    pub fn admit(
        &mut self,
        now: Now,
        flow: Flow,
        message: &Message<'_>,
        admission: Admission,
        out: &mut Vec<Action>,
    ) -> Result<CallHandle, AdmitError> {
        let mut turn = Turn::new(now, out);
        let key = self.make_call(&mut turn, flow, message, admission)?;
        Ok(CallHandle { slot: key.slot, generation: key.generation })
    }

    /// The INVITE of a call that waits for its decision.
    pub fn invite(&self, call: CallHandle) -> Option<Arc<OwnedMessage>> {
        let call = self.deciding(call).ok().and_then(|key| self.calls.get(key))?;
        self.servers.get(call.server)?.request.clone()
    }

    /// The decision is a route: tries its first gateway.
    pub fn route(&mut self, now: Now, call: CallHandle, plan: RoutePlan, out: &mut Vec<Action>) -> Result<(), StaleCall> {
        let key = self.deciding(call)?;
        self.start_walk(&mut Turn::new(now, out), key, plan);
        Ok(())
    }

    /// The decision is a refusal: emits `Refused` and answers with the status; retransmissions and the ACK are the transaction's.
    pub fn reject(&mut self, now: Now, call: CallHandle, refusal: Refusal, out: &mut Vec<Action>) -> Result<(), StaleCall> {
        let key = self.deciding(call)?;
        self.refuse_call(&mut Turn::new(now, out), key, &refusal);
        Ok(())
    }

    /// The access rule admitted the re-INVITE of `Disposition::Recheck`: it is forwarded, and the dialog's flow follows it.
    pub fn resume(&mut self, now: Now, handle: RecheckHandle, out: &mut Vec<Action>) -> Result<(), StaleCall> {
        self.resume_waiting(&mut Turn::new(now, out), handle.key())
    }

    /// The access rule did not: the re-INVITE is answered with the refusal (or with a challenge, its line in `extra_headers`); the call
    /// goes on.
    pub fn refuse(&mut self, now: Now, handle: RecheckHandle, refusal: Refusal, out: &mut Vec<Action>) -> Result<(), StaleCall> {
        self.refuse_waiting(&mut Turn::new(now, out), handle.key(), &refusal)
    }

    /// Ends a call of our own accord. `reason` is a row of the registry: its status answers a caller who still waits for an answer, its code,
    /// text and cause stand in the Reason header of both BYEs, its facts in the record. A call that both sides keep, refusing the BYE,
    /// goes on. `StaleCall`: there is no such call here.
    pub fn hang_up(&mut self, now: Now, call: CallId, reason: &Refusal, out: &mut Vec<Action>) -> Result<(), StaleCall> {
        let key = self.call_ids.get(&call).copied().ok_or(StaleCall)?;
        self.hang_up_call(&mut Turn::new(now, out), key, reason);
        Ok(())
    }

    /// Runs every timer that is due at `now`.
    pub fn on_timer(&mut self, now: Now, out: &mut Vec<Action>) {
        let mut turn = Turn::new(now, out);
        // Ends: whatever a timer starts lies in the future.
        while let Some((at_ms, timed)) = self.timers.pop_due(now.ms) {
            match timed {
                Timed::Server(key) => self.on_server_timers(&mut turn, key, at_ms),
                Timed::Client(key) => self.on_client_timers(&mut turn, key, at_ms),
                Timed::Call(key) => self.on_call_timers(&mut turn, key, at_ms),
            }
        }
    }

    /// Monotonic milliseconds at which `on_timer` wants to run next. It may come early and find nothing to do.
    pub fn next_deadline(&self) -> Option<u64> {
        self.timers.next()
    }

    fn clients_to(&self, peer: SocketAddr, is_wanted: impl Fn(&Client) -> bool) -> Vec<Key> {
        let keys = self.peers.get(&peer).into_iter().flatten().copied();
        keys.filter(|key| self.clients.get(*key).is_some_and(&is_wanted)).collect()
    }

    /// Calls from their INVITE to their end.
    pub fn live_calls(&self) -> impl Iterator<Item = LiveCall<'_>> {
        self.calls.values().map(Call::as_live)
    }

    /// The same by their places, from this one on, and places where there is none now. A call keeps its place.
    pub fn live_calls_from(&self, place: usize) -> impl Iterator<Item = (usize, Option<LiveCall<'_>>)> {
        self.calls.slots_from(place).map(|(place, call)| (place, call.map(Call::as_live)))
    }

    pub fn live_call(&self, call: CallId) -> Option<LiveCall<'_>> {
        self.calls.get(*self.call_ids.get(&call)?).map(Call::as_live)
    }

    /// Number of live calls.
    pub fn call_count(&self) -> usize {
        self.calls.len()
    }

    /// Number of server and client transactions kept.
    pub fn transaction_count(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// Calls and transactions with what leads to them: 0 when all timers have run out. Memories of ended calls have no timer and are not
    /// counted.
    pub fn entry_count(&self) -> usize {
        self.calls.len() + self.transaction_count() + self.server_ids.len() + self.call_ids.len() + self.peers.len() + self.replies.len()
    }

    /// What names us on this listener; the first one for an index nobody gave.
    fn listener(&self, index: u16) -> Listener {
        self.config.listeners.get(usize::from(index)).copied().unwrap_or(self.config.listeners[0])
    }

    fn transport(&self, flow: Flow) -> Transport {
        self.listener(flow.listener).transport
    }

    fn has_room_for_call(&self) -> bool {
        self.calls.len() < self.config.limits.calls && self.transaction_count() + 2 <= self.config.limits.transactions
    }

    fn has_room_in_dialog(&self) -> bool {
        self.transaction_count() + 2 <= self.config.limits.all_transactions
    }

    /// 64*T1: how long a transaction may be heard of (§17.1.1.2).
    fn lifetime_ms(&self) -> u64 {
        64 * self.config.t1_ms
    }
}
