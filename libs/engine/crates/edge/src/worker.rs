//! The worker: one thread that reads datagrams, asks the core, the access rule and the policy, and sends.
//!
//! One turn of its loop: poll, read what is there, run the timers that were due when it came, write the facts, send. Facts of a turn are in
//! the journal before any message of it that comes after them leaves.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::Arc;

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use trunkline_message::{is_keep_alive, malformed_top_via, HeaderTable, Message, ParseError};
use trunkline_transaction::{
    reply_flow, reply_flow_by, Action, Config, Failures, Flow, Limits, Listener, Now, Place, Proxy, Refusal, Transport,
};

use crate::acceptors::Arrival;
use crate::asked::Asked;
use crate::challenges::Challenges;
use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::counts::{Counting, Counts, What};
use crate::decisions::Decisions;
use crate::engine::{Order, Shared};
use crate::fact_lines::FactLines;
use crate::followed::Capturing;
use crate::hanging_up::HangingUp;
use crate::ids::Ids;
use crate::limits::StreamLimits;
use crate::listing::Listing;
use crate::outbox::Outbox;
use crate::policy::Policy;
use crate::reasons::refusal;
use crate::shedding::Shedding;
use crate::sockets::Sockets;
use crate::stateless::Stateless;
use crate::status::{raise, Counters};
use crate::streams::{ConnectionId, Streams};
use crate::udp::{Intake, UdpListener, DATAGRAM_BYTES, MAX_ERRORS_PER_WAKE, QUOTED_BYTES};
use crate::watchdog::Watchdog;

/// After a turn of this length, or one that left something unread, it is asked how long what comes next has waited.
const LONG_TURN_MS: u64 = 50;

/// Without a timer it looks around this often: minutes that end, orders.
const IDLE_MS: u64 = 1_000;

/// A call that is shorter is gone before anybody could want it back, and costs nothing.
const SAVED_AFTER_MS: u64 = 2_000;

/// Timers of the core do not wake it more often: at 2,000 calls a second one is due every millisecond, most of what has ended or was
/// answered. The shortest of RFC 3261 is 500 ms; where messages come, timers are run after each turn anyway.
const TIMERS_MS: u64 = 8;

/// A panic of the worker is a bug of ours and must not leave a process behind that looks alive and serves nobody: it is started again.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("trunkline engine: the worker panicked; the process ends itself, to be started again");
            std::process::abort();
        }
    }
}

/// One of those that an engine has. [`Worker::run`] takes the thread that it is called on.
pub struct Worker {
    /// Which of the engine's workers.
    pub(crate) index: u8,
    pub(crate) config: EngineConfig,
    pub(crate) shared: Arc<Shared>,
    pub(crate) proxy: Proxy,
    pub(crate) stateless: Stateless,
    pub(crate) lines: FactLines,
    pub(crate) counts: Counts,
    pub(crate) challenges: Challenges,
    pub(crate) counters: Arc<Counters>,
    pub(crate) shedding: Shedding,
    pub(crate) asked: Asked,
    pub(crate) decisions: Decisions,
    pub(crate) hanging_up: HangingUp,
    pub(crate) listing: Listing,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) clock: Clock,
    pub(crate) actions: Vec<Action>,
    /// Lines that are to be in the journal before the next message leaves.
    pub(crate) pending: Vec<u8>,
    /// Messages that leave when those lines are in the journal.
    pub(crate) outbox: Outbox,
    pub(crate) answer: Vec<u8>,
    /// What walks end with, as of this position of the tables.
    pub(crate) failures: (Option<u64>, Arc<Failures>),
    pub(crate) ids: Ids,
    pub(crate) capturing: Capturing,
    /// The last append failed.
    pub(crate) is_journal_failing: bool,
    /// Where the listeners are, by their index.
    pub(crate) places: Vec<Listener>,
    /// Those of `places` whose connections are this worker's.
    pub(crate) own_streams: Range<usize>,
    /// Workers that have had the message that is in hand.
    pub(crate) hops: u8,
    /// Of UDP: the first of `places`.
    pub(crate) listeners: Vec<UdpListener>,
    pub(crate) streams: Streams,
    pub(crate) arrivals: Vec<Arrival>,
    /// Connections that have something to read and have not had their turn.
    pub(crate) readable: VecDeque<ConnectionId>,
    /// Messages that came over connections.
    pub(crate) taken: usize,
    is_connection_ready: bool,
    /// Of each listener of UDP; none of them where there was nothing at all, and then all are read.
    is_readable: Vec<bool>,
    /// The last turn was long, or left something unread.
    is_late: bool,
    pub(crate) inbox: Receiver<Order>,
    token_keys_seen: u64,
}

