//! The listing of live calls, a page in a turn of the worker: all of a busy edge's calls would hold up every other message for tens of
//! milliseconds.
//!
//! A call keeps its place as long as it lives, so that one which lives through the whole listing is in it once. One that begins or ends
//! meanwhile may be missing.

use std::collections::VecDeque;
use std::sync::mpsc::{channel, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_transaction::LiveCall;

use crate::engine::Order;
use crate::team::Team;
use crate::worker::Worker;

/// Of one page: some 0.1 ms of copying.
const ROWS: usize = 256;

/// Looked at for one page, where few are wanted: some 0.1 ms.
const PLACES: usize = 2_048;

/// A worker that takes longer for a page hangs; the watchdog sees to that.
const PAGE_WITHIN: Duration = Duration::from_secs(3);

/// A live call, owned.
#[derive(Clone, Debug)]
pub struct LiveCallRow {
    pub call: u128,
    pub tenant: String,
    pub domain: String,
    pub number: String,
    pub caller: String,
    pub state: &'static str,
    pub start_ns: u64,
    pub gateway: String,
}

impl From<LiveCall<'_>> for LiveCallRow {
    fn from(call: LiveCall<'_>) -> Self {
        Self {
            call: call.call.0,
            tenant: call.tenant.to_owned(),
            domain: call.domain.to_owned(),
            number: call.number.to_owned(),
            caller: call.caller.to_owned(),
            state: call.state.as_str(),
            start_ns: call.start_ns,
            gateway: call.gateway.to_owned(),
        }
    }
}

/// Calls of this tenant, of any where it is empty, from a place on.
#[derive(Debug)]
pub(crate) struct PageOrder {
    tenant: Arc<str>,
    from: usize,
    answer: Sender<Page>,
}

#[derive(Debug)]
pub(crate) struct Page {
    worker: u8,
    rows: Vec<LiveCallRow>,
    /// Where the next one begins; none: this was the last.
    next: Option<usize>,
}

/// Pages of all workers, as many in one as there are workers. Whoever takes them asks for the next ones when he has these.
#[derive(Debug)]
pub struct LiveCalls<'a> {
    team: &'a Team,
    tenant: Arc<str>,
    /// Workers that have more, and from which place on.
    left: Vec<(u8, usize)>,
}

impl<'a> LiveCalls<'a> {
    pub(crate) fn new(team: &'a Team, tenant: &str) -> Self {
        Self { team, tenant: tenant.into(), left: (0..team.size()).map(|worker| (worker, 0)).collect() }
    }
}

impl Iterator for LiveCalls<'_> {
    type Item = Vec<LiveCallRow>;

    /// Without those of a worker that does not run, and not necessarily some.
    fn next(&mut self) -> Option<Self::Item> {
        let (answer, answered) = channel();
        let asked = self.left.drain(..).filter(|(worker, from)| {
            let order = PageOrder { tenant: Arc::clone(&self.tenant), from: *from, answer: answer.clone() };
            self.team.order(*worker, Order::LiveCalls(order))
        });
        let asked = asked.count();
        drop(answer);
        if asked == 0 {
            return None;
        }
        let end = Instant::now() + PAGE_WITHIN;
        let mut rows = Vec::new();
        for _ in 0..asked {
            let Ok(page) = answered.recv_timeout(end.saturating_duration_since(Instant::now())) else { break };
            rows.extend(page.rows);
            self.left.extend(page.next.map(|from| (page.worker, from)));
        }
        Some(rows)
    }
}

/// Pages that a worker was asked for; everyone who asks waits for his, so that there are as many as there are such threads.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    waiting: VecDeque<PageOrder>,
}

impl Listing {
    pub fn add(&mut self, order: PageOrder) {
        self.waiting.push_back(order);
    }
}

impl Worker {
    /// One page; more wait for the turns to come.
    pub(crate) fn list_next(&mut self) {
        let Some(order) = self.listing.waiting.pop_front() else { return };
        // Whoever asked may have gone.
        let _ = order.answer.send(self.page(&order));
        if !self.listing.waiting.is_empty() {
            self.shared.team.wake(self.index);
        }
    }

