//! What a mapping has to say before it goes: ends of plain tunnels tell the other end, which sees its own lead to the
//! router only (decision 0117).

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// The tunnels of one mapping that want to say something, and whether they are asked to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Farewells(Rc<State>);

#[derive(Debug, Default)]
struct State {
    asked: Cell<bool>,
    left: Cell<usize>,
    changed: Notify,
}

/// One who has something to say: until it is dropped, its mapping has not said everything.
#[derive(Debug)]
pub(crate) struct Place(Farewells);

// === impl Farewells ===

impl Farewells {
    /// Whether a mapping that is to end has something to say.
    pub(crate) fn wanted(&self) -> bool {
        self.0.left.get() > 0
    }

    /// Tells the mapping to end.
    pub(crate) fn ask(&self) {
        self.0.asked.set(true);
        self.0.changed.notify_waiters();
    }

    /// Resolves when the mapping is to end.
    pub(crate) async fn asked(&self) {
        self.until(|state| state.asked.get()).await;
    }

    /// Resolves when everything is said.
    pub(crate) async fn said(&self) {
        self.until(|state| state.left.get() == 0).await;
    }

    /// One more has something to say.
    pub(crate) fn join(&self) -> Place {
        self.0.left.set(self.0.left.get() + 1);
        Place(self.clone())
    }

    async fn until(&self, done: impl Fn(&State) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            if done(&self.0) {
                return;
            }
            changed.await;
        }
    }
}

// === impl Place ===

impl Place {
    /// Whether the mapping was told to end: a proxy that is dropped says nothing.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.0.asked.get()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.left.set(state.left.get().saturating_sub(1));
        state.changed.notify_waiters();
    }
}
