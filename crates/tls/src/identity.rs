//! Who a side says it is: a certificate chain and its private key.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::TlsError;

/// A certificate chain, leaf first, and the private key of the leaf.
#[derive(Debug)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads PEM text: the chain from one, the key (PKCS#8, PKCS#1 or SEC1) from the other.
    ///
    /// # Errors
    /// When either is malformed or missing.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain, "certificate file")?;
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Ok(key) => key,
            Err(_) if key.windows(9).any(|word| word == b"ENCRYPTED") => {
                return Err(TlsError::Encrypted);
            }
            Err(rustls::pki_types::pem::Error::NoItemsFound) => {
                return Err(TlsError::Missing("private key file"));
            }
            Err(error) => return Err(TlsError::pem("private key file", &error)),
        };
        Ok(Self { chain, key })
    }

    /// The same from files.
    ///
    /// # Errors
    /// When a file cannot be read, or as [`Identity::from_pem`].
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::from_pem(&read(chain)?, &read(key)?)
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// All certificates of a PEM text; an error when there is none.
pub(crate) fn certificates(
    pem: &[u8],
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::pem(what, &error))?;
    if certificates.is_empty() { Err(TlsError::Missing(what)) } else { Ok(certificates) }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}
