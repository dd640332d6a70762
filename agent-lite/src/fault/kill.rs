//! Ends the process at a named place, as a power cut or the kernel would: debug builds only.
//!
//! `IOFOG_FAILPOINT=NAME.before|after|part[:COUNT]` ends it at the COUNTth passage of the place; `part` leaves the first
//! half of a write. `IOFOG_FAILPOINT_TRACE=FILE` notes every passage there, one a line, and each start. Shims and workers
//! inherit both: with `IOFOG_FAILPOINT_ONCE=FILE` only the process ends that takes the file away.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use rustix::process::{Signal, getpid, kill_process};

/// Every place, and whether something is written there. The tests walk it.
#[doc(hidden)]
pub const POINTS: [(&str, bool); 32] = [
    ("file.open", false),
    ("file.write", true),
    ("file.sync", false),
    ("file.rename", false),
    ("folder.sync", false),
    ("state.read", false),
    ("state.keep", false),
    ("state.replace", false),
    ("state.heal", false),
    ("log.folder", false),
    ("log.list", false),
    ("log.recover", false),
    ("log.create", false),
    ("log.folder_sync", false),
    ("log.write", true),
    ("log.sync", false),
    ("log.read", false),
    ("log.remove", false),
    ("bus.accept", false),
    ("bus.settle", false),
    ("identity.grant", false),
    ("identity.drop", false),
    ("config.apply", false),
    ("desired.apply", false),
    ("changes.acknowledge", false),
    ("engine.list", false),
    ("engine.image", false),
    ("engine.create", false),
    ("engine.start", false),
    ("engine.stop", false),
    ("engine.remove", false),
    ("engine.remove_image", false),
];

/// Places of the engine without a daemon, in the Agent, its workers and the shims.
#[doc(hidden)]
pub const NATIVE_POINTS: [&str; 13] = [
    "native.layer",
    "native.image",
    "native.record",
    "native.rootfs",
    "native.bundle",
    "native.make",
    "native.network",
    "native.note",
    "native.start",
    "native.end",
    "native.delete",
    "native.gone",
    "native.files",
];

/// When, in what is done at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    After,
    #[cfg_attr(test, allow(dead_code, reason = "in unit tests writes are cut in another way"))]
    Part,
}

/// What the environment asks for.
struct Orders {
    /// Name with moment, and how many passages are left.
    death: Option<(String, u32)>,
    trace: Option<File>,
    once: Option<PathBuf>,
}

thread_local! {
    static ORDERS: RefCell<Orders> = RefCell::new(Orders::read());
}

/// Passes a place; does not return when the process is to end there.
pub(super) fn pass(name: &str, moment: Moment) {
    if is_due(name, moment) {
        die();
    }
}

/// Counts a passage; true when the process is to end now.
pub(super) fn is_due(name: &str, moment: Moment) -> bool {
    ORDERS.with_borrow_mut(|orders| orders.count(name, moment))
}

/// SIGKILL: nothing is tidied up.
pub(super) fn die() {
    while kill_process(getpid(), Signal::KILL).is_ok() {
        std::thread::park();
    }
}

// === impl Orders ===

impl Orders {
    fn read() -> Self {
        let death = std::env::var("IOFOG_FAILPOINT").ok().map(|text| match text.split_once(':') {
            Some((place, count)) => (place.to_owned(), count.parse().unwrap_or(1)),
            None => (text, 1),
        });
        let file = std::env::var_os("IOFOG_FAILPOINT_TRACE");
        let trace =
            file.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
        let mut orders = Self {
            death,
            trace,
            once: std::env::var_os("IOFOG_FAILPOINT_ONCE").map(PathBuf::from),
        };
        orders.note("start");
        orders
    }

    fn count(&mut self, name: &str, moment: Moment) -> bool {
        let place = format!("{name}.{}", moment.as_str());
        self.note(&place);
        let Some((_, left)) = self.death.as_mut().filter(|(wanted, _)| *wanted == place) else {
            return false;
        };
        *left = left.saturating_sub(1);
        *left == 0 && self.once.as_ref().is_none_or(|file| std::fs::remove_file(file).is_ok())
    }

    fn note(&mut self, line: &str) {
        if let Some(file) = &mut self.trace {
            // A record of a test; what is missing in it fails the test.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }
}

// === impl Moment ===

impl Moment {
    fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Part => "part",
        }
    }
}
