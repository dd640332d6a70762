//! Tasks of the local task set, all of one kind. The runtime is compiled anew for each kind of future that it is given,
//! about a kilobyte each time; a boxed one is the same kind for all.

use std::pin::Pin;

use tokio::task::{JoinHandle, spawn_local};

/// What a task runs. Sets of tasks take it too.
pub type Task<T = ()> = Pin<Box<dyn Future<Output = T>>>;

/// Makes a future one of the kind that all tasks are.
pub fn boxed<T>(future: impl Future<Output = T> + 'static) -> Task<T> {
    Box::pin(future)
}

/// Starts a task. Must be called on a local task set, which runs it.
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    spawn_local(boxed(future))
}

#[cfg(test)]
mod tests {
    use tokio::task::{JoinSet, LocalSet};

    use super::{boxed, spawn};

    #[tokio::test(flavor = "current_thread")]
    async fn a_task_runs_beside_its_maker_and_hands_over_what_it_made() {
        let made = LocalSet::new().run_until(spawn_in_set()).await;
        assert_eq!(made, Some("made"));
    }

    async fn spawn_in_set() -> Option<&'static str> {
        spawn(async { "made" }).await.ok()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_set_holds_different_futures_and_ends_them_with_itself() {
        let (kept, mut gone) = tokio::sync::oneshot::channel::<()>();
        let work = async {
            let mut set = JoinSet::new();
            set.spawn_local(boxed(std::future::ready(())));
            assert!(set.join_next().await.is_some_and(|ended| ended.is_ok()));
            set.spawn_local(boxed(async move {
                std::future::pending::<()>().await;
                drop(kept);
            }));
            tokio::task::yield_now().await;
            assert_eq!(gone.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Empty));
            drop(set);
            assert!(gone.await.is_err());
        };
        LocalSet::new().run_until(work).await;
    }
}
