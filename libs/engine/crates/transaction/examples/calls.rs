//! Whole calls through parser and proxy, with nothing around them: INVITE, 100, 180, 200, ACK, BYE, 200, and every timer to its end.
//!
//! `cargo run --release --example calls -- 20000` prints the time that a call takes in here, and the bytes that are kept of it when it is
//! over. For a count that does not depend on the machine, only what runs inside `Edge` is collected, so that the peers cost nothing:
//!
//! ```text
//! valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*edge::Edge*' target/release/examples/calls 2000 25
//! ```
//!
//! The second number is calls a second. What is kept of a call is kept for 32 s and more, so at 25 a second the tables are as large after
//! 2,000 calls as they become.

#[path = "../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use support::{addr, from_customer, reply, target, ALPHA, BETA, CUSTOMER, START_NS};
use trunkline_transaction::{Action, CallId, Target};

const CALLS_PER_S: u64 = 2_000;

/// Longer than any timer of a call that has ended.
const AFTERWARDS_US: u64 = 200_000_000;

const SDP: &str = "v=0\r\no=- 3907 1 IN IP4 10.1.1.1\r\ns=-\r\nc=IN IP4 10.1.1.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\n\
                   a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
                   a=ptime:20\r\na=sendrecv\r\n";

/// What is measured.
mod edge {
    use std::net::SocketAddr;

    use trunkline_message::{HeaderTable, Message};
    use trunkline_transaction::{Action, CallHandle, CallId, Disposition, Flow, Now, Proxy, Target};

    use crate::support::{admission, config, plan, token_key};

    pub struct Edge {
        proxy: Proxy,
        table: HeaderTable,
    }

    impl Edge {
        #[inline(never)]
        pub fn new() -> Self {
            let mut proxy = Proxy::new(config(), [1; 32]);
            proxy.set_token_keys(&[token_key()]);
            Self { proxy, table: HeaderTable::new() }
        }

        /// A handle where it is a new INVITE, which is then admitted as `call`.
        #[inline(never)]
        pub fn receive(&mut self, now: Now, peer: SocketAddr, datagram: &[u8], call: CallId, out: &mut Vec<Action>) -> Option<CallHandle> {
            let message = Message::parse(datagram, &mut self.table).ok()?;
            let flow = Flow { listener: 0, peer };
            match self.proxy.on_message(now, flow, &message, out) {
                Disposition::NewInvite => self.proxy.admit(now, flow, &message, admission(call), out).ok(),
                _ => None,
            }
        }

        #[inline(never)]
        pub fn route(&mut self, now: Now, call: CallHandle, targets: Vec<Target>, out: &mut Vec<Action>) -> bool {
            self.proxy.route(now, call, plan(targets), out).is_ok()
        }

        #[inline(never)]
        pub fn run_timers(&mut self, now: Now, out: &mut Vec<Action>) {
            if self.proxy.next_deadline().is_some_and(|due| due <= now.ms) {
                self.proxy.on_timer(now, out);
            }
        }

        pub fn entry_count(&self) -> usize {
            self.proxy.entry_count()
        }
    }
}

struct Run {
    edge: edge::Edge,
    interval_us: u64,
    now_us: u64,
    spent: Duration,
    datagrams: usize,
    facts: usize,
    out: Vec<Action>,
}

impl Run {
    fn now(&self) -> trunkline_transaction::Now {
        trunkline_transaction::Now { ms: self.now_us / 1_000, unix_ns: START_NS + self.now_us * 1_000 }
    }

    fn measured<T>(&mut self, act: impl FnOnce(&mut edge::Edge, trunkline_transaction::Now, &mut Vec<Action>) -> T) -> T {
        let now = self.now();
        let began = Instant::now();
        let result = act(&mut self.edge, now, &mut self.out);
        self.spent += began.elapsed();
        result
    }

    /// What is sent, in order.
    fn take(&mut self) -> Result<Vec<(SocketAddr, String)>, Box<dyn Error>> {
        let mut sent = Vec::new();
        for action in self.out.drain(..) {
            match action {
                Action::Send { flow, bytes } => sent.push((flow.peer, String::from_utf8(bytes.to_vec())?)),
                Action::Fact(_) => self.facts += 1,
                Action::Saw(_) | Action::Keep(_) => {}
            }
        }
        self.datagrams += sent.len();
        Ok(sent)
    }

    /// One datagram in, what it makes out.
    fn receive(&mut self, peer: &str, text: &str) -> Result<Vec<(SocketAddr, String)>, Box<dyn Error>> {
        let peer = addr(peer);
        self.measured(|edge, now, out| edge.receive(now, peer, text.as_bytes(), CallId(0), out));
        self.take()
    }