/// Decisions are watched as long as there is one who takes them: a stop that waits for a decision that hangs must not wait for ever.
impl Drop for Worker {
    fn drop(&mut self) {
        self.watchdog.stop();
    }
}

impl Worker {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn new(
        index: u8,
        config: EngineConfig,
        sockets: Sockets,
        shared: Arc<Shared>,
        inbox: Receiver<Order>,
        watchdog: Arc<Watchdog>,
        clock: Clock,
        seed: [u8; 32],
    ) -> io::Result<Self> {
        let Sockets { udp: listeners, tcp, places, .. } = sockets;
        let workers = shared.team.size();
        let first = listeners.len() + usize::from(index) * tcp.len();
        let own_streams = first..first + tcp.len();
        let tcp = own_streams.clone().filter_map(|at| u16::try_from(at).ok()).zip(tcp).collect();
        let limits = StreamLimits { connections: config.streams.connections.div_ceil(usize::from(workers)), ..config.streams };
        let (tls, tables, held) = (Arc::clone(&shared.tls), Arc::clone(&shared.tables), Arc::clone(&shared.held));
        let streams = Streams::new(tcp, places.clone(), limits, tls, tables, held)?;
        let core = Config {
            place: Place { worker: index, of: workers },
            limits: Limits::default().shared_by(workers),
            t1_ms: config.t1_ms,
            silent_gateway_ms: config.silent_gateway_ms,
            all_silent_ms: config.all_silent_ms,
            listeners: places.clone(),
            realm: config.realm.clone(),
            saves_after_ms: config.keeps_calls.then_some(SAVED_AFTER_MS),
            ..Config::default()
        };
        let stateless = Stateless::new(&seed, &config.user_agent);
        let lines = FactLines::new(shared.journal.boot(), index);
        Ok(Self {
            index,
            own_streams,
            proxy: Proxy::new(core, seed),
            stateless,
            lines,
            counts: Counts::default(),
            challenges: Challenges::default(),
            counters: shared.team.counters(index),
            shedding: Shedding::default(),
            asked: Asked::default(),
            decisions: Decisions::default(),
            hanging_up: HangingUp::default(),
            listing: Listing::default(),
            watchdog,
            clock,
            actions: Vec::new(),
            pending: Vec::new(),
            outbox: Outbox::default(),
            answer: Vec::new(),
            failures: (None, Arc::default()),
            ids: Ids::new(&seed, index),
            capturing: Capturing::default(),
            is_journal_failing: false,
            places,
            config,
            shared,
            listeners,
            streams,
            arrivals: Vec::new(),
            readable: VecDeque::new(),
            taken: 0,
            is_connection_ready: false,
            is_readable: Vec::new(),
            is_late: false,
            hops: 0,
            inbox,
            token_keys_seen: 0,
        })
    }

