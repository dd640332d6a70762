//! The ways from clients to the target that are compared.

use std::thread::sleep;
use std::time::Duration;

use super::process::{Process, free_port, log_level, wait_for};
use super::stack::dispatch;

/// What clients connect to, and the processes behind it.
pub(crate) struct Path {
    pub(crate) public: u16,
    processes: Vec<(&'static str, Process)>,
}

/// Routers tell each other what is where.
const SETTLE: Duration = Duration::from_millis(1500);

impl Path {
    /// Router and both proxies in one process, as on a node of its own.
    pub(crate) fn node(protocol: &str, target: u16) -> Self {
        let (normal, public) = (free_port(), free_port());
        let mappings =
            [format!("amqp:q=>{protocol}:{target}"), format!("{protocol}:{public}=>amqp:q")];
        let node = node(&interior(normal, free_port()), &mappings);
        Self::ready(public, vec![("node", node)])
    }

    /// An interior node with the public port, and an edge node with the target.
    pub(crate) fn nodes(protocol: &str, target: u16) -> Self {
        let (normal, edge, public) = (free_port(), free_port(), free_port());
        let front = node(&interior(normal, edge), &[format!("{protocol}:{public}=>amqp:q")]);
        wait_for(edge);
        let back = node(&below(free_port(), edge), &[format!("amqp:q=>{protocol}:{target}")]);
        Self::ready(public, vec![("interior node", front), ("edge node", back)])
    }

    /// One router between two proxies, each a program of its own.
    pub(crate) fn separate_one_hop(protocol: &str, target: u16) -> Self {
        let (normal, public) = (free_port(), free_port());
        let router = router(&interior(normal, free_port()));
        wait_for(normal);
        let back = proxy(normal, &format!("amqp:q=>{protocol}:{target}"));
        let front = proxy(normal, &format!("{protocol}:{public}=>amqp:q"));
        let processes = vec![("router", router), ("far proxy", back), ("near proxy", front)];
        Self::ready(public, processes)
    }

    /// Two routers and two proxies, each a program of its own.
    pub(crate) fn separate(protocol: &str, target: u16) -> Self {
        let (normal, edge, public) = (free_port(), free_port(), free_port());
        let interior = router(&interior(normal, edge));
        wait_for(edge);
        let near = free_port();
        let below = router(&below(near, edge));
        wait_for(near);
        let back = proxy(near, &format!("amqp:q=>{protocol}:{target}"));
        let front = proxy(normal, &format!("{protocol}:{public}=>amqp:q"));
        let processes = vec![
            ("interior router", interior),
            ("edge router", below),
            ("far proxy", back),
            ("near proxy", front),
        ];
        Self::ready(public, processes)
    }

    pub(crate) fn socat(target: u16) -> Self {
        let public = free_port();
        let listen = format!("TCP-LISTEN:{public},fork,reuseaddr,bind=127.0.0.1");
        let socat = Process::start("socat", &[&listen, &format!("TCP:127.0.0.1:{target}")]);
        Self::ready(public, vec![("socat", socat)])
    }

    /// A relay through a buffer of so many bytes, or without one inside the kernel.
    pub(crate) fn relay(target: u16, buffer: usize) -> Self {
        let public = free_port();
        let [listen, target, buffer] =
            [usize::from(public), usize::from(target), buffer].map(|number| number.to_string());
        let relay = Process::own(&["relay", &listen, &target, &buffer]);
        Self::ready(public, vec![("relay", relay)])
    }

    /// skupper-router's TCP bridge over one router, and over two; none where it is not given.
    pub(crate) fn skupper(target: u16) -> Option<(Self, Self)> {
        let program = std::env::var("IOFOG_SKROUTERD").ok()?;
        let start = |config: &str| dispatch(&program, config);
        let connector = format!(
            "tcpConnector {{\n name: c\n host: 127.0.0.1\n port: {target}\n address: q\n}}\n"
        );
        let listener = |port: u16| {
            format!("tcpListener {{\n name: l\n host: 127.0.0.1\n port: {port}\n address: q\n}}\n")
        };
        let [one, two, edge] = [free_port(), free_port(), free_port()];
        let interior = "router {\n mode: interior\n id: i\n}\n";
        let single = start(&format!("{interior}{}{connector}", listener(one)));
        let front = start(&format!(
            "{interior}listener {{\n role: edge\n host: 127.0.0.1\n port: {edge}\n}}\n{}",
            listener(two)
        ));
        wait_for(edge);
        let back = start(&format!(
            "router {{\n mode: edge\n id: e\n}}\nconnector {{\n name: up\n role: edge\n host: 127.0.0.1\n \
             port: {edge}\n}}\n{connector}"
        ));
        let processes = vec![("interior router", front), ("edge router", back)];
        Some((Self::ready(one, vec![("router", single)]), Self::ready(two, processes)))
    }

    pub(crate) fn ready(public: u16, processes: Vec<(&'static str, Process)>) -> Self {
        wait_for(public);
        sleep(SETTLE);
        Self { public, processes }
    }

    /// Processor time of all processes so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.processes.iter().map(|(_, process)| process.seconds()).sum()
    }

    /// Resident memory of each process, in KiB.
    pub(crate) fn resident_kb(&self) -> Vec<(&'static str, f64)> {
        self.processes.iter().map(|(name, process)| (*name, process.resident_kb())).collect()
    }
}

pub(crate) fn interior(normal: u16, edge: u16) -> String {
    format!(
        r#"{{"mode":"interior","id":"i","listeners":[
            {{"role":"normal","host":"127.0.0.1","port":{normal}}},
            {{"role":"edge","host":"127.0.0.1","port":{edge}}}]}}"#
    )
}

pub(crate) fn below(normal: u16, edge: u16) -> String {
    format!(
        r#"{{"mode":"edge","id":"e","listeners":[
            {{"role":"normal","host":"127.0.0.1","port":{normal}}}],"connectors":[
            {{"name":"i","role":"edge","host":"127.0.0.1","port":{edge}}}]}}"#
    )
}

fn node(config: &str, mappings: &[String]) -> Process {
    let mappings = mappings.iter().map(String::as_str);
    Process::own(&["node", config].into_iter().chain(mappings).collect::<Vec<_>>())
}

/// A program that was built beside this example.
fn program(name: &str) -> String {
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    folder.join(name).to_str().unwrap().to_owned()
}

pub(crate) fn router(config: &str) -> Process {
    let file = std::env::temp_dir().join(format!("iofog-load-{}.json", free_port()));
    std::fs::write(&file, config).unwrap();
    Process::start(&program("iofog-router"), &["--config", file.to_str().unwrap()])
}

fn proxy(router: u16, mapping: &str) -> Process {
    let router = format!("--router=127.0.0.1:{router}");
    let log = format!("--log={}", log_level().as_deref().unwrap_or("error"));
    let name = program("iofog-proxy");
    Process::start(&name, &[&router, "--target=127.0.0.1", "--listen=127.0.0.1", &log, mapping])
}
