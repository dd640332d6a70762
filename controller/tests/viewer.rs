//! The viewer (controller contract 23): its files, its configuration, and that nothing beside its folder is ever sent.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Controller, Environment};

const PAGE: &str = "<!DOCTYPE html><title>viewer</title>";
const SCRIPT: &str = "console.log('viewer')";
const SECRET: &str = "not for the world";

/// A folder with a viewer in it, beside a file that it must not show.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("iofog-viewer-test-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("site/static")).unwrap();
        for (path, text) in [
            ("secret.txt", SECRET),
            ("site/index.html", PAGE),
            ("site/static/app.js", SCRIPT),
            ("site/static/a b.css", "b{}"),
            ("site/static/logo.svg", "<svg/>"),
            ("site/static/data.bin", "x"),
            ("site/.hidden", SECRET),
        ] {
            std::fs::write(folder.join(path), text).unwrap();
        }
        std::os::unix::fs::symlink("../secret.txt", folder.join("site/link.txt")).unwrap();
        std::os::unix::fs::symlink("static/app.js", folder.join("site/inside.js")).unwrap();
        Self(folder)
    }

    fn environment(&self) -> Environment {
        let site = self.0.join("site").to_str().unwrap().to_owned();
        vec![("ECN_VIEWER_PATH", site), ("VIEWER_PORT", "0".to_owned())]
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where the viewer listens: said in the log right after the API.
fn address(controller: &Controller) -> String {
    let said = || {
        let log = controller.log();
        let (_, address) = log.iter().find_map(|line| line.trim().split_once("viewer on "))?;
        Some(address.to_owned())
    };
    let until = Instant::now() + Duration::from_secs(60);
    while said().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    said().expect("no viewer in the log")
}

/// Status, head and body of an answer to a request whose path is sent as it is.
fn ask(address: &str, method: &str, path: &str, headers: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn its_version_is_that_of_its_package() {
    let version = |controller: &Controller| {
        let status = controller.call("GET", "/status", None, &serde_json::Value::Null);
        status.body["versions"]["ecnViewer"].clone()
    };
    assert_eq!(version(&Controller::start()), "3.0.2", "none: what clients expect");
    let folder = Folder::new("version");
    assert_eq!(version(&Controller::start_with(folder.environment())), "3.0.2");
    std::fs::write(folder.0.join("package.json"), r#"{"name":"v","version":"3.1.4"}"#).unwrap();
    assert_eq!(version(&Controller::start_with(folder.environment())), "3.1.4");
}

#[test]
fn files_are_served_with_their_types() {
    let folder = Folder::new("types");
    let controller = Controller::start_with(folder.environment());
    let viewer = address(&controller);
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", PAGE),
        ("/index.html", "text/html; charset=utf-8", PAGE),
        ("/static/app.js", "text/javascript; charset=utf-8", SCRIPT),
        ("/static/app.js?v=2", "text/javascript; charset=utf-8", SCRIPT),
        ("/inside.js", "text/javascript; charset=utf-8", SCRIPT),
        ("/static/a%20b.css", "text/css; charset=utf-8", "b{}"),
        ("/static/logo.svg", "image/svg+xml", "<svg/>"),
        ("/static/data.bin", "application/octet-stream", "x"),
        // Places inside the page.
        ("/nodes", "text/html; charset=utf-8", PAGE),
        ("/nodes/one/two", "text/html; charset=utf-8", PAGE),
        ("/static/", "text/html; charset=utf-8", PAGE),
    ] {
        let (status, head, answer) = ask(&viewer, "GET", path, "");
        assert_eq!((status, answer.as_str()), (200, body), "{path}");
        assert!(head.contains(&format!("content-type: {kind}")), "{path}: {head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{path}: {head}");
        let (status, head, answer) = ask(&viewer, "HEAD", path, "");
        assert_eq!((status, answer.as_str()), (200, ""), "{path}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{path}: {head}");
    }
    for path in ["/static/none.js", "/favicon.ico", "/static/app.js/more.js"] {
        assert_eq!(ask(&viewer, "GET", path, "").0, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (status, head, _) = ask(&viewer, method, "/index.html", "");
        assert_eq!(status, 405, "{method}");
        assert!(head.contains("allow: get, head"), "{head}");
    }
    // Asked for again, a file is sent only if it changed.
    let (_, head, _) = ask(&viewer, "GET", "/static/app.js", "");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let known = format!("if-none-match: {tag}\r\n");
    let (status, _, body) = ask(&viewer, "GET", "/static/app.js", &known);
    assert_eq!((status, body.as_str()), (304, ""));
    std::fs::write(folder.0.join("site/static/app.js"), "console.log('next')").unwrap();
    let (status, _, body) = ask(&viewer, "GET", "/static/app.js", &known);
    assert_eq!((status, body.as_str()), (200, "console.log('next')"));
}

#[test]
fn nothing_outside_the_folder_is_sent() {
    let folder = Folder::new("outside");
    let controller = Controller::start_with(folder.environment());
    let viewer = address(&controller);
    let absolute = format!("/{}", folder.0.join("secret.txt").display());
    let encoded = absolute.replace('/', "%2f");
    let long = format!("/{}", "a/".repeat(4000));
    for path in [
        "/../secret.txt",
        "/static/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2e%2Fsecret.txt",
        "/..%2fsecret.txt",
        "/static/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/%252e%252e/secret.txt",
        "/%2e%2e%00/secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/%ff",
        "/%",
        "/%2",
        "/.hidden",
        "/%2ehidden",
        "/link.txt",
        "/static/app.js%00.html",
        absolute.as_str(),
        encoded.as_str(),
        long.as_str(),
    ] {
        let (status, _, body) = ask(&viewer, "GET", path, "");
        assert!(!body.contains(SECRET), "{path}: {status}");
        // What names no file is the page.
        assert!((400..500).contains(&status) || body == PAGE, "{path}: {status} {body}");
    }
    assert_eq!(ask(&viewer, "GET", "/link.txt", "").0, 404, "a link out of the folder");
    assert_eq!(ask(&viewer, "GET", "/", "").0, 200);
}

#[test]
fn the_page_learns_where_the_api_is() {
    let folder = Folder::new("configuration");
    let controller = Controller::start_with(folder.environment());
    let port = controller.address().rsplit(':').next().unwrap().to_owned();
    let (status, head, body) = ask(&address(&controller), "GET", "/controller-config.js", "");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/javascript"), "{head}");
    assert_eq!(body, format!("window.controllerConfig = {{\"port\":{port},\"user\":{{}}}}\n"));
    drop(controller);
    let mut environment = folder.environment();
    environment.push(("VIEWER_URL", "https://ecn.example.org/\"api".to_owned()));
    let controller = Controller::start_with(environment);
    let port = controller.address().rsplit(':').next().unwrap().to_owned();
    let (_, _, body) = ask(&address(&controller), "GET", "/controller-config.js", "");
    let expected = format!(
        "window.controllerConfig = {{\"port\":{port},\"user\":{{}},\"url\":\"https://ecn.example.org/\\\"api\"}}\n"
    );
    assert_eq!(body, expected);
}

#[test]
fn a_folder_without_a_viewer_is_refused_by_name() {
    let folder = Folder::new("none");
    std::fs::remove_file(folder.0.join("site/index.html")).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_iofog-controller"))
        .args(["start", "--data-dir"])
        .arg(folder.0.join("data"))
        .env("Server_Host", "127.0.0.1")
        .env("Server_Port", "0")
        .envs(folder.environment())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("ECN_VIEWER_PATH"), "{said}");
}

/// The API's certificate is the viewer's as well.
#[test]
fn with_https_the_page_comes_over_tls_alone() {
    use iofog_tls::rustls::{ClientConnection, Stream};
    let folder = Folder::new("tls");
    let mut environment = folder.environment();
    environment.push(("Server_DevMode", "false".to_owned()));
    environment.push(("Server_SslNames", "localhost".to_owned()));
    let controller = Controller::start_with(environment);
    let viewer = address(&controller);
    let certificate = std::fs::read(controller.folder().join("controller-cert.pem")).unwrap();
    let trust = iofog_tls::Trust::from_pem(&certificate).unwrap();
    let config = iofog_tls::ClientOptions::new(trust).build().unwrap();
    let mut connection = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut socket = TcpStream::connect(&viewer).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(PAGE), "{answer}");
    let mut plain = TcpStream::connect(&viewer).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(PAGE.len()).any(|part| part == PAGE.as_bytes()));
}
