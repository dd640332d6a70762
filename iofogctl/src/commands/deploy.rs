//! `deploy`: brings about what a file describes.

use crate::cli::{Command, Invocation, flag, short_option};
use crate::ops::{Context, deploy, preview};
use crate::output::{Format, stdout, success};
use crate::text::Result;

pub(super) const COMMAND: Command = Command {
    name: "deploy",
    usage: "deploy",
    short: "Deploy Edge Compute Network components on existing infrastructure",
    long: "Creates or changes everything the documents of a file describe. Repeating it is safe.",
    example: "iofogctl deploy -f FILE",
    flags: &[
        short_option("file", 'f', super::FILE_HELP),
        flag("dry-run", "Tell what would be done, field by field, and do nothing"),
        short_option("output", 'o', super::PREVIEW_HELP),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let file = super::file_of(invocation)?;
    if invocation.is_on("dry-run") {
        let format = Format::parse(invocation.text("output"))?;
        stdout(&preview::preview(&mut Context::open(invocation)?, file)?.text(format)?);
        return Ok(());
    }
    deploy::deploy(&mut Context::open(invocation)?, file)?;
    success("Successfully deployed resources");
    Ok(())
}
