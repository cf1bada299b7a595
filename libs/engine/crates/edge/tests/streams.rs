//! Connections over real sockets: framing, keep-alive, deadlines and bounds.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use trunkline_access::{Change, Reason};
use trunkline_edge::sources::Rate;
use trunkline_edge::{Decision, Engine, EngineConfig, Invite, Policy, StreamLimits};
use trunkline_transaction::{Listener, Transport};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(10);

struct Nobody;

impl Policy for Nobody {
    fn decide(&mut self, _: &Invite<'_>) -> Decision {
        Decision::default()
    }
}

struct Served {
    engine: Engine,
    thread: Option<std::thread::JoinHandle<()>>,
    dir: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.engine.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Served {
    fn address(&self) -> SocketAddr {
        self.engine.addresses()[0]
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn count(&self, name: &str) -> u64 {
        self.engine.status().into_iter().find(|row| row.0 == name).unwrap().1
    }

    fn wait_until(&self, name: &str, wanted: u64) {
        let end = Instant::now() + PATIENCE;
        while self.count(name) != wanted {
            assert!(Instant::now() < end, "{name} is {}, not {wanted}", self.count(name));
            std::thread::yield_now();
        }
    }
}

fn serve(name: &str, listen: &str, streams: StreamLimits) -> Served {
    let dir = std::env::temp_dir().join(format!("streams-{}-{name}", std::process::id()));
    let listener = Listener { transport: Transport::Tcp, address: listen.parse().unwrap() };
    let config = EngineConfig {
        streams,
        stranger_rate: Rate { per_s: 1_000_000, burst: 1_000_000 },
        known_rate: Rate { per_s: 10_000, burst: 100_000 },
        ..EngineConfig::trial("sip.trunkline.test", listener, dir.clone())
    };
    let (engine, mut workers) = Engine::bind(config).unwrap();
    let worker = workers.remove(0);
    let reason =
        |code: &str, status| Change::SetReason { code: code.to_owned(), reason: Reason { status, text: "Text".to_owned(), q850: 21 } };
    engine.tables().apply(vec![reason("T101", 400), reason("T110", 513)], 1).unwrap();
    let thread = std::thread::spawn(move || worker.run(&mut Nobody));
    Served { engine, thread: Some(thread), dir }
}

fn options(call_id: &str) -> String {
    format!(
        "OPTIONS sip:sip.trunkline.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK{call_id}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The next response, which has no body.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed after {:?}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

/// Nothing more comes: the other side has closed.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 1024];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        }
    }
}

#[test]
fn a_request_is_answered_on_its_connection_in_whatever_pieces_it_comes() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let served = serve(&format!("pieces{}", listen.len()), listen, StreamLimits::default());
        let mut stream = served.connect();
        stream.set_nodelay(true).unwrap();
        stream.write_all(options("whole").as_bytes()).unwrap();
        let text = answer(&mut stream);
        assert!(text.starts_with("SIP/2.0 200 OK\r\n") && text.contains("Call-ID: whole\r\n"), "{text}");
        for byte in options("bytewise").as_bytes() {
            stream.write_all(&[*byte]).unwrap();
        }
        assert!(answer(&mut stream).contains("Call-ID: bytewise\r\n"));
        let begun = options("third");
        stream.write_all([&options("first"), &options("second"), &begun[..40]].concat().as_bytes()).unwrap();
        assert!(answer(&mut stream).contains("Call-ID: first\r\n"));
        assert!(answer(&mut stream).contains("Call-ID: second\r\n"));
        stream.write_all(&begun.as_bytes()[40..]).unwrap();
        assert!(answer(&mut stream).contains("Call-ID: third\r\n"));
        assert_eq!(served.count("connections"), 1);
        drop(stream);
        served.wait_until("connections", 0);
    }
}

#[test]
fn a_double_crlf_is_answered_with_one_and_a_single_one_with_nothing() {
    let served = serve("ping", "127.0.0.1:0", StreamLimits::default());
    let mut stream = served.connect();
    stream.write_all(b"\r\n\r\n").unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n");
    stream.write_all(format!("\r\n{}", options("after")).as_bytes()).unwrap();
    assert!(answer(&mut stream).starts_with("SIP/2.0 200 "));
}

#[test]
fn a_message_without_content_length_is_refused_and_the_stream_closed() {
    let served = serve("framing", "127.0.0.1:0", StreamLimits::default());
    for (line, status) in [("", 400), ("Content-Length: 0\r\nContent-Length: 1\r\n", 400), ("Content-Length: 70000\r\n", 513)] {
        let mut stream = served.connect();
        stream.write_all(options("broken").replace("Content-Length: 0\r\n", line).as_bytes()).unwrap();
        let text = answer(&mut stream);
        assert!(text.starts_with(&format!("SIP/2.0 {status} ")), "{text}");
        assert!(is_closed(&mut stream));
    }
    let mut stream = served.connect();
    // An endless header. The other side may close before all is written.
    let _ = stream.write_all("X: y\r\n".repeat(20_000).as_bytes());
    assert!(is_closed(&mut stream));
    served.wait_until("connections", 0);
}

