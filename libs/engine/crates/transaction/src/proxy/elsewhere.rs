//! Requests whose connection is gone, or was never made, sent again another way (RFC 3261 §18.1.1, §18.4).

use trunkline_message::{Edits, HeaderName};

use crate::forward;
use crate::route::{self, RouteWork};
use crate::slab::Key;

use super::client::{ClientRole, Input};
use super::{Proxy, Timed, Turn};

/// The other way of a request, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elsewhere {
    Nowhere,
    /// To the address of the customer's own that it names: in its first Route or, where that comes after a strict router, in its Request-URI.
    OwnAddress {
        is_strict: bool,
    },
    /// To the same address by UDP from this listener, although it is too large for that.
    Datagrams(u16),
}

impl Proxy {
    pub(super) fn allow_elsewhere(&mut self, key: Key, elsewhere: Elsewhere) {
        if let Some(client) = self.clients.get_mut(key).filter(|client| client.is_reliable) {
            client.elsewhere = elsewhere;
        }
    }

    pub(super) fn on_transport_error(&mut self, turn: &mut Turn<'_>, key: Key) {
        let unanswered = self.clients.get_mut(key).filter(|client| client.is_unanswered());
        let elsewhere = unanswered.map_or(Elsewhere::Nowhere, |client| std::mem::replace(&mut client.elsewhere, Elsewhere::Nowhere));
        let is_sent = match elsewhere {
            Elsewhere::Nowhere => None,
            Elsewhere::OwnAddress { is_strict } => self.send_to_own_address(turn, key, is_strict),
            Elsewhere::Datagrams(listener) => self.send_as_datagram(turn, key, listener),
        };
        if is_sent.is_none() {
            self.drive_client(turn, key, Input::TransportError, None);
        }
    }

    /// Sends an unanswered request over a connection that will be made for it; `false`: once is enough, and what was given up not at all.
    pub(super) fn resend(&mut self, turn: &mut Turn<'_>, key: Key) -> bool {
        let Some(client) = self.clients.get_mut(key).filter(|client| client.is_unanswered() && !client.is_resent) else { return false };
        if matches!(client.role, ClientRole::Abandoned { .. }) {
            return false;
        }
        client.is_resent = true;
        turn.send(client.flow, client.request.clone());
        true
    }

    /// `None`: it names no other address.
    fn send_to_own_address(&mut self, turn: &mut Turn<'_>, key: Key, is_strict: bool) -> Option<()> {
        let client = self.clients.get_mut(key)?;
        let gone = client.flow;
        let instead = route::instead_of(&client.sent()?.view(), &RouteWork::done(is_strict), gone, &self.config.listeners)?;
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
        Some(())
    }

    /// The same request, but for what its Via says of the way (§18.1.1). Whoever has heard it after all knows its branch.
    fn send_as_datagram(&mut self, turn: &mut Turn<'_>, key: Key, listener: u16) -> Option<()> {
        let ours = self.listener(listener);
        let client = self.clients.get_mut(key)?;
        let sent = client.sent()?;
        let view = sent.view();
        let via = view.span_of(view.values(HeaderName::Via).next()?.bytes)?;
        let mut edits = Edits::new();
        edits.replace(via, &forward::via(ours, &client.branch));
        client.request.clear();
        edits.write(&view, &mut client.request);
        client.go_by_datagrams(listener, turn.now.ms, self.config.t1_ms);
        self.timers.arm(Timed::Client(key), &mut client.timers, turn.now.ms);
        turn.send(client.flow, client.request.clone());
        Some(())
    }
}
