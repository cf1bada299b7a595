//! When new calls are turned away so that those in progress go on (RFC 6357 §3, the local control; RFC 3261 §21.5.4).
//!
//! What counts is how long a datagram, or what came first over a connection, has waited in the kernel before it is read. A machine that stood still for half a second leaves a
//! queue behind too, but one that shrinks from then on, and everything in it is served; a worker that is asked for more than it can do has
//! one that does not. Only then is a share of the new INVITEs answered 503, without the access rule having been asked: an eighth of them, and
//! twice as many at each look until the queue shrinks; fewer again when it is short. Responses, retransmissions and requests inside dialogs are
//! served as ever; an INVITE that was turned away is turned away again, whatever the share is by then. The time is asked of the kernel only after a turn that left something unread or was long, so it costs nothing.

use std::net::SocketAddr;

use crate::turned_away::TurnedAway;

/// Waited for so long nobody is hurt: no sender has repeated itself yet (T1 is 500 ms).
const SHORT_MS: u64 = 200;

/// Between two looks at whether a long queue has become shorter.
const WINDOW_MS: u64 = 400;

/// It shrinks when its oldest datagram is at least this much younger than at the look before.
const SHRINKS_MS: u64 = WINDOW_MS / 16;

/// New calls are turned away in parts of this: all of them, at most.
const ALL: u32 = 16;

/// At the first look at a queue that does not shrink.
const FIRST: u32 = ALL / 8;

/// One part less in each of these while the queue is short.
const STEP_DOWN_MS: u64 = 50;

/// The state of one worker.
#[derive(Debug, Default)]
pub struct Shedding {
    /// Of the queue that is long: when it was looked at, and how old it was then.
    last_look: Option<(u64, u64)>,
    /// Since when, or since which step down, the queue is short.
    short_since_ms: u64,
    /// Of [`ALL`]: what is turned away.
    share: u32,
    /// Parts that the last call which was let in has left over.
    left: u32,
    turned_away: TurnedAway,
}

impl Shedding {
    /// After each turn; `waited_ms` is how long the first datagram of it has waited.
    pub fn on_turn(&mut self, now_ms: u64, waited_ms: u64) {
        if waited_ms < SHORT_MS {
            if self.last_look.take().is_some() {
                self.short_since_ms = now_ms;
            }
            let steps = now_ms.saturating_sub(self.short_since_ms) / STEP_DOWN_MS;
            self.short_since_ms += steps * STEP_DOWN_MS;
            self.share = self.share.saturating_sub(u32::try_from(steps).unwrap_or(ALL));
            return;
        }
        let (looked_ms, before_ms) = *self.last_look.get_or_insert((now_ms, waited_ms));
        if now_ms - looked_ms < WINDOW_MS {
            return;
        }
        self.last_look = Some((now_ms, waited_ms));
        if waited_ms + SHRINKS_MS > before_ms {
            self.share = (2 * self.share).clamp(FIRST, ALL);
        }
    }

    /// Of a new call, by who sends it and the branch of its INVITE: whether it is one of those that are turned away, which are spread
    /// evenly.
    pub fn turns_away(&mut self, sender: SocketAddr, branch: &[u8]) -> bool {
        if self.turned_away.contains(sender, branch) {
            return true;
        }
        self.left += self.share;
        let is_over = self.left >= ALL;
        self.left -= if is_over { ALL } else { 0 };
        if is_over {
            self.turned_away.insert(sender, branch);
        }
        is_over
    }

