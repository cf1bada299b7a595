//! The call-stateful core under a sequence of messages, times, orders and deaths that the input spells, byte by byte.
//!
//! What must hold: nothing panics; what leaves is a message; a call has one end and an INVITE one kind of final response; and when every
//! timer has run out nothing is left.

use std::collections::BTreeMap;

use trunkline_message::{HeaderName, HeaderTable, Message};
use trunkline_transaction::{
    Action, CallHandle, CallId, Config, Disposition, Fact, FactKind, Flow, Gone, Listener, Now, Proxy, RecheckHandle, Target, Transport,
};

use crate::support::{
    addr, admission, alpha, beta, config, from_carrier, from_customer, hop_request, invite_with, plan, refusal, reply_with, token_key,
    ALPHA, BETA, CUSTOMER, OURS, START_NS,
};

/// Inputs of one run; what follows is not looked at.
const MAX_STEPS: usize = 96;
/// Messages of each kind that are remembered to be answered, the last ones.
const MAX_KEPT: usize = 24;
/// The longest call and the life of a token, shorter than in life: most of a run would be waiting.
const LONGEST_S: u32 = 300;
const TOKEN_LIFETIME_S: u32 = 900;
/// Longer than any call: the token's life and every timer after it.
const AFTERWARDS_MS: u64 = 1_800_000;
/// Timer L, and T4 as the shortest Timer I over UDP: after it the same branch may be another transaction.
const ACCEPTED_MS: u64 = 32_000;
const CONFIRMED_MS: u64 = 5_000;

const METHODS: [&str; 8] = ["BYE", "INVITE", "UPDATE", "INFO", "PRACK", "REFER", "OPTIONS", "ACK"];
const STATUSES: [u16; 16] = [100, 180, 183, 200, 200, 202, 302, 401, 404, 408, 481, 486, 487, 500, 503, 603];
const LINES: [&str; 8] = [
    "",
    "Require: 100rel\r\nRSeq: 1\r\n",
    "Reason: Q.850;cause=16\r\n",
    "Proxy-Require: foo\r\n",
    "Route: <sip:127.0.1.1;lr>\r\n",
    "Privacy: id\r\nP-Asserted-Identity: <sip:1@a>\r\n",
    "Max-Breadth: 1\r\n",
    "Record-Route: <sip:10.5.5.5;lr>\r\n",
];
const WAITS_MS: [u64; 8] = [1, 500, 3_000, 4_000, 20_000, 33_000, 181_000, 600_000];
/// Our listeners.
const UDP: u16 = 0;
const TCP: u16 = 1;
const ELSEWHERE: &str = "10.1.1.77:5070";

pub fn run(data: &[u8]) {
    let mut world = World::new();
    let mut input = Input(data);
    for _ in 0..MAX_STEPS {
        let Some(step) = input.next() else { break };
        world.step(step, &mut input);
    }
    world.finish();
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// 0 when the input is at its end.
    fn byte(&mut self) -> usize {
        usize::from(self.next().unwrap_or(0))
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.byte() % choices.len()]
    }

    /// One of the last ones, 0 the very last.
    fn last<'v, T>(&mut self, values: &'v [T]) -> Option<&'v T> {
        let back = self.byte();
        values.len().checked_sub(1).map(|last| &values[last - back % values.len()])
    }
}

/// A message and who sent it, or got it.
#[derive(Clone)]
struct Mail {
    who: &'static str,
    text: String,
}

struct World {
    proxy: Proxy,
    lives: u8,
    now_ms: u64,
    branches: u32,
    calls: u128,
    handles: Vec<CallHandle>,
    rechecks: Vec<RecheckHandle>,
    /// Everything that parties have said.
    said: Vec<Mail>,
    /// INVITEs of callers.
    invites: Vec<String>,
    /// Requests and responses that the customer got, requests that carriers got.
    to_customer: Vec<String>,
    responses: Vec<String>,
    to_carrier: Vec<Mail>,
    /// Of this life of the edge: ends by call, and the first final response by INVITE.
    ends: BTreeMap<CallId, FactKind>,
    finals: BTreeMap<String, (u64, u16)>,
    /// By what the customer speaks; alpha speaks UDP, beta TCP.
    customer_listener: u16,
    /// The input has ended: nobody answers any more.
    is_over: bool,
}

