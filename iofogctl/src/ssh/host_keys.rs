//! Which host keys are trusted: those of `~/.ssh/known_hosts`. A host seen for the first time is
//! recorded there; a host whose key is not the recorded one is refused.

use std::path::PathBuf;

use russh::keys::PublicKey;
use russh::keys::known_hosts::{known_host_keys_path, learn_known_hosts_path};
use russh::keys::ssh_key::Algorithm;

/// What is known of one host.
#[derive(Debug, Clone)]
pub(super) struct HostKeys {
    host: String,
    port: u16,
    file: PathBuf,
    known: Vec<(usize, PublicKey)>,
}

/// Outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Recorded before, or now.
    Trusted,
    /// Another key is recorded.
    Refused(String),
}

impl HostKeys {
    /// Reads what is recorded; a file that cannot be read records nothing.
    pub(super) fn load(host: &str, port: u16, file: PathBuf) -> Self {
        let known = known_host_keys_path(host, port, &file).unwrap_or_default();
        Self { host: host.to_owned(), port, file, known }
    }

    /// The file in the user's home directory.
    pub(super) fn user_file() -> PathBuf {
        std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default().join(".ssh/known_hosts")
    }

    /// Algorithms of the recorded keys: the server is asked for these first, so that it shows a key
    /// that can be compared.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        self.known.iter().map(|(_, key)| key.algorithm()).collect()
    }

    /// Decides on the key a server shows. With any key recorded, a new one is refused even when it
    /// is of another algorithm: else a false host could just offer that.
    pub(super) fn check(&self, shown: &PublicKey) -> Verdict {
        if self.known.iter().any(|(_, key)| key.key_data() == shown.key_data()) {
            return Verdict::Trusted;
        }
        if let Some((line, _)) = self.known.first() {
            return Verdict::Refused(format!(
                "the host key of {}:{} is not the one in {} line {line}. If the host was installed anew, remove that line",
                self.host,
                self.port,
                self.file.display()
            ));
        }
        match learn_known_hosts_path(&self.host, self.port, shown, &self.file) {
            Ok(()) => Verdict::Trusted,
            Err(error) => Verdict::Refused(format!(
                "cannot record the host key in {}: {error}",
                self.file.display()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    const OTHER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    #[test]
    fn host_key_first_use_is_recorded_then_compared() {
        let file = std::env::temp_dir().join(format!("iofogctl-known-{}", std::process::id()));
        let _ = std::fs::remove_file(&file);
        let (one, other) =
            (PublicKey::from_openssh(ONE).unwrap(), PublicKey::from_openssh(OTHER).unwrap());
        let load = || HostKeys::load("gate", 2222, file.clone());
        assert!(load().algorithms().is_empty());
        assert_eq!(load().check(&one), Verdict::Trusted);
        assert_eq!(load().algorithms(), [Algorithm::Ed25519]);
        assert_eq!(load().check(&one), Verdict::Trusted);
        assert!(
            matches!(load().check(&other), Verdict::Refused(text) if text.contains("gate:2222"))
        );
        std::fs::remove_file(file).unwrap();
    }
}
