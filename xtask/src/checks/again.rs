//! A second attempt for the few tests that failed beside all others. It hides nothing: the first failure is told, and a test
//! that needs it is a defect to be mended.

use std::process::Command;

use super::harness::{Counts, Outcome};
use super::report::Judged;

/// More failures than this have a cause that a second attempt would not change.
const FEW: usize = 3;

/// The command that runs what failed once more; none where nothing failed, or where it is not known which tests did.
pub(super) fn command(first: &Command, outcome: &Outcome) -> Option<Command> {
    let failed = usize::try_from(outcome.counts.failed).ok()?;
    if failed == 0 || failed > FEW || outcome.names.len() != failed {
        return None;
    }
    let mut again = Command::new(first.get_program());
    again.args(first.get_args());
    if !first.get_args().any(|argument| argument == "--") {
        again.arg("--");
    }
    again.args(["--exact", "--test-threads", "1"]).args(&outcome.names);
    for (name, value) in first.get_envs() {
        match value {
            Some(value) => again.env(name, value),
            None => again.env_remove(name),
        };
    }
    if let Some(folder) = first.get_current_dir() {
        again.current_dir(folder);
    }
    Some(again)
}

/// Both attempts as one: what held at the second counts as passed, and is told as unstable.
pub(super) fn joined(first: Outcome, second: Outcome) -> Judged {
    // A name may stand in several programs, and a program may break off: unless each ran and held, the first attempt counts.
    let held = second.counts.failed == 0
        && second.failures.is_empty()
        && second.counts.passed >= first.counts.failed;
    if !held {
        return first.into();
    }
    let counts =
        Counts { passed: first.counts.passed + first.counts.failed, failed: 0, ..first.counts };
    Judged { counts, failures: Vec::new(), unstable: first.failures }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(passed: u32, names: &[&str]) -> Outcome {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let counts = Counts { passed, failed: u32::try_from(names.len()).unwrap(), skipped: 0 };
        Outcome { counts, failures: names.clone(), names, unstable: Vec::new() }
    }

    #[test]
    fn what_failed_is_run_by_name() {
        let mut first = Command::new("cargo");
        first.args(["test", "--", "--show-output"]).env("A", "b");
        let again = command(&first, &outcome(9, &["one", "two::three"])).unwrap();
        let arguments: Vec<_> = again.get_args().collect();
        let exactly = ["--exact", "--test-threads", "1", "one", "two::three"];
        assert_eq!(arguments[..3], ["test", "--", "--show-output"]);
        assert_eq!(arguments[3..], exactly);
        assert_eq!(again.get_envs().count(), 1);
    }

    #[test]
    fn many_failures_and_unnamed_ones_are_not_tried_again() {
        let first = Command::new("cargo");
        assert!(command(&first, &outcome(9, &[])).is_none());
        assert!(command(&first, &outcome(9, &["a", "b", "c", "d"])).is_none());
        let unnamed = Outcome { names: Vec::new(), ..outcome(9, &["a"]) };
        assert!(command(&first, &unnamed).is_none());
    }

    #[test]
    fn what_holds_then_is_told_apart() {
        let judged = joined(outcome(9, &["a"]), outcome(1, &[]));
        assert_eq!(judged.counts, Counts { passed: 10, failed: 0, skipped: 0 });
        assert_eq!((judged.failures.len(), judged.unstable), (0, vec!["a".to_owned()]));
    }

    #[test]
    fn what_fails_again_or_does_not_run_stays_failed() {
        for second in [outcome(0, &["a"]), outcome(1, &["a"]), outcome(0, &[])] {
            let judged = joined(outcome(9, &["a"]), second);
            assert_eq!(judged.counts, Counts { passed: 9, failed: 1, skipped: 0 });
            assert_eq!((judged.failures.len(), judged.unstable.len()), (1, 0));
        }
    }
}