#[test]
fn what_is_malformed_but_framed_is_refused_and_the_stream_goes_on() {
    let served = serve("malformed", "127.0.0.1:0", StreamLimits::default());
    let mut stream = served.connect();
    stream.write_all(options("bad").replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE").as_bytes()).unwrap();
    assert!(answer(&mut stream).starts_with("SIP/2.0 400 "));
    stream.write_all(options("good").as_bytes()).unwrap();
    assert!(answer(&mut stream).starts_with("SIP/2.0 200 "));
}

#[test]
fn who_is_slow_or_silent_is_closed_and_who_has_spoken_is_not() {
    let limits = StreamLimits { message_ms: 300, ..StreamLimits::default() };
    let served = serve("slow", "127.0.0.1:0", limits);
    let mut spoken = served.connect();
    spoken.write_all(options("spoken").as_bytes()).unwrap();
    answer(&mut spoken);
    let begin = Instant::now();
    let mut silent = served.connect();
    assert!(is_closed(&mut silent));
    assert!(begin.elapsed() >= Duration::from_millis(290));
    // A byte now and then does not help.
    let begin = Instant::now();
    let mut slow = served.connect();
    slow.write_all(options("slow").as_bytes()).unwrap();
    answer(&mut slow);
    slow.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    for byte in options("loris").as_bytes() {
        let mut nothing = [0];
        match slow.write_all(&[*byte]).and_then(|()| slow.read(&mut nothing)) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(0) => break,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((290..3_000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert_eq!(served.count("connections_overdue"), 2);
    spoken.write_all(options("again").as_bytes()).unwrap();
    assert!(answer(&mut spoken).starts_with("SIP/2.0 200 "));
}

#[test]
fn an_idle_connection_is_closed_in_the_end() {
    let served = serve("idle", "127.0.0.1:0", StreamLimits { idle_ms: 300, ..StreamLimits::default() });
    let mut stream = served.connect();
    stream.write_all(options("once").as_bytes()).unwrap();
    answer(&mut stream);
    let begin = Instant::now();
    assert!(is_closed(&mut stream));
    assert!(begin.elapsed() >= Duration::from_millis(250));
}

#[test]
fn who_is_not_known_may_be_idle_for_less_and_is_let_be_once_he_is() {
    let limits = StreamLimits { stranger_idle_ms: 300, ..StreamLimits::default() };
    let served = serve("stranger-idle", "127.0.0.1:0", limits);
    let (mut stranger, mut known) = (served.connect(), served.connect());
    for stream in [&mut stranger, &mut known] {
        stream.write_all(options("before").as_bytes()).unwrap();
        answer(stream);
    }
    let listed = Change::SetAddress { acl: "acme/office".to_owned(), cidr: "127.0.0.1/32".to_owned(), caller_id: String::new() };
    served.engine.tables().apply(vec![listed], 2).unwrap();
    known.write_all(options("after").as_bytes()).unwrap();
    answer(&mut known);
    assert!(is_closed(&mut stranger), "nothing was heard of it since");
    known.write_all(options("later").as_bytes()).unwrap();
    answer(&mut known);
    served.wait_until("connections", 1);
}

#[test]
fn connections_are_bounded_per_source_and_for_strangers_at_half_of_all() {
    let limits = StreamLimits { connections: 6, from_one_source: 2, ..StreamLimits::default() };
    let served = serve("bounds", "127.0.0.1:0", limits);
    let mut held: Vec<TcpStream> = Vec::new();
    for _ in 0..2 {
        let mut stream = served.connect();
        stream.write_all(options("held").as_bytes()).unwrap();
        answer(&mut stream);
        held.push(stream);
    }
    assert!(is_closed(&mut served.connect()), "the third of one source");
    let from = |address: &str| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&address.parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.connect(&served.address().into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let mut other = from("127.0.0.2:0");
    other.write_all(options("other").as_bytes()).unwrap();
    answer(&mut other);
    assert!(is_closed(&mut from("127.0.0.3:0")), "the fourth stranger");
    assert_eq!(served.count("connections_refused"), 2);
    held.pop();
    served.wait_until("connections", 2);
    let mut again = served.connect();
    again.write_all(options("again").as_bytes()).unwrap();
    assert!(answer(&mut again).starts_with("SIP/2.0 200 "));
}

#[test]
fn a_peer_that_takes_no_answers_is_closed_when_too_much_waits() {
    // The kernel takes some megabytes of answers of two bytes first, which a busy machine needs its time for.
    let patience = Duration::from_secs(90);
    let limits = StreamLimits { queued_bytes: 64 << 10, message_ms: 2 * patience.as_millis() as u64, ..StreamLimits::default() };
    let served = serve("reader", "127.0.0.1:0", limits);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    // Else the kernel takes some megabytes before anything waits in the engine.
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(&served.address().into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    // Pings: answers to requests of one source are few on purpose.
    let many = "\r\n\r\n".repeat(16_000);
    let end = Instant::now() + patience;
    served.wait_until("connections", 1);
    // Or the kernel gives the peer up first, where the machine is too busy to fill its buffers in time.
    while served.count("connections_slow") == 0 && served.count("connections") == 1 {
        assert!(Instant::now() < end, "it is still open: {:?}", served.engine.status());
        let _ = stream.write_all(many.as_bytes());
    }
    served.wait_until("connections", 0);
}
