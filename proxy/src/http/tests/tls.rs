//! TLS on the public side: certificates from files, read again when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use iofog_tls::{Authority, ClientOptions, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::counters::MappingState;
use crate::link::memory::MemoryNetwork;
use crate::testing::{
    TestProxy, config, connect, free_port, limits, proxy_with, run, talk, target,
};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("iofog-proxy-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn issue(&self, authority: &Authority, file: &str) {
        let issued = authority.issue("proxy", &["localhost"]).unwrap();
        fs::write(self.0.join(format!("{file}.crt")), issued.certificate).unwrap();
        fs::write(self.0.join(format!("{file}.key")), issued.key).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn pair(port: u16, certificates: &Path) -> TestProxy {
    let network = MemoryNetwork::default();
    let (target, _) = target("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let proxy = proxy_with(&network, limits(), Some(certificates));
    let mappings = [format!("http:{port}=>amqp:q"), format!("amqp:q=>http:{target}")];
    proxy.apply(config(&mappings), None);
    network.served("q").await;
    proxy
}

/// A client that trusts `authority` only.
async fn client(port: u16, authority: &Authority) -> std::io::Result<TlsStream<TcpStream>> {
    let trust = Trust::from_pem(authority.certificate().as_bytes()).unwrap();
    let options =
        ClientOptions { protocols: vec![b"http/1.1".to_vec()], ..ClientOptions::new(trust) };
    let connector = TlsConnector::from(Arc::clone(&options.build().unwrap()));
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, connect(port).await).await
}

/// One request over TLS on a connection of its own.
async fn get(port: u16, authority: &Authority) -> std::io::Result<String> {
    let mut stream = client(port, authority).await?;
    stream.write_all(GET).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[test]
fn tls_port_with_a_certificate_of_its_own_follows_the_files() {
    run(async {
        let folder = Folder::new("reload");
        let (first, second) = (Authority::new("one").unwrap(), Authority::new("two").unwrap());
        let port = free_port();
        folder.issue(&first, &port.to_string());
        let _proxy = pair(port, &folder.0).await;
        assert!(get(port, &first).await.unwrap().ends_with("ok"));
        assert!(get(port, &second).await.is_err());
        let mut open = client(port, &first).await.unwrap();
        folder.issue(&second, &port.to_string());
        assert!(get(port, &second).await.unwrap().ends_with("ok"));
        assert!(get(port, &first).await.is_err());
        // A connection that was open before is served as before.
        for _ in 0..2 {
            open.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\nok") {
                assert_ne!(open.read_buf(&mut answer).await.unwrap(), 0);
            }
        }
        // Damaged or removed files change nothing: never plain, never closed.
        fs::write(folder.0.join(format!("{port}.crt")), "broken").unwrap();
        assert!(get(port, &second).await.unwrap().ends_with("ok"));
        fs::remove_file(folder.0.join(format!("{port}.crt"))).unwrap();
        fs::remove_file(folder.0.join(format!("{port}.key"))).unwrap();
        assert!(get(port, &second).await.unwrap().ends_with("ok"));
        assert!(!talk(port, GET).await.contains("200"));
    });
}

#[test]
fn tls_folder_wide_certificate_and_plain_without_files() {
    run(async {
        let folder = Folder::new("wide");
        let port = free_port();
        let _plain = pair(port, &folder.0).await;
        assert!(talk(port, GET).await.ends_with("ok"));
        let authority = Authority::new("one").unwrap();
        folder.issue(&authority, "tls");
        assert!(get(port, &authority).await.unwrap().ends_with("ok"));
    });
}

#[test]
fn tls_certificate_that_cannot_be_used_keeps_the_port_closed() {
    run(async {
        let folder = Folder::new("broken");
        let port = free_port();
        fs::write(folder.0.join("tls.crt"), "broken").unwrap();
        let proxy = pair(port, &folder.0).await;
        let state = || proxy.status().mappings[1].state.clone();
        while !matches!(state(), MappingState::Failed(_)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let MappingState::Failed(why) = state() else { panic!("not failed") };
        assert!(why.contains("tls.key") || why.contains("tls.crt"), "{why}");
        assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
        let authority = Authority::new("one").unwrap();
        folder.issue(&authority, "tls");
        assert!(get(port, &authority).await.unwrap().ends_with("ok"));
    });
}
