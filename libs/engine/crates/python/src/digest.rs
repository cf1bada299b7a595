//! `ha1` and `digest_response`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use trunkline_message::{compute_ha1, compute_response, Algorithm, Ha1, Qop, ResponseInput};

fn parse_algorithm(name: &str) -> PyResult<Algorithm> {
    Algorithm::from_bytes(name.as_bytes())
        .ok_or_else(|| PyValueError::new_err(format!("algorithm: {name:?} is none of MD5, SHA-256, SHA-512-256")))
}

#[pyfunction]
pub fn ha1<'py>(py: Python<'py>, algorithm: &str, username: &str, realm: &str, password: &str) -> PyResult<Bound<'py, PyBytes>> {
    let ha1 = compute_ha1(parse_algorithm(algorithm)?, username.as_bytes(), realm.as_bytes(), password.as_bytes());
    Ok(PyBytes::new(py, ha1.as_bytes()))
}

#[pyfunction]
#[pyo3(signature = (*, algorithm, ha1, nonce, method, uri, qop = "auth", nc = 1, cnonce = ""))]
#[allow(clippy::too_many_arguments)]
pub fn digest_response(
    algorithm: &str,
    ha1: &[u8],
    nonce: &str,
    method: &str,
    uri: &str,
    qop: &str,
    nc: u32,
    cnonce: &str,
) -> PyResult<String> {
    let algorithm = parse_algorithm(algorithm)?;
    let ha1 = Ha1::from_raw(algorithm, ha1).ok_or_else(|| {
        PyValueError::new_err(format!("ha1: {} bytes, but that of {} has {}", ha1.len(), algorithm.as_str(), algorithm.digest_bytes()))
    })?;
    let nc = format!("{nc:08x}");
    let qop = match qop {
        "auth" => Some(Qop { nc: nc.as_bytes(), cnonce: cnonce.as_bytes() }),
        "" => None,
        _ => return Err(PyValueError::new_err(format!("qop: {qop:?} is neither \"auth\" nor empty"))),
    };
    let input = ResponseInput { nonce: nonce.as_bytes(), method: method.as_bytes(), uri: uri.as_bytes(), qop };
    Ok(compute_response(&ha1, &input).as_str().to_owned())
}
