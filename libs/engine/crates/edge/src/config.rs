//! What an engine is told once.

use std::path::PathBuf;
use std::time::Duration;

use trunkline_transaction::Listener;

use crate::captures::Sampling;
use crate::limits::StreamLimits;
use crate::sources::Rate;

/// Settings of one edge's engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Name of this edge, for records: `edge-eu1`.
    pub edge: String,
    pub pop: String,
    /// The platform's base domain: realm of every challenge, and what asserted identities end in.
    pub realm: String,
    /// Names of the other points of presence: names that are bound to them are refused here.
    pub other_pops: Vec<String>,
    /// Value of Server in our own responses.
    pub user_agent: String,
    /// The first of each transport and family sends to gateways of that transport and family. At least one.
    pub listen: Vec<Listener>,
    /// Threads that serve, 1 to [`trunkline_transaction::MAX_WORKERS`]; what is bounded in all is shared out between them.
    pub workers: u8,
    pub streams: StreamLimits,
    pub journal_dir: PathBuf,
    /// See [`crate::journal::Journal::open`].
    pub journal_segment_bytes: u64,
    /// Datagrams of a source of which no call was admitted lately, and of one that is known; see [`crate::sources`].
    pub stranger_rate: Rate,
    pub known_rate: Rate,
    /// RFC 3261 §17.1.1.1.
    pub t1_ms: u64,
    pub silent_gateway_ms: u64,
    pub all_silent_ms: u64,
    /// A decision that takes longer ends the process.
    pub decision_limit: Duration,
    pub sampling: Sampling,
    /// Answered calls are given out to be kept over the end of the process: see [`crate::Engine::take_saved_calls`].
    pub keeps_calls: bool,
    /// How long an answer from elsewhere is waited for, while the tables are not whole.
    pub ask_limit_ms: u64,
}

impl EngineConfig {
    /// One worker that nobody measures, for trials: usual timers, sources that may send 10,000 datagrams a second, segments of 1 MiB.
    #[must_use]
    pub fn trial(realm: &str, listen: Listener, journal_dir: PathBuf) -> Self {
        let rate = Rate { per_s: 10_000, burst: 10_000 };
        Self {
            edge: "edge-x".to_owned(),
            pop: "x".to_owned(),
            realm: realm.to_owned(),
            other_pops: Vec::new(),
            user_agent: "trunkline".to_owned(),
            listen: vec![listen],
            workers: 1,
            streams: StreamLimits::default(),
            journal_dir,
            journal_segment_bytes: 1 << 20,
            stranger_rate: rate,
            known_rate: rate,
            t1_ms: 500,
            silent_gateway_ms: 3_000,
            all_silent_ms: 8_000,
            decision_limit: Duration::from_secs(2),
            sampling: Sampling::default(),
            keeps_calls: false,
            ask_limit_ms: 300,
        }
    }
}
