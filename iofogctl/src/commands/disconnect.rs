//! `disconnect`: forgets a namespace; what runs keeps running.

use crate::cli::Command;
use crate::ops::Context;
use crate::text::Result;

pub(super) const COMMAND: Command = Command {
    name: "disconnect",
    usage: "disconnect",
    short: "Disconnect from an ioFog cluster",
    long: "Removes the records of a namespace. The network itself is not touched.",
    example: "iofogctl disconnect -n NAMESPACE",
    run: Some(|call| {
        let mut context = Context::open(call)?;
        let namespace = context.namespace.clone();
        match context.store.delete_namespace(&namespace) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Result::Ok(()),
        }
    }),
    ..Command::EMPTY
};
