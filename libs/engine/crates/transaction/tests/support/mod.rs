//! A proxy under virtual time, and the few messages that the tests send to it as text.
#![allow(dead_code)] // Each test crate uses its own part.

pub mod by_transport;

use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_message::{HeaderTable, Message};
use trunkline_transaction::{
    Action, Admission, CallHandle, CallId, Config, Disposition, Fact, FactKind, Failures, Flow, Increments, Kept, Listener, Now, Prepared,
    Proxy, Refusal, RoutePlan, SeenBy, Sighting, Sign, Step, Target, TokenKey, Transport,
};

pub const OURS: &str = "127.0.1.1:5060";
pub const CUSTOMER: &str = "10.1.1.1:5066";
pub const ALPHA: &str = "10.9.9.1:5060";
pub const BETA: &str = "10.9.9.2:5060";
pub const REALM: &str = "sip.trunkline.test";
pub const START_NS: u64 = 1_795_000_000_000_000_000;
pub const CALL: CallId = CallId(0xabc);

/// One datagram that left, and when.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at_ms: u64,
    pub listener: u16,
    pub to: SocketAddr,
    pub text: String,
}

impl Sent {
    pub fn start(&self) -> &str {
        self.text.lines().next().unwrap_or("")
    }

    pub fn is_to(&self, address: &str) -> bool {
        self.to == addr(address)
    }
}

pub struct Bench {
    pub proxy: Proxy,
    pub now_ms: u64,
    pub sent: Vec<Sent>,
    pub facts: Vec<Fact>,
    /// Gateways, those of OPTIONS with the word before them, and what they did.
    pub seen: Vec<(String, Sign)>,
    /// Messages of calls that failed.
    pub kept: Vec<Kept>,
    /// Facts and start lines in the order of the actions.
    pub order: Vec<String>,
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn config() -> Config {
    Config { listeners: vec![Listener::udp(addr(OURS))], realm: REALM.to_owned(), ..Config::default() }
}

pub fn token_key() -> TokenKey {
    TokenKey { key_id: 7, key: [9; 32], not_before_s: 0, not_after_s: u64::MAX, is_current: true }
}

/// Another edge, or the same one after a restart: the key of the tokens, nothing else.
pub fn restarted() -> Bench {
    Bench::with(config(), 99)
}

impl Bench {
    pub fn new() -> Self {
        Self::with(config(), 1)
    }

    pub fn with(config: Config, seed: u8) -> Self {
        let mut proxy = Proxy::new(config, [seed; 32]);
        proxy.set_token_keys(&[token_key()]);
        Self { proxy, now_ms: 0, sent: Vec::new(), facts: Vec::new(), seen: Vec::new(), kept: Vec::new(), order: Vec::new() }
    }

    pub fn now(&self) -> Now {
        Now { ms: self.now_ms, unix_ns: START_NS + self.now_ms * 1_000_000 }
    }

    fn take(&mut self, out: Vec<Action>) {
        for action in out {
            match action {
                Action::Send { flow, bytes } => {
                    let mut table = HeaderTable::new();
                    let message = Message::parse(&bytes, &mut table).expect("what leaves is a message");
                    assert_eq!(message.bytes().len(), bytes.len());
                    let sent = Sent { at_ms: self.now_ms, listener: flow.listener, to: flow.peer, text: String::from_utf8(bytes).unwrap() };
                    self.order.push(format!("{} > {}", sent.start(), sent.to));
                    self.sent.push(sent);
                }
                Action::Fact(fact) => {
                    self.order.push(format!("{:?}", fact.kind).split([' ', '{']).next().unwrap().to_owned());
                    self.facts.push(fact);
                }
                Action::Saw(Sighting { by, sign }) => {
                    let gateway = match by {
                        SeenBy::Call(target) => target.gateway.clone(),
                        SeenBy::Options(place) => format!("OPTIONS {}", place.gateway),
                    };
                    self.seen.push((gateway, sign));
                }
                Action::Keep(kept) => self.kept.push(*kept),
            }
        }
    }

