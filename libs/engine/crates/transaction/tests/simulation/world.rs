//! One run: parties, edges, the network and its faults, in virtual time, until nobody has anything to do any more.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{catch_unwind, AssertUnwindSafe};

use trunkline_transaction::TokenKey;

use super::agent::{Agent, Mail};
use super::checks;
use super::edge::{Cut, Edge, Orders};
use super::faults::{Fault, Kill, EDGE, SIBLING};
use super::network::{Event, Network, PacketId};
use super::script::{Do, Script};
use crate::support::{token_key, ALPHA, BETA};

pub const EDGE_AT: &str = "127.0.1.1:5060";
pub const SIBLING_AT: &str = "127.0.1.2:5060";
const CALLERS: [(&str, &str); 2] = [("first", "10.1.1.1:5066"), ("second", "10.1.1.2:5066")];
/// A run is over long before: the longest call and every timer after it.
const END_MS: u64 = 3_600_000;
/// So are its events: some hundreds.
const MAX_EVENTS: u64 = 40_000;

/// Everything that decides a run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub script: Script,
    pub faults: Vec<Fault>,
    pub spared: BTreeSet<PacketId>,
    /// The parties know the sibling, and turn to it.
    pub has_sibling: bool,
    /// The carriers are shown an anonymous caller.
    pub is_anonymous: bool,
    /// Neither side is shown the other, and each has a proxy of its own in front.
    pub is_hidden: bool,
    /// Edges keep answered calls over their deaths.
    pub saves_calls: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub wrongs: Vec<String>,
    /// What happened, for statistics: facts, and final responses of the callers.
    pub happened: Vec<String>,
    pub hit: Vec<PacketId>,
    /// Inputs of each node.
    pub inputs: BTreeMap<String, u64>,
    pub log: Vec<String>,
}

pub struct World {
    pub plan: Plan,
    pub edges: [Edge; 2],
    pub agents: Vec<Agent>,
    network: Network,
    /// Who is dead, and whether ICMP says so.
    pub dead: BTreeMap<String, bool>,
    inputs: BTreeMap<String, u64>,
    lives: u64,
    now_ms: u64,
    log: Option<Vec<String>>,
}

/// Runs the plan. A panic of the core is what went wrong.
pub fn run(plan: &Plan, is_logged: bool) -> Outcome {
    let mut world = World::new(plan, is_logged);
    let rested = catch_unwind(AssertUnwindSafe(|| world.run()));
    let mut outcome = Outcome { hit: world.network.hit.clone(), inputs: world.inputs.clone(), ..Outcome::default() };
    match rested {
        Ok(true) => checks::check(&world, &mut outcome),
        Ok(false) => outcome.wrongs.push(format!("after {} ms and every bound somebody still has something to do", world.now_ms)),
        Err(_) => outcome.wrongs.push(format!("a panic at {} ms", world.now_ms)),
    }
    outcome.inputs.extend(world.edges.iter().map(|edge| (world.node(&edge.address).to_owned(), edge.inputs)));
    outcome.log = world.log.unwrap_or_default();
    outcome
}

fn keys(is_rotated: bool) -> Vec<TokenKey> {
    let old = TokenKey { is_current: !is_rotated, ..token_key() };
    let new = TokenKey { key_id: 8, key: [3; 32], is_current: is_rotated, ..token_key() };
    vec![old, new]
}

