//! Calls of one worker whose messages are captured, and how a message is known to be of one (docs/adr/0021-capture.md).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use trunkline_message::Message;
use trunkline_transaction::CallId;

use crate::captures::Whose;
use crate::shares::{GivesWay, Shares};

/// Sampled calls of a worker whose messages are looked for. For the newest one that is over is forgotten; where none is, the oldest of the
/// tenant that has most of them.
const MAX_SAMPLED: usize = 1_024;

/// A sampled call that is over is followed for so long, where there is room: what comes after its last fact is the 200 to a BYE, the ACK of a
/// refusal, and what is sent again, for 64 × T1 (RFC 3261 §17).
const FOLLOWED_MS: u64 = 32_000;

const INVITE: &[u8] = b"INVITE ";

/// The long and the compact form (RFC 3261 §20.8).
const CALL_IDS: [&[u8]; 2] = [b"\r\nCall-ID:", b"\r\ni:"];

/// As it stands in From and To, behind a semicolon or a blank. With blanks before its `=` (§25.1) a message that leaves is not found.
const TAG: &[u8] = b"tag=";

/// Looked at in one message: two, and what looks like one in other fields.
const MAX_TAGS: usize = 8;

/// Calls of one worker whose messages are being captured.
#[derive(Debug)]
pub(crate) struct Capturing {
    /// The one that failed in this turn, by its SIP Call-ID.
    pub failed: Option<(Whose, Vec<u8>)>,
    /// By SIP Call-ID and the caller's tag: whoever guesses the Call-ID of another's call has none of its messages in his own.
    sampled: HashMap<Vec<u8>, Whose>,
    /// Keys of `sampled`.
    order: Shares<Vec<u8>>,
    /// Those that are up, and their keys.
    up: HashMap<CallId, Vec<u8>>,
    /// Keys of the others, and until when they are followed (ms); the one that was over first is first.
    over: VecDeque<(u64, Vec<u8>)>,
}

impl Default for Capturing {
    fn default() -> Self {
        let order = Shares::new(MAX_SAMPLED, GivesWay::Oldest);
        Self { failed: None, sampled: HashMap::new(), order, up: HashMap::new(), over: VecDeque::new() }
    }
}

impl Capturing {
    pub fn sample(&mut self, whose: Whose, sip_call_id: &[u8], caller_tag: &[u8]) {
        let key = key_of(sip_call_id, caller_tag);
        // Another call by the same names takes the place of the one before it.
        self.over.retain(|(_, other)| *other != key);
        self.forget(&key);
        if self.sampled.len() >= MAX_SAMPLED {
            if let Some((_, over)) = self.over.pop_front() {
                self.forget(&over);
            }
        }
        let tenant = Arc::clone(&whose.tenant);
        self.up.insert(whose.call, key.clone());
        self.sampled.insert(key.clone(), whose);
        for forgotten in self.order.add(&tenant, 1, key) {
            self.forget(&forgotten);
        }
    }

    pub fn is_any_up(&self) -> bool {
        !self.up.is_empty()
    }

    /// The last fact of a call was said. Of one that is not sampled nothing is known here.
    pub fn end(&mut self, call: CallId, now_ms: u64) {
        if let Some(key) = self.up.remove(&call) {
            self.over.push_back((now_ms + FOLLOWED_MS, key));
        }
    }

    /// Those that have been over for long.
    pub fn forget_over(&mut self, now_ms: u64) {
        while self.over.front().is_some_and(|(until_ms, _)| *until_ms <= now_ms) {
            if let Some((_, key)) = self.over.pop_front() {
                self.forget(&key);
            }
        }
    }

    /// One that is not among `over`.
    fn forget(&mut self, key: &[u8]) {
        if let Some(whose) = self.sampled.remove(key) {
            self.up.remove(&whose.call);
            self.order.remove(&whose.tenant, |other| other == key);
        }
    }

    /// Whose message this is that leaves, where it is to be captured.
    pub fn whose(&self, bytes: &[u8]) -> Option<Whose> {
        if self.failed.is_none() && self.sampled.is_empty() {
            return None;
        }
        let sip_call_id = call_id_of(bytes)?;
        match &self.failed {
            // An INVITE to the next gateway is kept by the core, and captured when that one fails too.
            Some((whose, id)) if id == sip_call_id && !bytes.starts_with(INVITE) => Some(whose.clone()),
            _ => tags_of(bytes).find_map(|tag| self.sampled_by(sip_call_id, tag)),
        }
    }

