//! Tokens of Privacy (RFC 3323 §4.2, RFC 3325 §9.3) and values of Reason (RFC 3326).

use crate::message::Message;

/// Which priv-values were asked for, over all lines, without case. Unknown tokens are ignored (they are the asker's loss).
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
    pub fn of(_message: &Message<'_>) -> Self {
        todo!()
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
    pub fn parse(_value: &'a [u8]) -> Option<Self> {
        todo!()
    }
}
