//! A container engine that outlives the Agent: Docker's API on a Unix socket, with the containers in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the engine holds and has seen.
#[derive(Default)]
pub(crate) struct Held {
    /// By id.
    pub(crate) containers: BTreeMap<String, Made>,
    pub(crate) images: BTreeSet<String>,
    /// How often each order (name, fingerprint, rebuild) became a container.
    pub(crate) creations: BTreeMap<(String, String, String), u32>,
    next: u32,
}

/// One container.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) env: Vec<String>,
    labels: Value,
    /// `created`, `running` or `exited`.
    pub(crate) state: &'static str,
    pub(crate) starts: u32,
}

/// A running engine.
pub(crate) struct FakeEngine {
    held: Arc<Mutex<Held>>,
}

impl FakeEngine {
    /// Serves on `socket` until the test ends.
    pub(crate) fn start(socket: &Path, images: &[&str]) -> Self {
        let images = images.iter().map(|image| (*image).to_owned()).collect();
        let held = Arc::new(Mutex::new(Held { images, ..Held::default() }));
        let listener = UnixListener::bind(socket).unwrap();
        let served = held.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let held = served.clone();
                std::thread::spawn(move || serve(stream, &held));
            }
        });
        Self { held }
    }

    /// Looks at it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Held) -> T) -> T {
        look(&self.held.lock().unwrap())
    }

    /// The container of a microservice with its id, if there is exactly one.
    pub(crate) fn only(&self, microservice: &str) -> Option<(String, Made)> {
        let name = format!("iofog_{microservice}");
        self.with(|held| {
            let mut found = held.containers.iter().filter(|(_, one)| one.name == name);
            let (id, one) = found.next()?;
            found.next().is_none().then(|| (id.clone(), one.clone()))
        })
    }
}

fn serve(stream: UnixStream, held: &Mutex<Held>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line == "\r\n" => break,
                Ok(_) if first.is_empty() => first = line,
                Ok(_) => {
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let path = match path.strip_prefix("/v1.") {
            Some(rest) => &rest[rest.find('/').unwrap()..],
            None => path,
        };
        if path == "/events" {
            let _ = writer.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            // Nothing happens here that the Agent did not do; the stream ends with the reader.
            let _ = reader.read_to_end(&mut Vec::new());
            return;
        }
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (code, answer) = held.lock().unwrap().answer(method, path, target, &body);
        let text = if code == 204 || code == 304 { String::new() } else { answer.to_string() };
        let length = text.len();
        let head = format!(
            "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        if writer.write_all(format!("{head}{text}").as_bytes()).is_err() {
            return;
        }
    }
}

impl Held {
    fn answer(&mut self, method: &str, path: &str, target: &str, body: &Value) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let missing = (404, json!({ "message": format!("no such thing: {path}") }));
        match (method, parts.as_slice()) {
            (_, ["version"]) => (200, json!({ "ApiVersion": "1.47", "MinAPIVersion": "1.24" })),
            ("GET", ["containers", "json"]) => {
                let all = self.containers.iter().map(|(id, one)| {
                    json!({
                        "Id": id, "Names": [format!("/{}", one.name)], "Labels": one.labels, "State": one.state,
                        "Status": one.state, "NetworkSettings": { "Networks": {} }
                    })
                });
                (200, all.collect())
            }
            ("GET", ["containers", id, "json"]) if self.containers.contains_key(*id) => {
                (200, json!({ "Id": id, "State": { "StartedAt": "2026-01-01T00:00:00.0Z" } }))
            }
            ("POST", ["containers", "create"]) => self.create(target, body),
            ("POST", ["containers", id, "start"]) => match self.containers.get_mut(*id) {
                Some(one) if one.state == "running" => (304, Value::Null),
                Some(one) => {
                    one.state = "running";
                    one.starts += 1;
                    (204, Value::Null)
                }
                None => missing,
            },
            ("POST", ["containers", id, "stop"]) => match self.containers.get_mut(*id) {
                Some(one) if one.state != "running" => (304, Value::Null),
                Some(one) => {
                    one.state = "exited";
                    (204, Value::Null)
                }
                None => missing,
            },
            ("DELETE", ["containers", id]) if self.containers.remove(*id).is_some() => {
                (204, Value::Null)
            }
            ("GET", ["images", name, "json"]) if self.images.contains(*name) => {
                (200, json!({ "Id": format!("sha256:{name}"), "Size": 1000 }))
            }
            ("DELETE", ["images", name]) if self.images.remove(*name) => (200, json!([])),
            _ => missing,
        }
    }

    fn create(&mut self, target: &str, body: &Value) -> (u16, Value) {
        let name = target.split_once("name=").map(|(_, rest)| rest.split('&').next().unwrap());
        let name = name.unwrap().to_owned();
        if self.containers.values().any(|one| one.name == name) {
            return (409, json!({ "message": format!("the name {name} is in use") }));
        }
        if !self.images.contains(body["Image"].as_str().unwrap()) {
            return (404, json!({ "message": "no such image" }));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let labels = body["Labels"].clone();
        let order = (name.clone(), text(&labels["iofog-spec"]), text(&labels["iofog-rebuild"]));
        *self.creations.entry(order).or_default() += 1;
        self.next += 1;
        let id = format!("{:064x}", self.next);
        let env = body["Env"].as_array().into_iter().flatten().map(text).collect();
        self.containers.insert(id.clone(), Made { name, env, labels, state: "created", starts: 0 });
        (201, json!({ "Id": id, "Warnings": [] }))
    }
}
