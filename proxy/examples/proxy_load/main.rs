//! Load for exposed ports over real programs: processor time per request and per gigabyte, added latency,
//! memory per idle tunnel; `socat`, and the reference proxy where it is given, take turns with ours.
//!
//! `cargo build --release -p iofog-proxy -p iofog-router && cargo run --release -p iofog-proxy --example proxy_load`;
//! wants `wrk`, `iperf3` and `socat`. `IOFOG_REFERENCE_PROXY` names a folder with the reference.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool for people: failures end it"
)]

mod process;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use process::{Process, free_port, wait_for};

const ROUNDS: usize = 3;
const TUNNELS: usize = 1000;

fn main() {
    let target = http_target();
    println!("| what | processor time | rate or latency |\n|---|---|---|");
    let reference = std::env::var_os("IOFOG_REFERENCE_PROXY").map(PathBuf::from);
    for _ in 0..ROUNDS {
        let (_, p50) = wrk(target, 1);
        println!("| http, direct, 1 connection | - | p50 {p50} |");
        let ours = Path::ours("http", target, false);
        for connections in [1, 16] {
            requests("ours", &ours, connections);
        }
        drop(ours);
        if let Some(folder) = &reference {
            let theirs = Path::reference(folder, target);
            for connections in [1, 16] {
                requests("reference", &theirs, connections);
            }
        }
        let sink = free_port();
        let port = sink.to_string();
        let _server = Process::start("iperf3", &["-s", "-p", &port]);
        wait_for(sink);
        for (what, path) in [
            ("ours, one router", Path::ours("tcp", sink, false)),
            ("ours, edge to interior", Path::ours("tcp", sink, true)),
            ("socat", Path::socat(sink)),
        ] {
            gigabytes(what, &path);
        }
    }
    idle_tunnels();
}

/// What clients connect to, and the processes behind it.
struct Path {
    public: u16,
    processes: Vec<Process>,
}

impl Path {
    fn ours(protocol: &str, target: u16, two_routers: bool) -> Self {
        let (normal, edge, public) = (free_port(), free_port(), free_port());
        let interior = format!(
            r#"{{"mode":"interior","id":"i","listeners":[
                {{"role":"normal","host":"127.0.0.1","port":{normal}}},
                {{"role":"edge","host":"127.0.0.1","port":{edge}}}]}}"#
        );
        let mut processes = vec![router(&interior)];
        wait_for(normal);
        let mut near = normal;
        if two_routers {
            near = free_port();
            let config = format!(
                r#"{{"mode":"edge","id":"e","listeners":[
                    {{"role":"normal","host":"127.0.0.1","port":{near}}}],"connectors":[
                    {{"name":"i","role":"edge","host":"127.0.0.1","port":{edge}}}]}}"#
            );
            processes.push(router(&config));
            wait_for(near);
        }
        processes.push(proxy(near, &format!("amqp:q=>{protocol}:{target}")));
        sleep(Duration::from_secs(1));
        processes.push(proxy(normal, &format!("{protocol}:{public}=>amqp:q")));
        wait_for(public);
        sleep(Duration::from_secs(1));
        Self { public, processes }
    }

    /// The reference at both ends of our router.
    fn reference(folder: &std::path::Path, target: u16) -> Self {
        let (normal, public) = (free_port(), free_port());
        let config = format!(
            r#"{{"mode":"interior","id":"i","listeners":[
                {{"role":"normal","host":"127.0.0.1","port":{normal}}}]}}"#
        );
        let mut processes = vec![router(&config)];
        wait_for(normal);
        for mapping in [format!("amqp:q=>http:{target}"), format!("http:{public}=>amqp:q")] {
            let script = format!(
                "require('{}/lib/proxy').proxy('{mapping}', '127.0.0.1', \
                 {{routerHost: '127.0.0.1', routerPort: {normal}}})",
                folder.display()
            );
            processes.push(Process::start("node", &["-e", &script, "reference"]));
        }
        wait_for(public);
        sleep(Duration::from_secs(1));
        Self { public, processes }
    }

    fn socat(target: u16) -> Self {
        let public = free_port();
        let listen = format!("TCP-LISTEN:{public},fork,reuseaddr,bind=127.0.0.1");
        let socat = Process::start("socat", &[&listen, &format!("TCP:127.0.0.1:{target}")]);
        wait_for(public);
        Self { public, processes: vec![socat] }
    }

    fn seconds(&self) -> f64 {
        self.processes.iter().map(Process::seconds).sum()
    }
}

