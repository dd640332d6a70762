//! Output of a container, line by line, in Docker's `json-file` form, so that collectors find what they know.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use iofog_log_sink::{RotatingFile, format_utc};
use serde_json::json;
use tokio::net::unix::pipe;

use crate::clock::Clock;

/// Size of one file (agent contract 6).
const FILE_BYTES: u64 = 2_000_000;
/// A longer line is cut into pieces, as Docker does.
const LONGEST: usize = 16 << 10;

/// The open files.
#[derive(Clone)]
pub(super) struct Logs {
    file: Rc<RefCell<RotatingFile>>,
}

/// A line that is not complete yet.
struct Partial {
    stream: &'static str,
    bytes: Vec<u8>,
}

// === impl Logs ===

impl Logs {
    pub(super) fn open(container: &Path, files: u32) -> io::Result<Self> {
        let file = RotatingFile::open(&container.join("log"), "json", FILE_BYTES, files.max(1))?;
        Ok(Self { file: Rc::new(RefCell::new(file)) })
    }

    /// Reads both pipes for ever. They are held open from this side: no end of the container's breaks them.
    pub(super) async fn follow(self, out: PathBuf, err: PathBuf) {
        tokio::join!(self.pump("stdout", &out), self.pump("stderr", &err));
    }

    async fn pump(&self, stream: &'static str, path: &Path) {
        let Ok(pipe) = pipe::OpenOptions::new().read_write(true).open_receiver(path) else {
            return;
        };
        let mut partial = Partial { stream, bytes: Vec::new() };
        let mut buffer = vec![0; 4096];
        while pipe.readable().await.is_ok() {
            match pipe.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => partial.take(&buffer[..count], |line| self.write(line)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    /// A full disk loses lines, never the container.
    fn write(&self, line: &[u8]) {
        let _ = self.file.borrow_mut().write_line(line);
    }
}

// === impl Partial ===

impl Partial {
    fn take(&mut self, bytes: &[u8], mut write: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LONGEST) {
                self.bytes.extend_from_slice(part);
                if self.bytes.ends_with(b"\n") || self.bytes.len() >= LONGEST {
                    write(&self.line());
                    self.bytes.clear();
                }
            }
        }
    }

    fn line(&self) -> Vec<u8> {
        let time = format_utc(Clock::new().epoch().0);
        let log = String::from_utf8_lossy(&self.bytes);
        let mut line =
            json!({"log": log, "stream": self.stream, "time": time}).to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_cut() {
        let mut partial = Partial { stream: "stdout", bytes: Vec::new() };
        let mut lines: Vec<serde_json::Value> = Vec::new();
        for bytes in [&b"on"[..], b"e\ntwo\nthr", b"ee", &[b'x'; 20_000], b"\n"] {
            partial.take(bytes, |line| lines.push(serde_json::from_slice(line).unwrap()));
        }
        let logs: Vec<&str> = lines.iter().map(|line| line["log"].as_str().unwrap()).collect();
        assert_eq!(logs[..2], ["one\n", "two\n"]);
        assert!(logs[2].starts_with("threex") && logs[2].len() >= LONGEST);
        assert_eq!(logs.concat().len(), 4 + 4 + 5 + 20_000 + 1);
        assert_eq!(lines[0]["stream"], "stdout");
    }
}
