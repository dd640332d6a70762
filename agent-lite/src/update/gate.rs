//! The health gate: a program on trial stays when the Controller was reached and the workloads ran for a time.

use std::time::Duration;

use crate::domain::Mono;

/// How a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not decided yet.
    Wait,
    /// It proved itself.
    Keep,
    /// Its time is over.
    GiveUp,
}

/// Watches one trial.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    deadline: Mono,
    settle: Duration,
    healthy_since: Option<Mono>,
}

impl Gate {
    /// A trial that began `now`: healthy for `settle` without a break before `window` is over.
    pub fn new(now: Mono, settle: Duration, window: Duration) -> Self {
        Self { deadline: now.after(window), settle, healthy_since: None }
    }

    /// Takes one look: is the Controller reached (or not needed), do the workloads run.
    pub fn look(&mut self, now: Mono, healthy: bool) -> Verdict {
        if !healthy {
            self.healthy_since = None;
        } else if self.healthy_since.is_none() {
            self.healthy_since = Some(now);
        }
        match self.healthy_since {
            Some(since) if now.since(since) >= self.settle => Verdict::Keep,
            _ if now >= self.deadline => Verdict::GiveUp,
            _ => Verdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_must_last() {
        let at = |seconds: u64| Mono::from_millis(seconds * 1000);
        let mut gate = Gate::new(at(0), Duration::from_secs(60), Duration::from_secs(300));
        assert_eq!(gate.look(at(1), true), Verdict::Wait);
        assert_eq!(gate.look(at(50), false), Verdict::Wait);
        assert_eq!(gate.look(at(61), true), Verdict::Wait);
        assert_eq!(gate.look(at(120), true), Verdict::Wait);
        assert_eq!(gate.look(at(121), true), Verdict::Keep);
        let mut gate = Gate::new(at(0), Duration::from_secs(60), Duration::from_secs(300));
        assert_eq!(gate.look(at(299), false), Verdict::Wait);
        assert_eq!(gate.look(at(300), true), Verdict::GiveUp);
    }
}
