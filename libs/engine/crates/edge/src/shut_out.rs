//! Banned sources, which are heard by the domains that list them and by no others (ADR 12).

use trunkline_message::Message;
use trunkline_transaction::{Flow, Now};

use crate::counts::What;
use crate::status::raise;
use crate::worker::Worker;

impl Worker {
    /// The source is banned, and the domain that this request outside of dialogs names does not list it, or it names none: there is no answer,
    /// and nothing about it in anybody's records. To be asked before any other reason not to serve it.
    pub(crate) fn is_shut_out(&mut self, now: Now, flow: Flow, message: &Message<'_>) -> bool {
        let tables = self.shared.tables.load();
        if tables.ban(flow.peer, now.unix_s()).is_none() {
            return false;
        }
        let host = message.request_uri().map(|uri| String::from_utf8_lossy(uri.host)).unwrap_or_default();
        if tables.domain(&host).is_some_and(|domain| tables.is_listed_by(domain, flow.peer.ip())) {
            return false;
        }
        raise(&self.counters.banned);
        self.counts.count(now.unix_ns, self.counting(flow, What::Banned), &mut self.lines, &mut self.pending);
        true
    }
}
