//! Image registries (controller contract 13).

use iofog_api::{ApiError, Fields};
use serde::{Deserialize, Serialize};

/// A registry, stored as one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "fields carry the contract's names and meanings, section 13")]
pub struct RegistrySettings {
    pub url: String,
    pub is_public: bool,
    pub is_secure: bool,
    pub certificate: String,
    pub requires_cert: bool,
    pub username: String,
    pub password: String,
    pub email: String,
}

/// A registry as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Id; 1 and 2 are fixed and known to clients.
    pub id: i64,
    /// Owner; none = seeded.
    pub user_id: Option<i64>,
    /// Everything else.
    pub settings: RegistrySettings,
}

impl RegistrySettings {
    /// Reads a create body.
    ///
    /// # Errors
    /// When a field is missing or has the wrong type or form.
    pub fn create(body: &Fields<'_>) -> Result<Self, ApiError> {
        let settings = Self {
            url: body.required_string("url", 1)?,
            is_public: body
                .boolean("isPublic")?
                .ok_or_else(|| iofog_api::check::missing("isPublic"))?,
            is_secure: true,
            username: body.required_string("username", 1)?,
            password: body.required_string("password", 0)?,
            email: body.required_email("email")?,
            requires_cert: body.boolean("requiresCert")?.unwrap_or(false),
            certificate: body.string("certificate")?.unwrap_or_default(),
        };
        settings.check()?;
        Ok(settings)
    }

    /// Takes the fields of an update body.
    ///
    /// # Errors
    /// When a field has the wrong type or form.
    pub fn update(&mut self, body: &Fields<'_>) -> Result<(), ApiError> {
        for (field, name, shortest) in [
            (&mut self.url, "url", 1),
            (&mut self.username, "username", 1),
            (&mut self.password, "password", 0),
            (&mut self.certificate, "certificate", 0),
        ] {
            if body.get(name).is_some() {
                *field = body.required_string(name, shortest)?;
            }
        }
        if body.get("email").is_some() {
            self.email = body.required_email("email")?;
        }
        self.is_public = body.boolean("isPublic")?.unwrap_or(self.is_public);
        self.requires_cert = body.boolean("requiresCert")?.unwrap_or(self.requires_cert);
        self.check()
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.requires_cert && self.certificate.is_empty() {
            return Err(ApiError::validation(
                "Property \"certificate\" is required if property \"requiresCert\" is set to true",
            ));
        }
        Ok(())
    }
}
