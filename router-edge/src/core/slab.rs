//! Tables with stable, reused places, indexed by typed ids.

use std::marker::PhantomData;

use iofog_amqp_engine::{room_for_more, room_to_keep};

/// An id that is a place in a [`Slab`].
pub(crate) trait Id: Copy {
    fn from_index(index: u32) -> Self;
    fn index(self) -> usize;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $visibility:vis $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $visibility struct $name(u32);

        impl Id for $name {
            fn from_index(index: u32) -> Self {
                Self(index)
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }
        )*
    };
}

ids! {
    /// A connection of the router.
    pub ConnId;
    /// A link of any connection.
    pub(crate) LinkKey;
    /// An address of the table.
    pub(crate) AddressKey;
    /// A delivery on its way.
    pub(crate) DeliveryId;
}

impl ConnId {
    /// The number itself.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl DeliveryId {
    /// As the engine carries it.
    pub(crate) fn token(self) -> iofog_amqp_engine::Token {
        iofog_amqp_engine::Token(self.0 + 1)
    }

    /// Back from the engine; 0 = none was set.
    pub(crate) fn from_token(token: iofog_amqp_engine::Token) -> Option<Self> {
        token.0.checked_sub(1).map(Self)
    }
}

/// Values at stable places.
#[derive(Debug, Clone)]
pub(crate) struct Slab<K, T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
    key: PhantomData<K>,
}

impl<K: Id, T> Slab<K, T> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new(), key: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The key that the next value gets.
    #[inline]
    pub(crate) fn next_key(&self) -> K {
        let next = self.free.last().copied();
        K::from_index(next.unwrap_or_else(|| u32::try_from(self.places.len()).unwrap_or(u32::MAX)))
    }

    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> K {
        if let Some(index) = self.free.pop() {
            if let Some(place) = self.places.get_mut(index as usize) {
                *place = Some(value);
            }
            return K::from_index(index);
        }
        if self.places.len() == self.places.capacity() {
            let more = room_for_more(self.places.len(), size_of::<Option<T>>());
            self.places.reserve_exact(more);
        }
        self.places.push(Some(value));
        K::from_index(u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX))
    }

    #[inline]
    pub(crate) fn get(&self, key: K) -> Option<&T> {
        self.places.get(key.index())?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.places.get_mut(key.index())?.as_mut()
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<T> {
        let value = self.places.get_mut(key.index())?.take()?;
        self.free.push(u32::try_from(key.index()).unwrap_or(u32::MAX));
        Some(value)
    }

    /// Drops a value where it is: large ones are not moved out first.
    #[inline]
    pub(crate) fn discard(&mut self, key: K) {
        if let Some(place) = self.places.get_mut(key.index()).filter(|place| place.is_some()) {
            *place = None;
            self.free.push(u32::try_from(key.index()).unwrap_or(u32::MAX));
        }
    }

    /// Gives back the memory of places at the end that hold nothing, once they are the most.
    pub(crate) fn shrink(&mut self) {
        let used = self.places.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        if used < self.places.capacity() / 2 {
            self.places.truncate(used);
            self.places.shrink_to(room_to_keep(used, size_of::<Option<T>>()));
            self.free.retain(|index| (*index as usize) < used);
            self.free.shrink_to_fit();
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        (0..)
            .zip(&self.places)
            .filter_map(|(index, place)| Some((K::from_index(index), place.as_ref()?)))
    }

    pub(crate) fn keys(&self) -> Vec<K> {
        self.iter().map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_at_the_end_are_given_back_and_keys_stay_what_they_are() {
        let mut slab: Slab<LinkKey, u32> = Slab::new();
        let keys: Vec<LinkKey> = (0..1_000).map(|n| slab.insert(n)).collect();
        for (n, key) in keys.iter().enumerate().filter(|(n, _)| *n != 7) {
            assert_eq!(slab.remove(*key), u32::try_from(n).ok());
        }
        slab.shrink();
        assert!(slab.places.capacity() < 20 && slab.free.capacity() < 20);
        assert_eq!((slab.len(), slab.get(keys[7])), (1, Some(&7)));
        let expected = slab.next_key();
        assert_eq!(slab.insert(8), expected);
        for n in 0..100 {
            slab.insert(n);
        }
        assert_eq!((slab.len(), slab.keys().len()), (102, 102), "no place is given twice");
        assert_eq!(slab.get(keys[7]), Some(&7));
    }
}
