//! A relay between an Agent and its Controller that counts what passes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

/// Headers of one segment: IPv4 20 bytes, TCP 20 and its time stamps 12.
const HEADERS: usize = 52;

/// What passed, both ways together.
#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicUsize,
    pieces: AtomicUsize,
    connections: AtomicUsize,
}

/// Counts of a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Bytes inside of TCP, with those of TLS.
    pub bytes: usize,
    /// Pieces as they were read; each is taken for one segment that is acknowledged by another.
    pub pieces: usize,
    /// Connections opened.
    pub connections: usize,
}

impl Passed {
    /// What passed since an earlier moment.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            bytes: self.bytes - before.bytes,
            pieces: self.pieces - before.pieces,
            connections: self.connections - before.connections,
        }
    }

    /// Bytes with the headers of TCP and IP, an estimate that is rather high: acknowledgements may travel with data.
    pub fn on_the_wire(self) -> usize {
        self.bytes + self.pieces * 2 * HEADERS + self.connections * 7 * HEADERS
    }
}

/// A relay; it runs until the program ends.
pub struct Relay(Arc<Counters>);

impl Relay {
    /// Relays connections to `listen` on to `target`.
    ///
    /// # Errors
    /// When the address is in use.
    pub fn start(listen: SocketAddr, target: SocketAddr) -> Result<Self> {
        let listener =
            TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let counters = Arc::new(Counters::default());
        let counted = counters.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counted.connections.fetch_add(1, Ordering::Relaxed);
                let Ok(server) = TcpStream::connect(target) else { continue };
                let (Ok(to_client), Ok(to_server)) = (client.try_clone(), server.try_clone())
                else {
                    continue;
                };
                for (from, to) in [(client, to_server), (server, to_client)] {
                    let counted = counted.clone();
                    std::thread::spawn(move || copy(from, to, &counted));
                }
            }
        });
        Ok(Self(counters))
    }

    /// What passed so far.
    pub fn passed(&self) -> Passed {
        Passed {
            bytes: self.0.bytes.load(Ordering::Relaxed),
            pieces: self.0.pieces.load(Ordering::Relaxed),
            connections: self.0.connections.load(Ordering::Relaxed),
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, counted: &Counters) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
        counted.bytes.fetch_add(count, Ordering::Relaxed);
        counted.pieces.fetch_add(1, Ordering::Relaxed);
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_counted_both_ways() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = server.local_addr().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let relay = Relay::start(free, target).unwrap();
        let echo = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut text = [0; 5];
            stream.read_exact(&mut text).unwrap();
            stream.write_all(b"ok").unwrap();
        });
        let mut client = TcpStream::connect(free).unwrap();
        client.write_all(b"hello").unwrap();
        let mut answer = [0; 2];
        client.read_exact(&mut answer).unwrap();
        echo.join().unwrap();
        while relay.passed().bytes < 7 {
            std::thread::yield_now();
        }
        let passed = relay.passed();
        assert_eq!((passed.bytes, passed.connections), (7, 1));
        assert!(passed.since(passed) == Passed::default() && passed.on_the_wire() > 7);
    }
}
