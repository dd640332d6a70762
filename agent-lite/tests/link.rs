//! The device link between a real Controller and a daemon: changes and status over it, resumption, fall-back, TLS, and
//! what never removes anything.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

#[cfg(test)]
mod support;

use std::path::{Path, PathBuf};

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use support::daemon::Daemon;
use support::docker::{Docker, IMAGE};
use support::network::Network;
use support::relay::{Relay, Treatment};
use support::{eventually, folder};

/// A provisioned daemon of a Controller that it reaches at `url`.
fn node(name: &str, network: &Network, url: &str, extra: &[(&str, &str)]) -> (PathBuf, Daemon) {
    let folder = folder(name);
    let mut elements =
        vec![("controller_url", url), ("bind_address", "127.0.0.1"), ("status_update_freq", "2")];
    elements.extend(extra);
    let daemon = Daemon::start(&folder, &elements);
    let provisioned = daemon.command(&["provision", &network.key()]);
    assert_eq!(provisioned.status.code(), Some(0), "{provisioned:?}");
    (folder, daemon)
}

fn running(network: &Network, name: &str) -> String {
    eventually(&format!("{name} is shown running"), || {
        let (_, state, container) = network.shown(name)?;
        (state == "RUNNING").then_some(container)
    })
}

#[test]
fn changes_and_status_travel_over_the_link_and_it_resumes() {
    let Some(docker) = Docker::connect() else { return };
    let root = folder("link-life");
    let mut network = Network::start(&root.join("controller"));
    let relay = Relay::start(network.address(), Treatment::Pass);
    let (_, daemon) = node("link-life-agent", &network, &relay.url(), &[]);
    eventually("the link opens", || (network.links() == 1).then_some(()));
    eventually("the agent is shown", || (network.daemon_status() == "RUNNING").then_some(()));

    network.deploy("one", &[("first", IMAGE)]);
    let container = running(&network, "first");
    assert!(docker.inspect(&container, "{{.State.Running}}").contains("true"));
    let requests = relay.requests();
    assert!(
        !requests.iter().any(|line| line.starts_with("PUT ") || line.contains("config/changes")),
        "status and changes need no request: {requests:?}"
    );

    let before = relay.bytes();
    relay.cut();
    eventually("the link is lost", || {
        (relay.connections() > 0 && network.links() == 1).then_some(())
    });
    network.deploy("two", &[("second", IMAGE)]);
    running(&network, "second");
    assert_eq!(running(&network, "first"), container, "nothing was made again");
    assert!(relay.bytes() - before < 60_000);

    network.stop();
    network.run();
    eventually("the link comes back", || (network.links() == 1).then_some(()));
    network.call("DELETE", "application/two", &serde_json::Value::Null);
    eventually("the second is removed", || {
        (docker.containers(&network.fog).len() == 1).then_some(())
    });
    assert_eq!(running(&network, "first"), container);

    assert!(daemon.terminate());
    eventually("the link is gone", || (network.links() == 0).then_some(()));
    docker.clean(&network.fog);
    network.stop();
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn readiness_for_another_version_travels_over_the_link() {
    let root = folder("link-ready");
    let mut network = Network::start(&root.join("controller"));
    let relay = Relay::start(network.address(), Treatment::Pass);
    let (state, daemon) = node("link-ready-agent", &network, &relay.url(), &[]);
    let shown = |network: &Network, ready: bool| {
        let path = format!("iofog/{}", network.fog);
        eventually(&format!("the agent is shown ready for an upgrade: {ready}"), || {
            let shown = network.call("GET", &path, &serde_json::Value::Null);
            (shown["isReadyToUpgrade"] == ready && network.links() == 1).then_some(())
        });
    };
    shown(&network, false);
    assert!(daemon.terminate());

    offer(&state, 7);
    let before = relay.requests().len();
    let daemon = Daemon::restart(&state);
    shown(&network, true);
    let requests = relay.requests().split_off(before);
    assert!(!requests.iter().any(|line| line.starts_with("PUT ")), "{requests:?}");
    assert!(daemon.terminate());
    network.stop();
    let _ = std::fs::remove_dir_all(root);
}

/// Makes a folder of this device the source of releases, with a signed release in it.
fn offer(state: &Path, version: u32) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let releases = state.join("releases");
    std::fs::create_dir_all(&releases).unwrap();
    let target = std::env::consts::ARCH;
    let artefact =
        json!({ "target": target, "file": "agent", "bytes": 1, "sha256": "0".repeat(64) });
    let content = json!({ "version": version, "name": "test", "artefacts": [artefact] });
    let signature = hex(pair.sign(format!("iofog-update 1\n{content}\n").as_bytes()).as_ref());
    let manifest = format!("iofog-update 1\n{signature}\n{content}\n");
    std::fs::write(releases.join("manifest"), manifest).unwrap();
    let key = hex(pair.public_key().as_ref());
    let settings = format!("source = {}/\nkey = {key}\n", releases.display());
    std::fs::write(state.join("update.conf"), settings).unwrap();
}

