//! Certificates: ours by the name that a client asks for, a carrier's against given roots (RFC 5246, RFC 8446, RFC 6066 §3).
//!
//! Both are swapped while connections live: a handshake sees one set, and what was agreed on stays.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::client::ClientConfig;
use rustls::crypto::ring::{default_provider, sign::any_supported_type, Ticketer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::{ClientConnection, RootCertStore, ServerConnection};

/// More certificates than this are a mistake: an edge serves the names of one POP.
const MAX_CERTIFICATES: usize = 1_000;

/// One certificate of ours.
#[derive(Clone)]
pub struct Certificate {
    /// DNS names it is shown for: `eu1.example.net`, or `*.example.net` for one label below.
    pub names: Vec<String>,
    /// Leaf first.
    pub chain_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
}

/// How carriers are met.
#[derive(Clone, Default)]
pub struct CarrierTls {
    /// Authorities whose certificates carriers may have. Empty: no carrier can be spoken to over TLS.
    pub roots_pem: Vec<u8>,
    /// What we show where a carrier asks for a certificate (mutual TLS); both or none.
    pub chain_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
}

/// The certificates of one time, by name without case.
#[derive(Debug, Default)]
struct Shown {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl Shown {
    /// The exact name, then the wildcard for its first label, then the first certificate that was given.
    fn of(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let exact = |name: &str| self.by_name.get(name.to_ascii_lowercase().trim_end_matches('.')).cloned();
        let wildcard = |name: &str| exact(&format!("*.{}", name.split_once('.')?.1));
        name.and_then(|name| exact(name).or_else(|| wildcard(name))).or_else(|| self.default.clone())
    }
}

/// What the worker's connections and the engine's handle share.
pub struct Tls {
    shown: Arc<ShownNow>,
    server: Arc<ServerConfig>,
    client: ArcSwapOption<ClientConfig>,
}

#[derive(Debug, Default)]
struct ShownNow(ArcSwap<Shown>);

impl ResolvesServerCert for ShownNow {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().of(hello.server_name())
    }
}

impl Tls {
    /// Without any certificate: handshakes fail until `set_certificates`.
    ///
    /// # Errors
    /// What the library says of its own defaults.
    pub fn new() -> Result<Self, String> {
        let shown = Arc::new(ShownNow::default());
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?;
        let mut server = builder.with_no_client_auth().with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        server.ticketer = Ticketer::new().map_err(|error| format!("TLS: {error}"))?;
        Ok(Self { shown, server: Arc::new(server), client: ArcSwapOption::empty() })
    }

    /// For handshakes from now on. The first is for clients that name nothing we know.
    ///
    /// # Errors
    /// Which certificate cannot be used and why; then nothing changes.
    pub fn set_certificates(&self, certificates: &[Certificate]) -> Result<(), String> {
        if certificates.len() > MAX_CERTIFICATES {
            return Err(format!("{} certificates, more than {MAX_CERTIFICATES}", certificates.len()));
        }
        let mut shown = Shown::default();
        for (index, certificate) in certificates.iter().enumerate() {
            let key = certified(&certificate.chain_pem, &certificate.key_pem).map_err(|why| format!("certificate {index}: {why}"))?;
            let key = Arc::new(key);
            for name in &certificate.names {
                shown.by_name.insert(name.to_ascii_lowercase(), Arc::clone(&key));
            }
            shown.default.get_or_insert(key);
        }
        self.shown.0.store(Arc::new(shown));
        Ok(())
    }

    /// For connections to carriers from now on.
    ///
    /// # Errors
    /// What cannot be used and why; then nothing changes.
    pub fn set_carriers(&self, carriers: &CarrierTls) -> Result<(), String> {
        if carriers.roots_pem.is_empty() {
            self.client.store(None);
            return Ok(());
        }
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(&carriers.roots_pem) {
            let root = root.map_err(|error| format!("roots of carriers: {error}"))?;
            roots.add(root).map_err(|error| format!("roots of carriers: {error}"))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?
            .with_root_certificates(roots);
        let config = if carriers.chain_pem.is_empty() {
            builder.with_no_client_auth()
        } else {
            let (chain, key) =
                parsed(&carriers.chain_pem, &carriers.key_pem).map_err(|why| format!("our certificate for carriers: {why}"))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| format!("our certificate for carriers: {error}"))?
        };
        self.client.store(Some(Arc::new(config)));
        Ok(())
    }

    /// The side of a connection that was made to us.
    pub(crate) fn accept(&self) -> Result<rustls::Connection, String> {
        ServerConnection::new(Arc::clone(&self.server)).map(Into::into).map_err(|error| error.to_string())
    }

    /// The side of a connection to a gateway, whose certificate must have the name that is known of it, or else its address.
    pub(crate) fn connect(&self, gateway: IpAddr, name: Option<&str>) -> Result<rustls::Connection, String> {
        let config = self.client.load_full().ok_or("no authority of carriers' certificates is known (carrier_tls)")?;
        let expected = match name {
            Some(name) => ServerName::try_from(name.to_owned()).map_err(|error| format!("{name}: {error}"))?,
            None => ServerName::IpAddress(gateway.into()),
        };
        ClientConnection::new(config, expected).map(Into::into).map_err(|error| error.to_string())
    }
}

fn parsed(chain_pem: &[u8], key_pem: &[u8]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain_pem).collect();
    let chain = chain.map_err(|error| format!("chain: {error}"))?;
    if chain.is_empty() {
        return Err("chain: no certificate in it".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| format!("key: {error}"))?;
    Ok((chain, key))
}

fn certified(chain_pem: &[u8], key_pem: &[u8]) -> Result<CertifiedKey, String> {
    let (chain, key) = parsed(chain_pem, key_pem)?;
    let signer = any_supported_type(&key).map_err(|error| format!("key: {error}"))?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(error) => Err(format!("key: not that of the certificate: {error}")),
    }
}
