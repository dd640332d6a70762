//! `completion` and the hidden commands that write completions and documentation to files.

use std::path::PathBuf;

use super::ROOT;
use crate::cli::complete::{self, Shell};
use crate::cli::{Args, Command, Invocation, man, short_option};
use crate::config::Store;
use crate::output::{line, stdout};
use crate::text::{Error, Result, names};

pub(super) const COMMAND: Command = Command {
    name: "completion",
    short: "Generate the autocompletion script for the specified shell",
    long: "Prints a script that teaches a shell the commands, flags and resource names of iofogctl.",
    children: &[
        Command {
            name: "bash",
            short: "Generate the autocompletion script for bash",
            run: Some(|_| print(Shell::Bash)),
            ..SHELL
        },
        Command {
            name: "fish",
            short: "Generate the autocompletion script for fish",
            run: Some(|_| print(Shell::Fish)),
            ..SHELL
        },
        Command {
            name: "powershell",
            short: "Generate the autocompletion script for powershell",
            run: Some(|_| print(Shell::PowerShell)),
            ..SHELL
        },
        Command {
            name: "zsh",
            short: "Generate the autocompletion script for zsh",
            run: Some(|_| print(Shell::Zsh)),
            ..SHELL
        },
    ],
    ..Command::EMPTY
};

const SHELL: Command = Command { args: Args::Exactly(0), ..Command::EMPTY };

pub(super) const AUTOCOMPLETE: Command = Command {
    name: "autocomplete",
    usage: "autocomplete SHELL",
    short: "Write a completion script to the config directory",
    args: Args::OneOf(&["bash", "zsh"]),
    run: Some(autocomplete),
    hidden: true,
    ..Command::EMPTY
};

pub(super) const DOCUMENTATION: Command = Command {
    name: "documentation",
    usage: "documentation FORM",
    short: "Write the documentation of all commands as markdown or manual pages",
    args: Args::OneOf(&["md", "man"]),
    flags: &[short_option("output-dir", 'o', "Directory to write to")],
    run: Some(documentation),
    hidden: true,
    ..Command::EMPTY
};

fn print(shell: Shell) -> Result<()> {
    stdout(&complete::script(shell, &ROOT));
    Ok(())
}

fn autocomplete(call: &Invocation) -> Result<()> {
    let shell = if call.arg(0) == "zsh" { Shell::Zsh } else { Shell::Bash };
    let file = config_root()?.join(format!("completion.{}.sh", call.arg(0)));
    write(&file, &complete::script(shell, &ROOT))?;
    line(&format!("source {}", file.display()));
    Ok(())
}

fn documentation(call: &Invocation) -> Result<()> {
    let directory = match call.text("output-dir") {
        "" => config_root()?.join("docs").join(call.arg(0)),
        given => PathBuf::from(names::expand_path(given)?),
    };
    std::fs::create_dir_all(&directory).map_err(|cause| Error::io("mkdir", &directory, &cause))?;
    let pages = if call.arg(0) == "man" { man::pages(&ROOT) } else { man::markdown(&ROOT) };
    for (name, text) in pages {
        write(&directory.join(name), &text)?;
    }
    line(&format!("Documentation is in {}", directory.display()));
    Ok(())
}

/// `~/.iofog`.
fn config_root() -> Result<PathBuf> {
    let store = Store::open_home()?;
    Ok(store.directory().parent().map_or_else(|| store.directory().to_path_buf(), PathBuf::from))
}

fn write(file: &std::path::Path, text: &str) -> Result<()> {
    std::fs::write(file, text).map_err(|cause| Error::io("write", file, &cause))
}
