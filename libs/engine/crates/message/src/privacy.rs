//! Tokens of Privacy (RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044) and values of Reason (RFC 3326).

use crate::message::Message;
use crate::name::HeaderName;
use crate::params::Params;
use crate::parse::parse_digits;
use crate::text::{is_token, trim};

/// Which priv-values were asked for, over all lines, without case. Unknown tokens are ignored: nothing is known to do for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrivacyTokens {
    pub is_none: bool,
    pub is_header: bool,
    pub is_user: bool,
    pub is_session: bool,
    pub is_id: bool,
    pub is_history: bool,
    pub is_critical: bool,
}

impl PrivacyTokens {
    /// Separated by semicolons (RFC 3323 §4.2); commas, which some send, are taken too.
    pub fn of(message: &Message<'_>) -> Self {
        let mut tokens = PrivacyTokens::default();
        for field in message.fields(HeaderName::Privacy) {
            for token in field.value.of(message.bytes()).split(|byte| matches!(byte, b';' | b',')) {
                match trim(token).to_ascii_lowercase().as_slice() {
                    b"none" => tokens.is_none = true,
                    b"header" => tokens.is_header = true,
                    b"user" => tokens.is_user = true,
                    b"session" => tokens.is_session = true,
                    b"id" => tokens.is_id = true,
                    b"history" => tokens.is_history = true,
                    b"critical" => tokens.is_critical = true,
                    _ => {}
                }
            }
        }
        tokens
    }
}

/// `Q.850;cause=16;text="Terminated"`.
#[derive(Clone, Copy, Debug)]
pub struct ReasonValue<'a> {
    pub protocol: &'a [u8],
    pub cause: Option<u16>,
    /// As sent, with quotes.
    pub text: Option<&'a [u8]>,
}

impl<'a> ReasonValue<'a> {
    /// `None` where the protocol is no token.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let protocol = trim(&value[..end]);
        let params = Params::new(&value[end..]);
        let cause = params.clone().get("cause").and_then(|param| param.value);
        is_token(protocol).then(|| ReasonValue {
            protocol,
            cause: cause.and_then(|digits| parse_digits(digits, 999)).and_then(|cause| u16::try_from(cause).ok()),
            text: params.get("text").and_then(|param| param.value),
        })
    }
}
