//! Who listens for connections, and who has knocked: nothing is done for him before it is known whether he may come in.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use socket2::{Domain, Protocol, Socket, Type};
use trunkline_transaction::{Flow, Listener, Transport};

/// New connections of one listener at one go.
const ACCEPTS_PER_TURN: usize = 64;
/// Connections that wait in the kernel until they are accepted.
const BACKLOG: i32 = 1_024;
/// After an error that is not a connection's own (no descriptor left) nobody is let in for this time.
const PAUSE_MS: u64 = 200;
/// An epoll token of a listener; connections have slot and generation.
pub(crate) const LISTENER_BIT: u64 = 1 << 63;

/// Somebody who has connected and is not let in yet.
pub(crate) struct Arrival {
    pub flow: Flow,
    pub transport: Transport,
    pub socket: TcpStream,
}

struct Acceptor {
    listener: u16,
    socket: TcpListener,
    transport: Transport,
}

/// The listeners of TCP and TLS.
pub(crate) struct Acceptors {
    all: Vec<Acceptor>,
    pub paused_until_ms: Option<u64>,
}

/// Binds what is not UDP.
pub(crate) fn bind(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("TCP {address}: {error}"));
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map_err(named)?;
    // Connections of the process before linger for a minute.
    socket.set_reuse_address(true).map_err(named)?;
    if is_shared {
        socket.set_reuse_port(true).map_err(named)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true).map_err(named)?;
    }
    socket.set_nonblocking(true).map_err(named)?;
    socket.bind(&address.into()).map_err(named)?;
    socket.listen(BACKLOG).map_err(named)?;
    Ok(socket.into())
}

impl Acceptors {
    /// `sockets` with their indexes in `places`.
    pub fn new(epoll: &Epoll, sockets: Vec<(u16, TcpListener)>, places: &[Listener]) -> io::Result<Self> {
        let transport = |listener: u16| places.get(usize::from(listener)).map_or(Transport::Tcp, |place| place.transport);
        let all: Vec<Acceptor> =
            sockets.into_iter().map(|(listener, socket)| Acceptor { listener, socket, transport: transport(listener) }).collect();
        for (index, acceptor) in all.iter().enumerate() {
            epoll.add(&acceptor.socket, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER_BIT | index as u64))?;
        }
        Ok(Self { all, paused_until_ms: None })
    }

    /// Who has connected to the listener of this token.
    pub fn accept(&mut self, epoll: &Epoll, token: u64, now_ms: u64, arrivals: &mut Vec<Arrival>) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(acceptor) = self.all.get((token & !LISTENER_BIT) as usize) else { return };
            let (socket, peer) = match acceptor.socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Of the connection, which is gone already (accept(2)).
                Err(error) if is_of_the_connection(&error) => continue,
                Err(error) => {
                    eprintln!("trunkline engine: no connections are taken for {PAUSE_MS} ms: {error}");
                    self.paused_until_ms = Some(now_ms + PAUSE_MS);
                    return self.listen_for(epoll, EpollFlags::empty());
                }
            };
            arrivals.push(Arrival { flow: Flow { listener: acceptor.listener, peer }, transport: acceptor.transport, socket });
        }
    }

    /// Takes connections again after a pause that is over.
    pub fn resume(&mut self, epoll: &Epoll, now_ms: u64) {
        if self.paused_until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
            self.paused_until_ms = None;
            self.listen_for(epoll, EpollFlags::EPOLLIN);
        }
    }

    fn listen_for(&self, epoll: &Epoll, flags: EpollFlags) {
        for (index, acceptor) in self.all.iter().enumerate() {
            if let Err(error) = epoll.modify(&acceptor.socket, &mut EpollEvent::new(flags, LISTENER_BIT | index as u64)) {
                eprintln!("trunkline engine: epoll: {error}");
            }
        }
    }
}

/// Whose bound a connection counts for: an address of IPv4, or a network of IPv6, for whoever has one address of a /64 has them all.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// Errors of accept(2) that say nothing of us.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable, PermissionDenied,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | HostUnreachable | Interrupted | NetworkDown | NetworkUnreachable | PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_source_of_connections_and_an_address_of_ipv4_is() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
