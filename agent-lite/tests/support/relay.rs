//! What stands between an Agent and its Controller: passes bytes, cuts connections, strips upgrades, ends TLS.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use iofog_tls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use iofog_tls::{Authority, Identity, ServerOptions};

pub(crate) enum Treatment {
    Pass,
    StripUpgrade,
    Tls(Identity),
}

pub(crate) struct Relay {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    open: Mutex<Vec<TcpStream>>,
    bytes: AtomicUsize,
    connections: AtomicUsize,
}

impl Relay {
    /// Speaks TLS to the Agent: with the authority that issued its certificate, and its URL.
    pub(crate) fn over_tls(target: SocketAddr) -> (Self, Authority, String) {
        let authority = Authority::new("test authority").unwrap();
        let issued = authority.issue("controller", &["localhost"]).unwrap();
        let identity =
            Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
        let relay = Self::start(target, Treatment::Tls(identity));
        let url = relay.url().replace("http://127.0.0.1", "https://localhost");
        (relay, authority, url)
    }

    pub(crate) fn start(target: SocketAddr, treatment: Treatment) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        let strips = matches!(treatment, Treatment::StripUpgrade);
        let tls = match treatment {
            Treatment::Tls(identity) => Some(ServerOptions::new(identity).build().unwrap()),
            _ => None,
        };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(target) else { continue };
                shared.connections.fetch_add(1, Ordering::Relaxed);
                shared.open.lock().unwrap().push(client.try_clone().unwrap());
                let (seen, tls) = (shared.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(config) => secured(client, server, config),
                    None => plain(client, server, &seen, strips),
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    /// Cuts all open connections.
    pub(crate) fn cut(&self) {
        for stream in self.seen.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.seen.connections.store(0, Ordering::Relaxed);
    }

    /// Connections since the last cut.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// Request lines seen.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Bytes passed both ways.
    pub(crate) fn bytes(&self) -> usize {
        self.seen.bytes.load(Ordering::Relaxed)
    }
}

fn plain(client: TcpStream, server: TcpStream, seen: &Arc<Seen>, strips: bool) {
    let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let counted = seen.clone();
    std::thread::spawn(move || {
        pump(back_from, back_to, |_, bytes| {
            counted.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
            bytes
        })
    });
    pump(client, server, |is_first, mut bytes| {
        seen.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if is_first || text.contains("HTTP/1.1\r\n") {
            let line = text.lines().next().unwrap_or_default().to_owned();
            seen.requests.lock().unwrap().push(line);
        }
        if strips && text.contains("upgrade: iofog-link") {
            let stripped =
                text.replace("connection: upgrade\r\n", "").replace("upgrade: iofog-link\r\n", "");
            bytes = stripped.into_bytes();
        }
        bytes
    });
}

fn pump(mut from: TcpStream, mut to: TcpStream, treat: impl Fn(bool, Vec<u8>) -> Vec<u8>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut is_first = true;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = treat(is_first, buffer[..count].to_vec());
        is_first = false;
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// One thread moves both directions: TLS has one state.
fn secured(client: TcpStream, server: TcpStream, config: Arc<ServerConfig>) {
    let Ok(connection) = ServerConnection::new(config) else { return };
    let pause = Some(std::time::Duration::from_millis(5));
    client.set_read_timeout(pause).unwrap();
    server.set_read_timeout(pause).unwrap();
    let mut client = StreamOwned::new(connection, client);
    let mut server = server;
    let mut buffer = vec![0; 16 * 1024];
    let waits = |error: &std::io::Error| {
        matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
    };
    loop {
        match client.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) if server.write_all(&buffer[..count]).is_err() => break,
            Ok(_) => {}
            Err(error) if waits(&error) => {}
            Err(_) => break,
        }
        match server.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) if client.write_all(&buffer[..count]).is_err() => break,
            Ok(_) => {}
            Err(error) if waits(&error) => {}
            Err(_) => break,
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.sock.shutdown(Shutdown::Both);
}
