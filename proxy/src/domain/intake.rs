//! How many more requests an egress asks the router for. What is being served counts, what waits here does
//! not: a slow target must not stop the quick requests behind it, and a burst is spread over replicas.

/// Credit of one receiving link.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Requests served at one time.
    most: u32,
    /// Credit that is unused at one time.
    ahead: u32,
    granted: u32,
    active: u32,
}

// === impl Intake ===

impl Intake {
    /// Serves at most `most` at one time, and has at most `ahead` granted that have not arrived.
    pub fn new(most: u32, ahead: u32) -> Self {
        Self { most, ahead: ahead.max(1), granted: 0, active: 0 }
    }

    /// Credit to grant now; counted as granted. Small amounts are saved up: each grant is a frame.
    pub fn grant(&mut self) -> u32 {
        let room = self.most.saturating_sub(self.active).min(self.ahead);
        let more = room.saturating_sub(self.granted);
        if more == 0 || (self.granted > 0 && more < self.ahead / 2) {
            return 0;
        }
        self.granted += more;
        more
    }

    /// A request came.
    pub fn arrived(&mut self) {
        self.granted = self.granted.saturating_sub(1);
        self.active = self.active.saturating_add(1);
    }

    /// A request was served, or given up.
    pub fn done(&mut self) {
        self.active = self.active.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intake_slow_requests_do_not_use_up_the_credit() {
        let mut intake = Intake::new(100, 8);
        assert_eq!(intake.grant(), 8);
        let mut credit = 8;
        for _ in 0..100 {
            assert!(credit > 0);
            credit -= 1;
            intake.arrived();
            credit += intake.grant();
        }
        // All places are taken: nothing more is asked for until one is free.
        assert_eq!((credit, intake.grant()), (0, 0));
        intake.done();
        assert_eq!(intake.grant(), 1);
    }

    #[test]
    fn intake_never_has_more_than_it_may_serve() {
        let mut intake = Intake::new(3, 8);
        assert_eq!(intake.grant(), 3);
        for _ in 0..3 {
            intake.arrived();
            assert_eq!(intake.grant(), 0);
        }
        intake.done();
        intake.done();
        assert_eq!(intake.grant(), 2);
    }

    #[test]
    fn intake_grants_in_portions() {
        let mut intake = Intake::new(100, 8);
        let mut frames = u32::from(intake.grant() > 0);
        for _ in 0..80 {
            intake.arrived();
            frames += u32::from(intake.grant() > 0);
            intake.done();
        }
        assert!(frames <= 21, "{frames}");
    }
}
