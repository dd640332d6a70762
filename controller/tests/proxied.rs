//! Behind nginx as an ingress has it: once with connection upgrades passed on, once with them stripped.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail here, and says when it cannot run"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use common::Controller;
use serde_json::{Value, json};

/// A running nginx; killed when dropped.
struct Nginx {
    child: Child,
    folder: PathBuf,
    /// Port where upgrades are passed on.
    passing: u16,
    /// Port where they are stripped, and requests go on as HTTP/1.0.
    stripping: u16,
}

impl Nginx {
    /// None when it is not installed.
    fn start(upstream: &str) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())?;
        let folder = std::env::temp_dir().join(format!("iofog-nginx-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        // Held together, so that the two differ; free again a moment later.
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [passing, stripping] =
            ports.each_ref().map(|listener| listener.local_addr().unwrap().port());
        drop(ports);
        let at = folder.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let user = if Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n") {
            "user root;"
        } else {
            ""
        };
        let config = format!(
            "{user} daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;
             events {{ worker_connections 256; }}
             http {{ access_log off; {temporary}
               map $http_upgrade $upgraded {{ default upgrade; '' ''; }}
               client_max_body_size 600m; proxy_read_timeout 90s;
               server {{ listen 127.0.0.1:{passing};
                 location / {{ proxy_pass http://{upstream}; proxy_http_version 1.1; proxy_request_buffering off;
                   proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgraded; }} }}
               server {{ listen 127.0.0.1:{stripping}; location / {{ proxy_pass http://{upstream}; }} }}
             }}"
        );
        let path = folder.join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let child = Command::new(program)
            .args(["-e", &format!("{at}/error.log"), "-p", &at.to_string(), "-c"])
            .arg(&path)
            .spawn()
            .unwrap();
        let mut nginx = Self { child, folder, passing, stripping };
        for port in [passing, stripping] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                let ended = nginx.child.try_wait().unwrap();
                let log = nginx.folder.join("error.log");
                assert!(ended.is_none(), "{:?}", std::fs::read_to_string(log));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Some(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its worker on SIGTERM; killed, it would leave it behind.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn through(controller: &mut Controller, port: u16) {
    controller.base = format!("http://127.0.0.1:{port}/api/v3");
}

#[test]
fn everything_works_behind_a_reverse_proxy() {
    let mut controller = Controller::start();
    let direct = controller.base.clone();
    let Some(nginx) = Nginx::start(controller.address()) else {
        println!("skipped: nginx is not installed");
        return;
    };
    let first = controller.user("first@b.co");
    controller.system_agent(&first);
    for (name, port) in [("passing", nginx.passing), ("stripping", nginx.stripping)] {
        through(&mut controller, port);
        println!("upgrades: {name}");
        plain(&controller);
        let user = controller.user(&format!("{name}@b.co"));
        let gateway = controller.gateway(&user, name, "10.0.0.1");
        let agent = controller.provision(&user, &gateway);
        bodies(&controller, &user, &agent, name);
        held(&controller, &user, &gateway, &agent);
        snapshot(&controller, &user, &agent, name);
        let expected = if port == nginx.passing { "101" } else { "426" };
        assert_eq!(link(port, &agent), expected, "{name}");
    }
    controller.base = direct;
}

/// Answers without a body of the client's.
fn plain(controller: &Controller) {
    let send = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let uri = format!("{}{path}", controller.base);
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        controller.send(request.body(String::new()).unwrap())
    };
    let status = send("GET", "/Status/", &[]);
    assert_eq!((status.status, &status.body["status"]), (200, &json!("online")));
    let head = send("HEAD", "/fog-types", &[]);
    let get = send("GET", "/fog-types", &[]);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.headers["content-length"], get.text.len().to_string().as_str());
    assert_eq!(send("HEAD", "/capabilities/edgeResources", &[]).status, 204);
    let tag = get.headers["etag"].to_str().unwrap();
    let unchanged = send("GET", "/fog-types", &[("if-none-match", tag)]);
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    let asked = [("access-control-request-headers", "authorization"), ("origin", "http://x")];
    let preflight = send("OPTIONS", "/iofog-list", &asked);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.headers["access-control-allow-headers"], "authorization");
    assert_eq!(preflight.headers["access-control-allow-origin"], "*");
    assert_eq!(send("GET", "/nothing", &[]).status, 404);
    assert_eq!(send("GET", "/iofog-list", &[]).status, 401);
    assert_eq!(send("GET", "/iofog-list", &[("authorization", "")]).status, 401);
}

/// Bodies up to their limits, and beyond.
fn bodies(controller: &Controller, user: &str, agent: &str, name: &str) {
    let put = |length: usize| {
        let body = json!({ "key": "k", "value": "x".repeat(length) });
        controller.call("PUT", "/config", Some(user), &body).status
    };
    assert_eq!((put(90_000), put(200_000)), (200, 413));
    // A stranger's large body: its 401 arrives, and not a reset.
    let large = json!({ "key": "k", "value": "x".repeat(3_000_000) });
    for token in [None, Some("wrong")] {
        assert_eq!(controller.call("PUT", "/config", token, &large).status, 401);
    }
    // Nor of a large body for nobody, or of a kind that is not taken: each its status.
    assert_eq!(controller.call("POST", "/nothing", Some(user), &large).status, 404);
    let upload = controller.call("PUT", "/agent/image-snapshot", Some(agent), &large);
    assert_eq!(upload.status, 400, "{}", upload.text);
    // A body on DELETE, and an empty one that says it is JSON.
    let resource = json!({ "name": name, "version": "1.0.0", "interfaceProtocol": "http",
        "interface": { "endpoints": [] } });
    assert_eq!(controller.call("POST", "/edgeResource", Some(user), &resource).status, 200);
    let path = format!("/edgeResource/{name}/1.0.0/link");
    assert_eq!(controller.call("DELETE", &path, Some(user), &json!({})).status, 400);
    // Filters are sent unescaped by the Go client.
    let filters = "filters[0][key]=name&filters[0][value]=gw&filters[0][condition]=has";
    let mut stream = TcpStream::connect(controller.address()).unwrap();
    write!(stream, "GET /api/v3/iofog-list?{filters} HTTP/1.1\r\nhost: x\r\nauthorization: {user}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let yaml = format!(
        "kind: Application\nmetadata: {{name: {name}}}\nspec:\n  microservices:\n  - name: one\n    agent: {{name: {name}}}\n    images: {{x86: 'one:1', registry: remote}}\n    container: {{ports: [], volumes: []}}\n    config: {{text: '{}'}}\n  routes: []\n",
        "y".repeat(300_000)
    );
    let answer = controller.upload("POST", "/application/yaml", user, "application", &yaml);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(controller.upload("POST", "/application/yaml", user, "other", &yaml).status, 500);
}

/// A held request is answered when something changes, and when nothing does.
fn held(controller: &Controller, user: &str, gateway: &str, agent: &str) {
    controller.settle(agent);
    let ask = |wait: &str| {
        let request = ureq::http::Request::builder()
            .uri(format!("{}/agent/config/changes", controller.base))
            .header("authorization", agent)
            .header("prefer", format!("wait={wait}"));
        controller.send(request.body(String::new()).unwrap())
    };
    let answer = ask("1");
    assert_eq!((answer.status, &answer.body["reboot"]), (200, &json!(false)));
    assert_eq!(answer.headers["preference-applied"], "wait=1");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ask("60"));
        std::thread::sleep(Duration::from_millis(300));
        let path = format!("/iofog/{gateway}/reboot");
        assert_eq!(controller.call("POST", &path, Some(user), &Value::Null).status, 204);
        let answer = waiting.join().unwrap();
        assert_eq!((answer.status, &answer.body["reboot"]), (200, &json!(true)));
    });
    // Woken, or the proxy's own time-out would have ended it.
    assert!(begun.elapsed() < Duration::from_secs(59), "nobody woke the held request");
}

/// A large upload on its way to disk, and the file back.
fn snapshot(controller: &Controller, user: &str, agent: &str, name: &str) {
    let shown = controller.call("GET", &format!("/application/{name}"), Some(user), &Value::Null);
    let uuid = shown.body["microservices"][0]["uuid"].as_str().unwrap();
    let path = format!("/microservices/{uuid}/image-snapshot");
    assert_eq!(controller.call("POST", &path, Some(user), &Value::Null).status, 201);
    let layers = "layer ".repeat(1_000_000);
    let answer = controller.upload("PUT", "/agent/image-snapshot", agent, "upstream", &layers);
    assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
    let answer = controller.call("GET", &path, Some(user), &Value::Null);
    assert_eq!(answer.status, 200);
    assert!(answer.text == layers, "the file came back otherwise");
}

/// Status of an attempt to open a device link.
fn link(port: u16, agent: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(
        stream,
        "GET /api/v3/agent/link HTTP/1.1\r\nhost: x\r\nauthorization: {agent}\r\nconnection: upgrade\r\nupgrade: {}\r\n\r\n",
        iofog_link::UPGRADE
    )
    .unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    String::from_utf8_lossy(&head[9..]).into_owned()
}
