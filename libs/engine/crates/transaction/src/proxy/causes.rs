//! Q.850 causes of messages (RFC 3326, RFC 3398).

use trunkline_message::Message;

/// The Q.850 cause of a failure: its Reason header's, else that of RFC 3398 §8.2.6.1.
pub(super) fn cause_of(message: &Message<'_>) -> u16 {
    stated_cause(message).unwrap_or_else(|| match message.status().unwrap_or_default() {
        401 | 402 | 403 | 407 | 603 => 21,
        404 | 485 | 604 => 1,
        405 => 63,
        406 | 415 | 501 => 79,
        408 | 504 => 102,
        410 => 22,
        413 | 414 | 416 | 420 | 421 | 423 | 505 | 513 => 127,
        480 => 18,
        481 | 500 | 503 => 41,
        482 | 483 => 25,
        484 => 28,
        486 | 600 => 17,
        487 => 16,
        488 | 606 => 65,
        502 => 38,
        _ => 31,
    })
}

/// Of `Reason: Q.850;cause=…` (RFC 3326).
pub(super) fn stated_cause(message: &Message<'_>) -> Option<u16> {
    message.reasons().find(|reason| reason.protocol.eq_ignore_ascii_case(b"Q.850")).and_then(|reason| reason.cause)
}
