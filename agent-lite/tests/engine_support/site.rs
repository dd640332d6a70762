//! Where one engine works for one test, and what a container said there.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use iofog_agent::domain::{ContainerId, ContainerSpec, NodeFacts, Workload};
use iofog_agent::engine::native::layer::Root;
use iofog_agent::engine::simulated::SimulatedEngine;
use iofog_agent::engine::{DockerEngine, Engine, NativeEngine, NativeOptions};

use super::image;

/// One engine under test.
pub(crate) trait Site {
    type Engine: Engine;

    /// An engine that has the test image; none, loudly, when this machine cannot have it.
    fn open(name: &str) -> Option<Self>
    where
        Self: Sized;

    /// The engine as a newly started Agent opens it.
    fn engine(&self) -> Self::Engine;

    /// What the container wrote, with its streams.
    fn output(&self, id: &ContainerId) -> String;

    /// Real processes run in the containers.
    const REAL: bool = true;

    /// The engine says of a container that it was killed for lack of memory.
    const TELLS_MEMORY: bool = true;

    /// Processor time that the container may take, in microseconds of each 100 ms, as the kernel has it.
    fn cpu_quota(&self, id: &ContainerId) -> Option<u32> {
        let groups = [
            "iofog/",
            "docker/",
            "system.slice/docker-",
            "libpod_parent/libpod-",
            "machine.slice/libpod-",
        ];
        groups.iter().find_map(|group| {
            let of = |file: &str, end: &str| {
                let path = format!("/sys/fs/cgroup/{file}{group}{}{end}", id.as_str());
                ["cpu.cfs_quota_us", "cpu.max"].iter().find_map(|name| {
                    let text = std::fs::read_to_string(format!("{path}/{name}")).ok()?;
                    text.split_whitespace().next()?.parse().ok()
                })
            };
            of("cpu/", "").or_else(|| of("", "")).or_else(|| of("", ".scope"))
        })
    }

    /// Removes what is left.
    fn clean(&self) {}

    /// The node that the test's containers belong to.
    fn fog(&self) -> String;

    /// A specification as the Agent makes it.
    fn spec(&self, workload: &Workload) -> ContainerSpec {
        let node = NodeFacts {
            fog: self.fog().as_str().into(),
            bind_address: "127.0.0.1".parse().ok(),
            ..NodeFacts::default()
        };
        ContainerSpec::new(workload, &node)
    }
}

pub(crate) struct Docker {
    fog: String,
}

/// Podman through Docker's API.
pub(crate) struct Podman {
    fog: String,
    socket: PathBuf,
}

pub(crate) struct Native {
    fog: String,
    pub(crate) folder: PathBuf,
    runtime: Option<String>,
}

/// The native engine with crun, also where runc is the better choice.
pub(crate) struct Crun(Native);

pub(crate) struct Simulated {
    fog: String,
}

impl Site for Docker {
    type Engine = DockerEngine;

    fn open(name: &str) -> Option<Self> {
        if !docker(&["version", "--format", "{{.Server.Version}}"]).0 {
            eprintln!("skipped: no container engine answers");
            return None;
        }
        for archive in image::archives() {
            let archive = archive.to_str().unwrap();
            assert!(docker(&["load", "-i", archive]).0, "the test image is not taken");
        }
        Some(Self { fog: super::unique(name) })
    }

    fn engine(&self) -> DockerEngine {
        DockerEngine::new("unix:///var/run/docker.sock")
    }

    fn output(&self, id: &ContainerId) -> String {
        docker(&["logs", id.as_str()]).1
    }

    fn clean(&self) {
        let ids = docker(&["ps", "-aq", "--filter", &format!("label=iofog-uuid={}", self.fog)]).1;
        for id in ids.split_whitespace() {
            docker(&["rm", "-f", "-v", id]);
        }
    }

    fn fog(&self) -> String {
        self.fog.clone()
    }
}

impl Site for Podman {
    type Engine = DockerEngine;
    // Not with control groups of version 1: seen with 4.3.1, whose `OOMKilled` stays false.
    const TELLS_MEMORY: bool = false;

    fn open(name: &str) -> Option<Self> {
        let socket = service()?;
        for archive in image::archives() {
            let archive = archive.to_str().unwrap();
            let (taken, text) = call("podman", &["load", "-i", archive]);
            assert!(taken, "the test image is not taken: {text}");
        }
        let (runs, text) = call("podman", &["run", "--rm", image::IMAGE, "exit", "0"]);
        if !runs {
            eprintln!("skipped: podman runs no container here: {text}");
            return None;
        }
        Some(Self { fog: super::unique(&format!("podman-{name}")), socket })
    }

