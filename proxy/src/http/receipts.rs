//! Answers that were handed out and are not accepted yet: their acceptance waits a little for the next request, so that both
//! leave in one write. By itself it would be a packet of its own, for which every router on the way and the far proxy wake.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::exchange::Settled;
use crate::link::Delivery;

/// Longest wait for a request.
const WAIT: Duration = Duration::from_millis(5);
/// Answers that wait at most.
const MOST: usize = 32;
/// Longest answer, in bytes, that waits: it is held meanwhile.
const SHORT: usize = 4 << 10;

/// Answers whose acceptance is owed.
pub(super) struct Receipts<D: Delivery> {
    owed: RefCell<Vec<D>>,
}

// === impl Receipts ===

impl<D: Delivery> Receipts<D> {
    pub(super) const fn new() -> Self {
        Self { owed: RefCell::new(Vec::new()) }
    }

    /// Accepts an answer, now or soon.
    pub(super) fn accept(&self, answer: D) {
        if answer.len() > SHORT {
            return answer.settle(Settled::Accepted);
        }
        self.owed.borrow_mut().push(answer);
        if self.owed.borrow().len() >= MOST {
            self.pay();
        }
    }

    /// Accepts what no request takes along, for ever. It wants to be polled again after each [`Self::accept`].
    pub(super) async fn pay_late(&self) -> Infallible {
        let mut timer = pin!(tokio::time::sleep(WAIT));
        let mut armed = false;
        poll_fn(|cx| {
            loop {
                if !armed {
                    if self.owed.borrow().is_empty() {
                        return Poll::Pending;
                    }
                    // One timer for all that comes before it ends, so that it is set seldom.
                    timer.as_mut().reset(Instant::now() + WAIT);
                    armed = true;
                }
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                armed = false;
                self.pay();
            }
        })
        .await
    }

    /// Accepts what waits: a request leaves.
    pub(super) fn pay(&self) {
        let owed = self.owed.take();
        owed.into_iter().for_each(|answer| answer.settle(Settled::Accepted));
    }
}

impl<D: Delivery> Drop for Receipts<D> {
    fn drop(&mut self) {
        self.pay();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::domain::envelope::Envelope;
    use crate::link::{Part, Parts, Undecodable};
    use crate::race::{Either, race};
    use crate::testing::run;

    /// An answer of so many bytes, and the number that were accepted.
    struct Answer(usize, Rc<Cell<usize>>);

    impl Delivery for Answer {
        fn len(&self) -> usize {
            self.0
        }

        fn part(&self, _: &mut Parts) -> Result<Part, Undecodable> {
            Err(Undecodable(String::new()))
        }

        fn envelope(&self) -> Result<Envelope, Undecodable> {
            Err(Undecodable(String::new()))
        }

        fn settle(self, outcome: Settled) {
            assert_eq!(outcome, Settled::Accepted);
            self.1.set(self.1.get() + 1);
        }
    }

    #[test]
    fn receipts_leave_with_a_request_and_at_last_with_their_owner() {
        let accepted = Rc::new(Cell::new(0));
        let answer = |length| Answer(length, Rc::clone(&accepted));
        let receipts = Receipts::new();
        receipts.accept(answer(10));
        receipts.accept(answer(10));
        assert_eq!(accepted.get(), 0);
        receipts.accept(answer(SHORT + 1));
        assert_eq!(accepted.get(), 1, "a long one is not held");
        receipts.pay();
        assert_eq!(accepted.get(), 3);
        (0..MOST).for_each(|_| receipts.accept(answer(10)));
        assert_eq!(accepted.get(), 3 + MOST, "so many at once are worth a packet");
        receipts.accept(answer(10));
        drop(receipts);
        assert_eq!(accepted.get(), 4 + MOST);
    }

    #[test]
    fn receipts_leave_without_a_request_after_a_while() {
        run(async {
            let accepted = Rc::new(Cell::new(0));
            let receipts = Receipts::new();
            for turn in 1..=3 {
                receipts.accept(Answer(10, Rc::clone(&accepted)));
                let paid = async {
                    while accepted.get() < turn {
                        tokio::task::yield_now().await;
                    }
                };
                match race(receipts.pay_late(), paid).await {
                    Either::Left(never) => match never {},
                    Either::Right(()) => {}
                }
            }
        });
    }
}
