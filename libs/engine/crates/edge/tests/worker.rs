//! The worker over real sockets: stateless answers, their bounds, and what the journal says of them.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use trunkline_access::{Capture, Change, Domain, Reason};
use trunkline_edge::{Decision, Engine, EngineConfig, Invite, Policy};
use trunkline_message::Algorithm;
use trunkline_transaction::Listener;

const REALM: &str = "sip.trunkline.test";

struct Nobody;

impl Policy for Nobody {
    fn decide(&mut self, _: &Invite<'_>) -> Decision {
        Decision::default()
    }
}

fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("review-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn domain(label: &str, acls: &[&str]) -> Change {
    Change::SetDomain {
        host: format!("{label}.{REALM}"),
        domain: Domain {
            tenant: label.to_owned(),
            label: label.to_owned(),
            acls: acls.iter().map(|acl| (*acl).into()).collect(),
            algorithms: vec![Algorithm::Md5],
            challenge_status: 407,
            is_qop_optional: false,
            capture: Capture::default(),
        },
    }
}

fn reason(code: &str, status: u16) -> Change {
    Change::SetReason { code: code.to_owned(), reason: Reason { status, text: "Text".to_owned(), q850: 21 } }
}

fn serve(name: &str) -> (Engine, SocketAddr, std::thread::JoinHandle<()>) {
    let config = EngineConfig {
        other_pops: vec!["us1".to_owned()],
        ..EngineConfig::trial(REALM, Listener::udp("127.0.0.1:0".parse().unwrap()), folder(name))
    };
    let (engine, mut workers) = Engine::bind(config).unwrap();
    let worker = workers.remove(0);
    let acl = |acl: &str| Change::SetAddress { acl: acl.to_owned(), cidr: "192.0.2.0/24".to_owned(), caller_id: String::new() };
    let changes = vec![
        domain("acme", &["acme/office"]),
        domain("globex", &["globex/office"]),
        domain("empty", &[]),
        domain("open", &["open/here"]),
        Change::SetAddress { acl: "open/here".to_owned(), cidr: "127.0.0.0/8".to_owned(), caller_id: String::new() },
        acl("acme/office"),
        acl("globex/office"),
        reason("T201", 404),
        reason("T203", 403),
        reason("T105", 405),
        reason("T107", 416),
        reason("T906", 503),
    ];
    engine.tables().apply(changes, 1).unwrap();
    let address = engine.addresses()[0];
    let thread = std::thread::spawn(move || worker.run(&mut Nobody));
    (engine, address, thread)
}

