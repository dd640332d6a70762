//! A router of another make as a process beside the test, from a path in the environment.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use iofog_router::config::{Mode, Role};
use tokio::process::{Child, Command};

/// The makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// Qpid Dispatch: `IOFOG_QDROUTERD`.
    Dispatch,
    /// skupper-router: `IOFOG_SKROUTERD`.
    Skupper,
}

impl Make {
    fn variable(self) -> &'static str {
        match self {
            Self::Dispatch => "IOFOG_QDROUTERD",
            Self::Skupper => "IOFOG_SKROUTERD",
        }
    }

    /// Dispatch alone.
    pub(crate) fn routes_links(self) -> bool {
        self == Self::Dispatch
    }

    /// The program; says so when it is not here.
    pub(crate) fn program(self) -> Option<PathBuf> {
        let program = std::env::var_os(self.variable()).map(PathBuf::from);
        if program.is_none() {
            println!("skipped: {} names no router program", self.variable());
        }
        program
    }
}

/// A running router; ends with the test.
pub(crate) struct Peer {
    ports: Vec<(Role, SocketAddr)>,
    program: PathBuf,
    file: PathBuf,
    child: Child,
}

impl Peer {
    /// Starts it with a listener of each role that its mode allows, and connectors.
    pub(crate) async fn start(
        make: Make,
        mode: Mode,
        id: &str,
        connectors: &[(Role, SocketAddr)],
    ) -> Option<Self> {
        let program = make.program()?;
        let roles: &[Role] = match mode {
            Mode::Interior => &[Role::Normal, Role::Edge, Role::InterRouter],
            _ => &[Role::Normal],
        };
        let ports: Vec<(Role, SocketAddr)> = roles.iter().map(|role| (*role, free())).collect();
        let mut text = format!("router {{\n mode: {}\n id: {id}\n}}\n", mode.as_str());
        for (prefix, treatment) in [("multicast", "multicast"), ("closest", "closest")] {
            text += &format!("address {{\n prefix: {prefix}\n distribution: {treatment}\n}}\n");
        }
        for (entity, entries) in [("listener", &ports[..]), ("connector", connectors)] {
            for (role, address) in entries {
                text += &format!(
                    "{entity} {{\n host: {}\n port: {}\n role: {}\n saslMechanisms: ANONYMOUS\n}}\n",
                    address.ip(),
                    address.port(),
                    role.as_str()
                );
            }
        }
        let file = std::env::temp_dir().join(format!("router-{id}-{}.conf", ports[0].1.port()));
        std::fs::write(&file, text).unwrap();
        let child = spawn(&program, &file);
        let peer = Self { ports, program, file, child };
        peer.listening().await;
        Some(peer)
    }

    /// Ends it without a word.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it once more, as it was.
    pub(crate) async fn again(&mut self) {
        self.child = spawn(&self.program, &self.file);
        self.listening().await;
    }

    async fn listening(&self) {
        while tokio::net::TcpStream::connect(self.port(Role::Normal)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn port(&self, role: Role) -> SocketAddr {
        self.ports.iter().find(|(known, _)| *known == role).unwrap().1
    }
}

fn spawn(program: &Path, file: &Path) -> Child {
    let mut command = Command::new(program);
    command.arg("-c").arg(file).stdout(Stdio::null()).kill_on_drop(true);
    if std::env::var_os("IOFOG_PEER_LOG").is_none() {
        command.stderr(Stdio::null());
    }
    command.spawn().unwrap()
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// A free port below those that the system gives to outgoing connections: the peer binds it a moment later.
fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = 20_000 + own + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
