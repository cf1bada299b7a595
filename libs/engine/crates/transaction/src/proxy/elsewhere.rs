//! Requests whose connection is gone, or was never made, sent again another way (RFC 3261 §18.4).

use crate::route::{self, RouteWork};
use crate::slab::Key;

use super::client::{ClientRole, Input};
use super::{Proxy, Turn};

impl Proxy {
    /// A request to a customer goes to the address that it names where the connection is gone.
    pub(super) fn allow_instead(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key).filter(|client| client.is_reliable) {
            client.has_instead = true;
        }
    }

    pub(super) fn on_transport_error(&mut self, turn: &mut Turn<'_>, key: Key) {
        if !self.send_instead(turn, key) {
            self.drive_client(turn, key, Input::TransportError, None);
        }
    }

    /// Sends an unanswered request over a connection that will be made for it; `false`: once is enough.
    pub(super) fn resend(&mut self, turn: &mut Turn<'_>, key: Key) -> bool {
        let Some(client) = self.clients.get_mut(key).filter(|client| client.is_unanswered() && !client.is_resent) else { return false };
        client.is_resent = true;
        turn.send(client.flow, client.request.clone());
        true
    }

    /// Whether an unanswered request that may go elsewhere does so now; once.
    fn send_instead(&mut self, turn: &mut Turn<'_>, key: Key) -> bool {
        let Some(client) = self.clients.get_mut(key).filter(|client| client.has_instead && client.is_unanswered()) else { return false };
        client.has_instead = false;
        let gone = client.flow;
        let as_sent = RouteWork::default();
        let instead = client.sent().and_then(|request| route::instead_of(&request.view(), &as_sent, gone, &self.config.listeners));
        let Some(instead) = instead else { return false };
        client.flow = instead;
        turn.send(instead, client.request.clone());
        // What follows goes there too: an ACK has no transaction that would find out (§13.2.2.4).
        if let ClientRole::Exchange { call, .. } = client.role {
            let row = self.call_ids.get(&call).and_then(|row| self.calls.get_mut(*row));
            if let Some(call) = row.filter(|call| call.customer == gone) {
                call.customer = instead;
            }
            self.save_call_later(turn.now.ms, call);
        }
        self.forget_peer(key, gone.peer);
        self.peers.entry(instead.peer).or_default().insert(key);
        true
    }
}
