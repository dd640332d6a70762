//! The engine of this machine for tests of containers: one test at a time has the contract's names and ports.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests"
)]

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::common::{Home, program};

const BUSYBOX: &str = "/bin/busybox";
const NAMES: [&str; 4] =
    ["iofog-controller", "iofog-agent", "iofog-controller-before", "iofog-agent-before"];
/// Says something on standard output, and to whom a route leads.
const TALKER: &str = r#"trap exit TERM; while :; do echo tick; /busybox wget -q -O /dev/null --header Content-Type:application/json \
--post-data "{\"publisher\":\"$SELFNAME\",\"version\":4,\"infotype\":\"speech\",\"infoformat\":\"text\",\"contentdata\":\"aGVsbG8=\"}" \
http://iofog:54321/v2/messages/new; /busybox sleep 1; done"#;
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A home directory with programs to make images of, and images to run.
pub(crate) struct Site {
    pub(crate) home: Home,
    /// A microservice that speaks every second.
    pub(crate) image: String,
    /// An image that ends at once.
    pub(crate) broken: String,
    _turn: MutexGuard<'static, ()>,
}

/// Runs Docker's own client.
pub(crate) fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asks until there is an answer.
pub(crate) fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(120) {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("not within two minutes: {what}");
}

/// The first lines of a stream.
pub(crate) fn lines(stream: impl Read, count: usize) -> Vec<String> {
    BufReader::new(stream).lines().take(count).map(Result::unwrap).collect()
}

impl Site {
    pub(crate) fn start(name: &str) -> Option<Self> {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = |why: &str| {
            eprintln!("skipped: {why}");
            None
        };
        if docker(&["version", "--format", "{{.Server.Version}}"]).trim().is_empty() {
            return skip("no container engine answers");
        }
        if !Path::new(BUSYBOX).exists() {
            return skip("needs /bin/busybox of busybox-static");
        }
        let names = docker(&["ps", "-a", "--format", "{{.Names}}"]);
        if let Some(name) = names.lines().find(|name| NAMES.contains(name)) {
            return skip(&format!("there is a container {name} already"));
        }
        for port in [51121, 8008, 54321, 5672, 56721, 56722] {
            if TcpListener::bind(("0.0.0.0", port)).is_err() {
                return skip(&format!("port {port} is taken"));
            }
        }
        let home = Home::new(name);
        let programs = home.path.join("programs");
        std::fs::create_dir_all(&programs).unwrap();
        let beside = Path::new(env!("CARGO_BIN_EXE_iofogctl")).parent().unwrap().to_owned();
        let beside = std::env::var_os("IOFOGCTL_TEST_PROGRAMS").map_or(beside, Into::into);
        for name in ["iofog-controller", "iofog-agent"] {
            let path = beside.join(name);
            if !path.exists() {
                return skip(&format!("{} was not built", path.display()));
            }
            std::os::unix::fs::symlink(path, programs.join(name)).unwrap();
        }
        let tag = format!("iofogctl-test-{}", std::process::id());
        let site = Self {
            home,
            image: format!("{tag}:talker"),
            broken: format!("{tag}:broken"),
            _turn: turn,
        };
        site.import(&site.image, TALKER);
        site.import(&site.broken, "echo out of order; exit 1");
        Some(site)
    }

    /// Makes an image of busybox.
    fn import(&self, reference: &str, script: &str) {
        let entry = format!("ENTRYPOINT {}", serde_json::json!(["/busybox", "sh", "-c", script]));
        let archive =
            Command::new("tar").args(["-C", "/bin", "-c", "busybox"]).output().unwrap().stdout;
        let mut child = Command::new("docker")
            // As one of ours, so that it needs no privileges, which not every machine can give.
            .args(["import", "-c", &entry, "-c", "LABEL org.iofog.volumes=test", "-", reference])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&archive).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Saves the Agent's image with a difference.
    pub(crate) fn save_changed_agent(&self, path: &str) {
        let name = self.changed();
        let mut child = Command::new("docker")
            .args(["build", "-q", "-t", &name, "-"])
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let text = format!("FROM iofog/agent:{version}\nLABEL changed=yes\n");
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        docker(&["save", "-o", path, &name]);
    }

    fn changed(&self) -> String {
        format!("{}-changed:1", self.image.replace(':', "-"))
    }

    /// Id of a container; empty without one.
    pub(crate) fn id(&self, name: &str) -> String {
        docker(&["inspect", "--format", "{{.Id}}", name]).trim().to_owned()
    }

    /// Names of all files in a container.
    pub(crate) fn files(&self, container: &str) -> String {
        let line = format!("docker export {container} | tar -t");
        let listed = Command::new("sh").args(["-c", &line]).output().unwrap();
        let names = String::from_utf8(listed.stdout).unwrap();
        assert!(names.contains(container), "{names}");
        names
    }

    /// Whether the program that an image is made of needs no other file.
    pub(crate) fn is_static(&self, name: &str) -> bool {
        let program = self.home.path.join("programs").join(name);
        let listed = Command::new("ldd").arg(program).output().unwrap();
        !String::from_utf8_lossy(&listed.stdout).contains(".so")
    }

    /// Starts the program of this package.
    pub(crate) fn spawn(&self, words: &[&str]) -> Child {
        Command::new(program())
            .args(words)
            .env("HOME", &self.home.path)
            .env("IOFOGCTL_PROGRAMS", self.home.path.join("programs"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Containers, volumes and images of this program are gone.
    pub(crate) fn nothing_is_left(&self) {
        let names = docker(&["ps", "-a", "--format", "{{.Names}}"]);
        assert!(!names.lines().any(|name| NAMES.contains(&name)), "{names}");
        let used = docker(&["ps", "-a", "--format", "{{.Image}}"]);
        assert!(!used.contains(&self.image), "{used}");
        let volumes = docker(&["volume", "ls", "-q"]);
        let kept =
            |name: &str| name.starts_with("iofog-controller-") || name.starts_with("iofog-agent-");
        assert!(!volumes.lines().any(kept), "{volumes}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Whatever a failed test left; all of these were made here.
        let mut containers: Vec<String> = NAMES.map(str::to_owned).to_vec();
        let all = docker(&["ps", "-a", "--format", "{{.ID}} {{.Image}}"]);
        let own = all.lines().filter(|line| line.ends_with(&self.image));
        containers.extend(own.filter_map(|line| line.split(' ').next()).map(str::to_owned));
        for container in &containers {
            docker(&["rm", "-f", container]);
        }
        let volumes = [
            "iofog-controller-var-lib-iofog-controller",
            "iofog-agent-etc-iofog-agent",
            "iofog-agent-var-lib-iofog-agent",
        ];
        for volume in volumes {
            docker(&["volume", "rm", volume]);
        }
        let version = env!("CARGO_PKG_VERSION");
        let changed = self.changed();
        let made = [format!("iofog/agent:{version}"), format!("iofog/controller:{version}")];
        for image in [&self.image, &self.broken, &changed].into_iter().chain(&made) {
            docker(&["rmi", image]);
        }
    }
}
