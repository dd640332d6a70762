//! A terminal that a test types at.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::{Home, program};

/// A program with a terminal of its own.
pub(crate) struct Typist {
    master: File,
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Typist {
    /// Starts the program of this package at a terminal of 24 lines of 80 characters.
    pub(crate) fn start(home: &Home, words: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = || File::options().read(true).write(true).open(&name).unwrap();
        let master = File::from(master);
        resize(&master, 24, 80);
        // Its session's own terminal, so that it hears of changes.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(program())
            .args(words)
            .env("HOME", &home.path)
            .stdin(slave())
            .stdout(slave())
            .stderr(slave())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut reader, kept) = (master.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { master, child, shown }
    }

    /// Types, and waits until something is shown that was not before.
    pub(crate) fn types(&mut self, keys: &str, until: &str) {
        self.shown.lock().unwrap().clear();
        self.master.write_all(keys.as_bytes()).unwrap();
        self.shows(until);
    }

    /// Types the same once more each second, until something is shown that was not before.
    pub(crate) fn asks(&mut self, keys: &str, until: &str) {
        self.shown.lock().unwrap().clear();
        for _ in 0..60 {
            self.master.write_all(keys.as_bytes()).unwrap();
            if self.is_shown(until, Duration::from_secs(1)) {
                return;
            }
        }
        panic!("{until:?} was not shown, but {:?}", self.shown.lock().unwrap());
    }

    /// Waits until something is shown.
    pub(crate) fn shows(&self, wanted: &str) {
        let shown = self.is_shown(wanted, Duration::from_secs(60));
        assert!(shown, "{wanted:?} was not shown, but {:?}", self.shown.lock().unwrap());
    }

    fn is_shown(&self, wanted: &str, patience: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if self.shown.lock().unwrap().contains(wanted) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        resize(&self.master, rows, columns);
    }

    /// The status that the program ends with.
    pub(crate) fn ends(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

fn resize(master: &File, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).unwrap();
}

/// A shell at the terminal: keys, both sizes, ctrl-c for the program in it alone, and its status.
pub(crate) fn shell_is_used(home: &Home, words: &[&str], busybox: &str) {
    let mut shell = Typist::start(home, words);
    // Docker's client tells the size once the program runs, and changes travel beside the keys.
    shell.asks(&format!("{busybox} stty size\n"), "24 80");
    shell.resize(50, 132);
    shell.asks(&format!("{busybox} stty size\n"), "50 132");
    shell.types(&format!("echo sum $((40+2)); {busybox} sleep 1000\n"), "sum 42");
    std::thread::sleep(Duration::from_millis(300));
    shell.types("\u{3}", "^C");
    shell.types("echo again $((1+1))\n", "again 2");
    shell.types("exit 7\n", "exit");
    assert_eq!(shell.ends(), Some(7));
}
