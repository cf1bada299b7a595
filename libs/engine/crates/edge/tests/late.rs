//! A worker that was held up: what came meanwhile is heard before the timers that ran out meanwhile.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline_access::{Capture, Change, Domain, Reason};
use trunkline_edge::{Decision, Engine, EngineConfig, Invite, Outcome, Policy};
use trunkline_message::Algorithm;
use trunkline_transaction::{Increments, Listener, Prepared, Target, TokenKey, Transport};

const REALM: &str = "sip.trunkline.test";
const SILENT: Duration = Duration::from_millis(300);
/// More than are read in one turn.
const BEFORE_IT: usize = 200;
/// The number whose decision takes as long as the test wants.
const SLOW: &str = "+31201230000";

/// Sends every call to the first gateway, then to the second.
struct Route {
    gateways: [SocketAddr; 2],
    began: Sender<()>,
    may_end: Receiver<()>,
}

impl Policy for Route {
    fn decide(&mut self, invite: &Invite<'_>) -> Decision {
        if invite.number == SLOW {
            self.began.send(()).unwrap();
            self.may_end.recv().unwrap();
        }
        let targets = self.gateways.iter().map(|address| (Arc::new(Prepared::new(target(*address))), String::new()));
        Decision { outcome: Outcome::Route(targets.collect()), ..Decision::default() }
    }
}

fn target(address: SocketAddr) -> Target {
    Target {
        gateway: address.to_string(),
        carrier: "alpha".to_owned(),
        address,
        transport: Transport::Udp,
        is_tcp_allowed: false,
        is_trusted: false,
        from_name_addr: String::new(),
        asserted: Vec::new(),
        privacy: String::new(),
        has_asserted_on_ack: false,
        pdd_limit_s: 20,
        rate_micros: 0,
        currency: String::new(),
        increments: Increments::default(),
        hides_topology: false,
        shows_callee: false,
        takes_refer: false,
    }
}

fn folder() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("late-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn bind() -> (Engine, trunkline_edge::Worker) {
    let config = EngineConfig {
        // Nothing is sent again while the test runs.
        t1_ms: 5_000,
        silent_gateway_ms: SILENT.as_millis() as u64,
        all_silent_ms: 30_000,
        decision_limit: Duration::from_secs(30),
        ..EngineConfig::trial(REALM, Listener::udp("127.0.0.1:0".parse().unwrap()), folder())
    };
    let (engine, mut workers) = Engine::bind(config).unwrap();
    let domain = Domain {
        tenant: "acme".to_owned(),
        label: "acme".to_owned(),
        acls: vec!["acme/office".into()],
        algorithms: vec![Algorithm::Md5],
        challenge_status: 407,
        is_qop_optional: false,
        capture: Capture::default(),
    };
    let changes = vec![
        Change::SetDomain { host: format!("acme.{REALM}"), domain },
        Change::SetAddress { acl: "acme/office".to_owned(), cidr: "127.0.0.0/8".to_owned(), caller_id: String::new() },
        Change::SetReason { code: "T402".to_owned(), reason: Reason { status: 500, text: "All Failed".to_owned(), q850: 41 } },
    ];
    engine.tables().apply(changes, 1).unwrap();
    engine.set_token_keys(vec![TokenKey { key_id: 1, key: [7; 32], not_before_s: 0, not_after_s: u64::MAX, is_current: true }]);
    (engine, workers.remove(0))
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> String {
    let mut buffer = [0; 65_535];
    let len = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..len].to_vec()).unwrap()
}

fn invite(number: &str) -> String {
    format!(
        "INVITE sip:{number}@acme.{REALM} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@acme>;tag=1\r\nTo: <sip:b@acme>\r\nCall-ID: {number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// Of a gateway, to a request that it was sent.
fn ringing(request: &str) -> String {
    let line = |name: &str| request.lines().find(|line| line.starts_with(name)).unwrap();
    let vias: Vec<&str> = request.lines().filter(|line| line.starts_with("Via:")).collect();
    let rest = [line("From:"), &format!("{};tag=g", line("To:")), line("Call-ID:"), line("CSeq:"), "Content-Length: 0", "", ""];
    [&["SIP/2.0 180 Ringing"][..], &vias, &rest].concat().join("\r\n")
}

#[test]
fn a_gateway_whose_answer_waits_unread_is_not_silent() {
    let (engine, worker) = bind();
    let edge = engine.addresses()[0];
    let (caller, first, second) = (socket(), socket(), socket());
    let (began, has_begun) = channel();
    let (end, may_end) = channel();
    let gateways = [&first, &second].map(|gateway| gateway.local_addr().unwrap());
    let thread = std::thread::spawn(move || worker.run(&mut Route { gateways, began, may_end }));

    caller.send_to(invite("+31201234567").as_bytes(), edge).unwrap();
    assert!(receive(&caller).starts_with("SIP/2.0 100 "));
    let sent = receive(&first);
    let sent_at = Instant::now();
    caller.send_to(invite(SLOW).as_bytes(), edge).unwrap();
    has_begun.recv().unwrap();
    for _ in 0..BEFORE_IT {
        caller.send_to(b"\r\n\r\n", edge).unwrap();
    }
    first.send_to(ringing(&sent).as_bytes(), edge).unwrap();
    while sent_at.elapsed() < SILENT + Duration::from_millis(50) {
        std::thread::sleep(Duration::from_millis(10));
    }
    end.send(()).unwrap();

    assert!(receive(&caller).starts_with("SIP/2.0 100 "), "of the slow call");
    let heard = receive(&caller);
    engine.stop();
    thread.join().unwrap();
    assert!(heard.starts_with("SIP/2.0 180 "), "{heard}");
    second.set_nonblocking(true).unwrap();
    // Whatever was sent to it is there: the worker has ended.
    let mut buffer = [0; 65_535];
    while let Ok(len) = second.recv(&mut buffer) {
        assert!(!String::from_utf8_lossy(&buffer[..len]).contains("Call-ID: +31201234567"), "the second gateway was tried too");
    }
}