    /// Whose message this is that came: the caller's tag stands in From or, where the callee asks, in To.
    pub fn whose_received(&self, message: &Message<'_>) -> Option<Whose> {
        if self.sampled.is_empty() {
            return None;
        }
        let tags = [message.from_tag(), message.to_tag()];
        tags.into_iter().flatten().find_map(|tag| self.sampled_by(message.call_id(), tag))
    }

    fn sampled_by(&self, sip_call_id: &[u8], tag: &[u8]) -> Option<Whose> {
        if self.sampled.is_empty() {
            return None;
        }
        self.sampled.get(&key_of(sip_call_id, tag)).cloned()
    }
}

/// Of a message that we have written ourselves, or forwarded with the name as it came: the value of its Call-ID. Not folded: what is found
/// here is only compared.
fn call_id_of(bytes: &[u8]) -> Option<&[u8]> {
    CALL_IDS.iter().find_map(|name| {
        let at = bytes.windows(name.len()).position(|window| window.eq_ignore_ascii_case(name))?;
        let value = &bytes[at + name.len()..];
        let end = value.iter().position(|byte| *byte == b'\r')?;
        Some(value[..end].trim_ascii())
    })
}

/// No Call-ID has a blank in it.
fn key_of(sip_call_id: &[u8], caller_tag: &[u8]) -> Vec<u8> {
    [sip_call_id, b" ", caller_tag].concat()
}

