//! Digest access authentication: the arithmetic (RFC 7616 §3.4, RFC 8760, RFC 2617 §3.2.2).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// What SIP uses; the `-sess` variants are not offered (nobody in SIP implements them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Md5,
    Sha256,
    Sha512_256,
}

impl Algorithm {
    /// As it stands in `algorithm=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    /// Without case.
    pub fn from_bytes(token: &[u8]) -> Option<Self> {
        [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256]
            .into_iter()
            .find(|algorithm| algorithm.as_str().as_bytes().eq_ignore_ascii_case(token))
    }

    /// Bytes of a raw digest: 16 or 32.
    pub fn digest_bytes(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha256 | Algorithm::Sha512_256 => 32,
        }
    }
}

/// A raw HA1: H(username:realm:password).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1 {
    bytes: [u8; 32],
    algorithm: Algorithm,
}

impl Ha1 {
    /// `None` where the length is not that of the algorithm.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        (raw.len() == algorithm.digest_bytes()).then(|| bytes[..raw.len()].copy_from_slice(raw))?;
        Some(Ha1 { bytes, algorithm })
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.digest_bytes()]
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// A secret: never printed.
impl std::fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ha1({})", self.algorithm.as_str())
    }
}

/// A digest in lower-case hexadecimal, 32 or 64 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexDigest {
    hex: [u8; 64],
    len: u8,
}

impl HexDigest {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.hex[..self.len as usize]).unwrap_or_default()
    }
}

/// `qop=auth` with its counter and client nonce, as sent.
#[derive(Clone, Copy, Debug)]
pub struct Qop<'a> {
    /// Eight hexadecimal digits.
    pub nc: &'a [u8],
    pub cnonce: &'a [u8],
}

/// Operands of the response. Texts are as they stand between the quotes.
#[derive(Clone, Copy, Debug)]
pub struct ResponseInput<'a> {
    pub nonce: &'a [u8],
    pub method: &'a [u8],
    pub uri: &'a [u8],
    /// `None` is the older form without qop (RFC 2617 §3.2.2.1).
    pub qop: Option<Qop<'a>>,
}

/// RFC 7616 §3.4.2.
pub fn compute_ha1(algorithm: Algorithm, username: &[u8], realm: &[u8], password: &[u8]) -> Ha1 {
    Ha1 { bytes: hash(algorithm, &[username, b":", realm, b":", password]), algorithm }
}

/// RFC 7616 §3.4.1, in hexadecimal.
pub fn compute_response(ha1: &Ha1, input: &ResponseInput<'_>) -> HexDigest {
    hexadecimal(&compute_raw_response(ha1, input)[..ha1.algorithm.digest_bytes()])
}

/// Zeroes after the bytes of the algorithm.
pub(crate) fn compute_raw_response(ha1: &Ha1, input: &ResponseInput<'_>) -> [u8; 32] {
    let algorithm = ha1.algorithm;
    let ha2 = hexadecimal(&hash(algorithm, &[input.method, b":", input.uri])[..algorithm.digest_bytes()]);
    let ha1_hex = hexadecimal(ha1.as_bytes());
    let (ha1_hex, ha2) = (ha1_hex.as_str().as_bytes(), ha2.as_str().as_bytes());
    match input.qop {
        Some(Qop { nc, cnonce }) => hash(algorithm, &[ha1_hex, b":", input.nonce, b":", nc, b":", cnonce, b":auth:", ha2]),
        None => hash(algorithm, &[ha1_hex, b":", input.nonce, b":", ha2]),
    }
}

fn hash(algorithm: Algorithm, parts: &[&[u8]]) -> [u8; 32] {
    match algorithm {
        Algorithm::Md5 => hash_with::<Md5>(parts),
        Algorithm::Sha256 => hash_with::<Sha256>(parts),
        Algorithm::Sha512_256 => hash_with::<Sha512_256>(parts),
    }
}

fn hash_with<D: Digest>(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut bytes = [0; 32];
    bytes[..digest.len()].copy_from_slice(&digest);
    bytes
}

/// Of at most 32 bytes.
fn hexadecimal(bytes: &[u8]) -> HexDigest {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    HexDigest { hex, len: (bytes.len().min(32) * 2) as u8 }
}
