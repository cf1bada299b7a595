//! Address prefixes, and the longest one of an ACL that covers a source.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::cow_map::CowMap;

/// A single address or a CIDR range, host bits zero. A v4-mapped IPv6 address or range is its IPv4 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    network: IpAddr,
    len: u8,
}

impl Prefix {
    /// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. The error says what is wrong, without the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (address, len) = match text.split_once('/') {
            None => (text, None),
            Some((address, len)) => (address, Some(len)),
        };
        let address: IpAddr = address.parse().map_err(|_| "it is no IPv4 or IPv6 address")?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let len = match len {
            None => most,
            Some("") => return Err("its prefix length is no number"),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0')) => {
                digits.parse().ok().filter(|len| *len <= most).ok_or("its prefix is longer than the address")?
            }
            Some(_) => return Err("its prefix length is no number"),
        };
        let prefix = match address {
            IpAddr::V6(v6) if len >= 96 => match v6.to_ipv4_mapped() {
                Some(v4) => Prefix { network: IpAddr::V4(v4), len: len - 96 },
                None => Prefix { network: address, len },
            },
            _ => Prefix { network: address, len },
        };
        if mask(prefix.network, prefix.len) != prefix.network {
            return Err("bits behind its prefix are not zero");
        }
        Ok(prefix)
    }

    /// Of a company, not of a part of the Internet: at least /16, or /32 of IPv6.
    pub(crate) fn is_narrow(&self) -> bool {
        self.len >= if self.network.is_ipv4() { NARROW_V4 } else { NARROW_V6 }
    }

    /// `source` is canonical.
    pub(crate) fn covers(&self, source: IpAddr) -> bool {
        self.common_bits(source) == Some(self.len)
    }

    /// How many leading bits `source` shares with the network; `None` for the other family.
    fn common_bits(&self, source: IpAddr) -> Option<u8> {
        let bits = match (self.network, source) {
            (IpAddr::V4(network), IpAddr::V4(source)) => (network.to_bits() ^ source.to_bits()).leading_zeros(),
            (IpAddr::V6(network), IpAddr::V6(source)) => (network.to_bits() ^ source.to_bits()).leading_zeros(),
            _ => return None,
        };
        // At most 128.
        Some((bits as u8).min(self.len))
    }
}

const NARROW_V4: u8 = 16;
const NARROW_V6: u8 = 32;

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.len)
    }
}

/// The source as it is looked up: a v4-mapped IPv6 address is IPv4.
pub fn canonical_source(source: IpAddr) -> IpAddr {
    source.to_canonical()
}

fn mask(address: IpAddr, len: u8) -> IpAddr {
    let len = u32::from(len);
    match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(32 - len).unwrap_or(0))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(128 - len).unwrap_or(0))),
    }
}

/// What stands beside a prefix: the caller id, empty where there is none.
pub(crate) type CallerId = Option<Arc<str>>;

/// A map per family, keyed by masked network and length, and how many prefixes of each length there are: a look-up tries only the
/// lengths that occur, longest first.
#[derive(Clone, Debug)]
pub(crate) struct PrefixTable<V> {
    v4: CowMap<(u32, u8), V>,
    v6: CowMap<(u128, u8), V>,
    /// Sorted, longest first; (length, how many).
    v4_lengths: Vec<(u8, u32)>,
    v6_lengths: Vec<(u8, u32)>,
}

/// Entries that the search for the nearest looks at; above it nothing is named, so that a flood of refusals costs nothing.
const NEAREST_ENTRIES: usize = 256;

