//! What happens to the boot record at each event. Pure: the adapters write each record before they act on it.

use super::record::{Installed, Program, Record, Slot, Trial, Version};

/// Starts that a trial gets; power cuts and crashes use them up.
pub const MAX_STARTS: u8 = 3;

/// Why an order is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not newer than what runs or once proved itself.
    #[error("the offered version is not newer")]
    NotNewer,
    /// It was tried and failed.
    #[error("the offered version failed on this device before")]
    Failed,
    /// Another change is not decided yet.
    #[error("an update is under way")]
    UnderWay,
    /// There is nothing to go back to.
    #[error("there is no version to go back to")]
    NoPrevious,
}

/// What the installed program does at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Program to run.
    pub program: Program,
    /// Record to write before; `None` when it stays as it is.
    pub write: Option<Record>,
}

impl Record {
    /// Release of a program; `factory` is that of the installed one.
    pub fn version_of(&self, program: Program, factory: Version) -> Version {
        match program {
            Program::Factory => factory,
            Program::Slot(slot) => self.slot(slot).map(|one| one.version).unwrap_or_default(),
        }
    }

    /// Whether release `offered` may be installed now.
    ///
    /// # Errors
    /// When it may not; see [`Refusal`].
    pub fn judge(&self, offered: Version, factory: Version) -> Result<(), Refusal> {
        if self.trial.is_some() {
            return Err(Refusal::UnderWay);
        }
        let running = self.version_of(self.confirmed, factory);
        if offered <= running || offered < self.floor {
            return Err(Refusal::NotNewer);
        }
        if self.failed.contains(&offered) {
            return Err(Refusal::Failed);
        }
        Ok(())
    }

    /// The slot that a new program goes to: never the one that runs.
    pub fn free_slot(&self) -> Slot {
        match self.confirmed {
            Program::Factory => match self.previous {
                Some(Program::Slot(slot)) => slot.other(),
                _ => Slot::A,
            },
            Program::Slot(slot) => slot.other(),
        }
    }

    /// Before the file of a slot is touched: nothing refers to it any more.
    #[must_use]
    pub fn cleared(&self, slot: Slot) -> Self {
        let mut next = self.clone();
        next.set_slot(slot, None);
        if next.previous == Some(Program::Slot(slot)) {
            next.previous = None;
        }
        next
    }

    /// After the file is whole and synced: its trial begins with the next start.
    #[must_use]
    pub fn staged(&self, slot: Slot, installed: Installed, trial: Trial) -> Self {
        let mut next = self.clone();
        next.set_slot(slot, Some(installed));
        next.trial = Some(Trial { program: Program::Slot(slot), starts: 0, ..trial });
        next
    }

    /// Going back on order. What is left behind counts as failed, so that it is not offered again.
    ///
    /// # Errors
    /// When there is nothing to go back to, or another change is under way.
    pub fn rolled_back(&self, factory: Version, trial: Trial) -> Result<Self, Refusal> {
        if self.trial.is_some() {
            return Err(Refusal::UnderWay);
        }
        let program = self.previous.ok_or(Refusal::NoPrevious)?;
        let mut next = self.clone();
        next.remember_failed(self.version_of(self.confirmed, factory));
        next.trial = Some(Trial { program, starts: 0, ..trial });
        Ok(next)
    }

    /// What to run at a start. `whole` says whether a program's file is there and has its digest; `factory` is the
    /// release of the installed program, which wins over an older slot (it came by a package or a new image).
    pub fn start(&self, factory: Version, whole: impl Fn(Program) -> bool) -> Start {
        let mut next = self.clone();
        if let Some(trial) = &mut next.trial {
            if trial.starts < MAX_STARTS && whole(trial.program) {
                trial.starts += 1;
                return Start { program: trial.program, write: Some(next) };
            }
            next = next.given_up(factory);
        }
        if !whole(next.confirmed) {
            let other = next.previous.filter(|previous| whole(*previous));
            next.confirmed = other.unwrap_or_default();
            next.previous = None;
        }
        if next.confirmed != Program::Factory && factory > next.version_of(next.confirmed, factory)
        {
            next.previous = Some(next.confirmed);
            next.confirmed = Program::Factory;
        }
        let program = next.confirmed;
        Start { program, write: (next != *self).then_some(next) }
    }

