//! Several proxies behind the same addresses: the kernel gives a message to any of them, and what stands here says whose it is.
//!
//! A response belongs to the worker in our branch. A request belongs to the worker that has its transaction, which somebody else remembers
//! ([`Proxy::transaction_id`]); one that has been with us before, by a branch of ours in its Vias, to the worker in that branch, who sees
//! the loop. A request in a dialog belongs to the worker in the call's id, which only the token tells: [`crate::Disposition::Elsewhere`].

use trunkline_message::Message;

use crate::branch;
use crate::plan::CallId;

use super::Proxy;

impl Proxy {
    /// The other worker whose message this is, as far as its Vias tell.
    pub fn owner_of(&self, message: &Message<'_>) -> Option<u8> {
        let place = self.config.place;
        let worker =
            if message.is_request() { message.branches().find_map(branch::worker_of) } else { branch::worker_of(message.branch()) };
        worker.filter(|worker| *worker != place.worker && *worker < place.of)
    }

    /// What a request has in common with its retransmissions, and an INVITE with its CANCEL and the ACK of a failure; the same at every
    /// worker of an edge.
    pub fn transaction_id(&self, request: &Message<'_>) -> u64 {
        self.server_id(request)
    }

    /// A server transaction of this id lives here.
    pub fn has_transaction(&self, id: u64) -> bool {
        self.server_ids.contains_key(&id)
    }

    /// Where a call of this id is not one of ours.
    pub(super) fn other_worker(&self, call: CallId) -> Option<u8> {
        let place = self.config.place;
        Some(call.worker(place.of)).filter(|worker| *worker != place.worker)
    }
}
