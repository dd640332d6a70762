//! Output compared byte for byte with files recorded from the standard program against the same
//! answers. With `IOFOGCTL_PEER` set to that program, the files are recorded again.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

mod common;
#[path = "common/network.rs"]
mod network;

use std::path::{Path, PathBuf};

use common::{FakeController, Home};

/// File name and command line.
const COMMANDS: &[(&str, &str)] = &[
    ("get-all", "get all"),
    ("get-agents", "get agents"),
    ("get-controllers", "get controllers"),
    ("get-applications", "get applications"),
    ("get-templates", "get application-templates"),
    ("get-edge-resources", "get edge-resources"),
    ("get-catalog", "get catalog"),
    ("get-registries", "get registries"),
    ("get-volumes", "get volumes"),
    ("get-routes", "get routes"),
    ("describe-agent", "describe agent gate-1"),
    ("describe-agent-config", "describe agent-config gate-1"),
    ("describe-agent-config-interior", "describe agent-config hub-1"),
    ("describe-application", "describe application demo"),
    ("describe-microservice", "describe microservice demo/reader"),
    ("describe-microservice-catalog", "describe microservice demo/writer"),
    ("describe-route", "describe route demo/flow"),
    ("describe-edge-resource", "describe edge-resource thermo 1.0.0"),
    ("describe-template", "describe application-template tmpl"),
    ("describe-registry", "describe registry 3"),
    ("describe-controlplane", "describe controlplane"),
    ("describe-controller", "describe controller remote"),
    ("connect-generate", "connect --generate"),
    ("missing-agent", "describe agent nobody"),
    ("missing-microservice", "describe microservice demo/none"),
    ("missing-route", "describe route demo/none"),
    ("missing-registry", "describe registry 99"),
    ("bad-name", "describe route a/b/c"),
    ("rename-bad-name", "rename agent gate-1 Bad"),
    ("delete-busy-agent", "delete agent gate-1"),
    ("detach-busy-agent", "detach agent gate-1"),
    ("connect-in-use", "connect --ecn-addr x --name y --email a --pass b"),
    ("unknown-command", "gett"),
    ("unknown-resource", "get nonsense"),
    ("unknown-flag", "get all --foo"),
];

/// Both streams and the status, the Controller's port made constant.
fn transcript(home: &Home, program: &Path, line: &str, port: u16) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let output = home.run_program(program, &words);
    let text = format!(
        "{}--- stderr\n{}--- status {}\n",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap_or(-1)
    );
    text.replace(&port.to_string(), "PORT")
}

#[test]
fn golden_output() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let controller = FakeController::start(network::small());
    let home = Home::new("golden");
    home.connect(&controller);
    if let Some(peer) = std::env::var_os("IOFOGCTL_PEER").map(PathBuf::from) {
        for (name, line) in COMMANDS {
            let text = transcript(&home, &peer, line, controller.port);
            std::fs::write(directory.join(name).with_extension("txt"), text).unwrap();
        }
    }
    let ours = Path::new(env!("CARGO_BIN_EXE_iofogctl"));
    let mut different = Vec::new();
    for (name, line) in COMMANDS {
        let wanted = std::fs::read_to_string(directory.join(name).with_extension("txt")).unwrap();
        let text = transcript(&home, ours, line, controller.port);
        if text != wanted {
            different.push(format!("== {line}\n-- wanted\n{wanted}-- printed\n{text}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn golden_config_files_are_read_and_written_alike() {
    let Some(peer) = std::env::var_os("IOFOGCTL_PEER").map(PathBuf::from) else {
        eprintln!("skipped: IOFOGCTL_PEER is not set");
        return;
    };
    let controller = FakeController::start(network::small());
    let home = Home::new("both");
    home.connect(&controller);
    // Each program changes what the other wrote.
    let words = ["configure", "agent", "gate-1", "--user", "ops", "--key", "/k", "--port", "2222"];
    assert!(home.run_program(&peer, &words).status.success());
    home.ok(&["configure", "agent", "hub-1", "--user", "root", "--key", "~/id"]);
    home.ok(&["rename", "controller", "remote", "ctl-1"]);
    let file = ".iofog/v3/namespaces/plant.yaml";
    let ours = home.read(file);
    assert!(home.run_program(&peer, &["get", "agents"]).status.success());
    assert_eq!(home.read(file), ours);
}
