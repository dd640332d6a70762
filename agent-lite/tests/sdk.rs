//! The unmodified Go, Python, Node and Java SDKs as clients of the Local API, with a Router behind it.

#![allow(clippy::unwrap_used, reason = "helpers of tests: failures are their purpose")]

mod bus_support;
#[path = "bus_support/nobody.rs"]
mod nobody;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use bus_support::{Node, router, run};
use iofog_agent::local_api::{LocalApi, LocalApiOptions};
use iofog_router::config::Mode;
use nobody::Nobody;
use tokio::net::TcpListener;

#[test]
fn go_sdk_reads_config_sends_and_receives() {
    let Some(program) = build() else {
        println!("skipped: the Go SDK's program cannot be built here");
        return;
    };
    let said = exercise("sdk-go", Command::new(program));
    assert!(said.contains("config 5") && said.contains("query finds 1"), "{said}");
}

#[test]
#[allow(clippy::print_stdout, reason = "says why a test is skipped")]
fn python_sdk_sends_and_receives() {
    let Some(packages) = install() else {
        println!("skipped: the Python SDK cannot be installed here");
        return;
    };
    let mut program = Command::new("python3");
    program.arg(sdk("python/client.py")).env("PYTHONPATH", packages);
    let said = exercise("sdk-python", program);
    assert!(said.contains("received and confirmed 200"), "{said}");
}

#[test]
#[allow(clippy::print_stdout, reason = "says why a test is skipped")]
fn node_sdk_reads_config_sends_and_receives() {
    if std::env::var_os("IOFOG_NODE_SDK").is_none() {
        println!(
            "skipped: IOFOG_NODE_SDK names no folder with the Node SDK, which is in no registry"
        );
        return;
    }
    let mut program = Command::new("node");
    program.arg(sdk("node/client.js"));
    let said = exercise("sdk-node", program);
    let expected = ["config 5", "query finds 1", "received 200"];
    assert!(expected.iter().all(|text| said.contains(text)), "{said}");
}

#[test]
#[allow(clippy::print_stdout, reason = "says why a test is skipped")]
fn java_sdk_reads_config_sends_and_receives() {
    let Some(jar) = std::env::var_os("IOFOG_JAVA_SDK") else {
        println!("skipped: IOFOG_JAVA_SDK names no jar with the Java SDK, which is in no registry");
        return;
    };
    let mut program = Command::new("java");
    program.arg("-cp").arg(jar).arg(sdk("java/Client.java"));
    let said = exercise("sdk-java", program);
    let expected = ["config 5", "received 200 in order, with 200 receipts"];
    assert!(expected.iter().all(|text| said.contains(text)), "{said}");
}

/// Runs an SDK's program as a microservice that sends to itself; returns what it printed.
fn exercise(name: &str, mut program: Command) -> String {
    let said = Rc::new(RefCell::new(String::new()));
    let result = said.clone();
    run(async move {
        let edge = router(Mode::Edge, "edge", &[]).await;
        let node = Node::new(name);
        node.host_microservice("self", "{\"rate\":\"5\"}", &["self"]);
        node.use_router(&edge);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = LocalApiOptions::default();
        let api = LocalApi::new(node.context.clone(), node.bus.clone(), Rc::new(Nobody), options);
        tokio::task::spawn_local(api.serve(listener));
        program.args(["127.0.0.1", &port.to_string(), "200"]).env("SELFNAME", "self");
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}{complaint}");
        // The SDK acknowledges in the background: what it did not when the program ended is held still.
        let status = node.bus.status();
        assert_eq!((status.ledger.accepted, status.ledger.given_up()), (201, 0));
        assert_eq!(status.ledger.pending(), u64::try_from(status.pending).unwrap());
        result.replace(text);
    });
    said.take()
}

fn sdk(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sdk").join(path)
}

/// Installs the Python SDK into a folder of its own; none when there is no pip, or the packages cannot be had.
#[allow(clippy::print_stdout, reason = "says why a test is skipped")]
fn install() -> Option<PathBuf> {
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-python");
    let requirements = sdk("python/requirements.txt");
    // Whole only when the list that it was made from lies beside it.
    let stamp = packages.join("requirements.txt");
    let wanted = std::fs::read(&requirements).unwrap();
    if std::fs::read(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Some(packages);
    }
    let _ = std::fs::remove_dir_all(&packages);
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"];
    let installed = Command::new("python3")
        .args(pip)
        .arg(&packages)
        .arg("--requirement")
        .arg(&requirements)
        .output();
    match installed {
        Ok(output) if output.status.success() => {
            std::fs::write(&stamp, wanted).unwrap();
            Some(packages)
        }
        Ok(output) => {
            println!("{}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(_) => None,
    }
}

/// Builds the program; none when there is no Go, or its modules cannot be had.
#[allow(clippy::print_stdout, reason = "says why a test is skipped")]
fn build() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdkclient");
    let built = Command::new("go")
        .args(["build", "-mod=readonly", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(sdk("go"))
        .output();
    match built {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) => {
            println!("{}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(_) => None,
    }
}
