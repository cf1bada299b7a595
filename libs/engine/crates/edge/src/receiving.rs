//! What comes over connections: framed, then as a datagram would be.

use trunkline_message::{HeaderTable, Message, ParseError};
use trunkline_transaction::Transport;

use crate::framing::{frame, Frame};
use crate::policy::Policy;
use crate::reading::Heard;
use crate::status::raise;
use crate::streams::ConnectionId;
use crate::team::Passed;
use crate::worker::Worker;

/// Reads of one connection before others have their turn.
const READS_PER_TURN: usize = 8;

/// Messages taken from connections before the timers and the listeners of UDP have their turn; what came with the last of them is taken too.
const MESSAGES_PER_TURN: usize = 64;

/// Connections that the core is told to be closed in one turn; each may make it try another that closes too.
const CLOSED_PER_TURN: usize = 1_024;

/// What a connection takes of its source's bucket, before anything is done for it: an accept is as dear as a datagram, a handshake of TLS
/// (one signature) as many. At 400 tokens a second a stranger has 25 handshakes, after a burst of 50.
const TOKENS_OF_TCP: u32 = 1;
const TOKENS_OF_TLS: u32 = 16;

/// The answer to a ping (RFC 5626 §4.4.1).
const PONG: &[u8] = b"\r\n";
const PING_BYTES: usize = 4;

impl Worker {
    /// What happened on connections, one after the other: those that a turn has not come to are the first of the next, before those that
    /// have something to say by then. `is_dated`: it is asked how long what comes first on each has waited.
    pub(crate) fn serve_connections(
        &mut self,
        is_dated: bool,
        buffer: &mut [u8],
        table: &mut HeaderTable,
        policy: &mut dyn Policy,
    ) -> Heard {
        let all_until_ms = self.poll_connections();
        let before = self.taken;
        let mut heard = Heard { all_until_ms, first_waited_ms: 0 };
        while let Some(id) = self.readable.pop_front() {
            self.streams.taken_up(id);
            let waited_ms = self.read_connection(id, is_dated, buffer, table, policy);
            heard.first_waited_ms = heard.first_waited_ms.max(waited_ms);
            if self.taken - before >= MESSAGES_PER_TURN {
                heard.all_until_ms = None;
                break;
            }
        }
        heard
    }

    /// Lets in who may come, and finds out who has something to say; when it was asked, where that are all of them.
    fn poll_connections(&mut self) -> Option<u64> {
        let mut readable = std::mem::take(&mut self.readable);
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let now = self.clock.now();
        let is_all = self.streams.poll(now.ms, &self.counters, &mut arrivals, &mut readable);
        for arrival in arrivals.drain(..) {
            let tokens = match arrival.transport {
                Transport::Tls => TOKENS_OF_TLS,
                Transport::Udp | Transport::Tcp => TOKENS_OF_TCP,
            };
            if self.is_heard(now, arrival.flow, tokens) {
                let is_stranger = self.shared.is_stranger(now, arrival.flow.peer);
                self.streams.let_in(arrival, is_stranger, now.ms, &self.counters);
            } else {
                raise(&self.counters.connections_refused);
            }
        }
        self.arrivals = arrivals;
        self.readable = readable;
        is_all.then_some(now.ms)
    }

    /// Closes who is overdue, and tells the core of every connection that is no more.
    pub(crate) fn close_connections(&mut self) {
        let now = self.clock.now();
        self.streams.run_deadlines(now.ms, &self.counters);
        for _ in 0..CLOSED_PER_TURN {
            let Some((flow, gone)) = self.streams.next_closed() else { return };
            self.proxy.on_closed(now, flow, gone, &mut self.actions);
            self.shared.team.tell_others(self.index, || Passed::Closed { flow, gone });
            self.flush();
        }
    }

    /// How long what came first has waited in the kernel, in milliseconds; 0 where it is not asked or not known.
    fn read_connection(
        &mut self,
        id: ConnectionId,
        is_dated: bool,
        buffer: &mut [u8],
        table: &mut HeaderTable,
        policy: &mut dyn Policy,
    ) -> u64 {
        // Not dated, or the clock was set back meanwhile: it has not waited.
        let (mut came_ns, mut waited_ms, taken) = (u64::MAX, 0, self.taken);
        for read in 0..READS_PER_TURN {
            let date = (is_dated && read == 0).then_some(&mut came_ns);
            let Some((len, mut before, scanned)) = self.streams.receive(id, buffer, date, &self.counters) else { break };
            if read == 0 {
                waited_ms = self.clock.now().unix_ns.saturating_sub(came_ns) / 1_000_000;
            }
            let is_open = if before.is_empty() {
                self.take_frames(id, &buffer[..len], scanned, table, policy)
            } else {
                before.extend_from_slice(&buffer[..len]);
                self.take_frames(id, &before, scanned, table, policy)
            };
            if !is_open || self.taken - taken >= MESSAGES_PER_TURN {
                break;
            }
        }
        waited_ms
    }

    /// Every message that is whole, and keeps the rest. `false`: the stream makes no sense any more and is closed.
    fn take_frames(&mut self, id: ConnectionId, bytes: &[u8], scanned: usize, table: &mut HeaderTable, policy: &mut dyn Policy) -> bool {
        let Some(flow) = self.streams.flow(id) else { return false };
        let (mut at, mut scanned, mut has_message) = (0, scanned, false);
        // Ends: every frame but the last takes bytes.
        loop {
            match frame(&bytes[at..], scanned) {
                // As dear as a datagram: each is answered by a write of its own.
                Frame::Ping if self.is_heard(self.clock.now(), flow, 1) => {
                    self.send(flow, PONG);
                    at += PING_BYTES;
                }
                Frame::Ping => return self.turn_away(id),
                Frame::Blank(len) => at += len,
                Frame::Message(len) => {
                    raise(&self.counters.datagrams_received);
                    self.taken += 1;
                    has_message = true;
                    let is_heard = self.on_datagram(flow, &bytes[at..at + len], table, policy);
                    self.flush();
                    at += len;
                    if !is_heard {
                        return self.turn_away(id);
                    }
                }
                Frame::Partial { scanned } => {
                    let now = self.clock.now();
                    if has_message && self.streams.is_strangers(id) && !self.shared.is_stranger(now, flow.peer) {
                        self.streams.know(id);
                    }
                    self.streams.keep(id, &bytes[at..], scanned, has_message, now.ms);
                    return true;
                }
                Frame::Broken { status, what, len } => {
                    let header = &bytes[at..at + len];
                    // What can be read of it is what the answer is made of.
                    let _ = Message::parse(header, table);
                    self.refuse_malformed(flow, header, table, &ParseError { status, section: "§18.3", offset: 0, what });
                    self.flush();
                    self.streams.end(id, &self.counters);
                    return false;
                }
            }
            scanned = 0;
        }
    }

    /// What comes over a connection is not sent again: whoever is not listened to is to know it.
    fn turn_away(&mut self, id: ConnectionId) -> bool {
        self.flush();
        self.streams.end(id, &self.counters);
        false
    }
}
