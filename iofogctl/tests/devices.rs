//! What commands show of devices: logs, programs run there, and why a microservice is in its state.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod common;
#[path = "common/machine.rs"]
mod machine;
#[path = "common/network.rs"]
mod network;
#[path = "common/terminal.rs"]
mod terminal;

use std::io::{BufRead, BufReader, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{FakeController, Home, table};
use machine::{HOST, Machine};

/// A microservice that runs on `gate-1`, which is the machine.
fn reachable(home: &Home, machine: &Machine, uuid: &str) -> FakeController {
    let agents = format!(r#"{{"fogs":[{{"uuid":"GATE","name":"gate-1","host":"{HOST}"}}]}}"#);
    let microservices = format!(
        r#"{{"microservices":[{{"uuid":"{uuid}","name":"reader","application":"demo","iofogUuid":"GATE","status":{{"status":"RUNNING"}}}}]}}"#
    );
    let controller = FakeController::start(table(&[
        ("GET /iofog-list?system=false", 200, &agents),
        ("GET /microservices?application=demo", 200, &microservices),
    ]));
    home.connect(&controller);
    let login = home.path.join("login").display().to_string();
    let port = machine.port.to_string();
    home.ok(&["configure", "agent", "gate-1", "--user", "root", "--key", &login, "--port", &port]);
    controller
}

#[test]
fn logs_and_exec_on_a_device() {
    let home = Home::new("logs");
    let Some(machine) = Machine::start(&home, false) else { return };
    let _controller = reachable(&home, &machine, "M1");
    let log = machine.root.join("var/log/iofog-agent");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("iofog-agent.0.log"), "first\n").unwrap();
    assert_eq!(home.ok(&["logs", "agent", "gate-1"]), "first\n");

    // What is added comes as it is added.
    let mut follower = Command::new(env!("CARGO_BIN_EXE_iofogctl"))
        .args(["logs", "agent", "gate-1", "--follow"])
        .env("HOME", &home.path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "first");
    let mut file =
        std::fs::OpenOptions::new().append(true).open(log.join("iofog-agent.0.log")).unwrap();
    writeln!(file, "second").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "second");
    follower.kill().unwrap();
    follower.wait().unwrap();

    // Words arrive as they were given, and the status comes back.
    assert_eq!(
        home.ok(&["exec", "agent", "gate-1", "--", "echo", "a  b", "it's", "$HOME"]),
        "a  b it's $HOME\n"
    );
    let failed = home.run(&["exec", "agent", "gate-1", "--", "sh", "-c", "echo no >&2; exit 7"]);
    assert_eq!((failed.status.code(), failed.stderr.as_slice()), (Some(7), b"no\n".as_slice()));

    terminal::shell_is_used(&home, &["exec", "agent", "gate-1", "--tty", "--", "sh"], "busybox");
    // A machine without pseudo-terminals says so, and the command is not run.
    std::fs::remove_file(machine.root.join("dev/ptmx")).unwrap();
    let words = ["exec", "agent", "gate-1", "-t", "--", "touch", "/ran"];
    terminal::Typist::start(&home, &words).shows("the host gives no terminal");
    assert!(!machine.root.join("ran").exists());
}

#[test]
fn logs_of_a_microservice_in_either_engine() {
    let home = Home::new("microservice-logs");
    let Some(machine) = Machine::start(&home, false) else { return };
    let _controller = reachable(&home, &machine, "M1");
    let missing = home.run(&["logs", "microservice", "demo/reader"]);
    assert_eq!(missing.status.code(), Some(1));
    let told = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(told.starts_with("there is no container iofog_M1 on the device"), "{told}");

    // As the native engine writes them.
    let container = machine.root.join("var/lib/iofog-agent/native/containers/abc");
    std::fs::create_dir_all(container.join("log")).unwrap();
    std::fs::write(container.join("container.json"), r#"{"microservice":"M1"}"#).unwrap();
    std::fs::write(container.join("log/json.1.log"), "{\"log\":\"older\\n\"}\n").unwrap();
    std::fs::write(container.join("log/json.0.log"), "{\"log\":\"newer\\n\"}\n").unwrap();
    assert_eq!(home.ok(&["logs", "microservice", "demo/reader"]), "older\nnewer\n");

    // Docker is asked first; a program of that name stands for it, as this machine has no engine.
    let docker = machine.root.join("bin/docker");
    std::fs::write(&docker, "#!/bin/sh\necho \"$@\"\n").unwrap();
    Command::new("chmod").arg("755").arg(&docker).status().unwrap();
    assert_eq!(home.ok(&["logs", "microservice", "demo/reader"]), "logs iofog_M1\n");
    assert_eq!(
        home.ok(&["exec", "microservice", "demo/reader", "--", "ls", "-l"]),
        "exec iofog_M1 ls -l\n"
    );
}

/// Passes connections to a port of this machine on to its engine, as a machine of a test does not see the engine's socket.
fn port_of_the_engine() -> u16 {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(engine) = UnixStream::connect("/var/run/docker.sock") else { continue };
            let (mut from, mut to) = (stream.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let (mut from, mut to) = (engine, stream);
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    });
    port
}