    /// Serves until the engine is stopped.
    pub fn run(mut self, policy: &mut dyn Policy) {
        let _guard = AbortOnPanic;
        let mut table = HeaderTable::new();
        let mut buffer = vec![0; DATAGRAM_BYTES];
        let mut intake = Intake::default();
        let mut now = self.clock.now();
        loop {
            let asked_ms = now.ms;
            self.wait(now);
            if !self.obey(&mut table, policy) {
                return;
            }
            let began_ms = self.clock.now().ms;
            let is_dated = std::mem::take(&mut self.is_late);
            let (mut waited_ms, mut unread_ms, mut heard_ms) = (0, None, u64::MAX);
            let is_any_readable = self.is_readable.contains(&true);
            for listener in 0..self.listeners.len() {
                if is_any_readable && !self.is_readable[listener] {
                    heard_ms = heard_ms.min(asked_ms);
                    continue;
                }
                let heard = self.read(listener, is_dated, &mut buffer, &mut intake, &mut table, policy);
                waited_ms = waited_ms.max(heard.first_waited_ms);
                match heard.all_until_ms {
                    Some(ms) => heard_ms = heard_ms.min(ms),
                    None => unread_ms = unread_ms.max(Some(heard.first_waited_ms)),
                }
            }
            if self.is_connection_ready || !self.readable.is_empty() {
                let heard = self.serve_connections(is_dated, &mut buffer, &mut table, policy);
                waited_ms = waited_ms.max(heard.first_waited_ms);
                match heard.all_until_ms {
                    Some(ms) => heard_ms = heard_ms.min(ms),
                    None => unread_ms = unread_ms.max(Some(heard.first_waited_ms)),
                }
            }
            self.is_late = unread_ms.is_some();
            now = self.clock.now();
            let heard_until_ms = match unread_ms {
                None => Some(heard_ms.min(now.ms)),
                Some(waited_ms) => is_dated.then(|| began_ms.saturating_sub(waited_ms)),
            };
            self.run_timers(now, heard_until_ms);
            self.hang_up_next(now);
            self.list_next();
            self.save_next(now, false);
            self.refuse_overdue(now);
            self.close_connections();
            self.counts.flush_if_over(now.unix_ns, &mut self.lines, &mut self.pending);
            self.challenges.tell_if_over(now.unix_ns, &mut self.lines, &mut self.pending);
            self.flush();
            self.is_late |= now.ms - began_ms >= LONG_TURN_MS;
            self.shedding.on_turn(now.ms, waited_ms);
            self.counters.is_shedding.store(u64::from(self.shedding.is_shedding()), Ordering::Relaxed);
            self.counters.live_calls.store(self.proxy.call_count() as u64, Ordering::Relaxed);
            self.counters.transactions.store(self.proxy.transaction_count() as u64, Ordering::Relaxed);
        }
    }

    /// Timers are run up to when everything that came is heard: after a time in which the machine stood still, the answer that a timer waits
    /// for stands in the socket, behind others. `None`: it is not known, and the next turn will know.
    fn run_timers(&mut self, now: Now, heard_until_ms: Option<u64>) {
        let Some(ms) = heard_until_ms else { return };
        if self.proxy.next_deadline().is_some_and(|due| due <= ms) {
            self.proxy.on_timer(Now { ms, ..now }, &mut self.actions);
        }
    }