    pub fn receive(&mut self, from: &str, text: &str) -> Disposition {
        self.receive_at(0, from, text)
    }

    pub fn receive_at(&mut self, listener: u16, from: &str, text: &str) -> Disposition {
        self.hand_over(listener, from, text, Proxy::on_message)
    }

    /// As what comes from a gateway of the carrier that the call does not name.
    pub fn receive_of_carrier(&mut self, from: &str, text: &str) -> Disposition {
        self.hand_over(0, from, text, Proxy::on_carrier_message)
    }

    fn hand_over(
        &mut self,
        listener: u16,
        from: &str,
        text: &str,
        over: impl FnOnce(&mut Proxy, Now, Flow, &Message<'_>, &mut Vec<Action>) -> Disposition,
    ) -> Disposition {
        let mut table = HeaderTable::new();
        let message = Message::parse(text.as_bytes(), &mut table).unwrap_or_else(|error| panic!("{error:?} in\n{text}"));
        let mut out = Vec::new();
        let flow = Flow { listener, peer: addr(from) };
        let now = self.now();
        let disposition = over(&mut self.proxy, now, flow, &message, &mut out);
        self.take(out);
        disposition
    }

    pub fn admit(&mut self, from: &str, text: &str) -> CallHandle {
        self.admit_as(from, text, CALL)
    }

    pub fn admit_as(&mut self, from: &str, text: &str, call: CallId) -> CallHandle {
        assert_eq!(self.receive(from, text), Disposition::NewInvite);
        let mut table = HeaderTable::new();
        let message = Message::parse(text.as_bytes(), &mut table).unwrap();
        let mut out = Vec::new();
        let flow = Flow { listener: 0, peer: addr(from) };
        let handle = self.proxy.admit(self.now(), flow, &message, admission(call), &mut out).unwrap();
        self.take(out);
        handle
    }

    pub fn route(&mut self, call: CallHandle, targets: Vec<Target>) {
        let mut out = Vec::new();
        self.proxy.route(self.now(), call, plan(targets), &mut out).unwrap();
        self.take(out);
    }

    /// Admits the INVITE of a customer and routes it to these gateways.
    pub fn call(&mut self, invite: &str, targets: Vec<Target>) {
        let handle = self.admit(CUSTOMER, invite);
        self.route(handle, targets);
    }

    pub fn act(&mut self, act: impl FnOnce(&mut Proxy, Now, &mut Vec<Action>)) {
        let mut out = Vec::new();
        let now = self.now();
        act(&mut self.proxy, now, &mut out);
        self.take(out);
    }

    /// Lets time pass, timer by timer.
    pub fn advance(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while let Some(at_ms) = self.proxy.next_deadline().filter(|at_ms| *at_ms <= end_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            self.act(|proxy, now, out| proxy.on_timer(now, out));
        }
        self.now_ms = end_ms;
    }

    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Everything that was sent to this address since the last time, and nothing to others is lost.
    pub fn sent_to(&mut self, address: &str) -> Vec<Sent> {
        let (mine, rest) = std::mem::take(&mut self.sent).into_iter().partition(|sent| sent.is_to(address));
        self.sent = rest;
        mine
    }

    /// The only datagram sent to this address since the last time.
    pub fn one_to(&mut self, address: &str) -> Sent {
        let mut sent = self.sent_to(address);
        assert_eq!(sent.len(), 1, "to {address}: {sent:#?}");
        sent.remove(0)
    }

    pub fn starts_to(&mut self, address: &str) -> Vec<String> {
        self.sent_to(address).iter().map(|sent| sent.start().to_owned()).collect()
    }

    pub fn fact_names(&self) -> Vec<String> {
        self.facts.iter().map(|fact| format!("{:?}", fact.kind).split([' ', '{']).next().unwrap().to_owned()).collect()
    }

    pub fn last_fact(&self) -> &FactKind {
        &self.facts.last().unwrap().kind
    }

    /// After every timer has run out nothing is left but answered calls.
    pub fn assert_empties(&mut self) {
        self.advance(200_000);
        assert_eq!(self.proxy.entry_count(), 0, "calls {}", self.proxy.call_count());
        assert_eq!(self.proxy.next_deadline(), None);
    }

    /// BYE of the customer, 200 of alpha. `ok` is the 2xx that the customer got.
    pub fn hang_up(&mut self, ok: &str, cseq: u32, lines: &str) {
        self.receive(CUSTOMER, &from_customer("BYE", cseq, ok, lines));
        let bye = self.one_to(ALPHA).text;
        self.receive(ALPHA, &reply(&bye, 200, "callee", ALPHA));
        assert_eq!(self.starts_to(CUSTOMER).last().map(String::as_str), Some("SIP/2.0 200 Whatever"));
    }

    /// INVITE, 180, 200, ACK through alpha. Gives the 200 at the customer and the INVITE at the gateway.
    pub fn answered(&mut self, target: Target) -> (Sent, Sent) {
        self.answered_as(&invite(), target)
    }

    /// The same of an INVITE of one's own.
    pub fn answered_as(&mut self, invite_text: &str, target: Target) -> (Sent, Sent) {
        let peer = target.address.to_string();
        self.call(invite_text, vec![target]);
        let invite = self.one_to(&peer);
        self.receive(&peer, &reply(&invite.text, 180, "callee", &peer));
        self.receive(&peer, &reply(&invite.text, 200, "callee", &peer));
        let ok = self.sent_to(CUSTOMER).pop().unwrap();
        assert_eq!(ok.start(), "SIP/2.0 200 Whatever");
        self.receive(CUSTOMER, &from_customer("ACK", 1, &ok.text, ""));
        assert!(self.one_to(&peer).start().starts_with("ACK sip:callee@"));
        (ok, invite)
    }
}

pub fn admission(call: CallId) -> Admission {
    Admission {
        call,
        tenant: "acme".to_owned(),
        domain: "acme".to_owned(),
        number: "31201234567".to_owned(),
        caller: "31000000".to_owned(),
    }
}

pub fn refusal(status: u16, code: &str, text: &str) -> Refusal {
    Refusal { status, text: text.to_owned(), code: code.to_owned(), q850: 41, facts: "facts".to_owned(), extra_headers: String::new() }
}

pub fn plan(targets: Vec<Target>) -> RoutePlan {
    RoutePlan {
        steps: targets.into_iter().map(step).collect(),
        failures: Arc::new(Failures {
            all_failed: refusal(500, "T402", "All Gateways Failed"),
            timed_out: refusal(500, "T405", "Carrier Timed Out"),
            no_target: refusal(503, "T403", "No Usable Gateway"),
        }),
        max_duration_s: 0,
    }
}

/// The second listener, where there is one, is for IPv6.
pub fn step(target: Target) -> Step {
    let listener = u16::from(target.address.is_ipv6());
    Step { listener, large_listener: None, request_user: "+31201234567".to_owned(), target: Arc::new(Prepared::new(target)) }
}

pub fn target(gateway: &str, address: &str) -> Target {
    Target {
        gateway: gateway.to_owned(),
        carrier: format!("carrier-{gateway}"),
        address: addr(address),
        transport: Transport::Udp,
        is_tcp_allowed: false,
        is_trusted: true,
        from_name_addr: String::new(),
        asserted: Vec::new(),
        privacy: String::new(),
        has_asserted_on_ack: true,
        pdd_limit_s: 20,
        takes_refer: true,
        rate_micros: 12_500,
        currency: "EUR".to_owned(),
        increments: Increments::default(),
        hides_topology: false,
        shows_callee: false,
    }
}

pub fn alpha() -> Target {
    target("alpha", ALPHA)
}

pub fn beta() -> Target {
    target("beta", BETA)
}

pub fn invite() -> String {
    invite_with("call-1", "branch1", "")
}

/// `lines` are further headers with their CRLFs.
pub fn invite_with(call_id: &str, branch: &str, lines: &str) -> String {
    format!(
        "INVITE sip:+31201234567@acme.sip.trunkline.test SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.168.1.9:5066;rport;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 69\r\n\
         From: \"Alice\" <sip:31000000@acme.sip.trunkline.test>;tag=caller\r\n\
         To: <sip:+31201234567@acme.sip.trunkline.test>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:31000000@192.168.1.9:5066>\r\n\
         {lines}Content-Type: application/sdp\r\n\
         Content-Length: 5\r\n\r\nv=0\r\n"
    )
}

/// Every value of this header, lines in order.
pub fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.split("\r\n\r\n")
        .next()
        .unwrap()
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(known, _)| known.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}

pub fn value<'a>(text: &'a str, name: &str) -> &'a str {
    values(text, name).first().copied().unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

