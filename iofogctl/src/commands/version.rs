//! `version`: what this program is and which components it deploys.

use crate::cli::{Command, flag};
use crate::output::{info, stdout};

/// Line of the command contract this program keeps.
const CONTRACT: &str = "3.1.0";
const REPOSITORY: &str = "iofog";
const CONTROLLER: &str = "3.0.4";
const AGENT: &str = "3.0.1";
const IMAGES: &[(&str, &str)] = &[
    ("controller", CONTROLLER),
    ("agent", AGENT),
    ("operator", "3.2.0"),
    ("kubelet", "3.0.0-beta1"),
    ("port-manager", "3.0.0"),
    ("proxy", "3.0.0"),
    ("router", "3.0.0"),
];

pub(super) const COMMAND: Command = Command {
    name: "version",
    usage: "version",
    short: "Get CLI application version",
    example: "iofogctl version --ecn",
    flags: &[flag("ecn", "Show the versions of the components too")],
    run: Some(|call| {
        info("iofogctl - tool for ioFog edge compute networks, Apache-2.0\n");
        let mut text = format!(
            "version: {CONTRACT}\nplatform: {}/{}\ncommit: {}\ndate: {}\nimplementation: {}\n",
            std::env::consts::OS,
            std::env::consts::ARCH,
            option_env!("IOFOG_COMMIT").unwrap_or("undefined"),
            option_env!("IOFOG_DATE").unwrap_or("undefined"),
            env!("CARGO_PKG_VERSION"),
        );
        if call.is_on("ecn") {
            text.push_str(&format!("\ncontroller@{CONTROLLER}\nagent@{AGENT}\n\n"));
            for (image, tag) in IMAGES {
                text.push_str(&format!("{REPOSITORY}/{image}:{tag}\n"));
            }
        }
        stdout(&text);
        Ok(())
    }),
    ..Command::EMPTY
};
