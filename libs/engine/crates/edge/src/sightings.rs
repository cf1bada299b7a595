//! What was seen of gateways since it was last asked for: in calls and by OPTIONS, and OPTIONS that are asked for.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::eventfd::EventFd;
use trunkline_transaction::{FailureCause, GatewayPlace, Now, Ping, SeenBy, Sighting, Sign, Transport};

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
    /// Where what it did was sent to.
    pub address: SocketAddr,
    pub transport: Transport,
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
        let (gateway, is_options, address, transport) = match &sighting.by {
            SeenBy::Call(target) => (target.gateway.as_str(), false, target.address, target.transport),
            SeenBy::Options(place) => (place.gateway.as_str(), true, place.address, place.transport),
        };
        let run = Run { is_options, address, transport, sign: sighting.sign, count: 1 };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if is_failure(sighting.sign) && !seen.is_failure_told {
            seen.is_failure_told = true;
            wake(&self.has_failure);
        }
        if let Some(runs) = seen.by_gateway.get_mut(gateway) {
            return push(runs, run);
        }
        if seen.by_gateway.len() < MAX_GATEWAYS {
            push(seen.by_gateway.entry(gateway.to_owned()).or_default(), run);
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

fn push(runs: &mut VecDeque<Run>, run: Run) {
    if let Some(last) = runs.back_mut().filter(|last| Run { count: 1, ..**last } == run) {
        last.count = last.count.saturating_add(1);
        return;
    }
    if runs.len() == MAX_RUNS {
        runs.pop_front();
    }
    runs.push_back(run);
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
        let place = Arc::new(GatewayPlace { gateway: order.gateway, address: order.address, transport: order.transport });
        let Some(listener) = self.listener_to(order.transport, order.address) else {
            let sign = Sign { cause: Some(FailureCause::Connection), status: 0, retry_after_s: 0 };
            return self.shared.sightings.add(&Sighting { by: SeenBy::Options(place), sign });
        };
        let ping = Ping { place, listener, timeout_ms: order.timeout_ms };
        // Where there is no room for it, nothing is known of the gateway: it is asked again.
        self.proxy.ping(now, &ping, &mut self.actions);
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(status: u16) -> Sighting {
        options_at("192.0.2.1:5060", status)
    }

    fn options_at(address: &str, status: u16) -> Sighting {
        let place = GatewayPlace { gateway: "alpha/one".to_owned(), address: address.parse().unwrap(), transport: Transport::Udp };
        Sighting { by: SeenBy::Options(Arc::new(place)), sign: Sign { cause: None, status, retry_after_s: 0 } }
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

    #[test]
    fn the_same_from_another_place_is_something_else() {
        let sightings = Sightings::new().unwrap();
        for address in ["192.0.2.1:5060", "192.0.2.2:5060", "192.0.2.2:5060", "192.0.2.2:5061"] {
            sightings.add(&options_at(address, 200));
        }
        let runs: Vec<(String, u32)> = sightings.take()[0].1.iter().map(|run| (run.address.to_string(), run.count)).collect();
        assert_eq!(runs, [("192.0.2.1:5060".to_owned(), 1), ("192.0.2.2:5060".to_owned(), 2), ("192.0.2.2:5061".to_owned(), 1)]);
    }
}
