//! `AccessTables` and `AccessTrace`: the access rule without an engine around it.

use std::net::IpAddr;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use trunkline_access::{current_key, decide, issue, stored_changes, Call, Entropy, Outcome, Proof, Tables, Verdict};

use crate::batch::Batch;

#[pyclass(frozen, get_all, module = "trunkline.engine._engine")]
pub struct AccessTrace {
    outcome: &'static str,
    reason: &'static str,
    tenant: String,
    domain: String,
    acl: String,
    account: String,
    address: String,
    account_caller_id: String,
    address_caller_id: String,
    is_stale: bool,
    facts: String,
    steps: Vec<String>,
    /// How the domain challenges; empty, 0 and false where no domain was found.
    algorithms: Vec<&'static str>,
    challenge_status: u16,
    is_qop_optional: bool,
    /// Empty without digest.
    digest_algorithm: &'static str,
}

impl AccessTrace {
    fn new(verdict: Verdict, steps: Vec<String>) -> Self {
        let domain = verdict.domain.as_deref();
        let (tenant, label) = domain.map(|domain| (domain.tenant.clone(), domain.label.clone())).unwrap_or_default();
        let mut trace = AccessTrace {
            outcome: "challenge",
            reason: "",
            tenant,
            domain: label,
            acl: String::new(),
            account: String::new(),
            address: String::new(),
            account_caller_id: String::new(),
            address_caller_id: String::new(),
            is_stale: false,
            facts: String::new(),
            steps,
            algorithms: domain.map(|domain| domain.algorithms.iter().map(|algorithm| algorithm.as_str()).collect()).unwrap_or_default(),
            challenge_status: domain.map_or(0, |domain| domain.challenge_status),
            is_qop_optional: domain.is_some_and(|domain| domain.is_qop_optional),
            digest_algorithm: "",
        };
        match verdict.outcome {
            Outcome::Admit(admission) => {
                trace.outcome = "admit";
                trace.acl = admission.acl;
                trace.account = admission.account;
                trace.address = admission.address;
                trace.account_caller_id = admission.account_caller_id;
                trace.address_caller_id = admission.address_caller_id;
                trace.digest_algorithm = admission.algorithm.map_or("", |algorithm| algorithm.as_str());
            }
            Outcome::Challenge { is_stale } => trace.is_stale = is_stale,
            Outcome::Refuse { code, facts } => {
                trace.outcome = "refuse";
                trace.reason = code;
                trace.facts = facts;
            }
        }
        trace
    }
}

#[pymethods]
impl AccessTrace {
    fn __repr__(&self) -> String {
        format!("AccessTrace({} {}, steps={:?})", self.outcome, self.reason, self.steps)
    }
}

#[pyclass(frozen, module = "trunkline.engine._engine")]
pub struct AccessTables {
    realm: String,
    tables: Arc<Tables>,
}

impl AccessTables {
    /// For an engine that is made upon them.
    pub fn shared(&self) -> Arc<Tables> {
        Arc::clone(&self.tables)
    }
}

#[pymethods]
impl AccessTables {
    #[new]
    #[pyo3(signature = (*, realm))]
    fn new(realm: String) -> Self {
        AccessTables { realm, tables: Arc::new(Tables::new()) }
    }

    fn apply(&self, py: Python<'_>, batch: &Bound<'_, PyAny>, position: u64) -> PyResult<()> {
        let mut batch = Batch::extract(batch)?;
        let entries = batch.take_entries();
        py.detach(|| self.tables.apply(batch.changes, position)).map_err(|error| Batch::error(&entries, &error))
    }

    #[pyo3(signature = (*, host, source))]
    fn lists(&self, host: &str, source: &str) -> PyResult<bool> {
        let source = parse_source(source)?;
        let tables = self.tables.load();
        Ok(tables.domain(host).is_some_and(|domain| tables.is_listed_by(domain, source)))
    }

    fn fill(&self, py: Python<'_>, batch: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut batch = Batch::extract(batch)?;
        let entries = batch.take_entries();
        py.detach(|| self.tables.fill(batch.changes)).map_err(|error| Batch::error(&entries, &error))
    }

    fn fill_stored(&self, py: Python<'_>, pack: &[u8]) -> PyResult<()> {
        py.detach(|| self.tables.fill(stored_changes(pack)?).map_err(|error| error.what)).map_err(PyValueError::new_err)
    }

    #[getter]
    fn position(&self) -> u64 {
        self.tables.load().position()
    }

    #[pyo3(signature = (*, host, source, method = "INVITE", number = "", sip_call_id = "", credentials = Vec::new(), now_s))]
    #[allow(clippy::too_many_arguments)]
    fn check(
        &self,
        host: &str,
        source: &str,
        method: &str,
        number: &str,
        sip_call_id: &str,
        credentials: Vec<String>,
        now_s: f64,
    ) -> PyResult<AccessTrace> {
        let values: Vec<&[u8]> = credentials.iter().map(|value| value.as_bytes()).collect();
        let proof = Proof::Credentials { realm: &self.realm, values: &values, now_ms: to_ms(now_s)?, replay: None };
        let call = Call {
            host,
            source: parse_source(source)?,
            method: method.as_bytes(),
            number: number.as_bytes(),
            sip_call_id: sip_call_id.as_bytes(),
        };
        let mut steps = Vec::new();
        let verdict = decide(&self.tables.load(), &call, proof, Some(&mut steps));
        Ok(AccessTrace::new(verdict, steps))
    }

    #[pyo3(signature = (*, host, source, username = "", is_password_right = false))]
    fn explain(&self, host: &str, source: &str, username: &str, is_password_right: bool) -> PyResult<AccessTrace> {
        let call = Call { host, source: parse_source(source)?, method: b"INVITE", number: b"", sip_call_id: b"" };
        let mut steps = Vec::new();
        let verdict = decide(&self.tables.load(), &call, Proof::Assumed { username, is_password_right }, Some(&mut steps));
        Ok(AccessTrace::new(verdict, steps))
    }

    /// A nonce of the current key; `entropy` is 8 random bytes. ValueError without a current key.
    #[pyo3(signature = (*, now_s, entropy))]
    fn issue_nonce(&self, now_s: f64, entropy: &[u8]) -> PyResult<String> {
        let entropy: Entropy =
            entropy.try_into().map_err(|_| PyValueError::new_err(format!("entropy: {} bytes instead of 8", entropy.len())))?;
        let now_ms = to_ms(now_s)?;
        let tables = self.tables.load();
        let key = current_key(tables.nonce_keys(), now_ms)
            .ok_or_else(|| PyValueError::new_err("no nonce key is current: apply SetNonceKeys with one that is"))?;
        Ok(issue(key, &self.realm, now_ms, entropy))
    }
}

fn parse_source(source: &str) -> PyResult<IpAddr> {
    source.parse().map_err(|_| PyValueError::new_err(format!("source: {source:?} is no IP address")))
}

fn to_ms(now_s: f64) -> PyResult<u64> {
    if !now_s.is_finite() || now_s < 0.0 {
        return Err(PyValueError::new_err(format!("now_s: {now_s} is no time since 1970")));
    }
    // Saturates far behind any date.
    Ok((now_s * 1000.0) as u64)
}
