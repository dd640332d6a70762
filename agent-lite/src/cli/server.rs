//! The daemon's side of the command line.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::socket::SocketPath;
use crate::commandline::Administration;

const LINE_LIMIT: u64 = 4096;
const LINE_TIME: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 8;

/// Answers command lines on `socket` until dropped. The lock of the daemon must be held: a socket file that is
/// there belongs to a dead one.
///
/// # Errors
/// When the socket cannot be made.
pub async fn serve(socket: &Path, administration: Rc<dyn Administration>) -> io::Result<()> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&SocketPath::new(socket)?.path)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660))?;
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close some.
                log::warn!(target: "cli", "accept failed: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let administration = administration.clone();
        iofog_task::spawn(async move {
            if let Err(error) = answer(stream, &*administration).await {
                log::debug!(target: "cli", "client went away: {error}");
            }
            drop(slot);
        });
    }
}

async fn answer(mut stream: UnixStream, administration: &dyn Administration) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE_LIMIT));
    timeout(LINE_TIME, reader.read_line(&mut line))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)??;
    let reply = administration.command(line.trim_end_matches('\n')).await;
    let verdict = if reply.succeeded { "0\n" } else { "1\n" };
    writer.write_all(verdict.as_bytes()).await?;
    writer.write_all(reply.text.as_bytes()).await?;
    writer.shutdown().await
}
