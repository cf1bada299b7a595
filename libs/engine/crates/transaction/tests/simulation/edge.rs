//! One edge: the core with the shell's part around it, in one life after another. What it wrote stays; what it knew goes with it.

use std::collections::BTreeMap;
use std::mem::take;

use trunkline_message::{HeaderTable, Message};
use trunkline_transaction::{
    Action, CallHandle, CallId, Config, Disposition, Fact, FactKind, Flow, Gone, Listener, Now, Place, Proxy, RecheckHandle, RoutePlan,
    SavedCall, TokenKey, Transport,
};

use super::agent::Mail;
use super::script::Decision;
use super::sip::{response, Sip};
use super::team::{Heard, Passed, Team};
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
    /// One a worker; none before the first message of a life.
    pub cores: Vec<Proxy>,
    pub team: Team,
    /// Of which life: unique over all edges of a run.
    pub life: u64,
    pub journal: Vec<Written>,
    pub attempts: Vec<Attempt>,
    pub watch: Watch,
    /// Messages, timers, ICMP and decisions that it acted on.
    pub inputs: u64,
    pub out: Vec<Mail>,
    /// With the worker whose it is.
    due: Vec<(u64, u8, Due)>,
    keys: Vec<TokenKey>,
    /// Answered calls are kept as soon as a turn is over, and stand again in the next life.
    saves_calls: bool,
    kept: BTreeMap<CallId, Vec<u8>>,
}

/// Where in an input's actions the edge dies: after so many of them.
pub type Cut = Option<usize>;

