//! `diff`: what deploying a file would change.

use crate::cli::{Args, Command, Invocation, short_option};
use crate::ops::{Context, preview};
use crate::output::{Format, stdout};
use crate::text::{Error, Result};

/// Exit status when deploying would change something; 0 when not, 1 when that cannot be told.
const DIFFERENT: u8 = 2;

pub(super) const COMMAND: Command = Command {
    name: "diff",
    usage: "diff",
    short: "Show what deploying a file would change",
    long: "Compares the documents of a file with the Controller and the config files, field by field, and changes nothing. \
           Exit status: 0 when all is as the file says, 2 when something differs, 1 when that cannot be told.",
    example: "iofogctl diff -f FILE\niofogctl diff -f FILE -o json",
    args: Args::Exactly(0),
    flags: &[
        short_option("file", 'f', super::FILE_HELP),
        short_option("output", 'o', super::PREVIEW_HELP),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let file = super::file_of(invocation)?;
    let format = Format::parse(invocation.text("output"))?;
    let preview = preview::preview(&mut Context::open(invocation)?, file)?;
    stdout(&preview.text(format)?);
    if preview.is_change() { Err(Error::Status(DIFFERENT)) } else { Ok(()) }
}