impl<V: Clone> PrefixTable<V> {
    pub fn new() -> Self {
        PrefixTable { v4: CowMap::new(), v6: CowMap::new(), v4_lengths: Vec::new(), v6_lengths: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// The value that was replaced.
    pub fn insert(&mut self, prefix: Prefix, value: V) -> Option<V> {
        let (old, lengths) = match prefix.network {
            IpAddr::V4(v4) => (self.v4.insert((v4.to_bits(), prefix.len), value), &mut self.v4_lengths),
            IpAddr::V6(v6) => (self.v6.insert((v6.to_bits(), prefix.len), value), &mut self.v6_lengths),
        };
        if old.is_none() {
            count_up(lengths, prefix.len);
        }
        old
    }

    pub fn remove(&mut self, prefix: Prefix) {
        match prefix.network {
            IpAddr::V4(v4) => {
                if self.v4.remove(&(v4.to_bits(), prefix.len)).is_some() {
                    count_down(&mut self.v4_lengths, prefix.len);
                }
            }
            IpAddr::V6(v6) => {
                if self.v6.remove(&(v6.to_bits(), prefix.len)).is_some() {
                    count_down(&mut self.v6_lengths, prefix.len);
                }
            }
        }
    }

    /// In no order.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix> + '_ {
        let v4 = self.v4.iter().map(|((bits, len), _)| Prefix { network: IpAddr::V4(Ipv4Addr::from_bits(*bits)), len: *len });
        let v6 = self.v6.iter().map(|((bits, len), _)| Prefix { network: IpAddr::V6(Ipv6Addr::from_bits(*bits)), len: *len });
        v4.chain(v6)
    }

    /// The value of exactly this prefix.
    pub fn get(&self, prefix: Prefix) -> Option<&V> {
        match prefix.network {
            IpAddr::V4(v4) => self.v4.get(&(v4.to_bits(), prefix.len)),
            IpAddr::V6(v6) => self.v6.get(&(v6.to_bits(), prefix.len)),
        }
    }

    /// The longest prefix that covers `source`, which is canonical.
    pub fn find(&self, source: IpAddr) -> Option<(Prefix, &V)> {
        let lengths = if source.is_ipv4() { &self.v4_lengths } else { &self.v6_lengths };
        lengths.iter().find_map(|(len, _)| {
            let network = mask(source, *len);
            let value = match network {
                IpAddr::V4(v4) => self.v4.get(&(v4.to_bits(), *len)),
                IpAddr::V6(v6) => self.v6.get(&(v6.to_bits(), *len)),
            };
            value.map(|value| (Prefix { network, len: *len }, value))
        })
    }

    /// The entry that shares most leading bits with `source`, and how many; `None` for a table of more than 256.
    pub fn nearest(&self, source: IpAddr) -> Option<(u8, Prefix)> {
        if self.len() > NEAREST_ENTRIES {
            return None;
        }
        self.prefixes()
            .filter_map(|prefix| prefix.common_bits(source).map(|bits| (bits, prefix)))
            // The text decides between equals, so that the answer does not depend on the order of a hash map.
            .max_by(|one, other| one.0.cmp(&other.0).then_with(|| other.1.to_string().cmp(&one.1.to_string())))
    }
}

fn count_up(lengths: &mut Vec<(u8, u32)>, len: u8) {
    match lengths.binary_search_by(|(other, _)| len.cmp(other)) {
        Ok(at) => lengths[at].1 += 1,
        Err(at) => lengths.insert(at, (len, 1)),
    }
}

fn count_down(lengths: &mut Vec<(u8, u32)>, len: u8) {
    if let Ok(at) = lengths.binary_search_by(|(other, _)| len.cmp(other)) {
        lengths[at].1 -= 1;
        if lengths[at].1 == 0 {
            lengths.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(prefixes: &[&str]) -> PrefixTable<CallerId> {
        let mut table = PrefixTable::new();
        for prefix in prefixes {
            table.insert(Prefix::parse(prefix).expect(prefix), None);
        }
        table
    }

    fn found(table: &PrefixTable<CallerId>, source: &str) -> Option<String> {
        table.find(canonical_source(source.parse().expect(source))).map(|(prefix, _)| prefix.to_string())
    }

    #[test]
    fn the_longest_prefix_wins_and_its_edges_are_exact() {
        let table = table(&["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32", "2001:db8::1"]);
        for (source, prefix) in [
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("10.1.2.4", Some("10.1.0.0/16")),
            ("10.2.0.0", Some("10.0.0.0/8")),
            ("10.255.255.255", Some("10.0.0.0/8")),
            ("9.255.255.255", None),
            ("11.0.0.0", None),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:db8::/32")),
            ("2001:db9::", None),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
        ] {
            assert_eq!(found(&table, source).as_deref(), prefix, "{source}");
        }
    }

    #[test]
    fn everybody_of_one_family_is_not_everybody_of_the_other() {
        assert_eq!(found(&table(&["::/0"]), "192.0.2.1"), None);
        assert_eq!(found(&table(&["0.0.0.0/0"]), "192.0.2.1").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(found(&table(&["0.0.0.0/0"]), "2001:db8::1"), None);
        assert_eq!(found(&table(&["::/0"]), "2001:db8::1").as_deref(), Some("::/0"));
    }

    #[test]
    fn a_removed_prefix_covers_nothing_and_the_next_longest_does() {
        let mut table = table(&["10.0.0.0/8", "10.1.0.0/16"]);
        table.remove(Prefix::parse("10.1.0.0/16").expect("valid"));
        assert_eq!(found(&table, "10.1.2.3").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(table.v4_lengths, [(8, 1)]);
    }

    #[test]
    fn what_is_no_prefix_is_refused_with_the_reason() {
        for (text, what) in [
            ("10.0.0.1/8", "not zero"),
            ("10.0.0.0/33", "longer"),
            ("10.0.0.0/+8", "no number"),
            ("10.0.0.0/08", "no number"),
            ("10.0.0.0/", "no number"),
            ("10.0.0", "no IPv4"),
            ("2001:db8::1/32", "not zero"),
            ("", "no IPv4"),
        ] {
            let error = Prefix::parse(text).expect_err(text);
            assert!(error.contains(what), "{text}: {error}");
        }
        assert_eq!(Prefix::parse("::ffff:192.0.2.0/120").map(|prefix| prefix.to_string()).as_deref(), Ok("192.0.2.0/24"));
    }

    #[test]
    fn the_nearest_entry_shares_most_bits() {
        let table = table(&["192.0.2.0/25", "198.51.100.0/24", "2001:db8::/32"]);
        let nearest = |source: &str| table.nearest(source.parse().expect(source)).map(|(_, prefix)| prefix.to_string());
        assert_eq!(nearest("192.0.2.129").as_deref(), Some("192.0.2.0/25"));
        assert_eq!(nearest("198.51.101.1").as_deref(), Some("198.51.100.0/24"));
        assert_eq!(nearest("2001:db9::1").as_deref(), Some("2001:db8::/32"));
    }
}
