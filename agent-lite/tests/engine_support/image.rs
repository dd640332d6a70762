//! An image of one static program that can do what the scenarios need, as an archive that every engine loads.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use iofog_agent::engine::native::image::Digest;

/// Its name.
pub(crate) const IMAGE: &str = "iofog-engine-test:1";

const PROGRAM: &str = r#"
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
fn hosts(name: &str) -> String {
    let text = std::fs::read_to_string("/etc/hosts").unwrap();
    let line = text.lines().find(|line| line.split_whitespace().skip(1).any(|one| one == name)).unwrap_or("");
    line.split_whitespace().next().unwrap_or("none").to_string()
}
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap().to_string();
        match word {
            "wait" => loop { std::thread::sleep(std::time::Duration::from_secs(3600)) },
            "exit" => std::process::exit(next().parse().unwrap()),
            "say" => println!("{}", next()),
            "complain" => eprintln!("{}", next()),
            "env" => { let key = next(); println!("{key}={}", std::env::var(&key).unwrap_or_default()) }
            "write" => { let path = next(); println!("write {}", std::fs::write(path, "x").is_ok()) }
            "count" => { let path = next(); let mut text = std::fs::read_to_string(&path).unwrap_or_default(); text.push('x'); std::fs::write(&path, &text).unwrap(); println!("count {}", text.len()) }
            "exists" => { let path = next(); println!("exists {}", std::path::Path::new(&path).exists()) }
            "eat" => { let n: usize = next().parse().unwrap(); let v = vec![1u8; n << 20]; std::hint::black_box(&v); println!("ate {n}"); std::mem::forget(v) }
            "well" => { let there = |p: &str| std::path::Path::new(p).exists(); while there("/state/hang") { std::thread::sleep(std::time::Duration::from_secs(3600)) } std::process::exit(i32::from(there("/state/sick"))) }
            "status" => { let key = next(); let text = std::fs::read_to_string("/proc/self/status").unwrap(); println!("{}", text.lines().find(|l| l.starts_with(&key)).unwrap_or("none")) }
            "call" => { let port = next(); let host = hosts("iofog"); let address = format!("{host}:{port}").to_socket_addrs().unwrap().next().unwrap(); let mut s = TcpStream::connect(address).unwrap(); let mut t = String::new(); s.read_to_string(&mut t).unwrap(); println!("heard {t}") }
            "tick" => { let mut n = 0; loop { n += 1; println!("tick {n}"); std::thread::sleep(std::time::Duration::from_millis(20)) } }
            "serve" => {
                let port: u16 = next().parse().unwrap();
                let udp = UdpSocket::bind(("0.0.0.0", port)).unwrap();
                std::thread::spawn(move || { let mut b = [0; 1500]; loop { let (n, from) = udp.recv_from(&mut b).unwrap(); udp.send_to(&b[..n], from).unwrap(); } });
                let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
                println!("serving");
                for s in listener.incoming() { let mut s = s.unwrap(); let _ = s.write_all(b"hello"); }
            }
            other => panic!("{other}"),
        }
    }
}
"#;

/// The same with a health check: `/state/sick` fails it, `/state/hang` keeps it from ending.
pub(crate) const HEALTH_IMAGE: &str = "iofog-engine-test-health:1";

/// The archives of both images, made once for each test program.
pub(crate) fn archives() -> &'static [PathBuf; 2] {
    static ARCHIVES: OnceLock<[PathBuf; 2]> = OnceLock::new();
    ARCHIVES.get_or_init(|| {
        let folder = std::env::temp_dir().join(super::unique("iofog-engine-image"));
        std::fs::create_dir_all(&folder).unwrap();
        let layer = layer(&folder);
        let path = folder.join("image.tar");
        save(&path, IMAGE, &[&layer], "");
        let with_check = folder.join("health.tar");
        let check = serde_json::json!({
            "Test": ["CMD", "/bin/probe", "well"],
            "Interval": 200_000_000_u64, "Timeout": 3_000_000_000_u64, "Retries": 2,
        });
        let execution = serde_json::json!({"Entrypoint": ["/bin/probe"], "Healthcheck": check});
        save_with(&with_check, HEALTH_IMAGE, &[&layer], &execution);
        [path, with_check]
    })
}

/// Writes an archive as `docker save` does; `layers` from the lowest, `user` is the image's.
pub(crate) fn save(path: &Path, name: &str, layers: &[&[u8]], user: &str) {
    let execution =
        serde_json::json!({"Entrypoint": ["/bin/probe"], "Env": ["COLOUR=image"], "User": user});
    save_with(path, name, layers, &execution);
}

/// The same with a whole configuration of how to run it.
pub(crate) fn save_with(path: &Path, name: &str, layers: &[&[u8]], execution: &serde_json::Value) {
    let digests: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let paths: Vec<String> = (0..layers.len()).map(|n| format!("{n}/layer.tar")).collect();
    let config = serde_json::json!({
        "architecture": if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }, "os": "linux",
        "config": execution,
        "rootfs": {"type": "layers", "diff_ids": digests},
    })
    .to_string();
    let config_name = format!("{}.json", Digest::of(config.as_bytes()).hex());
    let manifest =
        serde_json::json!([{"Config": config_name, "RepoTags": [name], "Layers": paths}])
            .to_string();
    let mut archive = tar::Builder::new(File::create(path).unwrap());
    let layers = paths.iter().map(String::as_str).zip(layers.iter().copied());
    let documents =
        [(config_name.as_str(), config.as_bytes()), ("manifest.json", manifest.as_bytes())];
    for (name, bytes) in documents.into_iter().chain(layers) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// A layer that takes a file of the one below away and brings another.
pub(crate) fn second_layer() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in ["data/.wh.given", "data/new"] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        archive.append_data(&mut header, name, &[][..]).unwrap();
    }
    archive.into_inner().unwrap()
}

/// The layer: program, `/etc/passwd`, a folder that belongs to somebody else, a link.
pub(crate) fn layer(folder: &Path) -> Vec<u8> {
    let source = folder.join("probe.rs");
    std::fs::write(&source, PROGRAM).unwrap();
    let program = folder.join("probe");
    let built = Command::new("rustc")
        .args(["-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    assert!(built.unwrap().success(), "the program of the test image does not compile");
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind, mode, owner, bytes: &[u8], link: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_size(bytes.len() as u64);
        if !link.is_empty() {
            header.set_link_name(link).unwrap();
        }
        archive.append_data(&mut header, name, bytes).unwrap();
    };
    let program = std::fs::read(program).unwrap();
    add("bin/probe", tar::EntryType::Regular, 0o755, 0, &program, "");
    add(
        "etc/passwd",
        tar::EntryType::Regular,
        0o644,
        0,
        b"root:x:0:0::/:\napp:x:1000:1001::/data:\n",
        "",
    );
    add("data/", tar::EntryType::Directory, 0o755, 1000, b"", "");
    add("data/given", tar::EntryType::Regular, 0o644, 1000, b"x", "");
    add("tmp/", tar::EntryType::Directory, 0o1777, 0, b"", "");
    add("probe", tar::EntryType::Symlink, 0o777, 0, b"", "bin/probe");
    archive.into_inner().unwrap()
}
