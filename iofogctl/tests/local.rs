//! A control plane, an Agent and a microservice in containers of this machine, with a real engine. Needs the contract's ports:
//! skipped where something else has them, and where the programs were not built.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod common;
#[path = "common/engine.rs"]
mod engine;
#[path = "common/terminal.rs"]
mod terminal;

use std::process::Stdio;

use common::Home;
use engine::{Site, docker, eventually};

/// Documents of a control plane and an Agent; `agent` goes into the Agent's spec.
fn network(agent: &str) -> String {
    format!(
        "apiVersion: iofog.org/v3\nkind: LocalControlPlane\nmetadata: {{name: bench}}\nspec:\n  \
         iofogUser: {{name: Ada, surname: Moor, email: ada@example.org, password: correct-horse}}\n---\n\
         apiVersion: iofog.org/v3\nkind: LocalAgent\nmetadata: {{name: bench-0}}\nspec: {{{agent}}}\n"
    )
}

fn application(image: &str) -> String {
    format!(
        "apiVersion: iofog.org/v3\nkind: Application\nmetadata: {{name: demo}}\nspec:\n  microservices:\n  \
         - name: talker\n    agent: {{name: bench-0}}\n    images: {{x86: {image}, arm: {image}, registry: local}}\n    \
         container: {{rootHostAccess: false, ports: [], env: []}}\n    config: {{}}\n  \
         - name: listener\n    agent: {{name: bench-0}}\n    images: {{x86: {image}, arm: {image}, registry: local}}\n    \
         container: {{rootHostAccess: false, ports: [], env: []}}\n    config: {{}}\n  \
         routes: [{{name: speech, from: talker, to: listener}}]\n"
    )
}

#[test]
fn a_network_in_containers_is_deployed_changed_and_removed() {
    let Some(site) = Site::start("local") else { return };
    let home = &site.home;
    let file = home.write("network.yaml", &network(""));
    home.ok(&["deploy", "-f", &file]);
    let all = home.ok(&["get", "all"]);
    assert!(all.contains("local\t\tonline") && all.contains("bench-0\t\tRUNNING"), "{all}");
    assert!(home.ok(&["describe", "controlplane"]).contains("endpoint: http://0.0.0.0:51121"));
    assert!(home.ok(&["describe", "agent", "bench-0"]).contains("kind: LocalAgent"));

    // An image holds the program, and a C library only when that needs one.
    for name in ["iofog-controller", "iofog-agent"] {
        assert_eq!(site.is_static(name), !site.files(name).contains(".so."), "{name}");
    }

    // The same again changes nothing, and says so.
    let before = (site.id("iofog-controller"), site.id("iofog-agent"));
    home.ok(&["diff", "-f", &file]);
    home.ok(&["deploy", "-f", &file]);
    assert_eq!(before, (site.id("iofog-controller"), site.id("iofog-agent")));

    // A container that was stopped comes back as it was.
    docker(&["stop", "iofog-controller"]);
    home.ok(&["deploy", "-f", &file]);
    assert_eq!(before.0, site.id("iofog-controller"));

    // What components say and do.
    assert!(
        home.ok(&["logs", "controller", "local"]).contains("listening on") || {
            let output = home.run(&["logs", "controller", "local"]);
            String::from_utf8_lossy(&output.stderr).contains("listening on")
        }
    );
    assert!(home.ok(&["legacy", "agent", "bench-0", "status"]).starts_with("ioFog daemon"));
    let status = home.ok(&["legacy", "controller", "local", "controller", "status"]);
    assert!(status.contains("\"status\": \"online\""), "{status}");
    home.ok(&["prune", "agent", "bench-0"]);

    // A microservice: its logs, also as they grow, and a program in it with its status.
    let application = home.write("application.yaml", &application(&site.image));
    home.ok(&["deploy", "-f", &application]);
    eventually("the microservices run", || {
        (home.ok(&["get", "microservices"]).matches("RUNNING").count() == 2).then_some(())
    });
    eventually("it has spoken", || {
        home.ok(&["logs", "microservice", "demo/talker"]).contains("tick").then_some(())
    });
    let mut follower = site.spawn(&["logs", "microservice", "demo/talker", "--follow"]);
    let told = engine::lines(follower.stdout.take().unwrap(), 3);
    assert!(told.iter().all(|line| line.starts_with("tick")), "{told:?}");
    let _ = follower.kill();
    let _ = follower.wait();
    // What it tells the other one, read with the token of the Local API: the other one is on the engine's own network.
    eventually("its messages are seen", || {
        let seen = home.ok(&["messages", "demo/speech", "--since", "600", "--once"]);
        seen.contains("  speech/text  5 bytes  hello\n").then_some(())
    });
    let said =
        home.ok(&["exec", "microservice", "demo/talker", "--", "/busybox", "echo", "a b", "c"]);
    assert_eq!(said, "a b c\n");
    let failed =
        home.run(&["exec", "microservice", "demo/talker", "--", "/busybox", "sh", "-c", "exit 7"]);
    assert_eq!(failed.status.code(), Some(7));

    // The same with a terminal, and what is said where there is none.
    let words = ["exec", "microservice", "demo/talker", "--tty", "--", "/busybox", "sh"];
    terminal::shell_is_used(home, &words, "/busybox");
    assert!(home.fails(&words).contains("--tty needs a terminal on standard input"));

    // One that has microservices is not deleted; the Agent's own are left alone meanwhile.
    assert!(home.fails(&["delete", "agent", "bench-0"]).contains("still has microservices"));
    // Another namespace cannot take the containers over.
    home.ok(&["create", "namespace", "other"]);
    let refused = home.fails(&["deploy", "-f", &file, "-n", "other"]);
    assert!(refused.contains("Namespace default has it"), "{refused}");

    replaced_by_an_archive(&site, &before.1);

    // Taken from its Controller and given back.
    home.ok(&["detach", "agent", "bench-0", "--force"]);
    assert!(home.ok(&["get", "agents", "--detached"]).contains("bench-0"));
    home.ok(&["attach", "agent", "bench-0"]);
    eventually("the Agent is back", || {
        home.ok(&["get", "agents"]).contains("RUNNING").then_some(())
    });

    home.ok(&["delete", "all", "--force"]);
    site.nothing_is_left();
}

