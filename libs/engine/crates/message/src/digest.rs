//! Digest access authentication: the arithmetic (RFC 7616 §3.4, RFC 8760, RFC 2617 §3.2.2).

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
pub fn compute_ha1(_algorithm: Algorithm, _username: &[u8], _realm: &[u8], _password: &[u8]) -> Ha1 {
    todo!()
}

/// RFC 7616 §3.4.1, in hexadecimal.
pub fn compute_response(_ha1: &Ha1, _input: &ResponseInput<'_>) -> HexDigest {
    let _ = HexDigest { hex: [0; 64], len: 0 };
    todo!()
}
