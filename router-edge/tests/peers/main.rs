//! Clients that no one here wrote: Proton (C), rhea, go-amqp and Qpid JMS through a router. Each is fetched from where it is
//! published; one that cannot be had is skipped.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail here")]

mod fetch;
#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Stdio};

use iofog_amqp_engine::InitialSerials;
use iofog_router::config::{ListenerConfig, Mode, Role};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use support::{edge, interior, port, run};

/// Runs a peer to its end beside the router and gives what it printed.
async fn finish(command: &mut Command) -> String {
    let mut command = tokio::process::Command::from(std::mem::replace(command, Command::new("")));
    let output = command.stderr(Stdio::piped()).kill_on_drop(true).output().await.unwrap();
    let (said, why) = (&output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{}: {why}", output.status);
    String::from_utf8_lossy(said).trim().to_owned()
}

fn port_of(router: &RouterHandle) -> String {
    port(router, Role::Normal).port().to_string()
}

#[test]
fn proton_c_over_an_interior_and_an_edge() {
    let Some(program) = fetch::proton_c() else { return };
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        for router in [&top, &left] {
            let said = finish(Command::new(&program).arg(port_of(router))).await;
            assert_eq!(said, "sent 1000, received 1000, accepted 1000");
        }
    });
}

#[test]
fn rhea_with_every_outcome() {
    let Some(modules) = fetch::rhea() else { return };
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        for router in [&top, &left] {
            let mut command = Command::new("node");
            command.arg(fetch::source("rhea/peer.js")).arg(&modules).arg(port_of(router));
            let said = finish(&mut command).await;
            let expected = r#"{"accepted":1940,"rejected":20,"released":20,"modified":20}"#;
            assert_eq!(said, expected);
        }
    });
}

#[test]
fn go_amqp_with_a_drain() {
    let Some(program) = fetch::go_amqp() else { return };
    run(async {
        let top = interior("top").await;
        let left = edge("left", &top).await;
        for router in [&top, &left] {
            let said = finish(Command::new(&program).arg(port_of(router))).await;
            assert_eq!(said, "accepted 990, rejected 10, drained");
        }
    });
}

/// The Java Agent polls: each poll that finds nothing drains the link. The delivery count of the link wraps after
/// 50,000 of the 100,000 polls.
#[test]
fn jms_polls_over_the_wrap_of_the_delivery_count() {
    let Some(classes) = fetch::jms() else { return };
    run(async {
        let mut config = RouterConfig::new(Mode::Interior, "top");
        let mut listener = ListenerConfig::new(Role::Normal, "127.0.0.1", 0);
        listener.name = Role::Normal.as_str().to_owned();
        config.listeners.push(listener);
        let initial =
            InitialSerials { delivery_count: u32::MAX - 50_000, ..InitialSerials::default() };
        let options = RuntimeOptions { initial, ..RuntimeOptions::default() };
        let router = start(config, options).await.unwrap();
        let mut command = Command::new("java");
        command.arg("-cp").arg(&classes).args(["Peer", &port_of(&router), "100000"]);
        assert_eq!(finish(&mut command).await, "polled 100000, exchanged 500");
    });
}
