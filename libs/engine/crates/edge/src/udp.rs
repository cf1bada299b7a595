//! One UDP listener: an unconnected socket that shares its port with other workers' and learns of ICMP refusals.
//!
//! An unconnected UDP socket hears of "port unreachable" only by its error queue (`IP_RECVERR`, ip(7)); the queue tells where the
//! datagram that failed was sent to. A pending error also fails the next send or receive once, which is then done again.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::sys::socket::{recvmmsg, recvmsg, sendmmsg, setsockopt, sockopt, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};
use trunkline_transaction::Flow;

/// What 2,000 calls a second leave waiting while the machine stands still for a second: the kernel counts some 2.3 KB a datagram, and twice
/// what is asked for. Where only the usual bound is allowed (`net.core.rmem_max`, without CAP_NET_ADMIN), it is that.
const SOCKET_BUFFER_BYTES: usize = 8 << 20;

/// A send that met the error of an earlier datagram is done again this often; each time one pending error is used up.
const SEND_TRIES: usize = 4;

/// Errors read from the queue at one go, so that a storm of them does not hold up the datagrams.
pub const MAX_ERRORS_PER_WAKE: usize = 64;

/// What says that a peer is not there (RFC 1122 §3.2.2.1).
const PEER_ERRORS: [i32; 4] = [nix::libc::ECONNREFUSED, nix::libc::EHOSTUNREACH, nix::libc::ENETUNREACH, nix::libc::ENOPROTOOPT];

/// Quoted of a datagram at most: what fits into the smallest packet that every way of IPv6 carries (RFC 4443 §2.4); of IPv4 it is 576 bytes
/// (RFC 1812 §4.3.2.3). Our Via stands at the beginning.
pub const QUOTED_BYTES: usize = 1_280;

/// The largest datagram of UDP.
pub const DATAGRAM_BYTES: usize = 65_535;

/// What one call of the kernel brings.
pub const DATAGRAMS_AT_ONCE: usize = 16;

/// Datagrams that were received together.
#[derive(Debug)]
pub struct Intake {
    room: Vec<u8>,
    /// Length and sender; one whose sender is not told cannot be answered and is left out.
    came: Vec<(usize, Option<SocketAddr>)>,
}

impl Default for Intake {
    fn default() -> Self {
        // Room that nothing was written to takes no memory.
        Self { room: vec![0; DATAGRAMS_AT_ONCE * DATAGRAM_BYTES], came: Vec::with_capacity(DATAGRAMS_AT_ONCE) }
    }
}

impl Intake {
    /// In the order in which they came.
    pub fn datagrams(&self) -> impl Iterator<Item = (&[u8], SocketAddr)> {
        self.came.iter().zip(self.room.chunks_exact(DATAGRAM_BYTES)).filter_map(|((len, peer), room)| Some((&room[..*len], (*peer)?)))
    }

    /// There may be more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.came.len() == DATAGRAMS_AT_ONCE
    }
}

/// A bound socket. Never blocks.
#[derive(Debug)]
pub struct UdpListener {
    socket: UdpSocket,
    address: SocketAddr,
}

