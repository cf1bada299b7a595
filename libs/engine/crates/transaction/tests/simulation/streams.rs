//! Connections: what is sent by one comes once and in order, or the connection ends and who still has it is told.
//!
//! The end of a process is heard at once. Of a machine that dies nothing is heard, until it is back and is sent something by a connection that
//! it does not know any more: what waited for it, or a ping (RFC 5626 §4.4.1). A partition is waited for, but not for ever.

use trunkline_transaction::Gone;

/// As long as a connection may take to be made.
pub const CONNECT_MS: u64 = 2_000;

/// Both ends give up a connection that has not brought something for so long.
pub const LONGEST_MS: u64 = 30_000;
/// Who has heard nothing pings this often; what was sent before is sent again sooner.
const PING_MS: u64 = 10_000;
const AGAIN_MS: u64 = 200;

#[derive(Debug)]
struct Connection {
    /// Who made it, at a port of the connection's own, and whom to.
    ends: [String; 2],
    made_ms: u64,
    /// The message that asks for it is on its way.
    is_begun: bool,
    is_accepted: bool,
    /// Of each end: it has the connection. The maker has it before it is accepted.
    is_open: [bool; 2],
    /// That end's machine has died.
    is_silent: [bool; 2],
    /// Something was sent to that end since.
    is_waiting: [bool; 2],
    /// When the last message comes to each end: none overtakes it.
    last_ms: [u64; 2],
    /// Whom it was made to has said something.
    has_answered: bool,
}

/// A message by a connection, at the end of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Comes,
    /// The other end is told that there is no such connection.
    Refused,
    /// Nobody says anything.
    Unheard,
}

/// `end` of a connection, by its place among all.
pub type End = (usize, usize);

#[derive(Debug, Default)]
pub struct Streams(Vec<Connection>);

pub fn host(address: &str) -> &str {
    address.split(':').next().unwrap_or_default()
}

impl Streams {
    /// The end at `peer` of the connection from `own`, whose port does not matter; a new one where there is none.
    pub fn end_at(&mut self, now_ms: u64, own: &str, peer: &str) -> End {
        let is_ours = |connection: &Connection, end: usize| {
            connection.is_open[end] && host(&connection.ends[end]) == host(own) && connection.ends[1 - end] == peer
        };
        for (at, connection) in self.0.iter().enumerate() {
            if let Some(end) = [0, 1].into_iter().find(|end| is_ours(connection, *end)) {
                return (at, 1 - end);
            }
        }
        self.0.push(Connection {
            ends: [format!("{}:{}", host(own), 40_000 + self.0.len()), peer.to_owned()],
            made_ms: now_ms,
            is_begun: false,
            is_accepted: false,
            is_open: [true, false],
            is_silent: [false; 2],
            is_waiting: [false; 2],
            last_ms: [now_ms; 2],
            has_answered: false,
        });
        (self.0.len() - 1, 1)
    }

    pub fn count(&self) -> usize {
        self.0.iter().filter(|connection| connection.is_accepted).count()
    }

    /// As this end sees it: itself and the other one.
    pub fn addresses(&self, (at, end): End) -> (String, String) {
        let ends = &self.0[at].ends;
        (ends[end].clone(), ends[1 - end].clone())
    }

    /// When what was sent to this end comes, where it would come at `at_ms` alone. With the time at which its maker gives up the connection,
    /// where it is made too late.
    pub fn queue(&mut self, (at, end): End, at_ms: u64) -> (u64, Option<u64>) {
        let connection = &mut self.0[at];
        connection.last_ms[end] = connection.last_ms[end].max(at_ms);
        let limit_ms = connection.made_ms + CONNECT_MS;
        let is_first = !std::mem::replace(&mut connection.is_begun, true);
        (connection.last_ms[end], (is_first && connection.last_ms[end] > limit_ms).then_some(limit_ms))
    }

    pub fn gives_up_ms(&self, (at, _): End) -> u64 {
        self.0[at].made_ms + CONNECT_MS
    }

    /// A message has come to the machine of this end. `is_listening`: it can accept a connection there.
    pub fn arrive(&mut self, (at, end): End, is_listening: bool) -> Arrival {
        let connection = &mut self.0[at];
        let is_first = end == 1 && !connection.is_accepted;
        if is_first && !connection.is_open[0] {
            return Arrival::Unheard;
        }
        if is_first && is_listening {
            (connection.is_accepted, connection.is_open[1]) = (true, true);
        }
        match (connection.is_open[end], connection.is_silent[end]) {
            (true, _) => {
                connection.has_answered |= end == 0;
                Arrival::Comes
            }
            (false, true) => {
                connection.is_waiting[end] = true;
                Arrival::Unheard
            }
            (false, false) => Arrival::Refused,
        }
    }

    /// This end is told that it is over: with whom, and how it went. `None`: it knows.
    pub fn close(&mut self, (at, end): End) -> Option<(String, Gone)> {
        let connection = &mut self.0[at];
        let was_open = std::mem::replace(&mut connection.is_open[end], false);
        let gone = match (connection.is_accepted, end == 0 && connection.has_answered) {
            (false, _) => Gone::Unmade,
            (true, true) => Gone::InUse,
            (true, false) => Gone::Broken,
        };
        was_open.then(|| (connection.ends[1 - end].clone(), gone))
    }

    /// Who has these hosts is dead. Gives the other ends that hear of it, and when they have heard all that was said before.
    pub fn die(&mut self, hosts: &[&str], is_process: bool) -> Vec<(End, u64)> {
        let mut told = Vec::new();
        for (at, connection) in self.0.iter_mut().enumerate() {
            for end in [0, 1] {
                if connection.is_open[end] && hosts.contains(&host(&connection.ends[end])) {
                    connection.is_open[end] = false;
                    connection.is_silent[end] = !is_process;
                    if is_process && connection.is_open[1 - end] {
                        told.push(((at, 1 - end), connection.last_ms[1 - end]));
                    }
                }
            }
        }
        told
    }

    /// A machine is back. Gives the ends that hear that it does not know their connections, and after what time.
    pub fn come_back(&mut self, hosts: &[&str]) -> Vec<(End, u64)> {
        let mut told = Vec::new();
        for (at, connection) in self.0.iter_mut().enumerate() {
            for end in [0, 1] {
                if connection.is_silent[end] && hosts.contains(&host(&connection.ends[end])) {
                    connection.is_silent[end] = false;
                    if connection.is_open[1 - end] {
                        told.push(((at, 1 - end), if connection.is_waiting[end] { AGAIN_MS } else { PING_MS }));
                    }
                }
            }
        }
        told
    }
}
