//! White space, quoted strings, tokens, escapes, and what may stand in a header field.

use std::borrow::Cow;

use memchr::memchr;

/// White space of a value: blanks, tabs, and the CRLF of folds (the framing has made sure that CR and LF occur in folds only).
pub fn is_lws(byte: u8) -> bool {
    CLASSES[byte as usize] & LWS != 0
}

pub(crate) fn skip_lws(bytes: &[u8]) -> &[u8] {
    match bytes.first() {
        Some(byte) if is_lws(*byte) => &bytes[bytes.iter().position(|byte| !is_lws(*byte)).unwrap_or(bytes.len())..],
        _ => bytes,
    }
}

/// Without leading and trailing white space.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let start = skip_lws(bytes);
    &start[..start.iter().rposition(|byte| !is_lws(*byte)).map_or(0, |last| last + 1)]
}

/// `token` of RFC 3261 §25.1, not empty.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    CLASSES[byte as usize] & TOKEN != 0
}

/// What ends the name of a parameter: white space, `;` or `=`.
pub(crate) fn is_param_name_end(byte: u8) -> bool {
    CLASSES[byte as usize] & (LWS | SEMICOLON | EQUALS) != 0
}

/// Length of the value of a parameter: up to white space or `;`.
pub(crate) fn param_value_len(bytes: &[u8]) -> usize {
    let len = memchr(b';', bytes).unwrap_or(bytes.len());
    let value = &bytes[..len];
    match has_any(value, |byte| (byte == b' ') | (byte == b'\t') | (byte == b'\r') | (byte == b'\n')) {
        true => value.iter().position(|byte| is_lws(*byte)).unwrap_or(len),
        false => len,
    }
}

/// Like `bytes.iter().any(is_wanted)`, but to the end: without the exit the compiler looks at 16 bytes at once. For what is rarely there.
pub(crate) fn has_any(bytes: &[u8], is_wanted: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(0, |ones, byte| ones | u8::from(is_wanted(*byte))) != 0
}

/// What cannot stand in the URI of an address: white space, a quote, an opening bracket.
pub(crate) fn is_address_delimiter(byte: u8) -> bool {
    (byte == b' ') | (byte == b'\t') | (byte == b'\r') | (byte == b'\n') | (byte == b'"') | (byte == b'<')
}

/// What can stand in no URI: blanks, control characters, quotes and angle brackets.
pub(crate) fn is_uri_delimiter(byte: u8) -> bool {
    (byte <= b' ') | (byte == b'"') | (byte == b'<') | (byte == b'>') | (byte == 0x7f)
}

/// Letters, digits, `-`, `.` and `_`.
pub(crate) fn is_host_byte(byte: u8) -> bool {
    let letter = byte | 0x20;
    (letter.wrapping_sub(b'a') < 26) | (byte.wrapping_sub(b'0') < 10) | (byte == b'-') | (byte == b'.') | (byte == b'_')
}

const TOKEN: u8 = 1;
const LWS: u8 = 2;
const SEMICOLON: u8 = 4;
const EQUALS: u8 = 8;

/// One look-up a byte: parsing is mostly looking for the end of something.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => TOKEN,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~' => TOKEN,
            b' ' | b'\t' | b'\r' | b'\n' => LWS,
            b';' => SEMICOLON,
            b'=' => EQUALS,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// True where `text` can be written into a header field without ending it: no control characters but tab, no DEL, and no white space
/// at either end. UTF-8 is allowed (RFC 3261 §25.1 TEXT-UTF8).
pub fn is_header_text(text: &[u8]) -> bool {
    text.iter().all(|byte| (*byte >= b' ' || *byte == b'\t') && *byte != 0x7f) && trim(text).len() == text.len()
}

/// Length of the quoted string at the start of `bytes`, both quotes included; `None` without a closing quote.
pub(crate) fn find_quote_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A value on one line: each fold, with the white space around it, becomes one blank (§7.3.1).
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\r', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut line = Vec::with_capacity(value.len());
    for part in value.split(|byte| matches!(byte, b'\r' | b'\n')) {
        let part = trim(part);
        if !part.is_empty() {
            if !line.is_empty() {
                line.push(b' ');
            }
            line.extend_from_slice(part);
        }
    }
    Cow::Owned(line)
}

/// The text of a quoted string: without quotes and escapes. What is not quoted is given as it is.
pub fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return Cow::Borrowed(value);
    };
    if memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => text.extend(bytes.next()),
            _ => text.push(*byte),
        }
    }
    Cow::Owned(text)
}

/// Resolves `%HH` (RFC 3261 §19.1.2). A percent sign without two hexadecimal digits stays.
pub fn unescape(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'%', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        text.push(match (byte, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = after;
                hex_digit(*high) << 4 | hex_digit(*low)
            }
            _ => *byte,
        });
    }
    Cow::Owned(text)
}

/// Value of a hexadecimal digit; 0 for anything else.
pub(crate) fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// Writes `text` as a quoted string: escapes quote and backslash, writes control characters as blanks (so that no header can be injected).
pub fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0..=0x1f | 0x7f => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// Writes `Name: value` and CRLF. `false`, and nothing written, where the value is not [`is_header_text`] or the name no token.
#[must_use]
pub fn write_line(name: &str, value: &[u8], out: &mut Vec<u8>) -> bool {
    if !is_token(name.as_bytes()) || !is_header_text(value) {
        return false;
    }
    write_field(name, value, out);
    true
}

/// The same for values that came out of a parsed message, folds included.
pub(crate) fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
