//! Images: names, digests, documents, and the store that keeps them on disk.

mod archive;
mod digest;
mod document;
mod ensure;
mod reference;
mod registry;
mod save;
mod store;
pub mod worker;

pub use digest::{Digest, Hashing, NoDigest};
pub use document::{
    BadDocument, Descriptor, Document, Execution, Healthcheck, ImageConfig, MAX_DOCUMENT, Manifest,
    choose,
};
pub use reference::{BadReference, Reference};
pub use registry::Challenge;
pub use store::{Image, ImageStore, LayerId, LayerRecord};

use super::layer::UnpackError;

/// Why an image cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The name.
    #[error(transparent)]
    Reference(#[from] BadReference),
    /// A document.
    #[error(transparent)]
    Document(#[from] BadDocument),
    /// A layer.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// Bytes that are not what was ordered.
    #[error("{what} has digest {got}, expected {expected}")]
    Digest {
        /// Which bytes.
        what: &'static str,
        /// Theirs.
        got: Digest,
        /// Ordered.
        expected: Digest,
    },
    /// A layer that is compressed in a way that is not known here.
    #[error("layer is compressed by {0}; gzip and plain tar are supported")]
    Compression(&'static str),
    /// An archive without what it should hold.
    #[error("archive is not an image: {0}")]
    Archive(String),
    /// The registry.
    #[error("registry {host}: {reason}")]
    Registry {
        /// Its host.
        host: String,
        /// What it said.
        reason: String,
    },
    /// Disk.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
