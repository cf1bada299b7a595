//! What an edge may never send, looked at with each message that leaves it. Of one life: what it did not live to do is nobody's fault.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_transaction::{CallId, Fact, FactKind, RoutePlan, Target, Transport};

use super::agent::LIFETIME_MS;
use super::edge::{TCP, UDP};
use super::sip::Sip;
use super::streams::host;
use crate::support::{plan, target};

/// An INVITE that the edge sent, by its branch.
#[derive(Clone, Debug)]
struct Sent {
    at_ms: u64,
    to: String,
    has_provisional: bool,
    status: Option<u16>,
}

/// An INVITE that the edge got, by its branch.
#[derive(Clone, Debug, Default)]
struct Got {
    /// Of an admitted one.
    call: Option<CallId>,
    status: Option<u16>,
}

/// What has to leave in the same turn.
#[derive(Clone, Debug)]
enum Owed {
    /// The ACK of this branch's failure.
    Ack(String),
    /// The 2xx of this branch, passed on, or acknowledged where nobody waits for it.
    PassedOrAcked { to: String, call_id: String },
}

#[derive(Debug, Default)]
pub struct Watch {
    pub wrongs: Vec<String>,
    /// Gateways in the order of the script.
    pub gateways: Vec<Target>,
    /// By Call-ID: everybody who may be told of the call.
    pub parties: BTreeMap<String, BTreeSet<String>>,
    is_hidden: bool,
    sent: BTreeMap<String, Sent>,
    got: BTreeMap<String, Got>,
    /// Branches by what they carried where.
    branches: BTreeMap<String, BTreeSet<String>>,
    /// Calls whose facts tell an answer, or an end without one.
    answered: BTreeSet<CallId>,
    failed: BTreeSet<CallId>,
    owed: Option<Owed>,
    lives: usize,
    /// Connections end that both sides would have kept.
    pub is_cut: bool,
}

impl Watch {
    pub fn set_gateways(&mut self, gateways: [(&str, &str); 2], transport: Transport, from_name_addr: &str, hides_topology: bool) {
        let target = |(name, address): (&str, &str)| Target {
            transport,
            from_name_addr: from_name_addr.to_owned(),
            hides_topology,
            ..target(name, address)
        };
        self.gateways = gateways.map(target).to_vec();
        self.is_hidden = hides_topology;
    }

    /// Nothing of one side's addresses stands in what the other gets, wherever in the message.
    fn on_hidden(&mut self, to: &str, message: &Sip) {
        let is_gateway = |address: &str| self.gateways.iter().any(|gateway| gateway.address.ip().to_string() == host(address));
        let others = self.parties.get(&message.call_id).into_iter().flatten().filter(|party| is_gateway(party) != is_gateway(to));
        let seen: Vec<&String> = others.filter(|party| message.text.contains(host(party))).collect();
        if !seen.is_empty() {
            self.wrongs.push(format!("{to} was shown {seen:?}:\n{}", message.text));
        }
    }

    pub fn plan(&self, is_reversed: bool) -> RoutePlan {
        let mut targets = self.gateways.clone();
        if is_reversed {
            targets.reverse();
        }
        let mut plan = plan(targets);
        for step in &mut plan.steps {
            step.listener = if step.target.transport == Transport::Tcp { TCP } else { UDP };
        }
        plan
    }

    /// Branches and transactions die with the process.
    pub fn begin_life(&mut self) {
        self.sent.clear();
        self.got.clear();
        self.branches.clear();
        self.owed = None;
        self.lives += 1;
    }

    pub fn on_admitted(&mut self, branch: &[u8], call: CallId) {
        let branch = String::from_utf8_lossy(branch).into_owned();
        self.got.insert(branch, Got { call: Some(call), status: None });
    }

    pub fn on_input(&mut self, now_ms: u64, message: &Sip) {
        self.owed = None;
        if message.is_request() {
            if message.method == "INVITE" {
                self.got.entry(message.branch.clone()).or_default();
            }
            return;
        }
        let Some(sent) = self.sent.get_mut(&message.branch).filter(|_| message.method == "INVITE") else { return };
        let status = message.status.unwrap_or_default();
        let is_alive = now_ms < sent.at_ms + LIFETIME_MS;
        match (status, sent.status) {
            (100..=199, _) => sent.has_provisional = true,
            (200..=299, None | Some(200..=299)) if is_alive => {
                let (to, call_id) = (sent.to.clone(), message.call_id.clone());
                self.owed = Some(Owed::PassedOrAcked { to, call_id });
            }
            (300.., None | Some(300..)) if is_alive => self.owed = Some(Owed::Ack(message.branch.clone())),
            _ => {}
        }
        if status >= 200 && sent.status.is_none() {
            sent.status = Some(status);
        }
    }

