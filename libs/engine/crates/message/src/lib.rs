//! SIP messages without I/O: a span parser, typed views, splicing, builders of our own messages, and digest authentication.
//!
//! RFC 3261 §7, §8.1.1, §18.3, §19, §20 and §25; RFC 3581 (rport); RFC 3323 and 3325 (privacy tokens); RFC 3326 (Reason);
//! RFC 7616, 8760 and 2617 (digest). Left out: bodies (SDP passes unread), transactions, transports, and every choice of what to do.
//!
//! The way through: [`Message::parse`] puts spans into a reused [`HeaderTable`]; the accessors of [`Message`] give typed views that borrow
//! from the received bytes; [`Edits`] collects changes and writes the forwarded message, untouched bytes exact; [`ResponseSpec`],
//! [`write_cancel`] and their like write messages of our own.
#![forbid(unsafe_code)]

mod address;
mod credentials;
mod digest;
mod edits;
mod error;
pub mod limits;
mod message;
mod method;
mod name;
mod number;
pub mod numbers;
mod owned;
mod params;
mod parse;
mod privacy;
mod request;
mod response;
mod span;
pub mod text;
mod uri;
mod values;
mod via;

pub use address::NameAddr;
pub use credentials::{Challenge, Credentials, CredentialsError};
pub use digest::{compute_ha1, compute_response, Algorithm, Ha1, HexDigest, Qop, ResponseInput};
pub use edits::Edits;
pub use error::ParseError;
pub use message::{CSeq, Header, HeaderTable, Message};
pub use method::Method;
pub use name::HeaderName;
pub use number::{e164_digits, Digits};
pub use owned::OwnedMessage;
pub use params::{Param, Params};
pub use parse::is_keep_alive;
pub use privacy::{PrivacyTokens, ReasonValue};
pub use request::{write_ack_for_failure, write_ack_for_success, write_cancel, write_request, DialogRequest};
pub use response::{malformed_top_via, reason_phrase, write_malformed_response, write_response, write_vias, ResponseSpec};
pub use span::Span;
pub use uri::{eq_host, Scheme, Uri};
pub use values::{Value, Values};
pub use via::Via;
