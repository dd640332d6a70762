//! A real Controller in this process, with one gateway and one user; it can be stopped, started again, and given an
//! older database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iofog_controller::app::App;
use iofog_controller::http::server;
use iofog_controller::settings::Settings;
use iofog_controller::start::start;
use iofog_controller::stop;
use iofog_controller::store::sqlite::SqliteStore;
use serde_json::{Value, json};

use super::{free_port, uuid};

pub(crate) struct Network {
    folder: PathBuf,
    address: SocketAddr,
    running: Option<Running>,
    user: String,
    pub(crate) fog: String,
}

struct Running {
    app: Arc<App>,
    stopper: stop::Stopper,
    runtime: tokio::runtime::Runtime,
}

impl Network {
    /// A Controller with a gateway that is not provisioned yet.
    pub(crate) fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut network = Self {
            folder: folder.to_owned(),
            address,
            running: None,
            user: String::new(),
            fog: String::new(),
        };
        network.run();
        let login = json!({ "email": "a@b.co", "password": "password1" });
        let person = json!({ "firstName": "Ada", "lastName": "Test", "email": "a@b.co", "password": "password1" });
        network.call("POST", "user/signup", &person);
        network.user = text(&network.call("POST", "user/login", &login), "accessToken");
        network.call("POST", "iofog", &json!({
            "name": "system", "fogType": 1, "isSystem": true, "routerMode": "interior", "host": "127.0.0.1",
            "edgeRouterPort": free_port(), "interRouterPort": free_port() }));
        let gateway = json!({ "name": uuid("gw"), "fogType": 1, "host": "127.0.0.1", "routerMode": "edge",
            "messagingPort": free_port(), "statusFrequency": 2 });
        network.fog = text(&network.call("POST", "iofog", &gateway), "uuid");
        network
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn key(&self) -> String {
        let path = format!("iofog/{}/provisioning-key", self.fog);
        text(&self.call("GET", &path, &Value::Null), "key")
    }

    pub(crate) fn run(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let settings = |name: &str| match name {
            "Settings_FogStatusUpdateIntervalSeconds" => Some("1".to_owned()),
            _ => None,
        };
        let settings = Settings::read(settings, Some(self.folder.clone())).unwrap();
        let store = SqliteStore::open(&self.database()).unwrap();
        let (stopper, stop) = stop::channel();
        let address = self.address;
        let app = runtime.block_on(async {
            let app = start(settings, Box::new(store), "test".to_owned()).await.unwrap();
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            tokio::spawn(iofog_controller::jobs::run(app.clone(), stop.clone()));
            tokio::spawn(server::serve(app.clone(), listener, None, stop));
            app
        });
        self.running = Some(Running { app, stopper, runtime });
    }

    /// Ends the Controller; open links are told.
    pub(crate) fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.stopper.stop();
        // Links and writes in flight end.
        std::thread::sleep(std::time::Duration::from_millis(500));
        running.runtime.shutdown_timeout(std::time::Duration::from_secs(10));
        drop(running.app);
    }

    fn database(&self) -> PathBuf {
        self.folder.join("controller.sqlite")
    }

    /// A copy of the database of a stopped Controller.
    pub(crate) fn copy_to(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for suffix in ["", "-wal"] {
            let name = format!("controller.sqlite{suffix}");
            // Without a log when everything is in the main file.
            let _ = std::fs::copy(self.folder.join(&name), folder.join(&name));
        }
    }

    /// Runs on another database from now on.
    pub(crate) fn run_on(&mut self, folder: &Path) {
        self.folder = folder.to_owned();
        self.run();
    }

    pub(crate) fn links(&self) -> usize {
        self.running.as_ref().map_or(0, |running| running.app.live.links.count())
    }

    /// Calls the API; the answer must be a success.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, body) = self.try_call(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        body
    }

    pub(crate) fn try_call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.url()))
            .header("content-type", "application/json")
            .header("authorization", &self.user)
            .body(text)
            .unwrap();
        let mut answer = agent.run(request).unwrap();
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// An application of microservices on the gateway: names and images.
    pub(crate) fn deploy(&self, application: &str, images: &[(&str, &str)]) {
        let microservices: Vec<Value> = images
            .iter()
            .map(|(name, image)| {
                json!({
                    "name": name, "agentName": uuid("gw"), "registryId": 2, "config": "{}",
                    "images": [{ "fogTypeId": 1, "containerImage": image }],
                })
            })
            .collect();
        let body = json!({ "name": application, "isActivated": true, "microservices": microservices, "routes": [] });
        self.call("POST", "application", &body);
    }

    /// State and container of a microservice, as the Controller shows them.
    pub(crate) fn shown(&self, name: &str) -> Option<(String, String, String)> {
        let (_, list) = self.try_call("GET", "microservices", &Value::Null);
        let found =
            list["microservices"].as_array()?.iter().find(|one| one["name"] == name)?.clone();
        let status = &found["status"];
        Some((text(&found, "uuid"), text(status, "status"), text(status, "containerId")))
    }

    pub(crate) fn daemon_status(&self) -> String {
        let path = format!("iofog/{}", self.fog);
        text(&self.call("GET", &path, &Value::Null), "daemonStatus")
    }
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}
