//! What was seen of gateways since it was last asked for: in calls and by OPTIONS, and OPTIONS that are asked for.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::eventfd::EventFd;
use trunkline_transaction::{FailureCause, Flow, Now, Ping, SeenBy, Sighting, Sign, Transport};

use crate::engine::{event_fd, wake, Order};
use crate::worker::Worker;

/// Of one gateway, where nobody takes them: the latest.
const MAX_RUNS: usize = 64;

/// As many as there may be: 1,000 carriers with 64 each.
const MAX_GATEWAYS: usize = 65_536;

/// The same thing several times in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub is_options: bool,
    pub sign: Sign,
    pub count: u32,
}

/// By gateway, in the order in which they were seen. Shared by the workers; locked once for each gateway tried.
#[derive(Debug)]
pub(crate) struct Sightings {
    seen: Mutex<Seen>,
    /// Readable when a failure is among them.
    has_failure: EventFd,
}

#[derive(Debug, Default)]
struct Seen {
    by_gateway: HashMap<String, VecDeque<Run>>,
    is_failure_told: bool,
}

impl Sightings {
    pub fn new() -> io::Result<Self> {
        Ok(Self { seen: Mutex::default(), has_failure: event_fd()? })
    }

    pub fn fd(&self) -> RawFd {
        self.has_failure.as_fd().as_raw_fd()
    }

    pub fn add(&self, sighting: &Sighting) {
        let (gateway, is_options) = match &sighting.by {
            SeenBy::Call(target) => (target.gateway.as_str(), false),
            SeenBy::Options(gateway) => (&**gateway, true),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if is_failure(sighting.sign) && !seen.is_failure_told {
            seen.is_failure_told = true;
            wake(&self.has_failure);
        }
        if let Some(runs) = seen.by_gateway.get_mut(gateway) {
            return push(runs, is_options, sighting.sign);
        }
        if seen.by_gateway.len() < MAX_GATEWAYS {
            push(seen.by_gateway.entry(gateway.to_owned()).or_default(), is_options, sighting.sign);
        }
    }

    /// Each gateway's runs, oldest first. Makes the eventfd unreadable again.
    pub fn take(&self) -> Vec<(String, Vec<Run>)> {
        let seen = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.is_failure_told {
                // EAGAIN: the write had failed.
                let _ = self.has_failure.read();
            }
            std::mem::take(&mut *seen)
        };
        seen.by_gateway.into_iter().map(|(gateway, runs)| (gateway, runs.into())).collect()
    }
}

/// What may change the state of a gateway that is used: not to be left lying.
fn is_failure(sign: Sign) -> bool {
    sign.cause.is_some() || sign.retry_after_s > 0 || matches!(sign.status, 408 | 503)
}

fn push(runs: &mut VecDeque<Run>, is_options: bool, sign: Sign) {
    if let Some(last) = runs.back_mut().filter(|last| last.is_options == is_options && last.sign == sign) {
        last.count = last.count.saturating_add(1);
        return;
    }
    if runs.len() == MAX_RUNS {
        runs.pop_front();
    }
    runs.push_back(Run { is_options, sign, count: 1 });
}

/// An OPTIONS that is asked for; see [`Ping`].
#[derive(Clone, Debug)]
pub struct PingOrder {
    pub gateway: String,
    pub address: SocketAddr,
    pub transport: Transport,
    pub timeout_ms: u64,
}

impl From<PingOrder> for Order {
    fn from(order: PingOrder) -> Self {
        Self::Ping(Box::new(order))
    }
}

impl Worker {
    /// A gateway that no listener can send to is as one that takes no connection: calls cannot reach it either.
    pub(crate) fn ping(&mut self, now: Now, order: PingOrder) {
        let gateway: Arc<str> = Arc::from(order.gateway);
        let Some(listener) = self.listener_to(order.transport, order.address) else {
            let sign = Sign { cause: Some(FailureCause::Connection), status: 0, retry_after_s: 0 };
            return self.shared.sightings.add(&Sighting { by: SeenBy::Options(gateway), sign });
        };
        let ping = Ping { gateway, flow: Flow { listener, peer: order.address }, timeout_ms: order.timeout_ms };
        // Where there is no room for it, nothing is known of the gateway: it is asked again.
        self.proxy.ping(now, &ping, &mut self.actions);
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(status: u16) -> Sighting {
        Sighting { by: SeenBy::Options(Arc::from("alpha/one")), sign: Sign { cause: None, status, retry_after_s: 0 } }
    }

    #[test]
    fn what_comes_again_is_counted_and_the_order_is_kept() {
        let sightings = Sightings::new().unwrap();
        for status in [200, 200, 503, 200] {
            sightings.add(&options(status));
        }
        let seen = sightings.take();
        assert_eq!(seen.len(), 1);
        let runs: Vec<(u16, u32)> = seen[0].1.iter().map(|run| (run.sign.status, run.count)).collect();
        assert_eq!(runs, [(200, 2), (503, 1), (200, 1)]);
        assert!(sightings.take().is_empty());
    }

    #[test]
    fn of_what_nobody_takes_the_latest_are_kept() {
        let sightings = Sightings::new().unwrap();
        for status in 0..u16::try_from(MAX_RUNS).unwrap() + 5 {
            sightings.add(&options(status));
        }
        let runs = &sightings.take()[0].1;
        assert_eq!((runs.len(), runs[0].sign.status), (MAX_RUNS, 5));
    }
}
