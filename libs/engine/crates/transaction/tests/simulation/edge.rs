//! One edge: the core with the shell's part around it, in one life after another. What it wrote stays; what it knew goes with it.

use std::collections::BTreeMap;

use trunkline_message::{HeaderTable, Message};
use trunkline_transaction::{
    Action, CallHandle, CallId, Config, Disposition, Fact, FactKind, Flow, Gone, Listener, Now, Proxy, RecheckHandle, RoutePlan, SavedCall,
    TokenKey, Transport,
};

use super::agent::Mail;
use super::script::Decision;
use super::sip::{response, Sip};
use super::watch::Watch;
use crate::support::{addr, admission, config, plan, refusal, START_NS};

/// The listeners.
pub const UDP: u16 = 0;
pub const TCP: u16 = 1;
/// Longest call: its token, and its row, last so long.
pub const LONGEST_CALL_S: u32 = 400;

/// A fact, and the life of the edge that wrote it.
#[derive(Clone, Debug)]
pub struct Written {
    pub life: u64,
    pub fact: Fact,
}

/// An admitted call: who called, by which INVITE, and in which life of which edge.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub call: CallId,
    pub call_id: String,
    pub life: u64,
}

#[derive(Clone, Copy, Debug)]
enum Due {
    Decide(CallHandle, Decision, bool),
    Recheck(RecheckHandle),
    /// All that is here.
    HangUp,
}

/// How the edge is told to decide: by the script, and which of the two plans.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    pub decision: Decision,
    pub is_readmitted: bool,
    pub recheck_ms: u64,
    /// From this time on whoever has calls ends them: a tenant is suspended.
    pub hangs_up_at_ms: Option<u64>,
}

pub struct Edge {
    pub address: String,
    pub orders: Orders,
    pub is_alive: bool,
    pub proxy: Option<Proxy>,
    /// Of which life: unique over all edges of a run.
    pub life: u64,
    pub journal: Vec<Written>,
    pub attempts: Vec<Attempt>,
    pub watch: Watch,
    /// Messages, timers, ICMP and decisions that it acted on.
    pub inputs: u64,
    pub out: Vec<Mail>,
    due: Vec<(u64, Due)>,
    keys: Vec<TokenKey>,
    /// Answered calls are kept as soon as a turn is over, and stand again in the next life.
    saves_calls: bool,
    kept: BTreeMap<CallId, Vec<u8>>,
}

/// Where in an input's actions the edge dies: after so many of them.
pub type Cut = Option<usize>;

impl Edge {
    pub fn new(address: &str, orders: Orders, keys: Vec<TokenKey>, saves_calls: bool) -> Self {
        Self {
            address: address.to_owned(),
            orders,
            is_alive: false,
            proxy: None,
            life: 0,
            journal: Vec::new(),
            attempts: Vec::new(),
            watch: Watch::default(),
            inputs: 0,
            out: Vec::new(),
            due: Vec::new(),
            keys,
            saves_calls,
            kept: BTreeMap::new(),
        }
    }

    pub fn start(&mut self, now_ms: u64, life: u64) {
        (self.is_alive, self.life) = (true, life);
        self.due.extend(self.orders.hangs_up_at_ms.map(|at_ms| (at_ms.max(now_ms), Due::HangUp)));
        self.watch.begin_life();
    }

    /// What an earlier life has kept, before anything comes.
    pub fn restore(&mut self, now_ms: u64) {
        if self.kept.is_empty() {
            return;
        }
        let Some(mut proxy) = self.take_core() else { return };
        for (call, bytes) in &self.kept {
            if let Err(error) = proxy.restore(now(now_ms), *call, bytes) {
                self.watch.wrongs.push(format!("a kept call is not restored: {error:?}"));
            }
        }
        self.proxy = Some(proxy);
    }

    fn keep(&mut self, now_ms: u64) {
        let Some(proxy) = &mut self.proxy else { return };
        let mut unsaved = Vec::new();
        proxy.take_unsaved(now(now_ms), false, &mut unsaved);
        for SavedCall { call, bytes } in unsaved {
            match bytes {
                Some(bytes) => drop(self.kept.insert(call, bytes)),
                None => drop(self.kept.remove(&call)),
            }
        }
    }

