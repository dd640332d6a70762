//! The program: reads the command line, runs the command, tells the outcome by message and status.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::{Parsed, complete, help, parse};
use crate::commands::{ROOT, default_namespace};
use crate::config::Store;
use crate::output;

const BANNER: &str = concat!(
    "     _       ____                 __  __    \n",
    "    (_)___  / __/___  ____  _____/ /_/ /\n",
    "   / / __ \\/ /_/ __ \\/ __ `/ ___/ __/ /\n",
    "  / / /_/ / __/ /_/ / /_/ / /__/ /_/ /\n",
    " /_/\\____/_/  \\____/\\__, /\\___/\\__/_/\n",
    "                   /____/\n"
);

/// Runs a command line without the program name.
pub fn run(words: Vec<OsString>) -> ExitCode {
    if words.first().is_some_and(|word| word == "__complete") {
        return complete_words(&words[1..]);
    }
    let bare = words.is_empty();
    let parsed = match parse(&ROOT, words) {
        Ok(parsed) => parsed,
        Err(error) => return failed(&error),
    };
    match parsed {
        Parsed::Help(path) => {
            if bare {
                output::info(BANNER);
                output::info(
                    "Commands for ioFog edge compute networks.\n\nUse `iofogctl version` to display the current version.\n\n",
                );
            }
            output::stdout(&help::text(&path, &default_namespace()));
            ExitCode::SUCCESS
        }
        Parsed::Run(action, invocation) => {
            output::set_trace(invocation.is_on("debug"));
            output::set_plain_progress(invocation.is_on("verbose") || invocation.is_on("debug"));
            match action(&invocation) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            }
        }
    }
}

fn failed(error: &crate::text::Error) -> ExitCode {
    if let crate::text::Error::Status(status) = error {
        return ExitCode::from(*status);
    }
    output::failure(error);
    ExitCode::FAILURE
}

fn complete_words(words: &[OsString]) -> ExitCode {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut store = Store::open_home().ok();
    let lines: Vec<String> = complete::candidates(&ROOT, &words, store.as_mut())
        .into_iter()
        .filter(|(word, _)| is_plain(word))
        .map(|(word, help)| format!("{word}\t{help}\n"))
        .collect();
    output::stdout(&lines.concat());
    ExitCode::SUCCESS
}

/// Whether a shell takes a word as it is. Names come from the Controller and from files; shells put what is offered into
/// the command line, and one that is run there must do nothing else.
fn is_plain(word: &str) -> bool {
    word.chars().all(|letter| letter.is_alphanumeric() || "-_./:@=+,%#".contains(letter))
}
