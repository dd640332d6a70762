//! The life of a control plane on another machine: a Controller and its system Agent, installed over
//! SSH on a machine that has busybox and an sshd. Skipped where those programs were not built.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod common;
#[path = "common/machine.rs"]
mod machine;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use common::Home;
use machine::{HOST, Machine, OTHER_HOST, install_libraries};

/// A machine in a network of its own, and programs to put on it.
struct Site {
    home: Home,
    machine: Machine,
    programs: PathBuf,
}

/// A program built beside this one.
fn built(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_iofogctl")).parent().unwrap().to_owned();
    let directory = std::env::var_os("IOFOGCTL_TEST_PROGRAMS").map_or(beside, PathBuf::from);
    let path = directory.join(name);
    if !path.exists() {
        eprintln!("skipped: {} was not built", path.display());
        return None;
    }
    Some(path)
}

impl Site {
    fn start(name: &str, names: &[&str]) -> Option<Self> {
        Self::start_on(name, names, |home| Machine::start(home, true))
    }

    fn start_on(
        name: &str,
        names: &[&str],
        machine: impl FnOnce(&Home) -> Option<Machine>,
    ) -> Option<Self> {
        let found: Option<Vec<PathBuf>> = names.iter().map(|name| built(name)).collect();
        let home = Home::new(name);
        let machine = machine(&home)?;
        let programs = home.path.join("programs");
        std::fs::create_dir_all(&programs).unwrap();
        let site = Self { home, machine, programs };
        for program in found? {
            site.offer(&program);
        }
        let home = &site.home;
        let login = home.path.join("login").display().to_string();
        home.write(
            "plane.yaml",
            &format!(
                "apiVersion: iofog.org/v3\nkind: ControlPlane\nmetadata: {{name: plant}}\nspec:\n  \
                 iofogUser: {{name: Ada, surname: Moor, email: ada@example.org, password: correct-horse}}\n  \
                 controllers: [{{name: ctl-1, host: {HOST}, ssh: {{user: root, keyFile: {login}}}}}]\n"
            ),
        );
        Some(site)
    }

    /// Makes a program one that iofogctl finds, and that can run on the machine.
    fn offer(&self, program: &Path) {
        install_libraries(&self.machine.root, program);
        let name = program.file_name().unwrap().to_str().unwrap().to_owned();
        let place = self.programs.join(format!("{name}-{}", std::env::consts::ARCH));
        std::fs::copy(program, place).unwrap();
    }

    /// The words that run iofogctl in the machine's network.
    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<String> {
        let home = format!("HOME={}", self.home.path.display());
        let programs = format!("IOFOGCTL_PROGRAMS={}", self.programs.display());
        let mut all =
            vec!["env".to_owned(), home, programs, env!("CARGO_BIN_EXE_iofogctl").to_owned()];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        all
    }

    fn run(&self, words: &[&str]) -> Output {
        self.machine.inside(&self.words(words))
    }

    fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {told}{}", self.log());
        String::from_utf8(output.stdout).unwrap() + &told
    }

    fn fails(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn deploy(&self) -> String {
        let file = self.home.path.join("plane.yaml").display().to_string();
        self.ok(&["deploy", "-f", &file])
    }

    /// A document for an Agent under the other address of the machine.
    fn agent_file(&self) -> String {
        let login = self.home.path.join("login").display().to_string();
        self.home.write(
            "agent.yaml",
            &format!("apiVersion: iofog.org/v3\nkind: Agent\nmetadata: {{name: gate-1}}\nspec: {{host: {OTHER_HOST}, ssh: {{user: root, keyFile: {login}}}, config: {{memoryLimit: 64, routerConfig: {{routerMode: edge}}, upstreamRouters: []}}}}\n"),
        )
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.machine.root.join(name)).unwrap_or_default()
    }

    fn log(&self) -> String {
        self.read("var/log/iofog-controller/iofog-controller.0.log")
    }

    /// The number of the Controller's process on its machine.
    fn process(&self) -> String {
        self.read("run/iofog-controller.pid")
    }

    /// Programs of ours that run on the machine: number and words of each.
    fn running(&self) -> Vec<String> {
        let told = self.machine.on_it("ps -o pid,args").stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        let program = |line: &&str| {
            line.split_whitespace().nth(1).is_some_and(|word| word.starts_with("/usr/bin/iofog-"))
        };
        told.lines().filter(program).map(str::to_owned).collect()
    }

    /// Everything on the machine with a name of ours.
    fn traces(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_name().to_string_lossy().contains("iofog") {
                    found.push(path);
                } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    walk(&path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.machine.root, &mut found);
        found
    }
}

