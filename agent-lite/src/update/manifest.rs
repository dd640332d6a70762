//! The signed list of programs of one version, and its check (decision 0051).
//!
//! Three lines: `iofog-update 1`, the Ed25519 signature in hex, then JSON. Signed are the first line and the JSON,
//! each with its line feed, so that a signature is good for nothing else.

use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::record::{Digest, Version};

const TITLE: &str = "iofog-update 1";
/// Longest manifest that is read.
pub const MAX_BYTES: usize = 16 * 1024;
/// Largest program that is fetched.
pub const MAX_PROGRAM: u32 = 64 * 1024 * 1024;
const MAX_ARTEFACTS: usize = 64;

/// Programs of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Counts up with each release; a device never goes to a lower one by itself.
    pub version: Version,
    /// The release's name, for people.
    pub name: String,
    /// One per target.
    pub artefacts: Vec<Artefact>,
}

/// A program for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artefact {
    /// Target by its short name, such as `mipsel`.
    pub target: String,
    /// File beside the manifest.
    pub file: String,
    /// Size.
    pub bytes: u32,
    /// Digest of the file.
    pub sha256: Digest,
}

/// Why a manifest is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Longer than [`MAX_BYTES`].
    #[error("manifest: longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Not three lines with the right title.
    #[error("manifest: expected the lines '{TITLE}', signature, content")]
    Shape,
    /// No known key signed it.
    #[error("manifest: signature is of none of the configured keys")]
    Signature,
    /// Signed, but the content is not of the expected form.
    #[error("manifest: content is malformed")]
    Content,
    /// A file name that leads elsewhere, or a size out of bounds.
    #[error("manifest: artefact has a file name or size that is not allowed")]
    Artefact,
    /// Nothing for this device.
    #[error("manifest: no program for this target")]
    Target,
}

impl Manifest {
    /// Checks the signature against `keys` (any one will do), then reads the content.
    ///
    /// # Errors
    /// When it is not signed, malformed, or out of bounds; nothing of an unsigned content is looked at.
    pub fn verify(text: &[u8], keys: &[[u8; 32]]) -> Result<Self, ManifestError> {
        if text.len() > MAX_BYTES {
            return Err(ManifestError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| ManifestError::Shape)?;
        let mut lines = text.splitn(3, '\n');
        let (Some(TITLE), Some(signature), Some(content)) =
            (lines.next(), lines.next(), lines.next())
        else {
            return Err(ManifestError::Shape);
        };
        let signature = unhex::<64>(signature).ok_or(ManifestError::Shape)?;
        let content = content.strip_suffix('\n').unwrap_or(content);
        let signed = signed_part(content);
        let known = keys.iter().any(|key| {
            UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &signature).is_ok()
        });
        if !known {
            return Err(ManifestError::Signature);
        }
        let manifest: Self =
            serde_json::from_slice(content.as_bytes()).map_err(|_| ManifestError::Content)?;
        let allowed = manifest.artefacts.len() <= MAX_ARTEFACTS
            && manifest.artefacts.iter().all(Artefact::is_allowed);
        if allowed { Ok(manifest) } else { Err(ManifestError::Artefact) }
    }

    /// The program for `target`.
    ///
    /// # Errors
    /// When there is none.
    pub fn artefact(&self, target: &str) -> Result<&Artefact, ManifestError> {
        self.artefacts.iter().find(|one| one.target == target).ok_or(ManifestError::Target)
    }

    /// The text of a manifest; `sign` gives the signature of the bytes it gets.
    ///
    /// # Errors
    /// When the content cannot be written as JSON.
    pub fn sign(&self, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Result<String, ManifestError> {
        let content = serde_json::to_string(self).map_err(|_| ManifestError::Content)?;
        let signature = hex(&sign(signed_part(&content).as_bytes()));
        Ok(format!("{TITLE}\n{signature}\n{content}\n"))
    }
}

impl Artefact {
    fn is_allowed(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !self.file.is_empty()
            && self.file.len() <= 100
            && !self.file.starts_with('.')
            && self.file.bytes().all(plain)
            && self.bytes > 0
            && self.bytes <= MAX_PROGRAM
    }
}

fn signed_part(content: &str) -> String {
    format!("{TITLE}\n{content}\n")
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Exactly `N` bytes in hex.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.trim().as_bytes();
    if text.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    fn key(pair: &Ed25519KeyPair) -> [u8; 32] {
        pair.public_key().as_ref().try_into().unwrap()
    }

    fn manifest(file: &str) -> Manifest {
        Manifest {
            version: Version(3),
            name: "0.3.0".into(),
            artefacts: vec![Artefact {
                target: "mipsel".into(),
                file: file.into(),
                bytes: 10,
                sha256: Digest([7; 32]),
            }],
        }
    }

    fn signed(manifest: &Manifest, pair: &Ed25519KeyPair) -> String {
        manifest.sign(|bytes| pair.sign(bytes).as_ref().try_into().unwrap()).unwrap()
    }

    #[test]
    fn only_a_known_key_counts_and_any_changed_byte_is_refused() {
        let (own, other) = (pair(1), pair(2));
        let text = signed(&manifest("iofog-agent-mipsel"), &own);
        let read = Manifest::verify(text.as_bytes(), &[key(&other), key(&own)]).unwrap();
        assert_eq!(read, manifest("iofog-agent-mipsel"));
        assert_eq!(read.artefact("armv7"), Err(ManifestError::Target));
        let refused = Manifest::verify(text.as_bytes(), &[key(&other)]);
        assert_eq!(refused, Err(ManifestError::Signature));
        assert_eq!(Manifest::verify(text.as_bytes(), &[]), Err(ManifestError::Signature));
        for at in 0..text.len() - 1 {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert!(Manifest::verify(&changed, &[key(&own)]).is_err(), "byte {at}");
            assert!(Manifest::verify(&text.as_bytes()[..at], &[key(&own)]).is_err(), "cut {at}");
        }
    }

    #[test]
    fn file_names_lead_nowhere_else() {
        let own = pair(1);
        for bad in ["../agent", "/bin/sh", "", ".hidden", "a b", "a\u{e4}"] {
            let text = signed(&manifest(bad), &own);
            let refused = Manifest::verify(text.as_bytes(), &[key(&own)]);
            assert_eq!(refused, Err(ManifestError::Artefact), "{bad}");
        }
        assert_eq!(
            Manifest::verify(&vec![b'x'; MAX_BYTES + 1], &[key(&own)]),
            Err(ManifestError::TooLong)
        );
    }
}
