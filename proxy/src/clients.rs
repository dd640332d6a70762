//! The client connections of a listening port: bounded, and when the bound is reached whoever holds a place
//! without having asked for anything makes room for the next.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use iofog_sorted::SortedMap;
use iofog_task::boxed;
use tokio::task::{AbortHandle, Id, JoinSet};

/// What a client is doing; set by whoever serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Has not finished a request's head, or is between two requests.
    Idle,
    /// Sends the body of a request.
    Sending,
    /// Waits for an answer, or receives one.
    Served,
}

/// The stage of one client, shared with its table.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    client: Rc<State>,
}

#[derive(Debug)]
struct State {
    stage: Cell<Stage>,
    evicted: Cell<bool>,
    /// Who wants to hear of an eviction.
    waker: RefCell<Option<Waker>>,
}

/// All clients of a port. Dropping it ends them.
pub(crate) struct Clients {
    most: usize,
    tasks: JoinSet<()>,
    /// By age.
    open: SortedMap<u64, Client>,
    numbers: SortedMap<Id, u64>,
    next: u64,
}

struct Client {
    task: AbortHandle,
    activity: Activity,
}

// === impl Activity ===

impl Activity {
    fn new() -> Self {
        let stage = Cell::new(Stage::Idle);
        let (evicted, waker) = (Cell::new(false), RefCell::new(None));
        Self { client: Rc::new(State { stage, evicted, waker }) }
    }

    /// Says what the client does from now on.
    pub(crate) fn set(&self, stage: Stage) {
        self.client.stage.set(stage);
    }

    /// Resolves when the client has to make room. Who waits for it ends by itself, and at once; others are ended
    /// from outside.
    pub(crate) async fn evicted(&self) {
        poll_fn(|cx| {
            if self.client.evicted.get() {
                return Poll::Ready(());
            }
            *self.client.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Asks the client to end; false when it does not wait to be asked.
    fn evict(&self) -> bool {
        self.client.evicted.set(true);
        let waker = self.client.waker.take();
        waker.map(Waker::wake).is_some()
    }
}

// === impl Clients ===

impl Clients {
    /// Place for `most` clients.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            tasks: JoinSet::new(),
            open: SortedMap::new(),
            numbers: SortedMap::new(),
            next: 0,
        }
    }

    /// True while one more client can be taken: there is a place, or one could be made.
    pub(crate) fn has_room(&self) -> bool {
        self.open.len() < self.most || self.expendable().is_some()
    }

    /// Serves one more client; the one that can best be spared is ended when there is no place.
    pub(crate) fn add<F: Future<Output = ()> + 'static>(
        &mut self,
        serve: impl FnOnce(Activity) -> F,
    ) {
        if self.open.len() >= self.most
            && let Some(number) = self.expendable()
            && let Some(client) = self.open.remove(&number)
            && !client.activity.evict()
        {
            client.task.abort();
        }
        let activity = Activity::new();
        let task = self.tasks.spawn_local(boxed(serve(activity.clone())));
        self.numbers.insert(task.id(), self.next);
        self.open.insert(self.next, Client { task, activity });
        self.next += 1;
    }

    /// Forgets the clients that have ended, and resolves after the next one; never without clients.
    pub(crate) async fn ended(&mut self) {
        poll_fn(|cx| match self.tasks.poll_join_next_with_id(cx) {
            Poll::Ready(Some(ended)) => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                };
                if let Some(number) = self.numbers.remove(&id) {
                    self.open.remove(&number);
                }
                Poll::Ready(())
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        })
        .await;
    }

    /// The oldest idle client, or else the oldest one that is sending.
    fn expendable(&self) -> Option<u64> {
        let stage = |client: &Client| client.activity.client.stage.get();
        let of = |wanted: Stage| {
            self.open.iter().find(|(_, client)| stage(client) == wanted).map(|(number, _)| *number)
        };
        of(Stage::Idle).or_else(|| of(Stage::Sending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn clients_idle_ones_make_room_and_served_ones_stay() {
        run(async {
            let mut clients = Clients::new(2);
            let kept = Rc::new(());
            let client = |stage: Stage, kept: Rc<()>| {
                move |activity: Activity| async move {
                    activity.set(stage);
                    let _kept = kept;
                    std::future::pending::<()>().await;
                }
            };
            clients.add(client(Stage::Served, Rc::clone(&kept)));
            clients.add(client(Stage::Sending, Rc::new(())));
            tokio::task::yield_now().await;
            assert!(clients.has_room());
            clients.add(client(Stage::Served, Rc::clone(&kept)));
            clients.ended().await;
            assert_eq!((clients.open.len(), clients.numbers.len()), (2, 2));
            assert_eq!(Rc::strong_count(&kept), 3);
            assert!(!clients.has_room());
        });
    }
}
