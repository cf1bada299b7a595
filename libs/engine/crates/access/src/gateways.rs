//! Gateways by their id, by their address, and by their IP alone.

use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::cow_map::CowMap;
use crate::tables::Gateway;

type Ids = Arc<Vec<Arc<str>>>;

/// Cheap to copy, as the snapshot that it is a part of.
#[derive(Clone, Debug)]
pub(crate) struct Gateways {
    by_id: CowMap<Arc<str>, Arc<Gateway>>,
    /// Ids of the gateways of an address, sorted.
    by_address: CowMap<SocketAddr, Ids>,
    /// The same whatever the port: requests of a carrier need not come from the port that it is called at (RFC 3261 §18.1.1).
    by_ip: CowMap<IpAddr, Ids>,
}

impl Gateways {
    pub fn new() -> Self {
        Self { by_id: CowMap::new(), by_address: CowMap::new(), by_ip: CowMap::new() }
    }

    pub fn get(&self, gateway: &str) -> Option<&Arc<Gateway>> {
        self.by_id.get(gateway)
    }

    /// Empty where there is none.
    pub fn at(&self, address: SocketAddr) -> &[Arc<str>] {
        self.by_address.get(&address).map_or(&[], |ids| ids.as_slice())
    }

    /// Whether some carrier has a gateway on both.
    pub fn are_of_one_carrier(&self, one: IpAddr, other: IpAddr) -> bool {
        self.carriers_on(one).any(|carrier| self.has_carrier_on(carrier, other))
    }

    /// Whether this carrier has a gateway there.
    pub fn has_carrier_on(&self, carrier: &str, ip: IpAddr) -> bool {
        self.carriers_on(ip).any(|known| known == carrier)
    }

    fn carriers_on(&self, ip: IpAddr) -> impl Iterator<Item = &str> {
        let ids = self.by_ip.get(&ip).map_or(&[][..], |ids| ids.as_slice());
        ids.iter().filter_map(|id| self.by_id.get(id)).map(|gateway| gateway.carrier.as_str())
    }

    pub fn set(&mut self, gateway: String, entry: Gateway) {
        self.remove(&gateway);
        let id: Arc<str> = Arc::from(gateway);
        add(&mut self.by_address, entry.address, &id);
        add(&mut self.by_ip, entry.address.ip().to_canonical(), &id);
        self.by_id.insert(id, Arc::new(entry));
    }

    pub fn remove(&mut self, gateway: &str) {
        if let Some(entry) = self.by_id.remove(gateway) {
            drop_id(&mut self.by_address, &entry.address, gateway);
            drop_id(&mut self.by_ip, &entry.address.ip().to_canonical(), gateway);
        }
    }
}

fn add<K: Copy + Eq + Hash>(index: &mut CowMap<K, Ids>, key: K, id: &Arc<str>) {
    let mut ids = index.get(&key).map_or_else(Vec::new, |ids| ids.to_vec());
    if let Err(at) = ids.binary_search(id) {
        ids.insert(at, Arc::clone(id));
    }
    index.insert(key, Arc::new(ids));
}

fn drop_id<K: Copy + Eq + Hash>(index: &mut CowMap<K, Ids>, key: &K, id: &str) {
    let mut ids = index.get(key).map_or_else(Vec::new, |ids| ids.to_vec());
    ids.retain(|known| **known != *id);
    if ids.is_empty() {
        index.remove(key);
    } else {
        index.insert(*key, Arc::new(ids));
    }
}
