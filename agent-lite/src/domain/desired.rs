//! The desired state of a node, and how a fetched list becomes it.

use serde::{Deserialize, Serialize};

use super::{Registry, Workload};

/// What should run here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Microservices, as last accepted.
    pub workloads: Vec<Workload>,
    /// Registries that images may come from.
    pub registries: Vec<Registry>,
    /// True once a list was accepted for the present identity: only then may anything be removed.
    pub accepted: bool,
}

impl Desired {
    /// Takes a fetched list. `rebuild` of each item is 1 for a rebuild order and 0 otherwise (the Controller
    /// says it once); it becomes `token`, which must grow from call to call, or what it was before.
    pub fn accept(&mut self, mut list: Vec<Workload>, token: u64) {
        for item in &mut list {
            let before = self
                .workloads
                .iter()
                .find(|old| old.uuid == item.uuid)
                .map_or(0, |old| old.rebuild);
            item.rebuild = if item.rebuild > 0 { token.max(before + 1) } else { before };
        }
        self.workloads = list;
        self.accepted = true;
    }

    /// Forgets what should run; nothing is removed from now on.
    pub fn clear(&mut self) {
        *self = Self { registries: std::mem::take(&mut self.registries), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuild_order_outlives_lists_that_no_longer_carry_it() {
        let item = |rebuild| Workload { uuid: "a".into(), rebuild, ..Workload::default() };
        let mut desired = Desired::default();
        desired.accept(vec![item(0)], 5);
        assert_eq!(desired.workloads[0].rebuild, 0);
        desired.accept(vec![item(1)], 7);
        desired.accept(vec![item(0)], 9);
        assert_eq!(desired.workloads[0].rebuild, 7);
        desired.accept(vec![item(1)], 3);
        assert_eq!(desired.workloads[0].rebuild, 8, "grows although the clock went back");
    }
}
