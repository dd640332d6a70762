//! When a driver lets output wait (decision 0104): while much comes, a write by itself costs more than all else that is done
//! for a message.

/// Output of less than this waits for the answers to what came, bytes.
const SMALL: usize = 1_024;
/// Turns of other tasks that it waits for.
const TURNS: u32 = 8;

/// How long the output of one connection has waited. Without a clock: a driver that is told to wait has itself woken once
/// other tasks had their turn, and asks again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    waited: u32,
}

// === impl Patience ===

impl Patience {
    /// Whether so many bytes of output are to wait for another turn; `busy` says that much comes.
    pub fn waits(&mut self, output: usize, busy: bool) -> bool {
        let small = busy && (1..SMALL).contains(&output);
        self.waited = if small && self.waited < TURNS { self.waited + 1 } else { 0 };
        self.waited > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_for_small_output_of_busy_connections_and_ends() {
        let mut patience = Patience::default();
        let mut waits = |output, busy| patience.waits(output, busy);
        for (output, busy) in [(0, true), (SMALL, true), (100, false)] {
            assert!(!waits(output, busy), "{output}, {busy}");
        }
        for _ in 0..2 {
            assert!((0..TURNS).all(|_| waits(100, true)));
            assert!(!waits(100, true), "it is written in the end");
        }
        assert!(waits(1, true) && !waits(SMALL, true) && waits(SMALL - 1, true));
    }
}