    /// The core, made when something comes for the first time in a life: many runs ask no sibling.
    fn take_core(&mut self) -> Option<Proxy> {
        if !self.is_alive {
            return None;
        }
        Some(self.proxy.take().unwrap_or_else(|| {
            let config = Config {
                listeners: [Transport::Udp, Transport::Tcp].map(|transport| Listener { transport, address: addr(&self.address) }).to_vec(),
                token_lifetime_s: LONGEST_CALL_S,
                saves_after_ms: self.saves_calls.then_some(0),
                ..config()
            };
            let mut seed = [0x5e; 32];
            seed[..8].copy_from_slice(&self.life.to_be_bytes());
            let mut proxy = Proxy::new(config, seed);
            proxy.set_token_keys(&self.keys);
            proxy
        }))
    }

    pub fn die(&mut self) {
        (self.is_alive, self.proxy) = (false, None);
        self.due.clear();
    }

    pub fn set_keys(&mut self, keys: Vec<TokenKey>) {
        if let Some(proxy) = &mut self.proxy {
            proxy.set_token_keys(&keys);
        }
        self.keys = keys;
    }

    pub fn next_deadline(&self) -> Option<u64> {
        let timers = self.proxy.as_ref().and_then(Proxy::next_deadline);
        timers.into_iter().chain(self.due.iter().map(|(at_ms, _)| *at_ms)).min()
    }

    pub fn receive(&mut self, now_ms: u64, listener: u16, from: &str, text: &str, cut: Cut) {
        let Some(mut proxy) = self.take_core() else { return };
        self.watch.on_input(now_ms, &Sip::read(text));
        let mut table = HeaderTable::new();
        let message = match Message::parse(text.as_bytes(), &mut table) {
            Ok(message) => message,
            Err(error) => {
                self.watch.wrongs.push(format!("a peer was sent what nobody reads ({error:?}), and sent it back:\n{text}"));
                self.proxy = Some(proxy);
                return;
            }
        };
        let flow = Flow { listener, peer: addr(from) };
        let mut out = Vec::new();
        let mut reply = None;
        match proxy.on_message(now(now_ms), flow, &message, &mut out) {
            Disposition::Done => {}
            Disposition::NewInvite => self.decide(now_ms, &mut proxy, flow, &message, &mut out),
            Disposition::Recheck { handle, .. } => self.due.push((now_ms + self.orders.recheck_ms, Due::Recheck(handle))),
            // Answered by an edge without state.
            Disposition::OutOfDialog(_) if text.starts_with("ACK") => {}
            Disposition::OutOfDialog(_) => reply = Some(481),
            Disposition::Elsewhere { .. } => unreachable!("an edge of one worker"),
            Disposition::Refuse { status, .. } => reply = Some(status),
            // Each carrier has one gateway there.
            Disposition::OfCarrier { .. } => reply = Some(403),
        }
        self.proxy = Some(proxy);
        self.act(now_ms, out, cut);
        if let Some(status) = reply.filter(|_| self.is_alive) {
            let text = response(&Sip::read(text), status, "stateless", &self.address, "");
            self.out.push(Mail { from: self.address.clone(), to: from.to_owned(), text, is_stream: listener == TCP });
        }
    }

    fn decide(&mut self, now_ms: u64, proxy: &mut Proxy, flow: Flow, message: &Message<'_>, out: &mut Vec<Action>) {
        let call = CallId((u128::from(self.life) << 64) | (self.attempts.len() as u128 + 1));
        let call_id = String::from_utf8_lossy(message.call_id()).into_owned();
        let Ok(handle) = proxy.admit(now(now_ms), flow, message, admission(call), out) else {
            self.watch.wrongs.push(format!("no room for {call_id}"));
            return;
        };
        self.watch.on_admitted(message.branch(), call);
        let is_reversed = call_id.ends_with("second");
        self.attempts.push(Attempt { call, call_id, life: self.life });
        let after_ms = match self.orders.decision {
            Decision::Route { after_ms } | Decision::Reject { after_ms } => after_ms,
            Decision::NoTarget => 0,
            Decision::Nothing => return,
        };
        let due = Due::Decide(handle, self.orders.decision, is_reversed);
        if after_ms == 0 {
            self.perform(now_ms, proxy, due, out);
        } else {
            self.due.push((now_ms + after_ms, due));
        }
    }