impl World {
    fn new(plan: &Plan, is_logged: bool) -> Self {
        let script = &plan.script;
        let orders = Orders {
            decision: script.decision,
            is_readmitted: script.is_readmitted,
            recheck_ms: script.recheck_ms,
            hangs_up_at_ms: script.hangs_up_at_ms,
        };
        let mut edges = [EDGE_AT, SIBLING_AT].map(|address| Edge::new(address, orders, keys(false), plan.saves_calls));
        let known: &[&str] = if plan.has_sibling { &[EDGE_AT, SIBLING_AT] } else { &[EDGE_AT] };
        let mut agents = Vec::new();
        let mut parties = BTreeMap::new();
        for (caller, (name, address)) in script.callers.iter().zip(CALLERS) {
            let mut agent = Agent::new(name, address, known, script.reinvited);
            agent.caller = Some(caller.clone());
            agent.is_behind_proxy = plan.is_hidden;
            for (at_ms, what) in caller.plan.clone() {
                agent.plan(at_ms, what, 0);
            }
            let everybody = [address, &address.replacen("10.1.", "10.3.", 1), ALPHA, BETA].map(str::to_owned);
            parties.insert(format!("call-of-{name}"), BTreeSet::from(everybody));
            agents.push(agent);
        }
        for (callee, (name, address)) in script.callees.iter().zip([("alpha", ALPHA), ("beta", BETA)]) {
            let mut agent = Agent::new(name, address, known, script.reinvited);
            agent.callee = callee.clone();
            agent.is_behind_proxy = plan.is_hidden;
            agents.push(agent);
        }
        let shown = if plan.is_anonymous { "\"Anonymous\" <sip:anonymous@anonymous.invalid>" } else { "" };
        for (index, edge) in edges.iter_mut().enumerate() {
            edge.watch.parties = parties.clone();
            edge.watch.set_gateways([("alpha", ALPHA), ("beta", BETA)], shown, plan.is_hidden);
            edge.start(0, index as u64 + 1);
        }
        let mut network = Network::new(plan.seed, &plan.faults, &plan.spared);
        if let Some(at_ms) = script.rotates_at_ms {
            network.at(at_ms, Event::Rotate);
        }
        let dead = ["alpha", "beta"].iter().zip(&script.callees).filter(|(_, callee)| callee.is_refusing);
        let dead = dead.map(|(name, _)| ((*name).to_owned(), true)).collect();
        let log = is_logged.then(Vec::new);
        Self { plan: plan.clone(), edges, agents, network, dead, inputs: BTreeMap::new(), lives: 2, now_ms: 0, log }
    }

