//! One edge's engine as its owner sees it: tables in, journal out, a handle on the worker.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};
use ring::rand::{SecureRandom, SystemRandom};
use trunkline_access::{ReplayWindow, Tables};
use trunkline_transaction::{CallId, Now, TokenKey, MAX_WORKERS};

use crate::captures::{Captured, Captures};
use crate::clock::{unix_ns, Clock};
use crate::completion::Completion;
use crate::config::EngineConfig;
use crate::decisions::Changes;
use crate::hanging_up::HangUp;
use crate::held::Held;
use crate::journal::{Chunk, Journal};
use crate::listing::{LiveCalls, PageOrder};
use crate::saving::SavedCalls;
use crate::sightings::{PingOrder, Run, Sightings};
use crate::sockets::Sockets;
use crate::sources::Sources;
use crate::team::{Passed, Team};
use crate::tls::{CarrierTls, Certificate, Tls};
use crate::untold::Untold;
use crate::watchdog::Watchdog;
use crate::worker::Worker;

/// Between two flushes of the journal to the disk: what a power cut can lose.
const SYNC_EVERY: Duration = Duration::from_millis(20);

/// Between two wake-ups of whoever ships the journal, in flushes: 100 ms. A wake-up costs the same whether it brings one line or a hundred,
/// and on a busy edge there are lines to ship at every flush. After a pause the first line does not wait.
const WAKE_EVERY: u32 = 5;

/// One message of `CALLS` at most: NATS takes 1 MiB.
const CHUNK_BYTES: usize = 256 << 10;

/// An answer of the worker that takes longer means that it hangs; the watchdog sees to that.
const WORKER_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// What a worker is asked or told between datagrams.
#[derive(Debug)]
pub(crate) enum Order {
    LiveCalls(PageOrder),
    /// An answer to what was asked elsewhere.
    Complete(Box<Completion>),
    /// Answered with the number of calls that are being ended.
    HangUp(HangUp, Sender<usize>),
    Ping(Box<PingOrder>),
    /// Calls that an earlier life has kept.
    Restore(Vec<(u128, Vec<u8>)>),
    /// Calls that another edge has ended.
    Forget(Vec<(u128, ())>),
    /// Answered with those that have ended here.
    WhichEnded(Arc<[u128]>, Sender<Vec<u128>>),
    /// From another worker.
    Take(Passed),
    Stop,
}

/// What the engine's handle and its workers share.
pub(crate) struct Shared {
    pub tables: Arc<Tables>,
    pub journal: Journal,
    pub team: Team,
    pub sources: Sources,
    /// Connections by source, of all workers.
    pub held: Arc<Held>,
    /// Nonces that were used at any worker, or at another edge.
    pub replay: Mutex<ReplayWindow>,
    pub is_draining: AtomicBool,
    /// The tables are not whole: each new call is asked about elsewhere.
    pub is_degraded: AtomicBool,
    /// Looked at before each datagram, so that keys count from the moment they are set, as tables do.
    pub token_keys: TokenKeys,
    /// What the policy's decisions depend on.
    pub changes: Changes,
    /// Nonces admitted here that other edges have not been told of.
    pub untold: Untold,
    pub tls: Arc<Tls>,
    pub sightings: Sightings,
    pub captures: Captures,
    pub saved: SavedCalls,
}

/// Token keys on their way to the worker.
#[derive(Default)]
pub(crate) struct TokenKeys {
    keys: Mutex<Vec<TokenKey>>,
    version: AtomicU64,
}

impl TokenKeys {
    fn set(&self, keys: Vec<TokenKey>) {
        let mut current = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        *current = keys;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The keys where they are others than those of version `seen`, which is brought up to date.
    pub fn changed(&self, seen: &mut u64) -> Option<Vec<TokenKey>> {
        if self.version.load(Ordering::Acquire) == *seen {
            return None;
        }
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = self.version.load(Ordering::Acquire);
        Some(keys.clone())
    }
}

/// See the module. All methods may be called from any thread.
pub struct Engine {
    shared: Arc<Shared>,
    /// Readable when there is something to drain.
    drainable: Arc<EventFd>,
    addresses: Vec<SocketAddr>,
    is_over: Arc<AtomicBool>,
}

impl Engine {
    /// Binds the sockets, opens the journal and starts the threads that need no policy. Each worker begins with [`Worker::run`].
    ///
    /// # Errors
    /// What the system says, with the address or the path in its text.
    pub fn bind(config: EngineConfig) -> io::Result<(Self, Vec<Worker>)> {
        Self::bind_upon(config, Arc::new(Tables::new()))
    }

