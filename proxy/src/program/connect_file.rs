//! `connect.json`: how to reach a messaging server (proxy.md section 1.2).

use std::path::PathBuf;

use iofog_amqp_client::Sasl;
use serde::Deserialize;

/// The parts of the file that count.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConnectFile {
    scheme: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<Secret>,
    tls: Option<TlsFiles>,
}

/// Files for `amqps`. With a certificate and no user, the certificate says who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TlsFiles {
    /// Our private key, PEM.
    pub(crate) key: Option<PathBuf>,
    /// Our certificate, PEM.
    pub(crate) cert: Option<PathBuf>,
    /// Whom we believe, PEM; absent: the system's authorities.
    pub(crate) ca: Option<PathBuf>,
    /// `false`: the router's certificate may be made for another name. It must be signed all the same.
    pub(crate) verify: Option<bool>,
}

/// A text that is never shown.
#[derive(Clone, Default, Deserialize)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFileError {
    /// It cannot be read.
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// It is not JSON of the expected shape.
    #[error("{} is not valid", .0.display())]
    Parse(PathBuf, #[source] serde_json::Error),
    /// The scheme is not known.
    #[error("{}: scheme `{}` is not supported, only amqp and amqps are", .0.display(), .1)]
    Scheme(PathBuf, String),
    /// One of the two is missing.
    #[error("{}: tls.cert and tls.key are needed together", .0.display())]
    Half(PathBuf),
}

// === impl ConnectFile ===

impl ConnectFile {
    /// Where to look, in order: a named file must exist, of the others the first that does counts.
    pub(crate) fn candidates(named: Option<&str>, home: Option<&str>) -> Vec<PathBuf> {
        if let Some(named) = named.filter(|name| !name.is_empty()) {
            return vec![PathBuf::from(named)];
        }
        let mut paths = vec![PathBuf::from("connect.json")];
        paths.extend(home.map(|home| PathBuf::from(home).join(".config/messaging/connect.json")));
        paths.push(PathBuf::from("/etc/messaging/connect.json"));
        paths
    }

    /// Reads the first file that exists.
    pub(crate) fn find(
        named: Option<&str>,
        home: Option<&str>,
    ) -> Result<Option<Self>, ConnectFileError> {
        let must_exist = named.is_some_and(|name| !name.is_empty());
        for path in Self::candidates(named, home) {
            match std::fs::read_to_string(&path) {
                Ok(text) => return Self::parse(path, &text).map(Some),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {}
                Err(error) => return Err(ConnectFileError::Read(path, error)),
            }
        }
        Ok(None)
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self, ConnectFileError> {
        let file: Self = match serde_json::from_str(text) {
            Ok(file) => file,
            Err(error) => return Err(ConnectFileError::Parse(path, error)),
        };
        if file.tls.as_ref().is_some_and(|tls| tls.cert.is_some() != tls.key.is_some()) {
            return Err(ConnectFileError::Half(path));
        }
        match file.scheme.as_deref() {
            None | Some("" | "amqp" | "amqps") => Ok(file),
            Some(other) => Err(ConnectFileError::Scheme(path, other.to_owned())),
        }
    }

    /// The host; `localhost` when none is named.
    pub(crate) fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("localhost")
    }

    /// The port; when none is named, the usual one of the scheme.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_tls() { 5671 } else { 5672 })
    }

    /// Files for TLS; none for plain AMQP.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        self.is_tls().then(|| self.tls.clone().unwrap_or_default())
    }

    fn is_tls(&self) -> bool {
        self.scheme.as_deref() == Some("amqps")
    }

    /// Without a user there is no SASL layer, as in the reference.
    pub(crate) fn sasl(&self) -> Sasl {
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => {
                Sasl::Plain { username: user.clone(), password: password.0.clone() }
            }
            (Some(_), None) => Sasl::Anonymous,
            (None, _) if self.tls().is_some_and(|tls| tls.cert.is_some()) => Sasl::External,
            (None, _) => Sasl::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConnectFile, ConnectFileError> {
        ConnectFile::parse(PathBuf::from("connect.json"), text)
    }

    #[test]
    fn connect_file_values_and_defaults() {
        let file = parse(r#"{"scheme":"amqp","host":"h","port":99,"user":"u","password":"p"}"#);
        let file = file.unwrap();
        assert_eq!((file.host(), file.port()), ("h", 99));
        assert!(matches!(file.sasl(), Sasl::Plain { .. }));
        assert!(!format!("{file:?}").contains("\"p\""));
        let empty = parse("{}").unwrap();
        assert_eq!((empty.host(), empty.port()), ("localhost", 5672));
        assert!(matches!(empty.sasl(), Sasl::None));
    }

    #[test]
    fn connect_file_is_never_used_half() {
        assert!(matches!(parse(r#"{"scheme":"wss"}"#), Err(ConnectFileError::Scheme(..))));
        let half = parse(r#"{"scheme":"amqps","tls":{"cert":"c"}}"#);
        assert!(matches!(half, Err(ConnectFileError::Half(..))));
        assert!(matches!(parse(r#"{"port":"x"}"#), Err(ConnectFileError::Parse(..))));
        let missing = ConnectFile::find(Some("/nonexistent/connect.json"), None);
        assert!(matches!(missing, Err(ConnectFileError::Read(..))));
    }

    #[test]
    fn connect_file_tls() {
        let text = r#"{"scheme":"amqps","host":"h","tls":{"cert":"c","key":"k","ca":"a"}}"#;
        let file = parse(text).unwrap();
        assert_eq!(file.port(), 5671);
        assert!(matches!(file.sasl(), Sasl::External));
        assert_eq!(file.tls().unwrap().ca, Some(PathBuf::from("a")));
        let named = parse(r#"{"scheme":"amqps","user":"u","password":"p"}"#).unwrap();
        assert!(matches!(named.sasl(), Sasl::Plain { .. }));
        assert_eq!(parse(r#"{"tls":{"ca":"a"}}"#).unwrap().tls(), None);
    }

    #[test]
    fn connect_file_places() {
        assert_eq!(ConnectFile::candidates(Some("/a"), Some("/h")), [PathBuf::from("/a")]);
        let paths = ConnectFile::candidates(None, Some("/h"));
        assert_eq!(paths[1], PathBuf::from("/h/.config/messaging/connect.json"));
        assert_eq!(paths.len(), 3);
    }
}
