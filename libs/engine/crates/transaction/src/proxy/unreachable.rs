//! Whom the network calls unreachable (ICMP, RFC 3261 §18.4), and whether that is believed (RFC 5927 §4, "Constraints in the possible
//! solutions": an error is checked by what it quotes).
//!
//! Addresses and ports of a trunk can be guessed, so an ICMP error that names them can be made up. What it quotes of the datagram that
//! failed cannot: our branch has 128 bits that only the next hop has seen.

use std::net::SocketAddr;

use crate::action::{Action, Now};
use crate::branch;

use super::client::Client;
use super::{Proxy, Turn};

/// What the quoted beginning of a datagram shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    /// A request to that peer that still waits for its final response.
    Here,
    /// Perhaps one of this other worker, who is to be asked.
    Elsewhere(u8),
    /// No request of ours that waits: it was quoted too short, is over, was a response, or was never sent.
    Nobodys,
}

impl Proxy {
    /// `quoted` is what an ICMP error about `peer` quotes of a datagram that was sent over UDP, from its first byte on, as far as it goes.
    pub fn quoted(&self, peer: SocketAddr, quoted: &[u8]) -> Quoted {
        let place = self.config.place;
        let mut other = None;
        for branch in branch::all_in(quoted) {
            let client = branch::key_of(branch, place.worker).and_then(|key| self.clients.get(key));
            let is_it = |client: &&Client| client.branch.as_bytes() == branch && client.flow.peer == peer && !client.is_reliable;
            if client.filter(is_it).is_some_and(Client::is_waiting) {
                return Quoted::Here;
            }
            other = other.or(branch::worker_of(branch).filter(|worker| *worker != place.worker && *worker < place.of));
        }
        other.map_or(Quoted::Nobodys, Quoted::Elsewhere)
    }

    /// `peer` cannot be reached over UDP: no request that waits for it is waited for any longer. To be called for what is proven
    /// ([`Proxy::quoted`]); one proof counts for all, because hosts say it seldom (RFC 1812 §4.3.2.8).
    pub fn on_unreachable(&mut self, now: Now, peer: SocketAddr, out: &mut Vec<Action>) {
        let mut turn = Turn::new(now, out);
        for key in self.clients_to(peer, |client| !client.is_reliable) {
            self.on_transport_error(&mut turn, key);
        }
    }
}
