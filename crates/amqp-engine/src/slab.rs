//! A table whose places are reused, indexed by small numbers.

/// Up to so many values, room is made one by one.
const FEW: usize = 4;

/// Values at stable indices.
#[derive(Debug, Clone)]
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Puts a value into a free place.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if let Some(index) = self.free.pop() {
            if let Some(place) = self.places.get_mut(index as usize) {
                *place = Some(value);
            }
            return index;
        }
        if self.places.len() == self.places.capacity() && self.places.len() < FEW {
            // Most peers have one session and a few links: no room for more in advance.
            self.places.reserve_exact(1);
        }
        self.places.push(Some(value));
        u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.places.get(index as usize)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.places.get_mut(index as usize)?.as_mut()
    }

    /// Takes a value out; its place stays reserved until [`Self::release`], so that the number is not
    /// used again before the user has heard of its end.
    pub(crate) fn take(&mut self, index: u32) -> Option<T> {
        self.places.get_mut(index as usize)?.take()
    }

    /// Frees the place of a value that was taken.
    pub(crate) fn release(&mut self, index: u32) {
        if self.places.get(index as usize).is_some_and(Option::is_none) {
            self.free.push(index);
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0..).zip(&mut self.places).filter_map(|(index, place)| Some((index, place.as_mut()?)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.places).filter_map(|(index, place)| Some((index, place.as_ref()?)))
    }
}
