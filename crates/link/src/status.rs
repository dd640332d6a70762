//! What an Agent reports, and which of it is worth sending: states at once, figures when they moved by more than a
//! dead-band, the rest every few minutes.

use alloc::vec::Vec;

use iofog_sorted::SortedMap;

use crate::Millis;
use crate::wire::{Bounded, Id, MicroserviceDelta, NodeDelta, StatusDelta, Text};

/// Figures that moved a little are sent this often.
const REFRESH: Millis = 5 * 60_000;
/// Clocks of Agent and Controller may drift apart by this much unsaid.
const CLOCK_DRIFT: u64 = 2_000;

/// Status of a node; units as in [`NodeDelta`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "documented by the fields of NodeDelta")]
pub struct NodeStatus {
    pub clock_ms: u64,
    pub started_ms: u64,
    pub version: Text,
    pub address: Text,
    pub memory_kb: u32,
    pub cpu: u32,
    pub disk_mb: u32,
    pub marks: u8,
    pub free_memory_mb: u32,
    pub free_disk_mb: u32,
    pub system_cpu: u32,
    pub registries: u16,
    pub processed: u64,
    pub speed: u32,
    pub last_command_ms: u64,
}

/// Status of a microservice; units as in [`MicroserviceDelta`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "documented by the fields of MicroserviceDelta")]
pub struct MicroserviceStatus {
    pub id: Id,
    pub state: Text,
    pub percentage: u8,
    pub container: Id,
    pub started_ms: u64,
    pub cpu: u32,
    pub memory_kb: u32,
    pub error: heapless::String<256>,
}

/// Remembers what was sent over one link.
#[derive(Debug, Default)]
pub struct StatusTracker {
    node: Option<NodeStatus>,
    /// Controller's idea of our clock: ours minus monotonic time.
    clock_offset: u64,
    microservices: SortedMap<Id, MicroserviceStatus>,
    refreshed: Millis,
}

// === impl StatusTracker ===

impl StatusTracker {
    /// What to send now; empty when nothing is worth it. What is returned counts as sent.
    pub fn deltas(
        &mut self,
        now: Millis,
        node: &NodeStatus,
        microservices: &[MicroserviceStatus],
    ) -> Vec<StatusDelta> {
        let refresh = self.node.is_none() || now.saturating_sub(self.refreshed) >= REFRESH;
        if refresh {
            self.refreshed = now;
        }
        let node = self.node_delta(now, node, refresh);
        let mut changed = Vec::new();
        for one in microservices {
            let before = self.microservices.entry(one.id.clone());
            let is_new = before.is_vacant();
            let before = before.or_default();
            let delta = microservice_delta(before, one, is_new, refresh);
            let nothing = MicroserviceDelta { id: one.id.clone(), ..MicroserviceDelta::default() };
            if delta != nothing {
                apply(before, &delta);
                changed.push(delta);
            }
        }
        // One that is no longer reported is forgotten; should it come back, it is sent as a whole.
        self.microservices.retain(|id, _| microservices.iter().any(|one| one.id == *id));
        let mut deltas = Vec::new();
        let mut delta = StatusDelta { node, ..StatusDelta::default() };
        for one in changed {
            if let Err(one) = delta.microservices.push(one) {
                let mut next: Bounded<_, 16> = Bounded::new();
                let _ = next.push(one);
                deltas.push(core::mem::replace(
                    &mut delta,
                    StatusDelta { microservices: next, ..StatusDelta::default() },
                ));
            }
        }
        if delta != StatusDelta::default() {
            deltas.push(delta);
        }
        deltas
    }

    fn node_delta(&mut self, now: Millis, new: &NodeStatus, refresh: bool) -> NodeDelta {
        let offset = new.clock_ms.wrapping_sub(now);
        let clock_moved = self.node.is_none() || offset.abs_diff(self.clock_offset) > CLOCK_DRIFT;
        let first = self.node.is_none();
        let old = self.node.get_or_insert_with(NodeStatus::default);
        let mut delta = NodeDelta::default();
        macro_rules! send {
            ($field:ident if $moved:expr) => {
                if first || (old.$field != new.$field && $moved) {
                    old.$field = new.$field.clone();
                    delta.$field = Some(new.$field.clone());
                }
            };
        }
        send!(started_ms if true);
        send!(version if true);
        send!(address if true);
        send!(marks if true);
        send!(registries if true);
        send!(last_command_ms if true);
        send!(memory_kb if refresh || far(old.memory_kb, new.memory_kb, 1_000));
        send!(cpu if refresh || old.cpu.abs_diff(new.cpu) >= 1_000);
        send!(disk_mb if refresh || far(old.disk_mb, new.disk_mb, 10));
        send!(free_memory_mb if refresh || far(old.free_memory_mb, new.free_memory_mb, 32));
        send!(free_disk_mb if refresh || far(old.free_disk_mb, new.free_disk_mb, 100));
        send!(system_cpu if refresh || old.system_cpu.abs_diff(new.system_cpu) >= 2_000);
        send!(processed if refresh);
        send!(speed if refresh || far(old.speed, new.speed, 500));
        if clock_moved {
            self.clock_offset = offset;
            delta.clock_ms = Some(new.clock_ms);
        }
        delta
    }
}

