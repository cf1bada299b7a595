//! What gateways do, said as it is seen: the walk's own view of a try (design: failover of calls), and of OPTIONS.

use std::sync::Arc;

use trunkline_message::Message;

use crate::action::{Action, FailureCause, SeenBy, Sighting, Sign};
use crate::slab::Key;

use super::call::Call;
use super::{Proxy, Turn};

impl Turn<'_> {
    /// Of the gateway that the call is at.
    pub(super) fn saw_try(&mut self, call: &Call, sign: Sign) {
        if let Some(step) = &call.step {
            self.saw(SeenBy::Call(Arc::clone(&step.target)), sign);
        }
    }

    pub(super) fn saw(&mut self, by: SeenBy, sign: Sign) {
        self.out.push(Action::Saw(Sighting { by, sign }));
    }
}

impl Proxy {
    /// The gateway of this call is left for the next one.
    pub(super) fn saw_failure(&self, turn: &mut Turn<'_>, key: Key, status: u16, cause: FailureCause, retry_after_s: u32) {
        if let Some(call) = self.calls.get(key) {
            turn.saw_try(call, Sign { cause: Some(cause), status, retry_after_s });
        }
    }
}

/// What a failure of a gateway means.
pub(super) enum Fate {
    Next,
    Pass,
}

/// 3xx, 401 and 407 are between the carrier and us; 5xx of these four say that this gateway cannot.
pub(super) fn fate_of(status: u16) -> Fate {
    match status {
        300..=399 | 401 | 407 | 500 | 502 | 503 | 504 => Fate::Next,
        _ => Fate::Pass,
    }
}

/// Of a final response to OPTIONS.
pub(super) fn sign_of(response: &Message<'_>) -> Sign {
    Sign { cause: None, status: response.status().unwrap_or_default(), retry_after_s: retry_after_s(response) }
}

/// Of Retry-After (RFC 3261 §20.33), whose comment and parameters say nothing to us. 0: none, or none that can be read.
pub(super) fn retry_after_s(response: &Message<'_>) -> u32 {
    let Some(field) = response.named(b"Retry-After").next() else { return 0 };
    let value = field.value.of(response.bytes());
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum: u32, digit| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
}
