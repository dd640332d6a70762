//! The header every document carries: version, kind, metadata, spec.

use serde::{Deserialize, Serialize};

/// Version of the documents users write.
pub const API_VERSION: &str = "iofog.org/v3";
/// Version of the config files.
pub const CONFIG_VERSION: &str = "iofogctl/v3";

/// Name and place of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Resource name.
    pub name: String,
    /// Namespace; empty when not given.
    pub namespace: String,
    /// Agent tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// A document around a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header<S> {
    /// [`API_VERSION`] or [`CONFIG_VERSION`].
    #[serde(rename = "apiVersion")]
    pub api_version: &'static str,
    /// Kind word.
    pub kind: String,
    /// Name and place.
    pub metadata: Metadata,
    /// Content.
    pub spec: S,
}

impl<S> Header<S> {
    /// A document for users.
    pub fn new(kind: impl Into<String>, name: &str, namespace: &str, spec: S) -> Self {
        Self {
            api_version: API_VERSION,
            kind: kind.into(),
            metadata: Metadata {
                name: name.to_owned(),
                namespace: namespace.to_owned(),
                tags: None,
            },
            spec,
        }
    }
}