impl UdpListener {
    /// Binds `address`; `is_shared` lets further workers bind it too (`SO_REUSEPORT`).
    ///
    /// # Errors
    /// What the system says, with the address in its text.
    pub fn bind(address: SocketAddr, is_shared: bool) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("UDP {address}: {error}"));
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP)).map_err(named)?;
        if is_shared {
            socket.set_reuse_port(true).map_err(named)?;
        }
        if address.is_ipv6() {
            socket.set_only_v6(true).map_err(named)?;
        }
        if setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER_BYTES).is_err() {
            socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES).map_err(named)?;
        }
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).map_err(|error| named(error.into()))?;
        socket.set_send_buffer_size(SOCKET_BUFFER_BYTES).map_err(named)?;
        socket.set_nonblocking(true).map_err(named)?;
        let is_set = if address.is_ipv6() {
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)
        } else {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)
        };
        is_set.map_err(|error| named(error.into()))?;
        socket.bind(&address.into()).map_err(named)?;
        let socket = UdpSocket::from(socket);
        let address = socket.local_addr().map_err(named)?;
        Ok(Self { socket, address })
    }

    /// The bound address, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is there, by one call of the kernel: at most `intake` holds; fewer say that nothing more is there now.
    ///
    /// # Errors
    /// As of [`UdpListener::receive_dated`].
    pub fn receive_all(&self, intake: &mut Intake) -> io::Result<()> {
        intake.came.clear();
        // Made anew: the kernel writes into them how long an address was, and would take that for the room of the next one.
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(DATAGRAMS_AT_ONCE, None);
        for _ in 0..SEND_TRIES {
            let mut parts: Vec<[IoSliceMut<'_>; 1]> =
                intake.room.chunks_exact_mut(DATAGRAM_BYTES).map(|room| [IoSliceMut::new(room)]).collect();
            match recvmmsg(self.socket.as_raw_fd(), &mut headers, &mut parts, MsgFlags::MSG_DONTWAIT, None) {
                Ok(messages) => {
                    intake.came.extend(messages.map(|message| (message.bytes, message.address.as_ref().and_then(to_address))));
                    return Ok(());
                }
                Err(nix::errno::Errno::EAGAIN) => return Ok(()),
                Err(error) if is_about_a_peer(&error.into()) || error == nix::errno::Errno::EINTR => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The next datagram, or None where there is none now, and when the kernel received it, in nanoseconds since 1970; 0 where it does not
    /// say. `buffer` must hold the largest datagram, [`DATAGRAM_BYTES`].
    ///
    /// # Errors
    /// Only what a socket that works never says. Errors of single datagrams are left to [`UdpListener::unreachable`].
    pub fn receive_dated(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr, u64)>> {
        let mut control = cmsg_space!(TimeSpec);
        for _ in 0..SEND_TRIES {
            let mut parts = [IoSliceMut::new(buffer)];
            match recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT) {
                Ok(message) => {
                    let received_ns = message.cmsgs()?.find_map(|part| received_ns(&part));
                    let Some(peer) = message.address.as_ref().and_then(to_address) else { continue };
                    return Ok(Some((message.bytes, peer, received_ns.unwrap_or(0))));
                }
                Err(nix::errno::Errno::EAGAIN) => return Ok(None),
                Err(error) if is_about_a_peer(&error.into()) || error == nix::errno::Errno::EINTR => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Sends one datagram. UDP may lose it: a full socket buffer is such a loss, and so is a peer that cannot be reached now.
    ///
    /// # Errors
    /// What the system says of this datagram, after errors of earlier ones were used up.
    pub fn send(&self, bytes: &[u8], peer: SocketAddr) -> io::Result<()> {
        let mut last = None;
        for _ in 0..SEND_TRIES {
            match self.socket.send_to(bytes, peer) {
                Ok(_) => return Ok(()),
                Err(error) if is_about_a_peer(&error) || error.kind() == io::ErrorKind::Interrupted => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("not sent")))
    }

    /// Sends datagrams, in order, and says how many the kernel took; of each it is as [`UdpListener::send`] says.
    #[must_use]
    pub fn send_all(&self, messages: &[(Flow, Vec<u8>)]) -> usize {
        let (mut at, mut taken) = (0, 0);
        while at < messages.len() {
            // The kernel stops at the first that it does not take, and says why only where that one stands first.
            match self.send_many(&messages[at..]) {
                0 => {
                    let (flow, bytes) = &messages[at];
                    taken += usize::from(self.send(bytes, flow.peer).is_ok());
                    at += 1;
                }
                some => {
                    taken += some;
                    at += some;
                }
            }
        }
        taken
    }

    /// The first so many, by one call of the kernel.
    fn send_many(&self, messages: &[(Flow, Vec<u8>)]) -> usize {
        if messages.len() < 2 {
            return 0;
        }
        let mut headers = MultiHeaders::preallocate(messages.len(), None);
        let slices: Vec<[IoSlice<'_>; 1]> = messages.iter().map(|(_, bytes)| [IoSlice::new(bytes)]).collect();
        let peers: Vec<Option<SockaddrStorage>> = messages.iter().map(|(flow, _)| Some(flow.peer.into())).collect();
        sendmmsg(self.socket.as_raw_fd(), &mut headers, &slices, &peers, [], MsgFlags::MSG_DONTWAIT).map_or(0, Iterator::count)
    }

    /// The next peer that a datagram is said not to have come to, and how much of that datagram is quoted, which stands in `quoted` then; or
    /// None. Anyone who knows both addresses can say so: it counts for what [`trunkline_transaction::Proxy::quoted`] finds in it.
    ///
    /// # Errors
    /// What the system says of the queue itself.
    pub fn unreachable(&self, quoted: &mut [u8; QUOTED_BYTES]) -> io::Result<Option<(SocketAddr, usize)>> {
        let mut parts = [IoSliceMut::new(quoted)];
        let mut control = cmsg_space!(nix::libc::sock_extended_err, nix::libc::sockaddr_in6, TimeSpec);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message = match recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
            Ok(message) => message,
            Err(nix::errno::Errno::EAGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let is_icmp = message.cmsgs()?.any(|part| {
            let (origin, errno) = match part {
                ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
                    (error.ee_origin, error.ee_errno)
                }
                _ => return false,
            };
            // A datagram that was too big for a tunnel, or lived too long, says nothing of the peer.
            if !i32::try_from(errno).is_ok_and(|errno| PEER_ERRORS.contains(&errno)) {
                return false;
            }
            // The kernel's own errors of a host that does not answer for its address come this way too, and quote.
            matches!(origin, nix::libc::SO_EE_ORIGIN_ICMP | nix::libc::SO_EE_ORIGIN_ICMP6)
        });
        let peer = message.address.as_ref().and_then(to_address);
        Ok(peer.filter(|_| is_icmp).map(|peer| (peer, message.bytes)))
    }
}

impl AsFd for UdpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// When the kernel received what it gives, in nanoseconds since 1970; of a stream what came last of it.
pub(crate) fn received_ns(part: &ControlMessageOwned) -> Option<u64> {
    match part {
        ControlMessageOwned::ScmTimestampns(time) => u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec()).ok(),
        _ => None,
    }
}

fn to_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::new(IpAddr::V6(v6.ip()), v6.port())))
}

/// Pending errors of datagrams sent before; the queue has the details.
fn is_about_a_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable)
}
