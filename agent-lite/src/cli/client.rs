//! The client side: plain blocking I/O, no runtime.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::socket::SocketPath;
use crate::commandline::CommandReply;

/// Largest answer taken from a daemon.
const ANSWER_LIMIT: u64 = 1024 * 1024;

/// Sends one command line and waits for the answer.
///
/// # Errors
/// When no daemon listens on `socket`, or it ends during the call.
pub fn send(socket: &Path, line: &str) -> io::Result<CommandReply> {
    let mut stream = UnixStream::connect(&SocketPath::new(socket)?.path)?;
    stream.write_all(line.replace('\n', " ").as_bytes())?;
    stream.write_all(b"\n")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.take(ANSWER_LIMIT).read_to_string(&mut answer)?;
    let (verdict, text) = answer.split_once('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(CommandReply { text: text.to_owned(), succeeded: verdict == "0" })
}
