//! One node from provisioning to its end: containers, messages, settings, with the Agent killed where it is asked for.
#![allow(dead_code, reason = "a build without debug assertions has no places to be killed at")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::controller::{Controller, microservice};
use super::support::daemon::{PROGRAM, command};
use super::support::engine::FakeEngine;
use super::support::folder;

/// What became of a node.
pub(crate) struct Life {
    /// How many of the places killed it.
    pub(crate) killed: usize,
    /// Places passed, one a line.
    pub(crate) trace: String,
}

struct Node<'a> {
    folder: PathBuf,
    address: String,
    child: Child,
    points: &'a [String],
    killed: usize,
}

/// Messages that are sent.
const MESSAGES: u32 = 20;

/// Leads a node through its life on loopback address number `lane`; it dies at each of `points`, one a start.
pub(crate) fn life(lane: u8, points: &[String]) -> Life {
    let folder = folder(&format!("failpoints-{lane}"));
    let engine = FakeEngine::start(&folder.join("engine"), &["keeper", "sender", "receiver"]);
    let controller = Controller::start();
    let address = format!("127.{}.{lane}.1", 16 + std::process::id() % 200);
    let socket = format!("unix://{}", folder.join("engine").display());
    let config = format!(
        "<config>\n<controller_url>{}</controller_url>\n<bind_address>{address}</bind_address>\n\
         <docker_url>{socket}</docker_url>\n<status_update_freq>1</status_update_freq>\n\
         <get_changes_freq>1</get_changes_freq>\n</config>\n",
        controller.url
    );
    std::fs::write(folder.join("config.xml"), config).unwrap();
    let child = spawn(&folder, points.first());
    let mut node = Node { folder, address, child, points, killed: 0 };
    node.live(&engine, &controller);
    let (killed, folder) = (node.killed, node.folder.clone());
    drop(node);
    let trace = std::fs::read_to_string(folder.join("trace")).unwrap_or_default();
    let _ = std::fs::remove_dir_all(&folder);
    Life { killed, trace }
}

fn spawn(folder: &Path, point: Option<&String>) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("stderr.log"));
    let mut command = Command::new(PROGRAM);
    command.args(["--state-dir", folder.to_str().unwrap(), "daemon"]).stdin(Stdio::null());
    command.env("IOFOG_FAILPOINT_TRACE", folder.join("trace")).stderr(log.unwrap());
    if let Some(point) = point {
        command.env("IOFOG_FAILPOINT", point);
    }
    command.spawn().unwrap()
}

