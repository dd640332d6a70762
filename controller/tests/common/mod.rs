//! A Controller process of a test's own, and a client that shows status and body of every answer.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its part of this")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail here")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use iofog_controller::routes::{self, Verb};
use serde_json::{Value, json};

pub mod broker;
pub mod postgres;

use postgres::Database;

/// A running Controller; killed when dropped.
pub struct Controller {
    child: Child,
    pub base: String,
    folder: PathBuf,
    database: Option<Arc<Database>>,
    environment: Environment,
    log: Log,
}

/// Lines that the process has written so far.
type Log = Arc<Mutex<Vec<String>>>;

/// Settings beside the usual ones.
pub type Environment = Vec<(&'static str, String)>;

pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub text: String,
    pub headers: ureq::http::HeaderMap,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Controller {
    pub fn start() -> Self {
        Self::start_with(Vec::new())
    }

    /// With further settings.
    pub fn start_with(environment: Environment) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir()
            .join(format!("iofog-controller-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let database = on_postgres().then(|| Arc::new(Database::create().expect("a server")));
        Self::start_in(folder, database, environment)
    }

    /// On the embedded database in this folder.
    pub fn start_at(folder: PathBuf) -> Self {
        Self::start_in(folder, None, Vec::new())
    }

    /// One of several on a PostgreSQL database.
    pub fn start_on(database: &Arc<Database>) -> Self {
        Self::start_in(std::env::temp_dir(), Some(Arc::clone(database)), Vec::new())
    }

    fn start_in(
        folder: PathBuf,
        database: Option<Arc<Database>>,
        environment: Environment,
    ) -> Self {
        let log = Log::default();
        let (child, base) = spawn(&folder, database.as_deref(), &environment, &log);
        Self { child, base, folder, database, environment, log }
    }

    /// What it has written to its log so far, restarts included.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn spawn_again(&mut self) {
        let (database, environment) = (self.database.as_deref(), &self.environment);
        (self.child, self.base) = spawn(&self.folder, database, environment, &self.log);
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its database, where that is on PostgreSQL.
    pub fn database(&self) -> Option<&Database> {
        self.database.as_deref()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://").trim_end_matches("/api/v3")
    }

    /// Starts another process on the same data; it has to end by itself, and says why.
    pub fn start_second(&self) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_iofog-controller"))
            .args(["start", "--data-dir"])
            .arg(&self.folder)
            .env("Server_Host", "127.0.0.1")
            .env("Server_Port", "0")
            .output()
            .unwrap()
    }

    /// Waits for the end of a process that was killed.
    pub fn end(&mut self) {
        self.child.wait().unwrap();
    }

    /// SIGKILL, then a new process on the same data.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.spawn_again();
    }

    /// As [`Self::kill_and_restart`], with the database changed in between: time passes that a test
    /// cannot wait for.
    pub fn restart_after(&mut self, sql: &str) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let changed = match &self.database {
            Some(database) => database.client().execute(sql, &[]).unwrap(),
            None => {
                let path = self.folder.join("controller.sqlite");
                rusqlite::Connection::open(path).unwrap().execute(sql, []).unwrap() as u64
            }
        };
        assert_ne!(changed, 0, "{sql} changed nothing");
        self.spawn_again();
    }

    /// What `sql` counts in the database of the running Controller.
    pub fn count(&self, sql: &str) -> i64 {
        match &self.database {
            Some(database) => database.client().query_one(sql, &[]).unwrap().get(0),
            None => {
                let path = self.folder.join("controller.sqlite");
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.query_row(sql, [], |row| row.get(0)).unwrap()
            }
        }
    }

    pub fn call(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.body(text).unwrap())
    }

    pub fn send(&self, request: ureq::http::Request<String>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = self.send_unchecked(request);
        declared(&method, &path, answer.status);
        answer
    }

    /// As [`Self::send`], whatever the status of the answer.
    pub fn send_unchecked(&self, request: ureq::http::Request<String>) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .build()
            .into();
        let mut response = agent.run(request).unwrap();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        Answer {
            status: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            headers: response.headers().clone(),
            text,
        }
    }

    pub fn upload(&self, method: &str, path: &str, token: &str, field: &str, text: &str) -> Answer {
        let body = format!(
            "--XX\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"f.yaml\"\r\n\r\n{text}\r\n--XX--\r\n"
        );
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "multipart/form-data; boundary=XX")
            .header("authorization", token);
        self.send(request.body(body).unwrap())
    }

    /// Signs a user up and logs in.
    pub fn user(&self, email: &str) -> String {
        let new = json!({ "firstName": "Ada", "lastName": "Test", "email": email, "password": "password1" });
        let answer = self.call("POST", "/user/signup", None, &new);
        assert_eq!(answer.status, 201, "{}", answer.text);
        let login = json!({ "email": email, "password": "password1" });
        let answer = self.call("POST", "/user/login", None, &login);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body["accessToken"].as_str().unwrap().to_owned()
    }

    /// The system agent, interior, on loopback.
    pub fn system_agent(&self, user: &str) -> String {
        let body = json!({ "name": "system", "fogType": 1, "isSystem": true, "routerMode": "interior",
            "host": "127.0.0.1", "edgeRouterPort": 56721, "interRouterPort": 56722 });
        self.created(user, &body)
    }

    pub fn gateway(&self, user: &str, name: &str, host: &str) -> String {
        self.created(user, &json!({ "name": name, "fogType": 1, "host": host }))
    }

    fn created(&self, user: &str, body: &Value) -> String {
        let answer = self.call("POST", "/iofog", Some(user), body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["uuid"].as_str().unwrap().to_owned()
    }

    pub fn key(&self, user: &str, agent: &str) -> String {
        let path = format!("/iofog/{agent}/provisioning-key");
        let answer = self.call("GET", &path, Some(user), &Value::Null);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["key"].as_str().unwrap().to_owned()
    }

    /// Provisions an agent; gives its token.
    pub fn provision(&self, user: &str, agent: &str) -> String {
        let body = json!({ "type": 1, "key": self.key(user, agent) });
        let answer = self.call("POST", "/agent/provision", None, &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["uuid"], agent);
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// Flags that are set for an agent, and the stamp.
    pub fn flags(&self, agent: &str) -> (Vec<String>, String) {
        let answer = self.call("GET", "/agent/config/changes", Some(agent), &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.body.as_object().unwrap();
        let set =
            body.iter().filter(|(_, flag)| **flag == json!(true)).map(|(name, _)| name.clone());
        (set.collect(), body["lastUpdated"].as_str().unwrap().to_owned())
    }

    pub fn acknowledge(&self, agent: &str, stamp: &str) {
        let body = json!({ "lastUpdated": stamp });
        let answer = self.call("PATCH", "/agent/config/changes", Some(agent), &body);
        assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
    }

    /// Acknowledges everything that is set.
    pub fn settle(&self, agent: &str) {
        let (_, stamp) = self.flags(agent);
        self.acknowledge(agent, &stamp);
        assert_eq!(self.flags(agent).0, Vec::<String>::new());
    }

    pub fn agent_list(&self, agent: &str) -> Vec<Value> {
        let answer = self.call("GET", "/agent/microservices", Some(agent), &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body["microservices"].as_array().unwrap().clone()
    }

    /// A user, an agent `gw` and its token, and the microservice `one` of the application `demo` on it.
    pub fn network(&self) -> (String, String, String, String) {
        let user = self.user("a@b.co");
        self.system_agent(&user);
        let uuid = self.gateway(&user, "gw", "10.0.1.1");
        let agent = self.provision(&user, &uuid);
        let body = json!({ "name": "demo", "isActivated": true, "microservices": [{ "name": "one",
            "agentName": "gw", "images": [{ "containerImage": "one:1", "fogTypeId": 1 }] }] });
        self.call("POST", "/application", Some(&user), &body);
        let shown = self.call("GET", "/application/demo", Some(&user), &Value::Null).body;
        let one = shown["microservices"][0]["uuid"].as_str().unwrap().to_owned();
        self.settle(&agent);
        (user, uuid, agent, one)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.folder != std::env::temp_dir() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The route table knows the status; failures of the Controller itself, which tests of faults bring about, stand in no table.
fn declared(method: &ureq::http::Method, path: &str, status: u16) {
    let verb = match method.as_str() {
        "GET" => Verb::Get,
        "HEAD" => Verb::Head,
        "POST" => Verb::Post,
        "PUT" => Verb::Put,
        "PATCH" => Verb::Patch,
        "DELETE" => Verb::Delete,
        _ => return,
    };
    if let Some((route, _)) = routes::find(verb, path) {
        let known = route.declared().contains(&status) || status >= 500;
        assert!(known, "{method} {path}: {status} is not declared");
    }
}

/// The whole suite runs on PostgreSQL (`IOFOG_TEST_STORE=postgres`), not on the embedded database.
pub fn on_postgres() -> bool {
    std::env::var("IOFOG_TEST_STORE").is_ok_and(|store| store == "postgres")
}

/// Starts the program on a free port, which it says in its log.
fn spawn(
    folder: &Path,
    database: Option<&Database>,
    environment: &Environment,
    seen: &Log,
) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_iofog-controller"))
        .args(["start", "--log-level", "debug", "--data-dir"])
        .arg(folder)
        .env("Server_Host", "127.0.0.1")
        .env("Server_Port", "0")
        .envs(database.map(Database::environment).into_iter().flatten())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the Controller ended before listening");
        seen.lock().unwrap().push(line.clone());
        if let Some((_, address)) = line.trim().split_once("listening on ") {
            break address.to_owned();
        }
    };
    // Keeps the pipe open and shows what the process says.
    let seen = Arc::clone(seen);
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            eprintln!("controller: {line}");
            seen.lock().unwrap().push(line);
        }
    });
    (child, format!("http://{address}/api/v3"))
}

/// An application of a sensor on one agent and a dashboard with a public port on another.
pub fn application(first: &str, second: &str) -> Value {
    json!({
        "name": "demo", "isActivated": true,
        "microservices": [
            { "name": "sensor", "agentName": first, "registryId": 2,
              "images": [{ "containerImage": "sensor:1", "fogTypeId": 1 }],
              "env": [{ "key": "B", "value": "2" }, { "key": "A", "value": "1" }] },
            { "name": "dashboard", "agentName": second, "registryId": 2,
              "images": [{ "containerImage": "dashboard:1", "fogTypeId": 1 }],
              "ports": [{ "internal": 8080, "external": 8080, "public":
                { "schemes": ["http"], "protocol": "http", "router": { "port": 6080 } } }] },
        ],
        "routes": [{ "from": "sensor", "to": "dashboard" }],
    })
}
