//! One budget of memory over all connections, for bodies that are being received and answers that wait to be taken (decision 0088).
//! Who holds a token still finds room when strangers find none.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iofog_api::FogUuid;

use super::Caller;

/// Bytes of one body or answer that are not counted: with them, whatever others do, logins and reports go on.
pub const FREE: usize = 4 * 1024;
/// What is counted is counted in steps of so many bytes.
const STEP: usize = 16 * 1024;

/// Who asks for room. Each kind may fill the budget up to a mark of its own, and one owner has a share of that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Nobody that is known, by address; none of this machine and of trusted proxies, which have no share: up to a half.
    Stranger(Option<IpAddr>),
    /// Who watches, whatever the address: as a user.
    Watcher,
    /// A user: up to three quarters.
    User(i64),
    /// An agent: all of it.
    Agent(FogUuid),
}

impl Owner {
    /// The owner of a request; `address` is for strangers.
    #[must_use]
    pub fn of(caller: &Caller, address: Option<IpAddr>) -> Self {
        match caller {
            Caller::Anyone => Self::Stranger(address),
            Caller::User(id) => Self::User(*id),
            Caller::Agent(uuid) => Self::Agent(uuid.clone()),
        }
    }

    /// Bytes that all of its kind may fill, and that it may hold itself.
    fn marks(&self, total: usize) -> (usize, usize) {
        match self {
            Self::Stranger(None) => (total / 2, total),
            Self::Stranger(Some(_)) => (total / 2, total / 8),
            Self::Watcher | Self::User(_) => (total - total / 4, total / 16 * 3),
            Self::Agent(_) => (total, total / 16),
        }
    }
}

/// The budget.
#[derive(Debug)]
pub struct Budget {
    total: usize,
    held: Mutex<Held>,
}

/// What is held in all and by each; who holds nothing has no entry.
#[derive(Debug, Default)]
struct Held {
    used: usize,
    owners: HashMap<Owner, usize>,
}

impl Budget {
    /// Of so many bytes.
    #[must_use]
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, held: Mutex::default() })
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.held().used
    }

    /// A claim that holds nothing yet.
    #[must_use]
    pub fn claim(self: &Arc<Self>, owner: Owner) -> Claim {
        Claim { budget: Arc::clone(self), owner, held: 0 }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one body or answer holds of the budget; given back when dropped.
#[derive(Debug)]
pub struct Claim {
    budget: Arc<Budget>,
    owner: Owner,
    held: usize,
}

impl Claim {
    /// Holds room for `bytes` from now on, in place of what it held; false, and nothing changed, when there is none. An owner that holds
    /// nothing else may have more than its share: any one body or answer finds room.
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        self.set(counted(bytes), false)
    }

    /// As [`Self::hold`], also beyond the mark: for what must not be refused any more.
    pub fn insist(&mut self, bytes: usize) {
        self.set(counted(bytes), true);
    }

    fn set(&mut self, wanted: usize, always: bool) -> bool {
        if wanted == self.held {
            return true;
        }
        let (mark, share) = self.owner.marks(self.budget.total);
        let mut held = self.budget.held();
        let besides = held.owners.get(&self.owner).map_or(0, |own| own.saturating_sub(self.held));
        let used = held.used.saturating_sub(self.held).saturating_add(wanted);
        let own = besides.saturating_add(wanted);
        let fits = used <= mark && (besides == 0 || own <= share);
        if !(always || fits || wanted < self.held) {
            return false;
        }
        held.used = used;
        if own == 0 {
            held.owners.remove(&self.owner);
        } else if let Some(known) = held.owners.get_mut(&self.owner) {
            *known = own;
        } else {
            held.owners.insert(self.owner.clone(), own);
        }
        drop(held);
        self.held = wanted;
        true
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.set(0, true);
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
    fn each_kind_has_its_mark() {
        let budget = Budget::new(8 * STEP);
        let mut strangers: Vec<Claim> =
            (0..5).map(|_| budget.claim(Owner::Stranger(None))).collect();
        let held: Vec<bool> = strangers.iter_mut().map(|claim| claim.hold(STEP)).collect();
        assert_eq!(held, [true, true, true, true, false]);
        let mut user = budget.claim(Owner::User(1));
        assert!(user.hold(2 * STEP) && !user.hold(3 * STEP));
        let mut agent = budget.claim(Owner::Agent("a".into()));
        assert!(agent.hold(2 * STEP) && !agent.hold(2 * STEP + 1));
        assert_eq!(budget.used(), 8 * STEP);
        assert!(strangers[4].hold(FREE), "what is small needs no room");
        agent.insist(3 * STEP);
        assert_eq!(budget.used(), 9 * STEP);
        drop((strangers, user, agent));
        assert_eq!(budget.used(), 0);
        assert!(budget.held().owners.is_empty());
    }

    #[test]
    fn each_owner_has_its_share() {
        let address = |last| Owner::Stranger(Some(IpAddr::from([192, 0, 2, last])));
        for (one, other, share) in [
            (Owner::User(1), Owner::User(2), 12),
            (Owner::Watcher, Owner::User(1), 12),
            (Owner::Agent("a".into()), Owner::Agent("b".into()), 4),
            (address(1), address(2), 8),
        ] {
            let budget = Budget::new(64 * STEP);
            let mut claims: Vec<Claim> = (0..=share).map(|_| budget.claim(one.clone())).collect();
            let held = claims.iter_mut().filter_map(|claim| claim.hold(STEP).then_some(())).count();
            assert_eq!(held, share, "{one:?}");
            assert!(budget.claim(other).hold(STEP), "{one:?}");
            claims.clear();
            let (mut first, mut second) = (budget.claim(one.clone()), budget.claim(one.clone()));
            assert!(first.hold(20 * STEP) && first.hold(21 * STEP), "one thing at a time");
            assert!(!second.hold(STEP) && first.hold(STEP) && second.hold(STEP), "{one:?}");
            drop((first, second));
            assert!(budget.held().owners.is_empty());
        }
    }

    #[test]
    fn a_claim_grows_and_shrinks() {
        let budget = Budget::new(8 * STEP);
        let mut claim = budget.claim(Owner::Stranger(None));
        for (bytes, used) in [(1, 0), (FREE + 1, STEP), (STEP + 1, 2 * STEP), (5, 0)] {
            assert!(claim.hold(bytes));
            assert_eq!(budget.used(), used, "{bytes}");
        }
        assert!(!claim.hold(usize::MAX));
        assert_eq!(budget.used(), 0);
    }
}
