//! `help`: prints the help of a command.

use super::ROOT;
use crate::cli::{Command, Invocation, help};
use crate::config::Store;
use crate::output::stdout;
use crate::text::Result;

pub(super) const COMMAND: Command = Command {
    name: "help",
    usage: "help [command]",
    short: "Help about any command",
    run: Some(run),
    ..Command::EMPTY
};

fn run(call: &Invocation) -> Result<()> {
    let mut path: Vec<&Command> = vec![&ROOT];
    for word in &call.args {
        match path.last().and_then(|command| command.child(word)) {
            Some(child) => path.push(child),
            None => break,
        }
    }
    stdout(&help::text(&path, &default_namespace()));
    Ok(())
}

/// Namespace named in help texts; a broken config must not keep help away.
pub(crate) fn default_namespace() -> String {
    Store::open_home()
        .map_or_else(|_| "default".to_owned(), |store| store.default_namespace().to_owned())
}
