//! Traces: switched by the user, delivered by the agent, put on a server of the user's.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail here, and says when it cannot run"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use common::Controller;
use serde_json::{Value, json};

#[test]
fn a_trace_goes_from_agent_to_user() {
    let controller = Controller::start();
    let (user, _, agent, one) = controller.network();
    let path = format!("/microservices/{one}/strace");
    let call = |method: &str, path: &str, token: &str, body: &Value| {
        let answer = controller.call(method, path, Some(token), body);
        (answer.status, answer.body)
    };
    assert_eq!(call("GET", &format!("{path}?format=string"), &user, &Value::Null).0, 404);
    assert_eq!(call("GET", "/agent/strace", &agent, &Value::Null).0, 404);
    let data = json!({ "straceData": [{ "microserviceUuid": one, "buffer": "ab" }] });
    assert_eq!(call("PUT", "/agent/strace", &agent, &data).0, 404, "never switched on");
    assert_eq!(call("PATCH", &path, &user, &json!({})).0, 400);
    assert_eq!(call("PATCH", &path, &user, &json!({ "enable": true })).0, 204);
    assert_eq!(controller.flags(&agent).0, ["diagnostics"]);
    let (_, wanted) = call("GET", "/agent/strace", &agent, &Value::Null);
    assert_eq!(wanted["straceValues"], json!([{ "microserviceUuid": one, "straceRun": true }]));
    for _ in 0..2 {
        assert_eq!(call("PUT", "/agent/strace", &agent, &data).0, 204);
    }
    let (_, text) = call("GET", &format!("{path}?format=string"), &user, &Value::Null);
    assert_eq!(text["data"], "abab");
    let (_, file) = call("GET", &format!("{path}?format=file"), &user, &Value::Null);
    assert_eq!(file["data"], "YWJhYg==");
    assert_eq!(call("GET", &path, &user, &Value::Null).0, 400);
}

/// An FTP server on loopback; killed when dropped.
struct Server {
    child: Child,
    port: u16,
    folder: std::path::PathBuf,
}

impl Server {
    /// None when it is not installed.
    fn start() -> Option<Self> {
        // The distribution's Python has the distribution's packages.
        let python = "/usr/bin/python3";
        let mut there = Command::new(python);
        there.args(["-c", "import pyftpdlib"]).stderr(Stdio::null());
        if !there.status().is_ok_and(|status| status.success()) {
            return None;
        }
        let folder = std::env::temp_dir().join(format!("iofog-ftp-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("traces")).unwrap();
        let program = "import sys, logging
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
logging.basicConfig(level=logging.ERROR)
users = DummyAuthorizer()
users.add_user('ann', 'secret word', sys.argv[1], perm='elradfmw')
FTPHandler.authorizer = users
FTPHandler.banner = 'first line\\r\\nsecond line'
server = FTPServer(('127.0.0.1', 0), FTPHandler)
print(server.socket.getsockname()[1], flush=True)
server.serve_forever()
";
        let mut child = Command::new(python)
            .args(["-c", program])
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { child, port: line.trim().parse().unwrap(), folder })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_trace_goes_to_a_server_of_the_users() {
    let Some(server) = Server::start() else {
        println!("skipped: python3-pyftpdlib is not installed");
        return;
    };
    let controller = Controller::start();
    let (user, _, agent, one) = controller.network();
    let path = format!("/microservices/{one}/strace");
    let target = json!({ "ftpHost": "127.0.0.1", "ftpPort": server.port, "ftpUser": "ann",
        "ftpPass": "secret word", "ftpDestDir": "/traces" });
    let put = |target: &Value| controller.call("PUT", &path, Some(&user), target);
    assert_eq!(put(&target).status, 404, "nothing to put");
    controller.call("PATCH", &path, Some(&user), &json!({ "enable": true }));
    let text = "open(\"/etc/hosts\")\n".repeat(3000);
    let data = json!({ "straceData": [{ "microserviceUuid": one, "buffer": text }] });
    assert_eq!(controller.call("PUT", "/agent/strace", Some(&agent), &data).status, 204);
    let answer = put(&target);
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let stored = server.folder.join("traces").join(one);
    assert_eq!(std::fs::read_to_string(&stored).unwrap(), text);
    // Refused by the server, by nobody, and by us.
    for (field, value) in [
        ("ftpPass", json!("wrong word")),
        ("ftpDestDir", json!("/nowhere")),
        ("ftpPort", json!(1)),
        ("ftpDestDir", json!("/traces\r\nDELE x")),
    ] {
        let mut other = target.clone();
        other[field] = value;
        let answer = put(&other);
        assert_eq!((answer.status, &answer.body["name"]), (500, &json!("FtpError")), "{field}");
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.starts_with("FTP error: '") && !message.contains("word"), "{message}");
    }
    let stranger = controller.user("b@b.co");
    assert_eq!(controller.call("PUT", &path, Some(&stranger), &target).status, 404);
}

#[test]
fn virtual_nodes_hear_of_agents() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for _ in 0..3 {
            let (stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            lines.push(line.trim().to_owned());
            // Closed without an answer: nobody depends on one.
        }
        lines
    });
    let controller = Controller::start_with(vec![("Kubelet_Uri", uri)]);
    let user = controller.user("a@b.co");
    let system = controller.system_agent(&user);
    let uuid = controller.gateway(&user, "gw", "10.0.1.1");
    // Refused: nobody hears of it.
    let again = json!({ "name": "gw", "fogType": 1, "host": "10.0.1.1" });
    assert_eq!(controller.call("POST", "/iofog", Some(&user), &again).status, 400);
    let path = format!("/iofog/{uuid}");
    assert_eq!(controller.call("DELETE", &path, Some(&user), &Value::Null).status, 202);
    let expected = [
        format!("POST /node?uuid={system} HTTP/1.1"),
        format!("POST /node?uuid={uuid} HTTP/1.1"),
        format!("DELETE /node?uuid={uuid} HTTP/1.1"),
    ];
    assert_eq!(heard.join().unwrap(), expected);
}