    #[must_use]
    pub fn is_shedding(&self) -> bool {
        self.share > 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Calls come once in a millisecond or more often; a worker serves them one by one, in turns of at most 64.
    struct World {
        shedding: Shedding,
        queue: VecDeque<u64>,
        now_us: u64,
        arrived_us: u64,
        served: u64,
        shed: u64,
        longest_ms: u64,
    }

    fn sender() -> SocketAddr {
        "192.0.2.1:5060".parse().unwrap()
    }

    const TURN: usize = 64;
    const SHED_US: u64 = 20;

    impl World {
        fn new() -> Self {
            Self { shedding: Shedding::default(), queue: VecDeque::new(), now_us: 0, arrived_us: 0, served: 0, shed: 0, longest_ms: 0 }
        }

        fn arrive(&mut self, every_us: u64) {
            while self.arrived_us + every_us <= self.now_us {
                self.arrived_us += every_us;
                self.queue.push_back(self.arrived_us);
            }
        }

        fn stand_still(&mut self, ms: u64, every_us: u64) {
            self.now_us += ms * 1_000;
            self.arrive(every_us);
        }

        fn run(&mut self, ms: u64, every_us: u64, cost_us: u64) {
            let end_us = self.now_us + ms * 1_000;
            while self.now_us < end_us {
                self.arrive(every_us);
                let waited_ms = self.queue.front().map_or(0, |came_us| (self.now_us - came_us) / 1_000);
                self.longest_ms = self.longest_ms.max(waited_ms);
                for _ in 0..TURN {
                    let Some(came_us) = self.queue.pop_front() else { break };
                    let is_shed = self.shedding.turns_away(sender(), &came_us.to_be_bytes());
                    self.now_us += if is_shed { SHED_US } else { cost_us };
                    *(if is_shed { &mut self.shed } else { &mut self.served }) += 1;
                }
                self.shedding.on_turn(self.now_us / 1_000, waited_ms);
                self.now_us = self.now_us.max(self.arrived_us + u64::from(self.queue.is_empty()) * every_us);
            }
        }
    }

    #[test]
    fn a_machine_that_stood_still_turns_nobody_away_while_the_queue_shrinks() {
        for (stall_ms, cost_us) in [(500, 300), (500, 400), (1_500, 400), (3_000, 250)] {
            let mut world = World::new();
            world.run(2_000, 500, cost_us);
            world.stand_still(stall_ms, 500);
            world.run(20_000, 500, cost_us);
            assert_eq!(world.shed, 0, "{stall_ms} ms, {cost_us} µs a call");
            assert!(world.queue.len() < TURN, "{} wait", world.queue.len());
        }
    }

    #[test]
    fn of_more_calls_than_a_worker_can_serve_it_serves_nearly_what_it_can_and_none_waits_long() {
        for (cost_us, share) in [(600, 0.75), (1_000, 0.42), (2_000, 0.19)] {
            let mut world = World::new();
            world.run(5_000, 500, cost_us);
            (world.longest_ms, world.served, world.shed) = (0, 0, 0);
            world.run(30_000, 500, cost_us);
            let served = world.served as f64 / (world.served + world.shed) as f64;
            assert!(served > share && served < 500.0 / cost_us as f64 + 0.01, "{cost_us}: {served}");
            assert!(world.longest_ms < 1_300, "{cost_us}: {} ms", world.longest_ms);
        }
    }

    #[test]
    fn a_copy_of_what_was_turned_away_is_turned_away_too() {
        let mut world = World::new();
        world.run(5_000, 500, 1_000);
        let branches = (0..100_u64).map(u64::to_be_bytes);
        let shed: Vec<_> = branches.filter(|branch| world.shedding.turns_away(sender(), branch)).collect();
        assert!(!shed.is_empty() && shed.len() < 100, "{} of 100", shed.len());
        world.run(10_000, 5_000, 1_000);
        assert!(!world.shedding.is_shedding());
        assert!(shed.iter().all(|branch| world.shedding.turns_away(sender(), branch)));
        assert!(!world.shedding.turns_away(sender(), b"another"));
    }

    #[test]
    fn it_ends_soon_after_the_load_has_gone() {
        let mut world = World::new();
        world.run(10_000, 500, 2_000);
        assert!(world.shedding.is_shedding());
        world.run(2_500, 5_000, 2_000);
        assert!(!world.shedding.is_shedding());
        let shed = world.shed;
        world.run(5_000, 5_000, 2_000);
        assert_eq!(world.shed, shed);
    }

    #[test]
    fn a_stall_while_it_sheds_does_not_make_it_turn_all_away() {
        let mut world = World::new();
        world.run(5_000, 500, 600);
        world.stand_still(500, 500);
        let served = world.served;
        world.run(1_000, 500, 600);
        assert!(world.served - served > 1_000, "{} of 2,000", world.served - served);
    }
}
