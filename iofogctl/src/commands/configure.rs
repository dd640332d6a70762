//! `configure`: changes stored settings.

use crate::cli::{Args, Command, Flag, Invocation, Value, flag, option};
use crate::ops::Context;
use crate::ops::configure::{self, SshChange};
use crate::output::success;
use crate::text::Result;

pub(super) const COMMAND: Command = Command {
    name: "configure",
    usage: "configure RESOURCE NAME",
    short: "Configure iofogctl or ioFog resources",
    long: "Chooses the current namespace, or edits the stored SSH details of Controllers and Agents. Only the given details change.",
    example: "iofogctl configure current-namespace NAME\n\niofogctl configure controller  NAME --user USER --key KEYFILE --port PORTNUM\n                   controllers\n                   agent\n                   agents\n\niofogctl configure controlplane --kube FILE",
    args: Args::Between(1, 2),
    flags: &[
        option("user", "Login name on the remote host"),
        option("key", "Path of the private SSH key"),
        Flag { long: "port", short: None, value: Value::Int, help: "SSH port of the remote host" },
        option("kube", "Kubernetes config file"),
        flag("detached", super::DETACHED_HELP),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let (resource, name) = (invocation.arg(0), invocation.arg(1));
    let change = SshChange {
        user: invocation.text("user").to_owned(),
        key_file: invocation.text("key").to_owned(),
        port: configure::port(invocation.text("port"))?,
        kube: invocation.text("kube").to_owned(),
    };
    let last = configure::configure(
        &mut Context::open(invocation)?,
        resource,
        name,
        &change,
        invocation.is_on("detached"),
    )?;
    success(&format!("Succesfully configured {resource} {last}"));
    Ok(())
}
