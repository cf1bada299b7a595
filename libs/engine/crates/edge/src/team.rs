//! The workers of one engine, and how one hands another what is not its own (docs/adr, workers).
//!
//! Each has its sockets, its transactions and its calls; the kernel gives a datagram to one of them. Mostly it is the right one: the same two
//! ends always come to the same worker, and a response to the one in our branch. What is not one's own is passed on, once: with a bound on
//! what waits, without a lock.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;

use nix::sys::eventfd::EventFd;
use trunkline_transaction::{Flow, Gone};

use crate::engine::{event_fd, wake, Order};
use crate::status::Counters;

/// Passed to one worker and not taken yet: at most 6 MiB of usual messages. What does not fit is lost, as in a full socket.
const MAX_WAITING: usize = 4_096;

/// Transactions that are remembered, a power of two: five times those that an edge at 2,000 calls a second has. 8 MiB.
const REMEMBERED: usize = 1 << 20;

/// What one worker hands another.
#[derive(Debug)]
pub(crate) enum Passed {
    /// A message that belongs to it; `hops` counts the workers that have had it.
    Message { flow: Flow, bytes: Vec<u8>, hops: u8 },
    /// What is to leave over a connection of its.
    Send { flow: Flow, bytes: Vec<u8> },
    /// A connection is no more.
    Closed { flow: Flow, gone: Gone },
    /// ICMP said so and quoted a request of one of us.
    Unreachable(SocketAddr),
    /// ICMP says so of `peer`, and quotes what this worker may have sent; the kernel tells it to one of those who share the address, whoever
    /// has sent.
    Icmp { peer: SocketAddr, quoted: Vec<u8> },
}

