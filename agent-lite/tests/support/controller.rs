//! A Controller reduced to the agent-facing routes, scripted by the test.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// What the Controller knows and has seen.
#[derive(Default)]
pub(crate) struct Script {
    /// The key that is good at this moment.
    pub(crate) key: String,
    /// Identity it grants.
    pub(crate) uuid: String,
    pub(crate) token: String,
    /// Raised flags.
    pub(crate) flags: BTreeMap<String, bool>,
    pub(crate) microservices: Vec<Value>,
    pub(crate) registries: Vec<Value>,
    pub(crate) config: Value,
    /// Answer to every agent route but `provision`: status and body, when not empty.
    pub(crate) outage: Option<(u16, String)>,
    /// `PATCH config` is refused.
    pub(crate) refuses_config: bool,
    /// Latest status body, and how many came.
    pub(crate) status: Value,
    pub(crate) statuses: usize,
    /// Every call: method and path.
    pub(crate) calls: Vec<String>,
    /// Answers of `GET strace` and `GET tunnel`, when they are there.
    pub(crate) traces: Value,
    pub(crate) tunnel: Value,
    /// Whose image is wanted, and the forms that came.
    pub(crate) snapshot: Value,
    pub(crate) snapshots: Vec<Vec<u8>>,
    /// Bodies of `PUT strace`, `PUT hal/hw` and `PUT hal/usb`.
    pub(crate) traced: Vec<Value>,
    pub(crate) hardware: Vec<Value>,
    /// Bodies of `PATCH config` and `POST deprovision`.
    pub(crate) pushed: Vec<Value>,
    pub(crate) deprovisioned: Vec<Value>,
    version: u32,
}

type Shared = Arc<(Mutex<Script>, Condvar)>;

/// A running Controller.
pub(crate) struct Controller {
    shared: Shared,
    pub(crate) url: String,
}

impl Controller {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api/v3", listener.local_addr().unwrap());
        let script = Script {
            key: "goodkey1".into(),
            uuid: format!("fog{}", std::process::id()),
            token: "token-1".into(),
            registries: vec![
                json!({"id": 1, "url": "registry.invalid", "isPublic": true}),
                json!({"id": 2, "url": "from_cache", "isPublic": true}),
            ],
            config: json!({"routerHost": null, "routerPort": null}),
            ..Script::default()
        };
        let shared: Shared = Arc::new((Mutex::new(script), Condvar::new()));
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = served.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { shared, url }
    }

    /// Looks at or changes the script.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let result = change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
        result
    }

    /// Replaces the list and raises the flags for it.
    pub(crate) fn deploy(&self, microservices: Vec<Value>) {
        self.with(|script| {
            script.microservices = microservices;
            script.raise(&["microserviceList", "microserviceConfig"]);
        });
    }

    /// State of one microservice in the latest status.
    pub(crate) fn state_of(&self, uuid: &str) -> Option<String> {
        self.entry_of(uuid).map(|entry| entry["status"].as_str().unwrap_or_default().to_owned())
    }

    /// Its whole entry.
    pub(crate) fn entry_of(&self, uuid: &str) -> Option<Value> {
        let text =
            self.with(|script| script.status["microserviceStatus"].as_str().map(str::to_owned))?;
        let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
        entries.into_iter().find(|entry| entry["id"] == uuid)
    }
}

impl Script {
    pub(crate) fn raise(&mut self, flags: &[&str]) {
        self.version += 1;
        self.flags.extend(flags.iter().map(|flag| ((*flag).to_owned(), true)));
    }

    fn last_updated(&self) -> String {
        format!("2026-11-23T10:00:00.{:03}Z", self.version)
    }
}

/// A microservice of the list.
pub(crate) fn microservice(uuid: &str, image: &str) -> Value {
    json!({
        "uuid": uuid, "imageId": image, "config": "{}", "rebuild": false, "rootHostAccess": false, "logSize": 1,
        "registryId": 2, "portMappings": [], "volumeMappings": [], "imageSnapshot": "", "delete": false,
        "deleteWithCleanup": false, "env": [], "extraHosts": [], "cmd": [], "routes": [], "isConsumer": false
    })
}

