//! Slots with generations: a key of something that is gone finds nothing, even when its slot is used again.

use std::fmt::Debug;

/// Where an entry stands. Ordered and hashed as a value, never as a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub slot: u32,
    pub generation: u32,
}

impl Key {
    /// Finds nothing in any slab.
    pub const NOWHERE: Self = Self { slot: u32::MAX, generation: u32::MAX };
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Slots of one chunk.
const CHUNK: usize = 1024;

/// Grows to the most entries that ever lived at once; the owner bounds that. Chunk by chunk, so that nothing is moved when it grows: a copy
/// of all that a busy edge holds would hold up every call.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Slot<T>>>,
    len: usize,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub fn new() -> Self {
        Self { chunks: Vec::new(), len: 0, free: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.len - self.free.len()
    }

    fn slot(&self, slot: u32) -> Option<&Slot<T>> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        self.chunks.get_mut(slot as usize / CHUNK)?.get_mut(slot as usize % CHUNK)
    }

    /// The key that the next `insert` gives: branches carry it before the entry exists.
    pub fn next_key(&self) -> Key {
        match self.free.last() {
            Some(slot) => Key { slot: *slot, generation: self.slot(*slot).map_or(0, |slot| slot.generation) },
            None => Key { slot: self.len as u32, generation: 0 },
        }
    }

    pub fn insert(&mut self, value: T) -> Key {
        let key = self.next_key();
        match self.free.pop() {
            Some(slot) => {
                if let Some(slot) = self.slot_mut(slot) {
                    slot.value = Some(value);
                }
            }
            None => {
                if self.len.is_multiple_of(CHUNK) {
                    self.chunks.push(Vec::with_capacity(CHUNK));
                }
                if let Some(chunk) = self.chunks.last_mut() {
                    chunk.push(Slot { generation: 0, value: Some(value) });
                }
                self.len += 1;
            }
        }
        key
    }

    pub fn get(&self, key: Key) -> Option<&T> {
        let slot = self.slot(key.slot)?;
        slot.value.as_ref().filter(|_| slot.generation == key.generation)
    }

    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slot_mut(key.slot)?;
        slot.value.as_mut().filter(|_| slot.generation == key.generation)
    }

    pub fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slot_mut(key.slot).filter(|slot| slot.generation == key.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.slot);
        Some(value)
    }

    /// Slots from this one on, with what stands in them.
    pub fn slots_from(&self, from: usize) -> impl Iterator<Item = (usize, Option<&T>)> {
        (from..self.len).map(|slot| (slot, self.slot(slot as u32).and_then(|slot| slot.value.as_ref())))
    }

    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten().filter_map(|slot| slot.value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_several_chunks_are_found_and_their_slots_used_again() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..2 * CHUNK + 5).map(|value| slab.insert(value)).collect();
        assert!(keys.iter().enumerate().all(|(value, key)| slab.get(*key) == Some(&value)));
        assert_eq!((slab.len(), slab.values().count()), (2 * CHUNK + 5, 2 * CHUNK + 5));
        for key in &keys {
            slab.remove(*key);
        }
        assert_eq!((slab.len(), slab.values().count()), (0, 0));
        let again = slab.insert(7);
        let found: Vec<(usize, &usize)> = slab.slots_from(0).filter_map(|(slot, value)| Some((slot, value?))).collect();
        assert_eq!(found, [(again.slot as usize, &7)]);
        assert_eq!(slab.slots_from(CHUNK + 2).count(), CHUNK + 3);
        assert_eq!(slab.slots_from(2 * CHUNK + 5).next(), None);
        assert!(keys.iter().any(|key| key.slot == again.slot && key.generation != again.generation));
    }

    #[test]
    fn a_key_of_a_removed_entry_finds_nothing_in_the_reused_slot() {
        let mut slab = Slab::new();
        let first = slab.insert(1);
        assert_eq!(slab.remove(first), Some(1));
        let expected = slab.next_key();
        let second = slab.insert(10);
        assert_eq!(second, expected);
        assert_eq!((first.slot, slab.get(first), slab.get(second)), (second.slot, None, Some(&10)));
        assert_eq!((slab.remove(first), slab.len()), (None, 1));
    }
}
