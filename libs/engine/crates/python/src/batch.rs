//! Table changes: dataclasses of `trunkline.engine.tables` into batches.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyType};
use trunkline_access::{Ban, BatchError, Capture, Change, Domain, Gateway, NonceKey, Reason, Secret};
use trunkline_message::{Algorithm, Ha1};
use trunkline_transaction::{TokenKey, Transport};

use crate::decision::UDP_AND_TCP;

const MODULE: &str = "trunkline.engine.tables";

/// A batch as the crates take it. Token keys are the proxy's and stand apart; `entries` maps the rest back to the caller's indices.
#[derive(Default)]
pub struct Batch {
    pub changes: Vec<Change>,
    pub token_keys: Option<Vec<TokenKey>>,
    entries: Vec<usize>,
}

impl Batch {
    /// ValueError names the entry, its class, the field and why.
    pub fn extract(batch: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut extracted = Batch::default();
        let mut classes = Classes::default();
        for (index, change) in batch.try_iter()?.enumerate() {
            let entry = Entry::new(index, change?, &mut classes)?;
            if &*entry.class == "SetTokenKeys" {
                extracted.token_keys = Some(entry.keys(|key_id, key, not_before_s, not_after_s, is_current| TokenKey {
                    key_id,
                    key: *key,
                    not_before_s,
                    not_after_s,
                    is_current,
                })?);
                continue;
            }
            extracted.entries.push(index);
            extracted.changes.push(entry.change()?);
        }
        Ok(extracted)
    }

    pub fn error(entries: &[usize], error: &BatchError) -> PyErr {
        let entry = entries.get(error.entry).copied().unwrap_or(error.entry);
        PyValueError::new_err(format!("entry {entry} of the batch: {}; nothing of the batch was applied", error.what))
    }

    /// Indices of the caller's entries, for [`Batch::error`].
    pub fn take_entries(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.entries)
    }
}

/// The class of the last entry and its name: those of a batch are mostly of one.
#[derive(Default)]
struct Classes<'py> {
    last: Option<(Bound<'py, PyType>, Rc<str>)>,
}

impl<'py> Classes<'py> {
    fn name(&mut self, index: usize, class: Bound<'py, PyType>) -> PyResult<Rc<str>> {
        if let Some((last, name)) = &self.last {
            if last.is(&class) {
                return Ok(Rc::clone(name));
            }
        }
        let is_ours = class.module()?.to_str()? == MODULE;
        let name: Rc<str> = Rc::from(class.name()?.to_str()?);
        if !is_ours {
            return Err(PyValueError::new_err(format!("entry {index} of the batch: {name} is no class of {MODULE}")));
        }
        self.last = Some((class, Rc::clone(&name)));
        Ok(name)
    }
}

struct Entry<'py> {
    index: usize,
    class: Rc<str>,
    value: Bound<'py, PyAny>,
}

impl<'py> Entry<'py> {
    fn new(index: usize, value: Bound<'py, PyAny>, classes: &mut Classes<'py>) -> PyResult<Self> {
        let class = classes.name(index, value.get_type())?;
        Ok(Entry { index, class, value })
    }

    fn wrong(&self, field: impl std::fmt::Display, why: impl std::fmt::Display) -> PyErr {
        PyValueError::new_err(format!(
            "entry {} of the batch ({}): {field}: {why}; nothing of the batch was applied",
            self.index, self.class
        ))
    }

    fn attribute(&self, value: &Bound<'py, PyAny>, field: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        value.getattr(field).map_err(|error| self.wrong(field, error))
    }

    fn text(&self, field: &Bound<'py, PyString>) -> PyResult<String> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn number(&self, field: &Bound<'py, PyString>) -> PyResult<u16> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn seconds(&self, field: &Bound<'py, PyString>) -> PyResult<u64> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn boolean(&self, field: &Bound<'py, PyString>) -> PyResult<bool> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn texts(&self, field: &Bound<'py, PyString>) -> PyResult<Vec<String>> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn ha1(&self, field: &Bound<'py, PyString>, algorithm: Algorithm) -> PyResult<Option<Ha1>> {
        let value = self.attribute(&self.value, field)?;
        let raw = value.cast::<PyBytes>().map_err(|error| self.wrong(field, error))?.as_bytes();
        if raw.is_empty() {
            return Ok(None);
        }
        let wanted = algorithm.digest_bytes();
        Ha1::from_raw(algorithm, raw)
            .map(Some)
            .ok_or_else(|| self.wrong(field, format_args!("{} bytes, but an HA1 of {} has {wanted}", raw.len(), algorithm.as_str())))
    }

    fn secret(&self) -> PyResult<Secret> {
        let py = self.value.py();
        let md5 = self.ha1(intern!(py, "ha1_md5"), Algorithm::Md5)?;
        let sha256 = self.ha1(intern!(py, "ha1_sha256"), Algorithm::Sha256)?;
        let sha512_256 = self.ha1(intern!(py, "ha1_sha512_256"), Algorithm::Sha512_256)?;
        match (md5, sha256, sha512_256) {
            (Some(md5), Some(sha256), Some(sha512_256)) => Ok(Secret::Readable { md5, sha256, sha512_256 }),
            (None, None, None) => Ok(Secret::Unreadable),
            _ => Err(self.wrong("ha1_md5, ha1_sha256, ha1_sha512_256", "either all three or none must be given")),
        }
    }

