//! The row of the start: from the command on an empty folder to the first 200. Also starts the server for a whole run.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::client::{Call, Connection, Target};
use crate::figures::Spread;

/// Longest wait for a first answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that was started for the measurement; it is killed when dropped.
#[derive(Debug)]
pub struct Started {
    child: Child,
    /// From the command to the first 200.
    pub took: Duration,
}

/// Starts a server on an empty folder, which stands for `{data}` in its arguments, and waits until it answers.
///
/// # Errors
/// When something listens already, or the server ends, or does not answer for a minute.
pub async fn start(target: &Target, command: &[String], data: &Path) -> Result<Started> {
    let taken = std::net::TcpStream::connect(target.address).is_ok();
    ensure!(!taken, "something listens on {} already", target.address);
    let _ = std::fs::remove_dir_all(data);
    std::fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    let mut words = command.iter().map(|word| word.replace("{data}", &data.to_string_lossy()));
    let program = words.next().context("no command to start the server with")?;
    let begun = Instant::now();
    let child = Command::new(&program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut started = Started { child, took: Duration::ZERO };
    let status = Call::new("GET", "/status", "", 200);
    while target.call(&mut Connection::default(), &status).await.is_err() {
        let ended = started.child.try_wait()?;
        ensure!(ended.is_none(), "{program} ended before it answered");
        ensure!(begun.elapsed() < PATIENCE, "{program} does not answer");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    started.took = begun.elapsed();
    Ok(started)
}

/// Times of several starts, each on an empty folder, ms.
///
/// # Errors
/// As [`start`].
pub async fn measure(
    target: &Target,
    command: &[String],
    data: &Path,
    times: usize,
) -> Result<Spread> {
    let mut taken = Vec::new();
    for _ in 0..times {
        taken.push(start(target, command, data).await?.took.as_secs_f64() * 1e3);
    }
    Ok(Spread::of(taken))
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
