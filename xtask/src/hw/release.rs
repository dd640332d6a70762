//! Releases for the self-update tests: a key, signed manifests, and a server for them.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use super::network::CONTROLLER;
use crate::tools::archive;

/// A folder of releases, served to the guest.
pub struct Releases {
    folder: PathBuf,
    key: Ed25519KeyPair,
    port: u16,
}

impl Releases {
    /// Makes a key and starts to serve `folder`.
    ///
    /// # Errors
    /// When the folder or the port cannot be had.
    pub fn serve(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| anyhow::anyhow!("no key can be made"))?;
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref())
            .map_err(|_| anyhow::anyhow!("no key can be made"))?;
        let listener = TcpListener::bind((CONTROLLER, 0)).context("release server")?;
        let port = listener.local_addr()?.port();
        let served = folder.to_path_buf();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let folder = served.clone();
                std::thread::spawn(move || {
                    // A guest whose power was cut concerns nobody.
                    let _ = answer(stream, &folder);
                });
            }
        });
        Ok(Self { folder: folder.to_path_buf(), key, port })
    }

    /// `update.conf` of a device that takes these releases; trials are short.
    pub fn settings(&self) -> String {
        let key = hex(self.key.public_key().as_ref());
        format!(
            "source = http://{CONTROLLER}:{}/\nkey = {key}\nsettle = 2\nwindow = 40\n",
            self.port
        )
    }

    /// Offers a program as release `version`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn offer(&self, version: u32, target: &str, program: &[u8]) -> Result<()> {
        let file = format!("iofog-agent-{target}-{version}");
        fs::write(self.folder.join(&file), program)?;
        let content = json!({
            "version": version,
            "name": format!("test {version}"),
            "artefacts": [{
                "target": target,
                "file": file,
                "bytes": program.len(),
                "sha256": archive::hex(program),
            }],
        });
        let text = manifest(&self.key, &content.to_string());
        let staged = self.folder.join("manifest.new");
        fs::write(&staged, text)?;
        fs::rename(staged, self.folder.join("manifest"))?;
        Ok(())
    }
}

/// The three lines of a manifest (decision 0051): title, signature of title and content, content.
pub fn manifest(key: &Ed25519KeyPair, content: &str) -> String {
    let signature = key.sign(format!("iofog-update 1\n{content}\n").as_bytes());
    format!("iofog-update 1\n{}\n{content}\n", hex(signature.as_ref()))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(stream: TcpStream, folder: &Path) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let name = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    while reader.read_line(&mut line)? > 2 {}
    let mut stream = stream;
    match fs::read(folder.join(name.replace('/', "_"))) {
        Ok(body) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)?;
        }
        Err(_) => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
    }
    Ok(())
}
