//! Registries as the agent sees them, credentials included (spec section 6).

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::id::RegistryId;
use crate::number::null_default;

/// Answer of `GET /agent/registries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRegistryList {
    /// The owner's registries and all public ones.
    pub registries: Vec<AgentRegistry>,
}

/// A registry with its password in clear.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentRegistry {
    /// 1 is `remote`, 2 is `local`.
    pub id: RegistryId,
    /// Host name, or [`AgentRegistry::FROM_CACHE`].
    #[serde(deserialize_with = "null_default")]
    pub url: String,
    /// No login needed.
    #[serde(deserialize_with = "null_default")]
    pub is_public: bool,
    /// Reached over TLS.
    #[serde(deserialize_with = "null_default")]
    pub is_secure: bool,
    /// PEM text or empty.
    #[serde(deserialize_with = "null_default")]
    pub certificate: String,
    /// Whether [`Self::certificate`] is to be trusted.
    #[serde(deserialize_with = "null_default")]
    pub requires_cert: bool,
    /// Login name; never null, because the Java Agent insists.
    #[serde(deserialize_with = "null_default")]
    pub username: String,
    /// Login secret; never null.
    #[serde(deserialize_with = "null_default")]
    pub password: String,
    /// Login e-mail; never null.
    #[serde(deserialize_with = "null_default")]
    pub user_email: String,
    /// Owner; null for seeded rows.
    pub user_id: Option<i64>,
}

impl AgentRegistry {
    /// The `url` that means: use the image that is on the device and never pull.
    pub const FROM_CACHE: &str = "from_cache";

    /// Whether images of this registry are never pulled.
    pub fn is_from_cache(&self) -> bool {
        self.url == Self::FROM_CACHE
    }
}

// The password stays out of logs.
impl fmt::Debug for AgentRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentRegistry")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("is_public", &self.is_public)
            .finish_non_exhaustive()
    }
}
