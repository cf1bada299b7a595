//! What the proxy is told once.

use std::net::SocketAddr;

use crate::plan::Refusal;

/// Bounds on what is kept. Beyond them new calls are refused; calls that are under way go on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls from their INVITE to their end. A row is about 4 KiB with its messages.
    pub calls: usize,
    /// Server and client transactions, each counted alone.
    pub transactions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // 100,000 calls of 4 KiB are 400 MiB, what one edge is given; each has two transactions while it is set up.
        Self { calls: 100_000, transactions: 200_000 }
    }
}

/// Settings of one proxy. Times in milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
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
    /// The addresses we listen on, by listener index: what Via and Record-Route say. IP literals.
    pub listeners: Vec<SocketAddr>,
    /// The platform's base domain: credentials of this realm are removed, URIs of asserted identities end in it.
    pub realm: String,
    pub limits: Limits,
    /// Said when `route` or `reject` does not come within `decision_limit_ms` (T901).
    pub decision_refusal: Refusal,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            t1_ms: 500,
            t2_ms: 4_000,
            t4_ms: 5_000,
            timer_c_ms: 181_000,
            silent_gateway_ms: 3_000,
            all_silent_ms: 8_000,
            cancel_wait_ms: 2_000,
            decision_limit_ms: 5_000,
            token_lifetime_s: 24 * 3600,
            listeners: Vec::new(),
            realm: String::new(),
            limits: Limits::default(),
            decision_refusal: Refusal {
                status: 500,
                text: "Decision Failed".to_owned(),
                code: "T901".to_owned(),
                q850: 41,
                facts: "no decision within the limit".to_owned(),
                extra_headers: String::new(),
            },
        }
    }
}
