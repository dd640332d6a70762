//! The map.

use alloc::vec::{self, Vec};
use core::borrow::Borrow;
use core::fmt;
use core::iter;
use core::mem;
use core::slice;

/// A map in the order of its keys.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedMap<K, V> {
    items: Vec<(K, V)>,
}

/// The place of a key.
pub struct Entry<'a, K, V> {
    items: &'a mut Vec<(K, V)>,
    key: K,
    place: Result<usize, usize>,
}

// === impl SortedMap ===

impl<K, V> SortedMap<K, V> {
    /// Without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True without entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Entries in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.items.iter())
    }

    /// Entries in order.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.items.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.items.iter().map(|(key, _)| key)
    }

    /// Values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.items.iter().map(|(_, value)| value)
    }

    /// Values in the order of their keys.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.items.iter_mut().map(|(_, value)| value)
    }

    /// Values in the order of their keys.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.items.into_iter().map(|(_, value)| value)
    }

    /// Keeps the entries for which this is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.items.retain_mut(|(key, value)| keep(key, value));
    }

    /// The first entry.
    #[must_use]
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// Takes the first entry.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.is_empty() { None } else { Some(self.items.remove(0)) }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.items.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &self.items[at].1)
    }

    /// The value of a key, with the key that is held.
    #[must_use]
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| (&self.items[at].0, &self.items[at].1))
    }

    /// The value of a key.
    #[must_use]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &mut self.items[at].1)
    }

    /// True if the key has a value.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of a key; the value before, if it had one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(mem::replace(&mut self.items[at].1, value)),
            Err(at) => {
                self.items.insert(at, (key, value));
                None
            }
        }
    }

    /// Removes a key; the value that it had.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| self.items.remove(at).1)
    }

    /// The place of a key, to be looked at or filled.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let place = self.find(&key);
        Entry { items: &mut self.items, key, place }
    }

    /// The first entry whose key is this one or behind it.
    #[must_use]
    pub fn at_or_after<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (Ok(at) | Err(at)) = self.find(key);
        self.items.get(at).map(|(key, value)| (key, value))
    }
}

// === impl Entry ===

impl<'a, K, V> Entry<'a, K, V> {
    /// True if the key has no value.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.place.is_err()
    }

    /// The value, made now if there is none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let at = match self.place {
            Ok(at) => at,
            Err(at) => {
                self.items.insert(at, (self.key, make()));
                at
            }
        };
        &mut self.items[at].1
    }

    /// The value, the default one if there is none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<K, V> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("place", &self.place).finish_non_exhaustive()
    }
}

// === traits of SortedMap ===

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, items: I) {
        for (key, value) in items {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        let mut map = Self::new();
        map.extend(items);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(items: [(K, V); N]) -> Self {
        items.into_iter().collect()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut SortedMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = iter::Map<slice::IterMut<'a, (K, V)>, fn(&'a mut (K, V)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter_mut().map(|(key, value)| (&*key, value))
    }
}

/// Entries in order.
#[derive(Debug)]
pub struct Iter<'a, K, V>(slice::Iter<'a, (K, V)>);

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key, value))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::SortedMap;

    proptest! {
        #[test]
        fn a_map_is_what_the_standard_map_is(steps: Vec<(u8, u8, u16)>) {
            let (mut ours, mut standard) = (SortedMap::new(), BTreeMap::new());
            for (step, key, value) in steps {
                let key = key % 16;
                match step % 8 {
                    0..3 => prop_assert_eq!(ours.insert(key, value), standard.insert(key, value)),
                    3 => prop_assert_eq!(ours.remove(&key), standard.remove(&key)),
                    4 => {
                        prop_assert_eq!(ours.entry(key).is_vacant(), !standard.contains_key(&key));
                        let one = ours.entry(key).or_default();
                        let two = standard.entry(key).or_default();
                        (*one, *two) = (one.wrapping_add(value), two.wrapping_add(value));
                    }
                    5 => {
                        ours.retain(|key, value| u16::from(*key) > *value % 16);
                        standard.retain(|key, value| u16::from(*key) > *value % 16);
                    }
                    6 => prop_assert_eq!(ours.pop_first(), standard.pop_first()),
                    _ => {
                        ours.extend([(key, value), (key + 1, value), (key, 7)]);
                        standard.extend([(key, value), (key + 1, value), (key, 7)]);
                    }
                }
                prop_assert_eq!(ours.get(&key), standard.get(&key));
                prop_assert_eq!(ours.get_key_value(&key), standard.get_key_value(&key));
                prop_assert_eq!(ours.get_mut(&key), standard.get_mut(&key));
                prop_assert_eq!(ours.contains_key(&key), standard.contains_key(&key));
                prop_assert_eq!(ours.first_key_value(), standard.first_key_value());
                prop_assert_eq!(ours.at_or_after(&key), standard.range(key..).next());
                prop_assert_eq!(ours.len(), standard.len());
                prop_assert!(ours.iter().eq(&standard));
                prop_assert!(ours.iter().rev().eq(standard.iter().rev()));
                prop_assert!(ours.iter_mut().eq(standard.iter_mut()));
                prop_assert!((&mut ours).into_iter().eq(&mut standard));
                prop_assert!(ours.keys().eq(standard.keys()));
                prop_assert!(ours.values().eq(standard.values()));
                prop_assert_eq!(format!("{ours:?}"), format!("{standard:?}"));
                prop_assert!(ours.clone().into_iter().eq(standard.clone()));
                prop_assert_eq!(&ours, &standard.clone().into_iter().collect());
            }
        }
    }
}