/// Tags in the header of a message that we have written or forwarded: those of From and To, before whatever else looks like one.
fn tags_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let header = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes, |end| &bytes[..end]);
    let is_param = |at: usize| at > 0 && b"; \t".contains(&header[at - 1]);
    let found = header.windows(TAG.len()).enumerate().filter(move |(at, window)| window.eq_ignore_ascii_case(TAG) && is_param(*at));
    found.map(|(at, _)| at + TAG.len()).take(MAX_TAGS).map(move |start| {
        let value = &header[start..];
        let end = value.iter().position(|byte| b";>,\r \t".contains(byte)).unwrap_or(value.len());
        &value[..end]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(call: u128, tenant: &str, is_sampled: bool) -> Whose {
        Whose { call: CallId(call), tenant: Arc::from(tenant), is_sampled }
    }

    #[test]
    fn a_tenants_sampled_calls_are_not_forgotten_for_another_tenants() {
        let mut capturing = Capturing::default();
        capturing.sample(whose(1, "quiet", true), b"1@a", b"one");
        for number in 0..2 * MAX_SAMPLED {
            capturing.sample(whose(2, "flood", true), number.to_string().as_bytes(), b"tag");
        }
        let sent = b"BYE sip:a SIP/2.0\r\nFrom: <sip:a>;tag=one\r\nCall-ID: 1@a\r\n\r\n";
        assert_eq!(capturing.whose(sent), Some(whose(1, "quiet", true)));
        assert_eq!(capturing.sampled.len(), MAX_SAMPLED);
    }

    /// Of every tenant one call, that has its number.
    fn one_of_each(tenants: usize) -> Capturing {
        let mut capturing = Capturing::default();
        for number in 0..tenants {
            capturing.sample(whose(number as u128, &format!("t{number:04}"), true), number.to_string().as_bytes(), b"tag");
        }
        capturing
    }

    fn sizes(capturing: &Capturing) -> [usize; 3] {
        [capturing.sampled.len(), capturing.up.len(), capturing.over.len()]
    }

    fn is_followed(capturing: &Capturing, number: usize) -> bool {
        capturing.sampled_by(number.to_string().as_bytes(), b"tag").is_some()
    }

    #[test]
    fn a_call_that_is_over_gives_way_to_the_first_one_of_another_tenant() {
        let mut capturing = one_of_each(MAX_SAMPLED);
        for number in 0..MAX_SAMPLED {
            capturing.end(CallId(number as u128), 0);
        }
        assert!(is_followed(&capturing, 0), "its last messages may still come");
        capturing.sample(whose(5_000, "t5000", true), b"5000", b"tag");
        assert!(is_followed(&capturing, 5_000) && !is_followed(&capturing, 0) && is_followed(&capturing, 1));
        assert_eq!(sizes(&capturing), [MAX_SAMPLED, 1, MAX_SAMPLED - 1]);
        capturing.forget_over(FOLLOWED_MS);
        assert!(is_followed(&capturing, 5_000));
        assert_eq!(sizes(&capturing), [1, 1, 0]);
        assert_eq!(capturing.order.take(usize::MAX, |_, _| false), [b"5000 tag"]);
    }

    #[test]
    fn a_flood_of_calls_that_end_grows_nothing() {
        let mut capturing = Capturing::default();
        for number in 0..4 * MAX_SAMPLED {
            // Every other one by the names of the one before it, and one in three that does not end.
            capturing.sample(whose(number as u128, "flood", true), (number / 2).to_string().as_bytes(), b"tag");
            if number % 3 > 0 {
                capturing.end(CallId(number as u128), 0);
                capturing.end(CallId(number as u128), 0);
            }
        }
        let [sampled, up, over] = sizes(&capturing);
        assert_eq!((sampled, up + over), (MAX_SAMPLED, MAX_SAMPLED));
        assert_eq!(capturing.order.take(usize::MAX, |_, _| false).len(), MAX_SAMPLED);
    }

    #[test]
    fn a_new_call_by_the_names_of_one_that_is_over_is_followed_beyond_it() {
        let mut capturing = one_of_each(1);
        capturing.end(CallId(0), 0);
        capturing.sample(whose(7, "other", true), b"0", b"tag");
        capturing.end(CallId(0), 0);
        capturing.forget_over(FOLLOWED_MS);
        assert_eq!(capturing.sampled_by(b"0", b"tag"), Some(whose(7, "other", true)));
        assert_eq!(sizes(&capturing), [1, 1, 0]);
    }

    #[test]
    fn a_message_is_of_the_sampled_call_whose_caller_it_names_and_not_of_another_with_its_call_id() {
        let mut capturing = Capturing::default();
        capturing.sample(whose(1, "a", true), b"1@a", b"one");
        let of = |text: &str| capturing.whose(text.replace('|', "\r\n").as_bytes()).map(|whose| whose.call);
        assert_eq!(of("BYE sip:a SIP/2.0|From: <sip:a>;tag=one|To: <sip:b>;tag=other|Call-ID: 1@a||"), Some(CallId(1)));
        assert_eq!(of("BYE sip:a SIP/2.0|From: <sip:b>;x=1;tag=other|To: <sip:a>; TAG=one;y|Call-ID: 1@a||"), Some(CallId(1)));
        assert_eq!(of("SIP/2.0 200 OK|f: <sip:a>;tag=one|t: <sip:b>|Call-ID: 1@a||"), Some(CallId(1)));
        assert_eq!(of("BYE sip:a SIP/2.0|From: <sip:a>;tag=two|To: <sip:b>;tag=other|Call-ID: 1@a||;tag=one"), None);
        assert_eq!(of("BYE sip:a SIP/2.0|From: <sip:a>;tag=one|To: <sip:b>;tag=other|Call-ID: 1@b||"), None);
    }

    #[test]
    fn a_message_is_known_by_its_call_id_and_only_while_its_call_is_captured() {
        let mut capturing = Capturing::default();
        let sent = b"SIP/2.0 486 Busy\r\nVia: x\r\nFrom: <sip:a>;tag=tag\r\nCall-ID: abc@pbx\r\n\r\n";
        assert_eq!(capturing.whose(sent), None);
        capturing.sample(whose(7, "a", true), b"abc@pbx", b"tag");
        assert_eq!(capturing.whose(sent), Some(whose(7, "a", true)));
        capturing.failed = Some((whose(9, "b", false), b"other".to_vec()));
        assert_eq!(capturing.whose(b"SIP/2.0 486 Busy\r\ncall-id:other \r\n\r\n"), Some(whose(9, "b", false)));
        for number in 0..MAX_SAMPLED {
            capturing.sample(whose(100, "a", true), number.to_string().as_bytes(), b"tag");
        }
        assert_eq!(capturing.whose(sent), None);
    }
}
