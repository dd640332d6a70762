//! Keeps one mapping connected to the router: connect, use until lost, pause, again.

use std::future::Future;

use crate::context::MappingTask;
use crate::domain::backoff::Backoff;
use crate::link::{Connection, LinkDown, Network};
use crate::race::{Either, race};

/// Closes the connection also when its user is dropped half-way: requests may still hold its links.
struct Closing<C: Connection>(C);

impl<C: Connection> Drop for Closing<C> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Runs `using` on one connection after the other; returns never.
pub(crate) async fn keep<N, F>(task: &MappingTask<N>, using: impl Fn(N::Connection) -> F)
where
    N: Network,
    F: Future<Output = Result<(), LinkDown>>,
{
    let mut backoff = Backoff::default();
    let mut changed = task.router_changed.clone();
    loop {
        changed.mark_unchanged();
        let attempt = async {
            let connection = task.context.network().connect(&task.name).await?;
            log::info!("{}: connected to the router", task.name);
            let closing = Closing(connection.clone());
            let used = match race(using(connection.clone()), connection.closed()).await {
                Either::Left(Ok(())) => LinkDown("closed".to_owned()),
                Either::Left(Err(lost)) | Either::Right(lost) => lost,
            };
            drop(closing);
            Ok::<_, LinkDown>(used)
        };
        let attempt = race(attempt, changed.changed()).await;
        // A future that was dropped half-way could not say so itself.
        let was_up = task.counters.router_connected.get();
        task.connected(false);
        let lost = match attempt {
            Either::Left(Ok(lost)) => {
                backoff.succeeded();
                lost
            }
            Either::Left(Err(lost)) => lost,
            Either::Right(Ok(())) => {
                backoff.succeeded();
                log::info!("{}: router changed, connecting again", task.name);
                continue;
            }
            Either::Right(Err(_)) => return,
        };
        let pause = backoff.failed();
        let verb = if was_up { "lost" } else { "not reached" };
        log::warn!("{}: router {verb}: {lost}; next attempt in {} s", task.name, pause.as_secs());
        let _ = race(tokio::time::sleep(pause), changed.changed()).await;
    }
}
