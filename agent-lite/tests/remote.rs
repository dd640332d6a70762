//! What a Controller asks of a device beside its workloads, carried out by the programs of this machine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests: failures are their purpose"
)]

#[cfg(test)]
mod support;

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use support::controller::{Controller, microservice};
use support::daemon::Daemon;
use support::docker::{Docker, IMAGE};
use support::{answer_http, eventually, folder, free_port, start, uuid};

#[test]
fn a_microservice_is_traced_until_the_controller_has_enough() {
    let Some(docker) = Docker::connect() else { return };
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: no strace on this machine");
        return;
    }
    let controller = Controller::start();
    let (folder, daemon) = start("traces", &controller);
    let (fog, ms) = (uuid("fog-traces"), uuid("ms-traces"));
    controller.with(|script| script.uuid = fog.clone());
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    assert!(daemon.command(&["config", "-df", "1"]).status.success());
    controller.deploy(vec![microservice(&ms, IMAGE)]);
    eventually("it runs", || controller.state_of(&ms).filter(|state| state == "RUNNING"));
    let order = |run: bool| {
        controller.with(|script| {
            script.traces = json!([{ "microserviceUuid": ms, "straceRun": run }]);
            script.raise(&["diagnostics"]);
        });
    };
    order(true);
    let pid = docker.inspect(&format!("iofog_{ms}"), "{{.State.Pid}}");
    let traced =
        eventually("a trace arrives", || controller.with(|script| script.traced.first().cloned()));
    let item = &traced["straceData"][0];
    assert_eq!(item["microserviceUuid"], ms.as_str());
    assert!(item["buffer"].as_str().unwrap().contains(&pid), "{item}");
    order(false);
    eventually("nobody traces it", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.contains("TracerPid:\t0").then_some(())
    });
    drop(daemon);
    docker.clean(&fog);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn the_image_of_a_microservice_is_sent_as_the_engine_would_save_it() {
    let Some(docker) = Docker::connect() else { return };
    let controller = Controller::start();
    let (folder, daemon) = start("snapshot", &controller);
    let (fog, ms) = (uuid("fog-snapshot"), uuid("ms-snapshot"));
    controller.with(|script| script.uuid = fog.clone());
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    controller.deploy(vec![microservice(&ms, IMAGE)]);
    eventually("it runs", || controller.state_of(&ms).filter(|state| state == "RUNNING"));
    controller.with(|script| {
        script.snapshot = json!(ms);
        script.raise(&["isImageSnapshot"]);
    });
    let form = eventually("it arrives", || controller.with(|script| script.snapshots.pop()));
    let text = String::from_utf8_lossy(&form[..300]).into_owned();
    let head = format!(
        "name=\"upstream\"; filename=\"{ms}.tar.gz\"\r\nContent-Type: application/zip\r\n\r\n"
    );
    assert!(text.contains(&head), "{text}");
    let start = text.find("\r\n\r\n").unwrap() + 4;
    let boundary = text.lines().next().unwrap();
    let end = form.len() - format!("\r\n{boundary}--\r\n").len();
    assert!(form.ends_with(format!("\r\n{boundary}--\r\n").as_bytes()));
    let archive = folder.join("sent.tar.gz");
    std::fs::write(&archive, &form[start..end]).unwrap();
    let listed =
        Command::new("tar").arg("-xzOf").arg(&archive).arg("manifest.json").output().unwrap();
    let manifest: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(manifest[0]["RepoTags"][0], IMAGE);
    eventually("no copy stays", || {
        (!folder.join("lib/image-snapshot.tar.gz").exists()).then_some(())
    });
    drop(daemon);
    docker.clean(&fog);
    let _ = std::fs::remove_dir_all(folder);
}

/// The status of the tunnel in the latest report.
fn tunnel(controller: &Controller) -> Option<Value> {
    let text =
        controller.with(|script| script.status["tunnelStatus"].as_str().map(str::to_owned))?;
    serde_json::from_str(&text).ok()
}

#[test]
fn a_tunnel_that_cannot_be_had_says_why() {
    let controller = Controller::start();
    let (folder, daemon) = start("tunnel", &controller);
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    let port = free_port();
    let order = |closed: bool| {
        controller.with(|script| {
            script.tunnel = json!({
                "id": 1, "username": "nobody", "password": "wrong", "host": "127.0.0.1", "rport": free_port(),
                "lport": port, "rsakey": "ssh-rsa AAAA", "closed": closed, "iofogUuid": "x"
            });
            script.raise(&["tunnel"]);
        });
    };
    order(false);
    let failed = eventually("it fails", || {
        tunnel(&controller).filter(|tunnel| tunnel["status"] == "FAILED")
    });
    assert_eq!((&failed["host"], &failed["lport"]), (&json!("127.0.0.1"), &json!(port)));
    let error = failed["errormessage"].as_str().unwrap();
    assert!(error.contains("refused") || error.contains("cannot be run"), "{error}");
    order(true);
    let closed = eventually("it is closed", || {
        tunnel(&controller).filter(|tunnel| tunnel["status"] == "CLOSED")
    });
    assert_eq!((&closed["host"], &closed["errormessage"]), (&json!("-"), &json!("-")));
    assert!(!daemon.log().contains("wrong"), "secrets in the log");
    drop(daemon);
    let _ = std::fs::remove_dir_all(folder);
}

