//! Messages that are kept for whoever looks at a call: of calls that were refused or failed, and of others where they are sampled
//! (docs/adr/0021-capture.md).
//!
//! An ordinary call pays a look at two empty places for each message. What waits for Python is bounded, that of failed calls and that of
//! sampled ones by themselves, and both are shared by tenants; what does not fit is dropped and counted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_message::{Message, Method, OwnedMessage};
use trunkline_transaction::{Action, CallId, Fact, FactKind, Flow, Kept, Now, Transport};

use crate::attempt::Owner;
use crate::shares::{GivesWay, Shares};
use crate::worker::Worker;

/// Of messages of refused and failed calls that nobody has taken yet: a second of refusals at 1,000 a second.
const MAX_FAILED_BYTES: usize = 2 << 20;

/// Likewise of calls that are sampled.
const MAX_SAMPLED_BYTES: usize = 1 << 20;

/// Of one message; the end of a longer one is left out.
const MAX_MESSAGE_BYTES: usize = 16 << 10;

const NS_PER_S: u64 = 1_000_000_000;

/// Which calls are captured though they go well.
#[derive(Clone, Debug, Default)]
pub struct Sampling {
    /// One call of so many; 0: none.
    pub one_in: u32,
    /// Labels of domains of which every call is.
    pub domains: Vec<String>,
}

/// Whose message it is, and why it is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    pub call: CallId,
    pub tenant: Arc<str>,
    /// Its call was not known to fail when it passed.
    pub is_sampled: bool,
}

/// A message as it was on the wire, after decryption. Secrets are in it: whoever takes it masks them. The INVITE of a sampled call that fails,
/// those to its gateways and what made them fail are captured once more, as those of any call that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub whose: Whose,
    /// Nanoseconds since 1970 UTC; 0: when the gateway `number` was tried.
    pub time_ns: u64,
    pub is_received: bool,
    /// Of an INVITE that was sent to a gateway; 0 of all others.
    pub number: u32,
    pub ours: SocketAddr,
    pub peer: SocketAddr,
    pub transport: Transport,
    pub bytes: Vec<u8>,
    /// Bytes that were left out at the end.
    pub cut: usize,
}

/// What waits to be taken. Shared by the workers; locked once a message that is captured.
#[derive(Debug, Default)]
pub(crate) struct Captures(Mutex<Waiting>);

#[derive(Debug)]
struct Waiting {
    failed: Shares<Captured>,
    sampled: Shares<Captured>,
    dropped: u64,
}

impl Default for Waiting {
    /// The first messages stay: a ladder is read from its beginning.
    fn default() -> Self {
        let [failed, sampled] = [MAX_FAILED_BYTES, MAX_SAMPLED_BYTES].map(|bound| Shares::new(bound, GivesWay::Newest));
        Self { failed, sampled, dropped: 0 }
    }
}

impl Captures {
    fn add(&self, message: Captured) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tenant, size) = (Arc::clone(&message.whose.tenant), message.bytes.len());
        let shares = if message.whose.is_sampled { &mut waiting.sampled } else { &mut waiting.failed };
        let gone = shares.add(&tenant, size, message).len();
        waiting.dropped += gone as u64;
    }

    /// At most so many of failed and of sampled calls, the tenants in turn, call by call, each tenant's in the order in which they came; and
    /// how many were dropped since the last time. The others wait for the next time.
    pub fn take(&self, most_failed: usize, most_sampled: usize) -> (Vec<Captured>, u64) {
        let is_same_call = |one: &Captured, other: &Captured| one.whose.call == other.whose.call;
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut messages = waiting.failed.take(most_failed, is_same_call);
        messages.extend(waiting.sampled.take(most_sampled, is_same_call));
        (messages, std::mem::take(&mut waiting.dropped))
    }
}

/// Evenly spread: without the last byte of the id, which says what worker has made it.
fn draw_of(call: CallId) -> u128 {
    call.0 >> 8
}

/// Whose call it is that failed, or a gateway of it: the core has kept its messages.
fn failed_call(action: &Action) -> Option<Whose> {
    match action {
        Action::Keep(kept) => Some(whose_kept(kept)),
        _ => None,
    }
}

fn whose_kept(kept: &Kept) -> Whose {
    Whose { call: kept.call, tenant: Arc::from(kept.tenant.as_str()), is_sampled: false }
}

impl Worker {
    /// Takes in what came, before anything is done with it: of a sampled call.
    pub(crate) fn capture_sampled(&mut self, now: Now, flow: Flow, message: &Message<'_>) {
        self.capturing.forget_over(now.ms);
        if let Some(whose) = self.capturing.whose_received(message) {
            self.keep(whose, now.unix_ns, true, 0, flow, message.bytes());
        }
    }

    /// After the core has seen it: by this message a call failed, or a gateway did. The INVITE is among what the core kept.
    pub(crate) fn capture_failing(&self, now: Now, flow: Flow, message: &Message<'_>) {
        if let Some(whose) = self.actions.iter().find_map(failed_call) {
            let is_kept = message.is_request() && message.method() == Method::Invite;
            if !is_kept {
                self.keep(whose, now.unix_ns, true, 0, flow, message.bytes());
            }
        }
    }

    /// A call that begins: whether it is sampled.
    pub(crate) fn capture_begun(&mut self, now: Now, flow: Flow, message: &Message<'_>, call: CallId, owner: Owner<'_>) {
        let sampling = &self.config.sampling;
        let draw = draw_of(call);
        let is_drawn = draw.checked_rem(u128::from(sampling.one_in)) == Some(0) || owner.capture.takes(draw, now.unix_ns / NS_PER_S);
        if is_drawn || sampling.domains.iter().any(|label| label.eq_ignore_ascii_case(owner.label)) {
            let whose = Whose { call, tenant: Arc::from(owner.tenant), is_sampled: true };
            if let Some(tag) = message.from_tag() {
                self.capturing.sample(whose.clone(), message.call_id(), tag);
            }
            self.keep(whose, now.unix_ns, true, 0, flow, message.bytes());
        }
    }

