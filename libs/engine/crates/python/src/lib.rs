//! The binding: `trunkline.engine._engine`, and nothing else. What it does stands in the pure crates and in `trunkline-edge`.

mod access;
mod batch;
mod decision;
mod digest;
mod engine;
mod invite;
mod journal_lines;

use pyo3::prelude::*;
use tikv_jemallocator::Jemalloc;

/// What is freed last is given out first, and is still in the processor's cache: most of what a message takes lives as long as the message,
/// beside calls that are kept for 32 s (docs/adr/0002-dependencies.md). Python's own memory is not touched.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[pymodule(gil_used = false)]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<access::AccessTables>()?;
    module.add_class::<access::AccessTrace>()?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<engine::JournalChunk>()?;
    module.add_class::<engine::LiveCall>()?;
    module.add_class::<invite::Invite>()?;
    module.add_function(wrap_pyfunction!(digest::ha1, module)?)?;
    module.add_function(wrap_pyfunction!(digest::digest_response, module)?)?;
    module.add_function(wrap_pyfunction!(journal_lines::lines_with, module)?)?;
    Ok(())
}
