//! OPTIONS of our own to gateways (RFC 3261 §11): whether somebody is there.

use std::sync::Arc;

use trunkline_message::{DialogRequest, Method};

use crate::action::{Action, FailureCause, Flow, GatewayPlace, Now, SeenBy, Sign};
use crate::entropy::write_hex;
use crate::forward;
use crate::slab::Key;
use crate::transport::Transport;

use super::client::ClientRole;
use super::{Proxy, Turn};

/// An OPTIONS to one gateway.
#[derive(Clone, Debug)]
pub struct Ping {
    /// What its `Sighting` names, and where it goes.
    pub place: Arc<GatewayPlace>,
    pub listener: u16,
    /// Without a final response for so long it has kept silent; 64*T1 at most.
    pub timeout_ms: u64,
}

impl Proxy {
    /// Sends it; its `Sighting` comes with the final response, or with its failure. `false`: the bound on transactions is reached, and nothing
    /// was sent.
    pub fn ping(&mut self, now: Now, ping: &Ping, out: &mut Vec<Action>) -> bool {
        if !self.has_room_in_dialog() {
            return false;
        }
        let turn = &mut Turn::new(now, out);
        let ours = self.listener(ping.listener);
        let mut target = format!("sip:{}", ping.place.address);
        if ours.transport != Transport::Udp {
            target += &format!(";transport={}", ours.transport.as_str());
        }
        let (mut call_id, mut tag) = (String::new(), String::new());
        for _ in 0..2 {
            write_hex(self.entropy.next(), &mut call_id);
        }
        write_hex(self.entropy.next(), &mut tag);
        let from = format!("<sip:{}>;tag={tag}", ours.address);
        let to = format!("<{target}>");
        let write = |branch: &str| {
            let mut bytes = Vec::with_capacity(512);
            let request = DialogRequest {
                method: "OPTIONS",
                remote_target: target.as_bytes(),
                routes: &[],
                via: &forward::via(ours, branch),
                from: from.as_bytes(),
                to: to.as_bytes(),
                call_id: call_id.as_bytes(),
                cseq: 1,
                lines: b"Accept: application/sdp\r\n",
            };
            trunkline_message::write_request(&request, &mut bytes);
            bytes
        };
        let flow = Flow { listener: ping.listener, peer: ping.place.address };
        let role = ClientRole::Ping { place: Arc::clone(&ping.place) };
        let key = self.send_request(turn, flow, role, "0", Method::Options, write);
        self.start_timer_c(turn, key, ping.timeout_ms);
        true
    }

    /// Its time is over. A late answer finds nothing and says nothing.
    pub(super) fn on_ping_overdue(&mut self, turn: &mut Turn<'_>, key: Key, place: Arc<GatewayPlace>) {
        self.remove_client(key);
        turn.saw(SeenBy::Options(place), Sign { cause: Some(FailureCause::Silent), status: 0, retry_after_s: 0 });
    }

    pub(super) fn on_ping_unreachable(&mut self, turn: &mut Turn<'_>, key: Key, place: Arc<GatewayPlace>) {
        let Some(flow) = self.clients.get(key).map(|client| client.flow) else { return };
        let cause = if self.transport(flow).is_reliable() { FailureCause::Connection } else { FailureCause::Icmp };
        turn.saw(SeenBy::Options(place), Sign { cause: Some(cause), status: 0, retry_after_s: 0 });
    }
}