    fn keys<K>(&self, make: impl Fn(u32, &[u8; 32], u64, u64, bool) -> K) -> PyResult<Vec<K>> {
        let (py, mut keys) = (self.value.py(), Vec::new());
        for key in self.attribute(&self.value, intern!(py, "keys"))?.try_iter()? {
            let key = key?;
            let raw = self.attribute(&key, intern!(py, "key"))?;
            let raw = raw.cast::<PyBytes>().map_err(|error| self.wrong("key", error))?.as_bytes();
            let bytes: &[u8; 32] = raw.try_into().map_err(|_| self.wrong("key", format_args!("{} bytes instead of 32", raw.len())))?;
            let seconds =
                |field: &Bound<'py, PyString>| self.attribute(&key, field)?.extract::<u64>().map_err(|error| self.wrong(field, error));
            let key_id = self.attribute(&key, intern!(py, "key_id"))?.extract().map_err(|error| self.wrong("key_id", error))?;
            let is_current = self.attribute(&key, intern!(py, "is_current"))?.extract().map_err(|error| self.wrong("is_current", error))?;
            keys.push(make(key_id, bytes, seconds(intern!(py, "not_before_s"))?, seconds(intern!(py, "not_after_s"))?, is_current));
        }
        Ok(keys)
    }

    fn algorithms(&self) -> PyResult<Vec<Algorithm>> {
        let parse = |name: &String| {
            Algorithm::from_bytes(name.as_bytes())
                .ok_or_else(|| self.wrong("algorithms", format_args!("{name:?} is none of MD5, SHA-256, SHA-512-256")))
        };
        self.texts(intern!(self.value.py(), "algorithms"))?.iter().map(parse).collect()
    }

    fn capture(&self) -> PyResult<Capture> {
        let py = self.value.py();
        let percent = self.number(intern!(py, "capture_percent"))?;
        let percent = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
        let percent = percent.ok_or_else(|| self.wrong("capture_percent", "not 0 to 100"))?;
        Ok(Capture { percent, until_s: self.seconds(intern!(py, "capture_until_s"))? })
    }

    fn gateway(&self) -> PyResult<Gateway> {
        let py = self.value.py();
        let address = self.text(intern!(py, "address"))?;
        let ip: IpAddr = address.parse().map_err(|_| self.wrong("address", format_args!("{address:?} is no IP address")))?;
        let port = self.number(intern!(py, "port"))?;
        if port == 0 {
            return Err(self.wrong("port", "0 is no port"));
        }
        let transport = self.text(intern!(py, "transport"))?;
        if transport != UDP_AND_TCP && Transport::parse(transport.as_bytes()).is_none() {
            return Err(self.wrong("transport", format_args!("{transport:?} is none of udp, tcp, tls, {UDP_AND_TCP}")));
        }
        let is_trusted = self.boolean(intern!(py, "is_trusted"))?;
        let tls_name = self.text(intern!(py, "tls_name"))?;
        Ok(Gateway { carrier: self.text(intern!(py, "carrier"))?, address: SocketAddr::new(ip, port), transport, is_trusted, tls_name })
    }

    fn change(&self) -> PyResult<Change> {
        let py = self.value.py();
        Ok(match &*self.class {
            "RemoveAll" => Change::RemoveAll,
            "SetDomain" => Change::SetDomain {
                host: self.text(intern!(py, "host"))?,
                domain: Domain {
                    tenant: self.text(intern!(py, "tenant"))?,
                    label: self.text(intern!(py, "label"))?,
                    acls: self.texts(intern!(py, "acls"))?.into_iter().map(Into::into).collect(),
                    algorithms: self.algorithms()?,
                    challenge_status: self.number(intern!(py, "challenge_status"))?,
                    is_qop_optional: self.boolean(intern!(py, "is_qop_optional"))?,
                    capture: self.capture()?,
                },
            },
            "RemoveDomain" => Change::RemoveDomain { host: self.text(intern!(py, "host"))? },
            "SetAddress" => Change::SetAddress {
                acl: self.text(intern!(py, "acl"))?,
                cidr: self.text(intern!(py, "cidr"))?,
                caller_id: self.text(intern!(py, "caller_id"))?,
            },
            "RemoveAddress" => Change::RemoveAddress { acl: self.text(intern!(py, "acl"))?, cidr: self.text(intern!(py, "cidr"))? },
            "ExemptAddress" => Change::ExemptAddress { acl: self.text(intern!(py, "acl"))?, cidr: self.text(intern!(py, "cidr"))? },
            "SetAccount" => Change::SetAccount {
                acl: self.text(intern!(py, "acl"))?,
                username: self.text(intern!(py, "username"))?,
                secret: self.secret()?,
                caller_id: self.text(intern!(py, "caller_id"))?,
            },
            "RemoveAccount" => Change::RemoveAccount { acl: self.text(intern!(py, "acl"))?, username: self.text(intern!(py, "username"))? },
            "RemoveAcl" => Change::RemoveAcl { acl: self.text(intern!(py, "acl"))? },
            "SetGateway" => Change::SetGateway { gateway: self.text(intern!(py, "gateway"))?, entry: self.gateway()? },
            "RemoveGateway" => Change::RemoveGateway { gateway: self.text(intern!(py, "gateway"))? },
            "SetNonceKeys" => Change::SetNonceKeys { keys: self.keys(NonceKey::new)? },
            "SetReason" => Change::SetReason {
                code: self.text(intern!(py, "code"))?,
                reason: Reason {
                    status: self.number(intern!(py, "status"))?,
                    text: self.text(intern!(py, "text"))?,
                    q850: self.number(intern!(py, "q850"))?,
                },
            },
            "SetBan" => Change::SetBan {
                cidr: self.text(intern!(py, "cidr"))?,
                ban: Ban { until_s: self.seconds(intern!(py, "until_s"))?, reason: self.text(intern!(py, "reason"))? },
            },
            "LiftBan" => Change::LiftBan { cidr: self.text(intern!(py, "cidr"))? },
            _ => return Err(self.wrong("class", "not a change of the tables")),
        })
    }
}