fn serve(stream: TcpStream, shared: &Shared) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line == "\r\n" => break,
                Ok(_) => head.push(line.trim_end().to_owned()),
            }
        }
        let header = |name: &str| {
            let found = head
                .iter()
                .filter_map(|line| line.split_once(": "))
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        let length: usize = header("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let request: Vec<&str> = head[0].split(' ').collect();
        let route = format!("{} {}", request[0], request[1].trim_start_matches("/api/v3/"));
        if route == "PUT agent/image-snapshot" {
            shared.0.lock().unwrap().snapshots.push(body.clone());
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let token = header("authorization").unwrap_or_default();
        let (code, text, extra) = answer(shared, &route, &body, &token, header("prefer").is_some());
        let length = text.len();
        let reply = format!("HTTP/1.1 {code} X\r\n{extra}Content-Length: {length}\r\n\r\n{text}");
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(
    shared: &Shared,
    route: &str,
    body: &Value,
    token: &str,
    may_hold: bool,
) -> (u16, String, &'static str) {
    let (lock, changed) = &**shared;
    let mut script = lock.lock().unwrap();
    script.calls.push(route.to_owned());
    let ok = |value: Value| (200, value.to_string(), "");
    let refuse = |code: u16, message: &str| {
        (code, json!({"name": "Error", "message": message}).to_string(), "")
    };
    if route == "POST agent/provision" {
        if body["key"] != script.key.as_str() {
            return refuse(404, "Invalid Provisioning Key");
        }
        return ok(json!({"uuid": script.uuid, "token": script.token}));
    }
    if route == "GET status" {
        return ok(json!({"status": "online"}));
    }
    if let Some((code, text)) = script.outage.clone() {
        return (code, text, "");
    }
    if token != script.token {
        return refuse(401, "Invalid token");
    }
    match route {
        "GET agent/config/changes" => {
            let mut extra = "";
            if may_hold {
                extra = "Preference-Applied: wait=25\r\n";
                let hold = changed.wait_timeout_while(script, Duration::from_secs(25), |script| {
                    script.flags.is_empty() && script.outage.is_none()
                });
                script = hold.unwrap().0;
            }
            let mut flags: Value = json!(script.flags);
            flags["lastUpdated"] = json!(script.last_updated());
            (200, flags.to_string(), extra)
        }
        "PATCH agent/config/changes" => {
            if body["lastUpdated"] == script.last_updated().as_str() {
                script.flags.clear();
            }
            ok(json!({}))
        }
        "GET agent/config" if script.config.is_null() => refuse(500, "no router"),
        "DELETE agent/delete-node" => refuse(500, "dependants"),
        "GET agent/config" => ok(script.config.clone()),
        "PATCH agent/config" if script.refuses_config => refuse(500, "busy"),
        "PATCH agent/config" => {
            script.pushed.push(body.clone());
            (204, String::new(), "")
        }
        "GET agent/registries" => ok(json!({"registries": script.registries})),
        "GET agent/edgeResources" => ok(json!({"edgeResources": []})),
        "GET agent/microservices" => {
            let list = script.microservices.clone();
            // A rebuild order is told once.
            script.microservices.iter_mut().for_each(|one| one["rebuild"] = json!(false));
            ok(json!({"microservices": list}))
        }
        "GET agent/strace" if !script.traces.is_null() => {
            ok(json!({"straceValues": script.traces}))
        }
        "GET agent/tunnel" if !script.tunnel.is_null() => ok(json!({"tunnel": script.tunnel})),
        "GET agent/image-snapshot" if !script.snapshot.is_null() => {
            ok(json!({"uuid": script.snapshot}))
        }
        "PUT agent/image-snapshot" => ok(json!({})),
        "PUT agent/strace" => {
            script.traced.push(body.clone());
            (204, String::new(), "")
        }
        "PUT agent/hal/hw" | "PUT agent/hal/usb" => {
            script.hardware.push(json!({route: body}));
            (204, String::new(), "")
        }
        "PUT agent/status" => {
            script.status = body.clone();
            script.statuses += 1;
            (204, String::new(), "")
        }
        "POST agent/deprovision" => {
            script.deprovisioned.push(body.clone());
            (204, String::new(), "")
        }
        _ => refuse(404, "no such route"),
    }
}
