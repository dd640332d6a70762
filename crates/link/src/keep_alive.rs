//! How often an idle Agent pings: every 30 s at first, more seldom on a link that proves stable.

use crate::Millis;

const SHORTEST: Millis = 30_000;
const LONGEST: Millis = 240_000;
/// Answered pings before the interval grows.
const STREAK: u8 = 8;

/// The interval of an Agent's pings; it outlives a single link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    interval: Millis,
    streak: u8,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { interval: SHORTEST, streak: 0 }
    }
}

impl KeepAlive {
    /// The interval when the Agent counts as lost after `lost_after_s`: two thirds of it at most, so that one late
    /// ping does no harm.
    #[must_use]
    pub fn interval(&self, lost_after_s: u16) -> Millis {
        let cap = Millis::from(lost_after_s.max(3)) * 1000 * 2 / 3;
        self.interval.min(cap)
    }

    /// A ping was answered.
    pub fn answered(&mut self) {
        self.streak += 1;
        if self.streak >= STREAK {
            self.streak = 0;
            self.interval = (self.interval * 3 / 2).min(LONGEST);
        }
    }

    /// The link was lost in silence: something between forgets idle connections.
    pub fn lost(&mut self) {
        self.streak = 0;
        self.interval = (self.interval / 2).max(SHORTEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stable_link_pings_seldom_and_a_lost_one_more_often() {
        let mut alive = KeepAlive::default();
        assert_eq!(alive.interval(90), 30_000);
        (0..100).for_each(|_| alive.answered());
        assert_eq!(alive.interval(90), 60_000, "a loss is still seen in time");
        assert_eq!(alive.interval(600), 240_000);
        alive.lost();
        assert_eq!(alive.interval(600), 120_000);
        (0..9).for_each(|_| alive.lost());
        assert_eq!(alive.interval(600), 30_000);
    }
}
