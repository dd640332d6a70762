//! The first thing the daemon does: gives way to the program that the boot record names, by `exec`, so that process
//! number and parent stay. A hanging trial is ended by the kernel's alarm, which survives `exec`.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::record::{Program, Record, Slot};
use super::settings::{RELEASE, Settings};
use super::slots::Slots;

/// Set for the program that was chosen.
const PROGRAM: &str = "IOFOG_PROGRAM";
/// Path of the installed program.
const FACTORY: &str = "IOFOG_FACTORY";
/// What a trial may take beyond its window before the kernel ends it.
const GRACE: Duration = Duration::from_secs(60);

/// Which program this process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: Program,
    /// Path of the installed program, to start over with.
    pub factory: PathBuf,
}

/// Decides and gives way. Returns in the program that is to run.
pub fn launch(library: &Path, configuration: &Path) -> Launch {
    if let Ok(name) = std::env::var(PROGRAM) {
        let program = match name.as_str() {
            "a" => Program::Slot(Slot::A),
            "b" => Program::Slot(Slot::B),
            _ => Program::Factory,
        };
        let factory = std::env::var_os(FACTORY).map(PathBuf::from).unwrap_or_default();
        return Launch { program, factory };
    }
    let factory =
        std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/sbin/iofog-agent"));
    let slots = Slots::new(library);
    if let Some(record) = slots.load() {
        choose(&slots, record, configuration, &factory);
    }
    Launch { program: Program::Factory, factory }
}

/// Runs the chosen program in place of this process; returns when that is this one.
fn choose(slots: &Slots, record: Record, configuration: &Path, factory: &Path) {
    let mut record = record;
    // Each round either runs something or takes one program out of the choice.
    for _ in 0..4 {
        let start = record.start(RELEASE, |program| slots.is_whole(&record, program));
        if let Some(next) = start.write {
            // A trial whose start is not counted could be started for ever.
            if let Err(error) = slots.save(&next) {
                note(&format!("boot record cannot be written ({error}): no trial"));
                if next.trial.is_some() {
                    record.trial = None;
                    continue;
                }
            }
            record = next;
        }
        let trial = record.trial.is_some();
        if trial {
            alarm(Settings::read(configuration).ok().flatten());
        }
        let Program::Slot(slot) = start.program else { return };
        let error = replace(&slots.path(slot), slot, factory);
        note(&format!("cannot run {}: {error}", slots.path(slot).display()));
        let next = if trial { record.given_up(RELEASE) } else { record.cleared(slot) };
        let _ = slots.save(&next);
        record = next;
    }
}

/// Starts over from the installed program; used when the boot record changed. Returns only when that fails.
pub fn relaunch(factory: &Path) -> io::Error {
    Command::new(factory).args(std::env::args_os().skip(1)).env_remove(PROGRAM).exec()
}

fn replace(path: &Path, slot: Slot, factory: &Path) -> io::Error {
    let name = if slot == Slot::A { "a" } else { "b" };
    Command::new(path)
        .args(std::env::args_os().skip(1))
        .env(PROGRAM, name)
        .env(FACTORY, factory)
        .exec()
}

fn alarm(settings: Option<Settings>) {
    let window = settings.map_or(Duration::from_secs(600), |settings| settings.window);
    let seconds = u32::try_from((window + GRACE).as_secs()).unwrap_or(u32::MAX);
    nix::unistd::alarm::set(seconds);
}

/// The trial is decided: nothing ends this process any more.
pub(super) fn decided() {
    nix::unistd::alarm::cancel();
}

/// There is no log yet.
fn note(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr(), "iofog-agent: update: {text}");
}
