//! Figures of the program itself: start, a list of 1,000 Agents, size.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "helpers of tests"
)]

mod common;

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{FakeController, Home, program, table};

const ROUNDS: usize = 41;

/// Middle and worst of some rounds, in milliseconds.
fn rounds(mut round: impl FnMut() -> Duration) -> (f64, f64) {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| round()).collect();
    times.sort();
    let millis = |time: &Duration| time.as_secs_f64() * 1000.0;
    (millis(&times[ROUNDS / 2]), millis(&times[ROUNDS - 1]))
}

#[test]
#[ignore = "figures: run with a release build in IOFOGCTL_PROGRAM on a quiet machine"]
fn figures_of_the_program() {
    let home = Home::new("figures");
    let (median, worst) = rounds(|| {
        let start = Instant::now();
        let mut child = Command::new(program())
            .arg("version")
            .env("HOME", &home.path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let first = start.elapsed();
        child.wait().unwrap();
        first
    });
    eprintln!("version, start to first byte: median {median:.2} ms, worst {worst:.2} ms");

    let agent = |at: usize| {
        format!(
            r#"{{"uuid":"{at:032}","name":"gate-{at:04}","host":"192.0.2.20","location":null,"gpsMode":"auto","latitude":1.5,"longitude":2,"description":"","lastActive":1700000000000,"daemonStatus":"RUNNING","daemonOperatingDuration":93784000,"memoryUsage":12.5,"diskUsage":1.5,"cpuUsage":3.5,"systemTime":1700000000000,"ipAddress":"192.0.2.20","ipAddressExternal":"198.51.100.7","version":"3.0.1","dockerUrl":"unix:///var/run/docker.sock","diskLimit":50,"diskDirectory":"/var/lib/iofog/","memoryLimit":64,"cpuLimit":80,"logLimit":10,"logDirectory":"/var/log/iofog/","logFileCount":10,"statusFrequency":10,"changeFrequency":20,"deviceScanFrequency":20,"bluetoothEnabled":false,"watchdogEnabled":true,"abstractedHardwareEnabled":false,"createdAt":"2026-11-01T00:00:00.000Z","fogTypeId":2,"tags":["north"],"routerMode":"edge","messagingPort":5672,"upstreamRouters":["default-router"],"logLevel":"INFO","dockerPruningFrequency":1,"availableDiskThreshold":20,"timeZone":null,"isSystem":false}}"#
        )
    };
    let all: Vec<String> = (0..1000).map(agent).collect();
    let list = format!(r#"{{"fogs":[{}]}}"#, all.join(","));
    let controller = FakeController::start(table(&[
        ("GET /iofog-list?system=false", 200, &list),
        ("GET /application", 200, r#"{"applications":[]}"#),
        ("GET /routes", 200, r#"{"routes":[]}"#),
        ("HEAD /capabilities/edgeResources", 204, ""),
        ("GET /edgeResources", 200, r#"{"edgeResources":[]}"#),
    ]));
    home.connect(&controller);
    let (median, worst) = rounds(|| {
        let start = Instant::now();
        assert!(home.ok(&["get", "all"]).lines().count() > 1000);
        start.elapsed()
    });
    eprintln!("get all with 1,000 Agents: median {median:.0} ms, worst {worst:.0} ms");
    let size = std::fs::metadata(program()).unwrap().len();
    eprintln!("size: {:.1} MB", size as f64 / 1e6);
}
