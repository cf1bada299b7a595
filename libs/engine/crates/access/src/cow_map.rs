//! A hash map whose copies are cheap and whose copies stay as they were: a change copies one shard, never the map.
//!
//! Most maps have few entries (the addresses of an ACL): those stand in one list, and a look-up compares them one by one.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Entries of a list: comparing so many takes no longer than hashing, and a list takes half of what a hash map does.
const FEW_ENTRIES: usize = 32;

/// Entries a shard, on average, before the number of shards doubles: copying so many takes some microseconds.
const SHARD_ENTRIES: usize = 256;

#[derive(Clone, Debug)]
pub(crate) enum CowMap<K, V> {
    /// At most [`FEW_ENTRIES`], each key once, in no order; `None` is one without a single entry, as most maps of most ACLs are.
    Few(Option<Arc<Vec<(K, V)>>>),
    Many(Arc<Shards<K, V>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Shards<K, V> {
    hasher: RandomState,
    /// A power of two of them.
    maps: Vec<Arc<HashMap<K, V>>>,
    len: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> CowMap<K, V> {
    pub fn new() -> Self {
        CowMap::Few(None)
    }

    pub fn len(&self) -> usize {
        match self {
            CowMap::Few(list) => list.as_ref().map_or(0, |list| list.len()),
            CowMap::Many(shards) => shards.len,
        }
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match self {
            CowMap::Few(list) => list.as_ref()?.iter().find(|(other, _)| other.borrow() == key).map(|(_, value)| value),
            CowMap::Many(shards) => shards.maps[shards.at(key)].get(key),
        }
    }

    /// The entry as the caller may change it, in this copy of the map only; nothing is copied where there is none.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match self {
            CowMap::Few(list) => {
                let list = list.as_mut()?;
                let at = list.iter().position(|(other, _)| other.borrow() == key)?;
                Some(&mut Arc::make_mut(list)[at].1)
            }
            CowMap::Many(shards) => {
                let at = shards.at_present(key)?;
                Arc::make_mut(&mut Arc::make_mut(shards).maps[at]).get_mut(key)
            }
        }
    }

    /// The value that was replaced.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self {
            CowMap::Few(list) => {
                let list = Arc::make_mut(list.get_or_insert_default());
                if let Some((_, old)) = list.iter_mut().find(|(other, _)| *other == key) {
                    return Some(std::mem::replace(old, value));
                }
                if list.len() < FEW_ENTRIES {
                    // Exactly: the lists of many ACLs would otherwise be half empty.
                    list.reserve_exact(1);
                    list.push((key, value));
                } else {
                    let mut shards = Shards::of(std::mem::take(list));
                    shards.insert(key, value);
                    *self = CowMap::Many(Arc::new(shards));
                }
                None
            }
            CowMap::Many(shards) => Arc::make_mut(shards).insert(key, value),
        }
    }

    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        match self {
            CowMap::Few(entries) => {
                let list = entries.as_mut()?;
                let at = list.iter().position(|(other, _)| other.borrow() == key)?;
                let list = Arc::make_mut(list);
                let (_, value) = list.swap_remove(at);
                if list.is_empty() {
                    *entries = None;
                }
                Some(value)
            }
            CowMap::Many(shards) => {
                let at = shards.at_present(key)?;
                let shards = Arc::make_mut(shards);
                shards.len -= 1;
                Arc::make_mut(&mut shards.maps[at]).remove(key)
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match self {
            CowMap::Few(list) => (list.as_ref(), None),
            CowMap::Many(shards) => (None, Some(shards)),
        };
        let few = few.into_iter().flat_map(|list| list.iter().map(|(key, value)| (key, value)));
        few.chain(many.into_iter().flat_map(|shards| shards.iter()))
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Shards<K, V> {
    /// One shard; each key is there once.
    fn of(entries: Vec<(K, V)>) -> Self {
        let len = entries.len();
        Shards { hasher: RandomState::new(), maps: vec![Arc::new(entries.into_iter().collect())], len }
    }

    /// Which shard the key belongs to.
    fn at<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The maps in the shards hash with keys of their own, so these bits are not used twice.
        self.hasher.hash_one(key) as usize & (self.maps.len() - 1)
    }

    /// The shard that has the key.
    fn at_present<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let at = self.at(key);
        self.maps[at].contains_key(key).then_some(at)
    }

    fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.len >= self.maps.len() * SHARD_ENTRIES {
            self.grow();
        }
        let at = self.at(&key);
        let old = Arc::make_mut(&mut self.maps[at]).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.maps.iter().flat_map(|map| map.iter())
    }

    /// To twice as many shards.
    fn grow(&mut self) {
        let count = 2 * self.maps.len();
        let mut maps: Vec<HashMap<K, V>> = (0..count).map(|_| HashMap::new()).collect();
        for (key, value) in self.iter() {
            let at = self.hasher.hash_one(key) as usize & (count - 1);
            maps[at].insert(key.clone(), value.clone());
        }
        self.maps = maps.into_iter().map(Arc::new).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_does_not_see_what_is_changed_afterwards() {
        let mut map = CowMap::new();
        for number in 0..10_000_u32 {
            assert_eq!(map.insert(number, number), None);
        }
        let before = map.clone();
        assert_eq!(map.insert(7, 70), Some(7));
        assert_eq!(map.remove(&8), Some(8));
        *map.get_mut(&9).expect("inserted above") = 90;
        assert_eq!((before.get(&7), before.get(&8), before.get(&9), before.len()), (Some(&7), Some(&8), Some(&9), 10_000));
        assert_eq!((map.get(&7), map.get(&8), map.get(&9), map.len()), (Some(&70), None, Some(&90), 9_999));
        assert_eq!(map.iter().count(), 9_999);
    }

    #[test]
    fn a_change_copies_one_shard_only() {
        let mut map = CowMap::new();
        for number in 0..10_000_u32 {
            map.insert(number, ());
        }
        let before = map.clone();
        map.remove(&1);
        let (CowMap::Many(before), CowMap::Many(map)) = (before, map) else { panic!("10,000 entries are no list") };
        let copied = before.maps.iter().zip(map.maps.iter()).filter(|(one, other)| !Arc::ptr_eq(one, other)).count();
        assert_eq!(copied, 1);
    }

    #[test]
    fn a_list_and_a_map_of_more_answer_alike() {
        let mut map = CowMap::new();
        for number in 0..3 * FEW_ENTRIES {
            let before = map.clone();
            assert_eq!(map.insert(number, number), None);
            assert_eq!((before.get(&number), before.len()), (None, number));
            assert_eq!((map.insert(number, number + 1), map.len()), (Some(number), number + 1));
            *map.get_mut(&0).expect("inserted first") += 1;
            assert_eq!((0..=number).filter(|key| map.get(key).is_some()).count(), number + 1);
            assert_eq!((before.iter().count(), map.iter().count()), (number, number + 1));
        }
        for number in 0..3 * FEW_ENTRIES {
            let before = map.clone();
            assert!(map.remove(&number).is_some() && map.remove(&number).is_none());
            assert!(before.get(&number).is_some() && map.get(&number).is_none());
        }
        assert_eq!((map.len(), map.iter().count()), (0, 0));
    }

    #[test]
    fn a_list_is_shared_until_it_is_changed() {
        let mut map = CowMap::new();
        for number in [1, 2, 3] {
            map.insert(number, ());
        }
        let before = map.clone();
        assert_eq!((map.remove(&2), map.get(&3)), (Some(()), Some(&())));
        assert_eq!((before.get(&2), before.len(), map.len()), (Some(&()), 3, 2));
    }

    #[test]
    fn an_empty_map_has_nothing_and_can_be_asked_for_everything() {
        let mut map: CowMap<u32, u32> = CowMap::new();
        assert_eq!(map.len(), 0);
        assert_eq!(map.get_mut(&1), None);
        assert_eq!(map.remove(&1), None);
        assert_eq!(map.get(&1), None);
        assert_eq!(map.iter().count(), 0);
        map.insert(1, 2);
        assert_eq!((map.remove(&1), map.len(), map.iter().count()), (Some(2), 0, 0));
    }
}