#[test]
fn control_plane_life() {
    let Some(site) = Site::start("plane", &["iofog-controller"]) else { return };
    // Without a program for an Agent the Controller is there, and what is missing is said.
    let told = site.deploy();
    assert!(told.contains("runs without a system Agent"), "{told}");
    assert!(site.ok(&["get", "controllers"]).contains("online"));
    assert!(
        site.ok(&["describe", "controlplane"]).contains(&format!("endpoint: http://{HOST}:51121"))
    );
    assert!(
        site.ok(&["legacy", "controller", "ctl-1", "user", "list"]).contains("ada@example.org")
    );
    assert!(site.ok(&["logs", "controller", "ctl-1"]).contains("listening on"));

    // Again: nothing is started anew.
    let process = site.process();
    site.deploy();
    assert_eq!((site.process(), process.is_empty()), (process.clone(), false));

    // A setting of its own stays; one of the file takes effect.
    let config = site.machine.root.join("var/lib/iofog-controller/config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen('{', "{\"Server\": {\"Connections\": 77},", 1)).unwrap();
    let file = site.home.read("plane.yaml") + "  systemMicroservices: {router: {x86: \"r:1\"}}\n";
    site.home.write("plane.yaml", &file);
    site.deploy();
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("r:1") && text.contains("77"), "{text}");
    assert_ne!(site.process(), process);

    // A new program, the one before, and one that does not come up.
    let program = site.programs.join(format!("iofog-controller-{}", std::env::consts::ARCH));
    let old = std::fs::metadata(&program).unwrap().len();
    std::fs::OpenOptions::new().append(true).open(&program).unwrap().write_all(b"new").unwrap();
    let length =
        || std::fs::metadata(site.machine.root.join("usr/bin/iofog-controller")).unwrap().len();
    site.ok(&["upgrade", "controller", "ctl-1"]);
    assert_eq!(length(), old + 3);
    site.ok(&["rollback", "controller", "ctl-1"]);
    assert_eq!(length(), old);
    std::fs::write(&program, "#!/bin/sh\n[ \"$1\" = version ]\n").unwrap();
    let told = site.fails(&["upgrade", "controller", "ctl-1"]);
    assert!(told.contains("The program of before runs again"), "{told}");
    assert_eq!(length(), old);
    assert!(site.ok(&["get", "controllers"]).contains("online"));

    site.ok(&["delete", "controller", "ctl-1"]);
    assert_eq!(site.traces(), Vec::<PathBuf>::new());
}

#[test]
fn control_plane_deploys_after_interruptions() {
    let Some(site) = Site::start("interrupted", &["iofog-controller"]) else { return };
    let file = site.home.path.join("plane.yaml").display().to_string();
    for millis in [100, 300, 600, 1000, 1500] {
        let words = site.words(&["deploy", "-f", &file]);
        let mut deploying = site.machine.spawn(&words);
        std::thread::sleep(Duration::from_millis(millis));
        let _ = deploying.kill();
        let _ = deploying.wait();
    }
    site.deploy();
    assert!(site.ok(&["get", "controllers"]).contains("online"));
    site.ok(&["delete", "all"]);
    assert_eq!(site.traces(), Vec::<PathBuf>::new());
}

#[test]
fn control_plane_with_its_system_agent() {
    let names = ["iofog-controller", "iofog-agent"];
    let Some(site) = Site::start("system-agent", &names) else { return };
    let told = site.deploy();
    assert!(!told.contains("without a system Agent"), "{told}");
    let info = site.ok(&["exec", "controller", "ctl-1", "--", "iofog-agent", "status"]);
    assert!(info.contains("RUNNING"), "{info}");
    site.deploy();
    site.ok(&["delete", "all"]);
    assert_eq!(site.traces(), Vec::<PathBuf>::new());
}

