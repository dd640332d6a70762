//! Waiting for whichever comes first, without the procedural macro of `select!`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
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

pin_project! {
    /// Two futures of which the first one to end is waited for. No `async fn`: that would hold its arguments twice,
    /// and tunnels, of which there are many, have races in races.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Race<A, B> {
        #[pin]
        a: A,
        #[pin]
        b: B,
    }
}

/// Drives both futures; the first is preferred when both are ready, the other is dropped with the race.
pub(crate) const fn race<A: Future, B: Future>(a: A, b: B) -> Race<A, B> {
    Race { a, b }
}

// === impl Race ===

impl<A: Future, B: Future> Future for Race<A, B> {
    type Output = Either<A::Output, B::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.a.poll(cx) {
            return Poll::Ready(Either::Left(output));
        }
        this.b.poll(cx).map(Either::Right)
    }
}
