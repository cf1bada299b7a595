//! What `on_invite` answers: named tuples of `trunkline.engine.decision` into the engine's `Decision`.
//!
//! Texts that reach the wire are checked here, once: a value that could end a header field or a URI is refused with ValueError.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use trunkline_edge::{Answer, AskedOwner, Decision, Outcome};
use trunkline_message::text::is_header_text;
use trunkline_message::{Algorithm, NameAddr};
use trunkline_transaction::{Increments, Prepared, Target, Transport, MAX_TARGETS};

/// Values of P-Asserted-Identity: one sip and one tel (RFC 3325 §9.1).
const MAX_ASSERTED: usize = 2;
/// Of one text: well below the line that peers accept.
const MAX_TEXT_BYTES: usize = 1024;

/// Of an E.164 number (§6.1).
const MAX_DIGITS: usize = 15;

/// UDP, and TCP for what is too large for it.
pub const UDP_AND_TCP: &str = "udp+tcp";

/// Fields of the named tuples of `trunkline.engine.decision`, in their order.
const TARGET: [&str; 19] = [
    "gateway",
    "carrier",
    "address",
    "port",
    "transport",
    "is_trusted",
    "from_name_addr",
    "asserted",
    "has_asserted_on_ack",
    "privacy",
    "pdd_limit_s",
    "rate_micros",
    "currency",
    "hides_topology",
    "shows_callee",
    "takes_refer",
    "initial_increment_s",
    "next_increment_s",
    "connection_fee_micros",
];
const ROUTE: [&str; 12] = [
    "targets",
    "caller_id",
    "presented",
    "is_private",
    "privacy",
    "prefix",
    "notes",
    "request_users",
    "max_duration_s",
    "is_last_resort",
    "holds_for",
    "is_by_from",
];
const REJECT: [&str; 5] = ["reason", "facts", "caller_id", "prefix", "notes"];
const CHALLENGE: [&str; 3] = ["status", "algorithms", "is_stale"];
const ADMISSION: [&str; 10] =
    ["tenant", "domain", "acl", "account", "address", "account_caller_id", "address_caller_id", "digest_algorithm", "position", "username"];

/// Targets that were read; about 1 KB each. Beyond it all are forgotten and read again as they come.
const MAX_KNOWN: usize = 16_384;

/// Targets by the identity of the Python object, which is kept, so that no other can have it. Named tuples do not change.
type Known = HashMap<usize, (Py<PyAny>, Arc<Prepared>)>;

/// The classes that may be answered, looked up once, and the targets that were read before.
pub struct DecisionClasses {
    known: Mutex<Known>,
    route: Py<PyType>,
    reject: Py<PyType>,
    target: Py<PyType>,
    challenge: Py<PyType>,
    admission: Py<PyType>,
}

impl DecisionClasses {
    /// TypeError where the fields of a class are others than those read here.
    pub fn import(py: Python<'_>) -> PyResult<Self> {
        let module = py.import("trunkline.engine.decision")?;
        let class = |name: &str, fields: &[&str]| -> PyResult<Py<PyType>> {
            let class = module.getattr(name)?.cast_into::<PyType>()?;
            let known: Vec<String> = class.getattr("_fields")?.extract()?;
            if known != fields {
                return Err(PyTypeError::new_err(format!("{name} has the fields {known:?}, not {fields:?}: build the engine again")));
            }
            Ok(class.unbind())
        };
        Ok(DecisionClasses {
            known: Mutex::default(),
            route: class("Route", &ROUTE)?,
            reject: class("Reject", &REJECT)?,
            target: class("Target", &TARGET)?,
            challenge: class("Challenge", &CHALLENGE)?,
            admission: class("Admission", &ADMISSION)?,
        })
    }

