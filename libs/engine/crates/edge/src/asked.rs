//! INVITEs whose decision is asked for elsewhere, because this edge's own tables are not whole yet.
//!
//! Nothing is said to the caller until the answer comes: no 100, no transaction. A challenge or a refusal then is as stateless as ever, and
//! only a call that is admitted begins one. Retransmissions meanwhile are recognized and dropped.

use std::collections::{HashMap, VecDeque};

use trunkline_message::{Message, OwnedMessage};
use trunkline_transaction::Flow;

/// Asked for at once; an answer takes some tens of milliseconds, so these are tens of thousands of calls a second.
pub(crate) const MAX_ASKED: usize = 1024;

/// An INVITE that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub message: OwnedMessage,
    pub flow: Flow,
}

/// Why an INVITE is not asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAsked {
    /// It is one that waits.
    Retransmission,
    /// Too many wait.
    Full,
}

#[derive(Debug, Default)]
pub(crate) struct Asked {
    waiting: HashMap<u128, Waiting>,
    known: HashMap<Vec<u8>, u128>,
    /// Oldest first; those that were answered are passed over.
    order: VecDeque<(u64, u128)>,
}

impl Asked {
    /// Keeps the INVITE under `id` until `due_ms`.
    pub fn keep(&mut self, id: u128, flow: Flow, message: &Message<'_>, due_ms: u64) -> Result<(), NotAsked> {
        let key = key_of(message);
        if self.known.contains_key(&key) {
            return Err(NotAsked::Retransmission);
        }
        // Those that were answered stand in `order` until their time is over.
        if self.order.len() >= MAX_ASKED {
            return Err(NotAsked::Full);
        }
        self.known.insert(key, id);
        self.waiting.insert(id, Waiting { message: OwnedMessage::copy_of(message), flow });
        self.order.push_back((due_ms, id));
        Ok(())
    }

    pub fn take(&mut self, id: u128) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        self.known.remove(&key_of(&waiting.message.view()));
        if let Some(at) = self.order.iter().position(|(_, other)| *other == id) {
            self.order.remove(at);
        }
        Some(waiting)
    }

    /// The oldest whose time is over.
    pub fn take_overdue(&mut self, now_ms: u64) -> Option<Waiting> {
        let (due_ms, id) = *self.order.front()?;
        if due_ms > now_ms {
            return None;
        }
        self.take(id)
    }

    pub fn next_due(&self) -> Option<u64> {
        self.order.front().map(|(due_ms, _)| *due_ms)
    }
}

/// A retransmission has the same branch (RFC 3261 §17.1.1.2); a client that tries again has another CSeq.
fn key_of(message: &Message<'_>) -> Vec<u8> {
    let mut key = message.branch().to_vec();
    key.push(b'\n');
    key.extend_from_slice(message.call_id());
    key.extend_from_slice(&message.cseq().number.to_be_bytes());
    key
}
