//! How much of a source is looked at: a token bucket each, asked before the parser.
//!
//! A bucket is the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371 §A): one number. The table is of a fixed
//! size and knows a source by a keyed hash, eight places a set. A place is given to another only when its bucket is full, for then it says
//! nothing; so a flood of invented sources cannot make the table forget one that it holds back. Who finds no place shares one bucket with
//! all others that find none in that set.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SETS: usize = 8_192;
const PLACES: usize = 8;

/// A source whose call was admitted is known for so long, longer than the pauses of a PBX at noon.
const KNOWN_MS: u64 = 15 * 60 * 1_000;

/// Datagrams a second, and how many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_s: u32,
    pub burst: u32,
}

impl Rate {
    fn step_us(self) -> u64 {
        1_000_000 / u64::from(self.per_s.max(1))
    }

    fn depth_us(self) -> u64 {
        self.step_us() * u64::from(self.burst)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// 0: nobody's.
    source: u64,
    full_us: u64,
    known_until_ms: u64,
}

impl Place {
    fn is_free(&self, now_ms: u64) -> bool {
        self.source == 0 || (self.full_us <= now_ms * 1_000 && self.known_until_ms <= now_ms)
    }
}

/// Sets behind one lock: who shares it with another worker waits for some nanoseconds.
const SHARDS: usize = 64;
const SHARD_SETS: usize = SETS / SHARDS;

#[derive(Debug)]
struct Shard {
    places: Vec<Place>,
    /// Of each set, for those without a place.
    shared_full_us: Vec<u64>,
}

/// Buckets of all sources of an edge, whichever worker hears them.
#[derive(Debug)]
pub struct Sources {
    /// Its key keeps strangers from knowing who shares a set with whom.
    state: RandomState,
    shards: Vec<Mutex<Shard>>,
    stranger: Rate,
    known: Rate,
}

impl Sources {
    #[must_use]
    pub fn new(stranger: Rate, known: Rate) -> Self {
        let shard = || Mutex::new(Shard { places: vec![Place::default(); SHARD_SETS * PLACES], shared_full_us: vec![0; SHARD_SETS] });
        Self { state: RandomState::new(), shards: (0..SHARDS).map(|_| shard()).collect(), stranger, known }
    }

    /// Takes tokens, all or none. `false`: this source has sent too much.
    pub fn admit(&self, now_ms: u64, source: IpAddr, tokens: u32) -> bool {
        let source = self.hash(source);
        let mut shard = self.shard(source);
        match shard.place(now_ms, source) {
            Some(place) => {
                let rate = if place.known_until_ms > now_ms { self.known } else { self.stranger };
                take(&mut place.full_us, now_ms, rate, tokens)
            }
            None => take(&mut shard.shared_full_us[set_of(source)], now_ms, self.stranger, tokens),
        }
    }

    /// A call from here was admitted, or a gateway is here: from now on it has the wider bucket. A source without a place stays a stranger.
    pub fn know(&self, now_ms: u64, source: IpAddr) {
        let source = self.hash(source);
        if let Some(place) = self.shard(source).place(now_ms, source) {
            if place.known_until_ms <= now_ms {
                // What it took as a stranger is measured in steps of another length.
                place.full_us = 0;
            }
            place.known_until_ms = now_ms + KNOWN_MS;
        }
    }

    #[must_use]
    pub fn is_known(&self, now_ms: u64, source: IpAddr) -> bool {
        let source = self.hash(source);
        let first = set_of(source) * PLACES;
        self.shard(source).places[first..first + PLACES].iter().any(|place| place.source == source && place.known_until_ms > now_ms)
    }