#[test]
fn agent_life_on_a_machine_with_busybox_alone() {
    let Some(site) = Site::start("agent", &["iofog-controller"]) else { return };
    let Some(agent) = built("iofog-agent") else { return };
    site.deploy();
    // Only now: the Agent of this test is an ordinary one, under another address of the machine.
    site.offer(&agent);
    let file = site.agent_file();
    let told = site.run(&["diff", "-f", &file]);
    assert_eq!(told.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&told.stdout),
        "create     AgentConfig gate-1\ninstall    Agent gate-1\n"
    );
    site.ok(&["deploy", "-f", &file]);
    assert!(site.ok(&["get", "agents"]).contains("RUNNING"));
    assert!(site.ok(&["logs", "agent", "gate-1"]).contains("INFO"));
    let process = site.read("run/iofog-agent.pid");
    site.ok(&["deploy", "-f", &file]);
    assert_eq!((site.read("run/iofog-agent.pid"), process.is_empty()), (process, false));
    let told = site.run(&["diff", "-f", &file]);
    assert_eq!(
        String::from_utf8_lossy(&told.stdout),
        "unchanged  AgentConfig gate-1\nunchanged  Agent gate-1\n"
    );
    assert_eq!(told.status.code(), Some(0));
    site.ok(&["delete", "agent", "gate-1"]);
    assert!(
        site.traces().iter().all(|path| path.display().to_string().contains("iofog-controller")),
        "{:?}",
        site.traces()
    );
    site.ok(&["delete", "all"]);
    assert_eq!(site.traces(), Vec::<PathBuf>::new());
}

#[test]
fn control_plane_and_agent_by_a_user_who_is_not_root() {
    let Some(site) = Site::start("operator", &["iofog-controller"]) else { return };
    let Some(agent) = built("iofog-agent") else { return };
    if let Err(why) = site.machine.admit_operator(&site.home) {
        eprintln!("skipped: {why}");
        return;
    }
    let as_operator = |name: &str| {
        let text = site.home.read(name);
        assert!(text.contains("user: root"));
        site.home.write(name, &text.replace("user: root", "user: operator"))
    };
    let plane = as_operator("plane.yaml");
    // Whoever may not act as root is told so, before anything is there.
    let sudoers = site.machine.root.join("etc/sudoers");
    let allowed = std::fs::read(&sudoers).unwrap();
    std::fs::write(&sudoers, "").unwrap();
    let told = site.fails(&["deploy", "-f", &plane]);
    assert!(told.contains("sudo"), "{told}");
    // What was carried there waits for the next run, in a folder of the user's.
    let waits = site.machine.root.join("tmp/iofogctl-1000");
    assert!(site.traces().iter().all(|path| *path == waits), "{:?}", site.traces());
    std::fs::write(&sudoers, allowed).unwrap();
    site.deploy();
    site.offer(&agent);
    site.agent_file();
    let file = as_operator("agent.yaml");
    site.ok(&["deploy", "-f", &file]);
    assert!(site.ok(&["get", "agents"]).contains("RUNNING"));
    assert_eq!(site.running().len(), 2);
    assert!(site.ok(&["logs", "agent", "gate-1"]).contains("INFO"));
    site.ok(&["delete", "all"]);
    assert_eq!(site.running(), Vec::<String>::new());
    assert_eq!(site.traces(), Vec::<PathBuf>::new());
}

/// Puts Debian's OpenRC on a machine and starts it; says why not.
fn start_openrc(machine: &Machine, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).unwrap();
    let downloaded = std::process::Command::new("apt-get")
        .args(["-q", "download", "openrc", "librc1", "libeinfo1"])
        .current_dir(folder)
        .output();
    let told = match downloaded {
        Ok(downloaded) if downloaded.status.success() => String::new(),
        Ok(downloaded) => String::from_utf8_lossy(&downloaded.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    if !told.is_empty() {
        return Err(format!("OpenRC cannot be had from Debian: {}", told.trim()));
    }
    for package in std::fs::read_dir(folder).unwrap().flatten() {
        let mut unpack = std::process::Command::new("dpkg-deb");
        assert!(
            unpack.arg("-x").arg(package.path()).arg(&machine.root).status().unwrap().success()
        );
    }
    // Debian's scripts call that of dpkg.
    let starter = Path::new("/sbin/start-stop-daemon");
    // By another process, as what this one writes may be held by a child of another test, and it is run soon.
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg(starter).arg(machine.root.join("sbin")).status().unwrap().success());
    install_libraries(&machine.root, starter);
    for program in ["openrc-run", "supervise-daemon"] {
        install_libraries(&machine.root, &machine.root.join("sbin").join(program));
    }
    std::fs::create_dir_all(machine.root.join("etc/runlevels/default")).unwrap();
    std::fs::write(machine.root.join("etc/insserv.conf"), "").unwrap();
    let network = machine.root.join("etc/init.d/network");
    std::fs::write(&network, include_str!("init/network")).unwrap();
    // With something mounted there OpenRC leaves /run alone; what it mounts itself is not seen from outside.
    let started = machine.on_it(
        "chmod 755 /etc/init.d/network; mount -o bind /run /run; openrc sysinit; openrc default",
    );
    match machine.on_it("test -e /run/openrc/softlevel").status.success() {
        true => Ok(()),
        false => Err(format!("OpenRC does not start here: {started:?}")),
    }
}

