//! Progress lines that a person can follow: seconds since the start, the part, what happens.

use std::io::Write;
use std::sync::OnceLock;
use std::time::Instant;

static STARTED: OnceLock<Instant> = OnceLock::new();

/// Starts the clock of the progress lines; the first line starts it otherwise.
pub fn start_clock() {
    STARTED.get_or_init(Instant::now);
}

/// Prints `   1.2 s  part        what`.
pub fn step(part: &str, what: &str) {
    let elapsed = STARTED.get_or_init(Instant::now).elapsed().as_secs_f32();
    line(&format!("{elapsed:7.1} s  {part:<12} {what}"));
}

/// Prints one line as it is. A closed standard output is no reason to stop half-way.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
