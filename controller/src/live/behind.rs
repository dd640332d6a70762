//! What waits to be written behind: changes that matter at the next turn, the rest when its share of a round comes, so that
//! reports of ten thousands of agents become a steady trickle of writes and each row is written once in a round at most.

use std::collections::HashSet;
use std::hash::Hash;

/// Turns of a round.
pub const ROUND: usize = 15;

/// Keys of rows that changed.
#[derive(Debug)]
pub struct Behind<K> {
    soon: HashSet<K>,
    later: [HashSet<K>; ROUND],
    turn: usize,
}

impl<K> Default for Behind<K> {
    fn default() -> Self {
        Self { soon: HashSet::new(), later: std::array::from_fn(|_| HashSet::new()), turn: 0 }
    }
}

impl<K: Eq + Hash + Clone + AsRef<str>> Behind<K> {
    /// To be written at the next turn.
    pub fn soon(&mut self, key: &K) {
        if !self.soon.contains(key) {
            self.soon.insert(key.clone());
        }
    }

    /// To be written when its share comes, within a round.
    pub fn later(&mut self, key: &K) {
        if let Some(share) = self.later.get_mut(share_of(key.as_ref()))
            && !share.contains(key)
        {
            share.insert(key.clone());
        }
    }

    /// True when it waits.
    pub fn contains(&self, key: &K) -> bool {
        let share = self.later.get(share_of(key.as_ref()));
        self.soon.contains(key) || share.is_some_and(|share| share.contains(key))
    }

    /// Not to be written any more.
    pub fn remove(&mut self, key: &K) {
        self.soon.remove(key);
        if let Some(share) = self.later.get_mut(share_of(key.as_ref())) {
            share.remove(key);
        }
    }

    /// What is to be written at this turn; `all` takes everything.
    pub fn take(&mut self, all: bool) -> HashSet<K> {
        let mut taken = std::mem::take(&mut self.soon);
        self.turn = (self.turn + 1) % ROUND;
        let turn = self.turn;
        for (number, share) in self.later.iter_mut().enumerate() {
            if all || number == turn {
                taken.extend(share.drain());
            }
        }
        // Whoever is written now waits no longer for its share.
        for key in &taken {
            if let Some(share) = self.later.get_mut(share_of(key.as_ref())) {
                share.remove(key);
            }
        }
        taken
    }
}

/// Keys are random texts: their letters spread them evenly.
fn share_of(key: &str) -> usize {
    key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % ROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_goes_first_and_the_rest_within_a_round() {
        let mut behind = Behind::<String>::default();
        let keys: Vec<String> = (0..300).map(|number| format!("agent-{number}")).collect();
        keys.iter().for_each(|key| behind.later(key));
        behind.soon(&keys[0]);
        let first = behind.take(false);
        assert!(first.contains(&keys[0]) && first.len() < 100);
        let mut all = first;
        for _ in 1..ROUND {
            let taken = behind.take(false);
            assert!(taken.iter().all(|key| !all.contains(key)), "nothing twice in a round");
            all.extend(taken);
        }
        assert_eq!(all.len(), keys.len());
        assert!(behind.take(true).is_empty());
        behind.later(&keys[1]);
        behind.soon(&keys[2]);
        assert!(behind.contains(&keys[1]) && behind.contains(&keys[2]));
        behind.remove(&keys[2]);
        assert_eq!(behind.take(true).len(), 1);
    }
}
