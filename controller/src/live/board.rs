//! Change flags by agent, and the requests that wait for them (controller contract 7).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use iofog_api::{FogUuid, time};
use tokio::sync::Notify;

use super::lock;
use crate::domain::change::Flags;

/// The board. Stamps are strictly increasing, so an acknowledgement never covers a row that came after the read.
#[derive(Debug, Default)]
pub struct Board(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    agents: HashMap<FogUuid, Agent>,
    /// Last stamp given to a transaction.
    given: i64,
    /// Last stamp that is visible here.
    posted: i64,
}

#[derive(Debug, Default)]
struct Agent {
    /// Rows that are not acknowledged, in order.
    rows: Vec<(String, Flags)>,
    /// Stamp of the newest row there ever was.
    newest: String,
    wake: Arc<Notify>,
}

impl Board {
    /// Takes over stored rows in place of those here, and wakes whoever waits.
    pub fn load(&self, rows: Vec<(FogUuid, String, Flags)>, now: i64) {
        let mut inner = lock(&self.0);
        inner.given = inner.given.max(now);
        inner.posted = inner.posted.max(now);
        inner.agents.values_mut().for_each(|agent| agent.rows.clear());
        for (fog, stamp, flags) in rows {
            let agent = inner.agents.entry(fog).or_default();
            agent.newest.clone_from(&stamp);
            if flags != Flags::default() {
                agent.rows.push((stamp, flags));
            }
        }
        inner.agents.values().for_each(|agent| agent.wake.notify_waiters());
    }

    /// The next stamp, epoch ms, for a transaction at `now`.
    pub fn stamp(&self, now: i64) -> i64 {
        let mut inner = lock(&self.0);
        inner.given = now.max(inner.given + 1);
        inner.given
    }

    /// Makes flags visible and wakes the agent's waiting request.
    pub fn post(&self, fog: &FogUuid, stamp: i64, flags: Flags) {
        let mut inner = lock(&self.0);
        inner.posted = inner.posted.max(stamp);
        let agent = inner.agents.entry(fog.clone()).or_default();
        let stamp = time::iso(stamp);
        agent.newest.clone_from(&stamp);
        match agent.rows.last_mut() {
            Some(last) if last.0 == stamp => last.1 = last.1.with(flags),
            _ => agent.rows.push((stamp, flags)),
        }
        agent.wake.notify_waiters();
    }

    /// All flags of an agent and the stamp to acknowledge them with.
    pub fn read(&self, fog: &FogUuid) -> (Flags, String) {
        let inner = lock(&self.0);
        let rows = inner.agents.get(fog).map_or(&[][..], |agent| &agent.rows);
        let flags = rows.iter().fold(Flags::default(), |all, (_, flags)| all.with(*flags));
        let stamp = rows.last().map_or_else(|| time::iso(inner.posted), |(stamp, _)| stamp.clone());
        (flags, stamp)
    }

    /// Number of rows that an agent has not acknowledged.
    pub fn waiting(&self, fog: &FogUuid) -> usize {
        lock(&self.0).agents.get(fog).map_or(0, |agent| agent.rows.len())
    }

    /// Grows with each change of what an agent is to do, and is as old as the database: the digits of its newest stamp.
    pub fn generation(&self, fog: &FogUuid) -> u64 {
        lock(&self.0).agents.get(fog).map_or(0, |agent| iofog_link::generation(&agent.newest))
    }

    /// The newest unacknowledged stamp of an agent up to a generation.
    pub fn stamp_of(&self, fog: &FogUuid, generation: u64) -> Option<String> {
        let inner = lock(&self.0);
        let rows = inner.agents.get(fog).map_or(&[][..], |agent| &agent.rows);
        rows.iter()
            .rev()
            .map(|(stamp, _)| stamp)
            .find(|stamp| iofog_link::generation(stamp) <= generation)
            .cloned()
    }

    /// What wakes when flags are posted for an agent. Take it before [`Self::read`].
    pub fn wake(&self, fog: &FogUuid) -> Arc<Notify> {
        lock(&self.0).agents.entry(fog.clone()).or_default().wake.clone()
    }

    /// Forgets the rows up to a stamp; true when there were any.
    pub fn acknowledge(&self, fog: &FogUuid, stamp: &str) -> bool {
        let mut inner = lock(&self.0);
        let Some(agent) = inner.agents.get_mut(fog) else { return false };
        let before = agent.rows.len();
        agent.rows.retain(|(row, _)| row.as_str() > stamp);
        agent.rows.len() != before
    }

    /// Forgets an agent and wakes its waiting request.
    pub fn drop_fog(&self, fog: &FogUuid) {
        if let Some(agent) = lock(&self.0).agents.remove(fog) {
            agent.wake.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledging_keeps_what_came_after_the_read() {
        let board = Board::default();
        let fog = FogUuid::from("a");
        board.load(Vec::new(), 1000);
        let first = board.stamp(1000);
        board.post(&fog, first, Flags::CONFIG);
        let (flags, stamp) = board.read(&fog);
        assert_eq!(flags, Flags::CONFIG);
        // The same millisecond, yet a later stamp.
        let second = board.stamp(1000);
        board.post(&fog, second, Flags::ROUTING);
        assert!(board.acknowledge(&fog, &stamp));
        assert_eq!(board.read(&fog).0, Flags::ROUTING);
    }

    #[test]
    fn generations_outlive_what_they_count() {
        let board = Board::default();
        let fog = FogUuid::from("a");
        board.load(vec![(fog.clone(), time::iso(7000), Flags::default())], 9000);
        assert_eq!(board.generation(&fog), 19_700_101_000_007_000);
        assert_eq!(board.read(&fog).0, Flags::default());
        let stamp = board.stamp(9000);
        board.post(&fog, stamp, Flags::CONFIG);
        let generation = board.generation(&fog);
        assert_eq!(board.stamp_of(&fog, generation), Some(time::iso(stamp)));
        assert_eq!(board.stamp_of(&fog, generation - 1), None);
        board.acknowledge(&fog, &time::iso(stamp));
        assert_eq!(board.generation(&fog), generation);
    }

    #[test]
    fn an_idle_read_never_covers_a_transaction_in_flight() {
        let board = Board::default();
        let fog = FogUuid::from("a");
        board.load(Vec::new(), 1000);
        let in_flight = board.stamp(5000);
        let (_, stamp) = board.read(&fog);
        board.post(&fog, in_flight, Flags::PRUNE);
        assert!(!board.acknowledge(&fog, &stamp));
        assert_eq!(board.read(&fog).0, Flags::PRUNE);
    }
}