impl Edge {
    pub fn new(address: &str, orders: Orders, keys: Vec<TokenKey>, saves_calls: bool, team: Team) -> Self {
        Self {
            address: address.to_owned(),
            orders,
            is_alive: false,
            cores: Vec::new(),
            team,
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
        self.due.extend(self.orders.hangs_up_at_ms.map(|at_ms| (at_ms.max(now_ms), 0, Due::HangUp)));
        self.watch.begin_life();
    }

    /// What an earlier life has kept, before anything comes.
    pub fn restore(&mut self, now_ms: u64) {
        if self.kept.is_empty() {
            return;
        }
        self.make_cores();
        for (call, bytes) in &self.kept {
            let core = &mut self.cores[usize::from(call.worker(self.team.workers))];
            if let Err(error) = core.restore(now(now_ms), *call, bytes) {
                self.watch.wrongs.push(format!("a kept call is not restored: {error:?}"));
            }
        }
    }

    fn keep(&mut self, now_ms: u64) {
        let mut unsaved = Vec::new();
        self.cores.iter_mut().for_each(|core| core.take_unsaved(now(now_ms), false, &mut unsaved));
        for SavedCall { call, bytes } in unsaved {
            match bytes {
                Some(bytes) => drop(self.kept.insert(call, bytes)),
                None => drop(self.kept.remove(&call)),
            }
        }
    }

    /// The cores, when something comes for the first time in a life: many runs ask no sibling.
    fn make_cores(&mut self) {
        if !self.cores.is_empty() || !self.is_alive {
            return;
        }
        let of = self.team.workers;
        let made = (0..of).map(|worker| {
            let config = Config {
                listeners: [Transport::Udp, Transport::Tcp].map(|transport| Listener { transport, address: addr(&self.address) }).to_vec(),
                token_lifetime_s: LONGEST_CALL_S,
                saves_after_ms: self.saves_calls.then_some(0),
                place: Place { worker, of },
                ..config()
            };
            let mut seed = [0x5e; 32];
            seed[..8].copy_from_slice(&self.life.to_be_bytes());
            let mut proxy = Proxy::new(config, seed);
            proxy.set_token_keys(&self.keys);
            proxy
        });
        self.cores = made.collect();
    }

    pub fn die(&mut self) {
        self.is_alive = false;
        self.cores.clear();
        self.team.die();
        self.due.clear();
    }

    pub fn set_keys(&mut self, keys: Vec<TokenKey>) {
        self.cores.iter_mut().for_each(|core| core.set_token_keys(&keys));
        self.keys = keys;
    }

    pub fn next_deadline(&self) -> Option<u64> {
        let timers = self.cores.iter().filter_map(Proxy::next_deadline);
        timers.chain(self.due.iter().map(|(at_ms, ..)| *at_ms)).chain(self.team.next_time()).min()
    }

    /// The kernel gives it to any of the workers.
    pub fn receive(&mut self, now_ms: u64, listener: u16, from: &str, text: &str, cut: Cut) {
        let heard = Heard { worker: self.team.any_worker(), listener, from: from.to_owned(), text: text.to_owned(), hops: 0 };
        self.hear(now_ms, heard, cut);
    }

    fn hear(&mut self, now_ms: u64, heard: Heard, cut: Cut) {
        self.make_cores();
        let mut cores = take(&mut self.cores);
        let Some(core) = cores.get_mut(usize::from(heard.worker)) else { return };
        let mut table = HeaderTable::new();
        let (mut out, mut reply) = (Vec::new(), None);
        let is_ours;
        match Message::parse(heard.text.as_bytes(), &mut table) {
            Ok(message) => match self.team.owner_of(core, &heard, &message) {
                Some(owner) => is_ours = self.team.pass(now_ms, core, &heard, &message, owner),
                None => (is_ours, reply) = self.take_message(now_ms, core, &heard, &message, &mut out),
            },
            Err(error) => {
                is_ours = false;
                self.watch.wrongs.push(format!("a peer was sent what nobody reads ({error:?}), and sent it back:\n{}", heard.text));
            }
        }
        self.cores = cores;
        if !is_ours {
            return;
        }
        self.act(now_ms, out, cut);
        if let Some(status) = reply.filter(|_| self.is_alive) {
            let text = response(&Sip::read(&heard.text), status, "stateless", &self.address, "");
            self.out.push(Mail { from: self.address.clone(), to: heard.from, text, is_stream: heard.listener == TCP });
        }
    }

    /// Whether it belonged to this worker, and the status that an edge answers without state.
    fn take_message(
        &mut self,
        now_ms: u64,
        core: &mut Proxy,
        heard: &Heard,
        message: &Message<'_>,
        out: &mut Vec<Action>,
    ) -> (bool, Option<u16>) {
        self.watch.on_input(now_ms, &Sip::read(&heard.text));
        let flow = Flow { listener: heard.listener, peer: addr(&heard.from) };
        match core.on_message(now(now_ms), flow, message, out) {
            Disposition::Done => {}
            Disposition::NewInvite => self.decide(now_ms, core, heard.worker, flow, message, out),
            Disposition::Recheck { handle, .. } => self.due.push((now_ms + self.orders.recheck_ms, heard.worker, Due::Recheck(handle))),
            Disposition::OutOfDialog(_) if heard.text.starts_with("ACK") => {}
            Disposition::OutOfDialog(_) => return (true, Some(481)),
            Disposition::Elsewhere { worker } => {
                self.watch.on_no_input();
                return (self.team.pass(now_ms, core, heard, message, worker), None);
            }
            Disposition::Refuse { status, .. } => return (true, Some(status)),
            // Each carrier has one gateway there.
            Disposition::OfCarrier { .. } => return (true, Some(403)),
        }
        (true, None)
    }

    fn decide(&mut self, now_ms: u64, proxy: &mut Proxy, worker: u8, flow: Flow, message: &Message<'_>, out: &mut Vec<Action>) {
        let call = CallId((u128::from(self.life) << 64) | (self.attempts.len() as u128 + 1) << 8 | u128::from(worker));
        let call_id = String::from_utf8_lossy(message.call_id()).into_owned();
        let Ok(handle) = proxy.admit(now(now_ms), flow, message, admission(call), out) else {
            self.watch.wrongs.push(format!("no room for {call_id}"));
            return;
        };
        self.team.remember(proxy.transaction_id(message), worker);
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
            self.due.push((now_ms + after_ms, worker, due));
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
        match self.team.take_passed(now_ms) {
            Some(Passed::Message(heard)) => return self.hear(now_ms, heard, cut),
            Some(Passed::Closed(flow, gone)) => return self.tell_closed(now_ms, flow, gone, cut),
            None => {}
        }
        self.make_cores();
        let (mut cores, mut out) = (take(&mut self.cores), Vec::new());
        for core in cores.iter_mut().filter(|core| core.next_deadline().is_some_and(|at_ms| at_ms <= now_ms)) {
            core.on_timer(now(now_ms), &mut out);
        }
        let due: Vec<(u8, Due)> = self.due.iter().filter(|(at_ms, ..)| *at_ms <= now_ms).map(|(_, worker, due)| (*worker, *due)).collect();
        self.due.retain(|(at_ms, ..)| *at_ms > now_ms);
        for (worker, due) in due {
            let concerns = |at: usize| matches!(due, Due::HangUp) || at == usize::from(worker);
            for (_, core) in cores.iter_mut().enumerate().filter(|(at, _)| concerns(*at)) {
                self.perform(now_ms, core, due, &mut out);
            }
        }
        self.cores = cores;
        self.watch.on_no_input();
        if !out.is_empty() {
            self.act(now_ms, out, cut);
        }
    }

    pub fn on_unreachable(&mut self, now_ms: u64, peer: &str, cut: Cut) {
        let mut out = Vec::new();
        self.cores.iter_mut().for_each(|core| core.on_unreachable(now(now_ms), addr(peer), &mut out));
        self.watch.on_unreachable(peer);
        self.act(now_ms, out, cut);
    }

    /// The connection with `peer` is over, or was never made.
    pub fn on_closed(&mut self, now_ms: u64, peer: &str, gone: Gone, cut: Cut) {
        let flow = Flow { listener: TCP, peer: addr(peer) };
        match self.team.workers {
            1 => self.tell_closed(now_ms, flow, gone, cut),
            _ => self.team.pass_end(now_ms, flow, gone),
        }
    }

    fn tell_closed(&mut self, now_ms: u64, flow: Flow, gone: Gone, cut: Cut) {
        let mut out = Vec::new();
        self.cores.iter_mut().for_each(|core| core.on_closed(now(now_ms), flow, gone, &mut out));
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
