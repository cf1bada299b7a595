//! Requests outside of dialogs that are no calls (RFC 3261 §8.2, §11): OPTIONS is answered, others are refused, and who scans is counted.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use trunkline_message::{HeaderName, Message, Method};
use trunkline_transaction::{Flow, Now};

use crate::counts::What;
use crate::reasons::refusal;
use crate::stateless::{is_unsupported, ALLOW_OUTSIDE};
use crate::worker::Worker;

impl Worker {
    pub(crate) fn out_of_dialog(&mut self, now: Now, flow: Flow, message: &Message<'_>, method: Method) {
        let tables = Arc::clone(&self.shared.tables);
        match method {
            // Of a refusal without state, or of nothing.
            Method::Ack => {
                if self.counts.has(flow.peer.ip(), What::UnknownDomain) && self.stateless.is_ack_of_not_served(message, flow.peer.ip()) {
                    self.counts.prove(flow.peer.ip(), What::UnknownDomain);
                }
            }
            _ if is_of_scanners(method) && self.is_shut_out(now, flow, message) => {}
            _ if !self.may_answer(now, flow, self.kind_of_stray(now, flow, method)) => {}
            Method::Options if self.shared.is_draining.load(Ordering::Relaxed) => {
                self.refuse(flow, message, &refusal(&tables.load(), "T903", String::new()), b"");
            }
            // §8.2.2.3: who is asked is we ourselves, and what may be required is what the answer names as supported.
            Method::Options if message.option_tags(HeaderName::Require).any(is_unsupported) => {
                let tags = message.option_tags(HeaderName::Require).filter(|tag| is_unsupported(tag));
                let tags: Vec<_> = tags.map(String::from_utf8_lossy).collect();
                let mut refusal = refusal(&tables.load(), "T106", String::new());
                refusal.extra_headers = format!("Unsupported: {}\r\n", tags.join(", "));
                self.refuse(flow, message, &refusal, b"");
            }
            Method::Options => {
                let mut answer = std::mem::take(&mut self.answer);
                answer.clear();
                self.stateless.options(message, flow.peer, &mut answer);
                self.send(self.reply_flow(message, flow), &answer);
                self.answer = answer;
            }
            Method::Cancel | Method::Bye | Method::Prack | Method::Update => {
                self.refuse(flow, message, &refusal(&tables.load(), "T108", String::new()), b"");
            }
            _ => self.refuse(flow, message, &refusal(&tables.load(), "T105", String::new()), ALLOW_OUTSIDE),
        }
    }

    /// A PBX that says where it is, or asks for more than a trunk has, is known by its calls. OPTIONS tell nobody anything, and a PBX takes one
    /// that is not answered for the end of the trunk.
    fn kind_of_stray(&self, now: Now, flow: Flow, method: Method) -> What {
        if is_of_scanners(method) && self.shared.is_stranger(now, flow.peer) {
            What::Scan
        } else {
            What::OutOfDialog
        }
    }
}

/// What a trunk has no use for.
pub(crate) fn is_of_scanners(method: Method) -> bool {
    !matches!(method, Method::Ack | Method::Cancel | Method::Bye | Method::Prack | Method::Update | Method::Options)
}
