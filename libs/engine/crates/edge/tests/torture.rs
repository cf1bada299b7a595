//! The messages of RFC 4475 and RFC 5118 over a socket: the status line that goes back, or that nothing does.
//!
//! No domain of theirs is served here, so a call that is well-formed ends at the access rule (T201). What of a call goes on to a carrier is
//! `crates/transaction/tests/torture.rs`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use trunkline_access::{Change, Reason};
use trunkline_edge::{Decision, Engine, EngineConfig, Invite, Policy};
use trunkline_transaction::Listener;

struct Nobody;

impl Policy for Nobody {
    fn decide(&mut self, _: &Invite<'_>) -> Decision {
        Decision::default()
    }
}

const SILENCE: u16 = 0;

/// File and status; `SILENCE` where nothing may or need be answered.
const ANSWERS: [(&str, u16); 61] = [
    // A Route that is not ours: we are no relay for anybody.
    ("rfc4475/3.1.1.1_wsinv", 403),
    // Stricter than the RFC: a NUL in To, so that nothing can be answered.
    ("rfc4475/3.1.1.2_intmeth", SILENCE),
    ("rfc4475/3.1.1.3_esc01", 403),
    // REGISTER: served nowhere here.
    ("rfc4475/3.1.1.4_escnull", 405),
    ("rfc4475/3.1.1.5_esc02", 405),
    ("rfc4475/3.1.1.6_lwsdisp", 200),
    // Stricter: no branch.
    ("rfc4475/3.1.1.7_longreq", 400),
    ("rfc4475/3.1.1.8_dblreq", 405),
    ("rfc4475/3.1.1.9_semiuri", 200),
    ("rfc4475/3.1.1.10_transports", 200),
    ("rfc4475/3.1.1.11_mpart01", 403),
    // Responses to nothing of ours.
    ("rfc4475/3.1.1.12_unreason", SILENCE),
    ("rfc4475/3.1.1.13_noreason", SILENCE),
    // Its Via cannot be read, so nobody is there to be answered.
    ("rfc4475/3.1.2.1_badinv01", SILENCE),
    ("rfc4475/3.1.2.2_clerr", 400),
    ("rfc4475/3.1.2.3_ncl", 400),
    ("rfc4475/3.1.2.4_scalar02", 400),
    ("rfc4475/3.1.2.5_scalarlg", SILENCE),
    ("rfc4475/3.1.2.6_quotbal", 400),
    ("rfc4475/3.1.2.7_ltgtruri", 400),
    ("rfc4475/3.1.2.8_lwsruri", 400),
    ("rfc4475/3.1.2.9_lwsstart", 400),
    ("rfc4475/3.1.2.10_trws", 400),
    ("rfc4475/3.1.2.11_escruri", 400),
    ("rfc4475/3.1.2.12_baddate", 403),
    ("rfc4475/3.1.2.13_regbadct", 405),
    ("rfc4475/3.1.2.14_badaspec", 400),
    ("rfc4475/3.1.2.15_baddn", 400),
    ("rfc4475/3.1.2.16_badvers", 505),
    ("rfc4475/3.1.2.17_mismatch01", 400),
    ("rfc4475/3.1.2.18_mismatch02", 400),
    ("rfc4475/3.1.2.19_bigcode", SILENCE),
    ("rfc4475/3.2.1_badbranch", 200),
    // No Call-ID, From or To: nothing that an answer could be made of.
    ("rfc4475/3.3.1_insuf", SILENCE),
    ("rfc4475/3.3.2_unkscm", 416),
    ("rfc4475/3.3.3_novelsc", 416),
    ("rfc4475/3.3.4_unksm2", 405),
    ("rfc4475/3.3.5_bext01", 420),
    ("rfc4475/3.3.6_invut", 403),
    ("rfc4475/3.3.7_regaut01", 405),
    ("rfc4475/3.3.8_multi01", 400),
    ("rfc4475/3.3.9_mcl01", 400),
    ("rfc4475/3.3.10_bcast", SILENCE),
    // §11: an OPTIONS whose hops end at a proxy is answered there.
    ("rfc4475/3.3.11_zeromf", 200),
    ("rfc4475/3.3.12_cparam01", 405),
    ("rfc4475/3.3.13_cparam02", 405),
    ("rfc4475/3.3.14_regescrt", 405),
    ("rfc4475/3.3.15_sdp01", 403),
    ("rfc4475/3.4.1_inv2543", 400),
    ("rfc5118/4.1_ipv6-good", 405),
    ("rfc5118/4.2_ipv6-bad", 400),
    ("rfc5118/4.3_port-ambiguous", 405),
    ("rfc5118/4.4_port-unambiguous", 405),
    ("rfc5118/4.5_via-received-param-with-delim", 481),
    ("rfc5118/4.5_via-received-param-no-delim", 200),
    ("rfc5118/4.6_ipv6-in-sdp", 403),
    ("rfc5118/4.7_mult-ip-in-header", 481),
    ("rfc5118/4.8_mult-ip-in-sdp", 403),
    ("rfc5118/4.9_ipv4-mapped-ipv6", 403),
    ("rfc5118/4.10_ipv6-bug-abnf-3-colons", 400),
    ("rfc5118/4.10_ipv6-correct-abnf-2-colons", 200),
];

