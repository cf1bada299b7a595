//! All connections of a worker: who may have one, which one leads to a peer, when one is closed.
//!
//! Behind one epoll, which is itself one descriptor among the listeners in the worker's poll: a worker without connections pays nothing for
//! them. A connection goes by its [`Flow`], of which there is one at a time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use trunkline_access::Tables;
use trunkline_transaction::{Flow, Gone, Listener, Transport};

use crate::acceptors::{Acceptors, Arrival, LISTENER_BIT};
use crate::connection::{Connection, Received};
use crate::held::Held;
use crate::limits::StreamLimits;
use crate::status::{raise, Counters};
use crate::tls::Tls;

/// Connections whose events are taken at one go.
const EVENTS_PER_TURN: usize = 256;
/// One part in so many of all connections is for strangers.
const STRANGERS_SHARE: usize = 2;

/// A connection; one that was closed meanwhile is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionId {
    slot: u32,
    generation: u32,
}

impl ConnectionId {
    fn token(self) -> u64 {
        u64::from(self.generation & (u32::MAX >> 1)) << 32 | u64::from(self.slot)
    }
}

struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
}

/// See the module.
pub(crate) struct Streams {
    epoll: Epoll,
    acceptors: Acceptors,
    /// Where we listen, by listener index.
    places: Vec<Listener>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_flow: HashMap<Flow, ConnectionId>,
    /// Connections made to us, here and at the other workers.
    held: Arc<Held>,
    /// Of those here, made by sources of which nothing was known then.
    strangers: usize,
    deadlines: BinaryHeap<Reverse<(u64, ConnectionId)>>,
    /// Closed, and the core does not know.
    closed: VecDeque<(Flow, Gone)>,
    pub limits: StreamLimits,
    tls: Arc<Tls>,
    tables: Arc<Tables>,
}

impl Streams {
    /// `sockets` are the listeners of TCP and TLS with their indexes in `places`.
    pub fn new(
        sockets: Vec<(u16, TcpListener)>,
        places: Vec<Listener>,
        limits: StreamLimits,
        tls: Arc<Tls>,
        tables: Arc<Tables>,
        held: Arc<Held>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let acceptors = Acceptors::new(&epoll, sockets, &places)?;
        Ok(Self {
            epoll,
            acceptors,
            places,
            slots: Vec::new(),
            free: Vec::new(),
            by_flow: HashMap::new(),
            held,
            strangers: 0,
            deadlines: BinaryHeap::new(),
            closed: VecDeque::new(),
            limits,
            tls,
            tables,
        })
    }