#[test]
fn an_older_database_removes_nothing() {
    let Some(docker) = Docker::connect() else { return };
    let root = folder("link-old");
    let mut network = Network::start(&root.join("controller"));
    let (_, daemon) = node("link-old-agent", &network, &network.url(), &[]);
    network.deploy("one", &[("first", IMAGE)]);
    running(&network, "first");
    network.stop();
    network.copy_to(&root.join("old"));
    network.run();
    network.deploy("two", &[("second", IMAGE)]);
    let second = running(&network, "second");

    network.stop();
    network.run_on(&root.join("old"));
    eventually("the agent says that time went back", || {
        daemon.log().contains("went back in time").then_some(())
    });
    eventually("the link comes back", || (network.links() == 1).then_some(()));
    running(&network, "first");
    assert!(docker.inspect(&second, "{{.State.Running}}").contains("true"));
    // It would make them again.
    drop(daemon);
    docker.clean(&network.fog);
    network.stop();
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn behind_something_that_strips_upgrades_the_agent_polls() {
    let Some(docker) = Docker::connect() else { return };
    let root = folder("link-strip");
    let mut network = Network::start(&root.join("controller"));
    let relay = Relay::start(network.address(), Treatment::StripUpgrade);
    let (_, daemon) = node("link-strip-agent", &network, &relay.url(), &[]);
    network.deploy("one", &[("first", IMAGE)]);
    running(&network, "first");
    assert_eq!(network.links(), 0);
    assert!(relay.requests().iter().any(|line| line.contains("config/changes")));
    assert!(daemon.text(&["status"]).contains("Connection to Controller    : ok"));
    // It would make them again.
    drop(daemon);
    docker.clean(&network.fog);
    network.stop();
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn tls_is_checked_and_carries_the_link() {
    let root = folder("link-tls");
    let mut network = Network::start(&root.join("controller"));
    let (relay, authority, url) = Relay::over_tls(network.address());
    let certificate = root.join("authority.pem");
    std::fs::write(&certificate, iofog_tls::Authority::new("another").unwrap().certificate())
        .unwrap();
    let certificate_path = certificate.to_str().unwrap();
    let folder = folder("link-tls-agent");
    let elements = [
        ("controller_url", url.as_str()),
        ("controller_cert", certificate_path),
        ("bind_address", "127.0.0.1"),
        ("secure_mode", "on"),
    ];
    let daemon = Daemon::start(&folder, &elements);
    let key = network.key();
    let refused = daemon.command(&["provision", &key]);
    let text = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(text.contains("certificate is refused") && text.contains("UnknownIssuer"), "{text}");

    // The file is looked at again for each connection.
    std::fs::write(&certificate, authority.certificate()).unwrap();
    let granted = daemon.command(&["provision", &key]);
    assert_eq!(granted.status.code(), Some(0), "{granted:?}");
    eventually("the link opens over tls", || (network.links() == 1).then_some(()));
    eventually("the agent is shown", || (network.daemon_status() == "RUNNING").then_some(()));

    std::fs::write(&certificate, iofog_tls::Authority::new("third").unwrap().certificate())
        .unwrap();
    relay.cut();
    eventually("the certificate is said to be broken", || {
        daemon.text(&["status"]).contains("broken certificate").then_some(())
    });
    daemon.command(&["config", "-a", &network.url()]);
    eventually("secure mode refuses plain http", || {
        daemon.text(&["status"]).contains("secure mode is on").then_some(())
    });
    network.stop();
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn a_lost_agent_is_shown_and_a_busy_one_is_not() {
    let root = folder("link-lost");
    let mut network = Network::start(&root.join("controller"));
    let (_, daemon) = node("link-lost-agent", &network, &network.url(), &[]);
    eventually("the agent is shown", || (network.daemon_status() == "RUNNING").then_some(()));
    // Far longer than three intervals of its status: an open link is status enough.
    std::thread::sleep(std::time::Duration::from_secs(9));
    assert_eq!(network.daemon_status(), "RUNNING");
    daemon.kill();
    eventually("the lost agent is shown", || (network.daemon_status() == "UNKNOWN").then_some(()));
    network.stop();
    let _ = std::fs::remove_dir_all(root);
}
