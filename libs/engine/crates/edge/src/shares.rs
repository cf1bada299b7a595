//! Room that tenants share: each may have all that nobody else wants, and beyond the bound whoever has most gives way (max-min fairness).

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// What goes where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivesWay {
    Oldest,
    Newest,
}

#[derive(Debug)]
pub(crate) struct Shares<T> {
    by_tenant: BTreeMap<Arc<str>, Share<T>>,
    size: usize,
    bound: usize,
    gives_way: GivesWay,
    /// Whose turn was last.
    last: Arc<str>,
}

/// One tenant's, oldest first, each with its size.
#[derive(Debug)]
struct Share<T> {
    items: VecDeque<(usize, T)>,
    size: usize,
}

impl<T> Shares<T> {
    /// `bound` of all sizes together.
    pub fn new(bound: usize, gives_way: GivesWay) -> Self {
        Self { by_tenant: BTreeMap::new(), size: 0, bound, gives_way, last: Arc::from("") }
    }

    /// What had to go for it, which may be itself: of the tenant that has most, of equal ones of this one.
    pub fn add(&mut self, tenant: &Arc<str>, size: usize, item: T) -> Vec<T> {
        let share = self.by_tenant.entry(Arc::clone(tenant)).or_insert_with(|| Share { items: VecDeque::new(), size: 0 });
        share.items.push_back((size, item));
        share.size += size;
        self.size += size;
        let mut gone = Vec::new();
        // Ends: each turn takes one.
        while self.size > self.bound {
            let most = self.by_tenant.iter().max_by_key(|(name, share)| (share.size, *name == tenant));
            let Some(name) = most.map(|(name, _)| Arc::clone(name)) else { break };
            gone.extend(self.pop(&name, self.gives_way));
        }
        gone
    }

    /// At most so many, the tenants in turn: of each the oldest, with those directly behind it that are `like` it. The rest stays.
    pub fn take(&mut self, most: usize, like: impl Fn(&T, &T) -> bool) -> Vec<T> {
        let mut taken: Vec<T> = Vec::new();
        while taken.len() < most {
            let after = (Bound::Excluded(Arc::clone(&self.last)), Bound::Unbounded);
            let next = self.by_tenant.range(after).next().or_else(|| self.by_tenant.first_key_value());
            let Some(name) = next.map(|(name, _)| Arc::clone(name)) else { break };
            let first = taken.len();
            while taken.len() < most {
                let Some((_, next)) = self.by_tenant.get(&name).and_then(|share| share.items.front()) else { break };
                if taken.get(first).is_some_and(|one| !like(one, next)) {
                    break;
                }
                taken.extend(self.pop(&name, GivesWay::Oldest));
            }
            self.last = name;
        }
        taken
    }

    /// The oldest of this tenant that is so.
    pub fn remove(&mut self, tenant: &Arc<str>, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let share = self.by_tenant.get_mut(tenant)?;
        let at = share.items.iter().position(|(_, item)| is_it(item))?;
        let (size, item) = share.items.remove(at)?;
        share.size -= size;
        self.size -= size;
        if share.items.is_empty() {
            self.by_tenant.remove(tenant);
        }
        Some(item)
    }