    /// `now` is when the last turn was done but for its sending.
    fn wait(&mut self, now: Now) {
        let deadlines = self
            .proxy
            .next_deadline()
            .map(|due| due.next_multiple_of(TIMERS_MS))
            .into_iter()
            .chain(self.asked.next_due())
            .chain(self.hanging_up.next_due())
            .chain(self.streams.next_due())
            .min();
        let due = match self.readable.is_empty() {
            true => deadlines.map_or(IDLE_MS, |due| due.saturating_sub(now.ms).min(IDLE_MS)),
            false => 0,
        };
        let timeout = PollTimeout::try_from(due).unwrap_or(PollTimeout::ZERO);
        let mut fds: Vec<PollFd<'_>> = self.listeners.iter().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)).collect();
        fds.push(PollFd::new(self.shared.team.wake_of(self.index).as_fd(), PollFlags::POLLIN));
        fds.push(PollFd::new(self.streams.as_fd(), PollFlags::POLLIN));
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => eprintln!("trunkline engine: poll: {error}"),
        }
        let failing: Vec<usize> =
            (0..self.listeners.len()).filter(|at| fds[*at].revents().is_some_and(|events| events.contains(PollFlags::POLLERR))).collect();
        self.is_readable.clear();
        self.is_readable.extend(fds.iter().take(self.listeners.len()).map(|fd| fd.any() == Some(true)));
        if fds[self.listeners.len()].any() == Some(true) {
            // EAGAIN: somebody else's wake-up was read already.
            let _ = self.shared.team.wake_of(self.index).read();
        }
        self.is_connection_ready = fds[self.listeners.len() + 1].any() == Some(true);
        for at in failing {
            self.read_errors(at);
        }
    }

    /// ICMP refusals of what this listener sent (RFC 3261 §18.4).
    fn read_errors(&mut self, listener: usize) {
        let mut quoted = [0; QUOTED_BYTES];
        for _ in 0..MAX_ERRORS_PER_WAKE {
            match self.listeners[listener].unreachable(&mut quoted) {
                Ok(Some((peer, length))) => self.on_icmp(peer, &quoted[..length], true),
                Ok(None) => return,
                Err(error) => {
                    eprintln!("trunkline engine: error queue of {}: {error}", self.places[listener].address);
                    return;
                }
            }
        }
    }

    /// One message, by whatever way it came. `false`: its source is not listened to.
    pub(crate) fn on_datagram(&mut self, flow: Flow, datagram: &[u8], table: &mut HeaderTable, policy: &mut dyn Policy) -> bool {
        if is_keep_alive(datagram) {
            return true;
        }
        let now = self.clock.now();
        if !self.is_heard(now, flow, 1) {
            return false;
        }
        match Message::parse(datagram, table) {
            Ok(message) => {
                self.hops = 0;
                match self.owner_of(&message) {
                    Some(worker) => self.pass(worker, flow, &message),
                    None => self.on_message(now, flow, &message, policy),
                }
            }
            Err(error) => self.refuse_malformed(flow, datagram, table, &error),
        }
        true
    }

    /// Before anything that opens or makes a token, by whichever way it came.
    pub(crate) fn learn_keys(&mut self) {
        if let Some(keys) = self.shared.token_keys.changed(&mut self.token_keys_seen) {
            self.proxy.set_token_keys(&keys);
        }
    }

    /// `table` holds what could be framed of it.
    pub(crate) fn refuse_malformed(&mut self, flow: Flow, datagram: &[u8], table: &HeaderTable, error: &ParseError) {
        let now = self.clock.now();
        raise(&self.counters.malformed);
        if !self.may_answer(now, flow, What::Malformed) {
            return;
        }
        let code = if error.status == 513 { "T110" } else { "T101" };
        let refusal = refusal(&self.shared.tables.load(), code, String::new());
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        if self.stateless.malformed(datagram, table, error, flow.peer, &refusal, &mut answer) {
            let to = malformed_top_via(datagram, table).map_or(flow, |via| reply_flow_by(&via, flow, self.transport(flow)));
            self.send(to, &answer);
        }
        self.answer = answer;
    }

    /// Before the parser, and before a handshake: nothing of a source that is banned or has sent too much is looked at. A gateway sends as
    /// much as it is sent, and a customer whose address is listed is no stranger from its first datagram on; whether the domain that it
    /// dials is the one that lists it, is asked when it is known (`is_shut_out`).
    pub(crate) fn is_heard(&mut self, now: Now, flow: Flow, tokens: u32) -> bool {
        let what = {
            let tables = self.shared.tables.load();
            if tables.ban(flow.peer, now.unix_s()).is_some() && !tables.is_listed(flow.peer) {
                raise(&self.counters.banned);
                What::Banned
            } else if self.shared.sources.admit(now.ms, flow.peer.ip(), tokens) {
                return true;
            } else {
                if tables.is_listed(flow.peer) || !tables.gateways_at(flow.peer).is_empty() {
                    self.shared.sources.know(now.ms, flow.peer.ip());
                    if self.shared.sources.admit(now.ms, flow.peer.ip(), tokens) {
                        return true;
                    }
                }
                raise(&self.counters.flooded);
                What::Flood
            }
        };
        self.counts.count(now.unix_ns, self.counting(flow, what), &mut self.lines, &mut self.pending);
        false
    }

    /// Answers without state, once.
    pub(crate) fn refuse(&mut self, flow: Flow, message: &Message<'_>, refusal: &Refusal, lines: &[u8]) {
        raise(&self.counters.refusals);
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        self.stateless.refuse(message, flow.peer, refusal, lines, &mut answer);
        self.send(self.reply_flow(message, flow), &answer);
        self.answer = answer;
    }

    pub(crate) fn transport(&self, flow: Flow) -> Transport {
        self.places.get(usize::from(flow.listener)).map_or(Transport::Udp, |place| place.transport)
    }

    pub(crate) fn reply_flow(&self, message: &Message<'_>, flow: Flow) -> Flow {
        reply_flow(message, flow, self.transport(flow))
    }

    pub(crate) fn counting(&self, flow: Flow, what: What) -> Counting {
        Counting { source: flow.peer.ip(), what, is_proved: self.transport(flow) != Transport::Udp }
    }

    /// Counts one of a kind; false, and counted as not answered, where its source had its answers in this minute.
    pub(crate) fn may_answer(&mut self, now: Now, flow: Flow, what: What) -> bool {
        let is_known = || !self.shared.is_stranger(now, flow.peer);
        let may = self.counts.may_answer(now.unix_ns, self.counting(flow, what), is_known, &mut self.lines, &mut self.pending);
        if !may {
            raise(&self.counters.not_answered);
        }
        may
    }
}