    fn shard(&self, source: u64) -> MutexGuard<'_, Shard> {
        // A place is assigned as a whole, so that a panic elsewhere leaves none half made.
        self.shards[(source >> 32) as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never 0.
    fn hash(&self, source: IpAddr) -> u64 {
        let bits = match source.to_canonical() {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            // A network of /64: whoever has one address of it has them all. Its upper bits are not 0 as those of IPv4 are.
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        };
        self.state.hash_one(bits).max(1)
    }
}

impl Shard {
    /// Its place, made where there is room.
    fn place(&mut self, now_ms: u64, source: u64) -> Option<&mut Place> {
        let first = set_of(source) * PLACES;
        let set = &mut self.places[first..first + PLACES];
        if let Some(at) = set.iter().position(|place| place.source == source) {
            return set.get_mut(at);
        }
        let at = set.iter().position(|place| place.is_free(now_ms))?;
        set[at] = Place { source, ..Place::default() };
        set.get_mut(at)
    }
}

/// Of its shard, by other bits than those that chose it.
fn set_of(source: u64) -> usize {
    (source % SHARD_SETS as u64) as usize
}

/// Tokens of the bucket that is full again at `full_us`.
fn take(full_us: &mut u64, now_ms: u64, rate: Rate, tokens: u32) -> bool {
    let from_us = (*full_us).max(now_ms * 1_000);
    let next_us = from_us + rate.step_us() * u64::from(tokens);
    let is_there = next_us <= now_ms * 1_000 + rate.depth_us();
    if is_there {
        *full_us = next_us;
    }
    is_there
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const STRANGER: Rate = Rate { per_s: 10, burst: 20 };
    const KNOWN: Rate = Rate { per_s: 1_000, burst: 1_000 };

    fn sources() -> Sources {
        Sources::new(STRANGER, KNOWN)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn admitted(sources: &Sources, now_ms: u64, source: &str, count: usize) -> usize {
        (0..count).filter(|_| sources.admit(now_ms, ip(source), 1)).count()
    }

    #[test]
    fn a_burst_passes_then_the_rate_and_an_idle_source_has_its_burst_again() {
        let sources = sources();
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 100), 20);
        assert_eq!(admitted(&sources, 2_000, "192.0.2.1", 100), 10);
        assert_eq!(admitted(&sources, 2_050, "192.0.2.1", 100), 0);
        assert_eq!(admitted(&sources, 60_000, "192.0.2.1", 100), 20);
        assert_eq!(admitted(&sources, 2_000, "192.0.2.2", 1), 1, "another source has its own");
    }

    #[test]
    fn what_is_dear_takes_more_of_the_bucket_and_is_not_begun_without_all_of_it() {
        let sources = sources();
        let dear = (0..10).filter(|_| sources.admit(1_000, ip("192.0.2.1"), 8)).count();
        assert_eq!(dear, 2);
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 100), 4, "what was refused took nothing");
    }

    #[test]
    fn a_known_source_has_the_wider_bucket_for_its_time() {
        let sources = sources();
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 30), 20);
        sources.know(1_000, ip("192.0.2.1"));
        assert!(admitted(&sources, 3_000, "192.0.2.1", 5_000) >= 1_000);
        assert_eq!(admitted(&sources, 3_000 + KNOWN_MS, "192.0.2.1", 5_000), 20);
    }

    #[test]
    fn who_becomes_known_does_not_wait_for_what_it_took_as_a_stranger() {
        let sources = Sources::new(Rate { per_s: 10, burst: 100 }, Rate { per_s: 1_000, burst: 100 });
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 200), 100);
        sources.know(1_000, ip("192.0.2.1"));
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 200), 100);
        sources.know(1_000, ip("192.0.2.1"));
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 200), 0, "to be known again fills nothing");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_a_mapped_address_is_the_ipv4_one() {
        let sources = sources();
        let spread = (0..100).filter(|host| sources.admit(1_000, ip(&format!("2001:db8::{host:x}")), 1)).count();
        assert_eq!(spread, 20);
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 20) + admitted(&sources, 1_000, "::ffff:192.0.2.1", 20), 20);
    }

    #[test]
    fn a_flood_of_invented_sources_neither_frees_one_that_is_held_back_nor_makes_one_forgotten_that_is_known() {
        let sources = sources();
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 100), 20);
        sources.know(1_000, ip("192.0.2.2"));
        for invented in 0..2_000_000_u32 {
            sources.admit(1_000, IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + invented)), 1);
        }
        assert_eq!(admitted(&sources, 1_000, "192.0.2.1", 100), 0);
        assert!(admitted(&sources, 1_000, "192.0.2.2", 900) >= 900);
        assert_eq!(
            sources.shards.iter().map(|shard| shard.lock().unwrap().places.len()).sum::<usize>(),
            SETS * PLACES,
            "no memory is taken"
        );
    }

    #[test]
    fn over_any_time_no_source_gets_more_than_its_burst_and_its_rate() {
        let sources = sources();
        let mut state = 7_u64;
        let (mut now_ms, mut taken) = (5_000_u64, 0_u64);
        let start_ms = now_ms;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now_ms += (state >> 33) % 40;
            taken += u64::from(sources.admit(now_ms, ip("198.51.100.1"), 1));
            let most = u64::from(STRANGER.burst) + (now_ms - start_ms) * u64::from(STRANGER.per_s) / 1_000 + 1;
            assert!(taken <= most, "{taken} of {most} after {} ms", now_ms - start_ms);
        }
    }
}