/// OpenSSH's server with one user of its own: nothing of the machine's accounts is used or changed.
struct Server {
    child: Child,
    key: String,
    port: u16,
}

const USER: &str = "tunnel";
const WORD: &str = "tunnel word";
/// Of that word.
const SHADOW: &str = "$6$iofogsalt$sNkMDo1PscYby91i5mS6aqi90uhrxJ88Er9eVH3ctEaYNbPcakVb0dHow3I6Vm8FFTJ0ReOjTP0EknajrjLpA/";

impl Server {
    /// `None`, loudly, where it cannot be run.
    fn start(folder: &Path) -> Option<Self> {
        let can_mount = Command::new("unshare").args(["-m", "true"]).status();
        if !Path::new("/usr/sbin/sshd").exists() || !can_mount.is_ok_and(|status| status.success())
        {
            eprintln!("skipped: no sshd on this machine, or no mounts of its own");
            return None;
        }
        let file = |name: &str| folder.join(name).display().to_string();
        let key = file("host_key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status();
        assert!(made.unwrap().success());
        let port = free_port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {key}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication yes\nAllowTcpForwarding yes\n"
        );
        std::fs::write(file("sshd_config"), config).unwrap();
        let users = format!(
            "root:x:0:0::/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/bin/false\n{USER}:x:65533:65534::/:/bin/sh\n"
        );
        std::fs::write(file("passwd"), users).unwrap();
        std::fs::write(file("shadow"), format!("{USER}:{SHADOW}:20000:0:99999:7:::\n")).unwrap();
        let script = "mount -t tmpfs none /run && mkdir /run/sshd && mount --bind passwd /etc/passwd \
            && mount --bind shadow /etc/shadow && exec /usr/sbin/sshd -D -e -f \"$PWD/sshd_config\"";
        let log = std::fs::File::create(folder.join("sshd.log")).unwrap();
        let child = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh", "-c", script])
            .current_dir(folder)
            .stderr(log)
            .spawn()
            .unwrap();
        let key = std::fs::read_to_string(file("host_key.pub")).unwrap();
        let server = Self { child, key, port };
        eventually("sshd listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_tunnel_is_opened_with_the_right_key_and_password_and_closed_by_order() {
    let controller = Controller::start();
    let (folder, daemon) = start("tunnel-server", &controller);
    let Some(server) = Server::start(&folder) else { return };
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    let outside = free_port();
    let order = |key: &str, word: &str, closed: bool| {
        controller.with(|script| {
            script.tunnel = json!({
                "username": USER, "password": word, "host": "127.0.0.1", "rport": outside, "lport": server.port,
                "rsakey": key, "closed": closed
            });
            script.raise(&["tunnel"]);
        });
    };
    let becomes = |status: &str, error: &str| {
        eventually(&format!("{status} with {error}"), || {
            let found = tunnel(&controller).filter(|tunnel| tunnel["status"] == status)?;
            found["errormessage"].as_str().unwrap().contains(error).then_some(())
        });
    };
    order(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        WORD,
        false,
    );
    becomes("FAILED", "verification failed");
    order(&server.key, "another", false);
    becomes("FAILED", "Permission denied");
    order(&server.key, WORD, false);
    becomes("OPEN", "-");
    // What it leads to is this side's port of that number, where the server itself listens.
    let mut greeting = [0; 8];
    TcpStream::connect(("127.0.0.1", outside)).unwrap().read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"SSH-2.0-");
    order(&server.key, WORD, true);
    becomes("CLOSED", "-");
    eventually("nothing listens any more", || {
        TcpStream::connect(("127.0.0.1", outside)).is_err().then_some(())
    });
    assert!(!daemon.log().contains(WORD), "secrets in the log");
    drop(daemon);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn hardware_is_passed_on_when_it_changed() {
    let Ok(listener) = TcpListener::bind("127.0.0.1:54331") else {
        eprintln!("skipped: something serves on the port of the HAL already");
        return;
    };
    std::thread::spawn(move || answer_http(&listener));
    let controller = Controller::start();
    let folder = folder("hardware");
    let elements = [
        ("controller_url", controller.url.as_str()),
        ("bind_address", "127.0.0.1"),
        ("status_update_freq", "2"),
        ("scan_devices_freq", "1"),
    ];
    let daemon = Daemon::start(&folder, &elements);
    assert!(daemon.command(&["provision", "goodkey1"]).status.success());
    let arrived = || controller.with(|script| script.hardware.clone());
    eventually("both arrive", || (arrived().len() == 2).then_some(()));
    for route in ["PUT agent/hal/hw", "PUT agent/hal/usb"] {
        assert!(arrived().iter().any(|body| body[route] == json!({"info": "hello"})), "{route}");
    }
    // Scans go on at each second, statuses at every other.
    let statuses = || controller.with(|script| script.statuses);
    let before = statuses();
    eventually("time passes", || (statuses() >= before + 2).then_some(()));
    assert_eq!(arrived().len(), 2, "the same is not told again");
    assert!(daemon.text(&["status"]).contains("0 accepted + 0 found at start = 0 delivered"));
    drop(daemon);
    let _ = std::fs::remove_dir_all(folder);
}