/// Installs Controller and Agent where an init system starts services, and takes them away again.
fn lives_under(site: &Site, agent: &Path, serves: &dyn Fn(&str) -> bool, meanwhile: &dyn Fn()) {
    site.deploy();
    assert!(serves("iofog-controller"), "{}", site.log());
    site.offer(agent);
    let file = site.agent_file();
    site.ok(&["deploy", "-f", &file]);
    assert!(serves("iofog-agent"));
    assert!(site.ok(&["get", "agents"]).contains("RUNNING"));
    let before = site.running();
    assert_eq!(before.len(), 2, "{before:?}");
    site.ok(&["deploy", "-f", &file]);
    assert_eq!(before, site.running());
    meanwhile();
    let told = site.ok(&["delete", "all"]);
    assert_eq!(site.running(), Vec::<String>::new(), "{told}");
    let mut left = site.traces();
    // What the init system remembers of services that it once knew.
    left.retain(|path| !path.starts_with(site.machine.root.join("run/openrc")));
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// Kills both programs and waits until others run in their place, and answer.
fn crash(site: &Site, serves: &dyn Fn(&str) -> bool) {
    let number = |line: &String| line.split_whitespace().next().unwrap().to_owned();
    let numbers: Vec<String> = site.running().iter().map(number).collect();
    assert!(site.machine.on_it(&format!("kill -9 {}", numbers.join(" "))).status.success());
    let eventually = |check: &dyn Fn() -> bool| {
        (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            check()
        })
    };
    let again = eventually(&|| {
        let now = site.running();
        now.len() == 2 && now.iter().all(|line| !numbers.contains(&number(line)))
    });
    assert!(again, "{:?}", site.running());
    let answers = eventually(&|| site.run(&["get", "agents"]).status.success());
    assert!(answers && serves("iofog-controller") && serves("iofog-agent"), "{}", site.log());
}

#[test]
fn services_of_openrc() {
    let Some(site) = Site::start("openrc", &["iofog-controller"]) else { return };
    let Some(agent) = built("iofog-agent") else { return };
    if let Err(why) = start_openrc(&site.machine, &site.home.path.join("openrc")) {
        eprintln!("skipped: {why}");
        return;
    }
    let serves = |name: &str| {
        let enabled =
            std::fs::symlink_metadata(site.machine.root.join("etc/runlevels/default").join(name));
        enabled.is_ok() && site.machine.on_it(&format!("rc-service {name} status")).status.success()
    };
    lives_under(&site, &agent, &serves, &|| {
        crash(&site, &serves);
        // A service of an earlier release, which was not watched, is replaced by one that is.
        let file = site.machine.root.join("etc/init.d/iofog-agent");
        let text = std::fs::read_to_string(&file).unwrap();
        let (head, rest) = text.split_once("# One that").unwrap();
        let (_, rest) = rest.split_once("fi\n").unwrap();
        let earlier = format!("{head}command_background=true\n{rest}");
        site.machine.on_it("rc-service iofog-agent stop");
        let placed = site.home.write("earlier", &earlier);
        let mut copy = std::process::Command::new("cp");
        assert!(copy.arg(placed).arg(&file).status().unwrap().success());
        assert!(site.machine.on_it("rc-service iofog-agent start").status.success());
        assert_eq!(site.running().len(), 2);
        site.ok(&["deploy", "-f", &site.agent_file()]);
        assert_eq!(
            (site.running().len(), serves("iofog-agent")),
            (2, true),
            "{:?}",
            site.running()
        );
        let watched = site.machine.on_it("ps -o args | grep -c ^supervise-daemon");
        assert_eq!(String::from_utf8_lossy(&watched.stdout).trim(), "2");
    });
}

#[test]
fn services_of_systemd() {
    let started = Site::start_on("systemd", &["iofog-controller"], Machine::start_systemd);
    let (Some(site), Some(agent)) = (started, built("iofog-agent")) else { return };
    let asked = |words: &str| site.machine.on_it(&format!("systemctl {words}")).status.success();
    let serves =
        |name: &str| asked(&format!("is-enabled {name}")) && asked(&format!("is-active {name}"));
    lives_under(&site, &agent, &serves, &|| crash(&site, &serves));
    assert!(!asked("is-enabled iofog-controller") && !asked("is-enabled iofog-agent"));
}

