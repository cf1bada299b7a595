//! What goes in and out of the core: time and flows in, datagrams and facts out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use trunkline_message::Method;

use crate::plan::{CallId, Increments};
use crate::prepared::Prepared;
use crate::proxy::RecheckHandle;
use crate::transport::Transport;

/// The time of an input. Both clocks are read by the caller, once a datagram or timer run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic milliseconds; never goes back. Timers run on it.
    pub ms: u64,
    /// Nanoseconds since 1970 UTC. Facts and tokens carry it.
    pub unix_ns: u64,
}

impl Now {
    /// Whole seconds since 1970 UTC.
    pub fn unix_s(&self) -> u64 {
        self.unix_ns / 1_000_000_000
    }
}

/// Where a message came from or goes to: one of our listeners, and the peer's address. Over TCP and TLS it names the connection between the
/// two, of which there is one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Index into `Config::listeners`.
    pub listener: u16,
    pub peer: SocketAddr,
}

/// What the caller has to do, in this order: a fact is written before any later `Send` leaves.
#[derive(Clone, Debug)]
pub enum Action {
    Send {
        flow: Flow,
        bytes: Vec<u8>,
    },
    Fact(Fact),
    /// For whoever decides which gateways are used.
    Saw(Sighting),
    /// For whoever keeps the messages of calls that failed.
    Keep(Box<Kept>),
}

/// A message that a transaction held when its call, or its gateway, failed: the INVITE that came, or one that was sent to a gateway.
#[derive(Clone, Debug)]
pub struct Kept {
    pub call: CallId,
    /// Whose call it is.
    pub tenant: String,
    pub flow: Flow,
    /// Of the gateway it was sent to, from 1; 0: the caller's.
    pub number: u32,
    /// When it came, nanoseconds since 1970 UTC; 0 of one that was sent: `GatewayTried` has the time.
    pub time_ns: u64,
    pub bytes: Vec<u8>,
}

/// What one gateway did for a call, or with an OPTIONS of ours.
#[derive(Clone, Debug)]
pub struct Sighting {
    pub by: SeenBy,
    pub sign: Sign,
}

#[derive(Clone, Debug)]
pub enum SeenBy {
    Call(Arc<Prepared>),
    /// `Ping::place`.
    Options(Arc<GatewayPlace>),
}

/// A gateway, and where it was when something was sent to it: it may be elsewhere by the time that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayPlace {
    pub gateway: String,
    pub address: SocketAddr,
    pub transport: Transport,
}

/// Without a cause it answered: a call by ringing, by an answer, or by a refusal that speaks of the call and not of the gateway (status 0);
/// an OPTIONS by this final status. `retry_after_s` is that of the response, 0 without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    pub cause: Option<FailureCause>,
    pub status: u16,
    pub retry_after_s: u32,
}

impl Sign {
    /// It took a call.
    pub const SERVED: Self = Self { cause: None, status: 0, retry_after_s: 0 };
}

/// One fact of a call, as in `trunkline/api/events/v1/call.proto`. Each happens at most once a call (those of gateways: once a try).
/// `Answered` after `GatewayFailed` of the same number is the late answer of a gateway given up: hung up, and no answer of the call.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub call: CallId,
    /// Nanoseconds since 1970 UTC.
    pub time_ns: u64,
    pub kind: FactKind,
}

/// `Attempted` and `Counted` are the caller's. `number` counts the gateways tried from 1.
#[derive(Clone, Debug, PartialEq)]
pub enum FactKind {
    Refused {
        status: u16,
        reason: String,
        q850: u16,
        facts: String,
    },
    GatewayTried {
        number: u32,
        carrier: String,
        gateway: String,
        address: String,
        rate_micros: u64,
        currency: String,
        increments: Increments,
        from_uri: String,
    },
    GatewayFailed {
        number: u32,
        status: u16,
        cause: FailureCause,
    },
    Progressed {
        number: u32,
        status: u16,
    },
    Answered {
        number: u32,
        status: u16,
    },
    Failed {
        status: u16,
        reason: String,
        q850: u16,
        by: FailedBy,
    },
    /// We are ending it: `reason` is a code of the registry, `facts` are for its owner. Again where both sides refused the BYE.
    HungUp {
        reason: String,
        facts: String,
    },
    Ended {
        by: EndedBy,
        q850: u16,
        answered_ns: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    Silent,
    Icmp,
    /// The connection could not be made, or was closed.
    Connection,
    Status,
    Pdd,
    Cancelled,
}

impl FailureCause {
    /// The word of `GatewayFailed.cause`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Icmp => "icmp",
            Self::Connection => "connection",
            Self::Status => "status",
            Self::Pdd => "pdd",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedBy {
    Carrier,
    Caller,
    Edge,
}

impl FailedBy {
    /// The word of `Failed.by`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Carrier => "carrier",
            Self::Caller => "caller",
            Self::Edge => "edge",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    Caller,
    Callee,
    Edge,
}

impl EndedBy {
    /// The word of `Ended.by`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Edge => "edge",
        }
    }
}

/// What the caller does with the message it handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing: served, or dropped as the RFC says.
    Done,
    /// An INVITE outside any dialog and without a transaction: ask the access rule, then `admit`, or answer statelessly.
    NewInvite,
    /// A re-INVITE from another source than the dialog's, or of a call known by its token alone: ask the access rule for `tenant` and `domain`,
    /// then `resume` or `refuse` it. Both as in `Admission`; empty where the call is known by its token alone and they did not fit in.
    /// `is_same_source`: of a call known by its token alone, from where it was admitted; who would be challenged has answered then.
    Recheck { handle: RecheckHandle, call: CallId, tenant: String, domain: String, is_same_source: bool },
    /// A request of the carrier's side from an address that its call does not name: where that is a gateway of this carrier or, where it is
    /// empty, of one that has a gateway at `gateway` too, it goes on by [`crate::Proxy::on_carrier_message`]; else it is refused with T109.
    OfCarrier { carrier: String, gateway: IpAddr },
    /// A request outside dialogs that is neither INVITE nor ACK nor CANCEL: answer statelessly. CANCEL and ACK that belong to nothing
    /// come so too (481 and silence).
    OutOfDialog(Method),
    /// It is of a call that another worker has: hand it there as it came.
    Elsewhere { worker: u8 },
    /// Answer statelessly with this status and reason code; `unsupported` are the tags of the 420's Unsupported header, else empty.
    Refuse { status: u16, code: &'static str, unsupported: String },
}