impl Node<'_> {
    fn live(&mut self, engine: &FakeEngine, controller: &Controller) {
        let fog = controller.with(|script| script.uuid.clone());
        self.until("provisioned", |node| {
            node.tell(&["provision", "goodkey1"]);
            node.info().contains(&fog)
        });
        let mut sender = microservice("sender", "sender");
        (sender["rootHostAccess"], sender["routes"]) = (json!(true), json!(["receiver"]));
        let mut receiver = microservice("receiver", "receiver");
        (receiver["rootHostAccess"], receiver["isConsumer"]) = (json!(true), json!(true));
        let keeper = microservice("keeper", "keeper");
        controller.deploy(vec![keeper.clone(), sender.clone(), receiver.clone()]);
        let runs = |name: &str| engine.only(name).is_some_and(|(_, one)| one.state == "running");
        self.until("all run", |_| ["keeper", "sender", "receiver"].into_iter().all(runs));
        let kept = engine.only("keeper").unwrap().0;

        self.publish(0..MESSAGES / 2);
        // What waits is found again by the next process.
        self.restart();
        self.publish(MESSAGES / 2..MESSAGES);
        self.receive();

        controller.with(|script| {
            script.config = json!({"changeFrequency": 7, "routerHost": null, "routerPort": null});
            script.raise(&["config"]);
        });
        self.until("the setting is taken", |node| {
            let taken =
                |line: &str| line.starts_with("Get Changes Frequency") && line.ends_with(": 7");
            node.info().lines().any(taken)
        });
        sender["env"] = json!([{"key": "COLOUR", "value": "red"}]);
        controller.deploy(vec![keeper.clone(), sender.clone(), receiver.clone()]);
        self.until("changed", |_| {
            let is_new = |env: &[String]| env.iter().any(|entry| entry == "COLOUR=red");
            engine.only("sender").is_some_and(|(_, one)| one.state == "running" && is_new(&one.env))
        });
        (receiver["delete"], receiver["deleteWithCleanup"]) = (json!(true), json!(true));
        controller.deploy(vec![keeper, sender, receiver]);
        self.until("removed with its image", |_| {
            engine.with(|held| held.containers.len() == 2 && !held.images.contains("receiver"))
        });
        let (id, one) = engine.only("keeper").unwrap();
        assert_eq!(
            (id, one.state, one.starts),
            (kept, "running", 1),
            "{:?}: untouched",
            self.points
        );
        let creations = engine.with(|held| held.creations.clone());
        assert_eq!(creations.len(), 4, "{:?}: {creations:?}", self.points);
        assert!(creations.values().all(|count| *count == 1), "{:?}: {creations:?}", self.points);

        self.until("deprovisioned", |node| {
            node.tell(&["deprovision"]);
            node.info().contains("not provisioned")
        });
        self.until("stopped and kept", |_| {
            engine.with(|held| {
                held.containers.len() == 2
                    && held.containers.values().all(|one| one.state == "exited")
            })
        });
    }

    /// Waits until something holds, and starts the Agent again whenever it died. The guard only ends a hanging test.
    fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let guard = Instant::now() + Duration::from_secs(180);
        loop {
            self.revive();
            if holds(self) {
                return;
            }
            if Instant::now() > guard {
                let log =
                    std::fs::read_to_string(self.folder.join("stderr.log")).unwrap_or_default();
                panic!("{:?}, never: {what}; its log:\n{log}", self.points);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the Agent again if a place killed it; it must not end in any other way.
    fn revive(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            let log = std::fs::read_to_string(self.folder.join("stderr.log")).unwrap_or_default();
            assert_eq!(status.signal(), Some(9), "{:?}: it ended by itself:\n{log}", self.points);
            assert!(self.killed < self.points.len(), "{:?}: killed by nobody", self.points);
            self.killed += 1;
            self.child = spawn(&self.folder, self.points.get(self.killed));
        }
    }

    /// What every machine may do at any time.
    fn restart(&mut self) {
        self.revive();
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = spawn(&self.folder, self.points.get(self.killed));
    }

    fn tell(&self, words: &[&str]) {
        let _ = command(&self.folder, words);
    }

    fn info(&self) -> String {
        String::from_utf8(command(&self.folder, &["info"]).stdout).unwrap()
    }

    /// Publishes each message until it is accepted.
    fn publish(&mut self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let body = json!({
                "publisher": "sender", "version": 4, "infotype": "t", "infoformat": "f",
                "contentdata": base64(number), "contextdata": ""
            });
            self.until("a message is accepted", |node| {
                let answer = Client::connect(&node.address)
                    .and_then(|mut client| client.post("/v2/messages/new", &body));
                answer.is_some_and(|(code, _)| code == 200)
            });
        }
    }

    /// Takes messages until all have come; each is new in its turn, whatever comes again.
    fn receive(&mut self) {
        let mut seen: Vec<u32> = Vec::new();
        self.until("all messages came, and no more", |node| {
            let Some(mut client) = Client::connect(&node.address) else { return false };
            loop {
                let answer = client.post("/v2/messages/next", &json!({ "id": "receiver" }));
                let Some((200, answer)) = answer else { return false };
                let list = answer["messages"].as_array().unwrap().clone();
                if list.is_empty() {
                    return seen.len() == MESSAGES as usize;
                }
                for one in list {
                    let number = number(one["contentdata"].as_str().unwrap());
                    if !seen.contains(&number) {
                        seen.push(number);
                    }
                }
            }
        });
        let sorted: Vec<u32> = (0..MESSAGES).collect();
        assert_eq!(seen, sorted, "{:?}: in order", self.points);
        // A process that died at its removal leaves a file to the next message that is consumed.
        self.until("what was consumed has left the disk", |node| {
            let died = node.killed > 0 && node.killed == node.points.len();
            died || node.segments() == 1
        });
    }

    /// Files of the message log.
    fn segments(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.join("lib/messages/outbox")).unwrap();
        let names = entries.flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().starts_with("outbox-")).count()
    }
}

/// Letters in pairs: base64 of three bytes each needs no padding.
fn base64(number: u32) -> String {
    format!("AAAA{number:04}")
}

fn number(text: &str) -> u32 {
    text[4..].parse().unwrap()
}

/// One connection to the Local API.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: &str) -> Option<Self> {
        let stream = TcpStream::connect((address, 54321)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
        Some(Self(BufReader::new(stream)))
    }

    /// The answer; `None` when the Agent went away.
    fn post(&mut self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: iofog\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.0.get_mut().write_all(format!("{head}{body}").as_bytes()).ok()?;
        let (mut code, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) if line == "\r\n" => break,
                Ok(_) if code == 0 => code = line.split(' ').nth(1)?.parse().ok()?,
                Ok(_) => {
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().ok()?;
                    }
                }
            }
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).ok()?;
        Some((code, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
