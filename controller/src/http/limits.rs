//! Rate limits on guesses: logins and provisioning keys. Only failures are counted, by who tries and for what; requests
//! that carry a token never come here, so that no attack keeps agents away from what they already have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Failures at once.
const BURST: i64 = 20;
/// After that, one more in so many ms.
const REFILL_MS: i64 = 3000;
/// Guessers that are remembered; beyond it those who owe least are forgotten.
const REMEMBERED: usize = 10_000;

/// Who tries what: address, route, and the account where there is one.
pub type Guess = (IpAddr, &'static str, String);

/// What guessers still have to wait for.
#[derive(Debug, Default)]
pub struct Limits(Mutex<HashMap<Guess, i64>>);

impl Limits {
    /// Milliseconds until `guess` may be tried again; none when it may now.
    #[must_use]
    pub fn wait(&self, guess: &Guess, now: i64) -> Option<i64> {
        let debts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A debt is the time at which all failures are forgiven.
        let owed = debts.get(guess)?.saturating_sub(now);
        let over = owed - (BURST - 1) * REFILL_MS;
        (over > 0).then_some(over)
    }

    /// Counts a failure.
    pub fn failed(&self, guess: Guess, now: i64) {
        let mut debts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if debts.len() >= REMEMBERED && !debts.contains_key(&guess) {
            debts.retain(|_, until| *until > now);
            if debts.len() >= REMEMBERED {
                let mut owed: Vec<i64> = debts.values().copied().collect();
                owed.sort_unstable();
                let middle = owed.get(owed.len() / 2).copied().unwrap_or(now);
                debts.retain(|_, until| *until > middle);
            }
        }
        let until = debts.entry(guess).or_insert(now);
        *until = (*until).max(now).saturating_add(REFILL_MS).min(now + BURST * REFILL_MS);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn guess(name: &str) -> Guess {
        (IpAddr::V4(Ipv4Addr::LOCALHOST), "user.login", name.to_owned())
    }

    #[test]
    fn a_burst_then_one_by_one() {
        let limits = Limits::default();
        for _ in 0..BURST {
            assert_eq!(limits.wait(&guess("a"), 0), None);
            limits.failed(guess("a"), 0);
        }
        assert_eq!(limits.wait(&guess("a"), 0), Some(REFILL_MS));
        assert_eq!(limits.wait(&guess("b"), 0), None, "another account");
        assert_eq!(limits.wait(&guess("a"), REFILL_MS), None);
        limits.failed(guess("a"), REFILL_MS);
        assert_eq!(limits.wait(&guess("a"), REFILL_MS), Some(REFILL_MS));
        assert_eq!(limits.wait(&guess("a"), 100 * REFILL_MS), None);
    }

    #[test]
    fn memory_is_bounded() {
        let limits = Limits::default();
        for number in 0..3 * REMEMBERED {
            limits.failed(guess(&number.to_string()), i64::try_from(number).unwrap());
        }
        assert!(limits.0.lock().unwrap().len() <= REMEMBERED);
    }
}
