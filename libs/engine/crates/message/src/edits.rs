//! Changes to a message, written by copying everything else as it stands.

use std::net::SocketAddr;

use crate::message::Message;
use crate::name::HeaderName;
use crate::span::Span;
use crate::values::Value;

#[derive(Clone, Copy, Debug)]
struct Edit {
    at: Span,
    /// Range of `text` that replaces it.
    text: Span,
}

/// Edits of one message. Reuse it: `clear`, collect, `write`.
///
/// Spans and indexes are those of the message given; every method of one round must be given the same message. Insertions at one place
/// are written in the order of their calls. A removed field takes along what was inserted or replaced inside it.
/// Texts must be safe ([`crate::text::is_header_text`]): this type writes what it is given.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    edits: Vec<Edit>,
    text: Vec<u8>,
}

impl Edits {
    pub fn new() -> Self {
        Edits::default()
    }

    pub fn clear(&mut self) {
        self.edits.clear();
        self.text.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Replaces bytes; an empty span inserts.
    pub fn replace(&mut self, _at: Span, _text: &[u8]) {
        todo!()
    }

    pub fn replace_request_uri(&mut self, message: &Message<'_>, uri: &[u8]) {
        self.replace(message.request_uri_span(), uri);
    }

    /// Inserts `Name: value` CRLF before the first header field.
    pub fn insert_top(&mut self, _message: &Message<'_>, _name: &str, _value: &[u8]) {
        todo!()
    }

    /// Inserts `Name: value` CRLF after the last header field.
    pub fn insert_bottom(&mut self, _message: &Message<'_>, _name: &str, _value: &[u8]) {
        todo!()
    }

    /// Inserts lines that are complete with their CRLFs after the last header field.
    pub fn insert_lines(&mut self, _message: &Message<'_>, _lines: &[u8]) {
        todo!()
    }

    /// Removes the whole field `message.headers()[index]` with its folds.
    pub fn remove_field(&mut self, _message: &Message<'_>, _index: usize) {
        todo!()
    }

    /// Removes every field of a known name.
    pub fn remove_all(&mut self, _message: &Message<'_>, _name: HeaderName) {
        todo!()
    }

    /// Removes every field of that name, known or not.
    pub fn remove_named(&mut self, _message: &Message<'_>, _name: &[u8]) {
        todo!()
    }

    /// Keeps the values of `name` for which `is_kept`; a field of which none is kept goes with its line. Call once per name.
    pub fn retain_values(&mut self, _message: &Message<'_>, _name: HeaderName, _is_kept: impl FnMut(&Value<'_>) -> bool) {
        todo!()
    }

    /// Removes the topmost value of Via, Route or Record-Route. Does nothing where there is none.
    pub fn remove_first_value(&mut self, message: &Message<'_>, name: HeaderName) {
        let mut is_first = true;
        self.retain_values(message, name, |_| !std::mem::take(&mut is_first));
    }

    /// Replaces display name and URI of From or To and keeps the parameters with the tag (RFC 3323 §4.1, RFC 3261 §8.1.1.3).
    pub fn replace_address(&mut self, _message: &Message<'_>, _name: HeaderName, _name_addr: &[u8]) {
        todo!()
    }

    /// Replaces the value, or inserts the field (RFC 3261 §16.6 step 3).
    pub fn set_max_forwards(&mut self, _message: &Message<'_>, _hops: u8) {
        todo!()
    }

    /// Writes where the request came from into its top Via: `received` where the address differs from sent-by or rport asks for it, and
    /// the value of `rport` (RFC 3261 §18.2.1, RFC 3581 §4). False values of either that the sender put there are replaced.
    pub fn set_received(&mut self, _message: &Message<'_>, _source: SocketAddr) {
        todo!()
    }

    /// Appends the edited message to `out`. Without edits it is [`Message::bytes`].
    pub fn write(&mut self, _message: &Message<'_>, _out: &mut Vec<u8>) {
        let _ = self.edits.iter().map(|edit| (edit.at, edit.text)).count();
        todo!()
    }
}
