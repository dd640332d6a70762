//! A Controller that answers from a table, and a home directory of its own for each test.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses its part; helpers of tests may unwrap"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// Answers by `METHOD /path`; anything else is a 404 with the Controller's error body.
pub(crate) type Table = HashMap<String, (u16, String)>;

/// A running Controller.
pub(crate) struct FakeController {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeController {
    pub(crate) fn start(table: Table) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (table, seen) = (Arc::new(table), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (table, seen) = (Arc::clone(&table), Arc::clone(&seen));
                std::thread::spawn(move || answer(stream, &table, &seen));
            }
        });
        Self { port, requests }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `METHOD /path body` of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, table: &Table, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap().to_owned();
    let path = words.next().unwrap().trim_start_matches("/api/v3").to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    seen.lock().unwrap().push(format!("{method} {path} {}", String::from_utf8_lossy(&body)));
    let key = format!("{method} {path}");
    let missing = (404, r#"{"name":"NotFoundError","message":"not here"}"#.to_owned());
    let (status, content) = table.get(&key).cloned().unwrap_or(missing);
    // The answer of one that moved is where to.
    let (content, moved) = match status {
        300..400 => (String::new(), format!("Location: {content}\r\n")),
        _ => (if method == "HEAD" { String::new() } else { content }, String::new()),
    };
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{moved}Content-Length: {}\r\nConnection: close\r\n\r\n{content}",
        content.len()
    );
}

/// A table with a login.
pub(crate) fn table(entries: &[(&str, u16, &str)]) -> Table {
    let mut table: Table = entries
        .iter()
        .map(|(key, status, body)| ((*key).to_owned(), (*status, (*body).to_owned())))
        .collect();
    table.entry("POST /user/login".into()).or_insert((200, r#"{"accessToken":"t"}"#.into()));
    table.entry("GET /status".into()).or_insert((
        200,
        r#"{"status":"online","timestamp":1,"uptimeSec":3725.4,"versions":{"controller":"3.0.4","ecnViewer":"3.0.2"}}"#.into(),
    ));
    table
}

/// The program of this package; `IOFOGCTL_PROGRAM` names another build of it, for figures.
pub(crate) fn program() -> PathBuf {
    let other = std::env::var_os("IOFOGCTL_PROGRAM").map(PathBuf::from);
    other.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_iofogctl")))
}

/// A home directory that goes away with the test.
pub(crate) struct Home {
    pub(crate) path: PathBuf,
}

impl Home {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("iofogctl-test-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    /// Runs the program of this package, or another build of it.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.run_program(&program(), words)
    }

    pub(crate) fn run_program(&self, program: &Path, words: &[&str]) -> Output {
        self.command(program, words).output().unwrap()
    }

    /// What [`Self::run_program`] runs.
    pub(crate) fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .env("HOME", &self.path)
            .env("IOFOGCTL_PROGRAMS", self.path.join("programs"))
            .current_dir(&self.path);
        command
    }

    /// Runs and expects success; gives standard output.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs and expects failure; gives the message without colours.
    pub(crate) fn fails(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        let text = String::from_utf8(output.stderr).unwrap();
        let text = text.strip_prefix("\u{1b}[38;5;1m✘ ").unwrap_or(&text);
        text.strip_suffix("\u{1b}[0m\n").unwrap_or(text).to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path.join(name)).unwrap()
    }

    /// Connects the namespace `plant` to a Controller and makes it the current one.
    pub(crate) fn connect(&self, controller: &FakeController) {
        let address = controller.address();
        let words = [
            "connect",
            "-n",
            "plant",
            "--ecn-addr",
            &address,
            "--name",
            "remote",
            "--email",
            "ada@example.org",
            "--pass",
            "correct-horse",
        ];
        self.ok(&words);
        self.ok(&["configure", "current-namespace", "plant"]);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