fn program(name: &str) -> String {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join(name).to_str().unwrap().to_owned()
}

fn router(config: &str) -> Process {
    let file = std::env::temp_dir().join(format!("iofog-load-{}.json", free_port()));
    std::fs::write(&file, config).unwrap();
    Process::start(&program("iofog-router"), &["--config", file.to_str().unwrap()])
}

fn proxy(router: u16, mapping: &str) -> Process {
    let router = format!("--router=127.0.0.1:{router}");
    Process::start(
        &program("iofog-proxy"),
        &[&router, "--target=127.0.0.1", "--listen=127.0.0.1", "--log=error", mapping],
    )
}

fn requests(what: &str, path: &Path, connections: u32) {
    wrk(path.public, connections);
    let before = path.seconds();
    let (count, p50) = wrk(path.public, connections);
    let micros = (path.seconds() - before) * 1e6 / count;
    println!("| http, {what}, {connections} connections | {micros:.0} us/request | p50 {p50} |");
}

/// Requests that were answered, and the median latency.
fn wrk(port: u16, connections: u32) -> (f64, String) {
    let output = Command::new("wrk")
        .args(["-t1", "-d4s", "--latency", "-c", &connections.to_string()])
        .arg(format!("http://127.0.0.1:{port}/"))
        .output()
        .expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = |line: &str, number: usize| {
        let line = text.lines().find(|l| l.contains(line)).unwrap_or_else(|| panic!("{text}"));
        line.split_whitespace().nth(number).unwrap().to_owned()
    };
    assert!(!text.contains("Non-2xx"), "{text}");
    (word("requests in", 0).parse().unwrap(), word("50%", 1))
}

fn gigabytes(what: &str, path: &Path) {
    let before = path.seconds();
    let output = Command::new("iperf3")
        .args(["-c", "127.0.0.1", "-n", "2G", "-J", "-p", &path.public.to_string()])
        .output()
        .expect("iperf3 runs");
    // socat counts a connection's time once its process has been waited for.
    sleep(Duration::from_millis(500));
    let seconds = path.seconds() - before;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let received = &report["end"]["sum_received"];
    let Some(bytes) = received["bytes"].as_f64().filter(|bytes| *bytes > 0.0) else {
        return println!("| tcp, {what} | failed | {} |", report["error"]);
    };
    let rate = received["bits_per_second"].as_f64().unwrap() / 8e9;
    println!("| tcp, {what} | {:.2} s/GB | {rate:.2} GB/s |", seconds / (bytes / 1e9));
}

fn idle_tunnels() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    let path = Path::ours("tcp", target, true);
    let names = ["interior router", "edge router", "proxy at the target", "proxy at the clients"];
    let before: Vec<u64> = path.processes.iter().map(Process::resident_kb).collect();
    let mut open = Vec::new();
    for _ in 0..TUNNELS {
        open.push(TcpStream::connect(("127.0.0.1", path.public)).unwrap());
        sleep(Duration::from_millis(2));
    }
    sleep(Duration::from_secs(3));
    for ((name, process), before) in names.into_iter().zip(&path.processes).zip(before) {
        let grown = process.resident_kb().saturating_sub(before);
        let each = f64::from(u32::try_from(grown).unwrap()) / 1000.0;
        println!("| {TUNNELS} idle tunnels, {name} | - | {each:.1} KiB each |");
    }
}

/// Answers every request with two bytes; outside of what is measured.
fn http_target() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while matches!(stream.read(&mut buffer), Ok(1..)) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
            });
        }
    });
    port
}
