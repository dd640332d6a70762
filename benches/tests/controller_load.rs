//! The load generator works on our Controller: every row gives figures. None of them is judged.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may fail here"
)]

use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;
use xtask::tools::cargo::{Profile, programs};

#[test]
fn every_row_gives_figures() {
    let controller = programs(Profile::Debug).unwrap().controller;
    if !controller.exists() {
        eprintln!("skipped: {} is not built", controller.display());
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let folder = std::env::temp_dir().join(format!("controller-load-test-{}", std::process::id()));
    let json = folder.with_extension("json");
    let output = Command::new(env!("CARGO_BIN_EXE_controller-load"))
        .args(["--base", &format!("http://127.0.0.1:{port}/api/v3"), "--agents", "12"])
        .args(["--requests", "24", "--connections", "4", "--data"])
        .arg(&folder)
        .arg("--json")
        .arg(&json)
        .args(["all", "--seconds", "3", "--installed"])
        .arg(&controller)
        .arg("--")
        .arg(&controller)
        .args(["start", "--data-dir", "{data}"])
        .env("Server_Host", "127.0.0.1")
        .env("Server_Port", port.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    println!("{text}");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let lines = report["lines"].as_array().unwrap();
    for row in [
        "start to first 200",
        "installed size",
        "memory",
        "GET agent/config/changes",
        "PUT agent/status",
        "GET iofog-list",
        "POST application",
        "provision (an agent = 3 requests)",
        "agents carried",
    ] {
        assert!(lines.iter().any(|line| line["row"] == row), "no line for {row}");
    }
    for line in lines.iter().filter(|line| line["row"] == "agents carried") {
        assert_eq!(line["figures"]["failed"], 0, "{line}");
    }
    let _ = std::fs::remove_dir_all(&folder);
    let _ = std::fs::remove_file(&json);
}
