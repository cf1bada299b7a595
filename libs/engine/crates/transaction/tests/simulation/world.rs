//! One run: parties, edges, the network and its faults, in virtual time, until nobody has anything to do any more.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{catch_unwind, AssertUnwindSafe};

use trunkline_transaction::{TokenKey, Transport};

use super::agent::{Agent, Mail};
use super::checks;
use super::dice::Dice;
use super::edge::{Cut, Edge, Orders, TCP, UDP};
use super::faults::{Fault, Kill, EDGE, SIBLING};
use super::network::{Event, Network, PacketId};
use super::script::{Do, Script};
use super::streams::{host, Arrival, End, Streams, LONGEST_MS};
use super::team::Team;
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
    /// Of each edge.
    pub workers: u8,
    /// Callers, and carriers, speak by TCP.
    pub streams: Sides,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Sides {
    pub customer: bool,
    pub carrier: bool,
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
    pub streams: Streams,
    /// Messages that have come by them.
    stream_messages: u64,
    /// Connections that an edge heard the end of.
    pub ends: u64,
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
        let team = |address: &str| Team::new(plan.workers, Dice::new(plan.seed, address));
        let mut edges = [EDGE_AT, SIBLING_AT].map(|address| Edge::new(address, orders, keys(false), plan.saves_calls, team(address)));
        let known: &[&str] = if plan.has_sibling { &[EDGE_AT, SIBLING_AT] } else { &[EDGE_AT] };
        let mut agents = Vec::new();
        let mut parties = BTreeMap::new();
        for (caller, (name, address)) in script.callers.iter().zip(CALLERS) {
            let mut agent = Agent::new(name, address, known, script.reinvited);
            agent.caller = Some(caller.clone());
            (agent.is_behind_proxy, agent.is_stream) = (plan.is_hidden, plan.streams.customer);
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
            (agent.is_behind_proxy, agent.is_stream) = (plan.is_hidden, plan.streams.carrier);
            agents.push(agent);
        }
        let shown = if plan.is_anonymous { "\"Anonymous\" <sip:anonymous@anonymous.invalid>" } else { "" };
        for (index, edge) in edges.iter_mut().enumerate() {
            edge.watch.parties = parties.clone();
            edge.watch.is_cut = plan.faults.iter().any(|fault| matches!(fault, Fault::Cut { .. }));
            let transport = if plan.streams.carrier { Transport::Tcp } else { Transport::Udp };
            edge.watch.set_gateways([("alpha", ALPHA), ("beta", BETA)], transport, shown, plan.is_hidden);
            edge.start(0, index as u64 + 1);
        }
        let mut network = Network::new(plan.seed, &plan.faults, &plan.spared);
        if let Some(at_ms) = script.rotates_at_ms {
            network.at(at_ms, Event::Rotate);
        }
        let dead = ["alpha", "beta"].iter().zip(&script.callees).filter(|(_, callee)| callee.is_refusing);
        let dead = dead.map(|(name, _)| ((*name).to_owned(), true)).collect();
        let log = is_logged.then(Vec::new);
        let (plan, streams) = (plan.clone(), Streams::default());
        Self { plan, edges, agents, network, streams, stream_messages: 0, ends: 0, dead, inputs: BTreeMap::new(), lives: 2, now_ms: 0, log }
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
                self.hand_over(UDP, &from, &to, &text);
            }
            Event::Stream { end, text } => self.on_stream(end, &text),
            Event::Closed { end } => self.on_closed(end),
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
                for (end, after_ms) in self.streams.come_back(&[host(&self.edges[edge].address)]) {
                    self.network.at(self.now_ms + after_ms, Event::Closed { end });
                }
                self.say(|| format!("{node} is back"));
            }
            Event::Rotate => {
                for edge in &mut self.edges {
                    edge.set_keys(keys(true));
                }
            }
        }
    }

    fn hand_over(&mut self, listener: u16, from: &str, to: &str, text: &str) {
        match self.edge_at(to) {
            Some(edge) => self.at_edge(edge, |edge, now_ms, cut| edge.receive(now_ms, listener, from, text, cut)),
            None => {
                let agent = self.agent_at(to);
                self.at_agent(agent, |agent, now_ms| agent.receive(now_ms, from, text));
            }
        }
    }

    fn on_stream(&mut self, end: End, text: &str) {
        let (to, from) = self.streams.addresses(end);
        let node = self.node(&to).to_owned();
        let death = self.dead.get(&node).copied();
        let listens = self.edges.iter().any(|edge| edge.address == to) || self.agents.iter().any(|agent| agent.addresses.contains(&to));
        match self.streams.arrive(end, listens && death.is_none()) {
            Arrival::Comes => {
                self.say(|| format!("{node} < {}", text.lines().next().unwrap_or_default()));
                // A connection that we made is told by whom it is with.
                let to = self.listening(&node, &to);
                self.hand_over(TCP, &from, &to, text);
                self.cut(end);
            }
            Arrival::Unheard => {}
            Arrival::Refused => {
                let is_silent = death == Some(false);
                let at_ms = if is_silent { self.streams.gives_up_ms(end).max(self.now_ms) } else { self.now_ms + 5 };
                self.network.at(at_ms, Event::Closed { end: other(end) });
            }
        }
    }

    /// A message has come to this end.
    fn cut(&mut self, end: End) {
        let at_message = self.stream_messages;
        self.stream_messages += 1;
        if self.plan.faults.contains(&Fault::Cut { at_message }) {
            self.say(|| "the connection is cut".to_owned());
            for end in [end, other(end)] {
                self.network.at(self.now_ms, Event::Closed { end });
            }
        }
    }

    fn on_closed(&mut self, end: End) {
        let (own, _) = self.streams.addresses(end);
        let Some((peer, gone)) = self.streams.close(end) else { return };
        let node = self.node(&own).to_owned();
        self.say(|| format!("{node} hears the end of its connection with {peer}"));
        let own = self.listening(&node, &own);
        match self.edge_at(&own) {
            Some(edge) => {
                self.ends += 1;
                self.at_edge(edge, |edge, now_ms, cut| edge.on_closed(now_ms, &peer, gone, cut));
            }
            None => {
                let agent = self.agent_at(&own);
                self.at_agent(agent, |agent, now_ms| agent.on_closed(now_ms, &peer));
            }
        }
    }

    /// Where the node listens that has a connection at `address`.
    fn listening(&self, node: &str, address: &str) -> String {
        let edge = self.edges.iter().find(|edge| self.node(&edge.address) == node).map(|edge| &edge.address);
        let agent = || self.agents.iter().flat_map(|agent| &agent.addresses).find(|known| host(known) == host(address));
        edge.or_else(agent).unwrap_or_else(|| panic!("nobody is at {address}")).clone()
    }

    /// All connections of a node that has died end, those to a machine without a word.
    fn end_streams(&mut self, node: &str, is_process: bool) {
        let edges = self.edges.iter().filter(|edge| self.node(&edge.address) == node).map(|edge| edge.address.as_str());
        let agents = self.agents.iter().filter(|agent| agent.name == node).flat_map(|agent| agent.addresses.iter().map(String::as_str));
        let hosts: Vec<String> = edges.chain(agents).map(|address| host(address).to_owned()).collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        for (end, heard_ms) in self.streams.die(&hosts, is_process) {
            self.network.at(heard_ms.max(self.now_ms) + 5, Event::Closed { end });
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
        let is_logged = self.log.is_some();
        let news: Vec<String> =
            edge.journal[facts..].iter().filter(|_| is_logged).map(|written| format!("{:?}", written.fact.kind)).collect();
        let (mails, is_dead) = (std::mem::take(&mut edge.out), !edge.is_alive);
        for fact in news {
            self.say(|| format!("{node} writes {fact}"));
        }
        let death = death.filter(|_| is_dead);
        if let Some(death) = &death {
            self.bury(death, index);
        }
        self.carry(mails);
        if let Some(death) = death {
            self.end_streams(death.victim, death.is_process);
        }
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
            self.end_streams(&name, death.is_process);
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
            let text = if self.log.is_some() { mail.text.clone() } else { String::new() };
            let fate = match mail.is_stream {
                true => self.carry_by_stream(mail, [&nodes[0], &nodes[1]]),
                false => self.network.carry(self.now_ms, mail, [&nodes[0], &nodes[1]]),
            };
            self.say(|| {
                let start = text.lines().next().unwrap_or_default();
                let cseq = text.lines().find(|line| line.starts_with("CSeq")).unwrap_or_default();
                format!("{} > {}: {start} ({cseq}) {fate}", nodes[0], nodes[1])
            });
        }
    }

    fn carry_by_stream(&mut self, mail: Mail, nodes: [&str; 2]) -> &'static str {
        let end = self.streams.end_at(self.now_ms, &mail.from, &mail.to);
        let (to, from) = self.streams.addresses(end);
        let at_ms = self.network.comes_at(self.now_ms, [&from, &to], nodes);
        let (at_ms, gives_up_ms) = self.streams.queue(end, at_ms);
        let last_ms = self.now_ms + LONGEST_MS;
        for end in [end, other(end)].into_iter().filter(|_| at_ms > last_ms) {
            self.network.at(last_ms, Event::Closed { end });
        }
        if let Some(gives_up_ms) = gives_up_ms {
            self.network.at(gives_up_ms.max(self.now_ms), Event::Closed { end: other(end) });
        }
        self.network.at(at_ms, Event::Stream { end, text: mail.text });
        "by TCP"
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

    /// By the host: a connection has a port of its own.
    pub fn node(&self, address: &str) -> &str {
        let is_there = |known: &String| host(known) == host(address);
        match self.edges.iter().position(|edge| is_there(&edge.address)) {
            Some(0) => EDGE,
            Some(_) => SIBLING,
            None => {
                let agent = self.agents.iter().find(|agent| agent.addresses.iter().any(is_there));
                &agent.unwrap_or_else(|| panic!("nobody is at {address}")).name
            }
        }
    }
}

fn other((at, end): End) -> End {
    (at, 1 - end)
}

/// Whether a script forks an INVITE, so that one has more than one answer.
pub fn is_forking(script: &Script) -> bool {
    script.callees.iter().flat_map(|callee| &callee.when_invited).any(|(_, what)| matches!(what, Do::Answer(200, 1..)))
}
