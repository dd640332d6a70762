//! A router program under measurement: its configuration, its process, what it takes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use iofog_tls::{Authority, Issued};

/// What stands in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Copies frames between two connections: no routing at all.
    Relay,
    /// Ours.
    Ours,
    /// Another router with the same text configuration.
    Peer,
}

/// A router that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    program: PathBuf,
}

impl Subject {
    pub(crate) fn relay() -> Self {
        let program = std::env::current_exe().unwrap();
        Self { name: "bare relay".to_owned(), kind: Kind::Relay, program }
    }

    pub(crate) fn ours(program: Option<PathBuf>) -> Self {
        let beside = || std::env::current_exe().unwrap().parent().unwrap().join("../iofog-router");
        Self {
            name: "iofog-router".to_owned(),
            kind: Kind::Ours,
            program: program.unwrap_or_else(beside),
        }
    }

    /// `NAME=PROGRAM`.
    pub(crate) fn peer(given: &str) -> Self {
        let (name, program) = given.split_once('=').expect("--peer NAME=PROGRAM");
        Self { name: name.to_owned(), kind: Kind::Peer, program: program.into() }
    }

    /// A router in interior mode with listeners for clients, edges and TLS.
    pub(crate) fn interior(&self) -> Running {
        let ports = Ports::free();
        let folder = folder();
        let tls = folder.join("tls");
        std::fs::create_dir_all(&tls).unwrap();
        let authority = Authority::new("figures").unwrap();
        let Issued { certificate, key, .. } =
            authority.issue("localhost", &["localhost", "127.0.0.1"]).unwrap();
        std::fs::write(tls.join("chain.pem"), certificate).unwrap();
        std::fs::write(tls.join("key.pem"), key).unwrap();
        std::fs::write(tls.join("ca.pem"), authority.certificate()).unwrap();
        let mut text = router("interior", "figures-interior");
        listener(&mut text, ports.normal, "normal", "");
        listener(&mut text, ports.edge, "edge", "");
        listener(&mut text, ports.tls, "normal", "sslProfile: figures\n requireSsl: yes\n");
        let _ = write!(
            text,
            "sslProfile {{\n name: figures\n certFile: {0}/chain.pem\n privateKeyFile: {0}/key.pem\n \
             caCertFile: {0}/ca.pem\n}}\n",
            tls.display()
        );
        self.start(&folder, &text, ports)
    }

    /// A router in edge mode below another.
    pub(crate) fn edge(&self, interior: &Running) -> Running {
        let ports = Ports::free();
        let mut text = router("edge", "figures-edge");
        listener(&mut text, ports.normal, "normal", "");
        let _ = write!(
            text,
            "connector {{\n name: up\n role: edge\n host: 127.0.0.1\n port: {}\n saslMechanisms: ANONYMOUS\n}}\n",
            interior.ports.edge
        );
        self.start(&folder(), &text, ports)
    }

    fn start(&self, folder: &Path, text: &str, ports: Ports) -> Running {
        let mut command = Command::new(&self.program);
        if self.kind == Kind::Relay {
            command.args(["--relay", &ports.normal.to_string()]);
        } else {
            let file = folder.join("router.conf");
            std::fs::write(&file, text).unwrap();
            command.arg("-c").arg(file);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Running { child, ports, folder: folder.to_owned() }
    }
}

fn router(mode: &str, id: &str) -> String {
    format!("router {{\n mode: {mode}\n id: {id}\n}}\n")
}

fn listener(text: &mut String, port: u16, role: &str, more: &str) {
    let _ = write!(
        text,
        "listener {{\n host: 127.0.0.1\n port: {port}\n role: {role}\n authenticatePeer: no\n \
         saslMechanisms: ANONYMOUS\n {more}}}\n"
    );
}

fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder =
        std::env::temp_dir().join(format!("router-figures-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Ports of loopback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    normal: u16,
    edge: u16,
    tls: u16,
}

impl Ports {
    fn free() -> Self {
        let next = iofog_test_ports::free;
        Self { normal: next(), edge: next(), tls: next() }
    }
}

/// A process that ends with its owner.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    ports: Ports,
    folder: PathBuf,
}

impl Running {
    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.normal))
    }

    /// Where clients connect with TLS, and the authority they trust.
    pub(crate) fn tls(&self) -> (SocketAddr, Vec<u8>) {
        let authority = std::fs::read(self.folder.join("tls/ca.pem")).unwrap();
        (SocketAddr::from(([127, 0, 0, 1], self.ports.tls)), authority)
    }

    /// Processor time so far of the threads that it has now, ns.
    pub(crate) fn cpu(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of_thread = |path: PathBuf| -> u64 {
            let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().map_or(0, |number| number.parse().unwrap())
        };
        threads.map(|thread| of_thread(thread.unwrap().path())).sum()
    }

    /// Resident memory, kB.
    pub(crate) fn rss(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Resident memory that is no page of a file, kB.
    pub(crate) fn anonymous(&self) -> u64 {
        self.memory("RssAnon:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
