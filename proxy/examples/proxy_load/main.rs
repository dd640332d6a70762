//! Load for exposed ports over real programs: processor time per request and per gigabyte, added latency, memory
//! per idle tunnel. Ours takes turns with a direct connection, `socat`, a splice relay, and, where they are
//! given, the reference proxy and skupper-router's own TCP bridge.
//!
//! `cargo build --release -p iofog-proxy -p iofog-router --bins --example proxy_load`, then
//! `target/release/examples/proxy_load [rounds] [what]`, where `what` is `http`, `tcp`, `idle` or `exact` (bytes
//! that are compared, 2 GB each way or `IOFOG_LOAD_BYTES`). `wrk`, `iperf3` and `socat` are packages of Debian; what
//! wants one that is not there is reported as skipped.
//! `IOFOG_REFERENCE_PROXY` names a folder with the reference and its `node_modules`: the ioFog proxy's library
//! (`lib/proxy.js`), or a copy of the repository skupperproject/skupper-proxy (August 2020) after `npm install`;
//! `IOFOG_QDROUTERD` and `IOFOG_SKROUTERD` the programs qdrouterd and skrouterd, between which the reference is measured
//! as well; `IOFOG_LOAD_LOG=info` shows what the processes log.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool for people: failures end it"
)]

mod exact;
mod measure;
mod node;
mod path;
mod process;
mod relay;
mod stack;
mod target;

use measure::Table;
use path::Path;
use process::{Process, free_port, wait_for};
use stack::Routers;

const TUNNELS: usize = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("node") => return node::run(&arguments[1], &arguments[2..]),
        Some("relay") => return relay::run(&arguments[1], &arguments[2], &arguments[3]),
        _ => {}
    }
    let rounds = arguments.first().map_or(3, |rounds| rounds.parse().expect("rounds"));
    let wanted = |what: &str| arguments.get(1).is_none_or(|only| only == what);
    let mut table = Table::default();
    for round in 1..=rounds {
        eprintln_round(round, rounds);
        if wanted("http") {
            requests(&mut table);
        }
        if wanted("tcp") {
            gigabytes(&mut table);
        }
    }
    if wanted("idle") {
        idle_tunnels(&mut table);
    }
    if wanted("exact") {
        for _ in 0..rounds {
            compared_bytes(&mut table);
        }
    }
    table.print();
}

#[allow(clippy::print_stderr, reason = "progress")]
fn eprintln_round(round: u32, rounds: u32) {
    eprintln!("round {round} of {rounds}");
}

/// Small requests over kept connections, on the shortest way and on the whole one.
fn requests(table: &mut Table) {
    if !table.has("wrk", "http") {
        return;
    }
    let target = target::http();
    let direct = measure::wrk(target, 1).p50;
    table.add("http, direct, p50 (us)", direct);
    let mut paths = vec![
        ("ours, one process", Path::node("http", target)),
        ("ours, edge to interior", Path::nodes("http", target)),
        ("ours, four processes", Path::separate("http", target)),
    ];
    match std::env::var("IOFOG_REFERENCE_PROXY") {
        Ok(_) => references(table, target, &mut paths),
        Err(_) => table.skip("reference", "IOFOG_REFERENCE_PROXY names no folder"),
    }
    for (what, path) in paths {
        for connections in [1, 16] {
            measure::wrk(path.public, connections);
            let before = path.seconds();
            let load = measure::wrk(path.public, connections);
            let micros = (path.seconds() - before) * 1e6 / load.requests;
            table.add(&format!("http, {what}, {connections} conn., cpu (us/request)"), micros);
            if connections == 1 {
                table.add(&format!("http, {what}, added p50 (us)"), load.p50 - direct);
            }
        }
    }
}

/// The reference between our routers, and between those that its users have.
fn references(table: &mut Table, target: u16, paths: &mut Vec<(&'static str, Path)>) {
    paths.extend(
        Path::reference(Routers::Ours, false, target).map(|path| ("reference, our router", path)),
    );
    for (variable, one, two) in [
        (
            "IOFOG_QDROUTERD",
            "reference, Qpid Dispatch",
            "reference, Qpid Dispatch, edge to interior",
        ),
        (
            "IOFOG_SKROUTERD",
            "reference, skupper-router",
            "reference, skupper-router, edge to interior",
        ),
    ] {
        let Ok(program) = std::env::var(variable) else {
            table.skip(one, &format!("{variable} names no program"));
            continue;
        };
        for (what, edge) in [(one, false), (two, true)] {
            let routers = Routers::Dispatch(&program);
            paths.extend(Path::reference(routers, edge, target).map(|path| (what, path)));
        }
    }
}

/// Gigabytes from the client to the target.
fn gigabytes(table: &mut Table) {
    if !table.has("iperf3", "tcp") {
        return;
    }
    let sink = free_port();
    let _server = Process::start("iperf3", &["-s", "-B", "127.0.0.1", "-p", &sink.to_string()]);
    wait_for(sink);
    let mut paths = vec![
        ("ours, one process", Path::node("tcp", sink)),
        ("ours, edge to interior", Path::nodes("tcp", sink)),
        ("ours, one hop in three processes", Path::separate_one_hop("tcp", sink)),
        ("ours, edge to interior in four processes", Path::separate("tcp", sink)),
        ("splice relay", Path::relay(sink, 0)),
        ("relay through 64 KiB", Path::relay(sink, 64 << 10)),
        ("relay through 256 KiB", Path::relay(sink, 256 << 10)),
    ];
    if table.has("socat", "socat") {
        paths.push(("socat", Path::socat(sink)));
    }
    match Path::skupper(sink) {
        Some((one, two)) => {
            paths.push(("skupper-router, one hop", one));
            paths.push(("skupper-router, edge to interior", two));
        }
        None => table.skip("skupper-router", "IOFOG_SKROUTERD names no program"),
    }
    for (what, path) in paths {
        for (way, reverse) in [("up", false), ("down", true)] {
            match measure::iperf(&path, reverse) {
                Some((cpu, rate)) => {
                    table.add(&format!("tcp {way}, {what}, cpu (s/GB)"), cpu);
                    table.add(&format!("tcp {way}, {what}, rate (GB/s)"), rate);
                }
                None => table.add(&format!("tcp {way}, {what}, failed"), 1.0),
            }
        }
    }
}

fn idle_tunnels(table: &mut Table) {
    let target = target::silent();
    for (what, path) in [
        ("two processes", Path::nodes("tcp", target)),
        ("four processes", Path::separate("tcp", target)),
    ] {
        let before = path.resident_kb();
        // One that is not attached from end to end ends the tool.
        let open: Vec<_> = (0..TUNNELS).map(|_| target::tunnel(path.public)).collect();
        std::thread::sleep(std::time::Duration::from_secs(4));
        let after = path.resident_kb();
        let tunnels = f64::from(u32::try_from(open.len()).unwrap());
        for ((name, before), (_, after)) in before.iter().zip(&after) {
            table.add(
                &format!("idle tunnels, {what}, {name} (KiB each)"),
                (after - before) / tunnels,
            );
        }
        drop(open);
    }
}

/// Every byte of a long upload and a long download over two routers is the one that was sent.
fn compared_bytes(table: &mut Table) {
    let bytes = std::env::var("IOFOG_LOAD_BYTES").map_or(2_000_000_000, |n| n.parse().unwrap());
    let path = Path::separate("tcp", exact::target());
    match exact::there_and_back(path.public, bytes) {
        Ok(bytes) => table.add("bytes compared, each way, four processes (GB)", bytes as f64 / 1e9),
        Err(error) => panic!("four processes: {error}"),
    }
}