    /// TypeError for anything but a Route or a Reject, ValueError for a field that cannot be used.
    pub fn extract(&self, py: Python<'_>, answer: &Bound<'_, PyAny>) -> PyResult<Decision> {
        if answer.is_instance(self.route.bind(py))? {
            return self.extract_route(py, answer);
        }
        if answer.is_instance(self.reject.bind(py))? {
            return extract_reject(answer);
        }
        Err(PyTypeError::new_err(format!("on_invite answered {}, not a Route or a Reject", answer.get_type().name()?)))
    }

    /// Of `complete`: a decision, or a Challenge. Errors as of `extract`.
    pub fn answer(&self, py: Python<'_>, answer: &Bound<'_, PyAny>) -> PyResult<Answer> {
        if !answer.is_instance(self.challenge.bind(py))? {
            return self.extract(py, answer).map(Answer::Decided);
        }
        let fields = Fields { value: answer.cast::<PyTuple>()?, names: &CHALLENGE, place: Place::Whole("Challenge") };
        let status: u16 = fields.get("status")?;
        if !matches!(status, 401 | 407) {
            return Err(fields.wrong("status", format_args!("{status} is neither 401 nor 407")));
        }
        let names: Vec<String> = fields.get("algorithms")?;
        let algorithms = names.iter().map(|name| algorithm(&fields, "algorithms", name)).collect::<PyResult<Vec<_>>>()?;
        if algorithms.is_empty() {
            return Err(fields.wrong("algorithms", "none: nobody could answer"));
        }
        Ok(Answer::Challenge { status, algorithms, is_stale: fields.get("is_stale")? })
    }

    /// TypeError for anything but an Admission, ValueError for a field that cannot be used.
    pub fn admission(&self, py: Python<'_>, admission: &Bound<'_, PyAny>) -> PyResult<AskedOwner> {
        if !admission.is_instance(self.admission.bind(py))? {
            return Err(PyTypeError::new_err(format!("admission is {}, not an Admission", admission.get_type().name()?)));
        }
        let fields = Fields { value: admission.cast::<PyTuple>()?, names: &ADMISSION, place: Place::Whole("Admission") };
        let name = fields.any_text("digest_algorithm")?;
        Ok(AskedOwner {
            tenant: fields.wire_text("tenant")?,
            domain: fields.wire_text("domain")?,
            acl: fields.any_text("acl")?,
            account: fields.any_text("account")?,
            address: fields.any_text("address")?,
            account_caller_id: fields.any_text("account_caller_id")?,
            address_caller_id: fields.any_text("address_caller_id")?,
            algorithm: if name.is_empty() { None } else { Some(algorithm(&fields, "digest_algorithm", &name)?) },
            position: fields.get("position")?,
            username: fields.any_text("username")?,
        })
    }

    fn prepared(&self, py: Python<'_>, index: usize, target: &Bound<'_, PyAny>) -> PyResult<Arc<Prepared>> {
        let identity = target.as_ptr() as usize;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prepared)) = known.get(&identity) {
            return Ok(Arc::clone(prepared));
        }
        if !target.is_instance(self.target.bind(py))? {
            return Err(PyTypeError::new_err(format!("Route.targets[{index}] is {}, not a Target", target.get_type().name()?)));
        }
        let fields = Fields { value: target.cast::<PyTuple>()?, names: &TARGET, place: Place::Target(index) };
        let prepared = Arc::new(Prepared::new(fields.target()?));
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(identity, (target.clone().unbind(), Arc::clone(&prepared)));
        Ok(prepared)
    }

    fn extract_route(&self, py: Python<'_>, answer: &Bound<'_, PyAny>) -> PyResult<Decision> {
        let fields = Fields { value: answer.cast::<PyTuple>()?, names: &ROUTE, place: Place::Whole("Route") };
        let given = fields.attribute("targets")?.cast_into::<PyTuple>()?;
        let users = fields.attribute("request_users")?.cast_into::<PyTuple>()?;
        if given.is_empty() {
            return Err(PyValueError::new_err("Route.targets: at least one is needed; answer a Reject where there is none"));
        }
        if given.len() > MAX_TARGETS {
            return Err(PyValueError::new_err(format!("Route.targets: {}, more than {MAX_TARGETS}", given.len())));
        }
        if !users.is_empty() && users.len() != given.len() {
            return Err(fields.wrong("request_users", format_args!("{} for {} targets", users.len(), given.len())));
        }
        let mut targets = Vec::with_capacity(given.len());
        for (index, target) in given.iter_borrowed().enumerate() {
            let user = if users.is_empty() { String::new() } else { fields.request_user(index, &*users.get_borrowed_item(index)?)? };
            targets.push((self.prepared(py, index, &target)?, user));
        }
        Ok(Decision {
            outcome: Outcome::Route(targets),
            caller_id: fields.any_text("caller_id")?,
            presented: fields.any_text("presented")?,
            is_private: fields.get("is_private")?,
            privacy: fields.any_text("privacy")?,
            prefix: fields.any_text("prefix")?,
            notes: fields.get("notes")?,
            max_duration_s: fields.get("max_duration_s")?,
            is_last_resort: fields.get("is_last_resort")?,
            holds_for: fields.digits("holds_for")?,
            is_by_from: fields.get("is_by_from")?,
        })
    }
}

