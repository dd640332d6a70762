//! When a fetched list may be believed: an empty one that would remove workloads is confirmed by a second fetch.

use std::time::Duration;

use super::Mono;

/// Remembers an unconfirmed empty list.
#[derive(Clone, Debug)]
pub struct ListGate {
    interval: Duration,
    empty_since: Option<Mono>,
}

/// What to do with a fetched list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Make it the desired state.
    Accept,
    /// Keep the present state and fetch again at that time.
    ConfirmAt(Mono),
}

impl ListGate {
    /// A gate that wants the second empty list at least `interval` after the first.
    pub fn new(interval: Duration) -> Self {
        Self { interval, empty_since: None }
    }

    /// Judges a parsed list of `fetched` items while `present` microservices are desired.
    pub fn judge(&mut self, fetched: usize, present: usize, now: Mono) -> Verdict {
        if fetched > 0 || present == 0 {
            self.empty_since = None;
            return Verdict::Accept;
        }
        let first = *self.empty_since.get_or_insert(now);
        if now.since(first) >= self.interval {
            self.empty_since = None;
            return Verdict::Accept;
        }
        Verdict::ConfirmAt(first.after(self.interval))
    }

    /// When a confirmation is due, if one is.
    pub fn due(&self) -> Option<Mono> {
        self.empty_since.map(|first| first.after(self.interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_removes_only_when_seen_twice() {
        let mut gate = ListGate::new(Duration::from_secs(20));
        let at = |seconds: u64| Mono::from_millis(seconds * 1000);
        assert_eq!(gate.judge(2, 0, at(0)), Verdict::Accept);
        assert_eq!(gate.judge(0, 2, at(1)), Verdict::ConfirmAt(at(21)));
        assert_eq!(gate.judge(0, 2, at(5)), Verdict::ConfirmAt(at(21)));
        assert_eq!(gate.due(), Some(at(21)));
        assert_eq!(gate.judge(2, 2, at(6)), Verdict::Accept, "a full list in between starts anew");
        assert_eq!(gate.judge(0, 2, at(7)), Verdict::ConfirmAt(at(27)));
        assert_eq!(gate.judge(0, 2, at(27)), Verdict::Accept);
        assert_eq!(gate.judge(0, 0, at(28)), Verdict::Accept);
    }
}
