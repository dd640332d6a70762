//! The command tree. Each file declares one verb and hands over to the operations.

mod attach;
mod completion;
mod configure;
mod connect;
mod create;
mod delete;
mod deploy;
mod describe;
mod detach;
mod diff;
mod disconnect;
mod explain;
mod get;
mod help;
mod legacy;
mod logs;
mod messages;
mod movement;
mod prune;
mod rename;
mod start;
mod top;
mod up;
mod version;
mod view;

use crate::cli::{Command, Invocation};
use crate::text::{Error, Result};

pub(crate) use help::default_namespace;

const DETACHED_HELP: &str = "Work on detached resources";
const FILE_HELP: &str = "YAML file with the resources";
const PREVIEW_HELP: &str = "Form of the differences: json or yaml";

/// The file given with `-f`.
fn file_of(invocation: &Invocation) -> Result<&str> {
    match invocation.text("file") {
        "" => Err(Error::plain("Provided empty value for input file via the -f flag")),
        file => Ok(file),
    }
}

/// The whole tree.
pub static ROOT: Command = Command {
    name: "iofogctl",
    usage: "iofogctl",
    children: &[
        attach::COMMAND,
        completion::COMMAND,
        completion::AUTOCOMPLETE,
        completion::DOCUMENTATION,
        configure::COMMAND,
        connect::COMMAND,
        create::COMMAND,
        delete::COMMAND,
        deploy::COMMAND,
        describe::COMMAND,
        detach::COMMAND,
        diff::COMMAND,
        disconnect::COMMAND,
        up::DOWN,
        logs::EXEC,
        explain::COMMAND,
        get::COMMAND,
        help::COMMAND,
        legacy::COMMAND,
        logs::COMMAND,
        messages::COMMAND,
        movement::COMMAND,
        prune::COMMAND,
        rename::COMMAND,
        start::ROLLBACK,
        start::START,
        start::STOP,
        start::UPGRADE,
        top::COMMAND,
        up::COMMAND,
        version::COMMAND,
        view::COMMAND,
    ],
    ..Command::EMPTY
};