/// procd itself is not to be had here: a stand-in reads the script as it does.
#[test]
fn services_of_procd_with_a_stand_in() {
    let Some(site) = Site::start("procd", &["iofog-controller"]) else { return };
    let Some(agent) = built("iofog-agent") else { return };
    std::fs::create_dir_all(site.machine.root.join("sbin")).unwrap();
    std::fs::write(site.machine.root.join("sbin/procd"), "").unwrap();
    std::fs::write(site.machine.root.join("etc/rc.common"), include_str!("init/rc.common"))
        .unwrap();
    assert!(site.machine.on_it("chmod 755 /sbin/procd /etc/rc.common").status.success());
    lives_under(
        &site,
        &agent,
        &|name| {
            std::fs::symlink_metadata(site.machine.root.join("etc/rc.d").join(format!("S95{name}")))
                .is_ok()
        },
        &|| {},
    );
}

/// A microservice of an application, as `get` tells of it.
fn uuid_of(site: &Site, name: &str) -> String {
    let listed: serde_json::Value =
        serde_json::from_str(&site.ok(&["get", "microservices", "-o", "json"])).unwrap();
    let all = listed["microservices"].as_array().unwrap();
    let found = all.iter().find(|one| one["name"] == name).unwrap();
    found["uuid"].as_str().unwrap().to_owned()
}

#[test]
fn messages_of_a_route_are_watched_at_their_publisher() {
    let Some(site) = Site::start("messages", &["iofog-controller"]) else { return };
    let Some(agent) = built("iofog-agent") else { return };
    site.deploy();
    site.offer(&agent);
    site.ok(&["deploy", "-f", &site.agent_file()]);
    // On the network of the device, so that this test may speak for them; no image of theirs is needed.
    let microservice = |name: &str| {
        format!(
            "{{name: {name}, agent: {{name: gate-1}}, images: {{x86: \"none:1\", arm: \"none:1\", registry: local}}, container: {{rootHostAccess: true}}, config: {{}}}}"
        )
    };
    let file = site.home.write(
        "app.yaml",
        &format!(
            "apiVersion: iofog.org/v3\nkind: Application\nmetadata: {{name: demo}}\nspec: {{microservices: [{}, {}], routes: [{{name: flow, from: sender, to: receiver}}]}}\n",
            microservice("sender"),
            microservice("receiver")
        ),
    );
    site.ok(&["deploy", "-f", &file]);
    let sender = uuid_of(&site, "sender");
    let publish = |kind: &str| {
        let body = format!(
            r#"{{"publisher":"{sender}","version":4,"infotype":"{kind}","infoformat":"text","contentdata":"aGVsbG8="}}"#
        );
        let words = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            "Content-Type: application/json",
            "-d",
            &body,
            "http://127.0.0.1:54321/v2/messages/new",
        ];
        String::from_utf8(site.machine.inside(&words).stdout).unwrap()
    };
    // The Agent hears of its microservices a moment later.
    let accepted = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        publish("temperature") == "200"
    });
    assert!(accepted, "{}", site.read("var/log/iofog-agent/iofog-agent.0.log"));
    assert_eq!(publish("light"), "200");

    let all = site.ok(&["messages", "demo/flow", "--since", "600", "--once"]);
    assert!(
        all.contains("  temperature/text  5 bytes  hello\n") && all.contains("  light/text"),
        "{all}"
    );
    let some = site.ok(&[
        "messages",
        "demo/flow",
        "--since",
        "600",
        "--once",
        "--filter",
        "infotype=light",
        "-o",
        "json",
    ]);
    let message: serde_json::Value = serde_json::from_str(&some).unwrap();
    assert_eq!(
        (&message["publisher"], &message["contentdata"]),
        (&sender.as_str().into(), &"aGVsbG8=".into())
    );
    let none =
        site.ok(&["messages", "demo/flow", "--since", "600", "--once", "--filter", "nowhere"]);
    assert_eq!(none, "");
    // Looking took nothing from the consumer.
    let body = format!(r#"{{"id":"{}"}}"#, uuid_of(&site, "receiver"));
    let words = [
        "curl",
        "-s",
        "-H",
        "Content-Type: application/json",
        "-d",
        &body,
        "http://127.0.0.1:54321/v2/messages/next",
    ];
    let taken = String::from_utf8(site.machine.inside(&words).stdout).unwrap();
    assert!(taken.contains(r#""count":2"#), "{taken}");
    assert!(site.fails(&["messages", "demo/none"]).contains("Unknown resource"));
}
