//! A caller, the proxy and two gateways on a network that loses, doubles and reorders, in virtual time: whatever happens, the call ends,
//! its facts are consistent, and nothing is left.

mod support;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use support::*;
use trunkline_transaction::*;

/// Seeds of one run; each is a network and four behaviours of its own.
const SEEDS: u64 = 800;
/// Past Timer C, the longest hold, the longest call (its token) and every timer after them.
const END_MS: u64 = 900_000;
const LONGEST_CALL_S: u32 = 400;

/// xorshift64*: the test's own dice, the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn is_hit(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Packet {
        from: String,
        to: String,
        text: String,
    },
    /// A party sends this again unless it has stopped it; the interval doubles up to 4 s, for 32 s in all.
    Again {
        from: String,
        text: String,
        id: String,
        interval_ms: u64,
        until_ms: u64,
    },
    /// A party's plan.
    Step {
        of: String,
        what: Step,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Cancel,
    HangUp,
    Try,
    Ring,
    Answer(u16),
}

#[derive(Debug, Default)]
struct Caller {
    finals: Vec<u16>,
    has_provisional: bool,
    wants_cancel: bool,
    is_over: bool,
    ok: Option<String>,
}

#[derive(Debug, Default)]
struct Gateway {
    invite: Option<String>,
    last: String,
    status: u16,
    is_acked: bool,
    is_over: bool,
    ignores_cancel: bool,
    plan: Vec<(u64, Step)>,
    hangs_up_after: Option<u64>,
}