    /// Readable when `poll` has something to do.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Sends what waits, and says who has connected and which connections have something to read, each until it is `taken_up` once; whether that is
    /// all of them.
    pub fn poll(&mut self, now_ms: u64, counters: &Counters, arrivals: &mut Vec<Arrival>, readable: &mut VecDeque<ConnectionId>) -> bool {
        let mut events = [EpollEvent::empty(); EVENTS_PER_TURN];
        let count = match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => return false,
            Err(error) => {
                eprintln!("trunkline engine: epoll: {error}");
                return true;
            }
        };
        for event in &events[..count] {
            let token = event.data();
            if token & LISTENER_BIT != 0 {
                self.acceptors.accept(&self.epoll, token, now_ms, arrivals);
                continue;
            }
            let slot = (token & u64::from(u32::MAX)) as u32;
            let Some(id) = self.slots.get(slot as usize).map(|at| ConnectionId { slot, generation: at.generation }) else { continue };
            if id.token() != token {
                continue;
            }
            // A failed connect is EPOLLERR and EPOLLHUP without EPOLLOUT: flush asks the socket.
            let is_broken = self.connection(id).is_some_and(|connection| connection.flush().is_err());
            if is_broken {
                self.close(id, counters);
                continue;
            }
            self.settle(id);
            if event.events().intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
                if let Some(connection) = self.connection(id).filter(|connection| !connection.is_queued) {
                    connection.is_queued = true;
                    readable.push_back(id);
                }
            }
        }
        count < EVENTS_PER_TURN
    }

    /// It has its turn, and is told of again when it has more to read.
    pub fn taken_up(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connection(id) {
            connection.is_queued = false;
        }
    }

    /// Makes a connection of an arrival, within the bounds: strangers, however many they are, leave room for those who are known.
    pub fn let_in(&mut self, arrival: Arrival, is_stranger: bool, now_ms: u64, counters: &Counters) {
        let Arrival { flow, transport, socket } = arrival;
        let is_room_taken = is_stranger && self.strangers >= self.limits.connections / STRANGERS_SHARE;
        let is_full = self.len() >= self.limits.connections || is_room_taken;
        let hold = if is_full { None } else { self.held.take(flow.peer.ip(), self.limits.from_one_source) };
        let Some(hold) = hold else { return raise(&counters.connections_refused) };
        let tls = match transport {
            Transport::Tls => match self.tls.accept() {
                Ok(tls) => Some(tls),
                Err(why) => return eprintln!("trunkline engine: TLS of {}: {why}", flow.peer),
            },
            Transport::Udp | Transport::Tcp => None,
        };
        // A connection that breaks before it began is nobody's.
        if let Ok(mut connection) = Connection::accepted(socket, flow, tls, &self.limits, now_ms) {
            connection.is_strangers = is_stranger;
            connection.hold = Some(hold);
            self.strangers += usize::from(is_stranger);
            self.insert(connection, counters);
        }
    }

    /// Sends over the connection of the flow, or makes one: what waits for it waits within the bound.
    pub fn send(&mut self, flow: Flow, bytes: &[u8], now_ms: u64, counters: &Counters) -> bool {
        let id = match self.by_flow.get(&flow) {
            Some(id) => *id,
            None => match self.connect(flow, now_ms, counters) {
                Ok(id) => id,
                Err(why) => {
                    if !why.is_empty() {
                        eprintln!("trunkline engine: no connection to {}: {why}", flow.peer);
                    }
                    self.closed.push_back((flow, Gone::Unmade));
                    return false;
                }
            },
        };
        let limits = self.limits;
        let Some(connection) = self.connection(id) else { return false };
        match connection.send(bytes) {
            Ok(()) => {
                connection.touch(now_ms, &limits);
                self.settle(id);
                true
            }
            Err(error) => {
                // Too much waits here, or the kernel has waited too long for the peer.
                if matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::TimedOut) {
                    raise(&counters.connections_slow);
                }
                self.close(id, counters);
                false
            }
        }
    }

    /// An empty text: not worth a line in the log.
    fn connect(&mut self, flow: Flow, now_ms: u64, counters: &Counters) -> Result<ConnectionId, String> {
        let place = self.places.get(usize::from(flow.listener)).copied().ok_or("no such listener")?;
        if self.len() >= self.limits.connections {
            raise(&counters.connections_refused);
            return Err(format!("{} connections, more than are allowed", self.len()));
        }
        let tls = match place.transport {
            Transport::Tls => Some(self.tls.connect(flow.peer.ip(), self.tables.load().tls_name_at(flow.peer))?),
            Transport::Udp | Transport::Tcp => None,
        };
        let connection = Connection::to(place.address, flow, tls, &self.limits, now_ms).map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => String::new(),
            _ => error.to_string(),
        })?;
        self.insert(connection, counters).ok_or_else(|| "it cannot be watched".to_owned())
    }

    fn insert(&mut self, connection: Connection, counters: &Counters) -> Option<ConnectionId> {
        let flow = connection.flow;
        // One with the same ends: the peer made a new one, so the old one is dead.
        if let Some(old) = self.by_flow.get(&flow).copied() {
            self.close(old, counters);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, connection: None });
            (self.slots.len() - 1) as u32
        });
        let at = &mut self.slots[slot as usize];
        at.generation = at.generation.wrapping_add(1);
        let id = ConnectionId { slot, generation: at.generation };
        let interest = connection.wanted_events();
        let connection = at.connection.insert(Box::new(connection));
        connection.interest = interest;
        if let Err(error) = self.epoll.add(&*connection, EpollEvent::new(interest, id.token())) {
            eprintln!("trunkline engine: epoll: {error}");
            self.close(id, counters);
            return None;
        }
        self.by_flow.insert(flow, id);
        counters.connections.store(self.len() as u64, std::sync::atomic::Ordering::Relaxed);
        self.settle(id);
        Some(id)
    }

    /// What epoll and the deadlines have to know after something was done with it.
    fn settle(&mut self, id: ConnectionId) {
        let Some(connection) = self.slots.get_mut(id.slot as usize).and_then(|slot| slot.connection.as_mut()) else { return };
        let (interest, due_ms) = (connection.wanted_events(), connection.due_ms());
        if interest != connection.interest {
            connection.interest = interest;
            if let Err(error) = self.epoll.modify(&**connection, &mut EpollEvent::new(interest, id.token())) {
                eprintln!("trunkline engine: epoll: {error}");
            }
        }
        // A later deadline is found out when the earlier one has come.
        if due_ms < connection.armed_ms {
            connection.armed_ms = due_ms;
            self.deadlines.push(Reverse((due_ms, id)));
        }
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)?;
        slot.connection.as_deref_mut()
    }

    pub fn flow(&mut self, id: ConnectionId) -> Option<Flow> {
        self.connection(id).map(|connection| connection.flow)
    }

    /// How many bytes came into `buffer`, and what was kept before them with how far it was looked at. `None`: nothing more now, or it is
    /// closed. `received_ns` as of [`Connection::receive`].
    pub fn receive(
        &mut self,
        id: ConnectionId,
        buffer: &mut [u8],
        received_ns: Option<&mut u64>,
        counters: &Counters,
    ) -> Option<(usize, Vec<u8>, usize)> {
        let connection = self.connection(id)?;
        let was_handshaking = connection.is_handshaking();
        match connection.receive(buffer, received_ns) {
            Received::Bytes(len) => {
                connection.has_heard = true;
                Some((len, std::mem::take(&mut connection.partial), connection.scanned))
            }
            Received::Nothing => {
                self.settle(id);
                None
            }
            Received::Over(why) => {
                if was_handshaking {
                    raise(&counters.tls_failures);
                    if !why.is_empty() && !connection.is_accepted {
                        eprintln!("trunkline engine: TLS to {}: {why}", connection.flow.peer);
                    }
                }
                self.close(id, counters);
                None
            }
        }
    }

    /// Whether it is counted with those of whom nothing is known.
    pub fn is_strangers(&mut self, id: ConnectionId) -> bool {
        self.connection(id).is_some_and(|connection| connection.is_strangers)
    }

    /// A call of its source was admitted: it may be as quiet as any, and leaves its room to other strangers.
    pub fn know(&mut self, id: ConnectionId) {
        if self.is_strangers(id) {
            self.strangers -= 1;
            if let Some(connection) = self.connection(id) {
                connection.is_strangers = false;
            }
        }
    }

    /// What is left after whole messages were taken: the beginning of one, looked at up to `scanned`.
    pub fn keep(&mut self, id: ConnectionId, rest: &[u8], scanned: usize, has_message: bool, now_ms: u64) {
        let limits = self.limits;
        let Some(connection) = self.connection(id) else { return };
        connection.touch(now_ms, &limits);
        connection.keep(rest, scanned, has_message, now_ms, &limits);
        self.settle(id);
    }

    /// With a word to the peer.
    pub fn end(&mut self, id: ConnectionId, counters: &Counters) {
        if let Some(connection) = self.connection(id) {
            connection.say_goodbye();
        }
        self.close(id, counters);
    }

    fn close(&mut self, id: ConnectionId, counters: &Counters) {
        let Some(slot) = self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation) else { return };
        let Some(connection) = slot.connection.take() else { return };
        self.free.push(id.slot);
        if self.by_flow.get(&connection.flow) == Some(&id) {
            self.by_flow.remove(&connection.flow);
        }
        self.strangers -= usize::from(connection.is_strangers);
        self.closed.push_back((connection.flow, connection.gone()));
        counters.connections.store(self.len() as u64, std::sync::atomic::Ordering::Relaxed);
    }

    /// A flow whose connection is closed, or could not be made; the core is to be told.
    pub fn next_closed(&mut self) -> Option<(Flow, Gone)> {
        self.closed.pop_front()
    }

    /// Monotonic milliseconds; `Some(0)`: at once.
    pub fn next_due(&self) -> Option<u64> {
        if !self.closed.is_empty() {
            return Some(0);
        }
        let deadline = self.deadlines.peek().map(|Reverse((due_ms, _))| *due_ms);
        deadline.into_iter().chain(self.acceptors.paused_until_ms).min()
    }

    /// Closes who has let his time pass.
    pub fn run_deadlines(&mut self, now_ms: u64, counters: &Counters) {
        self.acceptors.resume(&self.epoll, now_ms);
        while let Some(Reverse((due_ms, id))) = self.deadlines.peek().copied().filter(|Reverse((due_ms, _))| *due_ms <= now_ms) {
            self.deadlines.pop();
            let Some(connection) = self.connection(id) else { continue };
            // An older entry of a connection that was armed for an earlier time since.
            if connection.armed_ms == due_ms {
                connection.armed_ms = u64::MAX;
            }
            if connection.due_ms() <= now_ms {
                raise(&counters.connections_overdue);
                self.close(id, counters);
            } else {
                self.settle(id);
            }
        }
    }
}
