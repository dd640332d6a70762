//! The command line frame and the local records, through the program itself.

mod common;

use common::Home;

#[test]
fn frame_every_command_has_help() {
    let home = Home::new("help");
    let listed = |text: &str| -> Vec<String> {
        let part = text.split("Available Commands:\n").nth(1).unwrap_or_default();
        let lines = part.lines().take_while(|line| line.starts_with("  "));
        lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
    };
    let top = home.ok(&["--help"]);
    let commands = listed(&top);
    assert!(commands.len() >= 23, "{commands:?}");
    for command in &commands {
        let help = home.ok(&[command, "--help"]);
        assert!(help.contains("Usage:\n"), "{command}");
        for child in listed(&help) {
            assert!(
                home.ok(&[command, &child, "-h"]).contains(&format!("iofogctl {command} {child}")),
                "{command} {child}"
            );
        }
    }
}

#[test]
fn frame_namespaces_live_in_files() {
    let home = Home::new("namespaces");
    assert!(
        home.ok(&["create", "namespace", "plant"])
            .contains("✔ Successfully created namespace plant")
    );
    assert_eq!(home.fails(&["create", "namespace", "plant"]), "Resource conflict error\nplant");
    assert_eq!(
        home.fails(&["configure", "current-namespace", "none"]),
        "Unknown resource error\nnone"
    );
    home.ok(&["configure", "default-namespace", "plant"]);
    assert!(home.read(".iofog/v3/config.yaml").contains("defaultNamespace: plant"));
    assert!(home.ok(&["get", "namespaces"]).starts_with("NAMESPACE\tAGE\t\t\nplant*\t\t"));
    home.ok(&["rename", "namespace", "plant", "works"]);
    assert!(home.ok(&["describe", "namespace", "works"]).starts_with("name: works\ncreated: "));
    assert!(
        home.ok(&["delete", "namespace", "works"]).contains("Successfully deleted Namespace works")
    );
    assert_eq!(
        home.fails(&["delete", "namespace", "default"]),
        "User input error\nCannot delete namespace named \"default\""
    );
    assert_eq!(home.ok(&["disconnect", "-n", "nothing"]), "");
}

#[test]
fn frame_lists_without_control_plane_are_headings() {
    let home = Home::new("headings");
    let text = home.ok(&["get", "all"]);
    assert!(text.starts_with("NAMESPACE\ndefault\n\nCONTROLLER\tSTATUS\t\tAGE\t\t"));
    assert_eq!(
        home.fails(&["get", "registries"]),
        "Namespace default does not contain a Control Plane"
    );
    let json: serde_json::Value =
        serde_json::from_str(&home.ok(&["get", "all", "-o", "json"])).unwrap();
    assert_eq!(json["agents"], serde_json::json!([]));
}

#[test]
fn frame_completions_and_documentation() {
    let home = Home::new("docs");
    home.ok(&["create", "namespace", "plant"]);
    assert_eq!(home.ok(&["__complete", "describe", "namespace", ""]), "default\t\nplant\t\n");
    // What a shell would run is not offered to it.
    let file = ".iofog/v3/namespaces/plant.yaml";
    let agents = "  remoteAgents: [{name: gate-1}, {name: \"$(touch pwned)\"}, {name: \"a;b\"}, {name: \"a\\nb\"}]\n";
    home.write(file, &(home.read(file) + agents));
    home.ok(&["configure", "current-namespace", "plant"]);
    assert_eq!(home.ok(&["__complete", "describe", "agent", ""]), "gate-1\t\n");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(home.ok(&["completion", shell]).contains("__complete"), "{shell}");
    }
    home.ok(&["autocomplete", "bash"]);
    assert!(home.read(".iofog/completion.bash.sh").contains("complete "));
    home.ok(&["documentation", "man", "-o", "./man"]);
    assert!(home.read("man/iofogctl-get.1").starts_with(".TH IOFOGCTL-GET 1"));
}

#[test]
fn frame_version_is_yaml_after_its_first_line() {
    let home = Home::new("version");
    let text = home.ok(&["version", "--ecn"]);
    assert!(
        text.contains("\nversion: 3.1.0\nplatform: ")
            && text.contains("\ncontroller@3.0.4\nagent@3.0.1\n\niofog/controller:3.0.4\n")
    );
}

#[test]
fn frame_files_without_an_end_and_homes_without_a_name_are_refused() {
    let home = Home::new("endless");
    let told = home.fails(&["deploy", "-f", "/dev/zero"]);
    assert_eq!(told, "User input error\n/dev/zero is larger than 16 MiB");
    let output = std::process::Command::new(common::program())
        .args(["get", "namespaces"])
        .env("HOME", "")
        .current_dir(&home.path)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("$HOME is not defined"));
    // The records of detached Agents are no namespace that anybody may remove.
    for words in [
        ["delete", "namespace", "_detached"].as_slice(),
        &["delete", "namespace", "_detached", "--force"],
        &["rename", "namespace", "_detached", "plant"],
    ] {
        assert!(home.fails(words).contains("Unknown resource error"), "{words:?}");
    }
    home.run(&["disconnect", "-n", "_detached"]);
    assert!(home.read(".iofog/v3/namespaces/_detached.yaml").contains("name: _detached"));
}
