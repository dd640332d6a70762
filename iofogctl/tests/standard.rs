//! The standard iofogctl in turn with ours: on the same config files and at the same Controller. The program is given by
//! `IOFOG_STANDARD_IOFOGCTL`, and our Controller has to be built; skipped without them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::Home;

/// Our Controller on a free port.
struct Controller {
    child: Child,
    address: String,
}

impl Controller {
    fn start(home: &Home) -> Option<Self> {
        let beside = Path::new(env!("CARGO_BIN_EXE_iofogctl")).parent().unwrap().to_owned();
        let beside = std::env::var_os("IOFOGCTL_TEST_PROGRAMS").map_or(beside, PathBuf::from);
        let program = beside.join("iofog-controller");
        if !program.exists() {
            eprintln!("skipped: {} was not built", program.display());
            return None;
        }
        let mut child = Command::new(program)
            .args(["start", "-v"])
            .env("IOFOG_DATA_DIR", home.path.join("data"))
            .envs([("Server_Host", "127.0.0.1"), ("Server_Port", "0")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = log.find_map(|line| {
            line.unwrap().split_once("listening on ").map(|(_, address)| address.trim().to_owned())
        });
        std::thread::spawn(move || log.count());
        Some(Self { child, address: address.unwrap() })
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both programs in one home.
struct Both {
    home: Home,
    standard: PathBuf,
}

impl Both {
    fn ours(&self, words: &[&str]) -> String {
        self.home.ok(words)
    }

    fn theirs(&self, words: &[&str]) -> String {
        let output = self.home.run_program(&self.standard, words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{words:?}: {text}{told}");
        text
    }

    /// What a listing says, whatever it is aligned with and however old things are.
    fn same(&self, words: &[&str]) -> String {
        let cells = |text: String| {
            let age = |cell: &&str| {
                let number = cell.trim_end_matches(['s', 'm', 'h']);
                number.len() == cell.len() || number.parse::<u32>().is_err()
            };
            let line =
                |line: &str| line.split_whitespace().filter(age).collect::<Vec<_>>().join(" ");
            text.lines().map(line).collect::<Vec<_>>().join("\n").trim().to_owned()
        };
        let (ours, theirs) = (cells(self.ours(words)), cells(self.theirs(words)));
        assert_eq!(ours, theirs, "{words:?}");
        ours
    }
}

#[test]
fn both_programs_work_in_turn() {
    let Some(standard) = std::env::var_os("IOFOG_STANDARD_IOFOGCTL").map(PathBuf::from) else {
        eprintln!("skipped: IOFOG_STANDARD_IOFOGCTL names no program");
        return;
    };
    let home = Home::new("in-turn");
    let Some(controller) = Controller::start(&home) else { return };
    let both = Both { home, standard };
    let address = controller.address.as_str();
    let account = r#"{"firstName":"Ada","lastName":"Moor","email":"ada@example.org","password":"correct-horse"}"#;
    let signup = Command::new("curl")
        .args(["-sf", "-H", "Content-Type: application/json", "-d", account])
        .arg(format!("http://{address}/api/v3/user/signup"))
        .output()
        .unwrap();
    assert!(signup.status.success());

    // The standard program makes the files; ours reads them, changes them, and it reads them again.
    let words = ["connect", "-n", "plant", "--name", "remote", "--ecn-addr", address];
    let login = ["--email", "ada@example.org", "--pass", "correct-horse"];
    both.theirs(&[words.as_slice(), &login].concat());
    both.ours(&["configure", "current-namespace", "plant"]);
    assert!(both.same(&["get", "namespaces"]).contains("plant*"));
    assert!(both.same(&["get", "controllers"]).contains("remote online"));
    let agent = both.home.write(
        "agent.yaml",
        "apiVersion: iofog.org/v3\nkind: AgentConfig\nmetadata: {name: gate-1}\nspec: {agentType: x86, host: 192.0.2.20, routerConfig: {routerMode: edge}, upstreamRouters: []}\n",
    );
    both.ours(&["deploy", "-f", &agent]);
    assert!(both.theirs(&["get", "agents"]).contains("gate-1"));
    let key = both.home.write("key", "");
    let login = ["--user", "ops", "--key", &key, "--port", "2222"];
    both.ours(&[["configure", "agent", "gate-1"].as_slice(), &login].concat());
    let theirs = both.theirs(&["describe", "agent", "gate-1"]);
    assert!(theirs.contains("user: ops") && theirs.contains("port: 2222"), "{theirs}");
    both.theirs(&["configure", "agent", "gate-1", "--user", "root"]);
    let ours = both.ours(&["describe", "agent", "gate-1"]);
    assert!(ours.contains("user: root") && ours.contains("port: 2222"), "{ours}");

    // An application of one, looked at, changed and deleted by the other.
    let microservice = |name: &str| {
        format!(
            "{{name: {name}, agent: {{name: gate-1}}, images: {{x86: \"a:1\", arm: \"a:1\", registry: remote}}, container: {{rootHostAccess: false, ports: [], env: [{{key: MODE, value: test}}]}}, config: {{rate: 5}}}}"
        )
    };
    let application = both.home.write(
        "application.yaml",
        &format!(
            "apiVersion: iofog.org/v3\nkind: Application\nmetadata: {{name: demo}}\nspec:\n  microservices: [{}, {}]\n  routes: [{{name: speech, from: talker, to: listener}}]\n",
            microservice("talker"),
            microservice("listener")
        ),
    );
    both.theirs(&["deploy", "-f", &application]);
    both.ours(&["diff", "-f", &application]);
    assert!(both.same(&["get", "microservices"]).contains("talker"));
    both.same(&["get", "applications"]);
    both.ours(&["rename", "route", "demo/speech", "words"]);
    assert!(both.same(&["get", "routes"]).contains("words talker listener"));
    both.same(&["describe", "application", "demo"]);
    both.ours(&["delete", "application", "demo"]);
    assert!(!both.theirs(&["get", "applications"]).contains("demo"));
    both.ours(&["deploy", "-f", &application]);
    both.theirs(&["deploy", "-f", &application]);
    both.theirs(&["delete", "application", "demo"]);
    assert!(!both.ours(&["get", "applications"]).contains("demo"));

    // Names of namespaces, and what is left.
    both.theirs(&["rename", "namespace", "plant", "works"]);
    assert!(both.same(&["get", "namespaces"]).contains("works"));
    both.ours(&["disconnect", "-n", "works"]);
    assert!(!both.same(&["get", "namespaces"]).contains("works"));
}
