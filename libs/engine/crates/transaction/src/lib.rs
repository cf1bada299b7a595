//! Transactions and the call-stateful, record-routing proxy core, without I/O.
//!
//! RFC 3261 §16 (proxy), §17 (transactions), §9 (CANCEL), RFC 6026 (2xx to INVITE), RFC 4320 (non-INVITE), RFC 3581 (rport),
//! RFC 5393 (loops). No socket, no clock, no randomness: [`Proxy`] takes parsed messages and [`Now`] and answers with [`Action`]s.
//! Left out: the access rule, the choice of a route, refusal texts (the caller has the registry), stateless answers, connections.
//!
//! The way of a call: [`Proxy::on_message`] says [`Disposition::NewInvite`]; the caller asks its access rule and calls
//! [`Proxy::admit`], then [`Proxy::route`] or [`Proxy::reject`], at once or later. Everything else of the call happens inside.
#![forbid(unsafe_code)]

mod action;
mod base64;
mod branch;
mod config;
mod details;
mod entropy;
mod forward;
mod hiding;
mod invite_client;
mod invite_server;
mod later_privacy;
mod machine;
mod plan;
mod prepared;
mod proxy;
mod renumber;
mod request_client;
mod request_server;
mod route;
mod saved;
mod sealing;
mod slab;
mod tables;
mod timer;
mod token;
mod token_parts;
mod transport;

pub use action::{
    Action, Disposition, EndedBy, Fact, FactKind, FailedBy, FailureCause, Flow, GatewayPlace, Kept, Now, SeenBy, Sighting, Sign,
};
pub use branch::WORKER_LETTERS;
pub use config::{Config, Limits, Place, MAX_WORKERS};
pub use plan::{
    Admission, CallHandle, CallId, Failures, Increments, LiveCall, LiveState, Refusal, RoutePlan, StaleCall, Step, Target, MAX_TARGETS,
};
pub use prepared::Prepared;
pub use proxy::{AdmitError, Gone, NotRestored, Ping, Proxy, Quoted, RecheckHandle, SavedCall};
pub use route::{reply_flow, reply_flow_by};
pub use sealing::{TokenKey, MAX_TOKEN_LENGTH};
pub use tables::{machines, timers, Machine, Row, TimerRow};
pub use transport::{Listener, Transport};
