//! Real sockets on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use trunkline_edge::udp::{Intake, UdpListener, DATAGRAMS_AT_ONCE, QUOTED_BYTES};
use trunkline_transaction::Flow;

fn wait<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "not within 5 s: {what}");
        std::thread::yield_now();
    }
}

fn refused_peer_is_named(local: &str) {
    let listener = UdpListener::bind(local.parse().expect("an address"), false).expect("bound");
    let gone: SocketAddr = UdpSocket::bind(local).and_then(|socket| socket.local_addr()).expect("a port that is free again");
    listener.send(&[b'x'; 400], gone).expect("sent");
    let mut quoted = [0; QUOTED_BYTES];
    assert_eq!(wait("the refusal", || listener.unreachable(&mut quoted).expect("the queue works")), (gone, 400));
    assert_eq!(quoted[..400], [b'x'; 400]);
    // The error of one peer costs another peer's datagram nothing.
    let other = UdpSocket::bind(local).expect("bound");
    other.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    listener.send(b"y", gone).expect("sent");
    listener.send(b"z", other.local_addr().expect("an address")).expect("sent");
    assert_eq!(other.recv(&mut [0; 8]).expect("received"), 1);
}

#[test]
fn a_refused_peer_is_named_over_ipv4() {
    refused_peer_is_named("127.0.0.1:0");
}

#[test]
fn a_refused_peer_is_named_over_ipv6() {
    refused_peer_is_named("[::1]:0");
}

#[test]
fn datagrams_come_together_in_order_with_their_sources_and_then_there_is_none() {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let listener = UdpListener::bind(local.parse().expect("an address"), true).expect("bound");
        let peers = [UdpSocket::bind(local).expect("bound"), UdpSocket::bind(local).expect("bound")];
        let expected: Vec<(Vec<u8>, SocketAddr)> = (0..DATAGRAMS_AT_ONCE + 3)
            .map(|number| {
                let (peer, bytes) = (&peers[number % 2], vec![b'x'; number]);
                peer.send_to(&bytes, listener.address()).expect("sent");
                (bytes, peer.local_addr().expect("an address"))
            })
            .collect();
        let (mut intake, mut came) = (Intake::default(), Vec::new());
        let mut receive = |is_full: bool| {
            wait("datagrams", || {
                listener.receive_all(&mut intake).expect("received");
                came.extend(intake.datagrams().map(|(bytes, peer)| (bytes.to_vec(), peer)));
                (intake.is_full() == is_full).then_some(())
            });
        };
        receive(true);
        receive(false);
        assert_eq!(came, expected);
        listener.receive_all(&mut intake).expect("received");
        assert_eq!(intake.datagrams().count(), 0);
    }
}

#[test]
fn what_is_sent_together_arrives_though_peers_between_are_gone() {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let listener = UdpListener::bind(local.parse().expect("an address"), false).expect("bound");
        let gone: SocketAddr = UdpSocket::bind(local).and_then(|socket| socket.local_addr()).expect("a port that is free again");
        let other = UdpSocket::bind(local).expect("bound");
        other.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
        let to = |peer: SocketAddr, text: &[u8]| (Flow { listener: 0, peer }, text.to_vec());
        let there = other.local_addr().expect("an address");
        // One that is larger than a datagram may be is not taken; those around it are.
        let messages = [to(there, b"1"), to(gone, b"x"), to(there, b"2"), to(there, &[b'y'; 70_000]), to(gone, b"x"), to(there, b"3")];
        assert_eq!(listener.send_all(&messages), messages.len() - 1);
        for text in [b"1", b"2", b"3"] {
            let mut buffer = [0; 8];
            assert_eq!(other.recv(&mut buffer).expect("received"), 1);
            assert_eq!(&buffer[..1], text);
        }
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address");
    let error = UdpListener::bind(address, false).expect_err("refused");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_datagram_says_when_it_came_and_not_when_it_was_read() {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let listener = UdpListener::bind(local.parse().expect("an address"), false).expect("bound");
        let peer = UdpSocket::bind(local).expect("bound");
        let now_ns = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()).expect("before 2554");
        let before_ns = now_ns();
        peer.send_to(b"one", listener.address()).expect("sent");
        peer.send_to(b"two", listener.address()).expect("sent");
        let after_ns = now_ns();
        let mut buffer = [0; 65_535];
        for text in [b"one", b"two"] {
            let (len, from, came_ns) = wait("a datagram", || listener.receive_dated(&mut buffer).expect("received"));
            assert_eq!((&buffer[..len], from), (&text[..], peer.local_addr().expect("an address")));
            assert!((before_ns..=after_ns).contains(&came_ns), "{before_ns} {came_ns} {after_ns}");
        }
        assert!(listener.receive_dated(&mut buffer).expect("received").is_none());
    }
}
