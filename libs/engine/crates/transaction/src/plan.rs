//! What is said to the core about one call: who was admitted, where it goes, why it is refused.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::prepared::Prepared;
use crate::transport::Transport;

/// A call attempt, for facts; 128 bits, given by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u128);

impl CallId {
    /// The worker that has it: its last byte. Of more workers than there are, as an edge with fewer sees it, one that is there.
    pub fn worker(self, of: u8) -> u8 {
        (self.0 & 0xff) as u8 % of.max(1)
    }
}

/// A call that `admit` made. Stale handles are told apart by their generation and answered with `StaleCall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallHandle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// The call of this handle is over: the caller hung up, or the decision came too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleCall;

/// Who was admitted, for live calls, the token and identity in the dialog.
#[derive(Clone, Debug)]
pub struct Admission {
    pub call: CallId,
    pub tenant: String,
    /// Its label, as listed: what `Disposition::Recheck` asks the access rule for.
    pub domain: String,
    /// The called number, as listed.
    pub number: String,
    /// The account or the caller's number, as listed.
    pub caller: String,
}

/// One gateway to try, and what it is shown of a caller. Texts must be free of control characters: whoever makes it checks them.
#[derive(Clone, Debug)]
pub struct Target {
    pub gateway: String,
    pub carrier: String,
    pub address: SocketAddr,
    pub transport: Transport,
    /// Over TCP it takes what is too large for UDP.
    pub is_tcp_allowed: bool,
    pub is_trusted: bool,
    /// Replaces From but for its tag; empty: From is kept.
    pub from_name_addr: String,
    /// Values of P-Asserted-Identity in order.
    pub asserted: Vec<String>,
    /// Value of Privacy; empty: none is sent.
    pub privacy: String,
    pub has_asserted_on_ack: bool,
    /// 100 and then nothing for this time: the next gateway.
    pub pdd_limit_s: u32,
    pub rate_micros: u64,
    pub currency: String,
    pub increments: Increments,
    /// Via, Record-Route and Contact of one side are not seen by the other (RFC 3323 §4.2 header, requirements 1.5).
    pub hides_topology: bool,
    /// P-Asserted-Identity of a trusted carrier reaches the caller, unless it is private.
    pub shows_callee: bool,
    /// REFER of the customer is passed to it.
    pub takes_refer: bool,
}

/// What a call is billed in, as of its time; for the record only. Zeros: by the second, and nothing for the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Increments {
    /// Billed at least.
    pub initial_s: u32,
    /// The steps after that.
    pub next_s: u32,
    pub connection_fee_micros: u64,
}

/// One step of the walk over the gateways of a call.
#[derive(Clone, Debug)]
pub struct Step {
    /// Shared by the calls that are shown alike.
    pub target: Arc<Prepared>,
    /// The listener that sends to it: of the gateway's transport and address family.
    pub listener: u16,
    /// The listener for what is too large for UDP; `None` where the gateway takes nothing else.
    pub large_listener: Option<u16>,
    /// User part of the Request-URI, already escaped; empty: the Request-URI's own is kept.
    pub request_user: String,
}

/// Gateways in the order in which they are tried, at most `MAX_TARGETS`; more are left out.
#[derive(Clone, Debug, Default)]
pub struct RoutePlan {
    pub steps: Vec<Step>,
    pub failures: Arc<Failures>,
    /// The call is ended after this time from its answer; 0: `Config::max_duration_s`. Never longer than the token's life.
    pub max_duration_s: u32,
}

/// What is said when a walk comes to nothing; the same for every call.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    /// T402.
    pub all_failed: Refusal,
    /// The last failure was a time-out of a carrier that kept us waiting: T405.
    pub timed_out: Refusal,
    /// There is no gateway at all: T403.
    pub no_target: Refusal,
}

/// More gateways than this are never tried for one call: 8 silent ones alone are past every caller's patience.
pub const MAX_TARGETS: usize = 8;

/// A row of the registry of refusals, rendered by the core as `403 Source Not In ACL T203` and as a Reason header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// Without the code.
    pub text: String,
    /// "T203".
    pub code: String,
    pub q850: u16,
    /// For the owner's record, never on the wire.
    pub facts: String,
    /// Whole header lines with CRLF that the response carries too (Retry-After), or empty.
    pub extra_headers: String,
}

/// State of a live call as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    Trying,
    Ringing,
    Answered,
}

impl LiveState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
        }
    }
}

/// One row of the listing of live calls.
#[derive(Clone, Copy, Debug)]
pub struct LiveCall<'a> {
    pub call: CallId,
    pub tenant: &'a str,
    pub domain: &'a str,
    pub number: &'a str,
    pub caller: &'a str,
    pub state: LiveState,
    /// Nanoseconds since 1970 UTC.
    pub start_ns: u64,
    /// Empty before a gateway was tried.
    pub gateway: &'a str,
    pub carrier: &'a str,
}
