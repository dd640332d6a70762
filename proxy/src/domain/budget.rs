//! Bound on the bytes that a proxy holds in memory for bodies, shared by all its mappings.

use std::cell::Cell;
use std::rc::Rc;

/// A shared number of bytes that may be held at one time (proxy.md section 3.4).
#[derive(Clone, Debug)]
pub struct Budget {
    free: Rc<Cell<usize>>,
}

/// Bytes taken from a budget, given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    free: Rc<Cell<usize>>,
    held: usize,
}

// === impl Budget ===

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { free: Rc::new(Cell::new(limit)) }
    }

    /// Takes `bytes`, or nothing when fewer are free.
    pub fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut reservation = Reservation { free: Rc::clone(&self.free), held: 0 };
        reservation.grow(bytes).then_some(reservation)
    }

    /// Bytes that can still be taken.
    pub fn free(&self) -> usize {
        self.free.get()
    }
}

// === impl Reservation ===

impl Reservation {
    /// Takes `bytes` more; false, and nothing taken, when fewer are free.
    pub fn grow(&mut self, bytes: usize) -> bool {
        match self.free.get().checked_sub(bytes) {
            Some(left) => {
                self.free.set(left);
                self.held += bytes;
                true
            }
            None => false,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.free.set(self.free.get() + self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_is_shared_and_given_back() {
        let budget = Budget::new(10);
        let mut first = budget.reserve(4).unwrap();
        let second = budget.clone().reserve(5).unwrap();
        assert!(budget.reserve(2).is_none());
        assert!(!first.grow(2));
        assert!(first.grow(1));
        assert_eq!(budget.free(), 0);
        drop(second);
        assert_eq!(budget.free(), 5);
        drop(first);
        assert_eq!(budget.free(), 10);
    }
}
