//! A path through the network. TCP hides loss and reordering; what is left of them is delay, which grows with each lost
//! segment, and streams cut anywhere.

use std::collections::VecDeque;

#[derive(Clone, Copy)]
pub(crate) struct Path {
    pub(crate) bits_per_second: u64,
    pub(crate) delay_ms: u64,
    /// Segments lost, in percent.
    pub(crate) loss: u64,
    /// Chance that the connection breaks, per million steps.
    pub(crate) breaks: u64,
}

/// Xorshift.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// One direction.
#[derive(Default)]
pub(crate) struct Pipe {
    /// Arrival time and bytes, in order.
    segments: VecDeque<(u64, Vec<u8>)>,
    free_at: u64,
    pub(crate) bytes: usize,
}

impl Pipe {
    pub(crate) fn send(&mut self, now: u64, bytes: &[u8], path: Path, random: &mut Random) {
        self.bytes += bytes.len();
        let mut rest = bytes;
        while !rest.is_empty() {
            let size = (1 + random.below(536) as usize).min(rest.len());
            let (segment, left) = rest.split_at(size);
            rest = left;
            let on_wire = (segment.len() as u64 + 62) * 8 * 1000 / path.bits_per_second;
            let mut arrival = self.free_at.max(now) + on_wire;
            self.free_at = arrival;
            let mut timeout = 1000;
            while random.below(100) < path.loss && timeout < 16_000 {
                arrival += timeout;
                timeout *= 2;
            }
            // In order: a lost segment holds up those behind it.
            let last = self.segments.back().map_or(0, |(at, _)| *at);
            self.segments.push_back(((arrival + path.delay_ms).max(last), segment.to_vec()));
        }
    }

    pub(crate) fn arrived(&mut self, now: u64) -> Option<Vec<u8>> {
        let (at, _) = self.segments.front()?;
        if *at > now {
            return None;
        }
        self.segments.pop_front().map(|(_, bytes)| bytes)
    }
}
