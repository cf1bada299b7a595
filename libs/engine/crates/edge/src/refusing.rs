//! Refusals without state: of an existing domain they are attempts with their records, of others they are counted.

use trunkline_message::{Message, Method};
use trunkline_transaction::{Flow, Now, Refusal};

use crate::attempt::{nobody, Attempt, Owner};
use crate::counts::What;
use crate::policy::Decision;
use crate::stateless::NOT_SERVED;
use crate::strays::is_of_scanners;
use crate::worker::Worker;

impl Worker {
    /// What is refused before the access rule is asked. A new INVITE for somebody's domain is an attempt, with its record.
    pub(crate) fn refuse_unasked(&mut self, now: Now, flow: Flow, message: &Message<'_>, refusal: &Refusal) {
        let is_outside = message.to_tag().is_none();
        if is_outside && is_of_scanners(message.method()) && self.is_shut_out(now, flow, message) {
            return;
        }
        let tables = self.shared.tables.load();
        let uri = match message.method() {
            // An ACK is never answered (RFC 3261 §17.1.1.3).
            Method::Ack => return,
            Method::Invite if is_outside => message.request_uri().ok(),
            _ => None,
        };
        if let Some(uri) = uri {
            let (host, user) = (String::from_utf8_lossy(uri.host), uri.user_unescaped());
            if let Some(domain) = tables.domain(&host) {
                let number = String::from_utf8_lossy(&user);
                let attempt = Attempt { host: &host, number: &number, username: b"" };
                return self.refuse_attempt(now, flow, message, Some(Owner::of(domain, &tables)), refusal, &attempt);
            }
        }
        if self.may_answer(now, flow, What::OutOfDialog) {
            self.refuse(flow, message, refusal, b"");
        }
    }

    /// A refusal without state. Of an existing domain it is an attempt, with its record; of no domain it is counted.
    pub(crate) fn refuse_attempt(
        &mut self,
        now: Now,
        flow: Flow,
        message: &Message<'_>,
        owner: Option<Owner<'_>>,
        refusal: &Refusal,
        attempt: &Attempt<'_>,
    ) {
        let what = if owner.is_none() || refusal.code == NOT_SERVED { What::UnknownDomain } else { What::Refused };
        if !self.may_answer(now, flow, what) {
            return;
        }
        match owner {
            Some(owner) => self.refuse_recorded(now, flow, message, owner, refusal, attempt),
            None => self.refuse(flow, message, refusal, b""),
        }
    }

    /// However often: of one who may not be left in silence, for each of his INVITEs would come eleven times.
    pub(crate) fn refuse_recorded(
        &mut self,
        now: Now,
        flow: Flow,
        message: &Message<'_>,
        owner: Owner<'_>,
        refusal: &Refusal,
        attempt: &Attempt<'_>,
    ) {
        let call = self.stateless.call_id(message);
        self.write_attempt(now, flow, message, owner, &nobody(), &Decision::default(), call, attempt);
        self.lines.refused(&mut self.pending, call, now.unix_ns, refusal);
        self.refuse(flow, message, refusal, b"");
        self.capture_refused(now, flow, message, call, owner.tenant);
    }
}
