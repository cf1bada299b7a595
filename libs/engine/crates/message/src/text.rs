//! White space, quoted strings, tokens, and what may stand in a header field.

use std::borrow::Cow;

/// White space of a value: blanks, tabs, and the CRLF of folds (the framing has made sure that CR and LF occur in folds only).
pub fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without leading and trailing white space.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_lws(*byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_lws(*byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// `token` of RFC 3261 §25.1, not empty.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// True where `text` can be written into a header field without ending it: no control characters but tab, no DEL, and no white space
/// at either end. UTF-8 is allowed (RFC 3261 §25.1 TEXT-UTF8).
pub fn is_header_text(text: &[u8]) -> bool {
    text.iter().all(|byte| (*byte >= b' ' || *byte == b'\t') && *byte != 0x7f) && trim(text).len() == text.len()
}

/// A value on one line: each fold becomes one blank.
pub fn unfold(_value: &[u8]) -> Cow<'_, [u8]> {
    todo!()
}

/// The text of a quoted string: without quotes and escapes. What is not quoted is given as it is.
pub fn unquote(_value: &[u8]) -> Cow<'_, [u8]> {
    todo!()
}

/// Writes `text` as a quoted string: escapes quote and backslash, writes control characters as blanks (so that no header can be injected).
pub fn write_quoted(_text: &[u8], _out: &mut Vec<u8>) {
    todo!()
}

/// Writes `Name: value` and CRLF. `false`, and nothing written, where the value is not [`is_header_text`] or the name no token.
#[must_use]
pub fn write_line(_name: &str, _value: &[u8], _out: &mut Vec<u8>) -> bool {
    todo!()
}