    fn call(&mut self, number: u64) -> Result<(), Box<dyn Error>> {
        let text = invite(number);
        let targets: Vec<Target> = vec![carrier("alpha", ALPHA), carrier("beta", BETA)];
        let customer = addr(CUSTOMER);
        let call = CallId(u128::from(number) + 1);
        let handle = self.measured(|edge, now, out| edge.receive(now, customer, text.as_bytes(), call, out)).ok_or("not admitted")?;
        expect(&self.take()?, "SIP/2.0 100 ")?;
        if !self.measured(|edge, now, out| edge.route(now, handle, targets, out)) {
            return Err("not routed".into());
        }
        let sent = self.take()?;
        let invite = expect(&sent, "INVITE ")?;
        self.receive(ALPHA, &reply(invite, 100, "", ALPHA))?;
        expect(&self.receive(ALPHA, &with_sdp(&reply(invite, 180, "callee", ALPHA)))?, "SIP/2.0 180 ")?;
        let sent = self.receive(ALPHA, &with_sdp(&reply(invite, 200, "callee", ALPHA)))?;
        let ok = expect(&sent, "SIP/2.0 200 ")?;
        // A client's branches are its own: those of the support module are the same in every call.
        let own = |text: String| text.replace("branch=z9hG4bKc", &format!("branch=z9hG4bKc{number}x"));
        expect(&self.receive(CUSTOMER, &own(from_customer("ACK", 1, ok, "")))?, "ACK ")?;
        let sent = self.receive(CUSTOMER, &own(from_customer("BYE", 2, ok, "")))?;
        let bye = expect(&sent, "BYE ")?;
        expect(&self.receive(ALPHA, &reply(bye, 200, "callee", ALPHA))?, "SIP/2.0 200 ")?;
        self.now_us += self.interval_us;
        self.measured(|edge, now, out| edge.run_timers(now, out));
        match self.take()?.first() {
            Some((peer, text)) => Err(format!("a timer sent to {peer}: {text}").into()),
            None => Ok(()),
        }
    }
}

fn carrier(gateway: &str, address: &str) -> Target {
    Target {
        asserted: vec!["\"acme\" <sip:+31000000@acme.sip.trunkline.test;user=phone>".to_owned(), "<tel:+31000000>".to_owned()],
        ..target(gateway, address)
    }
}

fn expect<'a>(sent: &'a [(SocketAddr, String)], start: &str) -> Result<&'a str, Box<dyn Error>> {
    match sent {
        [(_, text)] if text.starts_with(start) => Ok(text),
        other => Err(format!("{start}was to be sent, and nothing else: {other:?}").into()),
    }
}

fn with_sdp(text: &str) -> String {
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len());
    text.replace("Content-Length: 0\r\n\r\n", &body)
}

/// As a PBX behind an address sends it, with an identity that it claims.
fn invite(number: u64) -> String {
    format!(
        "INVITE sip:+31201234567@acme.sip.trunkline.test SIP/2.0\r\nVia: SIP/2.0/UDP {CUSTOMER};branch=z9hG4bK-{number}-1-0\r\n\
         Max-Forwards: 70\r\nFrom: \"PBX\" <sip:+31000000@acme.sip.trunkline.test>;tag=12345SIPpTag00{number}\r\n\
         To: <sip:+31201234567@acme.sip.trunkline.test>\r\nCall-ID: {number}-12345@10.1.1.1\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:pbx@{CUSTOMER};transport=UDP>\r\nP-Asserted-Identity: <sip:+19998887777@spoofed.example.com>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\nSupported: timer\r\nUser-Agent: sipp-pbx\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

/// What this process has in memory (proc(5), statm), where a page has 4 KiB.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("statm of one field")?.parse()?;
    Ok(pages * 4_096)
}

fn main() -> Result<(), Box<dyn Error>> {
    let number = |at, usual| std::env::args().nth(at).map_or(Ok(usual), |text| text.parse());
    let (calls, per_s): (u64, u64) = (number(1, 20_000)?, number(2, CALLS_PER_S)?);
    if calls == 0 || per_s == 0 {
        return Err("at least one call, at least one a second".into());
    }
    let before = resident_bytes()?;
    let interval_us = 1_000_000 / per_s;
    let mut run = Run { edge: edge::Edge::new(), interval_us, now_us: 0, spent: Duration::ZERO, datagrams: 0, facts: 0, out: Vec::new() };
    for number in 0..calls {
        run.call(number)?;
    }
    let kept = resident_bytes()?.saturating_sub(before) / calls;
    run.now_us += AFTERWARDS_US;
    run.measured(|edge, now, out| edge.run_timers(now, out));
    // An entry that stood in the queue twice is looked at twice.
    run.now_us += AFTERWARDS_US;
    run.measured(|edge, now, out| edge.run_timers(now, out));
    assert_eq!(run.edge.entry_count(), 0, "transactions and calls are left");
    let micros = run.spent.as_secs_f64() * 1e6 / calls as f64;
    println!("{calls} calls, {} datagrams out, {} facts: {micros:.2} µs a call, {kept} bytes kept of each", run.datagrams, run.facts);
    Ok(())
}
