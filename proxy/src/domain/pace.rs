//! How many messages of a tunnel may be under way: more while the far socket takes them at once, fewer when
//! they pile up before it.

use std::collections::VecDeque;
use std::time::Duration;

/// At the start, before anything is known of the far socket.
const FIRST: u32 = 8;
/// Enough to keep a slow socket busy.
const LEAST: u32 = 2;
/// A message that takes this much longer than the quickest one waited at the far socket.
const PATIENCE: Duration = Duration::from_millis(500);

/// The number of messages under way, steered by how long their acceptance takes.
#[derive(Clone, Debug)]
pub struct Pace {
    most: u32,
    allowed: u32,
    quickest: Duration,
    /// When each message under way was sent.
    sent: VecDeque<Duration>,
    /// Fewer are allowed once for all messages sent before this time.
    slowed: Duration,
}

// === impl Pace ===

impl Pace {
    /// Never more than `most`.
    pub fn new(most: u32) -> Self {
        Self {
            most: most.max(LEAST),
            allowed: FIRST.clamp(LEAST, most.max(LEAST)),
            quickest: Duration::MAX,
            sent: VecDeque::new(),
            slowed: Duration::ZERO,
        }
    }

    /// Whether one more may be sent.
    pub fn allows_more(&self) -> bool {
        u32::try_from(self.sent.len()).is_ok_and(|sent| sent < self.allowed)
    }

    /// Whether none is under way.
    pub fn is_idle(&self) -> bool {
        self.sent.is_empty()
    }

    /// One more is under way.
    pub fn sent(&mut self, now: Duration) {
        self.sent.push_back(now);
    }

    /// The oldest message under way was accepted: its bytes are in the far socket.
    pub fn accepted(&mut self, now: Duration) {
        let busy =
            u32::try_from(self.sent.len()).unwrap_or(u32::MAX).saturating_mul(2) > self.allowed;
        let Some(sent) = self.sent.pop_front() else { return };
        if self.sent.is_empty() {
            // An idle tunnel holds no room for messages.
            self.sent = VecDeque::new();
        }
        let took = now.saturating_sub(sent);
        self.quickest = self.quickest.min(took);
        if took > self.quickest.saturating_add(PATIENCE) {
            if sent >= self.slowed {
                self.slowed = now;
                self.allowed = (self.allowed / 2).max(LEAST);
            }
        } else if busy {
            self.allowed = (self.allowed + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Sends as much as is allowed and has each message accepted after `took`, `turns` times.
    fn play(pace: &mut Pace, start: u64, took: u64, turns: u64) -> u64 {
        let mut now = start;
        for _ in 0..turns {
            while pace.allows_more() {
                pace.sent(ms(now));
            }
            now += took;
            while !pace.sent.is_empty() {
                pace.accepted(ms(now));
            }
        }
        now
    }

    #[test]
    fn pace_grows_with_a_quick_reader_whatever_the_distance() {
        for distance in [1, 50, 600] {
            let mut pace = Pace::new(64);
            play(&mut pace, 0, distance, 100);
            assert_eq!(pace.allowed, 64, "{distance} ms");
        }
    }

    #[test]
    fn pace_shrinks_when_messages_wait_and_recovers() {
        let mut pace = Pace::new(64);
        let now = play(&mut pace, 0, 20, 100);
        let now = play(&mut pace, now, 2_000, 1);
        assert_eq!(pace.allowed, 32, "once for all that were sent together");
        let now = play(&mut pace, now, 2_000, 8);
        assert_eq!(pace.allowed, LEAST);
        play(&mut pace, now, 20, 100);
        assert_eq!(pace.allowed, 64);
    }

    #[test]
    fn pace_stays_where_it_is_while_little_is_sent() {
        let mut pace = Pace::new(64);
        for n in 0..100 {
            pace.sent(ms(n));
            pace.accepted(ms(n + 1));
        }
        assert_eq!(pace.allowed, FIRST);
    }
}
