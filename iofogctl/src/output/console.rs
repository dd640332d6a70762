//! Coloured messages in the contract's form. Colours are there also when nobody is watching.

use std::borrow::Cow;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::text::Error;

const RESET: &str = "\u{1b}[0m";
const BLUE: &str = "\u{1b}[38;5;117m";
const RED: &str = "\u{1b}[38;5;1m";
const GREEN: &str = "\u{1b}[38;5;28m";

/// `--debug`: HTTP and SSH traffic is shown.
static TRACE: AtomicBool = AtomicBool::new(false);
/// `--verbose` or `--debug`: steps are printed as plain lines.
static PLAIN_PROGRESS: AtomicBool = AtomicBool::new(false);

/// Turns tracing on.
pub fn set_trace(on: bool) {
    TRACE.store(on, Ordering::Relaxed);
}

/// Turns steps as plain lines on.
pub fn set_plain_progress(on: bool) {
    PLAIN_PROGRESS.store(on, Ordering::Relaxed);
}

/// Writes to standard output; a reader that went away ends the program quietly, a full disk with a message.
pub fn stdout(text: &str) {
    pass_out(text.as_bytes());
}

/// Passes bytes of another program on to standard output.
pub fn pass_out(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            stderr(&format!("{RED}✘ Write standard output: {error}{RESET}\n"));
        }
        std::process::exit(1);
    }
}

/// Passes bytes of another program on to standard error.
pub fn pass_err(bytes: &[u8]) {
    // Nothing sensible is left to do when standard error is closed.
    let _ = std::io::stderr().lock().write_all(bytes);
}

/// Writes to standard error.
fn stderr(text: &str) {
    pass_err(text.as_bytes());
}

/// A plain line on standard output.
pub fn line(text: &str) {
    stdout(&format!("{text}\n"));
}

/// A finished command.
pub fn success(text: &str) {
    clear_step();
    stdout(&format!("{GREEN}✔ {}{RESET}\n", capital(text)));
}

/// Information.
pub fn info(text: &str) {
    clear_step();
    stdout(&format!("{BLUE}{}{RESET}\n", capital(text)));
}

/// Something to know, on standard error.
pub fn notice(text: &str) {
    clear_step();
    stderr(&format!("{BLUE}! {}{RESET}\n", capital(text)));
}

/// A failed command, on standard error.
pub fn failure(error: &Error) {
    clear_step();
    stderr(&format!("{RED}✘ {}{RESET}\n", capital(&error.to_string())));
}

/// The step a long command is at: a line that later output replaces, on terminals only.
pub fn progress(text: &str) {
    if PLAIN_PROGRESS.load(Ordering::Relaxed) {
        line(text);
    } else if on_terminal() {
        stderr(&format!("\r\u{1b}[K… {text}"));
    }
}

/// A line of traffic with `--debug`; the text is only built then.
pub fn trace(text: impl FnOnce() -> String) {
    if TRACE.load(Ordering::Relaxed) {
        line(&text());
    }
}

fn clear_step() {
    if on_terminal() && !PLAIN_PROGRESS.load(Ordering::Relaxed) {
        stderr("\r\u{1b}[K");
    }
}

fn on_terminal() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal()
}

fn capital(text: &str) -> String {
    let text = harmless(text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Text of others without what a terminal would obey.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let obeyed = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    match text.contains(obeyed) {
        true => text.replace(obeyed, "\u{fffd}").into(),
        false => text.into(),
    }
}