    fn engine(&self) -> DockerEngine {
        DockerEngine::new(&format!("unix://{}", self.socket.display()))
    }

    fn output(&self, id: &ContainerId) -> String {
        call("podman", &["logs", id.as_str()]).1
    }

    fn clean(&self) {
        let label = format!("label=iofog-uuid={}", self.fog);
        let ids = call("podman", &["ps", "-aq", "--filter", &label]).1;
        for id in ids.split_whitespace() {
            call("podman", &["rm", "-f", "-v", id]);
        }
    }

    fn fog(&self) -> String {
        self.fog.clone()
    }
}

/// The socket of a service that ends by itself when nobody has asked it for a while.
fn service() -> Option<PathBuf> {
    static SOCKET: OnceLock<Option<PathBuf>> = OnceLock::new();
    let start = || {
        let socket = std::env::temp_dir().join(super::unique("iofog-podman"));
        let address = format!("unix://{}", socket.display());
        let mut command = Command::new("podman");
        // Its helpers leave notes where they are.
        command.current_dir(std::env::temp_dir());
        command.args(["system", "service", "--time", "30", &address]).stdin(Stdio::null());
        let Ok(mut child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            eprintln!("skipped: podman is not installed");
            return None;
        };
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            if let Some(status) = child.try_wait().unwrap() {
                eprintln!("skipped: podman does not serve here ({status})");
                return None;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Some(socket)
    };
    SOCKET.get_or_init(start).clone()
}

impl Site for Native {
    type Engine = NativeEngine;

    fn open(name: &str) -> Option<Self> {
        if !NativeOptions::runtime_exists() {
            eprintln!("skipped: neither crun nor runc is installed");
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: containers without a daemon need root");
            return None;
        }
        let folder = std::env::temp_dir().join(super::unique(&format!("iofog-native-{name}")));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("images")).unwrap();
        for archive in image::archives() {
            let name = archive.file_name().unwrap();
            std::fs::copy(archive, folder.join("images").join(name)).unwrap();
        }
        let _ = Root::open(&folder).unwrap();
        Some(Self { fog: super::unique(name), folder, runtime: None })
    }

    fn engine(&self) -> NativeEngine {
        NativeEngine::new(NativeOptions {
            library: self.folder.join("lib"),
            run: self.folder.join("run"),
            image_folders: vec![self.folder.join("images")],
            program: env!("CARGO_BIN_EXE_iofog-agent").into(),
            runtime: self.runtime.clone(),
        })
    }

    fn output(&self, id: &ContainerId) -> String {
        let path = self.folder.join("lib/containers").join(id.as_str()).join("log/json.0.log");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let log = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["log"].as_str().unwrap().to_owned()
        };
        text.lines().map(log).collect()
    }

    fn clean(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    fn fog(&self) -> String {
        self.fog.clone()
    }
}

impl Site for Crun {
    type Engine = NativeEngine;

    fn open(name: &str) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join("crun").is_file()) {
            eprintln!("skipped: crun is not installed");
            return None;
        }
        let native = Native::open(&format!("crun-{name}"))?;
        Some(Self(Native { runtime: Some("crun".to_owned()), ..native }))
    }

    fn engine(&self) -> NativeEngine {
        self.0.engine()
    }

    fn output(&self, id: &ContainerId) -> String {
        self.0.output(id)
    }

    fn clean(&self) {
        self.0.clean();
    }

    fn fog(&self) -> String {
        self.0.fog()
    }
}

impl Site for Simulated {
    type Engine = SimulatedEngine;
    const REAL: bool = false;

    fn open(name: &str) -> Option<Self> {
        Some(Self { fog: super::unique(name) })
    }

    fn engine(&self) -> SimulatedEngine {
        let engine = SimulatedEngine::default();
        engine.core.borrow_mut().images.insert(image::IMAGE.to_owned());
        engine
    }

    fn output(&self, _id: &ContainerId) -> String {
        String::new()
    }

    fn fog(&self) -> String {
        self.fog.clone()
    }
}

pub(crate) fn docker(words: &[&str]) -> (bool, String) {
    call("docker", words)
}

fn call(program: &str, words: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    output.map_or((false, String::new()), |done| {
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        (done.status.success(), text + &String::from_utf8_lossy(&done.stderr))
    })
}
