//! INVITEs whose decision is asked for elsewhere, because this edge's own tables are not whole yet.
//!
//! Nothing is said to the caller until the answer comes: no 100, no transaction. A challenge or a refusal then is as stateless as ever, and
//! only a call that is admitted begins one. Retransmissions meanwhile are recognized and dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use trunkline_message::{Message, OwnedMessage};
use trunkline_transaction::Flow;

/// Asked for at once; an answer takes some tens of milliseconds, so these are tens of thousands of calls a second.
pub(crate) const MAX_ASKED: usize = 1024;

/// An INVITE that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub message: Arc<OwnedMessage>,
    pub flow: Flow,
}

/// Why an INVITE is not asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAsked {
    /// It is one that waits.
    Retransmission,
    /// Too many wait.
    Full,
}

#[derive(Debug, Default)]
pub(crate) struct Asked {
    waiting: HashMap<u128, Waiting>,
    known: HashMap<Vec<u8>, u128>,
    /// Oldest first; those that were answered are passed over.
    order: VecDeque<(u64, u128)>,
}

impl Asked {
    /// Keeps the INVITE under `id` until `due_ms`.
    pub fn keep(&mut self, id: u128, flow: Flow, message: &Message<'_>, due_ms: u64) -> Result<(), NotAsked> {
        let key = key_of(message);
        if self.known.contains_key(&key) {
            return Err(NotAsked::Retransmission);
        }
        // Those that were answered stand in `order` until their time is over.
        if self.order.len() >= MAX_ASKED {
            return Err(NotAsked::Full);
        }
        self.known.insert(key, id);
        self.waiting.insert(id, Waiting { message: Arc::new(OwnedMessage::copy_of(message)), flow });
        self.order.push_back((due_ms, id));
        Ok(())
    }

    pub fn message(&self, id: u128) -> Option<Arc<OwnedMessage>> {
        self.waiting.get(&id).map(|waiting| Arc::clone(&waiting.message))
    }

    pub fn take(&mut self, id: u128) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        self.known.remove(&key_of(&waiting.message.view()));
        if let Some(at) = self.order.iter().position(|(_, other)| *other == id) {
            self.order.remove(at);
        }
        Some(waiting)
    }

    /// The oldest whose time is over.
    pub fn take_overdue(&mut self, now_ms: u64) -> Option<Waiting> {
        let (due_ms, id) = *self.order.front()?;
        if due_ms > now_ms {
            return None;
        }
        self.take(id)
    }

    pub fn next_due(&self) -> Option<u64> {
        self.order.front().map(|(due_ms, _)| *due_ms)
    }
}

/// A retransmission has the same branch (RFC 3261 §17.1.1.2); a client that tries again has another CSeq.
fn key_of(message: &Message<'_>) -> Vec<u8> {
    let mut key = message.branch().to_vec();
    key.push(b'\n');
    key.extend_from_slice(message.call_id());
    key.extend_from_slice(&message.cseq().number.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(branch: &str, cseq: u32) -> OwnedMessage {
        let text = format!(
            "INVITE sip:31201234567@acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:a@acme.example>;tag=1\r\nTo: <sip:b@acme.example>\r\nCall-ID: one\r\nCSeq: {cseq} INVITE\r\n\
             Contact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
        );
        OwnedMessage::parse(text.as_bytes()).unwrap()
    }

    fn flow() -> Flow {
        Flow { listener: 0, peer: "192.0.2.1:5060".parse().unwrap() }
    }

    #[test]
    fn a_retransmission_is_recognized_until_its_invite_is_answered() {
        let mut asked = Asked::default();
        assert_eq!(asked.keep(1, flow(), &invite("a", 1).view(), 100), Ok(()));
        assert_eq!(asked.keep(2, flow(), &invite("a", 1).view(), 100), Err(NotAsked::Retransmission));
        assert_eq!(asked.keep(3, flow(), &invite("b", 2).view(), 200), Ok(()));
        assert!(asked.take(1).is_some());
        assert!(asked.take(1).is_none());
        assert_eq!(asked.keep(4, flow(), &invite("a", 1).view(), 300), Ok(()));
    }

    #[test]
    fn what_is_not_answered_in_time_comes_out_oldest_first() {
        let mut asked = Asked::default();
        for (id, due_ms) in [(1, 100), (2, 150), (3, 200)] {
            asked.keep(id, flow(), &invite(&id.to_string(), 1).view(), due_ms).unwrap();
        }
        asked.take(2);
        assert_eq!(asked.next_due(), Some(100));
        assert!(asked.take_overdue(99).is_none());
        assert!(asked.take_overdue(500).is_some());
        assert_eq!(asked.next_due(), Some(200));
        assert!(asked.take_overdue(500).is_some());
        assert!(asked.take_overdue(500).is_none());
        assert_eq!(asked.next_due(), None);
    }

    #[test]
    fn no_more_than_the_bound_wait() {
        let mut asked = Asked::default();
        for id in 0..MAX_ASKED as u128 {
            asked.keep(id, flow(), &invite(&id.to_string(), 1).view(), 100).unwrap();
        }
        assert_eq!(asked.keep(u128::MAX, flow(), &invite("more", 1).view(), 100), Err(NotAsked::Full));
        asked.take(0);
        assert_eq!(asked.keep(u128::MAX, flow(), &invite("more", 1).view(), 100), Ok(()));
    }
}
