//! Ends the process when one decision takes too long: a policy that loops must not take the edge's other calls with it for ever.
//! The journal has every fact, and the supervisor starts the edge again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it looks: a tenth of the usual limit of two seconds.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Watches one worker's decisions.
#[derive(Debug)]
pub struct Watchdog {
    epoch: Instant,
    /// Milliseconds since `epoch` at which the running decision began, plus one; 0 where none runs.
    began: AtomicU64,
    is_over: AtomicBool,
}

impl Watchdog {
    /// Starts the thread that watches.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(limit: Duration) -> std::io::Result<Arc<Self>> {
        let dog = Arc::new(Self { epoch: Instant::now(), began: AtomicU64::new(0), is_over: AtomicBool::new(false) });
        let watched = Arc::clone(&dog);
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || watched.watch(limit))?;
        Ok(dog)
    }

    /// A decision begins; it ends when the guard is dropped.
    pub fn decision(&self) -> Running<'_> {
        self.began.store(self.elapsed_ms() + 1, Ordering::Relaxed);
        Running(self)
    }

    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    fn watch(&self, limit: Duration) {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        while !self.is_over.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EVERY);
            let began = self.began.load(Ordering::Relaxed);
            if began != 0 && self.elapsed_ms() + 1 - began > limit_ms {
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
        self.0.began.store(0, Ordering::Relaxed);
    }
}