/// Another image takes the place of the Agent's, which keeps its identity; one that does not serve gives its place back.
fn replaced_by_an_archive(site: &Site, first: &str) {
    let home = &site.home;
    let uuid = |home: &Home| {
        let text = home.ok(&["describe", "agent", "bench-0"]);
        text.lines().find(|line| line.contains("uuid:")).unwrap().trim().to_owned()
    };
    let known = uuid(home);
    let archive = home.path.join("agent.tar").display().to_string();
    site.save_changed_agent(&archive);
    let file = home.write("archive.yaml", &network("container: {image: ./agent.tar}"));
    home.ok(&["deploy", "-f", &file]);
    let second = site.id("iofog-agent");
    assert_ne!(first, second);
    assert_eq!(known, uuid(home));
    let running = docker(&["ps", "--format", "{{.Names}}"]);
    assert!(running.lines().any(|name| name.starts_with("iofog_")), "{running}");

    let broken =
        home.write("broken.yaml", &network(&format!("container: {{image: {}}}", site.broken)));
    let failed = home.fails(&["deploy", "-f", &broken]);
    assert!(failed.contains("does not come up") && failed.contains("out of order"), "{failed}");
    assert_eq!(second, site.id("iofog-agent"));
    let missing =
        home.write("missing.yaml", &network("container: {image: 'localhost:1/nowhere:1'}"));
    let failed = home.fails(&["deploy", "-f", &missing]);
    assert!(failed.contains("There is no image localhost:1/nowhere:1 on this machine"), "{failed}");
    assert_eq!(second, site.id("iofog-agent"));
}

#[test]
fn an_engine_that_is_away_is_named() {
    let home = Home::new("no-engine");
    let file = home.write("network.yaml", &network(""));
    for (host, said) in [
        (
            "unix:///nowhere/docker.sock",
            "The container engine at unix:///nowhere/docker.sock cannot be used",
        ),
        ("ssh://host", "its address must begin with unix:// or tcp://"),
    ] {
        let output = std::process::Command::new(common::program())
            .args(["deploy", "-f", &file])
            .env("HOME", &home.path)
            .env("DOCKER_HOST", host)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(said), "{text}");
    }
    assert!(home.ok(&["get", "agents"]).contains("AGENT"));
}

#[test]
fn up_and_down_bring_a_network_and_take_it_away() {
    let Some(site) = Site::start("up") else { return };
    let home = &site.home;
    let up =
        || -> serde_json::Value { serde_json::from_str(&home.ok(&["up", "-o", "json"])).unwrap() };
    let first = up();
    assert_eq!(first["controller"]["status"], "online");
    assert_eq!(first["agent"]["status"], "RUNNING");
    assert_eq!(first["agent"]["routerMode"], "interior");
    let ids = || (site.id("iofog-controller"), site.id("iofog-agent"));
    let before = ids();
    assert_eq!(up(), first);
    assert_eq!(before, ids());

    // What is deployed on it comes back after a break, with its configuration and its container.
    let talker = application(&site.image).replace("bench-0", "local");
    let file = home.write("application.yaml", &talker);
    home.ok(&["deploy", "-f", &file]);
    eventually("the microservices run", || {
        (home.ok(&["get", "microservices"]).matches("RUNNING").count() == 2).then_some(())
    });
    let config = home.write(
        "config.yaml",
        "apiVersion: iofog.org/v3\nkind: AgentConfig\nmetadata: {name: local}\nspec: {description: mine}\n",
    );
    home.ok(&["deploy", "-f", &config]);
    let down: serde_json::Value = serde_json::from_str(&home.ok(&["down", "-o", "json"])).unwrap();
    let stopped: Vec<&str> =
        down["stopped"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert_eq!((stopped.len(), stopped[0], stopped[3]), (4, "iofog-agent", "iofog-controller"));
    assert_eq!(docker(&["ps", "-q", "--filter", &format!("name={}", stopped[1])]), "");
    assert!(home.ok(&["down"]).contains("is down"));
    assert_eq!(up(), first);
    assert_eq!(before, ids());
    assert!(home.ok(&["describe", "agent-config", "local"]).contains("description: mine"));
    eventually("the microservice is back", || {
        let running = docker(&["ps", "--format", "{{.Names}}"]);
        running.lines().any(|name| name == stopped[1]).then_some(())
    });

    // Broken off at any step it goes on.
    for after in [50, 300, 1500] {
        home.ok(&["down"]);
        let mut broken = site.spawn(&["up"]);
        std::thread::sleep(std::time::Duration::from_millis(after));
        let _ = broken.kill();
        let _ = broken.wait();
        assert_eq!(up(), first);
    }
    home.ok(&["down", "--purge"]);
    site.nothing_is_left();
    assert!(!home.ok(&["describe", "namespace", "default"]).contains("localControlPlane"));
    for after in [50, 300, 1500] {
        let mut broken = site.spawn(&["up"]);
        std::thread::sleep(std::time::Duration::from_millis(after));
        let _ = broken.kill();
        let _ = broken.wait();
    }
    assert!(home.ok(&["up"]).contains("is up"));
    home.ok(&["down", "--purge"]);
    home.ok(&["down", "--purge"]);
    site.nothing_is_left();
}