fn keep<T>(list: &mut Vec<T>, value: T) {
    if list.len() == MAX_KEPT {
        list.remove(0);
    }
    list.push(value);
}

/// Whether the helpers that answer a message find what they need in it: they know no compact forms.
fn is_usable(message: &Message<'_>) -> bool {
    let is_bracketed = |value: &[u8]| {
        let open = value.iter().position(|byte| *byte == b'<');
        open.is_some_and(|open| value[open..].contains(&b'>'))
    };
    let needed = [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq, HeaderName::Via, HeaderName::Contact];
    needed.into_iter().all(|name| message.header(name).is_some_and(|header| header.name_span.len() == name.as_str().len()))
        && message.value(HeaderName::Contact).is_some_and(is_bracketed)
}

fn made(seed: u8) -> Proxy {
    let listeners = vec![Listener::udp(addr(OURS)), Listener { transport: Transport::Tcp, address: addr(OURS) }];
    let config = Config { listeners, max_duration_s: LONGEST_S, token_lifetime_s: TOKEN_LIFETIME_S, ..config() };
    let mut proxy = Proxy::new(config, [seed; 32]);
    proxy.set_token_keys(&[token_key()]);
    proxy
}

impl World {
    fn new() -> Self {
        Self {
            proxy: made(1),
            lives: 1,
            now_ms: 0,
            branches: 0,
            calls: 0,
            handles: Vec::new(),
            rechecks: Vec::new(),
            said: Vec::new(),
            invites: Vec::new(),
            to_customer: Vec::new(),
            responses: Vec::new(),
            to_carrier: Vec::new(),
            ends: BTreeMap::new(),
            finals: BTreeMap::new(),
            customer_listener: UDP,
            is_over: false,
        }
    }

    fn now(&self) -> Now {
        Now { ms: self.now_ms, unix_ns: START_NS + self.now_ms * 1_000_000 }
    }

    fn step(&mut self, step: u8, input: &mut Input<'_>) {
        match step % 18 {
            0 => {
                self.branches += 1;
                let call_id = format!("call-{}", input.byte() % 3);
                let text = invite_with(&call_id, &format!("b{}", self.branches), input.of(&LINES));
                keep(&mut self.invites, text.clone());
                self.say(CUSTOMER, &text);
            }
            1 => self.decide(input),
            2 => {
                let Some(mail) = input.last(&self.to_carrier).cloned() else { return };
                let tag = input.of(&["callee", "callee", "other", ""]);
                let text = reply_with(&mail.text, input.of(&STATUSES), tag, mail.who, input.of(&LINES));
                // A response without a To-tag.
                self.say(mail.who, &text.replace(";tag=\r\n", "\r\n"));
            }
            3 => {
                let Some(response) = input.last(&self.responses).cloned() else { return };
                let text = from_customer(input.of(&METHODS), 1 + input.byte() as u32 % 6, &response, input.of(&LINES));
                self.say(input.of(&[CUSTOMER, CUSTOMER, ELSEWHERE]), &text);
            }
            4 => {
                let Some(mail) = input.last(&self.to_carrier).cloned() else { return };
                let text = from_carrier(input.of(&METHODS), 1 + input.byte() as u32 % 6, &mail.text, input.of(&LINES));
                self.say(mail.who, &text);
            }
            5 => {
                let Some(invite) = input.last(&self.invites).cloned() else { return };
                self.say(CUSTOMER, &hop_request("CANCEL", &invite, None));
            }
            6 => {
                let Some(invite) = input.last(&self.invites).cloned() else { return };
                let Some(response) = input.last(&self.responses).cloned() else { return };
                self.say(CUSTOMER, &hop_request("ACK", &invite, Some(&response)));
            }
            7 => self.wait(input.of(&WAITS_MS)),
            8 => {
                let Some(request) = input.last(&self.to_customer).cloned() else { return };
                let text = reply_with(&request, input.of(&STATUSES), "caller", CUSTOMER, input.of(&LINES));
                self.say(CUSTOMER, &text);
            }
            9 => {
                let peer = addr(input.of(&[ALPHA, BETA, CUSTOMER]));
                self.act(|proxy, now, out| proxy.on_unreachable(now, peer, out));
            }
            10 => {
                let call = CallId(input.byte() as u128);
                let reason = refusal(480, "T601", "Ended By Command");
                self.act(|proxy, now, out| {
                    let _ = proxy.hang_up(now, call, &reason, out);
                });
            }
            11 => self.die(),
            12 => self.say_changed(input),
            13 => {
                let Some(mail) = input.last(&self.said).cloned() else { return };
                self.say(mail.who, &mail.text);
            }
            14 => {
                let Some(handle) = self.rechecks.pop() else { return };
                match input.byte() % 2 {
                    0 => self.act(|proxy, now, out| {
                        let _ = proxy.resume(now, handle, out);
                    }),
                    _ => self.act(|proxy, now, out| {
                        let _ = proxy.refuse(now, handle, refusal(403, "T203", "Not In ACL"), out);
                    }),
                }
            }
            16 => {
                let peer = addr(input.of(&[CUSTOMER, BETA]));
                let gone = [Gone::InUse, Gone::Broken, Gone::InUse, Gone::Unmade][input.byte() % 4];
                self.act(|proxy, now, out| proxy.on_closed(now, Flow { listener: TCP, peer }, gone, out));
            }
            17 => self.customer_listener = [UDP, TCP][input.byte() % 2],
            _ => {
                let who = input.of(&[CUSTOMER, ALPHA]);
                let count = input.byte() * 8;
                let bytes = input.bytes(count);
                self.receive(who, bytes);
            }
        }
    }

