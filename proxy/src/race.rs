//! Waiting for whichever comes first, without the procedural macro of `select!`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::task::JoinSet;

/// Which of two futures was first.
#[derive(Debug)]
pub(crate) enum Either<A, B> {
    /// The first one.
    Left(A),
    /// The second one.
    Right(B),
}

/// Waits until one of the tasks ends; for ever while there are none.
pub(crate) async fn one_ended<T: 'static>(tasks: &mut JoinSet<T>) {
    if tasks.join_next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Drives both futures; the first is preferred when both are ready, the other is dropped.
pub(crate) async fn race<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| {
        if let Poll::Ready(output) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::Left(output));
        }
        b.as_mut().poll(cx).map(Either::Right)
    })
    .await
}
