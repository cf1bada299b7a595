//! One connection: its socket, what has come of the next message, what the peer has not taken yet, and until when it may wait.

use std::io::{self, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::cmsg_space;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{recvmsg, setsockopt, sockopt, MsgFlags};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use trunkline_transaction::{Flow, Gone};

use crate::held::Hold;
use crate::limits::StreamLimits;
use crate::udp;

/// A peer that has gone without a word, and is sent nothing, is found out by TCP: calls are ended over what is left then. Beside
/// `StreamLimits::unacknowledged_ms` the first probe without an answer counts, whatever the number (tcp(7), TCP_USER_TIMEOUT).
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

/// Records of TLS looked at before others have their turn.
const RECORDS_PER_READ: usize = 64;

/// Of one read.
#[derive(Debug)]
pub(crate) enum Received {
    Bytes(usize),
    Nothing,
    /// Closed by the peer, or broken, with why.
    Over(String),
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// To a gateway; TCP has not answered.
    Connecting,
    Open,
}

pub(crate) struct Connection {
    pub flow: Flow,
    pub is_accepted: bool,
    /// Nothing was known of who made it.
    pub is_strangers: bool,
    /// Its place among those of its source, where it was made to us.
    pub hold: Option<Hold>,
    /// It waits for its turn to be read.
    pub is_queued: bool,
    /// The peer has sent something over it.
    pub has_heard: bool,
    socket: TcpStream,
    tls: Option<Box<rustls::Connection>>,
    stage: Stage,
    /// In clear; over TLS they wait in the library.
    queue: Vec<u8>,
    queue_limit: usize,
    /// The beginning of a message.
    pub partial: Vec<u8>,
    pub scanned: usize,
    /// Until when the connection, or its first message, has to be there.
    open_by_ms: Option<u64>,
    /// Until when the message of `partial` has to be whole.
    message_by_ms: Option<u64>,
    idle_by_ms: u64,
    /// The deadline that is in the heap for it.
    pub armed_ms: u64,
    /// What epoll was told last.
    pub interest: EpollFlags,
}

impl Connection {
    /// One that was made to us.
    pub fn accepted(
        socket: TcpStream,
        flow: Flow,
        tls: Option<rustls::Connection>,
        limits: &StreamLimits,
        now_ms: u64,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        tune(&SockRef::from(&socket), limits)?;
        Ok(Self::new(socket, flow, true, tls, Stage::Open, limits, now_ms + limits.message_ms, now_ms))
    }

    /// One to a gateway, from one of our addresses; it is not there yet.
    pub fn to(from: SocketAddr, flow: Flow, tls: Option<rustls::Connection>, limits: &StreamLimits, now_ms: u64) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(flow.peer), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        tune(&SockRef::from(&socket), limits)?;
        socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
        match socket.connect(&flow.peer.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Self::new(socket.into(), flow, false, tls, Stage::Connecting, limits, now_ms + limits.connect_ms, now_ms))
    }

    #[allow(clippy::too_many_arguments)]
    fn new(
        socket: TcpStream,
        flow: Flow,
        is_accepted: bool,
        tls: Option<rustls::Connection>,
        stage: Stage,
        limits: &StreamLimits,
        open_by_ms: u64,
        now_ms: u64,
    ) -> Self {
        let tls = tls.map(|mut tls| {
            tls.set_buffer_limit(Some(limits.queued_bytes));
            Box::new(tls)
        });
        Self {
            flow,
            is_accepted,
            is_strangers: false,
            hold: None,
            is_queued: false,
            has_heard: false,
            socket,
            tls,
            stage,
            queue: Vec::new(),
            queue_limit: limits.queued_bytes,
            partial: Vec::new(),
            scanned: 0,
            open_by_ms: Some(open_by_ms),
            message_by_ms: None,
            idle_by_ms: now_ms + limits.idle_ms,
            armed_ms: u64::MAX,
            interest: EpollFlags::empty(),
        }
    }

    /// When it is to be closed unless something happens before.
    pub fn due_ms(&self) -> u64 {
        [self.open_by_ms, self.message_by_ms, Some(self.idle_by_ms)].into_iter().flatten().min().unwrap_or(self.idle_by_ms)
    }

    /// Something came or went.
    pub fn touch(&mut self, now_ms: u64, limits: &StreamLimits) {
        self.idle_by_ms = now_ms + if self.is_strangers { limits.idle_ms.min(limits.stranger_idle_ms) } else { limits.idle_ms };
    }

    /// What is left of the bytes that came: the beginning of a message, or nothing. Its time began with its first byte.
    pub fn keep(&mut self, rest: &[u8], scanned: usize, has_message: bool, now_ms: u64, limits: &StreamLimits) {
        if has_message {
            self.open_by_ms = None;
            self.message_by_ms = None;
        }
        self.partial.clear();
        self.partial.extend_from_slice(rest);
        self.scanned = scanned;
        self.message_by_ms = match rest {
            [] => None,
            _ => self.message_by_ms.or(Some(now_ms + limits.message_ms)),
        };
    }

    /// What epoll has to tell of.
    pub fn wanted_events(&self) -> EpollFlags {
        let is_writing =
            self.stage == Stage::Connecting || !self.queue.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.wants_write());
        if is_writing {
            EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT
        } else {
            EpollFlags::EPOLLIN
        }
    }

    /// Takes or queues the bytes.
    ///
    /// # Errors
    /// The connection is of no use any more: broken, or the peer takes nothing and the queue is full.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => {
                let taken = tls.writer().write(bytes)?;
                if taken < bytes.len() {
                    return Err(full());
                }
            }
            None => {
                if self.queue.len() + bytes.len() > self.queue_limit {
                    return Err(full());
                }
                if self.stage == Stage::Open && self.queue.is_empty() {
                    let sent = write_some(&mut self.socket, bytes)?;
                    self.queue.extend_from_slice(&bytes[sent..]);
                    return Ok(());
                }
                self.queue.extend_from_slice(bytes);
            }
        }
        self.flush()
    }

    /// Sends what waits, as far as the peer takes it. Finds out first whether a connection to a gateway is there.
    ///
    /// # Errors
    /// It is broken, or never came to be.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.socket.take_error()? {
                return Err(error);
            }
            match self.socket.peer_addr() {
                Ok(_) => self.stage = Stage::Open,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        match &mut self.tls {
            Some(tls) => {
                while tls.wants_write() {
                    match tls.write_tls(&mut self.socket) {
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error),
                    }
                }
                if !self.is_accepted && !tls.is_handshaking() {
                    self.open_by_ms = None;
                }
            }
            None => {
                let sent = write_some(&mut self.socket, &self.queue)?;
                self.queue.drain(..sent);
                if !self.is_accepted {
                    self.open_by_ms = None;
                }
            }
        }
        Ok(())
    }

    /// The next bytes, in clear. `received_ns`, where given, becomes when the kernel received them, in nanoseconds since 1970; it stays as it
    /// is where that is not known.
    pub fn receive(&mut self, buffer: &mut [u8], mut received_ns: Option<&mut u64>) -> Received {
        if self.stage == Stage::Connecting {
            return Received::Nothing;
        }
        match self.tls {
            Some(_) => self.receive_tls(buffer, received_ns),
            None => loop {
                match (Incoming { socket: &self.socket, received_ns: received_ns.take() }).read(buffer) {
                    Ok(0) => return Received::Over(String::new()),
                    Ok(len) => return Received::Bytes(len),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Received::Nothing,
                    Err(error) => return Received::Over(error.to_string()),
                }
            },
        }
    }

    fn receive_tls(&mut self, buffer: &mut [u8], mut received_ns: Option<&mut u64>) -> Received {
        for _ in 0..RECORDS_PER_READ {
            let Some(tls) = &mut self.tls else { return Received::Nothing };
            match tls.reader().read(buffer) {
                Ok(0) => return Received::Over(String::new()),
                Ok(len) => return Received::Bytes(len),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Received::Over(error.to_string()),
            }
            match tls.read_tls(&mut Incoming { socket: &self.socket, received_ns: received_ns.take() }) {
                // What came before it is read; the reader says that it was the end.
                Ok(0) => return Received::Over(if tls.is_handshaking() { "closed in the handshake".to_owned() } else { String::new() }),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Received::Nothing,
                Err(error) => return Received::Over(error.to_string()),
            }
            let is_right = tls.process_new_packets().map(|_| ()).map_err(|error| error.to_string());
            // An alert is on its way in both cases.
            let is_sent = self.flush().map_err(|error| error.to_string());
            if let Err(why) = is_right.and(is_sent) {
                return Received::Over(why);
            }
        }
        Received::Nothing
    }

    /// What its end means for what was sent over it. Nothing of a message leaves before the handshake of TLS is over.
    pub fn gone(&self) -> Gone {
        match (self.stage, self.has_heard && !self.is_accepted) {
            (Stage::Connecting, _) => Gone::Unmade,
            (Stage::Open, _) if self.is_handshaking() => Gone::Unmade,
            (Stage::Open, true) => Gone::InUse,
            (Stage::Open, false) => Gone::Broken,
        }
    }

    /// Whether a handshake of TLS is under way.
    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Says that nothing more comes. What was sent is still brought to the peer.
    pub fn say_goodbye(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        // Of a connection that is broken nobody hears anything any more.
        let _ = self.flush();
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What comes from the peer. Where it is asked when, the first read says it.
struct Incoming<'a> {
    socket: &'a TcpStream,
    received_ns: Option<&'a mut u64>,
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(received_ns) = self.received_ns.take() else { return (&mut &*self.socket).read(buffer) };
        let mut control = cmsg_space!(TimeSpec);
        let mut parts = [IoSliceMut::new(buffer)];
        let message = recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
        if let Some(came_ns) = message.cmsgs()?.find_map(|part| udp::received_ns(&part)) {
            *received_ns = came_ns;
        }
        Ok(message.bytes)
    }
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, "the peer takes nothing and too much waits for it")
}

fn write_some(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.write(&bytes[sent..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => sent += len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

fn tune(socket: &SockRef<'_>, limits: &StreamLimits) -> io::Result<()> {
    setsockopt(&**socket, sockopt::ReceiveTimestampns, &true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(Duration::from_millis(limits.unacknowledged_ms)))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY).with_retries(PROBES))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_is_not_acknowledged_in_time_ends_connections_of_both_directions() {
        let limits = StreamLimits::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let flow = Flow { listener: 0, peer: listener.local_addr().unwrap() };
        let made = Connection::to("127.0.0.1:0".parse().unwrap(), flow, None, &limits, 0).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        let accepted = Connection::accepted(socket, Flow { listener: 0, peer }, None, &limits, 0).unwrap();
        for connection in [made, accepted] {
            assert_eq!(SockRef::from(&connection.socket).tcp_user_timeout().unwrap(), Some(Duration::from_secs(10)));
        }
    }
}
