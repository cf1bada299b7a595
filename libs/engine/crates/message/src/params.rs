//! Parameters of a value: `;name=value;name="quoted";flag`.

use crate::error::ParseError;
use crate::limits;
use crate::text::{find_quote_end, is_param_name_end, param_value_len, skip_lws};

/// One parameter. Names are compared without case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    pub name: &'a [u8],
    /// As sent: a quoted string keeps its quotes (see [`crate::text::unquote`]). `None` for a flag.
    pub value: Option<&'a [u8]>,
    /// From the semicolon to the end of the value.
    pub whole: &'a [u8],
}

/// Iterator over parameters; the input starts at the first semicolon or is empty. Ends after [`crate::limits::PARAMS`], and where the
/// syntax is broken (the parsers of whole values refuse both).
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Params<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Params { rest: bytes, left: limits::PARAMS }
    }

    /// The first parameter of that name, without case.
    pub fn get(mut self, name: &str) -> Option<Param<'a>> {
        self.find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Err where the iterator would end before the bytes do. The offset is relative to `bytes`.
    pub(crate) fn check(bytes: &'a [u8]) -> Result<(), ParseError> {
        Params::scan(bytes, "").map(|_| ())
    }

    /// Checks all of them and gives the value of the first of that name; `None` also for a flag.
    pub(crate) fn scan(bytes: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ParseError> {
        let mut params = Params::new(bytes);
        let mut found = None;
        for param in params.by_ref() {
            if found.is_none() && param.name.eq_ignore_ascii_case(name.as_bytes()) {
                found = Some(param.value);
            }
        }
        match skip_lws(params.rest) {
            [] => Ok(found.flatten()),
            rest => Err(ParseError::new("§7.3.1", bytes.len() - rest.len(), "parameters that cannot be read, or more than 64")),
        }
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        if self.left == 0 {
            return None;
        }
        let (param, rest) = split_param(self.rest)?;
        self.left -= 1;
        self.rest = rest;
        Some(param)
    }
}

/// `None` at the end and where the next parameter cannot be read.
fn split_param(bytes: &[u8]) -> Option<(Param<'_>, &[u8])> {
    let start = skip_lws(bytes);
    let after_semicolon = skip_lws(start.strip_prefix(b";")?);
    let name_len = after_semicolon.iter().position(|byte| is_param_name_end(*byte)).unwrap_or(after_semicolon.len());
    let (name, after_name) = after_semicolon.split_at(name_len);
    if name.is_empty() {
        return None;
    }
    let (value, rest) = match skip_lws(after_name).strip_prefix(b"=") {
        None => (None, after_name),
        Some(value_start) => {
            let value_start = skip_lws(value_start);
            let value_len = match value_start.first() {
                Some(b'"') => find_quote_end(value_start)?,
                _ => param_value_len(value_start),
            };
            let (value, rest) = value_start.split_at(value_len);
            (Some(value), rest)
        }
    };
    if !matches!(skip_lws(rest).first(), None | Some(b';')) {
        return None;
    }
    Some((Param { name, value, whole: &start[..start.len() - rest.len()] }, rest))
}
