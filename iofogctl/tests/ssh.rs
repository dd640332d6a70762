//! Work over SSH against a real sshd on loopback, through the program. Skipped where there is no
//! sshd or the user is not root (the target must let the login act as root).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod common;

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{FakeController, Home, table};

const SSHD: &str = "/usr/sbin/sshd";
/// Not 127.0.0.1: that means this machine, where volumes need no copying.
const HOST: &str = "127.0.0.2";

/// An sshd that goes away with the test.
struct Target {
    daemon: Child,
    port: u16,
}

impl Target {
    fn start(home: &Home) -> Option<Self> {
        let root = Command::new("id").arg("-u").output().ok()?.stdout == b"0\n";
        if !root || !Path::new(SSHD).exists() {
            eprintln!("skipped: needs root and {SSHD}");
            return None;
        }
        std::fs::create_dir_all("/run/sshd").unwrap();
        for name in ["host", "login", "stranger"] {
            key(home, name);
        }
        std::fs::copy(home.path.join("login.pub"), home.path.join("authorized")).unwrap();
        let port = TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap().port();
        let at = home.path.display();
        let config = format!(
            "Port {port}\nListenAddress {HOST}\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        );
        let config = home.write("sshd.conf", &config);
        let daemon = Command::new(SSHD)
            .args(["-D", "-e", "-f", &config])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let target = Self { daemon, port };
        for _ in 0..200 {
            if TcpStream::connect((HOST, port)).is_ok() {
                return Some(target);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("sshd does not answer");
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn key(home: &Home, name: &str) {
    let file = home.path.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(made.success());
}

/// A namespace with an Agent on the target.
fn network(home: &Home, port: u16) -> FakeController {
    let agents = format!(r#"{{"fogs":[{{"uuid":"GATE","name":"gate-1","host":"{HOST}"}}]}}"#);
    let controller =
        FakeController::start(table(&[("GET /iofog-list?system=false", 200, &agents)]));
    home.connect(&controller);
    let login = home.path.join("login").display().to_string();
    home.ok(&[
        "configure",
        "agent",
        "gate-1",
        "--user",
        "root",
        "--key",
        &login,
        "--port",
        &port.to_string(),
    ]);
    controller
}

/// A document that puts the home's folder `source` on the Agent.
fn volume(home: &Home, name: &str, destination: &str) -> String {
    format!(
        "apiVersion: iofog.org/v3\nkind: Volume\nmetadata: {{name: {name}}}\n\
         spec: {{source: {}/source, destination: \"{destination}\", permissions: \"640\", agents: [gate-1]}}\n",
        home.path.display()
    )
}

#[test]
fn ssh_volume_life_host_keys_and_login_keys() {
    let home = Home::new("ssh");
    let Some(target) = Target::start(&home) else { return };
    let _controller = network(&home, target.port);
    std::fs::create_dir_all(home.path.join("source/sub")).unwrap();
    // Larger than one command carries, so that it goes in parts.
    let large: Vec<u8> =
        (0..2_500_000_u32).flat_map(|number| number.to_le_bytes()).take(2_500_000).collect();
    std::fs::write(home.path.join("source/large"), &large).unwrap();
    home.write("source/sub/small", "text");
    let at = home.path.display();
    let file = home.write("volume.yaml", &volume(&home, "vol", &format!("{at}/target")));

    // First contact records the host key.
    home.ok(&["deploy", "-f", &file]);
    assert_eq!(std::fs::read(home.path.join("target/large")).unwrap(), large);
    let copied = std::fs::metadata(home.path.join("target/sub/small")).unwrap();
    assert_eq!(copied.permissions().mode() & 0o777, 0o640);
    assert!(home.read(".ssh/known_hosts").contains(&format!("[{HOST}]:{}", target.port)));
    home.ok(&["deploy", "-f", &file]);

    // Another key than the recorded one is refused, before anything is sent.
    let known = home.read(".ssh/known_hosts");
    let stranger = home.read("stranger.pub");
    home.write(".ssh/known_hosts", &format!("[{HOST}]:{} {stranger}", target.port));
    assert!(home.fails(&["delete", "volume", "vol"]).contains("is not the one in"));
    assert!(home.path.join("target/large").exists());
    home.write(".ssh/known_hosts", &known);

    // A login key the host does not know, and one that is not there.
    home.ok(&[
        "configure",
        "agent",
        "gate-1",
        "--key",
        &home.path.join("stranger").display().to_string(),
    ]);
    assert!(home.fails(&["delete", "volume", "vol"]).contains("the host does not accept the key"));
    home.ok(&["configure", "agent", "gate-1", "--key", "/nowhere"]);
    assert!(home.fails(&["delete", "volume", "vol"]).contains("key file /nowhere"));

    home.ok(&[
        "configure",
        "agent",
        "gate-1",
        "--key",
        &home.path.join("login").display().to_string(),
    ]);
    home.ok(&["delete", "volume", "vol"]);
    assert!(!home.path.join("target/large").exists());
}

/// An SSH agent that holds the login key, and goes away with the test.
struct KeyAgent {
    daemon: Child,
    socket: PathBuf,
}

impl KeyAgent {
    fn start(home: &Home) -> Self {
        let socket = home.path.join("agent.sock");
        let mut command = Command::new("ssh-agent");
        let daemon =
            command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let agent = Self { daemon, socket };
        while !agent.socket.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut add = Command::new("ssh-add");
        add.arg(home.path.join("login")).env("SSH_AUTH_SOCK", &agent.socket);
        assert!(add.stderr(Stdio::null()).status().unwrap().success());
        agent
    }
}

impl Drop for KeyAgent {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

#[test]
fn ssh_keys_of_an_agent_are_tried_after_the_key_file() {
    let home = Home::new("ssh-agent");
    let Some(target) = Target::start(&home) else { return };
    let _controller = network(&home, target.port);
    std::fs::create_dir(home.path.join("source")).unwrap();
    home.write("source/file", "text");
    let at = home.path.display();
    let volume = volume(&home, "vol", &format!("{at}/target"));
    let file = home.write("volume.yaml", &volume);
    let stranger = home.path.join("stranger").display().to_string();
    home.ok(&["configure", "agent", "gate-1", "--key", &stranger]);
    assert!(home.fails(&["deploy", "-f", &file]).contains("the host does not accept the key"));

    let agent = KeyAgent::start(&home);
    let mut deploy = home.command(&common::program(), &["deploy", "-f", &file]);
    let output = deploy.env("SSH_AUTH_SOCK", &agent.socket).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(home.read("target/file"), "text");
}

#[test]
fn ssh_unreachable_and_full_targets_are_told() {
    let home = Home::new("ssh-failures");
    let Some(target) = Target::start(&home) else { return };
    let _controller = network(&home, target.port);
    std::fs::create_dir_all(home.path.join("source")).unwrap();
    home.write("source/file", "text");
    let at = home.path.display();
    let volume = |destination: &str| volume(&home, "vol", destination);
    // A place nothing can be written to stands for a full disk.
    let file = home.write("full.yaml", &volume("/proc/full"));
    assert!(home.fails(&["deploy", "-f", &file]).starts_with("Error during SSH Session\n"));
    assert!(
        home.ok(&["get", "volumes"]).ends_with("AGENTS\t\t\n\n"),
        "a failed volume is not recorded"
    );
    let file = home.write("unsafe.yaml", &volume("/tmp/x; touch y"));
    assert!(home.fails(&["deploy", "-f", &file]).contains("must be an absolute path"));
    drop(target);
    let file = home.write("away.yaml", &volume(&format!("{at}/target")));
    assert!(home.fails(&["deploy", "-f", &file]).starts_with(&format!("SSH root@{HOST}:")));
}

/// A file system of its own, as small as a full disk.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: std::path::PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(&path)
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("skipped: file systems cannot be mounted here");
        }
        mounted.then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn ssh_full_disk_is_told_and_the_next_run_completes() {
    let home = Home::new("ssh-full");
    let Some(target) = Target::start(&home) else { return };
    let Some(disk) = SmallDisk::mount(home.path.join("disk")) else { return };
    let _controller = network(&home, target.port);
    std::fs::create_dir_all(home.path.join("source")).unwrap();
    std::fs::write(home.path.join("source/large"), vec![7; 300_000]).unwrap();
    let at = home.path.display();
    let file = home.write("volume.yaml", &volume(&home, "large-vol", &format!("{at}/disk")));
    assert!(home.fails(&["deploy", "-f", &file]).contains("No space left on device"));
    assert!(!home.ok(&["get", "volumes"]).contains("large-vol"), "a failed volume is not recorded");
    // Room is made: the same command completes what it could not.
    let grown = Command::new("mount").args(["-o", "remount,size=4m"]).arg(&disk.0).status();
    assert!(grown.unwrap().success());
    home.ok(&["deploy", "-f", &file]);
    assert_eq!(std::fs::read(home.path.join("disk/large")).unwrap(), vec![7; 300_000]);
    home.ok(&["delete", "volume", "large-vol"]);
    assert!(!home.path.join("disk/large").exists());
}
