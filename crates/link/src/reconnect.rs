//! When an Agent tries the link again. REST polling goes on whenever no link is open, so a link is never urgent.

use crate::Millis;

const FIRST: Millis = 1_000;
const LONGEST: Millis = 60_000;
/// Failures in a row after which something in between is taken to forbid links.
const HOPELESS: u8 = 6;
/// Next try when the Controller does not know links, or they never hold.
const SELDOM: Millis = 15 * 60_000;
/// A link that held so long was a good one.
const GOOD: Millis = 120_000;

/// How an attempt or a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The Controller, or something before it, does not know the link.
    Unknown,
    /// No connection, or it broke before the welcome.
    Failed,
    /// It was open for so long.
    Closed(Millis),
}

/// Delays between attempts.
#[derive(Clone, Debug)]
pub struct Reconnect {
    failures: u8,
    random: u32,
}

impl Reconnect {
    /// Starts without delay; `seed` spreads the Agents of a fleet.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self { failures: 0, random: seed | 1 }
    }

    /// How long to wait after an ending.
    pub fn delay(&mut self, ending: Ending) -> Millis {
        let base = match ending {
            Ending::Unknown => SELDOM,
            Ending::Closed(lived) if lived >= GOOD => {
                self.failures = 0;
                FIRST
            }
            Ending::Failed | Ending::Closed(_) => {
                self.failures = self.failures.saturating_add(1);
                match self.failures {
                    HOPELESS.. => SELDOM,
                    failures => (FIRST << (failures - 1)).min(LONGEST),
                }
            }
        };
        // Xorshift: half to one and a half of the base.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        base / 2 + base * Millis::from(self.random % 1024) / 1024
    }

    /// A new identity or Controller: what was learnt does not hold.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_then_become_seldom_and_are_spread() {
        let mut reconnect = Reconnect::new(7);
        let within = |delay: Millis, base: Millis| {
            assert!((base / 2..=base * 3 / 2).contains(&delay), "{delay} for {base}");
        };
        for base in [1_000, 2_000, 4_000, 8_000, 16_000, SELDOM, SELDOM] {
            within(reconnect.delay(Ending::Failed), base);
        }
        within(reconnect.delay(Ending::Closed(GOOD)), FIRST);
        within(reconnect.delay(Ending::Closed(10)), FIRST);
        within(reconnect.delay(Ending::Unknown), SELDOM);
        let other = (0..5).map(|seed| Reconnect::new(seed * 977).delay(Ending::Unknown));
        assert!(other.collect::<std::collections::BTreeSet<_>>().len() > 2);
    }
}
