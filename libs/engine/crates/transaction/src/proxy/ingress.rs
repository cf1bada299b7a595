//! Requests sorted: ACK, retransmission, CANCEL, in dialog, new (RFC 3261 §16.3, §16.4, §17.2.3).

use trunkline_message::{HeaderName, Message, Method, Scheme};

use crate::action::{Disposition, Flow};
use crate::branch;
use crate::route::{self, Routes};
use crate::slab::Key;

use super::numbering::HIGHEST;
use super::{Proxy, Turn};

impl Proxy {
    pub(super) fn on_request(&mut self, turn: &mut Turn<'_>, flow: Flow, request: &Message<'_>) -> Disposition {
        let known: Option<Key> = self.server_ids.get(&self.server_id(request)).copied();
        match (request.method(), known) {
            (Method::Ack, Some(key)) => {
                if self.on_failure_ack(turn, key) {
                    return Disposition::Done;
                }
            }
            (Method::Cancel, Some(key)) => {
                self.on_cancel(turn, flow, request, key);
                return Disposition::Done;
            }
            (Method::Cancel, None) => return Disposition::OutOfDialog(Method::Cancel),
            (_, Some(key)) => {
                self.on_retransmission(turn, key);
                return Disposition::Done;
            }
            (_, None) => {}
        }
        let disposition = self.sort(turn, flow, request);
        match (request.method(), &disposition) {
            // Nothing ever answers an ACK (§17.1.1.3).
            (Method::Ack, Disposition::Refuse { .. }) => Disposition::Done,
            _ => disposition,
        }
    }

    fn sort(&mut self, turn: &mut Turn<'_>, flow: Flow, request: &Message<'_>) -> Disposition {
        let routes = route::read(request, &self.config.listeners, &self.config.realm);
        // §11: an OPTIONS whose hops end here is answered here; so is one that never leaves.
        if request.max_forwards() == Some(0) && request.method() != Method::Options {
            return refuse(483, "T103");
        }
        let loop_part = branch::loop_part(&self.entropy, request);
        if branch::is_loop(request, &loop_part) || self.has_come_back(request) {
            return refuse(482, "T104");
        }
        match (request.method(), request.max_breadth()) {
            (Method::Ack, _) | (_, None | Some(Some(1..))) => {}
            // RFC 5393 §5.3.3: not enough for one branch.
            (_, Some(Some(0))) => return refuse(440, "T111"),
            (_, Some(None)) => return refuse(400, "T101"),
        }
        match routes {
            Routes::Token { .. } if request.max_forwards() == Some(0) => refuse(483, "T103"),
            Routes::Token { .. } if request.cseq().number > HIGHEST => refuse(400, "T101"),
            Routes::Token { sealed, work } => match unknown_extensions(request) {
                Some(disposition) => disposition,
                None => self.on_dialog_request(turn, flow, request, &sealed, work, &loop_part),
            },
            Routes::Foreign => refuse(403, "T109"),
            Routes::None | Routes::Preloaded => match request.method() {
                Method::Ack => Disposition::OutOfDialog(Method::Ack),
                // §16.3 step 2.
                _ if request.request_uri().is_ok_and(|uri| uri.scheme == Scheme::Other) => refuse(416, "T107"),
                // In a dialog, but without the route set that we gave.
                _ if request.to_tag().is_some() => refuse(481, "T108"),
                // Our own BYE needs a number above (§12.2.1.1).
                Method::Invite if request.cseq().number > HIGHEST => refuse(400, "T101"),
                method => unknown_extensions(request).unwrap_or(match method {
                    Method::Invite => Disposition::NewInvite,
                    method => Disposition::OutOfDialog(method),
                }),
            },
        }
    }

    /// A live branch of ours in a Via: a gateway sends us our own request, with whatever Request-URI.
    fn has_come_back(&self, request: &Message<'_>) -> bool {
        request.branches().any(|branch| {
            let client = branch::key_of(branch, self.config.place.worker).and_then(|key| self.clients.get(key));
            client.is_some_and(|client| client.branch.as_bytes() == branch)
        })
    }
}

/// §16.3 step 5: we know no extension for proxies. An ACK is never refused for it.
fn unknown_extensions(request: &Message<'_>) -> Option<Disposition> {
    let tags: Vec<String> = request.option_tags(HeaderName::ProxyRequire).map(|tag| String::from_utf8_lossy(tag).into_owned()).collect();
    let is_refused = !tags.is_empty() && request.method() != Method::Ack;
    is_refused.then(|| Disposition::Refuse { status: 420, code: "T106", unsupported: tags.join(", ") })
}

pub(super) fn refuse(status: u16, code: &'static str) -> Disposition {
    Disposition::Refuse { status, code, unsupported: String::new() }
}
