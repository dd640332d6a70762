//! Many Agents deployed in parallel. Each has a machine of its own; the Agents are simulated by a shell
//! script of the size of a program, so that what counts is the deployment.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "helpers of tests"
)]

mod common;
#[path = "common/machine.rs"]
mod machine;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{FakeController, Home, table};
use machine::Machine;

/// Does what iofogctl asks of an Agent; the key it is provisioned with is its identifier.
const AGENT: &str = r#"#!/bin/sh
case "$1" in
version) echo "ioFog 3.1.0" ;;
status) echo "ioFog daemon                : RUNNING" ;;
info) cat /etc/iofog-agent/uuid 2>/dev/null ;;
provision) mkdir -p /etc/iofog-agent && echo "Iofog UUID : $2" >/etc/iofog-agent/uuid ;;
--log) while :; do sleep 60; done ;;
esac
exit 0
"#;
/// Size of an Agent for a device.
const PROGRAM: usize = 4_000_000;

fn address(at: usize) -> String {
    format!("127.0.3.{}", at + 1)
}

fn name(at: usize) -> String {
    format!("gate-{at:03}")
}

/// A Controller that knows the Agents and sees them running.
fn controller(count: usize) -> FakeController {
    let agent = |at: usize| {
        format!(
            r#"{{"uuid":"UUID{at}","name":"{}","host":"{}","daemonStatus":"RUNNING"}}"#,
            name(at),
            address(at)
        )
    };
    let all: Vec<String> = (0..count).map(agent).collect();
    let list = format!(r#"{{"fogs":[{}]}}"#, all.join(","));
    let mut answers = table(&[("GET /iofog-list?system=false", 200, &list)]);
    for (at, agent) in all.into_iter().enumerate() {
        answers.insert(format!("GET /iofog/UUID{at}"), (200, agent));
        answers.insert(format!("PATCH /iofog/UUID{at}"), (204, String::new()));
        let key = format!(r#"{{"key":"UUID{at}","expirationTime":1}}"#);
        answers.insert(format!("GET /iofog/UUID{at}/provisioning-key"), (201, key));
    }
    FakeController::start(answers)
}

fn document(home: &Home, at: usize, port: u16) -> String {
    let key = home.path.join("login");
    format!(
        "apiVersion: iofog.org/v3\nkind: Agent\nmetadata: {{name: {}}}\nspec: {{host: {}, ssh: {{user: root, port: {port}, keyFile: {}}}}}\n",
        name(at),
        address(at),
        key.display()
    )
}

fn offer(home: &Home) {
    let mut program = AGENT.as_bytes().to_vec();
    program.resize(PROGRAM, b'#');
    std::fs::create_dir_all(home.path.join("programs")).unwrap();
    let file = home.path.join("programs").join(format!("iofog-agent-{}", std::env::consts::ARCH));
    std::fs::write(file, program).unwrap();
}

fn machines(home: &Home, count: usize) -> Option<Vec<Machine>> {
    (0..count)
        .map(|at| Machine::start_at(home, &format!("machine-{at}"), Some(&address(at))))
        .collect()
}

fn is_provisioned(machine: &Machine, at: usize) -> bool {
    let uuid =
        std::fs::read_to_string(machine.root.join("etc/iofog-agent/uuid")).unwrap_or_default();
    uuid.trim_end().ends_with(&format!(": UUID{at}"))
}

#[test]
fn a_machine_that_is_away_keeps_no_other_from_being_deployed() {
    let home = Home::new("fleet");
    let Some(machines) = machines(&home, 3) else { return };
    offer(&home);
    let controller = controller(4);
    home.connect(&controller);
    let mut documents: Vec<String> = machines
        .iter()
        .enumerate()
        .map(|(at, machine)| document(&home, at, machine.port))
        .collect();
    documents.push(document(&home, 3, 9));
    let file = home.write("fleet.yaml", &documents.join("---\n"));
    let told = home.fails(&["deploy", "-f", &file]);
    assert!(told.starts_with("Agent gate-003: SSH root@127.0.3.4:9: "), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(machines.iter().enumerate().all(|(at, machine)| is_provisioned(machine, at)));
    let record = home.read(".iofog/v3/namespaces/plant.yaml");
    assert_eq!(record.matches("keyFile").count(), 3, "{record}");
}

/// Killed after each of the steps that it tells, a deployment of several machines leaves whole programs or none, and the next one
/// completes it.
#[test]
fn a_fleet_is_deployed_after_interruptions_at_every_step() {
    let home = Home::new("interrupted-fleet");
    let Some(machines) = machines(&home, 3) else { return };
    offer(&home);
    let controller = controller(3);
    home.connect(&controller);
    let all = machines.iter().enumerate();
    let documents: Vec<String> =
        all.clone().map(|(at, machine)| document(&home, at, machine.port)).collect();
    let file = home.write("fleet.yaml", &documents.join("---\n"));
    let mut killed = 0;
    for steps in 1.. {
        let mut deploying = Command::new(common::program())
            .args(["-v", "deploy", "-f", &file])
            .env("HOME", &home.path)
            .env("IOFOGCTL_PROGRAMS", home.path.join("programs"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(deploying.stdout.take().unwrap()).lines();
        let told: Vec<String> = lines.take(steps).map(Result::unwrap).collect();
        let _ = deploying.kill();
        let _ = deploying.wait();
        for machine in &machines {
            let program = machine.root.join("usr/bin/iofog-agent");
            let size = std::fs::metadata(program).map_or(PROGRAM as u64, |data| data.len());
            assert_eq!(size, PROGRAM as u64, "after {told:?}");
        }
        if told.iter().any(|line| line.contains("Successfully deployed")) {
            break;
        }
        killed += 1;
        // Every second time nothing is left of the machines, so that the early steps are taken again.
        if steps % 2 == 0 {
            machines.iter().for_each(|machine| forget(&machine.root));
        }
    }
    assert!(killed >= 6, "{killed}");
    assert!(home.ok(&["deploy", "-f", &file]).contains("Successfully deployed"));
    assert!(all.clone().all(|(at, machine)| is_provisioned(machine, at)));
    let record = home.read(".iofog/v3/namespaces/plant.yaml");
    assert_eq!(record.matches("uuid: UUID").count(), 3, "{record}");
}

/// A figure: `IOFOGCTL_FLEET` says how many, `IOFOGCTL_PROGRAM` which build.
#[test]
#[ignore = "a figure: takes a minute for 50 Agents"]
fn fleet_in_parallel_and_one_after_another() {
    let count = std::env::var("IOFOGCTL_FLEET").map_or(50, |text| text.parse().unwrap());
    let home = Home::new("fleet-figure");
    let Some(machines) = machines(&home, count) else { return };
    offer(&home);
    let controller = controller(count);
    home.connect(&controller);
    let documents: Vec<String> = machines
        .iter()
        .enumerate()
        .map(|(at, machine)| document(&home, at, machine.port))
        .collect();
    let together = home.write("fleet.yaml", &documents.join("---\n"));
    let parallel = timed(|| drop(home.ok(&["deploy", "-f", &together])));
    assert!(machines.iter().enumerate().all(|(at, machine)| is_provisioned(machine, at)));
    machines.iter().for_each(|machine| forget(&machine.root));
    let alone: Vec<String> = documents
        .iter()
        .enumerate()
        .map(|(at, text)| home.write(&format!("one-{at}.yaml"), text))
        .collect();
    let single = timed(|| alone.iter().for_each(|file| drop(home.ok(&["deploy", "-f", file]))));
    assert!(machines.iter().enumerate().all(|(at, machine)| is_provisioned(machine, at)));
    let again = timed(|| drop(home.ok(&["deploy", "-f", &together])));
    eprintln!(
        "{count} Agents of {} MB: in parallel {:.2} s, one after another {:.2} s, again without a change {:.2} s",
        PROGRAM / 1_000_000,
        parallel.as_secs_f64(),
        single.as_secs_f64(),
        again.as_secs_f64()
    );
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Takes the Agent from a machine as if it had never been there.
fn forget(root: &Path) {
    for file in ["usr/bin/iofog-agent", "etc/init.d/iofog-agent", "etc/iofog-agent/uuid"] {
        // What an interrupted deployment did not reach is not there.
        let _ = std::fs::remove_file(root.join(file));
    }
}
