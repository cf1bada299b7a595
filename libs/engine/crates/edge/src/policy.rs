//! The one question that is asked outside: what becomes of an admitted INVITE.

use std::sync::Arc;

use trunkline_message::OwnedMessage;
use trunkline_transaction::{CallId, Prepared};

/// An admitted INVITE.
#[derive(Clone, Copy, Debug)]
pub struct Invite<'a> {
    pub call: CallId,
    /// Position of the log that the tables covered when it was admitted.
    pub position: u64,
    pub tenant: &'a str,
    /// Label of the domain.
    pub domain: &'a str,
    /// As dialled.
    pub host: &'a str,
    /// User part of the Request-URI, unescaped.
    pub number: &'a str,
    pub source: &'a str,
    pub transport: &'a str,
    pub acl: &'a str,
    pub account: &'a str,
    pub address: &'a str,
    pub account_caller_id: &'a str,
    pub address_caller_id: &'a str,
    pub message: &'a Arc<OwnedMessage>,
}

/// What becomes of it, with what the record says of the decision.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    pub outcome: Outcome,
    pub caller_id: String,
    pub presented: String,
    pub is_private: bool,
    pub privacy: String,
    pub prefix: String,
    pub notes: Vec<String>,
    /// Longest time from the answer, seconds; 0: the platform's.
    pub max_duration_s: u32,
    /// Digits: the same route holds for every number that begins with them, but for the number, from whoever calls as this caller does, until
    /// something changes. Empty: for this call alone.
    pub holds_for: String,
    /// Of those only who says the same in From.
    pub is_by_from: bool,
    /// No gateway of the route is thought usable: where all fail, that is the reason (T403), and not that they failed (T402).
    pub is_last_resort: bool,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    /// Gateways in order, each with the user part of the Request-URI that it is sent, which is already escaped; empty: the caller's own.
    Route(Vec<(Arc<Prepared>, String)>),
    /// A code of the registry, and what only the owner is told.
    Reject { code: String, facts: String },
    /// The policy itself failed: counted, and answered with T901.
    Failed(String),
}

impl Default for Outcome {
    fn default() -> Self {
        Self::Failed("no decision".to_owned())
    }
}

/// Decides on the worker's own thread; it does no I/O and its loops are bounded, since every other message of the worker waits for it.
pub trait Policy {
    fn decide(&mut self, invite: &Invite<'_>) -> Decision;

    /// Sees to it that somebody answers about this INVITE, which no table has admitted, by [`crate::Engine::complete`] with its `call` as the
    /// id. `false`: there is nobody to ask.
    fn ask(&mut self, _invite: &Invite<'_>) -> bool {
        false
    }
}
