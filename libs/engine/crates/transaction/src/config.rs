//! What the proxy is told once.

use crate::plan::Refusal;
use crate::transport::Listener;

/// Bounds on what is kept. Beyond the first of them new calls are refused; calls that are under way go on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls from their INVITE to their end. A row is about 4 KiB with its messages.
    pub calls: usize,
    /// Server and client transactions, each counted alone: beyond it no new call is admitted.
    pub transactions: usize,
    /// Beyond it no request inside a dialog is served either. Higher than `transactions`, so that calls can always be ended.
    pub all_transactions: usize,
    /// Calls that have ended and are remembered, the last ones: what comes on them is 481. About 40 bytes each.
    pub ended_calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // 100,000 calls of 4 KiB are 400 MiB, what one edge is given.
        // A call leaves an INVITE behind on either side for 64*T1 (Timers L and M), and a BYE for 64*T1 and for T4 (J and K): 32 + 32 +
        // 32 + 5 = 101 s of transactions, at 2,000 calls/s 202,000 of them. One that rings has two more: at 2,000 calls/s and 90 s of
        // ringing 360,000. What only waits keeps no request: about 0.4 KiB a client, 1 KiB a BYE, 3 KiB an accepted INVITE with its 2xx,
        // 280 MiB at that rate. Beyond these every live call can have its BYE at once: two transactions each.
        // 900,000 ends are 35 MiB: those of a day, the life of a token, at 10 calls/s, or of 7 minutes at 2,000 calls/s.
        Self { calls: 100_000, transactions: 600_000, all_transactions: 800_000, ended_calls: 900_000 }
    }
}

impl Limits {
    /// Of one of so many workers of an edge.
    #[must_use]
    pub fn shared_by(self, workers: u8) -> Self {
        let share = |limit: usize| limit.div_ceil(usize::from(workers.max(1)));
        Self {
            calls: share(self.calls),
            transactions: share(self.transactions),
            all_transactions: share(self.all_transactions),
            ended_calls: share(self.ended_calls),
        }
    }
}

/// One of the proxies of an edge: they share its listeners, and each knows the calls that began with it. What belongs to another comes out as
/// [`crate::Disposition::Elsewhere`] or is told by [`crate::Proxy::owner_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 0, below `of`.
    pub worker: u8,
    /// 1 to [`MAX_WORKERS`].
    pub of: u8,
}

/// As many as there are letters for them in a branch.
pub const MAX_WORKERS: u8 = 16;

/// Settings of one proxy. Times in milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
    pub place: Place,
    /// RTT estimate, RFC 3261 §17.1.1.1.
    pub t1_ms: u64,
    /// Longest interval between retransmissions of non-INVITE requests and INVITE responses.
    pub t2_ms: u64,
    /// Longest time a message stays in the network.
    pub t4_ms: u64,
    /// Timer C, RFC 3261 §16.6 step 11: longer than three minutes, started again by each provisional response.
    pub timer_c_ms: u64,
    /// A gateway that has sent nothing at all for this time is given up.
    pub silent_gateway_ms: u64,
    /// The walk over silent gateways ends after this time unless some gateway has answered anything.
    pub all_silent_ms: u64,
    /// How long the 487 of a cancelled branch is awaited before the walk goes on.
    pub cancel_wait_ms: u64,
    /// An admitted call without a decision is answered with `decision_refusal` after this time.
    pub decision_limit_ms: u64,
    /// How long a token is good for after the call's start: the longest call.
    pub token_lifetime_s: u32,
    /// Longest time from the answer, for a call whose route names none.
    pub max_duration_s: u32,
    /// Where we listen, by listener index: what Via and Record-Route say.
    pub listeners: Vec<Listener>,
    /// The platform's base domain: credentials of this realm are removed, URIs of asserted identities end in it.
    pub realm: String,
    pub limits: Limits,
    /// What is to be kept of an answered call over the end of the process is given out so long after it has changed; `None`: nothing is. Shorter
    /// calls cost nothing.
    pub saves_after_ms: Option<u64>,
    /// Said when `route` or `reject` does not come within `decision_limit_ms` (T901).
    pub decision_refusal: Refusal,
    /// Said when a call has lasted as long as it may (T602).
    pub longest_refusal: Refusal,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            place: Place { worker: 0, of: 1 },
            t1_ms: 500,
            t2_ms: 4_000,
            t4_ms: 5_000,
            timer_c_ms: 181_000,
            silent_gateway_ms: 3_000,
            all_silent_ms: 8_000,
            cancel_wait_ms: 2_000,
            decision_limit_ms: 5_000,
            token_lifetime_s: 24 * 3600,
            max_duration_s: 4 * 3600,
            listeners: Vec::new(),
            realm: String::new(),
            limits: Limits::default(),
            saves_after_ms: None,
            decision_refusal: Refusal {
                status: 500,
                text: "Decision Failed".to_owned(),
                code: "T901".to_owned(),
                q850: 41,
                facts: "no decision within the limit".to_owned(),
                extra_headers: String::new(),
            },
            longest_refusal: Refusal {
                status: 480,
                text: "Maximum Duration Reached".to_owned(),
                code: "T602".to_owned(),
                // Q.850 102: recovery on timer expiry.
                q850: 102,
                facts: String::new(),
                extra_headers: String::new(),
            },
        }
    }
}
