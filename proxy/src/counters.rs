//! Counters and state of one mapping, as they are shown in the status (proxy.md section 9).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::Serialize;

use crate::domain::failure::Failure;

/// What a mapping's local side does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MappingState {
    /// Not yet running.
    #[default]
    Starting,
    /// Listening, or ready to connect to its target.
    Running,
    /// Cannot run at the moment; tried again every 5 seconds.
    Failed(String),
}

/// Counters of one mapping since it was started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) state: RefCell<MappingState>,
    pub(crate) router_connected: Cell<bool>,
    pub(crate) uses: Cell<u64>,
    pub(crate) active: Cell<u32>,
    pub(crate) bytes_to_router: Cell<u64>,
    pub(crate) bytes_from_router: Cell<u64>,
    pub(crate) refused: Cell<u64>,
    failures: [Cell<u64>; Failure::ALL.len()],
}

/// Marks one request or connection as active until dropped.
pub(crate) struct Active(Rc<Counters>);

// === impl Counters ===

impl Counters {
    pub(crate) fn fail(&self, failure: Failure) {
        let position = Failure::ALL.iter().position(|&known| known == failure);
        if let Some(counter) = position.and_then(|position| self.failures.get(position)) {
            add(counter, 1);
        }
    }

    pub(crate) fn failures(&self) -> Vec<(&'static str, u64)> {
        let counted = Failure::ALL.iter().zip(&self.failures);
        counted
            .map(|(failure, count)| (failure.name(), count.get()))
            .filter(|&(_, n)| n > 0)
            .collect()
    }

    pub(crate) fn sent(&self, bytes: usize) {
        add(&self.bytes_to_router, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(crate) fn received(&self, bytes: usize) {
        add(&self.bytes_from_router, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(crate) fn begin(self: &Rc<Self>) -> Active {
        add(&self.uses, 1);
        self.active.set(self.active.get().saturating_add(1));
        Active(Rc::clone(self))
    }

    pub(crate) fn set_state(&self, state: MappingState) {
        self.state.replace(state);
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get().saturating_sub(1));
    }
}

pub(crate) fn add(counter: &Cell<u64>, more: u64) {
    counter.set(counter.get().saturating_add(more));
}
