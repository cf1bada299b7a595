//! `Engine` and what comes out of it: `JournalChunk`, `LiveCall`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use trunkline_access::{Tables, USE_BYTES};
use trunkline_edge::sources::Rate;
use trunkline_edge::{CarrierTls, Certificate, Completion, EngineConfig, HangUp, PingOrder, Sampling, StreamLimits, Which, Worker};
use trunkline_transaction::{Listener, Transport};

use crate::access::AccessTables;
use crate::batch::Batch;
use crate::decision::{DecisionClasses, UDP_AND_TCP};
use crate::invite::PythonPolicy;

/// What one message of another edge may hold: what one edge keeps at most.
const MAX_USES_BYTES: usize = 1 << 20;

#[pyclass(frozen, get_all, module = "trunkline.engine._engine")]
pub struct JournalChunk {
    segment: String,
    offset: u64,
    lines: Py<PyBytes>,
}

#[pyclass(frozen, get_all, module = "trunkline.engine._engine")]
pub struct LiveCall {
    call: String,
    tenant: String,
    domain: String,
    number: String,
    caller: String,
    state: &'static str,
    start_ns: u64,
    gateway: String,
}

enum Life {
    Bound(Vec<Worker>),
    Running(Vec<JoinHandle<()>>),
    Stopped,
}

#[pyclass(frozen, module = "trunkline.engine._engine")]
pub struct Engine {
    engine: trunkline_edge::Engine,
    life: Mutex<Life>,
    classes: DecisionClasses,
}