    /// `false` where a bound was reached.
    fn run(&mut self) -> bool {
        for _ in 0..MAX_EVENTS {
            let edges = self.edges.iter().filter_map(Edge::next_deadline).min();
            let agents = self.agents.iter().filter(|agent| !self.dead.contains_key(&agent.name)).filter_map(Agent::next_deadline).min();
            let Some(next_ms) = [self.network.next_time(), edges, agents].into_iter().flatten().min() else { return true };
            self.now_ms = self.now_ms.max(next_ms);
            if self.now_ms > END_MS {
                return false;
            }
            if self.network.next_time() == Some(next_ms) {
                if let Some(event) = self.network.pop() {
                    self.happen(event);
                }
            } else if edges == Some(next_ms) {
                for index in 0..self.edges.len() {
                    if self.edges[index].next_deadline().is_some_and(|at_ms| at_ms <= next_ms) {
                        self.at_edge(index, |edge, now_ms, cut| edge.on_time(now_ms, cut));
                    }
                }
            } else {
                for index in 0..self.agents.len() {
                    if self.agents[index].next_deadline().is_some_and(|at_ms| at_ms <= next_ms) {
                        self.at_agent(index, |agent, now_ms| agent.on_time(now_ms));
                    }
                }
            }
        }
        false
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Packet { from, to, text } => {
                let node = self.node(&to).to_owned();
                if let Some(is_told) = self.dead.get(&node) {
                    if *is_told {
                        self.network.at(self.now_ms + 5, Event::Icmp { to: from, about: to });
                    }
                    return;
                }
                self.say(|| format!("{node} < {}", text.lines().next().unwrap_or_default()));
                match self.edge_at(&to) {
                    Some(edge) => self.at_edge(edge, |edge, now_ms, cut| edge.receive(now_ms, &from, &text, cut)),
                    None => {
                        let agent = self.agent_at(&to);
                        self.at_agent(agent, |agent, now_ms| agent.receive(now_ms, &from, &text));
                    }
                }
            }
            Event::Icmp { to, about } => {
                self.say(|| format!("{to} < ICMP of {about}"));
                match self.edge_at(&to) {
                    Some(edge) => self.at_edge(edge, |edge, now_ms, cut| edge.on_unreachable(now_ms, &about, cut)),
                    None => {
                        let agent = self.agent_at(&to);
                        self.at_agent(agent, |agent, now_ms| agent.on_unreachable(now_ms, &about));
                    }
                }
            }
            Event::Restart { edge } => {
                self.lives += 1;
                self.edges[edge].start(self.now_ms, self.lives);
                self.edges[edge].restore(self.now_ms);
                let node = self.node(&self.edges[edge].address).to_owned();
                self.dead.remove(&node);
                self.say(|| format!("{node} is back"));
            }
            Event::Rotate => {
                for edge in &mut self.edges {
                    edge.set_keys(keys(true));
                }
            }
        }
    }

    fn at_edge(&mut self, index: usize, act: impl FnOnce(&mut Edge, u64, Cut)) {
        let edge = &mut self.edges[index];
        if !edge.is_alive {
            return;
        }
        let node = if index == 0 { EDGE } else { SIBLING };
        let death = self.plan.faults.iter().find_map(|fault| match fault {
            Fault::Kill(kill) if kill.victim == node && kill.at_input == edge.inputs => Some(kill.clone()),
            _ => None,
        });
        let facts = edge.journal.len();
        act(edge, self.now_ms, death.as_ref().map(|death| death.after_actions));
        let news: Vec<String> = edge.journal[facts..].iter().map(|written| format!("{:?}", written.fact.kind)).collect();
        let (mails, is_dead) = (std::mem::take(&mut edge.out), !edge.is_alive);
        for fact in news {
            self.say(|| format!("{node} writes {fact}"));
        }
        if let Some(death) = death.filter(|_| is_dead) {
            self.bury(&death, index);
        }
        self.carry(mails);
    }

    fn bury(&mut self, death: &Kill, edge: usize) {
        self.say(|| format!("{} is dead", death.victim));
        self.dead.insert(death.victim.to_owned(), death.is_process);
        if let Some(after_ms) = death.back_after_ms {
            self.network.at(self.now_ms + after_ms, Event::Restart { edge });
        }
    }

    fn at_agent(&mut self, index: usize, act: impl FnOnce(&mut Agent, u64)) {
        let name = self.agents[index].name.clone();
        if self.dead.contains_key(&name) {
            return;
        }
        let count = self.inputs.entry(name.clone()).or_default();
        *count += 1;
        let at_input = *count - 1;
        let is_due = |kill: &Kill| kill.victim == name && kill.at_input == at_input;
        let death = self.plan.faults.iter().find_map(|fault| match fault {
            Fault::Kill(kill) if is_due(kill) => Some(kill.clone()),
            _ => None,
        });
        if let Some(death) = death {
            self.say(|| format!("{name} is dead"));
            self.dead.insert(name, death.is_process);
            return;
        }
        act(&mut self.agents[index], self.now_ms);
        let mails = std::mem::take(&mut self.agents[index].out);
        self.carry(mails);
    }

    fn carry(&mut self, mails: Vec<Mail>) {
        for mail in mails {
            let nodes = [self.node(&mail.from).to_owned(), self.node(&mail.to).to_owned()];
            let start = mail.text.lines().next().unwrap_or_default().to_owned();
            let cseq = mail.text.lines().find(|line| line.starts_with("CSeq")).unwrap_or_default().to_owned();
            let fate = self.network.carry(self.now_ms, mail, [&nodes[0], &nodes[1]]);
            self.say(|| format!("{} > {}: {start} ({cseq}) {fate}", nodes[0], nodes[1]));
        }
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(format!("{:>9} {}", self.now_ms, what()));
        }
    }

    fn edge_at(&self, address: &str) -> Option<usize> {
        self.edges.iter().position(|edge| edge.address == address)
    }

    /// Datagrams for nobody are a fault of whoever sent them: the core is told by `Watch`, a party must not.
    fn agent_at(&self, address: &str) -> usize {
        let at = self.agents.iter().position(|agent| agent.addresses.iter().any(|known| known == address));
        at.unwrap_or_else(|| panic!("nobody is at {address}"))
    }

    pub fn node(&self, address: &str) -> &str {
        match self.edge_at(address) {
            Some(0) => EDGE,
            Some(_) => SIBLING,
            None => &self.agents[self.agent_at(address)].name,
        }
    }
}

/// Whether a script forks an INVITE, so that one has more than one answer.
pub fn is_forking(script: &Script) -> bool {
    script.callees.iter().flat_map(|callee| &callee.when_invited).any(|(_, what)| matches!(what, Do::Answer(200, 1..)))
}
