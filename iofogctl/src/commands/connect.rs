//! `connect`: takes a running control plane into a namespace.

use crate::cli::{Command, Invocation, flag, option, short_option};
use crate::ops::Context;
use crate::ops::connect::{self, Options};
use crate::output::{line, success};
use crate::text::Result;

pub(super) const COMMAND: Command = Command {
    name: "connect",
    usage: "connect",
    short: "Connect to an existing Control Plane",
    long: "Records a running control plane and its Agents in an empty or new namespace.",
    example: "iofogctl connect -f controlplane.yaml\niofogctl connect --email EMAIL --pass PASSWORD --ecn-addr ENDPOINT --name NAME\niofogctl connect --generate",
    flags: &[
        short_option("file", 'f', super::FILE_HELP),
        option("name", "Name for the Controller"),
        option("ecn-addr", "Address of the Controller"),
        option("kube", "Kubernetes config file"),
        option("email", "Mail address of the account"),
        option("pass", "Password of the account"),
        flag("force", "Overwrite what is in the namespace"),
        flag("generate", "Print the command that connects another machine"),
        flag("b64", "The password is base64 already"),
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(invocation: &Invocation) -> Result<()> {
    let mut context = Context::open(invocation)?;
    if invocation.is_on("generate") {
        line(&connect::connection_string(&mut context)?);
        return Ok(());
    }
    let text = |flag: &str| invocation.text(flag).to_owned();
    let options = Options {
        file: text("file"),
        name: text("name"),
        address: text("ecn-addr"),
        kube: text("kube"),
        email: text("email"),
        password: text("pass"),
        encoded: invocation.is_on("b64"),
        force: invocation.is_on("force"),
    };
    connect::connect(&mut context, &options)?;
    success(&format!("Successfully connected resources to namespace {}", context.namespace));
    Ok(())
}
