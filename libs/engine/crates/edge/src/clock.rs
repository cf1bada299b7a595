//! The one place where clocks are read.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use trunkline_transaction::Now;

/// Monotonic time counted from its making, and wall time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    #[must_use]
    pub fn now(&self) -> Now {
        let since = self.start.elapsed();
        Now { ms: since.as_secs() * 1_000 + u64::from(since.subsec_millis()), unix_ns: unix_ns() }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// Nanoseconds since 1970 UTC, which 64 bits hold until 2554; 0 where the machine's clock stands before that.
#[must_use]
pub fn unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos()))
}
