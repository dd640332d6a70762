//! The unmodified Go SDK as a client of the Local API, with a Router behind it.

#[cfg(test)]
mod bus_support;
#[cfg(test)]
#[path = "bus_support/nobody.rs"]
mod nobody;

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
    run(async {
        let edge = router(Mode::Edge, "edge", &[]).await;
        let node = Node::new("sdk");
        node.host_microservice("self", "{\"rate\":\"5\"}", &["self"]);
        node.use_router(&edge);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = LocalApiOptions::default();
        let api = LocalApi::new(node.context.clone(), node.bus.clone(), Rc::new(Nobody), options);
        tokio::task::spawn_local(api.serve(listener));
        let mut child = Command::new(program)
            .args(["127.0.0.1", &port.to_string(), "200"])
            .env("SELFNAME", "self")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}{complaint}");
        assert!(said.contains("config 5"), "{said}");
        assert!(said.contains("query finds 1"), "{said}");
        bus_support::until(|| node.bus.status().pending == 0).await;
        assert_eq!(node.bus.status().ledger.delivered, 201);
    });
}

/// Builds the program; none when there is no Go, or its modules cannot be had.
#[allow(clippy::print_stdout, reason = "says why a test is skipped")]
fn build() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sdk/go");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdkclient");
    let built = Command::new("go")
        .args(["build", "-mod=readonly", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
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
