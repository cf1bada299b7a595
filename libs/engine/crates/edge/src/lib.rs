//! Sockets, workers and the journal: the I/O around the pure crates.

pub mod fact_lines;
pub mod journal;
pub mod udp;
