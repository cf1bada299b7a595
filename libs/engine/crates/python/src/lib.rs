//! The binding: `trunkline.engine._engine`, and nothing else. What it does stands in the pure crates and in `trunkline-edge`.

mod access;
mod batch;
mod decision;
mod digest;
mod engine;
mod invite;

use mimalloc::MiMalloc;
use pyo3::prelude::*;

/// The C library's allocator takes memory for a second thread page by page, with a system call for each. Python's own memory is not touched.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    Ok(())
}
