//! `lines_with`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use trunkline_edge::journal_lines;

#[pyfunction]
pub fn lines_with<'py>(py: Python<'py>, lines: &[u8], needle: &[u8]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, journal_lines::lines_with(lines, needle).map(|line| PyBytes::new(py, line)).collect::<Vec<_>>())
}
