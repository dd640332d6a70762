//! The native engine against Debian's registry: without and with a login, and a transfer that is cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use iofog_agent::domain::{Done, Failure, PullPolicy, Registry, Step};
use iofog_agent::engine::Engine as _;

use super::image::IMAGE;
use super::site::{Docker, Native, Site, docker};
use super::{eventually, on_one_thread, unique};

/// User `user`, password `secret`.
const HTPASSWD: &str = "user:$2b$04$TuPvMYOkq0ivt3nUZjFRz.VnjnUvEPlbMvMaETSyn1JWmyzeskEb6\n";

struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    /// None, loudly, without the program or without an engine that fills it.
    async fn start(name: &str, login: bool) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(unique(&format!("iofog-registry-{name}")));
        std::fs::create_dir_all(&folder).unwrap();
        let mut config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            folder.display()
        );
        if login {
            std::fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
            let path = folder.join("htpasswd");
            config +=
                &format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", path.display());
        }
        std::fs::write(folder.join("config.yml"), config).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            eprintln!("skipped: docker-registry is not installed");
            return None;
        };
        let server = Self { child, port, folder };
        eventually("the registry listens", async || TcpStream::connect(("127.0.0.1", port)).ok())
            .await;
        Some(server)
    }

    fn image(&self) -> String {
        format!("127.0.0.1:{}/a/test:1", self.port)
    }

    fn push(&self, login: bool) {
        let config = self.folder.join("client");
        let with = |words: &[&str]| {
            let mut all = vec!["--config", config.to_str().unwrap()];
            all.extend(words);
            let (done, text) = docker(&all);
            assert!(done, "{text}");
        };
        let host = format!("127.0.0.1:{}", self.port);
        if login {
            with(&["login", "-u", "user", "-p", "secret", &host]);
        }
        with(&["tag", IMAGE, &self.image()]);
        with(&["push", &self.image()]);
        with(&["rmi", &self.image()]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn ensure(image: &str, login: Option<(&str, &str)>, policy: PullPolicy) -> Step {
    let registry = login.map(|(username, password)| Registry {
        username: username.into(),
        password: password.into(),
        ..Registry::default()
    });
    Step::EnsureImage { image: image.to_owned(), registry, policy }
}

#[test]
fn images_come_from_a_registry_and_are_renewed_only_when_they_changed() {
    on_one_thread(async {
        let (Some(filler), Some(site)) = (Docker::open("registry-fill"), Native::open("registry"))
        else {
            return;
        };
        let Some(server) = Server::start("plain", false).await else { return };
        server.push(false);
        let engine = site.engine();
        let seen = std::cell::Cell::new(0);
        let step = ensure(&server.image(), None, PullPolicy::IfAbsent);
        let pulled = engine.perform(&step, &|percentage| seen.set(percentage)).await.unwrap();
        assert_eq!((pulled, seen.get()), (Done::Pulled, 100));
        let renew = ensure(&server.image(), None, PullPolicy::Refresh);
        assert_eq!(engine.perform(&renew, &|_| {}).await.unwrap(), Done::Ok, "nothing new");
        let absent =
            ensure(&format!("127.0.0.1:{}/a/none:1", server.port), None, PullPolicy::IfAbsent);
        let error = engine.perform(&absent, &|_| {}).await.unwrap_err();
        assert!(error.to_string().contains("does not have the image"), "{error}");
        let image = server.image();
        drop(server);
        let renew = ensure(&image, None, PullPolicy::Refresh);
        assert_eq!(
            engine.perform(&renew, &|_| {}).await.unwrap(),
            Done::Ok,
            "the local image serves"
        );
        assert!(engine.prune(std::slice::from_ref(&image)).await.unwrap() > 0);
        let gone = engine.perform(&ensure(&image, None, PullPolicy::Never), &|_| {}).await;
        assert!(matches!(gone, Err(Failure::ImageMissing { .. })));
        site.clean();
        filler.clean();
    });
}

#[test]
fn a_login_is_used_where_it_is_wanted_and_never_told() {
    on_one_thread(async {
        let (Some(filler), Some(site)) = (Docker::open("login-fill"), Native::open("login")) else {
            return;
        };
        let Some(server) = Server::start("login", true).await else { return };
        server.push(true);
        let engine = site.engine();
        for (login, text) in [(None, "login"), (Some(("user", "wrong-word")), "refuses the login")]
        {
            let error = engine
                .perform(&ensure(&server.image(), login, PullPolicy::IfAbsent), &|_| {})
                .await
                .unwrap_err();
            assert!(
                error.to_string().contains(text) && !error.to_string().contains("wrong-word"),
                "{error}"
            );
        }
        let step = ensure(&server.image(), Some(("user", "secret")), PullPolicy::IfAbsent);
        assert_eq!(engine.perform(&step, &|_| {}).await.unwrap(), Done::Pulled);
        site.clean();
        filler.clean();
    });
}

/// Cuts every connection after this many bytes of answer; says how many connections asked for a part.
fn cutting_proxy(target: u16, after: usize) -> (u16, std::sync::Arc<std::sync::atomic::AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ranges = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = ranges.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || cut(client, target, after, &counted));
        }
    });
    (port, ranges)
}

fn cut(
    mut client: TcpStream,
    target: u16,
    after: usize,
    ranges: &std::sync::atomic::AtomicU32,
) -> Option<()> {
    let mut request = vec![0; 8192];
    let count = client.read(&mut request).ok()?;
    if String::from_utf8_lossy(&request[..count]).to_lowercase().contains("range: bytes=") {
        ranges.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    let mut server = TcpStream::connect(("127.0.0.1", target)).ok()?;
    server.write_all(&request[..count]).ok()?;
    let (mut buffer, mut left) = (vec![0; 16 << 10], after);
    while left > 0 {
        let room = buffer.len().min(left);
        let count = server.read(&mut buffer[..room]).ok().filter(|count| *count > 0)?;
        client.write_all(&buffer[..count]).ok()?;
        left -= count;
    }
    client.shutdown(Shutdown::Both).ok()
}

#[test]
fn a_transfer_that_is_cut_goes_on_where_it_stopped() {
    on_one_thread(async {
        let (Some(filler), Some(site)) = (Docker::open("cut-fill"), Native::open("cut")) else {
            return;
        };
        let Some(server) = Server::start("cut", false).await else { return };
        server.push(false);
        let (port, ranges) = cutting_proxy(server.port, 80_000);
        let engine = site.engine();
        let step = ensure(&format!("127.0.0.1:{port}/a/test:1"), None, PullPolicy::IfAbsent);
        assert_eq!(engine.perform(&step, &|_| {}).await.unwrap(), Done::Pulled);
        assert!(ranges.load(std::sync::atomic::Ordering::Relaxed) > 0, "parts were asked for");
        assert!(
            Path::new(&site.folder).join("lib/blobs").read_dir().unwrap().next().is_none(),
            "packed bytes are dropped"
        );
        site.clean();
        filler.clean();
    });
}
