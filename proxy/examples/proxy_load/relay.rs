//! Relays that do nothing but move bytes: what no proxy can be cheaper than, inside the kernel and through a buffer.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::spawn;

use rustix::pipe::{SpliceFlags, pipe, splice};

/// Bytes moved at once inside the kernel.
const CHUNK: usize = 64 * 1024;

/// Runs for ever; `buffer` is the room for bytes that pass through the process, 0 for none.
pub(crate) fn run(listen: &str, target: &str, buffer: &str) {
    let buffer: usize = buffer.parse().unwrap();
    let copy: fn(&TcpStream, &TcpStream, usize) -> io::Result<()> =
        if buffer == 0 { inside } else { through };
    let listener = TcpListener::bind(format!("127.0.0.1:{listen}")).unwrap();
    for client in listener.incoming().flatten() {
        let Ok(server) = TcpStream::connect(format!("127.0.0.1:{target}")) else { continue };
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        spawn(move || copy(&client, &server, buffer));
        spawn(move || copy(&server_too, &client_too, buffer));
    }
}

fn through(mut from: &TcpStream, mut to: &TcpStream, buffer: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.shutdown(Shutdown::Write),
            read => to.write_all(&buffer[..read])?,
        }
    }
}

fn inside(from: &TcpStream, to: &TcpStream, _: usize) -> io::Result<()> {
    let (read, write) = pipe()?;
    loop {
        let mut left = splice(from, None, &write, None, CHUNK, SpliceFlags::MOVE)?;
        if left == 0 {
            return to.shutdown(Shutdown::Write);
        }
        while left > 0 {
            left -= splice(&read, None, to, None, left, SpliceFlags::MOVE)?;
        }
    }
}
