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

/// The number of messages under way, steered by how long their acceptance takes. A long message counts as several.
#[derive(Clone, Debug)]
pub struct Pace {
    most: u32,
    allowed: u32,
    under_way: u32,
    quickest: Duration,
    /// When each message under way was sent, and what it counts.
    sent: VecDeque<(Duration, u32)>,
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
            under_way: 0,
            quickest: Duration::MAX,
            sent: VecDeque::new(),
            slowed: Duration::ZERO,
        }
    }

    /// How many more may be sent.
    pub fn room(&self) -> u32 {
        self.allowed.saturating_sub(self.under_way)
    }

    /// Whether none is under way.
    pub fn is_idle(&self) -> bool {
        self.sent.is_empty()
    }

    /// One more is under way, which counts as `count`.
    pub fn sent(&mut self, now: Duration, count: u32) {
        self.under_way = self.under_way.saturating_add(count);
        self.sent.push_back((now, count));
    }

    /// The oldest message under way was accepted: its bytes are in the far socket.
    pub fn accepted(&mut self, now: Duration) {
        let busy = self.under_way.saturating_mul(2) > self.allowed;
        let Some((sent, count)) = self.sent.pop_front() else { return };
        self.under_way = self.under_way.saturating_sub(count);
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
            self.allowed = self.allowed.saturating_add(count).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Sends as much as is allowed, in messages that count `count`, and has each accepted after `took`, `turns` times.
    fn play(count: u32, pace: &mut Pace, start: u64, took: u64, turns: u64) -> u64 {
        let mut now = start;
        for _ in 0..turns {
            while pace.room() > 0 {
                pace.sent(ms(now), count.min(pace.room()));
            }
            now += took;
            while !pace.is_idle() {
                pace.accepted(ms(now));
            }
        }
        now
    }

    #[test]
    fn pace_grows_with_a_quick_reader_whatever_the_distance() {
        for (count, distance) in [(1, 1), (2, 1), (1, 50), (2, 50), (1, 600), (2, 600)] {
            let mut pace = Pace::new(64);
            play(count, &mut pace, 0, distance, 100);
            assert_eq!((pace.allowed, pace.room()), (64, 64), "{count}, {distance} ms");
        }
    }

    #[test]
    fn pace_shrinks_when_messages_wait_and_recovers() {
        for count in [1, 2] {
            let mut pace = Pace::new(64);
            let now = play(count, &mut pace, 0, 20, 100);
            let now = play(count, &mut pace, now, 2_000, 1);
            assert_eq!(pace.allowed, 32, "once for all that were sent together");
            let now = play(count, &mut pace, now, 2_000, 8);
            assert_eq!(pace.allowed, LEAST);
            play(count, &mut pace, now, 20, 100);
            assert_eq!(pace.allowed, 64);
        }
    }

    #[test]
    fn pace_stays_where_it_is_while_little_is_sent() {
        let mut pace = Pace::new(64);
        for n in 0..100 {
            pace.sent(ms(n), 1);
            pace.accepted(ms(n + 1));
        }
        assert_eq!(pace.allowed, FIRST);
    }
}
