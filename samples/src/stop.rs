//! Ending on request: the first process of a container gets no signal that it does not ask for, and
//! an engine waits ten seconds before it gives up.

use std::pin::pin;
use std::task::Poll;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` until it ends or SIGTERM comes.
///
/// # Errors
/// Those of `work`, or when the signal cannot be asked for.
pub async fn until_terminated(work: impl Future<Output = Result<()>>) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut work = pin!(work);
    std::future::poll_fn(|cx| match terminate.poll_recv(cx) {
        Poll::Ready(_) => Poll::Ready(Ok(())),
        Poll::Pending => work.as_mut().poll(cx),
    })
    .await
}