fn request(method: &str, label: &str, call_id: &str, via: &str) -> String {
    format!(
        "{method} sip:+31201234567@{label}.{REALM} SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK{call_id}{label}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@{label}>;tag=1\r\nTo: <sip:b@{label}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: <sip:a@127.0.0.1>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

/// How many of `count` requests of one source are answered.
fn answers(to: SocketAddr, method: &str, label: &str, count: usize) -> usize {
    let socket = socket();
    let mut buffer = [0; 4096];
    let mut answered = 0;
    for at in 0..count {
        let text = request(method, label, &format!("{label}-{at}"), "127.0.0.1;rport");
        socket.send_to(text.as_bytes(), to).unwrap();
        // One at a time while they are answered, so that no socket buffer loses any; afterwards nothing comes.
        if answered == at && socket.recv(&mut buffer).is_ok() {
            answered += 1;
        }
    }
    while socket.recv(&mut buffer).is_ok() {
        answered += 1;
    }
    answered
}

fn drained(engine: &Engine) -> String {
    std::thread::sleep(Duration::from_millis(50));
    engine.drain(64 << 20).unwrap().into_iter().map(|chunk| String::from_utf8(chunk.lines).unwrap()).collect()
}

#[test]
fn a_stateless_answer_goes_to_the_port_of_sent_by_without_rport() {
    let (engine, address, thread) = serve("rport");
    let (sends, listens) = (socket(), socket());
    let via = listens.local_addr().unwrap().to_string();
    let good = request("INVITE", "acme", "c1", &via);
    for text in [good.clone(), good.replace("CSeq: 1 ", "CSeq: x ")] {
        sends.send_to(text.as_bytes(), address).unwrap();
        let mut buffer = [0; 4096];
        let at_sent_by = listens.recv(&mut buffer).is_ok();
        let at_source = sends.recv(&mut buffer).is_ok();
        assert_eq!((at_sent_by, at_source), (true, false), "(at sent-by's port, at the source port): RFC 3261 §18.2.2");
    }
    engine.stop();
    thread.join().unwrap();
}

#[test]
fn an_unknown_domain_and_one_without_acl_are_answered_alike_and_strangers_not_for_ever() {
    let (engine, address, thread) = serve("alike");
    let unknown = answers(address, "INVITE", "nobody", 310);
    engine.stop();
    thread.join().unwrap();
    let (engine, address, thread) = serve("alike-2");
    let empty = answers(address, "INVITE", "empty", 310);
    let unlisted = answers(address, "INVITE", "acme", 310);
    let register = answers(address, "REGISTER", "acme", 310);
    let lines = drained(&engine);
    engine.stop();
    thread.join().unwrap();
    assert_eq!((unknown, empty, unlisted), (300, 300, 300), "five a second, then silence");
    assert_eq!(register, 30, "of what only scanners and telephones send");
    assert_eq!(lines.matches("\"refused\":").count(), 600, "what is not answered has no record");
}

#[test]
fn attempts_of_two_tenants_with_the_same_call_id_are_two_calls() {
    let (engine, address, thread) = serve("fold");
    let socket = socket();
    let mut buffer = [0; 4096];
    for label in ["acme", "globex"] {
        socket.send_to(request("INVITE", label, "same", "127.0.0.1;rport").as_bytes(), address).unwrap();
        socket.recv(&mut buffer).unwrap();
    }
    let lines = drained(&engine);
    engine.stop();
    thread.join().unwrap();
    let calls: std::collections::BTreeSet<&str> =
        lines.lines().filter_map(|line| line.get(..42)).filter(|line| line.contains("call")).collect();
    assert_eq!(calls.len(), 2, "{lines}");
}

#[test]
fn a_line_of_the_journal_is_as_short_as_its_bound_says() {
    let (engine, address, thread) = serve("long");
    let socket = socket();
    let noise = "\u{1}".repeat(8_100);
    let text = request("INVITE", "acme", "long", "127.0.0.1;rport")
        .replace("From: <sip:a@acme>", &format!("From: <sip:{noise}>"))
        .replace("To: <sip:b@acme>", &format!("To: <sip:{noise}>"))
        .replace("Content-Length", &format!("User-Agent: {noise}\r\nContent-Length"));
    socket.send_to(text.as_bytes(), address).unwrap();
    let _ = socket.recv(&mut [0; 65_535]);
    let lines = drained(&engine);
    engine.stop();
    thread.join().unwrap();
    let longest = lines.lines().map(str::len).max().unwrap_or(0);
    assert!(longest < trunkline_edge::journal::MAX_LINE_BYTES, "a datagram of {} bytes made a line of {longest}", text.len());
}

#[test]
fn an_invite_that_the_core_refuses_is_an_attempt_of_its_domain() {
    let (engine, address, thread) = serve("core");
    let socket = socket();
    let text = request("INVITE", "acme", "hops", "127.0.0.1;rport").replace("Max-Forwards: 70", "Max-Forwards: 0");
    socket.send_to(text.as_bytes(), address).unwrap();
    let mut buffer = [0; 4096];
    let len = socket.recv(&mut buffer).unwrap();
    assert!(buffer[..len].starts_with(b"SIP/2.0 483 "));
    let lines = drained(&engine);
    engine.stop();
    thread.join().unwrap();
    assert_eq!(lines.matches("\"reason\":\"T103\"").count(), 1, "{lines}");
}

/// Of 310 INVITEs by a scheme that we do not serve, how many were answered and recorded, and whether all came in one minute of the clock, by
/// which answers are bounded.
fn by_an_unknown_scheme(name: &str) -> (usize, usize, bool) {
    let minute = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    let began = minute();
    let (engine, address, thread) = serve(name);
    let socket = socket();
    let mut answered = 0;
    for at in 0..310 {
        let text = request("INVITE", "acme", &format!("sips-{at}"), "127.0.0.1;rport").replace("INVITE sip:", "INVITE sips:");
        socket.send_to(text.as_bytes(), address).unwrap();
        let mut buffer = [0; 4096];
        if answered == at {
            if let Ok(len) = socket.recv(&mut buffer) {
                assert!(buffer[..len].starts_with(b"SIP/2.0 416 "));
                answered += 1;
            }
        }
    }
    let is_one_minute = minute() == began;
    let lines = drained(&engine);
    engine.stop();
    thread.join().unwrap();
    (answered, lines.matches("\"reason\":\"T107\"").count(), is_one_minute)
}

#[test]
fn an_invite_by_a_scheme_that_we_do_not_serve_is_an_attempt_like_others() {
    let (mut answered, mut recorded, is_one_minute) = by_an_unknown_scheme("scheme");
    if !is_one_minute {
        (answered, recorded, _) = by_an_unknown_scheme("scheme again");
    }
    assert_eq!((answered, recorded), (300, 300));
}

#[test]
fn who_is_admitted_while_no_call_can_be_set_up_is_told_so_each_time() {
    // Without a token key.
    let (engine, address, thread) = serve("full");
    let answered = answers(address, "INVITE", "open", 310);
    let lines = drained(&engine);
    engine.stop();
    thread.join().unwrap();
    assert_eq!((answered, lines.matches("\"reason\":\"T906\"").count()), (310, 310), "silence has each sent eleven times");
}
