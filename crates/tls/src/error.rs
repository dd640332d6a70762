//! What can be wrong with certificates, keys and trust anchors.

use std::io;
use std::path::PathBuf;

/// Why a TLS configuration cannot be made. The text names the file where there is one, never key material.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bytes are no PEM, or a section in them is broken.
    #[error("{what} is not valid PEM: {detail}")]
    Pem {
        /// What was expected in them.
        what: &'static str,
        /// What the parser said.
        detail: String,
    },
    /// PEM without the section that is needed.
    #[error("{0} holds none")]
    Missing(&'static str),
    /// A private key with a password on it.
    #[error("private key is encrypted: it has to be stored without a password")]
    Encrypted,
    /// Key and certificate do not fit, or the library refuses them.
    #[error("certificate or key is refused: {0}")]
    Refused(#[from] rustls::Error),
    /// Trust anchors that no verifier can be made from.
    #[error("trust anchors are refused: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// A certificate cannot be made.
    #[cfg(feature = "generate")]
    #[error("cannot make a certificate: {0}")]
    Generate(#[from] rcgen::Error),
}

impl TlsError {
    pub(crate) fn pem(what: &'static str, error: &impl std::fmt::Debug) -> Self {
        Self::Pem { what, detail: format!("{error:?}") }
    }
}