    pub fn on_no_input(&mut self) {
        self.owed = None;
    }

    /// Its INVITEs that nobody has answered anything to are over.
    pub fn on_unreachable(&mut self, peer: &str) {
        self.owed = None;
        self.sent.retain(|_, sent| sent.to != peer || sent.has_provisional || sent.status.is_some());
    }

    pub fn on_fact(&mut self, fact: &Fact) {
        match fact.kind {
            FactKind::Answered { .. } => _ = self.answered.insert(fact.call),
            FactKind::Failed { .. } | FactKind::Refused { .. } => _ = self.failed.insert(fact.call),
            _ => {}
        }
    }

    /// `is_stream`: the port of `to` may be that of a connection.
    pub fn on_send(&mut self, now_ms: u64, to: &str, is_stream: bool, message: &Sip) {
        let is_party = |party: &String| party == to || is_stream && host(party) == host(to);
        if !self.parties.get(&message.call_id).is_some_and(|parties| parties.iter().any(is_party)) {
            self.wrongs.push(format!("{} to {to}, who is not in {}", message.start(), message.call_id));
        }
        if self.is_hidden {
            self.on_hidden(to, message);
        }
        match message.status {
            None => self.on_request(now_ms, to, message),
            Some(status) => self.on_response(to, message, status),
        }
    }

    fn on_request(&mut self, now_ms: u64, to: &str, request: &Sip) {
        let what = format!("{} {} {} {} to {to} in {}", request.method, request.cseq, request.from_tag, request.to_tag, request.call_id);
        let branches = self.branches.entry(what.clone()).or_default();
        branches.insert(request.branch.clone());
        // An ACK has no transaction: beside the caller's there may be one of the edge's own, for a copy of the 2xx after the end. And who is
        // started again takes the ACK of a failure that it does not know for that of a 2xx.
        // What is answered over a connection is forgotten at once (Timer J), so that who has not got the answer and asks again asks anew.
        let bound = if request.method == "ACK" { 1 + self.lives } else { 1 + usize::from(self.is_cut && request.method != "INVITE") };
        if branches.len() > bound {
            self.wrongs.push(format!("sent with two branches: {what}"));
        }
        match request.method.as_str() {
            "INVITE" => {
                let new = Sent { at_ms: now_ms, to: to.to_owned(), has_provisional: false, status: None };
                self.sent.entry(request.branch.clone()).or_insert(new);
            }
            "CANCEL" => match self.sent.get(&request.branch) {
                None => self.wrongs.push(format!("CANCEL of nothing to {to}")),
                Some(sent) if !sent.has_provisional => self.wrongs.push(format!("CANCEL to {to} before a provisional response")),
                Some(Sent { status: Some(status), .. }) => self.wrongs.push(format!("CANCEL to {to} after {status}")),
                Some(_) => {}
            },
            "ACK" => {
                let is_paid = match &self.owed {
                    Some(Owed::Ack(branch)) => *branch == request.branch,
                    Some(Owed::PassedOrAcked { to: owed, .. }) => owed == to,
                    None => false,
                };
                if is_paid {
                    self.owed = None;
                }
            }
            _ => {}
        }
    }

    fn on_response(&mut self, to: &str, response: &Sip, status: u16) {
        if response.method == "ACK" {
            self.wrongs.push(format!("{status} to an ACK of {to}"));
        }
        if response.method != "INVITE" {
            return;
        }
        if let Some(Owed::PassedOrAcked { call_id, .. }) = &self.owed {
            if *call_id == response.call_id && (200..300).contains(&status) {
                self.owed = None;
            }
        }
        let Some(got) = self.got.get_mut(&response.branch) else {
            self.wrongs.push(format!("{status} to {to} for an INVITE that did not come"));
            return;
        };
        match got.status {
            Some(known) if known != status && !(known < 300 && (200..300).contains(&status)) => {
                self.wrongs.push(format!("{status} to {to} after {known}"));
            }
            _ => {}
        }
        if status >= 200 {
            got.status = Some(status);
        }
        // What the world is told is written before.
        if let Some(call) = got.call {
            let is_written = match status {
                100..=199 => true,
                200..=299 => self.answered.contains(&call),
                _ => self.failed.contains(&call),
            };
            if !is_written {
                self.wrongs.push(format!("{status} to {to}, and no fact says so"));
            }
        }
    }

    pub fn end_turn(&mut self) {
        match self.owed.take() {
            Some(Owed::Ack(branch)) => self.wrongs.push(format!("no ACK for the failure of {branch}")),
            Some(Owed::PassedOrAcked { to, call_id }) => {
                self.wrongs.push(format!("a 2xx of {to} in {call_id} was neither passed on nor acknowledged"));
            }
            None => {}
        }
    }
}
