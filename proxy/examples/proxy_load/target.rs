//! Targets and clients, outside of what is measured.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Answers every request with two bytes.
pub(crate) fn http() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            spawn(move || {
                let mut buffer = [0; 4096];
                while matches!(stream.read(&mut buffer), Ok(1..)) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
            });
        }
    });
    port
}

/// Accepts and says nothing.
pub(crate) fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    port
}

/// A connection that stays open.
pub(crate) fn tunnel(port: u16) -> TcpStream {
    sleep(Duration::from_millis(2));
    TcpStream::connect(("127.0.0.1", port)).unwrap()
}
