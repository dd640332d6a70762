//! `create`: creates a namespace.

use crate::cli::{Args, Command};
use crate::ops::{Context, namespace};
use crate::output::success;

pub(super) const COMMAND: Command = Command {
    name: "create",
    short: "Create a resource",
    children: &[Command {
        name: "namespace",
        usage: "namespace NAME",
        short: "Create a Namespace",
        long: "Creates an empty namespace: the place for one control plane and its resources.",
        example: "iofogctl create namespace NAME",
        args: Args::Exactly(1),
        run: Some(|call| {
            namespace::create(&mut Context::open(call)?, call.arg(0))?;
            success(&format!("Successfully created namespace {}", call.arg(0)));
            Ok(())
        }),
        ..Command::EMPTY
    }],
    ..Command::EMPTY
};
