//! Calls that are ended by order: one by command, or all of a tenant or a carrier, a few at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use trunkline_transaction::{CallId, LiveCall, Now};

use crate::reasons::refusal;
use crate::worker::Worker;

/// Which calls are to be ended, and what is said: `code` is one of the registry, `facts` go to the owner's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HangUp {
    pub which: Which,
    pub code: String,
    pub facts: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// One call, where it is this tenant's; an empty tenant is any.
    Call { call: u128, tenant: String },
    /// All of a tenant.
    Tenant(String),
    /// All that are at, or on their way to, a gateway of this carrier.
    Carrier(String),
}

impl Which {
    fn covers(&self, live: &LiveCall<'_>) -> bool {
        match self {
            Self::Call { call, tenant } => live.call.0 == *call && (tenant.is_empty() || live.tenant == tenant),
            Self::Tenant(tenant) => live.tenant == tenant,
            Self::Carrier(carrier) => live.carrier == carrier,
        }
    }
}

/// Calls ended in one portion: some 2 ms of work, for each gets two BYEs, and others' datagrams wait.
const PORTION: usize = 100;
/// Between two portions: 5,000 calls a second, so that their answers do not overflow the sockets.
const PAUSE_MS: u64 = 20;
/// Calls that wait to be ended: as many as an edge has at most, twice over for two orders at once. An order beyond it is not taken.
const MAX_WAITING: usize = 200_000;

/// What is still to be ended.
#[derive(Debug, Default)]
pub(crate) struct HangingUp {
    waiting: VecDeque<(CallId, Arc<HangUp>)>,
    next_ms: u64,
}

impl HangingUp {
    /// Monotonic milliseconds of the next portion.
    pub fn next_due(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then_some(self.next_ms)
    }
}

impl Worker {
    /// How many calls the order covers; they are ended from now on.
    pub(crate) fn order_hang_up(&mut self, now: Now, order: HangUp) -> usize {
        let covers = |live: &LiveCall<'_>| order.which.covers(live);
        let covered: Vec<CallId> = match order.which {
            Which::Call { call, .. } => self.proxy.live_call(CallId(call)).filter(covers).map(|live| live.call).into_iter().collect(),
            Which::Tenant(_) | Which::Carrier(_) => self.proxy.live_calls().filter(covers).map(|live| live.call).collect(),
        };
        if self.hanging_up.waiting.len() + covered.len() > MAX_WAITING {
            eprintln!("trunkline engine: {} calls wait to be ended, {order:?} of {} more is not taken", MAX_WAITING, covered.len());
            return 0;
        }
        let order = Arc::new(order);
        let number = covered.len();
        self.hanging_up.waiting.extend(covered.into_iter().map(|call| (call, Arc::clone(&order))));
        self.hang_up_next(now);
        number
    }

    /// The next portion, when it is due.
    pub(crate) fn hang_up_next(&mut self, now: Now) {
        if self.hanging_up.next_due().is_none_or(|due| due > now.ms) {
            return;
        }
        let tables = self.shared.tables.load();
        for _ in 0..PORTION {
            let Some((call, order)) = self.hanging_up.waiting.pop_front() else { break };
            let reason = refusal(&tables, &order.code, order.facts.clone());
            // A stale call has ended by itself meanwhile.
            let _ = self.proxy.hang_up(now, call, &reason, &mut self.actions);
        }
        self.hanging_up.next_ms = now.ms + PAUSE_MS;
        self.flush();
    }
}
