//! Numbers in the user part of a URI.

use crate::text::unescape;

/// ITU-T E.164 §6: at most 15 digits.
const MOST_DIGITS: usize = 15;
/// No country code with a subscriber is shorter.
const FEWEST_DIGITS: usize = 3;

/// 3 to 15 digits, most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digits {
    digits: [u8; MOST_DIGITS],
    len: u8,
}

impl Digits {
    /// ASCII, without a plus.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.len as usize]).unwrap_or_default()
    }
}

/// The digits of an E.164 number in the escaped user part of a URI: an optional plus, then 3 to 15 digits. Parameters of the user part
/// (`;phone-context=…`, RFC 3966 §5.1) are ignored; visual separators and anything else give `None`. Whether the country code exists
/// is the numbering plan's business.
pub fn e164_digits(user: &[u8]) -> Option<Digits> {
    let number_end = user.iter().position(|byte| *byte == b';').unwrap_or(user.len());
    let number = unescape(&user[..number_end]);
    let bytes = number.strip_prefix(b"+").unwrap_or(&number);
    if !(FEWEST_DIGITS..=MOST_DIGITS).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut digits = [0; MOST_DIGITS];
    digits[..bytes.len()].copy_from_slice(bytes);
    // At most MOST_DIGITS.
    Some(Digits { digits, len: bytes.len() as u8 })
}
