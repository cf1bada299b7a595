//! When new calls are turned away so that those in progress go on (RFC 6357 §3, the local control; RFC 3261 §21.5.4).
//!
//! A worker that never finds its sockets empty is behind: what it reads has waited in the kernel, and the senders will say it again. Measured
//! by turns of the worker's loop, so it costs nothing. From then on a new INVITE is answered 503 without the access rule having been asked;
//! responses, retransmissions and requests inside dialogs are served as ever.

/// Behind for so long: half of T1, so that most senders have not repeated themselves yet.
const ENTER_MS: u64 = 250;

/// Not behind for so long: then the calls that were turned away may come again.
const LEAVE_MS: u64 = 1_000;

/// The state of one worker.
#[derive(Debug, Default)]
pub struct Shedding {
    behind_since_ms: Option<u64>,
    calm_since_ms: Option<u64>,
    is_shedding: bool,
}

impl Shedding {
    /// After each turn; `is_drained`: every socket was read until it had nothing more.
    pub fn on_turn(&mut self, now_ms: u64, is_drained: bool) {
        if is_drained {
            self.behind_since_ms = None;
            let calm_since_ms = *self.calm_since_ms.get_or_insert(now_ms);
            if now_ms - calm_since_ms >= LEAVE_MS {
                self.is_shedding = false;
            }
        } else {
            self.calm_since_ms = None;
            let behind_since_ms = *self.behind_since_ms.get_or_insert(now_ms);
            if now_ms - behind_since_ms >= ENTER_MS {
                self.is_shedding = true;
            }
        }
    }

    #[must_use]
    pub fn is_shedding(&self) -> bool {
        self.is_shedding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_when_a_worker_was_behind_for_long_and_ends_when_it_was_not_for_longer() {
        let mut shedding = Shedding::default();
        let mut states = Vec::new();
        let turns =
            [(0, false), (249, false), (250, true), (260, false), (509, false), (510, false), (600, true), (1_599, true), (1_600, true)];
        for (now_ms, is_drained) in turns {
            shedding.on_turn(now_ms, is_drained);
            states.push(shedding.is_shedding());
        }
        assert_eq!(states, [false, false, false, false, false, true, true, true, false]);
    }

    #[test]
    fn one_turn_behind_begins_the_calm_anew() {
        let mut shedding = Shedding::default();
        for (now_ms, is_drained) in [(0, false), (300, false), (400, true), (1_300, true), (1_350, false), (1_360, true), (2_300, true)] {
            shedding.on_turn(now_ms, is_drained);
            assert_eq!(shedding.is_shedding(), now_ms >= 300, "{now_ms}");
        }
        shedding.on_turn(2_360, true);
        assert!(!shedding.is_shedding());
    }
}