fn extract_reject(answer: &Bound<'_, PyAny>) -> PyResult<Decision> {
    let fields = Fields { value: answer.cast::<PyTuple>()?, names: &REJECT, place: Place::Whole("Reject") };
    let code = fields.any_text("reason")?;
    if !matches!(code.as_bytes(), [b'T', digits @ ..] if digits.len() == 3 && digits.iter().all(u8::is_ascii_digit)) {
        return Err(fields.wrong("reason", format_args!("{code:?} is no code of the registry (\"T401\")")));
    }
    Ok(Decision {
        outcome: Outcome::Reject { code, facts: fields.any_text("facts")? },
        caller_id: fields.any_text("caller_id")?,
        prefix: fields.any_text("prefix")?,
        notes: fields.get("notes")?,
        ..Decision::default()
    })
}

fn algorithm(fields: &Fields<'_, '_>, field: &str, name: &str) -> PyResult<Algorithm> {
    let found = [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256].into_iter().find(|known| known.as_str() == name);
    found.ok_or_else(|| fields.wrong(field, format_args!("{name:?} is none of MD5, SHA-256, SHA-512-256")))
}

/// What an error names.
#[derive(Clone, Copy)]
enum Place {
    Whole(&'static str),
    Target(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Whole(name) => f.write_str(name),
            Place::Target(index) => write!(f, "Route.targets[{index}]"),
        }
    }
}

/// A named tuple, read by position: an attribute of a dataclass would be looked up by a string made for it.
struct Fields<'a, 'py> {
    value: &'a Bound<'py, PyTuple>,
    names: &'static [&'static str],
    place: Place,
}

