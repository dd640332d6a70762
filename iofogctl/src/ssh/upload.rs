//! Copies a file to a device with nothing but `sh`, `cat` and `wc` over there. What a
//! broken connection left is continued, what is there already is not sent again.

use super::{Session, fingerprint};
use crate::text::{Error, Result};

/// Bytes per command: small enough that a broken connection costs little.
const CHUNK: usize = 1 << 20;

impl Session {
    /// Puts content at a path with a mode; tells whether anything had to be sent.
    ///
    /// # Errors
    /// The connection broke, or the device refuses (no room, no permission).
    pub fn upload(&self, content: &[u8], path: &str, mode: &str) -> Result<bool> {
        let size = content.len();
        if self.holds(path, content)? {
            self.run(&format!("chmod {mode} {path}"))?.checked()?;
            return Ok(false);
        }
        // The part's name holds the checksum: only the same content continues it.
        let sum = fingerprint::sha256(content);
        let part = format!("{path}.{}.part", sum.get(..16).unwrap_or_default());
        let mut sent = self.part_size(&part)?;
        if sent > size {
            self.run(&format!("rm -f {part}"))?.checked()?;
            sent = 0;
        }
        while let Some(rest) = content.get(sent..).filter(|rest| !rest.is_empty()) {
            let chunk = rest.get(..CHUNK).unwrap_or(rest);
            self.run_with_input(&format!("cat >> {part}"), chunk)?.checked()?;
            sent += chunk.len();
        }
        if !self.holds(&part, content)? {
            self.run(&format!("rm -f {part}"))?.checked()?;
            return Err(Error::Plain(format!(
                "the copy of {path} arrived damaged; run the command again"
            )));
        }
        self.run(&format!("chmod {mode} {part} && mv -f {part} {path}"))?.checked()?;
        Ok(true)
    }

    /// Whether a file on the device has this content.
    ///
    /// # Errors
    /// The connection broke.
    pub fn holds(&self, path: &str, content: &[u8]) -> Result<bool> {
        let answer = self.run(&fingerprint::command(path))?.checked()?;
        Ok(fingerprint::matches(&answer, content))
    }

    fn part_size(&self, part: &str) -> Result<usize> {
        let output = self.run(&format!("test -f {part} && wc -c < {part} || echo 0"))?.checked()?;
        output
            .trim()
            .parse()
            .map_err(|_| Error::Plain(format!("the device gives no size of {part}: {output}")))
    }
}