/// The response of a peer to a request that it got; its Contact is at `contact`.
pub fn reply(request: &str, status: u16, tag: &str, contact: &str) -> String {
    reply_with(request, status, tag, contact, "")
}

pub fn reply_with(request: &str, status: u16, tag: &str, contact: &str, lines: &str) -> String {
    let mut text = format!("SIP/2.0 {status} Whatever\r\n");
    for name in ["Via", "Record-Route"] {
        for value in values(request, name) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let to = value(request, "To");
    let to = if to.contains(";tag=") || status == 100 { to.to_owned() } else { format!("{to};tag={tag}") };
    text.push_str(&format!("From: {}\r\nTo: {to}\r\n", value(request, "From")));
    text.push_str(&format!("Call-ID: {}\r\nCSeq: {}\r\n", value(request, "Call-ID"), value(request, "CSeq")));
    text.push_str(&format!("Contact: <sip:callee@{contact}>\r\n{lines}Content-Length: 0\r\n\r\n"));
    text
}

/// The URI between the brackets.
fn uri(value: &str) -> &str {
    value.split_once('<').unwrap().1.split_once('>').unwrap().0
}

/// A request in the dialog of the 2xx or 18x that the customer got.
pub fn from_customer(method: &str, cseq: u32, response: &str, lines: &str) -> String {
    let mut routes = values(response, "Record-Route");
    routes.reverse();
    let routes: String = routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
    format!(
        "{method} {} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.168.1.9:5066;rport;branch=z9hG4bKc{method}{cseq}\r\n\
         Max-Forwards: 70\r\n{routes}\
         From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:31000000@192.168.1.9:5066>\r\n{lines}Content-Length: 0\r\n\r\n",
        uri(value(response, "Contact")),
        value(response, "From"),
        value(response, "To"),
        value(response, "Call-ID"),
    )
}

/// A request in the dialog of the INVITE that the carrier got and answered with tag `callee`.
pub fn from_carrier(method: &str, cseq: u32, invite: &str, lines: &str) -> String {
    let routes: String = values(invite, "Record-Route").iter().map(|route| format!("Route: {route}\r\n")).collect();
    format!(
        "{method} {} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.9.9.1:5060;branch=z9hG4bKg{method}{cseq}\r\n\
         Max-Forwards: 70\r\n{routes}\
         From: {};tag=callee\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:callee@10.9.9.1:5060>\r\n{lines}Content-Length: 0\r\n\r\n",
        uri(value(invite, "Contact")),
        value(invite, "To"),
        value(invite, "From"),
        value(invite, "Call-ID"),
    )
}

/// ACK of a failure or CANCEL: hop by hop, with the INVITE's own branch.
pub fn hop_request(method: &str, invite: &str, response: Option<&str>) -> String {
    let request_uri = invite.lines().next().unwrap().split(' ').nth(1).unwrap();
    let to = response.map_or(value(invite, "To"), |response| value(response, "To"));
    format!(
        "{method} {request_uri} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\n\
         Content-Length: 0\r\n\r\n",
        values(invite, "Via")[0],
        value(invite, "From"),
        value(invite, "Call-ID"),
        value(invite, "CSeq").split(' ').next().unwrap(),
    )
}
