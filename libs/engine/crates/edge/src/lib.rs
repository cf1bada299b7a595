//! The I/O around the pure crates: sockets, the worker, the journal, and the engine's handle.
//!
//! The way through: [`Engine::bind`] gives a handle and a [`Worker`]; tables are applied to [`Engine::tables`]; a thread calls
//! [`Worker::run`] with a [`Policy`]; what happened to calls comes out of [`Engine::drain`].
#![deny(unsafe_code)]

mod acceptors;
mod asked;
mod attempt;
mod captures;
mod challenges;
mod clock;
mod completion;
mod config;
mod connection;
mod counts;
mod decisions;
mod engine;
pub mod fact_lines;
mod followed;
pub mod framing;
mod hanging_up;
mod held;
mod ids;
pub mod journal;
pub mod journal_lines;
mod limits;
mod listing;
mod mapped;
mod outbox;
mod policy;
mod reading;
mod reasons;
mod receiving;
mod refusing;
mod requests;
mod saving;
mod shares;
mod shedding;
mod shut_out;
mod sightings;
mod sockets;
pub mod sources;
mod stateless;
mod status;
mod steering;
mod strays;
mod streams;
mod team;
mod teamwork;
mod tls;
mod turned_away;
pub mod udp;
mod untold;
mod watchdog;
mod worker;

pub use captures::{Captured, Sampling, Whose};
pub use completion::{Answer, AskedOwner, Completion};
pub use config::EngineConfig;
pub use engine::Engine;
pub use hanging_up::{HangUp, Which};
pub use journal::Chunk;
pub use limits::StreamLimits;
pub use listing::{LiveCallRow, LiveCalls};
pub use policy::{Decision, Invite, Outcome, Policy};
pub use sightings::{PingOrder, Run};
pub use tls::{CarrierTls, Certificate};
pub use worker::Worker;