    /// [`Engine::bind`] with tables that may have been filled before.
    ///
    /// # Errors
    /// As of `bind`.
    pub fn bind_upon(config: EngineConfig, tables: Arc<Tables>) -> io::Result<(Self, Vec<Worker>)> {
        if config.listen.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "listen: at least one address is needed"));
        }
        if !(1..=MAX_WORKERS).contains(&config.workers) {
            let what = format!("workers: {} are not 1 to {MAX_WORKERS}", config.workers);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let sockets = Sockets::bind(&config.listen, config.workers)?;
        let addresses = sockets.first().map(|first| first.addresses.clone()).unwrap_or_default();
        let (team, inboxes) = Team::new(config.workers)?;
        let clock = Clock::new();
        let tls = Arc::new(Tls::new().map_err(io::Error::other)?);
        let journal = Journal::open(&config.journal_dir, unix_ns(), config.journal_segment_bytes)?;
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        let shared = Arc::new(Shared {
            tables,
            journal,
            team,
            sources: Sources::new(config.stranger_rate, config.known_rate),
            held: Arc::default(),
            replay: Mutex::new(ReplayWindow::new(clock.now().unix_ns / 1_000_000, trunkline_access::ENTRIES)),
            is_draining: AtomicBool::new(false),
            is_degraded: AtomicBool::new(false),
            token_keys: TokenKeys::default(),
            changes: Changes::default(),
            untold: Untold::new(event_fd()?),
            tls,
            sightings: Sightings::new()?,
            captures: Captures::default(),
            saved: SavedCalls::default(),
        });
        let drainable = Arc::new(event_fd()?);
        let is_over = Arc::new(AtomicBool::new(false));
        start_syncing(Arc::clone(&shared), Arc::clone(&drainable), Arc::clone(&is_over))?;
        let engine = Self { shared: Arc::clone(&shared), drainable, addresses, is_over };
        let mut workers = Vec::new();
        for ((index, sockets), inbox) in (0..).zip(sockets).zip(inboxes) {
            let watchdog = Watchdog::start(config.decision_limit)?;
            workers.push(Worker::new(index, config.clone(), sockets, Arc::clone(&shared), inbox, watchdog, clock, seed)?);
        }
        Ok((engine, workers))
    }

    /// The tables of the access rule, gateways and reasons; datagrams see what was applied last.
    #[must_use]
    pub fn tables(&self) -> &Arc<Tables> {
        &self.shared.tables
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What was bound, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The policy is asked again about each kind of call: to be called after whatever it decides by has changed.
    pub fn forget_decisions(&self) {
        self.shared.changes.note();
    }

    pub fn set_token_keys(&self, keys: Vec<TokenKey>) {
        self.shared.token_keys.set(keys);
    }

    /// Our certificates, for handshakes from now on: by the name that the client asks for, else the first.
    ///
    /// # Errors
    /// Which one cannot be used and why; then nothing changes.
    pub fn set_certificates(&self, certificates: &[Certificate]) -> Result<(), String> {
        self.shared.tls.set_certificates(certificates)
    }

    /// How carriers are met over TLS, for connections from now on.
    ///
    /// # Errors
    /// What cannot be used and why; then nothing changes.
    pub fn set_carrier_tls(&self, carriers: &CarrierTls) -> Result<(), String> {
        self.shared.tls.set_carriers(carriers)
    }

    /// While draining, OPTIONS is answered 503 so that customers look elsewhere; calls go on.
    pub fn set_draining(&self, is_draining: bool) {
        self.shared.is_draining.store(is_draining, Ordering::Relaxed);
    }

    /// While degraded the access rule is not asked: each new INVITE goes to [`crate::Policy::ask`] and waits for [`Engine::complete`].
    pub fn set_degraded(&self, is_degraded: bool) {
        self.shared.is_degraded.store(is_degraded, Ordering::Relaxed);
    }

    /// The answer about an INVITE that was asked about; one that waits no more is left out.
    pub fn complete(&self, completion: Completion) {
        let team = &self.shared.team;
        team.order(CallId(completion.id).worker(team.size()), Order::Complete(Box::new(completion)));
    }

    /// An eventfd, readable when [`Engine::drain`] has something: at most one wake-up every 100 ms.
    #[must_use]
    pub fn event_fd(&self) -> RawFd {
        self.drainable.as_fd().as_raw_fd()
    }

    /// See [`Journal::drain`]; also makes the eventfd unreadable again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn drain(&self, max_bytes: usize) -> io::Result<Vec<Chunk>> {
        match self.drainable.read() {
            Ok(_) | Err(nix::errno::Errno::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        self.shared.journal.drain(max_bytes, CHUNK_BYTES)
    }

    pub fn rewind(&self) {
        self.shared.journal.rewind();
    }

    /// See [`Journal::acknowledge`].
    ///
    /// # Errors
    /// What the file system says.
    pub fn acknowledge(&self, segment: &str, offset: u64) -> io::Result<()> {
        self.shared.journal.acknowledge(segment, offset)
    }

    /// Calls from their INVITE to their end, of one tenant or, where it is empty, of all, page by page.
    #[must_use]
    pub fn live_calls(&self, tenant: &str) -> LiveCalls<'_> {
        LiveCalls::new(&self.shared.team, tenant)
    }

    /// What each worker answers, those that do it in time.
    pub(crate) fn ask_all<T>(&self, order: impl Fn(Sender<T>) -> Order) -> Vec<T> {
        let (answer, answered) = channel();
        self.shared.team.order_all(|| order(answer.clone()));
        drop(answer);
        let end = Instant::now() + WORKER_ANSWERS_WITHIN;
        let left = || end.saturating_duration_since(Instant::now());
        (0..self.shared.team.len()).map_while(|_| answered.recv_timeout(left()).ok()).collect()
    }

    /// Ends calls by BYEs of our own, in portions; how many it covers. 0 too where no worker runs.
    #[must_use]
    pub fn hang_up(&self, order: HangUp) -> usize {
        self.ask_all(|answer| Order::HangUp(order.clone(), answer)).into_iter().sum()
    }

    /// Sends an OPTIONS to a gateway; what becomes of it is among the sightings.
    pub fn ping(&self, order: PingOrder) {
        self.shared.team.order(0, order.into());
    }

    /// What gateways did since the last time, each one's oldest first.
    #[must_use]
    pub fn take_sightings(&self) -> Vec<(String, Vec<Run>)> {
        self.shared.sightings.take()
    }

    /// An eventfd, readable when a failure is among what [`Engine::take_sightings`] has.
    #[must_use]
    pub fn sightings_fd(&self) -> RawFd {
        self.shared.sightings.fd()
    }

    /// Messages that were captured, at most so many of refused and failed calls and so many of sampled ones, shared by the tenants; and how
    /// many were dropped since the last time because nobody took them.
    #[must_use]
    pub fn take_captured(&self, most_failed: usize, most_sampled: usize) -> (Vec<Captured>, u64) {
        self.shared.captures.take(most_failed, most_sampled)
    }

    /// An eventfd, readable when [`Engine::take_used_nonces`] has something: some 20 ms after a nonce was used at the latest.
    #[must_use]
    pub fn nonces_fd(&self) -> RawFd {
        self.shared.untold.fd()
    }

    /// Nonces admitted here since the last time, for the other edges: entries of [`trunkline_access::USE_BYTES`]. Makes the eventfd
    /// unreadable again.
    #[must_use]
    pub fn take_used_nonces(&self) -> Vec<u8> {
        let newest = self.shared.newest_uses();
        self.shared.untold.take(&newest)
    }

    /// What another edge's `take_used_nonces` gave: from now on it is not admitted here.
    pub fn mark_used_nonces(&self, uses: &[u8]) {
        self.shared.replay.lock().unwrap_or_else(PoisonError::into_inner).hear(uses, unix_ns() / 1_000_000);
    }

    /// Counters by name.
    #[must_use]
    pub fn status(&self) -> Vec<(&'static str, u64)> {
        let mut rows = self.shared.team.status();
        rows.push(("position", self.shared.tables.load().position()));
        rows.push(("journal_backlog_bytes", self.shared.journal.backlog_bytes()));
        rows
    }

    /// Ends the workers and the threads; the journal stays.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.shared.team.order_all(|| Order::Stop);
    }
}

