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
mod disconnect;
mod get;
mod help;
mod legacy;
mod logs;
mod movement;
mod prune;
mod rename;
mod start;
mod top;
mod version;
mod view;

use crate::cli::Command;

pub(crate) use help::default_namespace;

const DETACHED_HELP: &str = "Work on detached resources";
const FILE_HELP: &str = "YAML file with the resources";

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
        disconnect::COMMAND,
        get::COMMAND,
        help::COMMAND,
        legacy::COMMAND,
        logs::COMMAND,
        movement::COMMAND,
        prune::COMMAND,
        rename::COMMAND,
        start::ROLLBACK,
        start::START,
        start::STOP,
        start::UPGRADE,
        top::COMMAND,
        version::COMMAND,
        view::COMMAND,
    ],
    ..Command::EMPTY
};
