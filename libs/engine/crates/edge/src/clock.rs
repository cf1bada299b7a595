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
        Now { ms: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX), unix_ns: unix_ns() }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// Nanoseconds since 1970 UTC; 0 where the machine's clock stands before that.
#[must_use]
pub fn unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