impl<'py> Fields<'_, 'py> {
    fn wrong(&self, field: &str, why: impl std::fmt::Display) -> PyErr {
        PyValueError::new_err(format!("{}.{field}: {why}", self.place))
    }

    fn attribute(&self, field: &str) -> PyResult<Bound<'py, PyAny>> {
        let index = self.names.iter().position(|name| *name == field).unwrap_or(usize::MAX);
        self.value.get_item(index).map_err(|error| self.wrong(field, error))
    }

    fn get<T: pyo3::conversion::FromPyObjectOwned<'py>>(&self, field: &str) -> PyResult<T> {
        self.attribute(field)?.extract::<T>().map_err(Into::<PyErr>::into).map_err(|error| self.wrong(field, error))
    }

    /// For the record only: any text.
    fn any_text(&self, field: &str) -> PyResult<String> {
        self.get(field)
    }

    /// For the wire: ASCII without control characters.
    fn wire_text(&self, field: &str) -> PyResult<String> {
        let text = self.any_text(field)?;
        self.check_wire_text(field, &text)?;
        Ok(text)
    }

    fn check_wire_text(&self, field: &str, text: &str) -> PyResult<()> {
        if !text.is_ascii() || !is_header_text(text.as_bytes()) {
            return Err(self.wrong(field, format_args!("{text:?} cannot stand in a header: ASCII without control characters is asked for")));
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(self.wrong(field, format_args!("{} bytes, more than {MAX_TEXT_BYTES}", text.len())));
        }
        Ok(())
    }

    fn digits(&self, field: &str) -> PyResult<String> {
        let text = self.any_text(field)?;
        if text.len() > MAX_DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong(field, format_args!("{text:?} is not empty and not 1 to {MAX_DIGITS} digits")));
        }
        Ok(text)
    }

    fn check_name_addr(&self, field: &str, text: &str) -> PyResult<()> {
        self.check_wire_text(field, text)?;
        match NameAddr::parse(text.as_bytes()) {
            Ok(address) if address.address_bytes.ends_with(b">") && address.param_bytes.is_empty() => Ok(()),
            Ok(_) => Err(self.wrong(field, format_args!("{text:?} must be <uri> or \"name\" <uri>, without parameters behind it"))),
            Err(error) => Err(self.wrong(field, format_args!("{text:?}: {error}"))),
        }
    }

    fn request_user(&self, index: usize, user: &Bound<'_, PyAny>) -> PyResult<String> {
        let user: String = user.extract()?;
        if !user.bytes().all(is_user_byte) || user.len() > MAX_TEXT_BYTES {
            let why = format_args!("[{index}] {user:?} is no user part of a URI (escape it: RFC 3261 §19.1.2)");
            return Err(self.wrong("request_users", why));
        }
        Ok(user)
    }

    fn target(&self) -> PyResult<Target> {
        let address = self.any_text("address")?;
        let ip: IpAddr = address.parse().map_err(|_| self.wrong("address", format_args!("{address:?} is no IP address")))?;
        let port: u16 = self.get("port")?;
        if port == 0 {
            return Err(self.wrong("port", "0 is no port"));
        }
        let word = self.any_text("transport")?;
        let (transport, is_tcp_allowed) = match word.as_str() {
            UDP_AND_TCP => (Transport::Udp, true),
            one => match Transport::parse(one.as_bytes()) {
                Some(transport) => (transport, false),
                None => return Err(self.wrong("transport", format_args!("{word:?} is none of udp, tcp, tls, {UDP_AND_TCP}"))),
            },
        };
        let from_name_addr = self.any_text("from_name_addr")?;
        if !from_name_addr.is_empty() {
            self.check_name_addr("from_name_addr", &from_name_addr)?;
        }
        let asserted: Vec<String> = self.get("asserted")?;
        if asserted.len() > MAX_ASSERTED {
            return Err(self.wrong("asserted", format_args!("{} values, more than {MAX_ASSERTED}", asserted.len())));
        }
        for value in &asserted {
            self.check_name_addr("asserted", value)?;
        }
        Ok(Target {
            gateway: self.wire_text("gateway")?,
            carrier: self.wire_text("carrier")?,
            address: SocketAddr::new(ip, port),
            transport,
            is_tcp_allowed,
            is_trusted: self.get("is_trusted")?,
            from_name_addr,
            asserted,
            privacy: self.wire_text("privacy")?,
            has_asserted_on_ack: self.get("has_asserted_on_ack")?,
            pdd_limit_s: self.get("pdd_limit_s")?,
            rate_micros: self.get("rate_micros")?,
            currency: self.wire_text("currency")?,
            increments: Increments {
                initial_s: self.get("initial_increment_s")?,
                next_s: self.get("next_increment_s")?,
                connection_fee_micros: self.get("connection_fee_micros")?,
            },
            hides_topology: self.get("hides_topology")?,
            shows_callee: self.get("shows_callee")?,
            takes_refer: self.get("takes_refer")?,
        })
    }
}

/// `user` of RFC 3261 §25.1, the percent sign of escapes included.
fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/%".contains(&byte)
}
