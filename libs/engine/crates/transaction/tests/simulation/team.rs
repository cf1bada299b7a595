//! The workers of one edge: the kernel gives a message to any of them, and what stands in it says whose it is. As the shell does it
//! (`crates/edge/src/teamwork.rs`), on top of what the cores say.

use std::collections::BTreeMap;

use trunkline_message::{Message, Method};
use trunkline_transaction::{Flow, Gone, Proxy};

use super::dice::Dice;

/// The one that read it, the one that had its transaction before, the one that has its call.
const MAX_HOPS: u8 = 2;
/// What is handed over waits for the other's turn: what comes to him meanwhile overtakes it.
const LONGEST_WAIT_MS: u64 = 4;

/// A message that has come to this worker.
#[derive(Clone, Debug)]
pub struct Heard {
    pub worker: u8,
    pub listener: u16,
    pub from: String,
    pub text: String,
    pub hops: u8,
}

#[derive(Debug)]
pub enum Passed {
    Message(Heard),
    /// For all workers.
    Closed(Flow, Gone),
}

#[derive(Debug)]
pub struct Team {
    pub workers: u8,
    dice: Dice,
    /// Whose an INVITE's transaction is.
    transactions: BTreeMap<u64, u8>,
    waiting: Vec<(u64, Passed)>,
    /// Messages that were handed on.
    pub passed: u64,
}

impl Team {
    pub fn new(workers: u8, dice: Dice) -> Self {
        Self { workers, dice, transactions: BTreeMap::new(), waiting: Vec::new(), passed: 0 }
    }

    pub fn any_worker(&mut self) -> u8 {
        self.dice.below(u64::from(self.workers)) as u8
    }

    /// The other worker to whom it belongs, as far as that can be told before it is looked into. Nobody asks twice.
    pub fn owner_of(&self, core: &Proxy, heard: &Heard, message: &Message<'_>) -> Option<u8> {
        if self.workers == 1 || heard.hops > 0 {
            return None;
        }
        if let Some(worker) = core.owner_of(message) {
            return Some(worker);
        }
        if !message.is_request() || !matches!(message.method(), Method::Invite | Method::Cancel | Method::Ack) {
            return None;
        }
        let id = core.transaction_id(message);
        let known = self.transactions.get(&id).copied();
        known.filter(|worker| *worker != heard.worker && !core.has_transaction(id))
    }

    pub fn remember(&mut self, transaction: u64, worker: u8) {
        self.transactions.insert(transaction, worker);
    }

    /// `false`: it is no matter of this worker any more.
    pub fn pass(&mut self, now_ms: u64, core: &Proxy, heard: &Heard, message: &Message<'_>, worker: u8) -> bool {
        if heard.hops < MAX_HOPS {
            if message.is_request() && message.method() == Method::Invite {
                self.remember(core.transaction_id(message), worker);
            }
            self.passed += 1;
            let at_ms = now_ms + self.dice.below(LONGEST_WAIT_MS);
            self.wait(at_ms, Passed::Message(Heard { worker, hops: heard.hops + 1, ..heard.clone() }));
        }
        false
    }

    /// Everybody hears of the end of a connection, after what came by it.
    pub fn pass_end(&mut self, now_ms: u64, flow: Flow, gone: Gone) {
        self.wait(now_ms, Passed::Closed(flow, gone));
    }

    /// A queue: nothing overtakes what waits.
    fn wait(&mut self, at_ms: u64, passed: Passed) {
        let last_ms = self.waiting.last().map_or(0, |(at_ms, _)| *at_ms);
        self.waiting.push((at_ms.max(last_ms), passed));
    }

    pub fn next_time(&self) -> Option<u64> {
        self.waiting.iter().map(|(at_ms, _)| *at_ms).min()
    }

    pub fn take_passed(&mut self, now_ms: u64) -> Option<Passed> {
        let at = self.waiting.iter().position(|(at_ms, _)| *at_ms <= now_ms)?;
        Some(self.waiting.remove(at).1)
    }

    pub fn die(&mut self) {
        self.transactions.clear();
        self.waiting.clear();
    }
}