impl Engine {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For an engine that was never started: a started one is kept by `atexit` until it is stopped.
impl Drop for Engine {
    fn drop(&mut self) {
        self.engine.stop();
    }
}

/// A captured message as Python is given it.
type Row = (String, u64, bool, u32, String, String, &'static str, Py<PyBytes>, usize, String, bool);

/// One gateway's doing, as Python sees it, and the place that it was asked at.
type SightingRow = (String, bool, &'static str, u16, u32, u32, (String, u16, &'static str));

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, edge, pop, realm, listen, journal_dir, other_pops = Vec::new(), user_agent = "trunkline".to_owned(), timer_t1_ms = 500, silent_gateway_ms = 3000, all_silent_ms = 8000, decision_limit_ms = 2000, ask_limit_ms = 4000, journal_segment_bytes = trunkline_edge::journal::SEGMENT_BYTES, stranger_rate = (400, 800), known_rate = (50_000, 50_000), workers = 1, connections = 10_000, connections_from_one_source = 256, stream_message_ms = 10_000, stream_unacknowledged_ms = 10_000, stream_idle_ms = 3_600_000, capture_one_in = 0, capture_domains = Vec::new(), keeps_calls = false, tables = None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        edge: String,
        pop: String,
        realm: String,
        listen: Vec<Bound<'_, PyTuple>>,
        journal_dir: PathBuf,
        other_pops: Vec<String>,
        user_agent: String,
        timer_t1_ms: u64,
        silent_gateway_ms: u64,
        all_silent_ms: u64,
        decision_limit_ms: u64,
        ask_limit_ms: u64,
        journal_segment_bytes: u64,
        stranger_rate: (u32, u32),
        known_rate: (u32, u32),
        workers: u8,
        connections: usize,
        connections_from_one_source: usize,
        stream_message_ms: u64,
        stream_unacknowledged_ms: u64,
        stream_idle_ms: u64,
        capture_one_in: u32,
        capture_domains: Vec<String>,
        keeps_calls: bool,
        tables: Option<&Bound<'_, AccessTables>>,
    ) -> PyResult<Self> {
        check_name("edge", &edge)?;
        check_name("pop", &pop)?;
        check_name("realm", &realm)?;
        other_pops.iter().try_for_each(|name| check_name("other_pops", name))?;
        if !trunkline_message::text::is_header_text(user_agent.as_bytes()) {
            return Err(PyValueError::new_err(format!("user_agent: {user_agent:?} cannot stand in a header")));
        }
        if !(1..=trunkline_transaction::MAX_WORKERS).contains(&workers) {
            return Err(PyValueError::new_err(format!("workers: {workers} are not 1 to {}", trunkline_transaction::MAX_WORKERS)));
        }
        if listen.is_empty() {
            return Err(PyValueError::new_err("listen: at least one (address, port) is needed"));
        }
        for (name, value) in [
            ("timer_t1_ms", timer_t1_ms),
            ("silent_gateway_ms", silent_gateway_ms),
            ("all_silent_ms", all_silent_ms),
            ("decision_limit_ms", decision_limit_ms),
            ("ask_limit_ms", ask_limit_ms),
            ("journal_segment_bytes", journal_segment_bytes),
            ("connections", connections as u64),
            ("connections_from_one_source", connections_from_one_source as u64),
            ("stream_message_ms", stream_message_ms),
            ("stream_unacknowledged_ms", stream_unacknowledged_ms),
            ("stream_idle_ms", stream_idle_ms),
        ] {
            if value == 0 {
                return Err(PyValueError::new_err(format!("{name}: 0 is not enough")));
            }
        }
        let config = EngineConfig {
            edge,
            pop,
            realm,
            other_pops,
            user_agent,
            listen: listen.iter().map(parse_listen).collect::<PyResult<_>>()?,
            workers,
            streams: StreamLimits {
                connections,
                from_one_source: connections_from_one_source,
                message_ms: stream_message_ms,
                unacknowledged_ms: stream_unacknowledged_ms,
                idle_ms: stream_idle_ms,
                ..StreamLimits::default()
            },
            journal_dir,
            journal_segment_bytes,
            stranger_rate: rate("stranger_rate", stranger_rate)?,
            known_rate: rate("known_rate", known_rate)?,
            t1_ms: timer_t1_ms,
            silent_gateway_ms,
            all_silent_ms,
            decision_limit: Duration::from_millis(decision_limit_ms),
            sampling: Sampling { one_in: capture_one_in, domains: capture_domains },
            keeps_calls,
            ask_limit_ms,
        };
        let tables = tables.map_or_else(|| Arc::new(Tables::new()), |tables| tables.get().shared());
        let (engine, workers) = py.detach(|| trunkline_edge::Engine::bind_upon(config, tables))?;
        Ok(Engine { engine, life: Mutex::new(Life::Bound(workers)), classes: DecisionClasses::import(py)? })
    }

    fn apply(&self, py: Python<'_>, batch: &Bound<'_, PyAny>, position: u64) -> PyResult<()> {
        let mut batch = Batch::extract(batch)?;
        let entries = batch.take_entries();
        py.detach(|| self.engine.tables().apply(batch.changes, position)).map_err(|error| Batch::error(&entries, &error))?;
        self.engine.forget_decisions();
        if let Some(keys) = batch.token_keys {
            self.engine.set_token_keys(keys);
        }
        Ok(())
    }

    fn forget_decisions(&self) {
        self.engine.forget_decisions();
    }

    #[pyo3(signature = (on_invite, on_question = None))]
    fn start(slf: &Bound<'_, Self>, on_invite: Bound<'_, PyAny>, on_question: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        for (name, callback) in [("on_invite", Some(&on_invite)), ("on_question", on_question.as_ref())] {
            if callback.is_some_and(|callback| !callback.is_callable()) {
                return Err(PyValueError::new_err(format!("{name}: it cannot be called")));
            }
        }
        let py = slf.py();
        let this = slf.get();
        let mut life = this.life();
        let workers = match std::mem::replace(&mut *life, Life::Stopped) {
            Life::Bound(workers) => workers,
            other => {
                *life = other;
                return Err(PyRuntimeError::new_err("the engine was started before; make a new one"));
            }
        };
        let mut threads = Vec::new();
        for (number, worker) in workers.into_iter().enumerate() {
            let on_question = on_question.as_ref().map(|callback| callback.clone().unbind());
            let mut policy = PythonPolicy::new(py, on_invite.clone().unbind(), on_question)?;
            let name = if number == 0 { "sip".to_owned() } else { format!("sip-{number}") };
            // Attached once for the thread's life, so that a decision costs no new thread state (8 µs each).
            let body = move || Python::attach(|py| py.detach(|| worker.run(&mut policy)));
            // Where the system gives no further thread those that were started end.
            threads.push(std::thread::Builder::new().name(name).spawn(body).inspect_err(|_| this.engine.stop())?);
        }
        *life = Life::Running(threads);
        drop(life);
        // A worker that attaches while the interpreter ends would never come back.
        py.import("atexit")?.call_method1("register", (slf.getattr("stop")?,))?;
        Ok(())
    }

    /// Each is `(names, chain, key)`, the last two PEM.
    fn set_certificates(&self, certificates: Vec<(Vec<String>, Vec<u8>, Vec<u8>)>) -> PyResult<()> {
        let certificates: Vec<Certificate> =
            certificates.into_iter().map(|(names, chain_pem, key_pem)| Certificate { names, chain_pem, key_pem }).collect();
        self.engine.set_certificates(&certificates).map_err(PyValueError::new_err)
    }

    #[pyo3(signature = (roots, chain = Vec::new(), key = Vec::new()))]
    fn set_carrier_tls(&self, roots: Vec<u8>, chain: Vec<u8>, key: Vec<u8>) -> PyResult<()> {
        self.engine.set_carrier_tls(&CarrierTls { roots_pem: roots, chain_pem: chain, key_pem: key }).map_err(PyValueError::new_err)
    }

    fn set_draining(&self, is_draining: bool) {
        self.engine.set_draining(is_draining);
    }

    fn set_degraded(&self, is_degraded: bool) {
        self.engine.set_degraded(is_degraded);
    }

    #[pyo3(signature = (call, answer, admission = None))]
    fn complete(&self, py: Python<'_>, call: &str, answer: &Bound<'_, PyAny>, admission: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let id = call_id(call)?;
        let answer = self.classes.answer(py, answer)?;
        let asked = admission.map(|admission| self.classes.admission(py, admission)).transpose()?;
        self.engine.complete(Completion { id, answer, asked });
        Ok(())
    }

    /// What was bound, in the order of `listen`.
    #[getter]
    fn addresses(&self) -> Vec<(String, u16)> {
        self.engine.addresses().iter().map(|address| (address.ip().to_string(), address.port())).collect()
    }

    fn fileno(&self) -> i32 {
        self.engine.event_fd()
    }

    #[pyo3(signature = (max_bytes = 262_144))]
    fn drain(&self, py: Python<'_>, max_bytes: usize) -> PyResult<Vec<JournalChunk>> {
        let chunks = py.detach(|| self.engine.drain(max_bytes))?;
        Ok(chunks
            .into_iter()
            .map(|chunk| JournalChunk { segment: chunk.segment, offset: chunk.offset, lines: PyBytes::new(py, &chunk.lines).unbind() })
            .collect())
    }

    fn rewind(&self) {
        self.engine.rewind();
    }

    fn acknowledge(&self, py: Python<'_>, segment: &str, offset: u64) -> PyResult<()> {
        Ok(py.detach(|| self.engine.acknowledge(segment, offset))?)
    }

    /// Page by page, so that a worker that wants a decision meanwhile is not held up by the making of objects either.
    #[pyo3(signature = (*, tenant = ""))]
    fn live_calls(&self, py: Python<'_>, tenant: &str) -> PyResult<Py<PyList>> {
        let calls = PyList::empty(py);
        let mut pages = self.engine.live_calls(tenant);
        while let Some(rows) = py.detach(|| pages.next()) {
            for row in rows {
                calls.append(LiveCall {
                    call: format!("{:032x}", row.call),
                    tenant: row.tenant,
                    domain: row.domain,
                    number: row.number,
                    caller: row.caller,
                    state: row.state,
                    start_ns: row.start_ns,
                    gateway: row.gateway,
                })?;
            }
        }
        Ok(calls.unbind())
    }

    #[pyo3(signature = (*, reason, facts = "", call = "", tenant = "", carrier = ""))]
    fn hang_up(&self, py: Python<'_>, reason: &str, facts: &str, call: &str, tenant: &str, carrier: &str) -> PyResult<usize> {
        let which = match (call, tenant, carrier) {
            (call, tenant, "") if !call.is_empty() => Which::Call { call: call_id(call)?, tenant: tenant.to_owned() },
            ("", tenant, "") if !tenant.is_empty() => Which::Tenant(tenant.to_owned()),
            ("", "", carrier) if !carrier.is_empty() => Which::Carrier(carrier.to_owned()),
            _ => return Err(PyValueError::new_err("one of call (with or without its tenant), tenant and carrier is wanted")),
        };
        let order = HangUp { which, code: reason.to_owned(), facts: facts.to_owned() };
        Ok(py.detach(|| self.engine.hang_up(order)))
    }

    fn ping(&self, gateway: String, address: &str, port: u16, transport: &str, timeout_ms: u64) -> PyResult<()> {
        let ip: IpAddr = address.parse().map_err(|_| PyValueError::new_err(format!("address: {address:?} is no IP address")))?;
        let transport = match transport {
            UDP_AND_TCP => Transport::Udp,
            word => {
                Transport::parse(word.as_bytes()).ok_or_else(|| PyValueError::new_err(format!("transport: {word:?} is no transport")))?
            }
        };
        if port == 0 || timeout_ms == 0 {
            return Err(PyValueError::new_err(format!("{gateway}: port {port} and timeout_ms {timeout_ms} must be above 0")));
        }
        self.engine.ping(PingOrder { gateway, address: SocketAddr::new(ip, port), transport, timeout_ms });
        Ok(())
    }

    /// `(gateway, is_options, cause, status, retry_after_s, count, (address, port, transport))`.
    fn take_sightings(&self, py: Python<'_>) -> Vec<SightingRow> {
        let seen = py.detach(|| self.engine.take_sightings());
        let rows = seen.into_iter().flat_map(|(gateway, runs)| {
            runs.into_iter().map(move |run| {
                let cause = run.sign.cause.map_or("", trunkline_transaction::FailureCause::as_str);
                let place = (run.address.ip().to_string(), run.address.port(), run.transport.as_str());
                (gateway.clone(), run.is_options, cause, run.sign.status, run.sign.retry_after_s, run.count, place)
            })
        });
        rows.collect()
    }

    fn sightings_fileno(&self) -> i32 {
        self.engine.sightings_fd()
    }

    /// `((call, time_ns, is_received, number, ours, peer, transport, bytes, cut, tenant, is_sampled)…, dropped)`.
    fn take_captured(&self, py: Python<'_>, most_failed: usize, most_sampled: usize) -> (Vec<Row>, u64) {
        let (messages, dropped) = py.detach(|| self.engine.take_captured(most_failed, most_sampled));
        let rows = messages.into_iter().map(|each| {
            let call = format!("{:032x}", each.whose.call.0);
            let bytes = PyBytes::new(py, &each.bytes).unbind();
            let (ours, peer) = (each.ours.to_string(), each.peer.to_string());
            let (tenant, is_sampled) = (each.whose.tenant.to_string(), each.whose.is_sampled);
            (call, each.time_ns, each.is_received, each.number, ours, peer, each.transport.as_str(), bytes, each.cut, tenant, is_sampled)
        });
        (rows.collect(), dropped)
    }

    fn take_saved_calls(&self, py: Python<'_>) -> Vec<(String, Option<Py<PyBytes>>)> {
        let calls = py.detach(|| self.engine.take_saved_calls());
        calls.into_iter().map(|(call, bytes)| (format!("{call:032x}"), bytes.map(|bytes| PyBytes::new(py, &bytes).unbind()))).collect()
    }

    fn restore_calls(&self, calls: Vec<(String, Vec<u8>)>) -> PyResult<()> {
        let calls: Vec<(u128, Vec<u8>)> = calls.into_iter().map(|(call, bytes)| Ok((call_id(&call)?, bytes))).collect::<PyResult<_>>()?;
        self.engine.restore_calls(calls.into_iter());
        Ok(())
    }

    fn forget_calls(&self, calls: Vec<String>) -> PyResult<()> {
        let calls: Vec<u128> = calls.iter().map(|call| call_id(call)).collect::<PyResult<_>>()?;
        self.engine.forget_calls(calls.into_iter());
        Ok(())
    }

    fn ended_calls(&self, py: Python<'_>, calls: Vec<String>) -> PyResult<Vec<String>> {
        let calls: Vec<u128> = calls.iter().map(|call| call_id(call)).collect::<PyResult<_>>()?;
        let ended = py.detach(|| self.engine.ended_calls(&calls));
        Ok(ended.into_iter().map(|call| format!("{call:032x}")).collect())
    }

    fn nonces_fileno(&self) -> i32 {
        self.engine.nonces_fd()
    }

    fn take_used_nonces(&self, py: Python<'_>) -> Py<PyBytes> {
        PyBytes::new(py, &self.engine.take_used_nonces()).unbind()
    }

    fn mark_used_nonces(&self, uses: Vec<u8>) -> PyResult<()> {
        if !uses.len().is_multiple_of(USE_BYTES) || uses.len() > MAX_USES_BYTES {
            let count = uses.len();
            return Err(PyValueError::new_err(format!("{count} bytes are no used nonces: {USE_BYTES} each, {MAX_USES_BYTES} at most")));
        }
        self.engine.mark_used_nonces(&uses);
        Ok(())
    }

    fn status(&self) -> HashMap<&'static str, u64> {
        self.engine.status().into_iter().collect()
    }

    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let life = std::mem::replace(&mut *this.life(), Life::Stopped);
        this.engine.stop();
        if let Life::Running(threads) = life {
            py.import("atexit")?.call_method1("unregister", (slf.getattr("stop")?,))?;
            for thread in threads {
                // From within `on_invite` it ends by itself when the decision is out.
                if thread.thread().id() != std::thread::current().id() && py.detach(|| thread.join()).is_err() {
                    return Err(PyRuntimeError::new_err("a worker of the engine ended by a panic; what it said stands on stderr"));
                }
            }
        }
        Ok(())
    }
}

