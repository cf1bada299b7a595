//! The proxy: one object that knows every transaction and call of a worker.

use std::net::SocketAddr;

use trunkline_message::Message;

use crate::action::{Action, Disposition, Flow, Now};
use crate::config::Config;
use crate::plan::{Admission, CallHandle, LiveCall, Refusal, RoutePlan, StaleCall};
use crate::token::TokenKey;

/// Why `admit` made no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmitError {
    /// A bound of `Limits` is reached: answer statelessly with 503 T902.
    Overloaded,
    /// No token key is current, so no Record-Route can be sealed: answer statelessly with 503 T906.
    NoTokenKey,
}

/// A re-INVITE that waits for the access rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecheckHandle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// Transactions and calls of one worker.
pub struct Proxy {
    _config: Config,
}

impl Proxy {
    /// `seed` is entropy from the caller, new for each process: branches, tags and token nonces derive from it.
    /// At least one listener; all calls are bounded by `config.limits`.
    pub fn new(config: Config, _seed: [u8; 32]) -> Self {
        Self { _config: config }
    }

    /// Replaces the ring of token keys. Without a current key `admit` refuses.
    pub fn set_token_keys(&mut self, _keys: &[TokenKey]) {
        todo!()
    }

    /// One parsed datagram, request or response. `out` is appended to; on `Refuse`, `OutOfDialog` and `NewInvite` nothing was kept.
    pub fn on_message(&mut self, _now: Now, _flow: Flow, _message: &Message<'_>, _out: &mut Vec<Action>) -> Disposition {
        todo!()
    }

    /// The INVITE that `on_message` called `NewInvite` was admitted: makes its server transaction and sends 100.
    /// The same flow and message as given to `on_message`.
    pub fn admit(
        &mut self,
        _now: Now,
        _flow: Flow,
        _message: &Message<'_>,
        _admission: Admission,
        _out: &mut Vec<Action>,
    ) -> Result<CallHandle, AdmitError> {
        todo!()
    }

    /// The decision is a route: tries its first gateway.
    pub fn route(&mut self, _now: Now, _call: CallHandle, _plan: RoutePlan, _out: &mut Vec<Action>) -> Result<(), StaleCall> {
        todo!()
    }

    /// The decision is a refusal: emits `Refused` and answers with the status; retransmissions and the ACK are the transaction's.
    pub fn reject(&mut self, _now: Now, _call: CallHandle, _refusal: Refusal, _out: &mut Vec<Action>) -> Result<(), StaleCall> {
        todo!()
    }

    /// The access rule admitted the re-INVITE of `Disposition::Recheck`: it is forwarded, and the dialog's flow follows it.
    pub fn resume(&mut self, _now: Now, _handle: RecheckHandle, _out: &mut Vec<Action>) -> Result<(), StaleCall> {
        todo!()
    }

    /// The access rule did not: the re-INVITE is answered with the refusal (or with a challenge, its line in `extra_headers`); the call goes on.
    pub fn refuse(&mut self, _now: Now, _handle: RecheckHandle, _refusal: Refusal, _out: &mut Vec<Action>) -> Result<(), StaleCall> {
        todo!()
    }

    /// Runs every timer that is due at `now`.
    pub fn on_timer(&mut self, _now: Now, _out: &mut Vec<Action>) {
        todo!()
    }

    /// Monotonic milliseconds at which `on_timer` wants to run next. It may come early and find nothing to do.
    pub fn next_deadline(&self) -> Option<u64> {
        todo!()
    }

    /// The network says that `peer` cannot be reached (ICMP, RFC 3261 §18.4).
    pub fn on_unreachable(&mut self, _now: Now, _peer: SocketAddr, _out: &mut Vec<Action>) {
        todo!()
    }

    /// Calls from their INVITE to their end.
    pub fn live_calls(&self) -> impl Iterator<Item = LiveCall<'_>> {
        std::iter::empty()
    }

    /// Number of live calls.
    pub fn call_count(&self) -> usize {
        0
    }

    /// Number of server and client transactions kept.
    pub fn transaction_count(&self) -> usize {
        0
    }
}
