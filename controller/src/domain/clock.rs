//! Jumps of the system clock, told from the time that really passed.

/// What is less than this is drift, or a late look.
const DRIFT_MS: i64 = 2000;

/// The clock as of the last look.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: i64,
    steady: i64,
}

/// A jump of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// What the clock would show without it, epoch ms.
    pub from: i64,
    /// What it shows, epoch ms.
    pub to: i64,
}

impl Clock {
    /// The clock shows `wall` (epoch ms) at `steady` (ms on a clock that never jumps).
    #[must_use]
    pub fn new(wall: i64, steady: i64) -> Self {
        Self { wall, steady }
    }

    /// Looks again; tells whether the clock jumped since the last look.
    pub fn look(&mut self, wall: i64, steady: i64) -> Option<Jump> {
        let passed = steady.saturating_sub(self.steady);
        let jump = Jump { from: self.wall.saturating_add(passed), to: wall };
        *self = Self { wall, steady };
        (jump.to.saturating_sub(jump.from).saturating_abs() > DRIFT_MS).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_told_from_time_that_passed() {
        let mut clock = Clock::new(1_000_000, 50);
        assert_eq!(clock.look(1_600_000, 600_050), None, "ten minutes passed");
        assert_eq!(clock.look(1_601_500, 600_550), None, "drift");
        assert_eq!(clock.look(9_000_000, 601_550), Some(Jump { from: 1_602_500, to: 9_000_000 }));
        assert_eq!(clock.look(9_001_000, 602_550), None, "told once");
        assert_eq!(clock.look(1_000, 603_550), Some(Jump { from: 9_002_000, to: 1_000 }));
        assert_eq!(clock.look(2_000, 604_550), None);
    }
}