    fn page(&self, order: &PageOrder) -> Page {
        let mut page = Page { worker: self.index, rows: Vec::new(), next: None };
        for (place, call) in self.proxy.live_calls_from(order.from) {
            if page.rows.len() == ROWS || place - order.from == PLACES {
                page.next = Some(place);
                break;
            }
            page.rows.extend(call.filter(|call| order.tenant.is_empty() || *call.tenant == *order.tenant).map(LiveCallRow::from));
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::SocketAddr;

    use trunkline_message::{HeaderTable, Message};
    use trunkline_transaction::{Admission, CallId, Flow, Listener, TokenKey};

    use super::*;
    use crate::{Decision, Engine, EngineConfig, Invite, Policy};

    const CALLS: u128 = 20_000;

    struct Nobody;

    impl Policy for Nobody {
        fn decide(&mut self, _: &Invite<'_>) -> Decision {
            Decision::default()
        }
    }

    fn bind(name: &str) -> (Engine, Worker) {
        let dir = std::env::temp_dir().join(format!("listing-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let config = EngineConfig {
            decision_limit: Duration::from_secs(60),
            ask_limit_ms: 1_000,
            ..EngineConfig::trial("sip.trunkline.test", Listener::udp("127.0.0.1:0".parse().unwrap()), dir)
        };
        let (engine, mut workers) = Engine::bind(config).unwrap();
        let mut worker = workers.remove(0);
        worker.proxy.set_token_keys(&[TokenKey { key_id: 1, key: [7; 32], not_before_s: 0, not_after_s: u64::MAX, is_current: true }]);
        (engine, worker)
    }

    /// A call of this number that waits for its decision.
    fn begin(worker: &mut Worker, number: u128) {
        let text = format!(
            "INVITE sip:31{number}@acme.sip.trunkline.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@acme>;tag=1\r\nTo: <sip:b@acme>\r\nCall-ID: {number}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:a@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
        );
        let mut table = HeaderTable::new();
        let invite = Message::parse(text.as_bytes(), &mut table).unwrap();
        let peer: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let admission = Admission {
            call: CallId(number),
            tenant: if number.is_multiple_of(100) { "other" } else { "acme" }.to_owned(),
            domain: "acme".to_owned(),
            number: format!("31{number}"),
            caller: "a".to_owned(),
        };
        let now = worker.clock.now();
        worker.proxy.admit(now, Flow { listener: 0, peer }, &invite, admission, &mut worker.actions).unwrap();
        worker.actions.clear();
    }

    /// What is listed, and in how many turns, in each of which a call begins and is served as any other.
    fn listed(engine: Engine, worker: &mut Worker, tenant: &'static str) -> (Vec<u128>, u128) {
        let lister = std::thread::spawn(move || engine.live_calls(tenant).flatten().map(|row| row.call).collect::<Vec<_>>());
        let mut table = HeaderTable::new();
        let mut turns = 0;
        while !lister.is_finished() {
            worker.obey(&mut table, &mut Nobody);
            if worker.listing.waiting.is_empty() {
                std::thread::yield_now();
                continue;
            }
            turns += 1;
            worker.list_next();
            let before = worker.proxy.call_count();
            begin(worker, CALLS + turns);
            assert_eq!(worker.proxy.call_count(), before + 1);
        }
        (lister.join().unwrap(), turns)
    }

    #[test]
    fn a_long_listing_takes_many_turns_and_calls_begin_in_between() {
        let (engine, mut worker) = bind("many");
        (0..CALLS).for_each(|number| begin(&mut worker, number));
        let (calls, turns) = listed(engine, &mut worker, "");
        assert!(turns >= CALLS / ROWS as u128, "{turns} turns");
        let unique: HashSet<u128> = calls.iter().copied().collect();
        assert_eq!(unique.len(), calls.len(), "a call is listed twice");
        assert!((0..CALLS).all(|number| unique.contains(&number)), "a call that was there all the time is missing");
    }

    #[test]
    fn a_page_of_a_tenant_with_few_calls_is_bounded_by_the_places_looked_at() {
        let (engine, mut worker) = bind("few");
        (0..CALLS).for_each(|number| begin(&mut worker, number));
        let (calls, turns) = listed(engine, &mut worker, "other");
        assert_eq!(calls.iter().filter(|number| **number < CALLS).count() as u128, CALLS / 100);
        assert!(calls.iter().all(|number| number.is_multiple_of(100)));
        assert!(turns >= CALLS / PLACES as u128, "{turns} turns");
    }
}
