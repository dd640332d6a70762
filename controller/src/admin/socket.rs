//! The socket in the Controller's folder: one order as a line of JSON in, one answer out. Who may use it is said by the rights of the
//! file; the embedded database has one process that works on it, and this is the way to that one.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use iofog_api::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use super::{Order, execute};
use crate::app::App;
use crate::stop::Stop;

/// Longest order or answer.
const LONGEST: u64 = 64 * 1024 * 1024;
/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer as it crosses the socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Done(Value),
    Refused(String),
}

/// Where it is.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("controller.sock")
}

/// Takes the socket's place; one that an ended process left is removed. The caller holds the folder's lock.
///
/// # Errors
/// When the folder refuses.
pub fn listen(data_dir: &Path) -> io::Result<UnixListener> {
    let (path, own) = (path(data_dir), data_dir.join("controller.sock.new"));
    for old in [&path, &own] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // Nobody finds it before its rights are set.
    let listener = UnixListener::bind(&own)?;
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&own, &path)?;
    Ok(listener)
}

/// Carries orders out until `stop`.
pub async fn serve(app: Arc<App>, listener: UnixListener, mut stop: Stop) {
    loop {
        let stream = tokio::select! {
            () = stop.wait() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log::warn!("the socket of the command line: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (app, stop) = (Arc::clone(&app), stop.clone());
        tokio::spawn(async move {
            let mut ending = stop.clone();
            let answering = tokio::time::timeout(PATIENCE, answer(&app, stream, &stop));
            tokio::select! {
                // `stop` itself is answered before it is given.
                result = answering => if let Ok(Err(error)) = result {
                    log::warn!("an order of the command line: {error}");
                },
                () = ending.wait() => {}
            }
        });
    }
}

async fn answer(app: &Arc<App>, stream: tokio::net::UnixStream, stop: &Stop) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    if tokio::io::BufReader::new(reading.take(LONGEST)).read_line(&mut line).await? == 0 {
        // Somebody only looked whether a Controller is here, and takes no answer.
        return Ok(());
    }
    let result = match serde_json::from_str::<Order>(&line) {
        Ok(order) => {
            log::info!("order {}", order.what);
            execute(app, order, stop).await
        }
        Err(error) => Err(ApiError::validation(format!("no order: {error}"))),
    };
    let mut text = serde_json::to_string(&match result {
        Ok(value) => Answer::Done(value),
        Err(error) => Answer::Refused(error.message),
    })?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

/// A connection to the Controller that works on a folder; none when there is none.
#[must_use]
pub fn connect(data_dir: &Path) -> Option<UnixStream> {
    UnixStream::connect(path(data_dir)).ok()
}

/// Sends an order and waits for its answer.
///
/// # Errors
/// With the Controller's message, or when it went away.
pub fn send(mut stream: &UnixStream, order: &Order) -> Result<Value, anyhow::Error> {
    let mut text = serde_json::to_string(order)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    match serde_json::from_str(&line)? {
        Answer::Done(value) => Ok(value),
        Answer::Refused(message) => Err(anyhow::Error::msg(message)),
    }
}
