//! Connections that are gone, and what becomes of the requests that went over them (RFC 3261 §18.4): sent once more, in doubt, or failed.

use crate::action::{Action, FailureCause, Flow, Now};
use crate::machine::ClientTimer;
use crate::slab::Key;

use super::client::{Client, ClientRole};
use super::elsewhere::Elsewhere;
use super::{Proxy, Timed, Turn};

/// The Reason of the CANCEL of an INVITE whose connection broke. Q.850 41: temporary failure.
const BROKEN: &[u8] = b"Reason: Q.850;cause=41\r\n";

/// How a connection went, which tells what may have been heard of a request that has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was never there: nothing was heard.
    Unmade,
    /// It was there: perhaps all was heard. There is nobody else to ask in a dialog, so that the peer is asked once more over a new one: by the
    /// same branch, which he knows should he have heard it after all.
    Broken,
    /// The same; and we had made it, and the peer had spoken over it. Then he may have closed it while our request was on its way, and is asked
    /// once more whatever it is.
    InUse,
}

impl Proxy {
    /// The connection of `flow` could not be made, or is closed: what went over it and has no response yet has failed, and responses to what
    /// came over it take another (§18.2.2).
    pub fn on_closed(&mut self, now: Now, flow: Flow, gone: Gone, out: &mut Vec<Action>) {
        let mut turn = Turn::new(now, out);
        self.move_replies(flow);
        for key in self.clients_to(flow.peer, |client| client.is_reliable && client.flow == flow) {
            let is_asked_again = match gone {
                Gone::Unmade => false,
                Gone::Broken => self.clients.get(key).is_some_and(Client::is_in_dialog),
                Gone::InUse => true,
            };
            let is_resent = is_asked_again && self.resend(&mut turn, key);
            if !is_resent && !self.leave_in_doubt(&mut turn, key, gone) {
                self.on_transport_error(&mut turn, key);
            }
        }
    }

    /// An INVITE that a peer may have heard: the call goes on without it, and what the peer says of it yet, over another connection, is
    /// cancelled, and hung up or, in a dialog, acknowledged, for 64*T1. `false`: it is no such INVITE.
    fn leave_in_doubt(&mut self, turn: &mut Turn<'_>, key: Key, gone: Gone) -> bool {
        let ends_at_ms = turn.now.ms + self.lifetime_ms();
        let Some(client) = self.clients.get_mut(key).filter(|client| client.is_calling()) else { return false };
        if gone == Gone::Unmade && !client.is_resent {
            return false;
        }
        let (role, peer) = (client.role.clone(), client.flow.peer);
        let is_left = match &role {
            ClientRole::Try { call, .. } => self.calls.get(*call).is_some_and(|call| call.current == Some(key)),
            ClientRole::Exchange { .. } => client.elsewhere == Elsewhere::Nowhere,
            ClientRole::Abandoned { .. } | ClientRole::Nobody => true,
            ClientRole::HangUp { .. } | ClientRole::Ping { .. } => false,
        };
        if !is_left {
            return false;
        }
        client.timers.start(ClientTimer::B as usize, ends_at_ms);
        self.timers.arm(Timed::Client(key), &mut client.timers, turn.now.ms);
        self.forget_peer(key, peer);
        match role {
            ClientRole::Try { call, .. } => {
                self.abandon_try(turn, call, BROKEN);
                // Not by UDP, however large it is: a connection was made, and the gateway would have the request twice (§18.1.1, §8.2.2.2).
                self.on_try_lost(turn, key, call, FailureCause::Connection);
            }
            ClientRole::Exchange { server, .. } => {
                self.give_up(turn, key, ClientRole::Nobody, BROKEN);
                self.end_exchange(turn, server, 500);
            }
            ClientRole::Abandoned { .. } | ClientRole::Nobody | ClientRole::HangUp { .. } | ClientRole::Ping { .. } => {}
        }
        true
    }
}
