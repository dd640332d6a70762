//! The command line: every sub-command against a running Controller and without one, the file of settings, and how the program starts
//! and ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail here")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::Controller;
use common::postgres::Database;
use iofog_controller::cli;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_iofog-controller");

/// Runs sub-commands on a folder, and notes which.
struct Cli {
    folder: PathBuf,
    database: Option<Database>,
    called: BTreeSet<(String, String)>,
}

impl Cli {
    fn on(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), database: None, called: BTreeSet::new() }
    }

    /// On a folder where no Controller runs.
    fn alone(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("iofog-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let database = common::on_postgres().then(|| Database::create().unwrap());
        Self { folder, database, called: BTreeSet::new() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("IOFOG_DATA_DIR", &self.folder);
        command.envs(self.database.as_ref().map(Database::environment).into_iter().flatten());
        command
    }

    /// Success, and both outputs.
    fn run(&mut self, line: &[&str]) -> (bool, String, String) {
        if let [noun, action, ..] = line {
            self.called.insert(((*noun).to_owned(), (*action).to_owned()));
        }
        let output = self.command(line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    fn says(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let (good, stdout, stderr) = self.run(&words);
        assert!(good, "{line}: {stderr}");
        stdout
    }

    fn json(&mut self, line: &str) -> Value {
        let text = self.says(line);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
    }

    fn refuses(&mut self, line: &str, why: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let (good, stdout, stderr) = self.run(&words);
        assert!(!good && stderr.contains(why), "{line}: {stdout}{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn every_sub_command_reaches_the_running_controller() {
    let controller = Controller::start();
    let mut cli = Cli::on(controller.folder());
    walk(&mut cli, true);
    let all: BTreeSet<(String, String)> = cli::sub_commands()
        .map(|(noun, action)| (noun.to_owned(), action.to_owned()))
        .filter(|(noun, _)| noun != "config")
        .collect();
    let missing: Vec<_> = all.difference(&cli.called).collect();
    assert!(missing.is_empty(), "never called: {missing:?}");
    // What they did is what the API shows, and agents hear of it.
    let token = cli.json("user generate-token -e ada@b.co")["accessToken"].clone();
    let token = token.as_str().unwrap();
    let fogs = controller.call("GET", "/iofog-list", Some(token), &Value::Null).body;
    assert_eq!(fogs["fogs"][0]["name"], "gw");
    let gateway = fogs["fogs"][0]["uuid"].as_str().unwrap();
    let agent = controller.provision(token, gateway);
    controller.settle(&agent);
    cli.says(&format!("iofog reboot -i {gateway}"));
    assert_eq!(controller.flags(&agent).0, ["reboot"]);
    cli.says("user suspend -e ada@b.co");
    let answer = controller.call("GET", "/iofog-list", Some(token), &Value::Null);
    assert_eq!(answer.status, 401);
    let login = json!({ "email": "ada@b.co", "password": "password2" });
    assert_eq!(controller.call("POST", "/user/login", None, &login).status, 401);
    cli.refuses("user generate-token -e ada@b.co", "suspended");
    cli.says("user activate -e ada@b.co");
    assert_eq!(controller.call("POST", "/user/login", None, &login).status, 200);
}

#[test]
fn every_sub_command_works_without_a_controller() {
    let mut cli = Cli::alone("alone");
    cli.says("init");
    walk(&mut cli, false);
    std::fs::remove_dir_all(&cli.folder).unwrap();
}

/// From the first user to the last removal.
fn walk(cli: &mut Cli, running: bool) {
    let status = cli.json("controller status");
    assert_eq!(status["status"], if running { "online" } else { "offline" });
    assert!(cli.says("controller version").starts_with("Controller: 3.0.4"));
    assert_eq!(cli.json("controller email-activation")["isEmailActivationEnabled"], false);
    assert_eq!(cli.json("controller fog-types")["fogTypes"][1]["id"], 1);
    let added = cli.json("user add -f Ada -l Test -e ada@b.co -p password1");
    assert!(added["id"].is_i64(), "{added}");
    cli.refuses("user add -f Ada -l Test -e ada@b.co -p password1", "already an account");
    cli.refuses("user add -f Ada", "--email is needed");
    cli.says("user update -e ada@b.co --first-name Eva -p password2");
    let users = cli.json("user list");
    assert_eq!((&users[0]["firstName"], &users[0]["suspended"]), (&json!("Eva"), &json!(false)));
    assert!(!users.to_string().contains("argon2"), "{users}");
    cli.says("user suspend -e ada@b.co");
    assert_eq!(cli.json("user list")[0]["suspended"], true);
    cli.says("user activate -e ada@b.co");
    assert!(cli.json("user generate-token -e ada@b.co")["accessToken"].is_string());
    cli.refuses("user generate-token -e no@b.co", "no@b.co");
    let gateway = agents(cli);
    shared(cli);
    let id = cli.json("user list")[0]["id"].clone();
    work(cli, &gateway, &id);
    cli.json("user add -f Bob -l Test -e bob@b.co -p password1");
    cli.refuses("application add -n whose", "user-id");
    cli.says("user remove -e bob@b.co -F");
}

/// A system agent, a gateway that stays, and one that goes; gives the gateway.
fn agents(cli: &mut Cli) -> String {
    cli.json("iofog add -n system -y 1 --system --router-mode interior --host 127.0.0.1 --inter-router-port 56721 --edge-router-port 56722");
    let gateway = text(&cli.json("iofog add -n gw -y 1 -H 10.0.0.1 -m 512 -B")["uuid"]);
    let shown = cli.json(&format!("iofog info -i {gateway}"));
    assert_eq!((&shown["memoryLimit"], &shown["bluetoothEnabled"]), (&json!(512), &json!(true)));
    cli.refuses("iofog add -n gw -y 1 -H 10.0.0.1", "Duplicate name 'gw'");
    let said = cli.says(&format!("iofog update -i {gateway} -b -t 46.5 --prune"));
    assert!(said.contains("updated") && said.contains("prune"), "{said}");
    let shown = cli.json(&format!("iofog info -i {gateway}"));
    assert_eq!((&shown["latitude"], &shown["bluetoothEnabled"]), (&json!(46.5), &json!(false)));
    assert_eq!(cli.json("iofog list")["fogs"].as_array().unwrap().len(), 2);
    let key = cli.json(&format!("iofog provisioning-key -i {gateway}"));
    assert_eq!(key["key"].as_str().unwrap().len(), 8);
    for action in ["reboot", "prune"] {
        assert!(cli.says(&format!("iofog {action} -i {gateway}")).contains(action));
    }
    cli.says(&format!("iofog version -i {gateway} -v upgrade"));
    cli.refuses(&format!("iofog version -i {gateway} -v sideways"), "enum");
    for action in ["hal-hw", "hal-usb"] {
        assert_eq!(cli.says(&format!("iofog {action} -i {gateway}")), "");
    }
    let file = cli.folder.join("batch.json");
    std::fs::write(&file, json!({ "agent": { "tags": ["shop"] } }).to_string()).unwrap();
    let add = format!("enrolment-key add -f {} -n spring -d 50 -v 24 -m 5", file.display());
    let key = cli.json(&add);
    assert_eq!(key["key"].as_str().unwrap().len(), 32);
    let keys = cli.json("enrolment-key list");
    assert_eq!(keys["enrolmentKeys"][0]["agent"]["tags"], json!(["shop"]));
    assert_eq!(keys["enrolmentKeys"][0]["devices"], 50);
    assert!(!keys.to_string().contains(key["key"].as_str().unwrap()), "{keys}");
    cli.says(&format!("enrolment-key remove -i {}", key["id"]));
    cli.refuses(&format!("enrolment-key remove -i {}", key["id"]), "does not exist");
    cli.refuses("iofog info", "--iofog-uuid");
    cli.refuses("iofog info -i nobody", "does not exist");
    let open = format!("tunnel update -i {gateway} -a open -u u -p secret -s h -k key");
    cli.refuses(&format!("tunnel update -i {gateway} -a open"), "username");
    cli.says(&open);
    let tunnels = cli.json("tunnel list");
    assert_eq!(tunnels[0]["status"], "open");
    assert!(!tunnels.to_string().contains("secret"), "{tunnels}");
    cli.says(&format!("tunnel update -i {gateway} -a close"));
    let other = text(&cli.json("iofog add -n other -y 2 -H 10.0.0.2")["uuid"]);
    cli.says(&format!("iofog remove -i {other}"));
    gateway
}

/// The catalog and the registries.
fn shared(cli: &mut Cli) {
    let item =
        cli.json("catalog add -n mine -x img:1 -a arm:1 -g 1 -P -I text -F utf8")["id"].clone();
    cli.says(&format!("catalog update -i {item} -d described"));
    let shown = cli.json(&format!("catalog info -i {item}"));
    assert_eq!(
        (&shown["description"], &shown["inputType"]["infoType"]),
        (&json!("described"), &json!("text"))
    );
    assert_eq!(cli.json("catalog info -i 15")["name"], "Router");
    assert_eq!(cli.json("catalog list")["catalogItems"].as_array().unwrap().len(), 12);
    cli.says(&format!("catalog remove -i {item}"));
    cli.refuses("catalog remove -i 4", "belongs to no user");
    let registry = cli.json("registry add -U r.example -r -l u -p secret -e a@b.co")["id"].clone();
    cli.says(&format!("registry update -i {registry} -U s.example"));
    let list = cli.json("registry list");
    assert_eq!(list["registries"][2]["url"], "s.example");
    assert!(!list.to_string().contains("secret"), "{list}");
    cli.says(&format!("registry remove -i {registry}"));
}

/// An application with its microservices, from first to last.
fn work(cli: &mut Cli, gateway: &str, user: &Value) {
    assert!(cli.json(&format!("application add -n demo -u {user} -a"))["id"].is_i64());
    cli.says("application update -n demo -d described -D");
    let shown = cli.json("application info -n demo");
    assert_eq!(
        (&shown["description"], &shown["isActivated"]),
        (&json!("described"), &json!(false))
    );
    let file = cli.folder.join("microservice.json");
    std::fs::write(&file, json!({ "config": "{\"a\":1}" }).to_string()).unwrap();
    let from = file.display();
    let one = cli.json(&format!("microservice add -f {from} -n one -F demo -I {gateway} -x one:1 -d 1 -p 80:5000:false -v /a:/b:rw -e K=v L=w -C run fast"));
    let one = text(&one["uuid"]);
    let two = text(
        &cli.json(&format!("microservice add -n two -F demo -I {gateway} -x two:1 -t {one}:{one}"))
            ["uuid"],
    );
    let shown = cli.json(&format!("microservice info -i {one}"));
    assert_eq!(shown["cmd"], json!(["run", "fast"]));
    assert_eq!(shown["env"][1], json!({ "key": "L", "value": "w" }));
    assert_eq!(
        (&shown["config"], &shown["ports"][0]["external"]),
        (&json!("{\"a\":1}"), &json!(5000))
    );
    cli.says(&format!("microservice update -i {one} -l 7"));
    assert_eq!(cli.json(&format!("microservice info -i {one}"))["logSize"], 7);
    assert_eq!(cli.json("microservice list")["microservices"].as_array().unwrap().len(), 2);
    cli.says(&format!("microservice route-create -T {one}:{two}"));
    cli.says(&format!("microservice route-remove -T {one}:{two}"));
    cli.refuses(&format!("microservice route-remove -T {one}:{two}"), "Route not found");
    cli.says(&format!("microservice port-mapping-create -i {one} -P 81:5001:false"));
    assert_eq!(
        cli.json(&format!("microservice port-mapping-list -i {one}"))["ports"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    cli.says(&format!("microservice port-mapping-remove -i {one} -b 81"));
    cli.refuses(&format!("microservice port-mapping-create -i {one} -P eighty"), "eighty");
    let id =
        cli.json(&format!("microservice volume-mapping-create -i {one} -P /c:/d:ro"))["id"].clone();
    assert_eq!(
        cli.json(&format!("microservice volume-mapping-list -i {one}"))["volumeMappings"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    cli.says(&format!("microservice volume-mapping-remove -i {one} -m {id}"));
    cli.says(&format!("diagnostics strace-update -i {one} -e"));
    assert_eq!(cli.says(&format!("diagnostics strace-info -i {one} -f string")), "\n");
    cli.refuses(
        &format!("diagnostics strace-ftp-post -i {one} -h 127.0.0.1 -p 1 -u u -s secret -d /"),
        "FTP error",
    );
    cli.says(&format!("diagnostics image-snapshot-create -i {one}"));
    cli.refuses(&format!("diagnostics image-snapshot-get -i {one}"), "not available");
    cli.says(&format!("microservice remove -i {two} -z"));
    assert_eq!(cli.json("application list")["applications"].as_array().unwrap().len(), 1);
    cli.says("application remove -n demo");
    assert_eq!(cli.json("microservice list")["microservices"], json!([]));
}

#[test]
fn help_and_mistakes() {
    let mut cli = Cli::alone("help");
    let help = cli.says("help");
    for (noun, action) in cli::sub_commands() {
        assert!(help.contains(noun) && help.contains(action), "{noun} {action}");
        assert!(cli.says(&format!("{noun} help")).contains(action));
    }
    cli.refuses("user dance", "dance");
    cli.refuses("user list --loud", "--loud");
    cli.refuses("iofog add -y two", "--fog-type: two is no whole number");
    cli.refuses("user list --data-dir", "--data-dir needs a folder");
    assert!(!cli.folder.exists(), "mistakes make no database");
}

/// A Controller in the foreground of the test's own.
struct Foreground {
    child: Child,
    address: String,
}

impl Foreground {
    /// With the port of the settings when `port` is none.
    fn start(cli: &Cli, port: Option<&str>, more: &[(&str, &str)]) -> Self {
        let mut command = cli.command(&["start", "-v"]);
        command.env("Server_Host", "127.0.0.1").envs(port.map(|port| ("Server_Port", port)));
        let mut child = command.envs(more.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "ended before listening");
            if let Some((_, address)) = line.trim().split_once("listening on ") {
                break address.to_owned();
            }
        };
        std::thread::spawn(move || log.lines().count());
        Self { child, address }
    }

    /// Waits for its end; true when it said success.
    fn ended(mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

#[test]
fn starts_and_ends() {
    let mut cli = Cli::alone("life");
    assert!(cli.says("stop").contains("not running"));
    let controller = Foreground::start(&cli, Some("0"), &[]);
    let pid_file = cli.folder.join("iofog-controller.pid");
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    assert_eq!(pid.trim(), controller.child.id().to_string());
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(&cli.folder.join("controller.sock")), 0o600, "only its owner gives orders");
    assert!(cli.says("stop").contains("stopped"));
    assert!(controller.ended());
    assert!(!pid_file.exists() && !cli.folder.join("controller.sock").exists());
    let controller = Foreground::start(&cli, Some("0"), &[]);
    let pid = controller.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "HUP", &pid]).status().unwrap().success());
    assert!(cli.says("stop").contains("stopped"), "it runs on without a log file, too");
    assert!(controller.ended());
    for signal in ["TERM", "INT"] {
        let controller = Foreground::start(&cli, Some("0"), &[]);
        let pid = controller.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        assert!(controller.ended(), "SIG{signal} is no failure");
    }
    // Killed, it leaves its files; the next one takes their places.
    let mut controller = Foreground::start(&cli, Some("0"), &[]);
    controller.child.kill().unwrap();
    controller.child.wait().unwrap();
    assert!(cli.says("stop").contains("not running"));
    let elsewhere = cli.folder.join("run");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let pid_base = elsewhere.display().to_string();
    let controller = Foreground::start(&cli, Some("0"), &[("PID_BASE", &pid_base)]);
    assert!(elsewhere.join("iofog-controller.pid").exists());
    assert!(cli.says("stop").contains("stopped"));
    assert!(controller.ended());
    std::fs::remove_dir_all(&cli.folder).unwrap();
}

#[test]
fn settings_come_from_the_file_and_the_environment_wins() {
    let mut cli = Cli::alone("settings");
    assert_eq!(cli.says("config list"), "");
    // A port that is free now: nobody else takes one below the range of outgoing connections.
    let port = (20_100..20_200)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap();
    let said = cli.says(&format!("config add -p {port} -t http://127.0.0.1:1"));
    assert_eq!(
        said,
        format!(
            "Config option port has been set to {port}\nConfig option kubelet has been set to http://127.0.0.1:1\n"
        )
    );
    assert!(cli.says(&format!("config add -p {port}")).contains("is already set"));
    assert_eq!(cli.says("config list"), format!("Port: {port}\nKubelet Url: http://127.0.0.1:1\n"));
    cli.refuses("config add -p 0", "--port: 0 is no port");
    cli.refuses("config add -c /nowhere", "/nowhere is no file");
    assert!(!cli.says("config add -w secret -s Gmail").contains("secret"));
    assert!(!cli.says("config list").contains("secret"));
    cli.refuses("config dev-mode", "--on or --off");
    cli.says("config email-activation --on");
    assert!(cli.says("config list").contains("Email activation: true\n"));
    cli.says("config email-activation --off");
    let logs = cli.folder.join("logs").display().to_string();
    let controller = Foreground::start(&cli, None, &[]);
    assert_eq!(controller.address, format!("127.0.0.1:{port}"));
    cli.says("stop");
    assert!(controller.ended());
    let controller = Foreground::start(&cli, Some("0"), &[]);
    assert_ne!(controller.address, format!("127.0.0.1:{port}"), "the environment wins");
    cli.says("stop");
    assert!(controller.ended());
    // Into files, once the settings are read.
    cli.says(&format!("config add -d {logs} -z 100 -g 2"));
    let mut command = cli.command(&["start"]);
    command.env("Server_Host", "127.0.0.1").env("Server_Port", "0");
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    while !cli.folder.join("controller.sock").exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended before listening");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // Moved away, as a tool that rotates logs does it; after SIGHUP it goes on in a new file.
    let (file, moved) =
        (Path::new(&logs).join("iofog-controller.0.log"), cli.folder.join("moved.log"));
    std::fs::rename(&file, &moved).unwrap();
    let hangup = Command::new("kill").args(["-s", "HUP", &child.id().to_string()]).status();
    assert!(hangup.unwrap().success());
    while !file.exists() {
        assert!(child.try_wait().unwrap().is_none(), "SIGHUP ends nothing");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(std::fs::read_to_string(&moved).unwrap().contains("listening on"));
    // Whoever waits until it is up only looks, again and again; that is nothing to warn of.
    for _ in 0..10 {
        assert_eq!(cli.json("controller status")["status"], "online");
    }
    cli.says("stop");
    assert!(child.wait().unwrap().success());
    let log = std::fs::read_to_string(Path::new(&logs).join("iofog-controller.0.log")).unwrap();
    assert!(log.contains("SIGHUP") && log.contains("stopping"), "{log}");
    assert!(!log.contains("WARN"), "{log}");
    // What makes no sense is refused by name; broken files too.
    cli.says("config dev-mode --off");
    std::fs::write(cli.folder.join("key.pem"), "").unwrap();
    cli.says(&format!("config add -k {}", cli.folder.join("key.pem").display()));
    let output = cli.command(&["start"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("Server_SslKey, Server_SslCert"), "{said}");
    std::fs::write(cli.folder.join("config.json"), "[]").unwrap();
    cli.refuses("config list", "no JSON object");
    std::fs::remove_dir_all(&cli.folder).unwrap();
}
