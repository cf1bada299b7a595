//! How many connections each source holds, at whichever worker they have ended up: who has more than one worker before him has no more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::acceptors::network;

/// By address of IPv4 or network of IPv6: whoever has one address of a /64 has them all. As many entries as there are connections, which are
/// bounded.
#[derive(Debug, Default)]
pub struct Held {
    by_source: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of a source, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    held: Arc<Held>,
    source: IpAddr,
}

impl Held {
    /// `None`: the source has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr, most: usize) -> Option<Hold> {
        let source = network(peer);
        let mut by_source = self.lock();
        let count = by_source.get(&source).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        by_source.insert(source, count + 1);
        Some(Hold { held: Arc::clone(self), source })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A count is changed as a whole, so that a panic elsewhere leaves none half made.
        self.by_source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut by_source = self.held.lock();
        if let Some(count) = by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_holds_so_many_and_has_room_again_for_each_that_it_gives_up() {
        let held = Arc::new(Held::default());
        let take = |text: &str| held.take(text.parse().unwrap(), 2);
        let first = take("192.0.2.1");
        let second = take("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some() && take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some(), "another has its own");
        let network = [take("2001:db8::1"), take("2001:db8::2")];
        assert!(network.iter().all(Option::is_some) && take("2001:db8::3").is_none() && take("2001:db8:0:1::1").is_some());
        drop(first);
        let again = take("192.0.2.1");
        assert!(again.is_some() && take("192.0.2.1").is_none());
        drop((second, again, network));
        assert!(held.lock().is_empty(), "nothing is kept of who is gone");
    }
}
