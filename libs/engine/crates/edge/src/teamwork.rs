//! What a worker is ordered, and what it does with what is another's.

use std::net::SocketAddr;

use trunkline_message::{HeaderTable, Message, Method};
use trunkline_transaction::{Flow, Quoted};

use crate::engine::Order;
use crate::policy::Policy;
use crate::status::raise;
use crate::team::Passed;
use crate::worker::Worker;

/// Orders of one turn, so that datagrams have theirs.
const ORDERS_PER_TURN: usize = 256;

/// Workers that a message may come to: the one that read it, the one that had its transaction before, the one that has its call.
const MAX_HOPS: u8 = 2;

impl Worker {
    /// Everything it is told. `false`: it is to end.
    pub(crate) fn obey(&mut self, table: &mut HeaderTable, policy: &mut dyn Policy) -> bool {
        self.shared.team.is_awake(self.index);
        for _ in 0..ORDERS_PER_TURN {
            // Whoever sends orders lives as long as the worker.
            let Ok(order) = self.inbox.try_recv() else { return true };
            let now = self.clock.now();
            match order {
                Order::LiveCalls(page) => self.listing.add(page),
                Order::Complete(completion) => self.complete(now, *completion),
                // Whoever asked may have gone.
                Order::HangUp(order, answer) => drop(answer.send(self.order_hang_up(now, order))),
                Order::Ping(order) => self.ping(now, *order),
                Order::Restore(calls) => self.restore(now, calls),
                Order::Forget(calls) => self.forget(calls),
                Order::WhichEnded(calls, answer) => self.say_ended(&calls, &answer),
                Order::Take(passed) => {
                    self.shared.team.taken(self.index);
                    self.take(passed, table, policy);
                }
                Order::Stop => {
                    self.counts.flush(now.unix_ns, &mut self.lines, &mut self.pending);
                    self.challenges.tell(now.unix_ns, &mut self.lines, &mut self.pending);
                    self.flush();
                    self.save_next(now, true);
                    return false;
                }
            }
        }
        self.shared.team.wake(self.index);
        true
    }

    /// The other worker to whom this message belongs, as far as that can be told before it is looked into.
    pub(crate) fn owner_of(&self, message: &Message<'_>) -> Option<u8> {
        if self.shared.team.len() == 1 {
            return None;
        }
        if let Some(worker) = self.proxy.owner_of(message) {
            return Some(worker);
        }
        // Only an INVITE leaves its dialog's token behind: in its CANCEL, in the ACK of its failure.
        if !message.is_request() || !matches!(message.method(), Method::Invite | Method::Cancel | Method::Ack) {
            return None;
        }
        let id = self.proxy.transaction_id(message);
        if self.proxy.has_transaction(id) {
            return None;
        }
        self.shared.team.owner(id).filter(|worker| *worker != self.index)
    }

    /// This worker has the INVITE's transaction.
    pub(crate) fn remember(&self, invite: &Message<'_>) {
        if self.shared.team.len() > 1 {
            self.shared.team.remember(self.proxy.transaction_id(invite), self.index);
        }
    }

    pub(crate) fn pass(&mut self, worker: u8, flow: Flow, message: &Message<'_>) {
        if self.hops >= MAX_HOPS {
            return;
        }
        if message.is_request() && message.method() == Method::Invite {
            self.shared.team.remember(self.proxy.transaction_id(message), worker);
        }
        let passed = Passed::Message { flow, bytes: message.bytes().to_vec(), hops: self.hops + 1 };
        // As lost as what a full socket does not take.
        let counter = if self.shared.team.pass(worker, passed) { &self.counters.passed } else { &self.counters.not_passed };
        raise(counter);
    }

    /// What another worker has handed over.
    fn take(&mut self, passed: Passed, table: &mut HeaderTable, policy: &mut dyn Policy) {
        let now = self.clock.now();
        match passed {
            Passed::Message { flow, bytes, hops } => {
                self.hops = hops;
                // It was parsed before.
                if let Ok(message) = Message::parse(&bytes, table) {
                    self.on_message(now, flow, &message, policy);
                }
            }
            Passed::Send { flow, bytes } => drop(self.streams.send(flow, &bytes, now.ms, &self.counters)),
            Passed::Closed { flow, gone } => self.proxy.on_closed(now, flow, gone, &mut self.actions),
            Passed::Icmp { peer, quoted } => self.on_icmp(peer, &quoted, false),
            Passed::Unreachable(peer) => self.proxy.on_unreachable(now, peer, &mut self.actions),
        }
        self.flush();
    }

    /// Somebody says that `peer` cannot be reached. Believed is who quotes a request of ours that waits; the others are told then. What
    /// another worker may have sent, he is asked about, once.
    pub(crate) fn on_icmp(&mut self, peer: SocketAddr, quoted: &[u8], may_ask: bool) {
        match self.proxy.quoted(peer, quoted) {
            Quoted::Here => {
                raise(&self.counters.unreachable);
                self.proxy.on_unreachable(self.clock.now(), peer, &mut self.actions);
                self.shared.team.tell_others(self.index, || Passed::Unreachable(peer));
            }
            Quoted::Elsewhere(worker) if may_ask => drop(self.shared.team.pass(worker, Passed::Icmp { peer, quoted: quoted.to_vec() })),
            Quoted::Elsewhere(_) | Quoted::Nobodys => raise(&self.counters.unreachable_ignored),
        }
    }

    /// Over a connection of this worker, or by the worker whose it is, which is told by the flow's listener.
    pub(crate) fn send_over_connection(&mut self, flow: Flow, bytes: &[u8]) -> bool {
        let at = usize::from(flow.listener);
        let of_each = self.own_streams.len();
        if self.own_streams.contains(&at) || of_each == 0 {
            return self.streams.send(flow, bytes, self.clock.now().ms, &self.counters);
        }
        let first = self.own_streams.start - usize::from(self.index) * of_each;
        let worker = at.checked_sub(first).and_then(|past| u8::try_from(past / of_each).ok());
        worker.is_some_and(|worker| self.shared.team.pass(worker, Passed::Send { flow, bytes: bytes.to_vec() }))
    }
}