#[derive(Debug)]
struct Member {
    orders: Sender<Order>,
    wake: EventFd,
    is_woken: AtomicBool,
    waiting: AtomicUsize,
    counters: Arc<Counters>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Team {
    members: Vec<Member>,
    /// Whose an INVITE's transaction is, by its id: a table that forgets. The last byte of an entry is the worker. Empty for one worker.
    transactions: Vec<AtomicU64>,
}

impl Team {
    /// And what each worker is told, in their order.
    pub fn new(workers: u8) -> std::io::Result<(Self, Vec<Receiver<Order>>)> {
        let (mut members, mut inboxes) = (Vec::new(), Vec::new());
        for _ in 0..workers {
            let (orders, inbox) = channel();
            inboxes.push(inbox);
            members.push(Member {
                orders,
                wake: event_fd()?,
                is_woken: AtomicBool::new(false),
                waiting: AtomicUsize::new(0),
                counters: Arc::default(),
            });
        }
        let remembered = if workers > 1 { REMEMBERED } else { 0 };
        Ok((Self { members, transactions: (0..remembered).map(|_| AtomicU64::new(0)).collect() }, inboxes))
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// At most [`trunkline_transaction::MAX_WORKERS`].
    pub fn size(&self) -> u8 {
        u8::try_from(self.members.len()).unwrap_or(u8::MAX)
    }

    pub fn counters(&self, worker: u8) -> Arc<Counters> {
        Arc::clone(&self.members[usize::from(worker)].counters)
    }

    /// Of all workers together.
    pub fn status(&self) -> Vec<(&'static str, u64)> {
        let mut sum = Counters::default().read();
        for member in &self.members {
            for ((_, total), (_, value)) in sum.iter_mut().zip(member.counters.read()) {
                *total += value;
            }
        }
        sum
    }

    /// False where the worker has ended and needs no orders.
    pub fn order(&self, worker: u8, order: Order) -> bool {
        let Some(member) = self.members.get(usize::from(worker)) else { return false };
        let is_sent = member.orders.send(order).is_ok();
        // After the order, so that it is seen: whoever sleeps has said so before he looked for orders.
        if is_sent && !member.is_woken.swap(true, Ordering::AcqRel) {
            wake(&member.wake);
        }
        is_sent
    }

    /// Each gets one of its own, in their order.
    pub fn order_all(&self, order: impl Fn() -> Order) {
        for worker in 0..self.size() {
            self.order(worker, order());
        }
    }

    /// What wakes this worker out of its poll.
    pub fn wake_of(&self, worker: u8) -> &EventFd {
        &self.members[usize::from(worker)].wake
    }

    /// To be called before the orders are looked at: what is sent from now on wakes again. By an exchange, as in [`Team::order`]: either that
    /// one finds the mark gone and wakes, or its order is seen. A mere store could take place after the look.
    pub fn is_awake(&self, worker: u8) {
        self.members[usize::from(worker)].is_woken.swap(false, Ordering::AcqRel);
    }

    /// Wakes a worker that has left orders for its next turn.
    pub fn wake(&self, worker: u8) {
        wake(&self.members[usize::from(worker)].wake);
    }

    /// False where too much waits there already.
    pub fn pass(&self, worker: u8, passed: Passed) -> bool {
        let Some(member) = self.members.get(usize::from(worker)) else { return false };
        if member.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            member.waiting.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.order(worker, Order::Take(passed))
    }

    /// To all but `from`, who knows.
    pub fn tell_others(&self, from: u8, passed: impl Fn() -> Passed) {
        for worker in (0..self.size()).filter(|worker| *worker != from) {
            self.pass(worker, passed());
        }
    }

    pub fn taken(&self, worker: u8) {
        self.members[usize::from(worker)].waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// The INVITE of this id is this worker's: so are its retransmissions, its CANCEL and the ACK of its failure, from wherever they come.
    pub fn remember(&self, id: u64, worker: u8) {
        if let Some(entry) = self.transactions.get(slot(id)) {
            entry.store(id & !0xff | u64::from(worker), Ordering::Relaxed);
        }
    }

    /// Whose it was when it was remembered last.
    pub fn owner(&self, id: u64) -> Option<u8> {
        let entry = self.transactions.get(slot(id))?.load(Ordering::Relaxed);
        (entry & !0xff == id & !0xff).then_some((entry & 0xff) as u8).filter(|_| entry != 0)
    }
}

/// Ids are keyed hashes, so any of their bits will do; the last eight are not kept.
fn slot(id: u64) -> usize {
    (id >> 40) as usize % REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_found_until_another_takes_its_place() {
        let (team, _inboxes) = Team::new(3).unwrap();
        assert_eq!(team.owner(0x1234_5678_9abc_de00), None);
        team.remember(0x1234_5678_9abc_de11, 2);
        assert_eq!(team.owner(0x1234_5678_9abc_de11), Some(2));
        assert_eq!(team.owner(0x1234_5678_9abd_de11), None, "of another id in the same place");
        team.remember(0x1234_5678_9abd_de11, 0);
        assert_eq!((team.owner(0x1234_5678_9abd_de11), team.owner(0x1234_5678_9abc_de11)), (Some(0), None));
    }

    #[test]
    fn one_worker_keeps_no_table_and_finds_nothing() {
        let (team, _inboxes) = Team::new(1).unwrap();
        team.remember(7, 0);
        assert_eq!(team.owner(7), None);
    }

    #[test]
    fn what_does_not_fit_is_lost_and_room_comes_back_when_something_is_taken() {
        let (team, inboxes) = Team::new(2).unwrap();
        let peer = "192.0.2.1:5060".parse().unwrap();
        for _ in 0..MAX_WAITING {
            assert!(team.pass(1, Passed::Unreachable(peer)));
        }
        assert!(!team.pass(1, Passed::Unreachable(peer)));
        assert!(inboxes[1].try_recv().is_ok());
        team.taken(1);
        assert!(team.pass(1, Passed::Unreachable(peer)) && !team.pass(1, Passed::Unreachable(peer)));
        assert!(team.pass(0, Passed::Unreachable(peer)), "the other one has room");
    }
}