    fn pop(&mut self, tenant: &Arc<str>, end: GivesWay) -> Option<T> {
        let share = self.by_tenant.get_mut(tenant)?;
        let (size, item) = match end {
            GivesWay::Oldest => share.items.pop_front(),
            GivesWay::Newest => share.items.pop_back(),
        }?;
        share.size -= size;
        self.size -= size;
        if share.items.is_empty() {
            self.by_tenant.remove(tenant);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(gives_way: GivesWay, adds: &[(&str, u32)]) -> (Shares<u32>, Vec<u32>) {
        let mut shares = Shares::new(6, gives_way);
        let gone = adds.iter().flat_map(|(tenant, item)| shares.add(&Arc::from(*tenant), 1, *item)).collect();
        (shares, gone)
    }

    fn all(shares: &mut Shares<u32>) -> Vec<u32> {
        let mut all = shares.take(usize::MAX, |_, _| false);
        all.sort_unstable();
        all
    }

    #[test]
    fn one_alone_has_everything_and_gives_way_to_others_until_all_have_as_much() {
        let flood: Vec<_> = (0..8).map(|item| ("flood", item)).collect();
        let (mut shares, gone) = filled(GivesWay::Newest, &flood);
        assert_eq!(gone, [6, 7]);
        assert_eq!(shares.add(&Arc::from("a"), 1, 10), [5]);
        assert_eq!(shares.add(&Arc::from("b"), 1, 20), [4]);
        assert_eq!(shares.add(&Arc::from("a"), 1, 11), [3]);
        assert_eq!(shares.add(&Arc::from("flood"), 1, 9), [9]);
        assert_eq!(shares.add(&Arc::from("b"), 1, 21), [2]);
        // All have two: nobody takes from another.
        assert_eq!(shares.add(&Arc::from("a"), 1, 12), [12]);
        assert_eq!(all(&mut shares), [0, 1, 10, 11, 20, 21]);
        assert!(shares.by_tenant.is_empty() && shares.size == 0);
    }

    #[test]
    fn the_oldest_go_where_the_newest_are_wanted() {
        let flood: Vec<_> = (0..7).map(|item| ("flood", item)).collect();
        let (mut shares, gone) = filled(GivesWay::Oldest, &flood);
        assert_eq!(gone, [0]);
        assert_eq!(shares.add(&Arc::from("a"), 1, 10), [1]);
        assert_eq!(shares.add(&Arc::from("flood"), 1, 7), [2]);
        assert_eq!(all(&mut shares), [3, 4, 5, 6, 7, 10]);
    }

    #[test]
    fn what_is_removed_leaves_its_room_and_the_others_in_order() {
        let (mut shares, _) = filled(GivesWay::Oldest, &[("a", 10), ("a", 11), ("a", 12), ("b", 20)]);
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        assert_eq!((shares.remove(&a, |item| *item == 11), shares.remove(&a, |item| *item == 20)), (Some(11), None));
        assert_eq!((shares.remove(&b, |item| *item == 20), shares.remove(&b, |item| *item == 20)), (Some(20), None));
        assert_eq!((shares.size, shares.by_tenant.len()), (2, 1));
        assert_eq!(shares.take(usize::MAX, |_, _| false), [10, 12]);
    }

    #[test]
    fn sizes_count_and_what_is_larger_than_the_room_is_not_kept() {
        let mut shares = Shares::new(6, GivesWay::Newest);
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        assert_eq!(shares.add(&a, 7, 0), [0]);
        assert_eq!(shares.add(&a, 3, 1), []);
        assert_eq!(shares.add(&a, 2, 2), []);
        assert_eq!(shares.add(&b, 3, 3), [2]);
        assert_eq!((shares.size, all(&mut shares)), (6, vec![1, 3]));
    }

    #[test]
    fn tenants_are_taken_from_in_turn_and_go_on_where_the_last_time_ended() {
        let (mut shares, _) = filled(GivesWay::Newest, &[("a", 10), ("a", 11), ("a", 20), ("b", 30), ("b", 40), ("c", 50)]);
        let like = |one: &u32, other: &u32| one / 10 == other / 10;
        assert_eq!(shares.take(3, like), [10, 11, 30]);
        assert_eq!(shares.take(2, like), [50, 20]);
        assert_eq!(shares.take(2, like), [40]);
        assert_eq!(shares.take(2, like), []);
    }

    #[test]
    fn of_what_belongs_together_the_rest_waits_where_no_more_is_wanted() {
        let (mut shares, _) = filled(GivesWay::Newest, &[("a", 10), ("a", 11), ("b", 20)]);
        let like = |one: &u32, other: &u32| one / 10 == other / 10;
        assert_eq!(shares.take(1, like), [10]);
        assert_eq!(shares.take(0, like), []);
        assert_eq!(shares.take(2, like), [20, 11]);
    }
}