struct World {
    bench: Bench,
    dice: Dice,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
    loss: u64,
    caller: Caller,
    gateways: BTreeMap<String, Gateway>,
    stopped: Vec<String>,
    hold_ms: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let loss = dice.below(4) * 6;
        let hold_ms = 500 + dice.below(20_000);
        let gateways = [ALPHA, BETA].map(|address| (address.to_owned(), gateway(&mut dice)));
        let config = Config { token_lifetime_s: LONGEST_CALL_S, ..config() };
        let bench = Bench::with(config, seed as u8);
        let mut world = Self {
            bench,
            dice,
            queue: BinaryHeap::new(),
            order: 0,
            loss,
            caller: Caller::default(),
            gateways: gateways.into_iter().collect(),
            stopped: Vec::new(),
            hold_ms,
        };
        world.send_again(CUSTOMER, invite(), "INVITE");
        if world.dice.is_hit(30) {
            let at_ms = world.dice.below(12_000);
            world.at(at_ms, Event::Step { of: CUSTOMER.to_owned(), what: Step::Cancel });
        }
        world
    }

    fn at(&mut self, delay_ms: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse((self.bench.now_ms + delay_ms, self.order, event)));
    }

    fn transmit(&mut self, from: &str, to: &str, text: &str) {
        let copies = 1 + u64::from(self.dice.is_hit(self.loss / 2));
        for _ in 0..copies {
            if !self.dice.is_hit(self.loss) {
                let delay_ms = 1 + self.dice.below(120);
                self.at(delay_ms, Event::Packet { from: from.to_owned(), to: to.to_owned(), text: text.to_owned() });
            }
        }
    }

    fn send_again(&mut self, from: &str, text: String, id: &str) {
        self.transmit(from, OURS, &text);
        let until_ms = self.bench.now_ms + 32_000;
        self.at(500, Event::Again { from: from.to_owned(), text, id: format!("{from} {id}"), interval_ms: 500, until_ms });
    }

    fn stop(&mut self, of: &str, id: &str) {
        self.stopped.push(format!("{of} {id}"));
    }

    fn run(&mut self) {
        while self.bench.now_ms < END_MS {
            let next = self.queue.peek().map_or(END_MS, |Reverse(entry)| entry.0).min(END_MS);
            match self.bench.proxy.next_deadline().filter(|at_ms| *at_ms <= next) {
                Some(at_ms) => {
                    self.bench.now_ms = self.bench.now_ms.max(at_ms);
                    self.bench.act(|proxy, now, out| proxy.on_timer(now, out));
                }
                None => {
                    self.bench.now_ms = next;
                    if let Some(Reverse((_, _, event))) = self.queue.pop() {
                        self.happen(event);
                    }
                }
            }
            for sent in self.bench.take_sent() {
                self.transmit(OURS, &sent.to.to_string(), &sent.text);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Packet { from, to, text } if to == OURS => self.at_proxy(&from, &text),
            Event::Packet { to, text, .. } if to == CUSTOMER => self.at_caller(&text),
            Event::Packet { to, text, .. } => self.at_gateway(&to, &text),
            Event::Again { from, text, id, interval_ms, until_ms } => {
                if !self.stopped.contains(&id) && self.bench.now_ms < until_ms {
                    self.transmit(&from, OURS, &text);
                    let interval_ms = (2 * interval_ms).min(4_000);
                    self.at(interval_ms, Event::Again { from, text, id, interval_ms, until_ms });
                }
            }
            Event::Step { of, what } if of == CUSTOMER => self.step_caller(what),
            Event::Step { of, what } => self.step_gateway(&of, what),
        }
    }

    fn at_proxy(&mut self, from: &str, text: &str) {
        match self.bench.receive(from, text) {
            Disposition::Done => {}
            // The first INVITE, or one that was doubled and comes after everything is over: an edge would route it again, this one does not.
            Disposition::NewInvite if self.bench.facts.is_empty() && self.bench.proxy.call_count() == 0 => {
                let mut table = trunkline_message::HeaderTable::new();
                let message = trunkline_message::Message::parse(text.as_bytes(), &mut table).unwrap();
                let flow = Flow { listener: 0, peer: addr(from) };
                self.bench.act(|proxy, now, out| {
                    let call = proxy.admit(now, flow, &message, admission(CALL), out).unwrap();
                    proxy.route(now, call, plan(vec![alpha(), beta()]), out).unwrap();
                });
            }
            Disposition::NewInvite => {}
            // Answered by an edge without state.
            Disposition::OutOfDialog(_) | Disposition::Refuse { .. } => {
                if !text.starts_with("ACK") {
                    self.transmit(OURS, from, &reply(text, 481, "edge", OURS));
                }
            }
            Disposition::Recheck { .. } => panic!("no source has changed"),
        }
    }

    fn at_caller(&mut self, text: &str) {
        let Some(status) = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest[..3].parse::<u16>().ok()) else {
            assert!(text.starts_with("BYE "), "{text}");
            self.caller.is_over = true;
            self.stop(CUSTOMER, "BYE");
            return self.transmit(CUSTOMER, OURS, &reply(text, 200, "caller", CUSTOMER));
        };
        let cseq = value(text, "CSeq").split_once(' ').unwrap().1;
        match (cseq, status) {
            ("INVITE", 100..=199) => {
                self.stop(CUSTOMER, "INVITE");
                self.caller.has_provisional = true;
                if std::mem::take(&mut self.caller.wants_cancel) {
                    self.send_again(CUSTOMER, hop_request("CANCEL", &invite(), None), "CANCEL");
                }
            }
            ("INVITE", 200..=299) => {
                self.stop(CUSTOMER, "INVITE");
                self.stop(CUSTOMER, "CANCEL");
                self.caller.finals.push(status);
                self.transmit(CUSTOMER, OURS, &from_customer("ACK", 1, text, ""));
                if self.caller.ok.is_none() {
                    self.caller.ok = Some(text.to_owned());
                    self.at(self.hold_ms, Event::Step { of: CUSTOMER.to_owned(), what: Step::HangUp });
                }
            }
            ("INVITE", _) => {
                self.stop(CUSTOMER, "INVITE");
                self.stop(CUSTOMER, "CANCEL");
                self.caller.finals.push(status);
                self.transmit(CUSTOMER, OURS, &hop_request("ACK", &invite(), Some(text)));
            }
            (method, 200..) => self.stop(CUSTOMER, method),
            _ => {}
        }
    }

    fn step_caller(&mut self, what: Step) {
        match what {
            Step::Cancel if self.caller.finals.is_empty() => {
                if self.caller.has_provisional {
                    self.send_again(CUSTOMER, hop_request("CANCEL", &invite(), None), "CANCEL");
                } else {
                    self.caller.wants_cancel = true;
                }
            }
            Step::HangUp if !self.caller.is_over => {
                self.caller.is_over = true;
                let bye = from_customer("BYE", 2, self.caller.ok.as_ref().unwrap(), "");
                self.send_again(CUSTOMER, bye, "BYE");
            }
            _ => {}
        }
    }

    fn at_gateway(&mut self, me: &str, text: &str) {
        let gateway = self.gateways.get_mut(me).unwrap();
        match text.split(' ').next().unwrap() {
            "INVITE" if gateway.invite.is_none() => {
                gateway.invite = Some(text.to_owned());
                for (delay_ms, what) in gateway.plan.clone() {
                    self.at(delay_ms, Event::Step { of: me.to_owned(), what });
                }
            }
            "INVITE" => {
                let last = gateway.last.clone();
                if !last.is_empty() {
                    self.transmit(me, OURS, &last);
                }
            }
            "ACK" => {
                gateway.is_acked = true;
                let hang_up = gateway.hangs_up_after.take().filter(|_| (200..300).contains(&gateway.status));
                self.stop(me, "final");
                if let Some(delay_ms) = hang_up {
                    self.at(delay_ms, Event::Step { of: me.to_owned(), what: Step::HangUp });
                }
            }
            "CANCEL" => {
                if !gateway.ignores_cancel {
                    self.transmit(me, OURS, &reply(text, 200, &tag(me), me));
                    self.step_gateway(me, Step::Answer(487));
                }
            }
            "BYE" => {
                gateway.is_over = true;
                self.stop(me, "final");
                self.transmit(me, OURS, &reply(text, 200, &tag(me), me));
            }
            _ => {
                if text.starts_with("SIP/2.0 ") && value(text, "CSeq").ends_with("BYE") {
                    self.stop(me, "BYE");
                }
            }
        }
    }

    fn step_gateway(&mut self, me: &str, what: Step) {
        let gateway = self.gateways.get_mut(me).unwrap();
        let Some(invite) = gateway.invite.clone() else { return };
        match what {
            Step::HangUp if !gateway.is_over => {
                gateway.is_over = true;
                let text = from_carrier("BYE", 9, &invite, "")
                    .replace("10.9.9.1:5060", me)
                    .replace(";tag=callee\r\n", &format!(";tag={}\r\n", tag(me)));
                self.send_again(me, text, "BYE");
            }
            Step::Try | Step::Ring if gateway.status == 0 => {
                let status = if what == Step::Try { 100 } else { 180 };
                gateway.last = reply(&invite, status, &tag(me), me);
                let last = gateway.last.clone();
                self.transmit(me, OURS, &last);
            }
            Step::Answer(status) if gateway.status == 0 => {
                gateway.status = status;
                gateway.last = reply(&invite, status, &tag(me), me);
                let last = gateway.last.clone();
                self.send_again(me, last, "final");
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let count = |name: &str| self.bench.fact_names().iter().filter(|known| *known == name).count();
        let facts = &self.bench.facts;
        let is_given_up = |at: usize, number: u32| {
            facts[..at].iter().any(|fact| matches!(fact.kind, FactKind::GatewayFailed { number: known, .. } if known == number))
        };
        // A late answer of a gateway that was given up is no answer of the call.
        let answers = facts.iter().enumerate().filter(|(at, fact)| match fact.kind {
            FactKind::Answered { number, .. } => !is_given_up(*at, number),
            _ => false,
        });
        let outcomes = (answers.count(), count("Failed"), count("Refused"));
        let has_arrived = !facts.is_empty();
        assert!(!has_arrived || matches!(outcomes, (1, 0, 0) | (0, 1, 0)), "one outcome: {facts:#?}");
        assert_eq!(count("Ended"), outcomes.0, "an answered call ends, once: {facts:#?}");
        for number in 1..=2 {
            for name in ["GatewayTried", "GatewayFailed", "Progressed", "Answered"] {
                let said =
                    facts.iter().filter(|fact| format!("{:?}", fact.kind).starts_with(&format!("{name} {{ number: {number},"))).count();
                assert!(said <= 1, "{name} {number}: {facts:#?}");
            }
        }
        // What the caller was told is what was written, unless the network ate all of it.
        let mut finals = self.caller.finals.clone();
        finals.dedup();
        assert!(finals.len() <= 1, "one final answer: {finals:?}");
        match finals.first() {
            Some(200) => assert_eq!(outcomes.0, 1),
            Some(_) => assert_eq!(outcomes.1, 1),
            None => assert!(self.loss > 0, "without loss the caller is answered"),
        }
        // No gateway is left in a call: whoever answered was hung up or has hung up.
        if self.loss == 0 {
            for (me, gateway) in &self.gateways {
                assert!(gateway.status != 200 || (gateway.is_acked && gateway.is_over), "{me} is left in a call: {gateway:#?} {facts:#?}");
            }
        }
        assert_eq!(self.bench.proxy.entry_count(), 0, "nothing is left");
        assert_eq!(self.bench.proxy.next_deadline(), None);
    }
}

fn tag(gateway: &str) -> String {
    format!("callee{}", &gateway[7..8])
}

fn gateway(dice: &mut Dice) -> Gateway {
    let (soon, later, late) = (dice.below(900), 1_000 + dice.below(8_000), 3_100 + dice.below(6_000));
    let plan = match dice.below(10) {
        0 => vec![],
        1 => vec![(soon, Step::Answer(503))],
        2 => vec![(soon, Step::Try), (later, Step::Answer(486))],
        3 => vec![(soon, Step::Try)],
        4 => vec![(soon, Step::Ring)],
        5 => vec![(soon, Step::Answer(200))],
        6 => vec![(late, Step::Answer(200))],
        7 => vec![(late, Step::Ring), (late + later, Step::Answer(200))],
        _ => vec![(soon, Step::Try), (soon + 300, Step::Ring), (soon + later, Step::Answer(200))],
    };
    let hangs_up_after = dice.is_hit(40).then(|| 300 + dice.below(15_000));
    Gateway { plan, hangs_up_after, ignores_cancel: dice.is_hit(15), ..Gateway::default() }
}

#[test]
fn whatever_the_network_does_the_call_ends_and_its_facts_are_consistent() {
    let mut outcomes = BTreeMap::<String, u32>::new();
    for seed in 1..=SEEDS {
        let result = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run();
            world.check();
            (world.bench.fact_names(), world.caller.finals.first().copied())
        });
        let (names, told) = result.unwrap_or_else(|_| panic!("seed {seed}"));
        *outcomes.entry(format!("{told:?}")).or_default() += 1;
        for name in names {
            *outcomes.entry(name).or_default() += 1;
        }
    }
    // The dice reach every kind of end, or the run would prove little.
    for kind in ["Some(200)", "Some(486)", "Some(487)", "Some(500)", "Answered", "Failed", "Ended", "GatewayFailed", "Progressed"] {
        assert!(outcomes.get(kind).is_some_and(|count| *count > 20), "{kind}: {outcomes:?}");
    }
}
