//! The boot record: which program runs, which is on trial, which failed. Checksummed text, replaced as a whole.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::manifest::{hex, unhex};

const TITLE: &str = "iofog-boot 1";
/// Failed versions that are remembered.
const MAX_FAILED: usize = 16;

/// Number of a release; counts up.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u32);

/// SHA-256, in hex on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

/// One of the two places beside the installed program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// First.
    A,
    /// Second.
    B,
}

/// A program that can be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// The installed one.
    #[default]
    Factory,
    /// The one in a slot.
    Slot(Slot),
}

/// What lies in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Release.
    pub version: Version,
    /// Size of the file.
    pub bytes: u32,
    /// Digest of the file.
    pub sha256: Digest,
}

/// A program that has to prove itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Which.
    pub program: Program,
    /// How often it was started.
    pub starts: u8,
    /// The node had an identity, so the Controller must be reached.
    pub provisioned: bool,
    /// Microservices that ran before and must run again.
    pub running: Vec<String>,
}

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Highest release that proved itself; nothing lower is taken from a manifest.
    pub floor: Version,
    /// First slot.
    pub a: Option<Installed>,
    /// Second slot.
    pub b: Option<Installed>,
    /// What runs when nothing is on trial.
    pub confirmed: Program,
    /// What ran before it; `rollback` goes there.
    pub previous: Option<Program>,
    /// What is on trial.
    pub trial: Option<Trial>,
    /// Releases that failed or were rolled back, oldest first.
    pub failed: Vec<Version>,
}

impl Record {
    /// What lies in `slot`.
    pub fn slot(&self, slot: Slot) -> Option<Installed> {
        match slot {
            Slot::A => self.a,
            Slot::B => self.b,
        }
    }

    pub(super) fn set_slot(&mut self, slot: Slot, installed: Option<Installed>) {
        match slot {
            Slot::A => self.a = installed,
            Slot::B => self.b = installed,
        }
    }

    pub(super) fn remember_failed(&mut self, version: Version) {
        self.failed.retain(|known| *known != version);
        self.failed.push(version);
        if self.failed.len() > MAX_FAILED {
            self.failed.remove(0);
        }
    }

    /// The file's content.
    pub fn encode(&self) -> String {
        // Plain data: there is nothing that JSON could not hold.
        let body = serde_json::to_string(self).unwrap_or_default();
        format!("{TITLE} {}\n{body}\n", hex(checksum(&body).as_ref()))
    }

    /// Reads a file's content; `None` for anything that was not written whole by [`Record::encode`].
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once('\n')?;
        let body = body.strip_suffix('\n')?;
        let sum: [u8; 32] = unhex(head.strip_prefix(TITLE)?)?;
        (checksum(body).as_ref() == sum).then(|| serde_json::from_slice(body.as_bytes()).ok())?
    }
}

fn checksum(body: &str) -> ring::digest::Digest {
    ring::digest::digest(&ring::digest::SHA256, body.as_bytes())
}

impl Slot {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its file below the folder of self-update. Processes are found by the program's name, so all slots keep it.
    pub fn file(self) -> &'static str {
        match self {
            Self::A => "a/iofog-agent",
            Self::B => "b/iofog-agent",
        }
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes =
            unhex(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hex digits"))?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_record_is_no_record() {
        let record = Record {
            floor: Version(4),
            a: Some(Installed { version: Version(4), bytes: 9, sha256: Digest([1; 32]) }),
            confirmed: Program::Slot(Slot::A),
            failed: vec![Version(3)],
            ..Record::default()
        };
        let text = record.encode();
        assert_eq!(Record::decode(text.as_bytes()), Some(record));
        for at in 0..text.len() {
            assert_eq!(Record::decode(&text.as_bytes()[..at]), None, "cut at {at}");
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 4;
            assert_eq!(Record::decode(&changed), None, "changed at {at}");
        }
    }

    #[test]
    fn failures_are_bounded_and_the_newest_stay() {
        let mut record = Record::default();
        for number in 0..40 {
            record.remember_failed(Version(number));
        }
        assert_eq!((record.failed.len(), record.failed.last()), (16, Some(&Version(39))));
    }
}
