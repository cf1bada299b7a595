//! Numbers in the user part of a URI.

/// 3 to 15 digits, most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digits {
    digits: [u8; 15],
    len: u8,
}

impl Digits {
    /// ASCII, without a plus.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.len as usize]).unwrap_or_default()
    }
}

/// The digits of an E.164 number in the escaped user part of a URI: an optional plus, then 3 to 15 digits. Parameters of the user part
/// (`;phone-context=…`, RFC 3966 §5.1) are ignored; visual separators and anything else give `None`.
pub fn e164_digits(_user: &[u8]) -> Option<Digits> {
    todo!()
}
