//! Bytes that arrived for sockets and were not taken by them yet, over all tunnels of a process: bounded by
//! ending those that take nothing.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use iofog_sorted::SortedMap;

/// A tunnel whose socket took nothing for this long has no claim to memory that others need.
const STALLED: Duration = Duration::from_secs(10);

/// The bound and what counts against it; clones share it.
#[derive(Clone, Debug)]
pub struct Backlog {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    held: Cell<usize>,
    next: Cell<u64>,
    places: RefCell<SortedMap<u64, Rc<State>>>,
}

#[derive(Debug, Default)]
struct State {
    held: Cell<usize>,
    /// When what is held longest arrived.
    oldest: Cell<Duration>,
    /// When the socket last took something, or had nothing to take.
    moved: Cell<Duration>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// What one tunnel holds; dropping it gives everything back.
#[derive(Debug)]
pub struct Place {
    shared: Rc<Shared>,
    number: u64,
    state: Rc<State>,
}

// === impl Backlog ===

impl Backlog {
    /// At most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let shared = Shared {
            limit,
            held: Cell::new(0),
            next: Cell::new(0),
            places: RefCell::new(SortedMap::new()),
        };
        Self { shared: Rc::new(shared) }
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        self.shared.held.get()
    }

    /// A place for one more tunnel.
    pub fn join(&self) -> Place {
        let number = self.shared.next.get();
        self.shared.next.set(number + 1);
        let state = Rc::new(State::default());
        self.shared.places.borrow_mut().insert(number, Rc::clone(&state));
        Place { shared: Rc::clone(&self.shared), number, state }
    }
}

// === impl Shared ===

impl Shared {
    /// Above half of the bound tunnels are ended that have stalled; above all of it whoever holds the oldest
    /// bytes. Those have waited longest for a reader, also when he takes a byte now and then.
    fn make_room(&self, now: Duration) {
        while self.held.get() > self.limit / 2 {
            let over = self.held.get() > self.limit;
            let stalled = |state: &State| over || now.saturating_sub(state.moved.get()) >= STALLED;
            let places = self.places.borrow();
            let holders = places.values().filter(|state| state.held.get() > 0 && stalled(state));
            let Some(victim) = holders.min_by_key(|state| state.oldest.get()) else { return };
            victim.ended.set(true);
            self.held.set(self.held.get() - victim.held.take());
            if let Some(waker) = victim.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }
}

// === impl Place ===

impl Place {
    /// Bytes have come for the socket. May end this tunnel or another one.
    pub fn arrived(&self, bytes: usize, now: Duration) {
        if self.state.ended.get() || bytes == 0 {
            return;
        }
        if self.state.held.get() == 0 {
            self.state.oldest.set(now);
            self.state.moved.set(now);
        }
        self.state.held.set(self.state.held.get() + bytes);
        self.shared.held.set(self.shared.held.get() + bytes);
        self.shared.make_room(now);
    }

    /// The socket took bytes; what is left arrived at `oldest`, or nothing is left.
    pub fn taken(&self, bytes: usize, oldest: Option<Duration>, now: Duration) {
        if self.state.ended.get() {
            return;
        }
        let bytes = bytes.min(self.state.held.get());
        self.state.held.set(self.state.held.get() - bytes);
        self.shared.held.set(self.shared.held.get() - bytes);
        self.state.moved.set(now);
        self.state.oldest.set(oldest.unwrap_or(now));
    }

    /// Whether the tunnel has to end.
    pub fn is_ended(&self) -> bool {
        self.state.ended.get()
    }

    /// Resolves when the tunnel has to end for the sake of others.
    pub async fn ended(&self) {
        poll_fn(|cx| {
            if self.state.ended.get() {
                return Poll::Ready(());
            }
            *self.state.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.places.borrow_mut().remove(&self.number);
        self.shared.held.set(self.shared.held.get() - self.state.held.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ended(place: &Place) -> bool {
        place.state.ended.get()
    }

    #[test]
    fn backlog_above_the_bound_whoever_holds_the_oldest_bytes_goes() {
        let backlog = Backlog::new(100);
        let (deaf, slow, quick) = (backlog.join(), backlog.join(), backlog.join());
        deaf.arrived(40, at(0));
        slow.arrived(40, at(1));
        // One byte now and then is no reading: the rest is as old as before.
        deaf.taken(1, Some(at(0)), at(2));
        quick.arrived(30, at(3));
        assert!(ended(&deaf) && !ended(&slow) && !ended(&quick));
        assert_eq!(backlog.held(), 70);
        drop(deaf);
        quick.taken(30, None, at(3));
        drop(slow);
        assert_eq!(backlog.held(), 0);
    }

    #[test]
    fn backlog_above_half_of_it_only_those_go_that_take_nothing() {
        let backlog = Backlog::new(100);
        let (deaf, slow) = (backlog.join(), backlog.join());
        deaf.arrived(30, at(0));
        slow.arrived(30, at(0));
        slow.arrived(10, at(9));
        assert!(!ended(&deaf) && !ended(&slow));
        slow.taken(10, Some(at(0)), at(9));
        slow.arrived(10, at(11));
        assert!(ended(&deaf) && !ended(&slow));
        assert_eq!(backlog.held(), 40);
    }

    #[test]
    fn backlog_a_single_tunnel_above_the_bound_ends_itself() {
        let backlog = Backlog::new(10);
        let only = backlog.join();
        only.arrived(11, at(0));
        assert!(ended(&only));
        only.arrived(5, at(0));
        only.taken(5, None, at(0));
        assert_eq!(backlog.held(), 0);
    }
}
