//! What a turn sends: gathered, and sent when the facts that come before it are in the journal.
//!
//! Datagrams that were read together are answered together: one append to the journal, and one `sendmmsg(2)` for a run of datagrams by the
//! same listener. A peer that sleeps is woken once for all that it gets, which is what a message costs most.

use std::sync::atomic::Ordering;

use trunkline_transaction::{Action, Flow};

use crate::status::raise;
use crate::worker::Worker;

/// Messages that are gathered before they are sent, so that the first one waits for no more than their making: some 0.5 ms.
pub const GATHERED: usize = 16;

/// Lines that the journal did not take, kept until it does; beyond it the oldest facts of a failing disk are lost, and counted.
const MAX_PENDING_BYTES: usize = 16 << 20;

/// In order.
#[derive(Debug, Default)]
pub struct Outbox {
    messages: Vec<(Flow, Vec<u8>)>,
}

impl Outbox {
    pub fn push(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.messages.push((flow, bytes));
    }

    /// It has to be sent now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.messages.len() >= GATHERED
    }

    /// All of it; [`Outbox::give_back`] returns the room.
    pub fn take(&mut self) -> Vec<(Flow, Vec<u8>)> {
        std::mem::take(&mut self.messages)
    }

    /// What was taken and sent.
    pub fn give_back(&mut self, mut sent: Vec<(Flow, Vec<u8>)>) {
        sent.clear();
        if self.messages.is_empty() {
            self.messages = sent;
        }
    }
}

impl Worker {
    /// What the core wants done is written down and laid ready; sent where enough has gathered.
    pub(crate) fn gather(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Fact(fact) => {
                    self.lines.fact(&mut self.pending, &fact);
                    self.capture_fact(&fact);
                }
                Action::Saw(sighting) => self.shared.sightings.add(&sighting),
                Action::Keep(kept) => self.capture_kept(*kept),
                Action::Send { flow, bytes } => {
                    self.capture_sent(flow, &bytes);
                    self.outbox.push(flow, bytes);
                }
            }
        }
        self.capture_no_more();
        self.actions = actions;
        if self.outbox.is_full() {
            self.flush();
        }
    }

    /// Journal first, then the messages, in order.
    pub(crate) fn flush(&mut self) {
        if !self.actions.is_empty() {
            self.gather();
        }
        self.write_journal();
        let messages = self.outbox.take();
        for run in messages.chunk_by(|(one, _), (other, _)| one.listener == other.listener) {
            let listener = usize::from(run[0].0.listener);
            let sent = match self.listeners.get(listener) {
                Some(listener) => listener.send_all(run),
                // The core is told of connections that are none.
                None => run.iter().filter(|(flow, bytes)| self.send_over_connection(*flow, bytes)).count(),
            };
            self.counters.datagrams_sent.fetch_add(sent as u64, Ordering::Relaxed);
            self.counters.datagrams_not_sent.fetch_add((run.len() - sent) as u64, Ordering::Relaxed);
        }
        self.outbox.give_back(messages);
    }

    /// Whether everything pending is in the journal now.
    pub(crate) fn write_journal(&mut self) -> bool {
        if self.pending.is_empty() {
            return !self.is_journal_failing;
        }
        match self.shared.journal.append(&self.pending) {
            Ok(()) => {
                self.pending.clear();
                self.is_journal_failing = false;
                true
            }
            Err(error) => {
                raise(&self.counters.journal_failures);
                if !std::mem::replace(&mut self.is_journal_failing, true) {
                    eprintln!("trunkline engine: the journal takes no facts, new calls are refused until it does: {error}");
                }
                if self.pending.len() > MAX_PENDING_BYTES {
                    eprintln!("trunkline engine: {} bytes of facts are lost", self.pending.len());
                    self.pending.clear();
                }
                false
            }
        }
    }

    /// After what was gathered before it.
    pub(crate) fn send(&mut self, flow: Flow, bytes: &[u8]) {
        self.gather();
        self.outbox.push(flow, bytes.to_vec());
    }
}