    fn decide(&mut self, input: &mut Input<'_>) {
        let Some(handle) = self.handles.pop() else { return };
        let anonymous = |target: Target| Target { from_name_addr: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(), ..target };
        let hidden = |target: Target| Target { hides_topology: true, shows_callee: true, ..target };
        let over_tcp = |target: Target| Target { transport: Transport::Tcp, ..target };
        let targets = match input.byte() % 6 {
            0 => vec![alpha()],
            1 => vec![alpha(), over_tcp(beta())],
            2 => vec![anonymous(over_tcp(beta()))],
            3 => vec![hidden(alpha()), anonymous(hidden(over_tcp(beta())))],
            4 => Vec::new(),
            _ => {
                return self.act(|proxy, now, out| {
                    let _ = proxy.reject(now, handle, refusal(403, "T301", "Not Allowed"), out);
                })
            }
        };
        let mut plan = plan(targets);
        for step in plan.steps.iter_mut().filter(|step| step.target.transport == Transport::Tcp) {
            step.listener = TCP;
        }
        self.act(|proxy, now, out| {
            let _ = proxy.route(now, handle, plan, out);
        });
    }

    /// Something that was said, with some of its bytes changed, added or cut.
    fn say_changed(&mut self, input: &mut Input<'_>) {
        let Some(mail) = input.last(&self.said).cloned() else { return };
        let mut bytes = mail.text.into_bytes();
        let at = (input.byte() << 8 | input.byte()) % (bytes.len() + 1);
        let cut = input.byte() % 32;
        let end = (at + cut).min(bytes.len());
        let count = input.byte() % 32;
        bytes.splice(at..end, input.bytes(count).iter().copied());
        self.receive(input.of(&[mail.who, ELSEWHERE]), &bytes);
    }

    fn die(&mut self) {
        // A byte is seed enough: two lives of one run differ.
        self.lives = self.lives.wrapping_add(1);
        self.proxy = made(self.lives);
        self.handles.clear();
        self.rechecks.clear();
        self.ends.clear();
        self.finals.clear();
    }

    fn say(&mut self, who: &'static str, text: &str) {
        keep(&mut self.said, Mail { who, text: text.to_owned() });
        self.receive(who, text.as_bytes());
    }

    fn receive(&mut self, who: &str, bytes: &[u8]) {
        let mut table = HeaderTable::new();
        let Ok(message) = Message::parse(bytes, &mut table) else { return };
        let listener = match who {
            CUSTOMER => self.customer_listener,
            BETA => TCP,
            _ => UDP,
        };
        let flow = Flow { listener, peer: addr(who) };
        let mut out = Vec::new();
        let disposition = self.proxy.on_message(self.now(), flow, &message, &mut out);
        match disposition {
            Disposition::NewInvite => {
                let call = CallId(self.calls);
                self.calls += 1;
                if let Ok(handle) = self.proxy.admit(self.now(), flow, &message, admission(call), &mut out) {
                    self.handles.push(handle);
                }
            }
            Disposition::Recheck { handle, .. } => self.rechecks.push(handle),
            Disposition::Refuse { status, code, .. } => assert!((400..700).contains(&status) && code.starts_with('T')),
            Disposition::Done | Disposition::OutOfDialog(_) => {}
            Disposition::OfCarrier { .. } => {
                let again = self.proxy.on_carrier_message(self.now(), flow, &message, &mut out);
                assert!(matches!(again, Disposition::Done | Disposition::Refuse { .. }), "{again:?}");
            }
            Disposition::Elsewhere { .. } => unreachable!("a core of one worker"),
        }
        self.take(out);
    }

