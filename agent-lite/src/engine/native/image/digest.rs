//! SHA-256 digests as image documents write them: `sha256:` and 64 hex digits.

use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// Text that is no digest this program can check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("digest '{0}' is not sha256 and 64 hex digits")]
pub struct NoDigest(String);

/// Passes bytes through and hashes them.
pub struct Hashing<R> {
    inner: R,
    context: ring::digest::Context,
    count: u64,
}

// === impl Digest ===

impl Digest {
    /// The digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_ring(&ring::digest::digest(&ring::digest::SHA256, bytes))
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, NoDigest> {
        let refuse = || NoDigest(text.chars().take(100).collect());
        let hex = text.strip_prefix("sha256:").ok_or_else(refuse)?.as_bytes();
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return Err(refuse());
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks(2)) {
            let digit = |at: usize| match pair[at] {
                c @ b'0'..=b'9' => Some(c - b'0'),
                c @ b'a'..=b'f' => Some(c - b'a' + 10),
                _ => None,
            };
            *byte = digit(0).zip(digit(1)).map(|(h, l)| h << 4 | l).ok_or_else(refuse)?;
        }
        Ok(Self(bytes))
    }

    /// The hex digits alone.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Half of the hex digits: still far beyond accident, and many fit into the options of one mount.
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(32);
        hex
    }

    /// The first byte, for choices that should differ and stay.
    pub fn first_byte(&self) -> u8 {
        self.0[0]
    }

    fn from_ring(digest: &ring::digest::Digest) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Digest {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

// === impl Hashing ===

impl<R> Hashing<R> {
    /// Hashes what is read from `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, context: ring::digest::Context::new(&ring::digest::SHA256), count: 0 }
    }

    /// Notes bytes that came by another way.
    pub fn note(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
        self.count += bytes.len() as u64;
    }

    /// The digest and the number of bytes so far.
    pub fn finish(self) -> (Digest, u64) {
        (Digest::from_ring(&self.context.finish()), self.count)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.note(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_strictly_and_written_back() {
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), text);
        assert_eq!(Digest::parse(text).unwrap(), Digest::of(b""));
        for bad in [
            "",
            "sha256:",
            "md5:00",
            &text[..70],
            &text.replace('e', "E"),
            &text.replace("b8", "é"),
        ] {
            assert!(Digest::parse(bad).is_err(), "{bad}");
        }
    }
}