fn read(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../message/tests").join(format!("{file}.sip"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn serve() -> (Engine, SocketAddr, std::thread::JoinHandle<()>) {
    // Tests of one process run beside each other.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let journal_dir = std::env::temp_dir().join(format!("torture-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&journal_dir);
    let config = EngineConfig::trial("sip.trunkline.test", Listener::udp("127.0.0.1:0".parse().unwrap()), journal_dir);
    let (engine, mut workers) = Engine::bind(config).unwrap();
    let worker = workers.remove(0);
    let reasons = [("T101", 400), ("T105", 405), ("T106", 420), ("T107", 416), ("T108", 481), ("T109", 403), ("T201", 403)];
    let reason = |(code, status): (&str, u16)| Change::SetReason {
        code: code.to_owned(),
        reason: Reason { status, text: "Text".to_owned(), q850: 21 },
    };
    engine.tables().apply(reasons.into_iter().map(reason).collect(), 1).unwrap();
    let address = engine.addresses()[0];
    let thread = std::thread::spawn(move || worker.run(&mut Nobody));
    (engine, address, thread)
}

/// The ports of sent-by in the files, where answers without `rport` go; 5060 where it names none.
const PORTS: [u16; 5] = [5050, 5060, 5070, 6050, 19823];
/// An address of our own, so that the standard port is free.
const CLIENT: &str = "127.44.75.51";

fn probe(number: usize) -> String {
    format!(
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {CLIENT};rport;branch=z9hG4bKprobe{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: probe-{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// What came to any of the sockets before the answer to the probe that was sent after the message: one worker serves them in their order.
fn answer(sockets: &BTreeMap<u16, UdpSocket>, probe_id: &str) -> Option<String> {
    let mut found = None;
    let mut buffer = [0; 65_535];
    let end = Instant::now() + Duration::from_secs(10);
    let mut is_probed = false;
    while Instant::now() < end {
        for socket in sockets.values() {
            while let Ok(len) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                if text.contains(probe_id) {
                    is_probed = true;
                } else {
                    found = Some(text);
                }
            }
        }
        if is_probed {
            return found;
        }
        // The probe's answer comes to the first socket: wait for it there.
        sockets[&5060].set_nonblocking(false).unwrap();
        let _ = sockets[&5060].peek(&mut buffer);
        sockets[&5060].set_nonblocking(true).unwrap();
    }
    panic!("no answer to {probe_id}");
}

#[test]
fn every_message_gets_its_answer_or_none() {
    let (engine, address, thread) = serve();
    let bound = |port| {
        let socket = UdpSocket::bind((CLIENT, port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.set_nonblocking(true).unwrap();
        (port, socket)
    };
    let sockets: BTreeMap<u16, UdpSocket> = PORTS.map(bound).into();
    let mut wrong = Vec::new();
    for (number, (file, status)) in ANSWERS.into_iter().enumerate() {
        sockets[&5060].send_to(&read(file), address).unwrap();
        sockets[&5060].send_to(probe(number).as_bytes(), address).unwrap();
        let answer = answer(&sockets, &format!("Call-ID: probe-{number}\r\n"));
        let start = answer.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
        let is_right = match status {
            SILENCE => start.is_empty(),
            status => start.starts_with(&format!("SIP/2.0 {status} ")),
        };
        if !is_right {
            wrong.push(format!("{file}: {start:?}, not {status}"));
        }
        if file.ends_with("bext01") {
            let text = answer.unwrap_or_default();
            assert!(text.contains("Unsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis\r\n"), "{text}");
        }
    }
    engine.stop();
    thread.join().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answer_to(text: &str) -> String {
    let (engine, address, thread) = serve();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.send_to(text.as_bytes(), address).unwrap();
    let mut buffer = [0; 4096];
    let len = socket.recv(&mut buffer).unwrap();
    engine.stop();
    thread.join().unwrap();
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

fn requiring(tags: &str) -> String {
    answer_to(&probe(0).replace("Content-Length", &format!("Require: {tags}\r\nContent-Length")))
}

#[test]
fn an_options_that_requires_what_we_do_not_have_is_refused_with_the_names() {
    let answer = requiring("foo, Timer, bar");
    assert!(answer.starts_with("SIP/2.0 420 ") && answer.contains("Unsupported: foo, bar\r\n"), "{answer}");
}

#[test]
fn what_an_options_is_told_to_be_supported_it_may_require() {
    let told = answer_to(&probe(0));
    let supported = told.lines().find_map(|line| line.strip_prefix("Supported: ")).unwrap();
    assert_eq!(supported, "100rel, timer");
    assert!(requiring(supported).starts_with("SIP/2.0 200 "));
}