/// 32 hexadecimal digits.
fn call_id(call: &str) -> PyResult<u128> {
    u128::from_str_radix(call, 16).map_err(|_| PyValueError::new_err(format!("call: {call:?} is no call's id")))
}

/// (a second, at once), both above 0.
fn rate(name: &str, (per_s, burst): (u32, u32)) -> PyResult<Rate> {
    if per_s == 0 || burst == 0 {
        return Err(PyValueError::new_err(format!("{name}: ({per_s}, {burst}) lets nothing in: both must be at least 1")));
    }
    Ok(Rate { per_s, burst })
}

fn check_name(field: &str, value: &str) -> PyResult<()> {
    let is_name = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if !is_name {
        return Err(PyValueError::new_err(format!("{field}: {value:?} is no name: letters, digits, \"-\", \".\" and \"_\" only")));
    }
    Ok(())
}

/// `(address, port)` of UDP, or `(address, port, transport)`.
fn parse_listen(listen: &Bound<'_, PyTuple>) -> PyResult<Listener> {
    let (address, port, word): (String, u16, String) = match listen.extract::<(String, u16)>() {
        Ok((address, port)) => (address, port, Transport::Udp.as_str().to_owned()),
        Err(_) => listen.extract().map_err(|error| PyValueError::new_err(format!("listen: {listen}: {error}")))?,
    };
    let ip: IpAddr = address.parse().map_err(|_| PyValueError::new_err(format!("listen: {address:?} is no IP address")))?;
    let transport =
        Transport::parse(word.as_bytes()).ok_or_else(|| PyValueError::new_err(format!("listen: {word:?} is none of udp, tcp, tls")))?;
    Ok(Listener { transport, address: SocketAddr::new(ip, port) })
}
