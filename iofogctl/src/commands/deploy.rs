//! `deploy`: brings about what a file describes.

use crate::cli::{Command, Invocation, flag, short_option};
use crate::ops::{Context, deploy};
use crate::output::{stdout, success};
use crate::text::{Error, Result};

pub(super) const COMMAND: Command = Command {
    name: "deploy",
    usage: "deploy",
    short: "Deploy Edge Compute Network components on existing infrastructure",
    long: "Creates or changes everything the documents of a file describe. Repeating it is safe.",
    example: "iofogctl deploy -f FILE",
    flags: &[
        short_option("file", 'f', super::FILE_HELP),
        flag("dry-run", "Tell what would be done, and do nothing"),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let file = invocation.text("file");
    if file.is_empty() {
        return Err(Error::plain("Provided empty value for input file via the -f flag"));
    }
    if invocation.is_on("dry-run") {
        stdout(&deploy::dry_run(&mut Context::open(invocation)?, file)?);
        return Ok(());
    }
    deploy::deploy(&mut Context::open(invocation)?, file)?;
    success("Successfully deployed resources");
    Ok(())
}