    fn act(&mut self, act: impl FnOnce(&mut Proxy, Now, &mut Vec<Action>)) {
        let mut out = Vec::new();
        let now = self.now();
        act(&mut self.proxy, now, &mut out);
        self.take(out);
    }

    fn wait(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while let Some(at_ms) = self.proxy.next_deadline().filter(|at_ms| *at_ms <= end_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            self.act(|proxy, now, out| proxy.on_timer(now, out));
        }
        self.now_ms = end_ms;
    }

    fn finish(&mut self) {
        self.is_over = true;
        self.wait(AFTERWARDS_MS);
        let left = (self.proxy.call_count(), self.proxy.entry_count(), self.proxy.next_deadline());
        assert_eq!(left, (0, 0, None), "calls, entries and the next deadline when all is over");
    }

    fn take(&mut self, out: Vec<Action>) {
        for action in out {
            match action {
                Action::Fact(fact) => self.on_fact(fact),
                Action::Send { flow, bytes } => self.on_sent(flow, bytes),
                Action::Saw(_) | Action::Keep(_) => {}
            }
        }
    }

    fn on_fact(&mut self, fact: Fact) {
        if matches!(fact.kind, FactKind::Refused { .. } | FactKind::Failed { .. } | FactKind::Ended { .. }) {
            let again = self.ends.insert(fact.call, fact.kind.clone());
            assert!(again.is_none(), "{:?} ends by {again:?} and by {:?}", fact.call, fact.kind);
        }
    }

    fn on_sent(&mut self, flow: Flow, bytes: Vec<u8>) {
        let to = flow.peer.to_string();
        let mut table = HeaderTable::new();
        let message = match Message::parse(&bytes, &mut table) {
            Ok(message) => message,
            Err(error) => panic!("{error:?} in what leaves:\n{}", String::from_utf8_lossy(&bytes)),
        };
        assert_eq!(message.bytes().len(), bytes.len(), "one message and nothing behind it");
        if let Some(status @ 200..) = message.status().filter(|_| message.cseq().method_bytes == b"INVITE") {
            self.on_final(&message, status, flow.listener == UDP);
        }
        let is_request = message.is_request();
        if self.is_over || !is_usable(&message) {
            return;
        }
        let Ok(text) = String::from_utf8(bytes) else { return };
        match (is_request, [ALPHA, BETA].into_iter().find(|carrier| to == *carrier)) {
            (true, Some(who)) => keep(&mut self.to_carrier, Mail { who, text }),
            (true, None) => keep(&mut self.to_customer, text),
            (false, None) => keep(&mut self.responses, text),
            (false, Some(_)) => {}
        }
    }

    /// A transaction has one final response, or several that are all a 2xx (RFC 6026 §7.1).
    fn on_final(&mut self, message: &Message<'_>, status: u16, is_udp: bool) {
        let via = String::from_utf8_lossy(message.top_via().raw).into_owned();
        let key = via.split(";received").next().unwrap_or_default().to_owned();
        let now_ms = self.now_ms;
        let (first_ms, first) = *self.finals.entry(key.clone()).or_insert((now_ms, status));
        let lifetime_ms = match first {
            200..=299 => ACCEPTED_MS,
            // An ACK over a connection ends it at once.
            _ => CONFIRMED_MS * u64::from(is_udp),
        };
        let is_same = first == status || (first < 300 && status < 300);
        let is_another = now_ms >= first_ms + lifetime_ms;
        if !is_same && is_another {
            self.finals.insert(key, (now_ms, status));
        }
        assert!(is_same || is_another, "{first} at {first_ms} ms and {status} at {now_ms} ms");
    }
}