fn microservice_delta(
    old: &MicroserviceStatus,
    new: &MicroserviceStatus,
    is_new: bool,
    refresh: bool,
) -> MicroserviceDelta {
    macro_rules! changed {
        ($field:ident if $moved:expr) => {
            (is_new || (old.$field != new.$field && $moved)).then(|| new.$field.clone())
        };
    }
    MicroserviceDelta {
        id: new.id.clone(),
        state: changed!(state if true),
        percentage: changed!(percentage if refresh || new.percentage == 100 || old.percentage.abs_diff(new.percentage) >= 10),
        container: changed!(container if true),
        started_ms: changed!(started_ms if true),
        cpu: changed!(cpu if refresh || old.cpu.abs_diff(new.cpu) >= 1_000),
        memory_kb: changed!(memory_kb if refresh || far(old.memory_kb, new.memory_kb, 1_000)),
        error: changed!(error if true),
    }
}

fn apply(status: &mut MicroserviceStatus, delta: &MicroserviceDelta) {
    macro_rules! take {
        ($($field:ident),*) => {$(
            if let Some(value) = &delta.$field {
                status.$field = value.clone();
            }
        )*};
    }
    take!(state, percentage, container, started_ms, cpu, memory_kb, error);
    status.id = delta.id.clone();
}

/// Moved by a tenth, and by more than `least`.
fn far(old: u32, new: u32, least: u32) -> bool {
    let moved = old.abs_diff(new);
    moved > least && moved > old / 10
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    fn one(state: &str, cpu: u32) -> MicroserviceStatus {
        MicroserviceStatus {
            id: "m".try_into().unwrap(),
            state: state.try_into().unwrap(),
            cpu,
            ..MicroserviceStatus::default()
        }
    }

    #[test]
    fn first_everything_then_only_what_moved() {
        let mut tracker = StatusTracker::default();
        let mut node = NodeStatus { clock_ms: 5_000, memory_kb: 5_000, ..NodeStatus::default() };
        let sent = tracker.deltas(0, &node, &[one("QUEUED", 0)]);
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].node.memory_kb, sent[0].node.clock_ms), (Some(5_000), Some(5_000)));
        assert_eq!(sent[0].microservices[0].container.as_deref(), Some(""));

        node.clock_ms += 10_000;
        node.memory_kb += 300;
        assert_eq!(tracker.deltas(10_000, &node, &[one("QUEUED", 10)]), []);
        let sent = tracker.deltas(10_001, &node, &[one("RUNNING", 10)]);
        assert_eq!(sent[0].node, NodeDelta::default());
        assert_eq!(sent[0].microservices[0].state.as_deref(), Some("RUNNING"));
        assert_eq!(sent[0].microservices[0].cpu, None);
        let sent = tracker.deltas(
            REFRESH,
            &NodeStatus { clock_ms: 5_000 + REFRESH, ..node },
            &[one("RUNNING", 10)],
        );
        assert_eq!((sent[0].node.memory_kb, sent[0].node.clock_ms), (Some(5_300), None));
        assert_eq!(sent[0].microservices[0].cpu, Some(10));
    }

    #[test]
    fn readiness_for_another_version_is_told_at_once() {
        let mut tracker = StatusTracker::default();
        let with = |marks| NodeStatus { clock_ms: 1_000, marks, ..NodeStatus::default() };
        let sent = tracker.deltas(0, &with(NodeDelta::READINESS), &[]);
        assert_eq!(sent[0].node.marks, Some(NodeDelta::READINESS));
        let ready = NodeDelta::READINESS | NodeDelta::UPGRADE;
        let sent = tracker.deltas(1, &with(ready), &[]);
        assert_eq!(sent[0].node, NodeDelta { marks: Some(ready), ..NodeDelta::default() });
        assert_eq!(tracker.deltas(2, &with(ready), &[]), []);
    }

    #[test]
    fn a_clock_that_was_set_is_told() {
        let mut tracker = StatusTracker::default();
        let at = |clock_ms| NodeStatus { clock_ms, ..NodeStatus::default() };
        tracker.deltas(0, &at(0), &[]);
        assert_eq!(tracker.deltas(1_000, &at(2_500), &[]), []);
        let sent = tracker.deltas(2_000, &at(1_700_000_000_000), &[]);
        assert_eq!(sent[0].node.clock_ms, Some(1_700_000_000_000));
    }

    #[test]
    fn many_microservices_are_split() {
        let many: Vec<_> = (0..40)
            .map(|number| MicroserviceStatus {
                id: std::format!("m{number}").as_str().try_into().unwrap(),
                ..MicroserviceStatus::default()
            })
            .collect();
        let sent = StatusTracker::default().deltas(0, &NodeStatus::default(), &many);
        assert_eq!(
            sent.iter().map(|delta| delta.microservices.len()).collect::<Vec<_>>(),
            vec![16, 16, 8]
        );
    }
}
