//! Table changes: dataclasses of `trunkline.engine.tables` into batches.

use std::net::{IpAddr, SocketAddr};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use trunkline_access::{Ban, BatchError, Change, Domain, Gateway, NonceKey, Reason, Secret};
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
        for (index, change) in batch.try_iter()?.enumerate() {
            let entry = Entry::new(index, change?)?;
            if entry.class == "SetTokenKeys" {
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

struct Entry<'py> {
    index: usize,
    class: String,
    value: Bound<'py, PyAny>,
}

impl<'py> Entry<'py> {
    fn new(index: usize, value: Bound<'py, PyAny>) -> PyResult<Self> {
        let class = value.get_type();
        let is_ours = class.module()?.to_str()? == MODULE;
        let class = class.name()?.to_string();
        if !is_ours {
            return Err(PyValueError::new_err(format!("entry {index} of the batch: {class} is no class of {MODULE}")));
        }
        Ok(Entry { index, class, value })
    }

    fn wrong(&self, field: &str, why: impl std::fmt::Display) -> PyErr {
        PyValueError::new_err(format!(
            "entry {} of the batch ({}): {field}: {why}; nothing of the batch was applied",
            self.index, self.class
        ))
    }

    fn attribute(&self, value: &Bound<'py, PyAny>, field: &str) -> PyResult<Bound<'py, PyAny>> {
        value.getattr(field).map_err(|error| self.wrong(field, error))
    }

    fn text(&self, field: &str) -> PyResult<String> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn number(&self, field: &str) -> PyResult<u16> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn seconds(&self, field: &str) -> PyResult<u64> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn boolean(&self, field: &str) -> PyResult<bool> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn texts(&self, field: &str) -> PyResult<Vec<String>> {
        self.attribute(&self.value, field)?.extract().map_err(|error| self.wrong(field, error))
    }

    fn ha1(&self, field: &str, algorithm: Algorithm) -> PyResult<Option<Ha1>> {
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
        let md5 = self.ha1("ha1_md5", Algorithm::Md5)?;
        let sha256 = self.ha1("ha1_sha256", Algorithm::Sha256)?;
        let sha512_256 = self.ha1("ha1_sha512_256", Algorithm::Sha512_256)?;
        match (md5, sha256, sha512_256) {
            (Some(md5), Some(sha256), Some(sha512_256)) => Ok(Secret::Readable { md5, sha256, sha512_256 }),
            (None, None, None) => Ok(Secret::Unreadable),
            _ => Err(self.wrong("ha1_md5, ha1_sha256, ha1_sha512_256", "either all three or none must be given")),
        }
    }

    fn keys<K>(&self, make: impl Fn(u32, &[u8; 32], u64, u64, bool) -> K) -> PyResult<Vec<K>> {
        let mut keys = Vec::new();
        for key in self.attribute(&self.value, "keys")?.try_iter()? {
            let key = key?;
            let raw = self.attribute(&key, "key")?;
            let raw = raw.cast::<PyBytes>().map_err(|error| self.wrong("key", error))?.as_bytes();
            let bytes: &[u8; 32] = raw.try_into().map_err(|_| self.wrong("key", format_args!("{} bytes instead of 32", raw.len())))?;
            let seconds = |field| self.attribute(&key, field)?.extract::<u64>().map_err(|error| self.wrong(field, error));
            let key_id = self.attribute(&key, "key_id")?.extract().map_err(|error| self.wrong("key_id", error))?;
            let is_current = self.attribute(&key, "is_current")?.extract().map_err(|error| self.wrong("is_current", error))?;
            keys.push(make(key_id, bytes, seconds("not_before_s")?, seconds("not_after_s")?, is_current));
        }
        Ok(keys)
    }

    fn algorithms(&self) -> PyResult<Vec<Algorithm>> {
        let parse = |name: &String| {
            Algorithm::from_bytes(name.as_bytes())
                .ok_or_else(|| self.wrong("algorithms", format_args!("{name:?} is none of MD5, SHA-256, SHA-512-256")))
        };
        self.texts("algorithms")?.iter().map(parse).collect()
    }

    fn gateway(&self) -> PyResult<Gateway> {
        let address = self.text("address")?;
        let ip: IpAddr = address.parse().map_err(|_| self.wrong("address", format_args!("{address:?} is no IP address")))?;
        let port = self.number("port")?;
        if port == 0 {
            return Err(self.wrong("port", "0 is no port"));
        }
        let transport = self.text("transport")?;
        if transport != UDP_AND_TCP && Transport::parse(transport.as_bytes()).is_none() {
            return Err(self.wrong("transport", format_args!("{transport:?} is none of udp, tcp, tls, {UDP_AND_TCP}")));
        }
        let is_trusted = self.boolean("is_trusted")?;
        let tls_name = self.text("tls_name")?;
        Ok(Gateway { carrier: self.text("carrier")?, address: SocketAddr::new(ip, port), transport, is_trusted, tls_name })
    }

    fn change(&self) -> PyResult<Change> {
        Ok(match self.class.as_str() {
            "RemoveAll" => Change::RemoveAll,
            "SetDomain" => Change::SetDomain {
                host: self.text("host")?,
                domain: Domain {
                    tenant: self.text("tenant")?,
                    label: self.text("label")?,
                    acls: self.texts("acls")?.into_iter().map(Into::into).collect(),
                    algorithms: self.algorithms()?,
                    challenge_status: self.number("challenge_status")?,
                    is_qop_optional: self.boolean("is_qop_optional")?,
                },
            },
            "RemoveDomain" => Change::RemoveDomain { host: self.text("host")? },
            "SetAddress" => Change::SetAddress { acl: self.text("acl")?, cidr: self.text("cidr")?, caller_id: self.text("caller_id")? },
            "RemoveAddress" => Change::RemoveAddress { acl: self.text("acl")?, cidr: self.text("cidr")? },
            "ExemptAddress" => Change::ExemptAddress { acl: self.text("acl")?, cidr: self.text("cidr")? },
            "SetAccount" => Change::SetAccount {
                acl: self.text("acl")?,
                username: self.text("username")?,
                secret: self.secret()?,
                caller_id: self.text("caller_id")?,
            },
            "RemoveAccount" => Change::RemoveAccount { acl: self.text("acl")?, username: self.text("username")? },
            "RemoveAcl" => Change::RemoveAcl { acl: self.text("acl")? },
            "SetGateway" => Change::SetGateway { gateway: self.text("gateway")?, entry: self.gateway()? },
            "RemoveGateway" => Change::RemoveGateway { gateway: self.text("gateway")? },
            "SetNonceKeys" => Change::SetNonceKeys { keys: self.keys(NonceKey::new)? },
            "SetReason" => Change::SetReason {
                code: self.text("code")?,
                reason: Reason { status: self.number("status")?, text: self.text("text")?, q850: self.number("q850")? },
            },
            "SetBan" => {
                Change::SetBan { cidr: self.text("cidr")?, ban: Ban { until_s: self.seconds("until_s")?, reason: self.text("reason")? } }
            }
            "LiftBan" => Change::LiftBan { cidr: self.text("cidr")? },
            _ => return Err(self.wrong("class", "not a change of the tables")),
        })
    }
}
