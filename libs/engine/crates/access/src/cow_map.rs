//! A hash map whose copies are cheap and whose copies stay as they were: a change copies one shard, never the map.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Entries a shard, on average, before the number of shards doubles: copying so many takes some microseconds.
const SHARD_ENTRIES: usize = 256;

type Shards<K, V> = Arc<Vec<Arc<HashMap<K, V>>>>;

#[derive(Clone, Debug)]
pub(crate) struct CowMap<K, V> {
    /// A power of two of them; `None` before the first entry, for most maps of most ACLs never have one.
    shards: Option<Shards<K, V>>,
    hasher: RandomState,
    len: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> CowMap<K, V> {
    pub fn new() -> Self {
        CowMap { shards: None, hasher: RandomState::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let shards = self.shards.as_ref()?;
        shards[self.shard_of(key, shards.len())].get(key)
    }

    /// The entry as the caller may change it, in this copy of the map only.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.shard_with(key)?.get_mut(key)
    }

    /// The value that was replaced.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let count = self.shards.as_ref().map_or(0, |shards| shards.len());
        if self.len >= count * SHARD_ENTRIES {
            self.grow(if count == 0 { 1 } else { 2 * count });
        }
        let shard = self.shard_of(&key, self.shards.as_ref().map_or(1, |shards| shards.len()));
        let shards = Arc::make_mut(self.shards.get_or_insert_with(|| Arc::new(vec![Arc::default()])));
        let old = Arc::make_mut(&mut shards[shard]).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let old = self.shard_with(key)?.remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shards| shards.iter()).flat_map(|shard| shard.iter())
    }

    /// The shard that has the key, as one that may be changed; nothing is copied where none has it.
    fn shard_with<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut HashMap<K, V>>
    where
        K: Borrow<Q>,
    {
        let shards = self.shards.as_ref()?;
        let shard = self.shard_of(key, shards.len());
        if !shards[shard].contains_key(key) {
            return None;
        }
        Some(Arc::make_mut(&mut Arc::make_mut(self.shards.as_mut()?)[shard]))
    }

    fn shard_of<Q: Hash + ?Sized>(&self, key: &Q, count: usize) -> usize {
        // The maps in the shards hash with keys of their own, so these bits are not used twice.
        self.hasher.hash_one(key) as usize & (count - 1)
    }

    fn grow(&mut self, count: usize) {
        let mut shards: Vec<HashMap<K, V>> = (0..count).map(|_| HashMap::new()).collect();
        for (key, value) in self.iter() {
            let shard = self.hasher.hash_one(key) as usize & (count - 1);
            shards[shard].insert(key.clone(), value.clone());
        }
        self.shards = Some(Arc::new(shards.into_iter().map(Arc::new).collect()));
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
        let (before, map) = (before.shards.expect("filled"), map.shards.expect("filled"));
        let copied = before.iter().zip(map.iter()).filter(|(one, other)| !Arc::ptr_eq(one, other)).count();
        assert_eq!(copied, 1);
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
