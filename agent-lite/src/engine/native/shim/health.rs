//! Runs the health check of the image in the container, again and again, and writes down what it says.

use std::fs;
use std::io::{self, Write as _};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::Instant;

use super::Session;
use super::children::Children;
use crate::disk;
use crate::domain::Health;
use crate::engine::native::health::{Check, Judge};

/// Until the session ends; without a check it waits for that.
pub(super) async fn watch(session: &Session, children: &Children) {
    let check = Check::of(session.record.execution.healthcheck.as_ref());
    let Some(check) = check else { return std::future::pending().await };
    let resumed = session.order.resume;
    let known = session.places.health(&session.order.id).filter(|_| resumed);
    let began = Instant::now();
    // A shim that came later does not know when the container began, only that it is long ago.
    let age = || if resumed { Duration::MAX } else { began.elapsed() };
    let mut judge = Judge::new(check.clone(), known);
    note(session, judge.health());
    loop {
        tokio::time::sleep(check.interval).await;
        let passed = run(session, children, &check).await;
        if judge.judge(age(), passed) {
            note(session, judge.health());
        }
    }
}

/// One check; a check that cannot be started, or takes too long, fails.
async fn run(session: &Session, children: &Children, check: &Check) -> bool {
    let folder = session.places.run_of(&session.order.id);
    let pid_file = folder.join("check.pid");
    let _ = fs::remove_file(&pid_file);
    let mut command = session.order.runtime.command(&folder.join("check.log"));
    command.arg("exec").arg("--pid-file").arg(&pid_file).arg(&session.order.id);
    command.args(&check.words).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(child) = command.spawn() else { return false };
    children.expect_check(child.id());
    match tokio::time::timeout(check.timeout, children.check_ended()).await {
        Ok(code) => code == 0,
        Err(_) => {
            children.forget_check();
            // The runtime's call first, then what it runs in the container.
            let inside = fs::read_to_string(&pid_file).ok();
            let inside = inside.and_then(|text| text.trim().parse::<u32>().ok());
            for pid in [Some(child.id()), inside].into_iter().flatten() {
                kill(pid);
            }
            false
        }
    }
}

fn kill(pid: u32) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        // It may be gone already.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// For the Agent: the verdict in a file, and a byte in the pipe that it listens to.
fn note(session: &Session, health: Health) {
    let path = session.places.run_of(&session.order.id).join("health.json");
    let written = serde_json::to_vec(&health).map_err(io::Error::from);
    // Without it the Agent shows the verdict before.
    let _ = written.and_then(|bytes| disk::write_atomically(&path, &bytes));
    // Full when no Agent reads for long: it looks when it comes back.
    let _ = session.alive().write(b"h");
}
