//! Which authorities a side believes.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;

use crate::TlsError;
use crate::identity::{certificates, read};

/// Where distributions keep the certificates of public authorities; the first that exists is used.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// Trust anchors.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(crate) roots: Arc<RootCertStore>,
}

impl Trust {
    /// Exactly the certificates of a PEM text; a self-signed server certificate may stand for itself.
    ///
    /// # Errors
    /// When the text is malformed, empty, or holds a certificate that cannot be an anchor.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem, "trust anchor file")? {
            roots.add(certificate)?;
        }
        Ok(Self { roots: Arc::new(roots) })
    }

    /// The same from a file.
    ///
    /// # Errors
    /// When it cannot be read, or as [`Trust::from_pem`].
    pub fn from_file(path: &Path) -> Result<Self, TlsError> {
        Self::from_pem(&read(path)?)
    }

    /// What both believe.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut roots = RootCertStore::clone(&self.roots);
        roots.extend(other.roots.roots.iter().cloned());
        Self { roots: Arc::new(roots) }
    }

    /// The machine's own list. Certificates in it that cannot be read are passed over, as every
    /// program that uses the list does.
    ///
    /// # Errors
    /// When no list is found or it holds nothing usable.
    pub fn system() -> Result<Self, TlsError> {
        const WHAT: &str = "list of the machine's trusted certificates";
        let path = SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists());
        let pem = read(path.ok_or(TlsError::Missing(WHAT))?)?;
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates(&pem, WHAT)?);
        if added == 0 { Err(TlsError::Missing(WHAT)) } else { Ok(Self { roots: Arc::new(roots) }) }
    }
}
