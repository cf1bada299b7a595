//! Counters that the worker raises and anyone reads.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// Of one worker, since the start, except `is_shedding`, `connections`, `live_calls` and `transactions`, which are now.
        #[derive(Debug, Default)]
        pub struct Counters { $(pub $name: AtomicU64),* }

        impl Counters {
            /// Every counter with its name.
            #[must_use]
            pub fn read(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed))),*]
            }
        }
    };
}

counters!(
    datagrams_received,
    datagrams_sent,
    datagrams_not_sent,
    passed,
    not_passed,
    malformed,
    not_answered,
    flooded,
    banned,
    shed,
    challenges,
    refusals,
    admitted,
    remembered,
    policy_failures,
    journal_failures,
    unreachable,
    unreachable_ignored,
    untold_nonces,
    calls_not_kept,
    deferred,
    is_shedding,
    connections_refused,
    connections_overdue,
    connections_slow,
    tls_failures,
    connections,
    live_calls,
    transactions,
);

/// Adds one.
pub fn raise(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