    fn perform(&self, now_ms: u64, proxy: &mut Proxy, due: Due, out: &mut Vec<Action>) {
        let now = now(now_ms);
        // Stale where the caller was quicker: nothing is to be done then.
        let _ = match due {
            Due::Decide(handle, Decision::Route { .. }, is_reversed) => proxy.route(now, handle, self.watch.plan(is_reversed), out),
            Due::Decide(handle, Decision::Reject { .. }, _) => proxy.reject(now, handle, refusal(404, "T401", "No Route"), out),
            Due::Decide(handle, ..) => proxy.route(now, handle, RoutePlan { ..plan(Vec::new()) }, out),
            Due::HangUp => {
                let calls: Vec<CallId> = proxy.live_calls().map(|live| live.call).collect();
                calls.into_iter().try_for_each(|call| proxy.hang_up(now, call, &refusal(403, "T603", "Tenant Suspended"), out))
            }
            Due::Recheck(handle) if self.orders.is_readmitted => proxy.resume(now, handle, out),
            Due::Recheck(handle) => proxy.refuse(now, handle, refusal(403, "T203", "Source Not In ACL"), out),
        };
    }

    pub fn on_time(&mut self, now_ms: u64, cut: Cut) {
        let Some(mut proxy) = self.take_core() else { return };
        let mut out = Vec::new();
        if proxy.next_deadline().is_some_and(|at_ms| at_ms <= now_ms) {
            proxy.on_timer(now(now_ms), &mut out);
        }
        let due: Vec<Due> = self.due.iter().filter(|(at_ms, _)| *at_ms <= now_ms).map(|(_, due)| *due).collect();
        self.due.retain(|(at_ms, _)| *at_ms > now_ms);
        for due in due {
            self.perform(now_ms, &mut proxy, due, &mut out);
        }
        self.proxy = Some(proxy);
        self.watch.on_no_input();
        if !out.is_empty() {
            self.act(now_ms, out, cut);
        }
    }

    pub fn on_unreachable(&mut self, now_ms: u64, peer: &str, cut: Cut) {
        let Some(proxy) = &mut self.proxy else { return };
        let mut out = Vec::new();
        proxy.on_unreachable(now(now_ms), addr(peer), &mut out);
        self.watch.on_unreachable(peer);
        self.act(now_ms, out, cut);
    }

    /// The connection with `peer` is over, or was never made.
    pub fn on_closed(&mut self, now_ms: u64, peer: &str, gone: Gone, cut: Cut) {
        let Some(proxy) = &mut self.proxy else { return };
        let mut out = Vec::new();
        proxy.on_closed(now(now_ms), Flow { listener: TCP, peer: addr(peer) }, gone, &mut out);
        self.watch.on_no_input();
        self.act(now_ms, out, cut);
    }

    fn act(&mut self, now_ms: u64, actions: Vec<Action>, cut: Cut) {
        self.inputs += 1;
        let kept = cut.unwrap_or(usize::MAX);
        for action in actions.into_iter().take(kept) {
            match action {
                Action::Fact(fact) => {
                    self.watch.on_fact(&fact);
                    self.journal.push(Written { life: self.life, fact });
                }
                Action::Saw(_) | Action::Keep(_) => {}
                Action::Send { flow, bytes } => {
                    let to = flow.peer.to_string();
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let is_stream = flow.listener == TCP;
                    self.watch.on_send(now_ms, &to, is_stream, &Sip::read(&text));
                    self.out.push(Mail { from: self.address.clone(), to, text, is_stream });
                }
            }
        }
        if cut.is_some() {
            return self.die();
        }
        self.keep(now_ms);
        self.watch.end_turn();
    }

    /// Facts by their names, for the statistics of a run.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.journal.iter().map(|written| match written.fact.kind {
            FactKind::Refused { .. } => "Refused",
            FactKind::GatewayTried { .. } => "GatewayTried",
            FactKind::GatewayFailed { .. } => "GatewayFailed",
            FactKind::Progressed { .. } => "Progressed",
            FactKind::Answered { .. } => "Answered",
            FactKind::Failed { .. } => "Failed",
            FactKind::Ended { .. } => "Ended",
            FactKind::HungUp { .. } => "HungUp",
        })
    }
}

fn now(now_ms: u64) -> Now {
    Now { ms: now_ms, unix_ns: START_NS + now_ms * 1_000_000 }
}
