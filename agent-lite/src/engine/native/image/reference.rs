//! Image references: which registry, which repository, which tag or digest. Same rules as Docker's.

use std::fmt;

use super::digest::{Digest, NoDigest};

/// A parsed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host, with a port where one is given; `docker.io` when the text names none.
    pub registry: String,
    /// Path of the repository.
    pub repository: String,
    /// Tag; `latest` when neither tag nor digest is given.
    pub tag: Option<String>,
    /// Digest of the manifest.
    pub digest: Option<Digest>,
}

/// A reference that breaks the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// Empty, too long or with characters that no repository has.
    #[error("image name '{0}' is not valid")]
    Name(String),
    /// Not sha256.
    #[error(transparent)]
    Digest(#[from] NoDigest),
}

/// The registry meant by a name without a host.
pub(super) const DEFAULT_REGISTRY: &str = "docker.io";
const MAX_LENGTH: usize = 512;

// === impl Reference ===

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    /// When a part has characters that may not occur there.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let refuse = || BadReference::Name(text.chars().take(100).collect());
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        let last_part = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name[last_part..].find(':') {
            Some(at) => (&name[..last_part + at], Some(&name[last_part + at + 1..])),
            None => (name, None),
        };
        let tag_is_fine =
            tag.is_none_or(|tag| !tag.is_empty() && tag.len() <= 128 && tag.bytes().all(is_tag));
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ => (DEFAULT_REGISTRY, name),
        };
        let parts_are_fine = path.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_part)
        });
        if !tag_is_fine || !parts_are_fine || text.len() > MAX_LENGTH {
            return Err(refuse());
        }
        let registry = match registry {
            "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => {
                DEFAULT_REGISTRY
            }
            other => other,
        };
        let official = registry == DEFAULT_REGISTRY && !path.contains('/');
        let repository = if official { format!("library/{path}") } else { path.to_owned() };
        let tag = match (tag, digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { registry: registry.to_owned(), repository, tag, digest })
    }

    /// The last part of manifest addresses: the digest where there is one.
    pub fn version(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Reference {
    /// The full form, equal for equal images.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        match (&self.digest, &self.tag) {
            (Some(digest), _) => write!(f, "@{digest}"),
            (None, Some(tag)) => write!(f, ":{tag}"),
            (None, None) => Ok(()),
        }
    }
}

/// A first part with a dot or a port, or `localhost`, is a host.
fn is_host(part: &str) -> bool {
    let begins = part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    let shape = begins && part.contains(['.', ':']) || part == "localhost";
    shape && part.bytes().all(|c| c.is_ascii_alphanumeric() || b".:-[]".contains(&c))
}

fn is_tag(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"_.-".contains(&c)
}

fn is_part(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || b"_.-".contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_completed_as_docker_does() {
        for (text, full) in [
            ("app", "docker.io/library/app:latest"),
            ("iofog/router:3", "docker.io/iofog/router:3"),
            ("localhost/app", "localhost/app:latest"),
            ("host:5000/a/app:1", "host:5000/a/app:1"),
            ("registry.hub.docker.com/library/x:2", "docker.io/library/x:2"),
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), full, "{text}");
        }
        let digest = format!("h.example/app:1@{}", Digest::of(b"x"));
        let parsed = Reference::parse(&digest).unwrap();
        assert_eq!(
            (parsed.tag.as_deref(), parsed.version()),
            (Some("1"), Digest::of(b"x").to_string())
        );
    }

    #[test]
    fn odd_references_are_refused() {
        for text in [
            "",
            "/",
            "a//b",
            "App",
            "../x",
            "a:",
            "a b",
            "a@sha512:00",
            "a:é",
            "h.x/",
            &"a".repeat(600),
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