    /// The trial proved itself.
    #[must_use]
    pub fn confirmed(&self, factory: Version) -> Self {
        let mut next = self.clone();
        if let Some(trial) = next.trial.take() {
            next.previous = Some(next.confirmed);
            next.confirmed = trial.program;
            next.floor = next.floor.max(next.version_of(trial.program, factory));
        }
        next
    }

    /// The trial failed: what ran before runs again.
    #[must_use]
    pub fn given_up(&self, factory: Version) -> Self {
        let mut next = self.clone();
        if let Some(trial) = next.trial.take() {
            next.remember_failed(self.version_of(trial.program, factory));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::record::Digest;

    const FACTORY: Version = Version(1);

    fn installed(version: u32) -> Installed {
        Installed { version: Version(version), bytes: 1, sha256: Digest([0; 32]) }
    }

    fn trial() -> Trial {
        Trial { program: Program::Factory, starts: 0, provisioned: true, running: Vec::new() }
    }

    fn updated(record: &Record, version: u32) -> Record {
        let slot = record.free_slot();
        record.cleared(slot).staged(slot, installed(version), trial())
    }

    #[test]
    fn a_trial_ends_after_three_starts_and_is_not_offered_again() {
        let mut record = updated(&Record::default(), 2);
        for _ in 0..MAX_STARTS {
            let start = record.start(FACTORY, |_| true);
            assert_eq!(start.program, Program::Slot(Slot::A));
            record = start.write.unwrap();
        }
        let start = record.start(FACTORY, |_| true);
        assert_eq!(start.program, Program::Factory);
        let record = start.write.unwrap();
        assert_eq!(record.judge(Version(2), FACTORY), Err(Refusal::Failed));
        assert_eq!(record.judge(Version(3), FACTORY), Ok(()));
    }

    #[test]
    fn confirmed_versions_only_go_up_by_themselves_and_back_on_order() {
        let two = updated(&Record::default(), 2).confirmed(FACTORY);
        assert_eq!((two.confirmed, two.previous), (Program::Slot(Slot::A), Some(Program::Factory)));
        assert_eq!(two.judge(Version(2), FACTORY), Err(Refusal::NotNewer));
        let three = updated(&two, 3).confirmed(FACTORY);
        assert_eq!(three.confirmed, Program::Slot(Slot::B));
        let back = three.rolled_back(FACTORY, trial()).unwrap();
        assert_eq!(back.rolled_back(FACTORY, trial()), Err(Refusal::UnderWay));
        let back = back.confirmed(FACTORY);
        assert_eq!(back.confirmed, Program::Slot(Slot::A));
        assert_eq!(back.floor, Version(3));
        assert_eq!(back.judge(Version(3), FACTORY), Err(Refusal::Failed));
        assert_eq!(back.judge(Version(4), FACTORY), Ok(()));
        assert_eq!(Record::default().rolled_back(FACTORY, trial()), Err(Refusal::NoPrevious));
    }

    #[test]
    fn a_newer_installed_program_wins_over_a_slot() {
        let two = updated(&Record::default(), 2).confirmed(FACTORY);
        assert_eq!(two.start(FACTORY, |_| true).program, Program::Slot(Slot::A));
        let start = two.start(Version(5), |_| true);
        assert_eq!(start.program, Program::Factory);
    }

    #[test]
    fn a_damaged_slot_is_never_run() {
        let three =
            updated(&updated(&Record::default(), 2).confirmed(FACTORY), 3).confirmed(FACTORY);
        let start = three.start(FACTORY, |program| program != Program::Slot(Slot::B));
        assert_eq!(start.program, Program::Slot(Slot::A));
        let start = three.start(FACTORY, |program| program == Program::Factory);
        assert_eq!(start.program, Program::Factory);
    }
}
