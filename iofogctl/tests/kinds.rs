//! Every kind of document, valid and not: what `deploy --dry-run` prints, byte for byte. The cases
//! are `kinds/KIND.CASE.yaml`; with `IOFOGCTL_RECORD` set, the `.txt` beside each is written anew.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
#[path = "common/network.rs"]
mod network;

use std::path::Path;

use common::{FakeController, Home};

/// The kinds of the contract that can be deployed without the Operator; each has a valid and an invalid case.
const KINDS: &[&str] = &[
    "Agent",
    "AgentConfig",
    "Application",
    "ApplicationTemplate",
    "CatalogItem",
    "ControlPlane",
    "Controller",
    "EdgeResource",
    "LocalAgent",
    "LocalControlPlane",
    "LocalController",
    "Microservice",
    "Registry",
    "Route",
    "Volume",
];

fn cases() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kinds");
    let mut cases: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".yaml").map(str::to_owned)
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn kinds_have_valid_and_invalid_cases() {
    let cases = cases();
    for kind in KINDS {
        let prefix = format!("{kind}.");
        let (valid, invalid): (Vec<&str>, Vec<&str>) = cases
            .iter()
            .filter_map(|case| case.strip_prefix(&prefix))
            .partition(|case| case.starts_with("valid"));
        assert!(!valid.is_empty() && !invalid.is_empty(), "{kind}: {valid:?} {invalid:?}");
    }
}

#[test]
fn kinds_messages_are_as_recorded() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kinds");
    let controller = FakeController::start(network::small());
    let home = Home::new("kinds");
    home.connect(&controller);
    let record = std::env::var_os("IOFOGCTL_RECORD").is_some();
    let mut different = Vec::new();
    let before = controller.requests().len();
    for case in cases() {
        let text = std::fs::read_to_string(directory.join(format!("{case}.yaml"))).unwrap();
        home.write("file.yaml", &text);
        let output = home.run(&["deploy", "--dry-run", "-f", "file.yaml"]);
        let printed = format!(
            "{}--- stderr\n{}--- status {}\n",
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
            output.status.code().unwrap()
        )
        .replace(&home.path.display().to_string(), "HOME")
        .replace(&controller.address(), "CONTROLLER");
        let golden = directory.join(format!("{case}.txt"));
        if record {
            std::fs::write(&golden, &printed).unwrap();
        }
        let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
        if printed != wanted {
            different.push(format!("== {case}\n-- wanted\n{wanted}-- printed\n{printed}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    let changing: Vec<String> = controller
        .requests()
        .split_off(before)
        .into_iter()
        .filter(|line| {
            !["GET ", "HEAD ", "POST /user/login"].iter().any(|start| line.starts_with(start))
        })
        .collect();
    assert!(changing.is_empty(), "a dry run changes nothing: {changing:?}");
}
