//! Who may call: replicated tables of domains, ACLs and accounts, the access rule over them, nonces, and the memory against replays.
//!
//! RFC 3261 §22, RFC 7616, RFC 8760. No I/O, no clock: the time is an argument. Left out: challenges and refusals as messages, which are
//! the edge's to write.
//!
//! The way through: [`Tables::apply`] takes what the log says, [`Tables::fill`] all of it at a start; [`Tables::load`] gives one version of it; [`decide`] asks the rule.
#![forbid(unsafe_code)]

mod capture;
mod cow_map;
mod digest;
mod gateways;
mod nonce;
mod prefixes;
mod replay;
mod rule;
mod stored;
mod tables;

pub use capture::Capture;
pub use digest::is_first_use;
pub use nonce::{
    current_key, entropy_for, issue, verify, was_sent_to, Entropy, NonceId, NonceKey, NonceState, OpenedNonce, SKEW_MS, VALID_MS,
};
pub use prefixes::{canonical_source, Prefix};
pub use replay::{ReplayWindow, Use, ENTRIES, USE_BYTES};
pub use rule::{decide, Admission, Call, Outcome, Proof, Verdict};
pub use stored::stored_changes;
pub use tables::{Ban, BatchError, Change, Domain, Gateway, Reason, Secret, Snapshot, Tables};
