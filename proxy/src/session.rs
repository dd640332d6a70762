//! Keeps one mapping connected to the router: connect, use until lost, pause, again.

use std::future::Future;
use std::time::Duration;

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

/// How long what is to be said at the end may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// How the use of a connection ended.
enum Ended<C: Connection> {
    Lost(LinkDown),
    /// The mapping is to end, and its connection after it.
    Asked(Option<Closing<C>>),
}

/// Runs `using` on one connection after the other, until the mapping is to end.
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
            let network = task.context.network();
            let connecting = network.connect(&task.name);
            let connection = match race(connecting, task.farewells.asked()).await {
                Either::Left(connection) => connection?,
                Either::Right(()) => return Ok(Ended::Asked(None)),
            };
            log::info!("{}: connected to the router", task.name);
            let closing = Closing(connection.clone());
            let using = using(connection.clone());
            let used = race(race(using, connection.closed()), task.farewells.asked()).await;
            Ok(match used {
                Either::Left(Either::Left(Ok(()))) => Ended::Lost(LinkDown("closed".to_owned())),
                Either::Left(Either::Left(Err(lost)) | Either::Right(lost)) => Ended::Lost(lost),
                Either::Right(()) => Ended::Asked(Some(closing)),
            })
        };
        let attempt: Either<Result<Ended<N::Connection>, LinkDown>, _> =
            race(attempt, changed.changed()).await;
        // A future that was dropped half-way could not say so itself.
        let was_up = task.counters.router_connected.get();
        task.connected(false);
        let lost = match attempt {
            // Its port is closed by now; tunnels say what they have to say as they are dropped. Another router that
            // was named in the same moment does not keep them from it.
            Either::Left(Ok(Ended::Asked(closing))) => {
                let _ = tokio::time::timeout(FAREWELL, task.farewells.said()).await;
                drop(closing);
                return;
            }
            Either::Left(Ok(Ended::Lost(lost))) => {
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
        let pause = race(tokio::time::sleep(pause), changed.changed());
        if let Either::Right(()) = race(pause, task.farewells.asked()).await {
            return;
        }
    }
}
