//! A relay that copies between sockets inside the kernel.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::spawn;

use rustix::pipe::{SpliceFlags, pipe, splice};

/// Bytes moved at once.
const CHUNK: usize = 64 * 1024;

/// Runs for ever.
pub(crate) fn run(listen: &str, target: &str) {
    let listener = TcpListener::bind(format!("127.0.0.1:{listen}")).unwrap();
    for client in listener.incoming().flatten() {
        let Ok(server) = TcpStream::connect(format!("127.0.0.1:{target}")) else { continue };
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        spawn(move || copy(&client, &server));
        spawn(move || copy(&server_too, &client_too));
    }
}

fn copy(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
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
