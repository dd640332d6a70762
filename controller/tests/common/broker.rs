//! An external port broker as the contract describes it (20.7): it keeps what it gave, and fails on demand, which no real one does.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use iofog_tls::Authority;
use serde_json::{Value, json};

/// Gives ports from 32001 on. `PUT /mode` makes the next requests behave badly, `GET /state` tells what is given.
const SERVER: &str = r"
import json, ssl, sys, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
state = {'mode': 'ok', 'on': '', 'left': 0, 'ports': {}, 'tokens': [], 'revoked': [], 'refused': 0, 'all': 0}
lock = threading.Lock()
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args): pass
    def answer(self, status, body=b''):
        self.send_response(status)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get('content-length', 0))) or b'null')
    def bad(self):
        if self.headers.get('X-Api-Key') != 'open sesame':
            state['refused'] += 1
            self.answer(401)
            return True
        if state['on'] not in ('', self.command): return False
        if state['left'] > 0:
            state['left'] -= 1
            return False
        mode = state['mode']
        if mode == 'refuse': self.answer(503)
        elif mode == 'garbage': self.answer(200, b'<html>s3cret')
        elif mode == 'senseless': self.answer(201, json.dumps({'serverAddr': 's3cret', 'serverPort': 7000}).encode())
        elif mode == 'endless':
            self.send_response(200); self.end_headers()
            try:
                while True: self.wfile.write(b'x' * 65536)
            except OSError: pass
        elif mode == 'continue':
            try:
                while True: self.wfile.write(b'HTTP/1.1 100 Continue\r\n\r\n' * 4096)
            except OSError: pass
            self.close_connection = True
        elif mode in ('half', 'slow'): return False
        elif mode == 'hang': time.sleep(3600)
        elif mode == 'close': self.close_connection = True
        return mode != 'ok'
    def do_GET(self): self.answer(200, json.dumps(state).encode())
    def do_PUT(self):
        state.update(self.body())
        self.answer(200)
    def do_POST(self):
        body = self.body()
        if self.path != '/api/port': return self.answer(404)
        if self.bad(): return
        with lock:
            name = str(uuid.uuid4())
            port = 32001 + state['all']
            state['all'] += 1
            state['ports'][name] = {'token': body['token'], 'port': port}
            if body['token'] not in state['tokens']: state['tokens'].append(body['token'])
        if state['left'] == 0 and state['mode'] == 'half': return self.answer(201, json.dumps({'portUUID': name}).encode())
        if state['mode'] == 'slow': time.sleep(1)
        self.answer(201, json.dumps({'serverAddr': 'broker.example.org', 'serverPort': 7000, 'proxyPort': port,
            'proxyToken': 'proxy-s3cret', 'portUUID': name}).encode())
    def do_DELETE(self):
        if self.bad(): return
        kind, name = self.path.split('/')[2:]
        with lock:
            if kind == 'port':
                known = state['ports'].pop(name, None)
            else:
                known = name in state['tokens']
                if known: state['tokens'].remove(name); state['revoked'].append(name)
        self.answer(204 if known else 404)
server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 1:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

/// A broker; killed when dropped.
pub struct Broker {
    child: Child,
    port: u16,
    folder: Option<PathBuf>,
}

impl Broker {
    pub fn start() -> Self {
        Self::spawn(None)
    }

    /// With a certificate for `localhost`, by an authority of its own.
    pub fn start_with_tls() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("iofog-broker-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Authority::new("broker test").unwrap();
        let own = authority.issue("localhost", &["localhost"]).unwrap();
        std::fs::write(folder.join("chain.pem"), &own.certificate).unwrap();
        std::fs::write(folder.join("key.pem"), &own.key).unwrap();
        std::fs::write(folder.join("ca.pem"), authority.certificate()).unwrap();
        Self::spawn(Some(folder))
    }

    fn spawn(folder: Option<PathBuf>) -> Self {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", SERVER]).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(folder) = &folder {
            command.args([folder.join("chain.pem"), folder.join("key.pem")]);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap(), folder }
    }

    /// What the Controller is told of it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let scheme = if self.folder.is_some() { "https" } else { "http" };
        let host = if self.folder.is_some() { "localhost" } else { "127.0.0.1" };
        vec![
            ("PROXY_BROKER_URL", format!("{scheme}://{host}:{}/api/", self.port)),
            ("PROXY_BROKER_TOKEN", "open sesame".to_owned()),
        ]
    }

    /// The authority behind its certificate.
    pub fn authority(&self) -> Option<PathBuf> {
        self.folder.as_deref().map(|folder: &Path| folder.join("ca.pem"))
    }

    /// It behaves like this once `left` more requests have been answered, on requests of one method or, with an empty text, of all.
    pub fn behave(&self, mode: &str, on: &str, left: u32) {
        let body = json!({ "mode": mode, "on": on, "left": left }).to_string();
        ureq::put(format!("http://127.0.0.1:{}/mode", self.port)).send(body).unwrap();
    }

    pub fn state(&self) -> Value {
        let answer = ureq::get(format!("http://127.0.0.1:{}/state", self.port)).call();
        serde_json::from_str(&answer.unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Waits until as many ports are given and as many tokens known.
    pub fn settles_at(&self, ports: usize, tokens: usize) {
        let mut last = (0, 0);
        // A guard against hangs, not a promise.
        for _ in 0..1200 {
            let state = self.state();
            last = (
                state["ports"].as_object().unwrap().len(),
                state["tokens"].as_array().unwrap().len(),
            );
            if last == (ports, tokens) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(last, (ports, tokens), "{}", self.state());
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
