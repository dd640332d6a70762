//! System call traces of microservices, by the device's `strace` (agent contract 12.1). Only what was started here is
//! ended, and what is not fetched is bounded.

use std::cell::RefCell;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use iofog_sorted::{SortedMap, SortedSet};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::ids::MicroserviceUuid;

/// Bytes of one trace between two reports; a Controller takes bodies of 100 kB.
const KEPT: usize = 16 << 10;
/// Bytes of one report.
const REPORT: usize = 80 << 10;
const LONGEST_LINE: usize = 1 << 10;
/// How often a process is looked for that is not there.
const LOOK: Duration = Duration::from_secs(1);

/// Finds the first process of a microservice's container.
type Find = Rc<dyn Fn(&MicroserviceUuid) -> Option<u32>>;

/// The traces that run.
pub struct Traces {
    find: Find,
    running: RefCell<SortedMap<MicroserviceUuid, Trace>>,
}

struct Trace {
    lines: Rc<RefCell<Lines>>,
    task: JoinHandle<()>,
}

/// Lines that wait to be reported.
#[derive(Default)]
struct Lines {
    text: String,
    left_out: usize,
}

// === impl Traces ===

impl Traces {
    /// None runs yet; `find` tells the first process of a microservice's container.
    pub fn new(find: impl Fn(&MicroserviceUuid) -> Option<u32> + 'static) -> Self {
        Self { find: Rc::new(find), running: RefCell::default() }
    }

    /// Starts and ends traces so that those of `wanted` run.
    pub fn follow(&self, wanted: &SortedSet<MicroserviceUuid>) {
        let mut running = self.running.borrow_mut();
        running.retain(|uuid, _| wanted.contains(uuid));
        for uuid in wanted {
            let begin = || Trace::start(uuid.clone(), self.find.clone());
            running.entry(uuid.clone()).or_insert_with(begin);
        }
    }

    /// What was traced since the last call, as much as one report may hold; nothing when nothing runs.
    pub fn take(&self) -> Vec<(MicroserviceUuid, String)> {
        let running = self.running.borrow();
        let share = (REPORT / running.len().max(1)).min(KEPT);
        let all = running
            .iter()
            .map(|(uuid, trace)| (uuid.clone(), trace.lines.borrow_mut().take(share)));
        all.filter(|(_, text)| !text.is_empty()).collect()
    }
}

// === impl Trace ===

impl Trace {
    fn start(uuid: MicroserviceUuid, find: Find) -> Self {
        let lines = Rc::<RefCell<Lines>>::default();
        let task = iofog_task::spawn(run(uuid, find, lines.clone()));
        Self { lines, task }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Traces one process after the other, as containers are started anew.
async fn run(uuid: MicroserviceUuid, find: Find, lines: Rc<RefCell<Lines>>) {
    let mut traced = None;
    loop {
        let process = find(&uuid).filter(|pid| traced != Some(*pid));
        let Some(pid) = process else {
            tokio::time::sleep(LOOK).await;
            continue;
        };
        traced = Some(pid);
        let mut command = Command::new("strace");
        command.args(["-p", &pid.to_string()]).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                lines.borrow_mut().push(&format!("strace cannot be run on this device: {error}"));
                return;
            }
        };
        let Some(output) = child.stderr.take() else { return };
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).await.is_ok_and(|count| count > 0) {
            lines.borrow_mut().push(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
        let _ = child.wait().await;
    }
}

// === impl Lines ===

impl Lines {
    fn push(&mut self, line: &str) {
        let end = line.floor_char_boundary(LONGEST_LINE);
        if self.text.len() + end + 1 > KEPT {
            self.left_out += 1;
            return;
        }
        self.text.push_str(&line[..end]);
        self.text.push('\n');
    }

    fn take(&mut self, share: usize) -> String {
        if self.text.len() > share {
            let end = self.text[..self.text.floor_char_boundary(share)]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            self.left_out += self.text[end..].lines().count();
            self.text.truncate(end);
        }
        let mut text = std::mem::take(&mut self.text);
        match std::mem::take(&mut self.left_out) {
            0 => {}
            count => text.push_str(&format!("... {count} lines left out\n")),
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_fetches_is_bounded_and_counted() {
        let mut lines = Lines::default();
        for _ in 0..1000 {
            lines.push(&"x".repeat(99));
        }
        let text = lines.take(KEPT);
        assert!(text.len() <= KEPT + 64);
        let kept = KEPT / 100;
        assert!(text.ends_with(&format!("... {} lines left out\n", 1000 - kept)), "{}", text.len());
        assert_eq!(lines.take(KEPT), "");
        lines.push(&"ä".repeat(2000));
        assert_eq!(lines.take(KEPT).len(), LONGEST_LINE + 1);
        (0..10).for_each(|_| lines.push("0123456789"));
        assert!(lines.take(50).ends_with("... 6 lines left out\n"), "a share of a report");
    }
}