/// A container that goes with the test, and its image.
struct Container {
    name: String,
    image: String,
}

impl Container {
    fn start(uuid: &str) -> Self {
        let (name, image) =
            (format!("iofog_{uuid}"), format!("iofogctl-test-{uuid}").to_lowercase());
        let line = format!(
            "tar -C /bin -c busybox | docker import - {image} && docker run -d --name {name} {image} /busybox sleep 1000"
        );
        let started = Command::new("sh").args(["-c", &line]).output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Self { name, image }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let line = format!("docker rm -f {}; docker rmi {}", self.name, self.image);
        let _ = Command::new("sh").args(["-c", &line]).output();
    }
}

#[test]
fn a_terminal_in_a_microservice_of_docker_on_a_device() {
    let home = Home::new("microservice-terminal");
    let asked =
        Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output();
    if !asked.is_ok_and(|asked| asked.status.success()) {
        eprintln!("skipped: no container engine answers");
        return;
    }
    let Some(machine) = Machine::start(&home, false) else { return };
    let uuid = format!("T{}", std::process::id());
    let _controller = reachable(&home, &machine, &uuid);
    // Docker's own client on the device, which reaches the engine of this machine.
    let client = Path::new("/usr/bin/docker");
    let line = format!("cp {} {}/usr/bin/docker-client", client.display(), machine.root.display());
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    machine::install_libraries(&machine.root, client);
    let wrapper = format!(
        "#!/bin/sh\nDOCKER_HOST=tcp://{HOST}:{} exec /usr/bin/docker-client \"$@\"\n",
        port_of_the_engine()
    );
    let placed = home.write("wrapper", &wrapper);
    let line = format!(
        "cp {placed} {root}/bin/docker && chmod 755 {root}/bin/docker",
        root = machine.root.display()
    );
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    let _container = Container::start(&uuid);

    let words = ["exec", "microservice", "demo/reader", "--", "/busybox", "echo", "a  b"];
    assert_eq!(home.ok(&words), "a  b\n");
    let words = ["exec", "microservice", "demo/reader", "-t", "--", "/busybox", "sh"];
    terminal::shell_is_used(&home, &words, "/busybox");
}

#[test]
fn explain_names_the_cause_and_the_next_step() {
    let mut answers = network::small();
    answers.insert("GET /iofog-list?system=true".into(), (200, r#"{"fogs":[{"uuid":"SYS","name":"default-router","isSystem":true,"daemonStatus":"RUNNING"}]}"#.into()));
    let controller = FakeController::start(answers);
    let home = Home::new("explain");
    home.connect(&controller);
    let before = controller.requests().len();
    let told = home.ok(&["explain", "demo/reader"]);
    for line in [
        "Microservice demo/reader (M1) on Agent gate-1\n",
        "✔ controller   online, version 3.0.4\n",
        "✔ application  demo is started\n",
        "✔ image        ra:1 for arm\n",
        "… state        PULLING, 42 %\n",
        "✘ router       upstream hub-1 is UNKNOWN\n",
        "✔ router       upstream default-router runs\n",
        "✔ route        flow to writer, which runs\n",
        "✔ port         81 is public at http://9.9.9.9:6666\n",
    ] {
        assert!(told.contains(line), "{line}{told}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&home.ok(&["explain", "demo/reader", "-o", "json"])).unwrap();
    assert_eq!(json["findings"][0]["level"], "good");
    assert!(
        controller
            .requests()
            .split_off(before)
            .iter()
            .all(|line| { line.starts_with("GET ") || line.starts_with("POST /user/login") })
    );
    assert!(home.fails(&["explain", "demo/nobody"]).contains("Could not find a microservice"));
    assert!(home.fails(&["explain", "reader"]).contains("Application name missing"));
}
