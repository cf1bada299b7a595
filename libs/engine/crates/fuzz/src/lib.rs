//! What is done with one fuzzed input, and what must hold whatever it is. Each target is a function of bytes that panics where
//! something does not hold.
//!
//! `libs/engine/fuzz` runs them under libFuzzer, guided by coverage (`make fuzz`); `tests/replay.rs` runs the corpus and some random
//! changes of it in every `cargo test`. `corpus/<target>` is committed: seeds, what fuzzing found new coverage with, and what once failed.
#![forbid(unsafe_code)]

mod core;
mod framing;
mod parser;
mod token;

#[allow(clippy::unwrap_used)]
#[path = "../../transaction/tests/support/mod.rs"]
pub(crate) mod support;

/// What is run with one input.
pub type Target = fn(&[u8]);

/// Every target by the name of its folder in `corpus`.
pub const TARGETS: [(&str, Target); 4] = [("core", core::run), ("framing", framing::run), ("parser", parser::run), ("token", token::run)];

/// The target of this name.
///
/// # Panics
/// Where there is none: a mistake of the caller's.
#[must_use]
pub fn target(name: &str) -> Target {
    TARGETS.iter().find(|(known, _)| *known == name).map_or_else(|| panic!("no target {name}"), |(_, run)| *run)
}
