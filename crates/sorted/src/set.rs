//! The set.

use alloc::vec::{self, Vec};
use core::borrow::Borrow;
use core::fmt;
use core::slice;

/// A set in order.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedSet<T> {
    items: Vec<T>,
}

// === impl SortedSet ===

impl<T> SortedSet<T> {
    /// Without members.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True without members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Removes all members.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Members in order.
    pub fn iter(&self) -> slice::Iter<'_, T> {
        self.items.iter()
    }

    /// The first member.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.items.first()
    }

    /// The last member.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.items.last()
    }

    /// Takes the first member.
    pub fn pop_first(&mut self) -> Option<T> {
        if self.is_empty() { None } else { Some(self.items.remove(0)) }
    }

    /// Keeps the members for which this is true.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.items.retain(keep);
    }
}

impl<T: Ord> SortedSet<T> {
    fn find<Q: Ord + ?Sized>(&self, item: &Q) -> Result<usize, usize>
    where
        T: Borrow<Q>,
    {
        self.items.binary_search_by(|known| known.borrow().cmp(item))
    }

    /// True for a member.
    #[must_use]
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.find(item).is_ok()
    }

    /// The member that equals this.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, item: &Q) -> Option<&T>
    where
        T: Borrow<Q>,
    {
        self.find(item).ok().map(|at| &self.items[at])
    }

    /// Adds a member; false if there was one like it, which stays.
    pub fn insert(&mut self, item: T) -> bool {
        let found = self.find(&item);
        if let Err(at) = found {
            self.items.insert(at, item);
        }
        found.is_err()
    }

    /// Removes a member; false if there was none.
    pub fn remove<Q: Ord + ?Sized>(&mut self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        let found = self.find(item);
        if let Ok(at) = found {
            self.items.remove(at);
        }
        found.is_ok()
    }
}

// === traits of SortedSet ===

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SortedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<T: Ord> Extend<T> for SortedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.insert(item);
        }
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut set = Self::new();
        set.extend(items);
        set
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for SortedSet<T> {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a SortedSet<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::SortedSet;

    proptest! {
        #[test]
        fn a_set_is_what_the_standard_set_is(steps: Vec<(u8, u8)>) {
            let (mut ours, mut standard) = (SortedSet::new(), BTreeSet::new());
            for (step, item) in steps {
                let item = item % 16;
                match step % 6 {
                    0..3 => prop_assert_eq!(ours.insert(item), standard.insert(item)),
                    3 => prop_assert_eq!(ours.remove(&item), standard.remove(&item)),
                    4 => {
                        ours.retain(|one| one % 3 != item % 3);
                        standard.retain(|one| one % 3 != item % 3);
                    }
                    _ => prop_assert_eq!(ours.pop_first(), standard.pop_first()),
                }
                prop_assert_eq!(ours.contains(&item), standard.contains(&item));
                prop_assert_eq!(ours.get(&item), standard.get(&item));
                prop_assert_eq!(ours.first(), standard.first());
                prop_assert_eq!(ours.last(), standard.last());
                prop_assert_eq!(ours.len(), standard.len());
                prop_assert!(ours.iter().eq(&standard));
                prop_assert_eq!(format!("{ours:?}"), format!("{standard:?}"));
                prop_assert!(ours.clone().into_iter().eq(standard.clone()));
                prop_assert_eq!(&ours, &standard.clone().into_iter().collect());
            }
        }
    }
}
