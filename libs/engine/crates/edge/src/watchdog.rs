//! Ends the process when one decision takes too long: a policy that loops must not take the edge's other calls with it for ever.
//! The journal has every fact, and the supervisor starts the edge again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// How often it looks: a tenth of the usual limit of two seconds.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Watches one worker's decisions.
#[derive(Debug, Default)]
pub struct Watchdog {
    /// Goes up when a decision begins and when it ends: odd while one runs.
    steps: AtomicU64,
    is_over: AtomicBool,
}

impl Watchdog {
    /// Starts the thread that watches.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(limit: Duration) -> std::io::Result<Arc<Self>> {
        let dog = Arc::new(Self::default());
        let watched = Arc::clone(&dog);
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || watched.watch(limit))?;
        Ok(dog)
    }

    /// A decision begins; it ends when the guard is dropped.
    pub fn decision(&self) -> Running<'_> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        Running(self)
    }

    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn watch(&self, limit: Duration) {
        let mut looks = Looks::new(limit);
        while !self.is_over.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EVERY);
            if looks.find_hanging(self.steps.load(Ordering::Relaxed)) {
                let limit_ms = limit.as_millis();
                eprintln!("trunkline engine: a decision has taken more than {limit_ms} ms; the process ends itself, to be started again");
                std::process::abort();
            }
        }
    }
}

/// While it lives a decision runs.
#[derive(Debug)]
pub struct Running<'a>(&'a Watchdog);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }
}

/// In how many looks on end the same decision ran. No clock: in the time of a machine that stood still, or of a process that was held, the
/// decision did not run either.
#[derive(Debug)]
struct Looks {
    most: u128,
    steps: u64,
    seen: u128,
}

impl Looks {
    fn new(limit: Duration) -> Self {
        Self { most: limit.as_millis().div_ceil(LOOK_EVERY.as_millis()), steps: 0, seen: 0 }
    }

    /// Between the first look at a decision and the last of `most` more lies the limit.
    fn find_hanging(&mut self, steps: u64) -> bool {
        let is_same = steps == self.steps;
        self.steps = steps;
        self.seen = match steps % 2 {
            1 if is_same => self.seen + 1,
            running => running.into(),
        };
        self.seen > self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hangs(steps: &[u64]) -> Vec<bool> {
        let mut looks = Looks::new(3 * LOOK_EVERY);
        steps.iter().map(|steps| looks.find_hanging(*steps)).collect()
    }

    #[test]
    fn a_decision_that_runs_in_every_look_for_longer_than_the_limit_hangs() {
        assert_eq!(hangs(&[0, 1, 1, 1, 1, 1]), [false, false, false, false, true, true]);
    }

    #[test]
    fn many_decisions_one_after_another_do_not_and_neither_does_a_pause() {
        assert!(!hangs(&[1, 3, 5, 7, 9, 11, 13]).contains(&true));
        assert!(!hangs(&[4, 4, 4, 4, 4, 4]).contains(&true));
        assert!(!hangs(&[1, 1, 1, 2, 3, 3, 3, 4]).contains(&true));
    }
}
