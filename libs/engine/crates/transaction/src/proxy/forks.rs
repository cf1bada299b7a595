//! Forks: a proxy downstream has sent the INVITE to several, more than one has answered, and the caller chooses (RFC 3261 §13.2.2.4).
//!
//! The first 2xx makes the call. Further ones are passed on, and their dialogs are remembered until somebody hangs up on them. Where the call's
//! own dialog ends before, the caller has kept another, or has not got its 2xx and will hang up on the next copy: the call goes on in that one.

use trunkline_message::Message;

use crate::action::EndedBy;
use crate::plan::CallId;
use crate::route;
use crate::slab::Key;
use crate::token::Side;

use super::call::{Call, End};
use super::cancel::MAX_HUNG_UP;
use super::client::ClientRole;
use super::hangup::Dialog;
use super::numbering::Numbering;
use super::{Proxy, Turn};

/// A dialog beside the call's own: its 2xx was passed on, and nobody has hung up on it.
#[derive(Clone, Debug)]
pub(super) struct Fork {
    pub tag: Vec<u8>,
    pub dialog: Dialog,
    /// CSeq of the carrier in this dialog, which counts for itself in each (§12.2.1.1). There are no requests of ours in it but its BYE.
    pub highest: u32,
}

impl Call {
    pub fn fork_mut(&mut self, callee_tag: &[u8]) -> Option<&mut Fork> {
        self.forks.iter_mut().find(|fork| fork.tag == callee_tag)
    }

    /// A request passes in the dialog with this tag. The customer is one who counts over all of his dialogs, or as high in each.
    pub fn see_number(&mut self, side: Side, is_main: bool, callee_tag: &[u8], number: u32) {
        if side == Side::Customer || is_main {
            self.numbers_of(side).see(number);
        } else if let Some(fork) = self.fork_mut(callee_tag) {
            fork.highest = fork.highest.max(number);
        }
    }
}

impl Proxy {
    /// A 2xx to the INVITE of an answered call is passed on: a copy of one before, or that of another fork.
    pub(super) fn remember_fork(&mut self, client: Key, key: Key, response: &Message<'_>) {
        let tag = response.to_tag().unwrap_or_default();
        let Some(call) = self.calls.get(key).filter(|call| !tag.is_empty() && call.callee_tag != tag) else { return };
        let Some((flow, ClientRole::Try { forks: hung_up, server, .. })) =
            self.clients.get(client).map(|client| (client.flow, &client.role))
        else {
            return;
        };
        let is_known = call.forks.iter().map(|fork| &fork.tag).chain(hung_up).any(|known| known == tag);
        if is_known || call.forks.len() + hung_up.len() >= MAX_HUNG_UP {
            return;
        }
        let Some(invite) = self.servers.get(*server).and_then(|server| server.request.as_deref()) else { return };
        let next_hop = route::next_hop(response, &call.token, flow, &self.config.listeners);
        let dialog = Dialog::of(&invite.view(), response, &call.token, next_hop);
        if let Some(call) = self.calls.get_mut(key) {
            let highest = call.numbers.early;
            call.forks.push(Fork { tag: tag.to_vec(), dialog, highest });
        }
    }

    /// A BYE in a dialog beside the call's own.
    pub(super) fn on_fork_hung_up(&mut self, call: CallId, tag: &[u8]) {
        let Some(call) = self.call_ids.get(&call).and_then(|key| self.calls.get_mut(*key)) else { return };
        call.forks.retain(|fork| fork.tag != tag);
        let current = call.current;
        self.remember_hung_up(current, tag);
    }

    /// The call's dialog as `end` knew it is over. Says whether the call goes on, in another: always where that came to pass before.
    pub(super) fn goes_on(&mut self, turn: &Turn<'_>, key: Key, end: End) -> bool {
        let Some(call) = self.calls.get_mut(key).filter(|_| end.by != EndedBy::Edge) else { return false };
        if call.dialogs_over != end.dialogs_over {
            return true;
        }
        if call.forks.is_empty() {
            return false;
        }
        let Fork { tag, dialog, highest } = call.forks.remove(0);
        let over = std::mem::replace(&mut call.callee_tag, tag);
        call.dialog = Some(Box::new(dialog));
        call.numbers.from_carrier = Numbering::starting_at(highest);
        call.dialogs_over += 1;
        let current = call.current;
        self.remember_hung_up(current, &over);
        self.save_later(turn.now.ms, key);
        true
    }

    /// A copy of its 2xx that comes after the end of the call gets no BYE of ours.
    pub(super) fn remember_hung_up(&mut self, client: Option<Key>, tag: &[u8]) {
        let Some(client) = client.and_then(|client| self.clients.get_mut(client)) else { return };
        if let ClientRole::Try { forks, .. } = &mut client.role {
            if forks.len() < MAX_HUNG_UP && !forks.iter().any(|known| known == tag) {
                forks.push(tag.to_vec());
            }
        }
    }
}
