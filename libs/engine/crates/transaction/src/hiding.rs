//! Hiding one side of a call from the other: Via, Record-Route and Contact (RFC 3323 §5.1, requirements 1.5).
//!
//! Towards the other side our own Via is the only one, our Record-Route the only one, and Contact names us: its user part is the URI that the
//! sender wrote, sealed, which comes back in the Request-URI. So a target that is refreshed is in the peer's hands, as RFC 3261 §12.2.1.2 has
//! it, and needs no row. Routes are in the token of our Record-Route where they fit, else beside it, else in the row. Responses get their Vias
//! back from the server transaction, hidden or not.
//!
//! Call-ID, tags and SDP stay: a proxy that changed them would be another dialog's end.

use trunkline_message::{numbers, Edits, HeaderName, Message};

use crate::transport::{Listener, Transport};

/// What a forwarded message shows instead of its sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cover {
    /// Value of Contact; empty: none is shown.
    pub contact: Vec<u8>,
}

impl Cover {
    pub fn on_request(&self, edits: &mut Edits, request: &Message<'_>) {
        edits.remove_all(request, HeaderName::RecordRoute);
        self.show_contact(edits, request);
    }

    /// `own_route` is our value of Record-Route where the response makes a dialog. Below it stands what the request came with.
    pub fn on_response(&self, edits: &mut Edits, request: &Message<'_>, response: &Message<'_>, own_route: Option<&[u8]>) {
        let is_recorded = own_route.is_some() || response.header(HeaderName::RecordRoute).is_some();
        edits.remove_all(response, HeaderName::RecordRoute);
        if let Some(value) = own_route {
            edits.insert_top(response, "Record-Route", value);
        }
        for value in request.values(HeaderName::RecordRoute).filter(|_| is_recorded) {
            edits.insert_top(response, "Record-Route", value.bytes);
        }
        self.show_contact(edits, response);
    }

    fn show_contact(&self, edits: &mut Edits, message: &Message<'_>) {
        if message.header(HeaderName::Contact).is_none() {
            return;
        }
        edits.remove_all(message, HeaderName::Contact);
        if !self.contact.is_empty() {
            edits.insert_bottom(message, "Contact", &self.contact);
        }
    }
}

/// A Contact of ours. `sealed` is what it stands for; empty where that was too long.
pub(crate) fn contact(ours: Listener, sealed: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(64 + sealed.len());
    value.extend_from_slice(b"<sip:");
    if !sealed.is_empty() {
        value.extend_from_slice(sealed.as_bytes());
        value.push(b'@');
    }
    write_place(ours, &mut value);
    value.push(b'>');
    value
}

/// A URI that names nobody but a place.
pub(crate) fn place(at: Listener) -> Vec<u8> {
    let mut uri = b"sip:".to_vec();
    write_place(at, &mut uri);
    uri
}

fn write_place(at: Listener, out: &mut Vec<u8>) {
    numbers::write_address(at.address, out);
    if at.transport != Transport::Udp {
        for part in [";transport=", at.transport.as_str()] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}
