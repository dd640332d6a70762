//! One budget of memory over all connections, for bodies that are being received and answers that wait to be taken (decision 0088).
//! Who holds a token still finds room when strangers find none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Caller;

/// Bytes of one body or answer that are not counted: with them, whatever others do, logins and reports go on.
pub const FREE: usize = 4 * 1024;
/// What is counted is counted in steps of so many bytes.
const STEP: usize = 16 * 1024;

/// Who asks for room; each kind may fill the budget up to a mark of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody that is known: up to a half.
    Stranger,
    /// A user: up to three quarters.
    User,
    /// An agent: all of it.
    Agent,
}

impl From<&Caller> for Class {
    fn from(caller: &Caller) -> Self {
        match caller {
            Caller::Anyone => Self::Stranger,
            Caller::User(_) => Self::User,
            Caller::Agent(_) => Self::Agent,
        }
    }
}

/// The budget.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    used: AtomicUsize,
}

impl Budget {
    /// Of so many bytes.
    #[must_use]
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, used: AtomicUsize::new(0) })
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// A claim that holds nothing yet.
    #[must_use]
    pub fn claim(self: &Arc<Self>, class: Class) -> Claim {
        Claim { budget: Arc::clone(self), class, held: 0 }
    }

    fn mark(&self, class: Class) -> usize {
        match class {
            Class::Stranger => self.total / 2,
            Class::User => self.total - self.total / 4,
            Class::Agent => self.total,
        }
    }
}

/// What one body or answer holds of the budget; given back when dropped.
#[derive(Debug)]
pub struct Claim {
    budget: Arc<Budget>,
    class: Class,
    held: usize,
}

impl Claim {
    /// Holds room for `bytes` from now on, in place of what it held; false, and nothing changed, when there is none.
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        let wanted = counted(bytes);
        if wanted > self.held {
            let (more, mark) = (wanted - self.held, self.budget.mark(self.class));
            let grown = |used: usize| used.checked_add(more).filter(|used| *used <= mark);
            let used = &self.budget.used;
            if used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_err() {
                return false;
            }
        } else {
            self.budget.used.fetch_sub(self.held - wanted, Ordering::Relaxed);
        }
        self.held = wanted;
        true
    }

    /// As [`Self::hold`], also beyond the mark: for what must not be refused any more.
    pub fn insist(&mut self, bytes: usize) {
        if !self.hold(bytes) {
            let wanted = counted(bytes);
            self.budget.used.fetch_add(wanted - self.held, Ordering::Relaxed);
            self.held = wanted;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

/// Nothing for what is small, else the whole of it in steps.
fn counted(bytes: usize) -> usize {
    if bytes <= FREE { 0 } else { bytes.div_ceil(STEP).saturating_mul(STEP) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_mark() {
        let budget = Budget::new(8 * STEP);
        let mut strangers: Vec<Claim> = (0..5).map(|_| budget.claim(Class::Stranger)).collect();
        let held: Vec<bool> = strangers.iter_mut().map(|claim| claim.hold(STEP)).collect();
        assert_eq!(held, [true, true, true, true, false]);
        let mut user = budget.claim(Class::User);
        assert!(user.hold(2 * STEP) && !user.hold(3 * STEP));
        let mut agent = budget.claim(Class::Agent);
        assert!(agent.hold(2 * STEP) && !agent.hold(2 * STEP + 1));
        assert_eq!(budget.used(), 8 * STEP);
        assert!(strangers[4].hold(FREE), "what is small needs no room");
        agent.insist(3 * STEP);
        assert_eq!(budget.used(), 9 * STEP);
        drop((strangers, user, agent));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_claim_grows_and_shrinks() {
        let budget = Budget::new(8 * STEP);
        let mut claim = budget.claim(Class::Stranger);
        for (bytes, used) in [(1, 0), (FREE + 1, STEP), (STEP + 1, 2 * STEP), (5, 0)] {
            assert!(claim.hold(bytes));
            assert_eq!(budget.used(), used, "{bytes}");
        }
        assert!(!claim.hold(usize::MAX));
        assert_eq!(budget.used(), 0);
    }
}
