//! Table of requests that wait for an answer, by correlation number, bounded.

use std::collections::HashMap;

use super::envelope::CorrelationId;

/// Waiting requests of one mapping; `W` is what gets the answer.
#[derive(Debug)]
pub struct Waiting<W> {
    entries: HashMap<u64, W>,
    last: u64,
    capacity: usize,
}

/// The table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

// === impl Waiting ===

impl<W> Waiting<W> {
    /// An empty table for at most `capacity` requests.
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), last: 0, capacity }
    }

    /// Adds a request under the next number; numbers start at 1 and are not used again.
    ///
    /// # Errors
    /// The table is full.
    pub fn insert(&mut self, waiter: W) -> Result<u64, Full> {
        if self.entries.len() >= self.capacity {
            return Err(Full);
        }
        self.last += 1;
        self.entries.insert(self.last, waiter);
        Ok(self.last)
    }

    /// The request that an answer belongs to, and its number.
    pub fn find(&mut self, id: Option<&CorrelationId>) -> Option<(u64, &mut W)> {
        let number = id?.number()?;
        Some((number, self.entries.get_mut(&number)?))
    }

    /// Forgets a request whose client has gone or been told.
    pub fn remove(&mut self, number: u64) -> Option<W> {
        self.entries.remove(&number)
    }

    /// Takes everything, for instance when the router is lost.
    pub fn drain(&mut self) -> impl Iterator<Item = W> {
        self.entries.drain().map(|(_, waiter)| waiter)
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_bounded_and_numbers_are_not_reused() {
        let mut waiting = Waiting::new(2);
        assert_eq!(waiting.insert('a'), Ok(1));
        assert_eq!(waiting.insert('b'), Ok(2));
        assert_eq!(waiting.insert('c'), Err(Full));
        assert_eq!(waiting.remove(1), Some('a'));
        assert_eq!(waiting.insert('c'), Ok(3));
        assert_eq!(waiting.len(), 2);
    }

    #[test]
    fn waiting_answers_match_any_type() {
        let mut waiting = Waiting::new(10);
        waiting.insert('a').unwrap();
        waiting.insert('b').unwrap();
        let mut found =
            |id: Option<CorrelationId>| waiting.find(id.as_ref()).map(|(n, &mut w)| (n, w));
        assert_eq!(found(Some(CorrelationId::Text("2".into()))), Some((2, 'b')));
        assert_eq!(found(Some(CorrelationId::Number(3))), None);
        assert_eq!(found(Some(CorrelationId::Uuid([1; 16]))), None);
        assert_eq!(found(None), None);
        waiting.remove(2);
        assert_eq!(waiting.find(Some(&CorrelationId::Number(2))), None);
        assert_eq!(waiting.drain().collect::<Vec<_>>(), ['a']);
        assert!(waiting.is_empty());
    }
}