    /// A refusal without state, and what it refuses.
    pub(crate) fn capture_refused(&self, now: Now, flow: Flow, message: &Message<'_>, call: CallId, tenant: &str) {
        let whose = Whose { call, tenant: Arc::from(tenant), is_sampled: false };
        self.keep(whose.clone(), now.unix_ns, true, 0, flow, message.bytes());
        self.keep(whose, self.clock.now().unix_ns, false, 0, self.reply_flow(message, flow), &self.answer);
    }

    /// What the core held of a call that failed.
    pub(crate) fn capture_kept(&mut self, kept: Kept) {
        let whose = whose_kept(&kept);
        if let Ok(message) = OwnedMessage::parse(&kept.bytes) {
            self.capturing.failed = Some((whose.clone(), message.view().call_id().to_vec()));
        }
        self.keep(whose, kept.time_ns, kept.number == 0, kept.number, kept.flow, &kept.bytes);
    }

    pub(crate) fn capture_sent(&self, flow: Flow, bytes: &[u8]) {
        if let Some(whose) = self.capturing.whose(bytes) {
            self.keep(whose, self.clock.now().unix_ns, false, 0, flow, bytes);
        }
    }

    /// Whether a call is over by this fact.
    pub(crate) fn capture_fact(&mut self, fact: &Fact) {
        let is_last = matches!(fact.kind, FactKind::Ended { .. } | FactKind::Failed { .. } | FactKind::Refused { .. });
        if is_last && self.capturing.is_any_up() {
            self.capturing.end(fact.call, self.clock.now().ms);
        }
    }

    /// A turn is over.
    pub(crate) fn capture_no_more(&mut self) {
        self.capturing.failed = None;
    }

    fn keep(&self, whose: Whose, time_ns: u64, is_received: bool, number: u32, flow: Flow, bytes: &[u8]) {
        let Some(place) = self.places.get(usize::from(flow.listener)) else { return };
        let kept = &bytes[..bytes.len().min(MAX_MESSAGE_BYTES)];
        self.shared.captures.add(Captured {
            whose,
            time_ns,
            is_received,
            number,
            ours: place.address,
            peer: flow.peer,
            transport: place.transport,
            bytes: kept.to_vec(),
            cut: bytes.len() - kept.len(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    fn whose(call: u128, tenant: &str, is_sampled: bool) -> Whose {
        Whose { call: CallId(call), tenant: Arc::from(tenant), is_sampled }
    }

    fn message(whose: Whose, bytes: usize) -> Captured {
        let address = SocketAddr::from(([127, 0, 0, 1], 5060));
        let transport = Transport::Udp;
        Captured { whose, time_ns: 1, is_received: true, number: 0, ours: address, peer: address, transport, bytes: vec![0; bytes], cut: 0 }
    }

    fn taken_of(captures: &Captures, tenant: &str) -> usize {
        let (messages, _) = captures.take(usize::MAX, usize::MAX);
        messages.iter().filter(|message| &*message.whose.tenant == tenant).count()
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_until_it_is_taken() {
        let captures = Captures::default();
        for _ in 0..MAX_FAILED_BYTES / MAX_MESSAGE_BYTES + 3 {
            captures.add(message(whose(1, "a", false), MAX_MESSAGE_BYTES));
        }
        let (messages, dropped) = captures.take(usize::MAX, 0);
        assert_eq!((messages.len(), dropped), (MAX_FAILED_BYTES / MAX_MESSAGE_BYTES, 3));
        captures.add(message(whose(1, "a", false), 1));
        let (messages, dropped) = captures.take(usize::MAX, 0);
        assert_eq!((messages.len(), dropped), (1, 0));
    }

    #[test]
    fn sampled_calls_take_no_room_from_failed_ones_nor_a_tenant_from_another() {
        let captures = Captures::default();
        for is_sampled in [true, false] {
            for call in 0..10_000 {
                captures.add(message(whose(call, "flood", is_sampled), 1_000));
            }
        }
        for (call, is_sampled) in [(1, true), (2, false)] {
            for _ in 0..6 {
                captures.add(message(whose(20_000 + call, "quiet", is_sampled), 1_000));
            }
        }
        let (messages, _) = captures.take(12, 6);
        let sampled = messages.iter().filter(|message| message.whose.is_sampled).count();
        let quiet = messages.iter().filter(|message| &*message.whose.tenant == "quiet").count();
        assert_eq!((messages.len(), sampled, quiet), (18, 6, 6 + 5), "one of each call of the flood comes between");
        assert_eq!(taken_of(&captures, "quiet"), 1);
    }

    #[test]
    fn calls_of_every_worker_are_drawn_alike() {
        let now = Now { ms: 0, unix_ns: 1_790_000_000_000_000_000 };
        for worker in 0..3 {
            let mut ids = Ids::new(&[7; 32], worker);
            let draws: Vec<u128> = (0..4_096).map(|_| draw_of(CallId(ids.next(now)))).collect();
            let (in_16, in_100) =
                (draws.iter().filter(|draw| *draw % 16 == 0).count(), draws.iter().filter(|draw| *draw % 100 < 25).count());
            assert!((150..400).contains(&in_16) && (800..1_250).contains(&in_100), "worker {worker}: {in_16} and {in_100} of 4096");
        }
    }
}