/// Its workers have nobody left to serve for.
impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Whether nothing is known of a source: no list has it, it is no gateway, and no call of it was admitted lately.
    pub fn is_stranger(&self, now: Now, source: SocketAddr) -> bool {
        let tables = self.tables.load();
        let is_told_of = tables.is_listed(source) || !tables.gateways_at(source).is_empty();
        !is_told_of && !self.sources.is_known(now.ms, source.ip())
    }

    /// To whoever tells the other edges. Those that nobody takes are bounded: an edge that is cut off tells what it used lately.
    fn hand_over_uses(&self) {
        let dropped = self.untold.add(&self.newest_uses());
        self.team.counters(0).untold_nonces.fetch_add(dropped as u64, Ordering::Relaxed);
    }

    fn newest_uses(&self) -> Vec<u8> {
        self.replay.lock().unwrap_or_else(PoisonError::into_inner).take_untold()
    }
}

pub(crate) fn event_fd() -> io::Result<EventFd> {
    Ok(EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?)
}

/// A full eventfd is readable already, so that a failed write changes nothing.
pub(crate) fn wake(fd: &EventFd) {
    let _ = fd.write(1);
}

fn start_syncing(shared: Arc<Shared>, drainable: Arc<EventFd>, is_over: Arc<AtomicBool>) -> io::Result<()> {
    // Lines of earlier runs are to be drained too.
    wake(&drainable);
    std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
        let mut flushes_since_wake = WAKE_EVERY;
        let mut is_waiting = false;
        while !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(SYNC_EVERY);
            shared.hand_over_uses();
            flushes_since_wake = flushes_since_wake.saturating_add(1);
            match shared.journal.sync() {
                Ok(is_new) => is_waiting |= is_new,
                Err(error) => {
                    crate::status::raise(&shared.team.counters(0).journal_failures);
                    eprintln!("trunkline engine: the journal cannot be flushed: {error}");
                }
            }
            if is_waiting && flushes_since_wake >= WAKE_EVERY {
                wake(&drainable);
                is_waiting = false;
                flushes_since_wake = 0;
            }
        }
    })?;
    Ok(())
}
