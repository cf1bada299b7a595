//! Changes to a message, written by copying everything else as it stands.

use std::net::SocketAddr;

use crate::message::Message;
use crate::name::HeaderName;
use crate::numbers;
use crate::span::Span;
use crate::text::write_field;
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
/// are written in the order of their calls. A removed field takes along what was inserted or replaced inside it; of two replacements of
/// the same bytes the first stands. Texts must be safe ([`crate::text::is_header_text`]): this type writes what it is given.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    edits: Vec<Edit>,
    text: Vec<u8>,
}

impl Edits {
    pub fn new() -> Self {
        // What forwarding a request takes.
        Edits { edits: Vec::with_capacity(16), text: Vec::with_capacity(768) }
    }

    pub fn clear(&mut self) {
        self.edits.clear();
        self.text.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Replaces bytes; an empty span inserts.
    pub fn replace(&mut self, at: Span, text: &[u8]) {
        self.edit(at, |out| out.extend_from_slice(text));
    }

    pub fn replace_request_uri(&mut self, message: &Message<'_>, uri: &[u8]) {
        self.replace(message.request_uri_span(), uri);
    }

    /// Inserts `Name: value` CRLF before the first header field.
    pub fn insert_top(&mut self, message: &Message<'_>, name: &str, value: &[u8]) {
        let start = message.headers_range().start;
        self.edit(Span { start, end: start }, |out| write_field(name, value, out));
    }

    /// Inserts `Name: value` CRLF after the last header field.
    pub fn insert_bottom(&mut self, message: &Message<'_>, name: &str, value: &[u8]) {
        let end = message.headers_range().end;
        self.edit(Span { start: end, end }, |out| write_field(name, value, out));
    }

    /// Inserts lines that are complete with their CRLFs after the last header field.
    pub fn insert_lines(&mut self, message: &Message<'_>, lines: &[u8]) {
        let end = message.headers_range().end;
        self.replace(Span { start: end, end }, lines);
    }

    /// Removes the whole field `message.headers()[index]` with its folds; nothing where there is no such field.
    pub fn remove_field(&mut self, message: &Message<'_>, index: usize) {
        if let Some(header) = message.headers().get(index) {
            self.replace(header.line, b"");
        }
    }

    /// Removes every field of a known name (not `Other`), in all its spellings.
    pub fn remove_all(&mut self, message: &Message<'_>, name: HeaderName) {
        debug_assert!(name != HeaderName::Other, "would remove every unknown field");
        for header in message.fields(name) {
            self.replace(header.line, b"");
        }
    }

    /// Removes every field of that name, known or not.
    pub fn remove_named(&mut self, message: &Message<'_>, name: &[u8]) {
        for header in message.named(name) {
            self.replace(header.line, b"");
        }
    }

    /// Keeps the values of `name` for which `is_kept`; a field of which none is kept goes with its line. Call once per name. Values that
    /// stay keep their bytes, so that they can be edited too.
    pub fn retain_values(&mut self, message: &Message<'_>, name: HeaderName, mut is_kept: impl FnMut(&Value<'_>) -> bool) {
        let mut values = message.values(name).peekable();
        while let Some(first) = values.peek() {
            let index = first.header;
            let mut last_kept_end = None;
            let mut removed_start = None;
            while let Some(value) = values.next_if(|value| value.header == index) {
                let Some(span) = message.span_of(value.bytes) else { continue };
                if is_kept(&value) {
                    if let Some(start) = removed_start.take() {
                        self.replace(Span { start, end: span.start }, b"");
                    }
                    last_kept_end = Some(span.end);
                } else {
                    removed_start = removed_start.or(Some(span.start));
                }
            }
            match (last_kept_end, removed_start) {
                (None, _) => self.remove_field(message, index),
                // The comma before the first removed value goes with it.
                (Some(start), Some(_)) => self.replace(Span { start, end: message.headers()[index].value.end }, b""),
                (Some(_), None) => {}
            }
        }
    }

    /// Removes the topmost value of Via, Route or Record-Route. Does nothing where there is none.
    pub fn remove_first_value(&mut self, message: &Message<'_>, name: HeaderName) {
        let mut is_first = true;
        self.retain_values(message, name, |_| !std::mem::take(&mut is_first));
    }

    /// Replaces display name and URI of From or To and keeps the parameters with the tag (RFC 3323 §4.1, RFC 3261 §8.1.1.3).
    pub fn replace_address(&mut self, message: &Message<'_>, name: HeaderName, name_addr: &[u8]) {
        let address = match name {
            HeaderName::To => message.to(),
            _ => message.from(),
        };
        debug_assert!(matches!(name, HeaderName::From | HeaderName::To));
        if let Some(span) = message.span_of(address.address_bytes) {
            self.replace(span, name_addr);
        }
    }

    /// Replaces the value, or inserts the field (RFC 3261 §16.6 step 3).
    pub fn set_max_forwards(&mut self, message: &Message<'_>, hops: u8) {
        match message.header(HeaderName::MaxForwards) {
            Some(header) => self.edit(header.value, |out| numbers::write_decimal(u64::from(hops), out)),
            None => {
                let end = message.headers_range().end;
                self.edit(Span { start: end, end }, |out| {
                    out.extend_from_slice(b"Max-Forwards: ");
                    numbers::write_decimal(u64::from(hops), out);
                    out.extend_from_slice(b"\r\n");
                });
            }
        }
    }

    /// Writes where the request came from into its top Via: see [`crate::Via::write_received`].
    pub fn set_received(&mut self, message: &Message<'_>, source: SocketAddr) {
        let via = message.top_via();
        if let Some(span) = message.span_of(via.raw) {
            self.edit(span, |out| via.write_received(source, out));
        }
    }

    /// Appends the edited message to `out`. Without edits it is [`Message::bytes`].
    pub fn write(&mut self, message: &Message<'_>, out: &mut Vec<u8>) {
        let bytes = message.bytes();
        // Insertions come before a replacement that starts at the same byte; `text.start` keeps the order of the calls.
        self.edits.sort_unstable_by_key(|edit| (edit.at.start, !edit.at.is_empty(), edit.text.start));
        out.reserve(bytes.len() + self.text.len());
        let mut done = 0;
        for edit in &self.edits {
            if edit.at.start < done {
                done = done.max(edit.at.end);
                continue;
            }
            out.extend_from_slice(Span { start: done, end: edit.at.start }.of(bytes));
            out.extend_from_slice(edit.text.of(&self.text));
            done = edit.at.end;
        }
        out.extend_from_slice(bytes.get(done as usize..).unwrap_or_default());
    }

    fn edit(&mut self, at: Span, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        self.edits.push(Edit { at, text: Span::new(start, self.text.len()) });
    }
}
