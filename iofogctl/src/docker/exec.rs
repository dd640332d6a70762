//! Programs in containers, what containers say, and files out of them.

use std::io::Read as _;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, LogsOptionsBuilder, ResizeExecOptionsBuilder,
};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::{Engine, failure};
use crate::output::{Event, Size, Terminal};
use crate::text::{Error, Result};

/// Most output kept of one program.
const MAX_OUTPUT: usize = 32 << 20;
/// Largest file taken out of a container.
const MAX_FILE: u64 = 1 << 20;

/// What a program left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// What it printed, of both streams.
    pub text: String,
    /// Its status.
    pub status: i64,
}

// === impl Engine ===

impl Engine {
    /// Runs words in a container and keeps what they print.
    ///
    /// # Errors
    /// The container does not run, or there is no such program in it.
    pub fn run(&self, container: &str, words: &[&str]) -> Result<Output> {
        let mut text = Vec::new();
        let mut keep = |_: bool, piece: &[u8]| {
            if text.len() < MAX_OUTPUT {
                text.extend_from_slice(piece);
            }
        };
        let status = self.stream(container, words, &mut keep)?;
        Ok(Output { text: String::from_utf8_lossy(&text).into_owned(), status })
    }

    /// Runs words in a container that have to succeed.
    ///
    /// # Errors
    /// As [`Engine::run`], or they failed; the message has what they printed, and only the first `shown` of the words.
    pub fn run_checked(&self, container: &str, words: &[&str], shown: usize) -> Result<String> {
        let output = self.run(container, words)?;
        if output.status == 0 {
            return Ok(output.text);
        }
        let words = words.get(..shown).unwrap_or(words).join(" ");
        Err(Error::Plain(format!(
            "{words} in container {container} ended with status {}: {}",
            output.status,
            output.text.trim()
        )))
    }

    /// Runs words in a container and hands over what they print: whether it is of standard error, and the bytes. Gives
    /// their status.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn stream(
        &self,
        container: &str,
        words: &[&str],
        sink: &mut dyn FnMut(bool, &[u8]),
    ) -> Result<i64> {
        self.runtime.block_on(async {
            let options = CreateExecOptions {
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                cmd: Some(words.to_vec()),
                ..CreateExecOptions::default()
            };
            let exec = self.client.create_exec(container, options).await.map_err(failure)?.id;
            let started = self.client.start_exec(&exec, None).await.map_err(failure)?;
            let StartExecResults::Attached { mut output, .. } = started else {
                return Err(Error::internal("the engine did not attach to the program"));
            };
            while let Some(piece) = output.next().await {
                hand_over(piece.map_err(failure)?, sink);
            }
            self.status(&exec).await
        })
    }

    /// Runs words in a container with this program's terminal. Gives their status.
    ///
    /// # Errors
    /// As [`Engine::run`], or standard input is no terminal.
    pub fn terminal(
        &self,
        container: &str,
        words: &[&str],
        sink: &mut dyn FnMut(bool, &[u8]),
    ) -> Result<i64> {
        self.runtime.block_on(async {
            let kind = format!("TERM={}", Terminal::kind());
            let options = CreateExecOptions {
                attach_stdin: Some(true),
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                tty: Some(true),
                env: Some(vec![kind.as_str()]),
                cmd: Some(words.to_vec()),
                ..CreateExecOptions::default()
            };
            let exec = self.client.create_exec(container, options).await.map_err(failure)?.id;
            let mut terminal = Terminal::open()?;
            let options = StartExecOptions { tty: true, ..StartExecOptions::default() };
            let started = self.client.start_exec(&exec, Some(options)).await.map_err(failure)?;
            let StartExecResults::Attached { mut output, mut input } = started else {
                return Err(Error::internal("the engine did not attach to the program"));
            };
            self.resize(&exec, Terminal::size()).await;
            loop {
                tokio::select! {
                    piece = output.next() => match piece {
                        Some(piece) => hand_over(piece.map_err(failure)?, sink),
                        None => break,
                    },
                    event = terminal.next() => match event {
                        // A program that ends takes no keys any more; its output tells.
                        Event::Keys(keys) => {
                            let _ = input.write_all(&keys).await;
                            let _ = input.flush().await;
                        }
                        Event::Resized(size) => self.resize(&exec, size).await,
                        Event::Closed => { let _ = input.shutdown().await; }
                    },
                }
            }
            self.status(&exec).await
        })
    }

    /// Status that a program ended with.
    async fn status(&self, exec: &str) -> Result<i64> {
        let ended = self.client.inspect_exec(exec).await.map_err(failure)?;
        Ok(ended.exit_code.unwrap_or(-1))
    }

    /// Tells a program the size of its terminal; one that ended meanwhile needs none.
    async fn resize(&self, exec: &str, size: Size) {
        let (columns, rows) = (i32::from(size.columns), i32::from(size.rows));
        let options = ResizeExecOptionsBuilder::new().w(columns).h(rows).build();
        let _ = self.client.resize_exec(exec, options).await;
    }

    /// Hands over what a container has said, and on request what it goes on to say.
    ///
    /// # Errors
    /// There is no such container.
    pub fn logs(
        &self,
        container: &str,
        follow: bool,
        sink: &mut dyn FnMut(bool, &[u8]),
    ) -> Result<()> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow).build();
        self.runtime.block_on(async {
            let mut pieces = std::pin::pin!(self.client.logs(container, Some(options)));
            while let Some(piece) = pieces.next().await {
                hand_over(piece.map_err(failure)?, sink);
            }
            Ok(())
        })
    }

    /// The last lines that a container has said.
    ///
    /// # Errors
    /// There is no such container.
    pub fn last_words(&self, container: &str, lines: &str) -> Result<String> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(lines).build();
        self.runtime.block_on(async {
            let mut text = Vec::new();
            let mut pieces = std::pin::pin!(self.client.logs(container, Some(options)));
            while let Some(piece) = pieces.next().await {
                hand_over(piece.map_err(failure)?, &mut |_, piece| text.extend_from_slice(piece));
            }
            Ok(String::from_utf8_lossy(&text).into_owned())
        })
    }

    /// The content of a file in a container, running or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub fn read_file(&self, container: &str, path: &str) -> Result<Vec<u8>> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let archive = self.runtime.block_on(async {
            let mut archive = Vec::new();
            let mut pieces =
                std::pin::pin!(self.client.download_from_container(container, Some(options)));
            while let Some(piece) = pieces.next().await {
                archive.extend_from_slice(&piece.map_err(failure)?);
            }
            Ok::<_, Error>(archive)
        })?;
        let missing = || Error::NotFound(format!("{path} in container {container}"));
        let mut archive = tar::Archive::new(archive.as_slice());
        let entry = archive.entries().ok().and_then(|mut entries| entries.next());
        let entry = entry.and_then(std::result::Result::ok).ok_or_else(missing)?;
        let mut content = Vec::new();
        entry.take(MAX_FILE).read_to_end(&mut content).map_err(|_| missing())?;
        Ok(content)
    }
}

fn hand_over(piece: LogOutput, sink: &mut dyn FnMut(bool, &[u8])) {
    let error = matches!(piece, LogOutput::StdErr { .. });
    sink(error, &piece.into_bytes());
}
