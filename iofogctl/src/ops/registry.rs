//! Image registries.

use serde::{Deserialize, Serialize};

use super::{Context, Target};
use crate::output::{Column, Listing, progress};
use crate::rest::RegistryChange;
use crate::text::{Error, Result};

const COLUMNS: &[Column] = &[
    Column { heading: "ID", field: "id", wide: false },
    Column { heading: "URL", field: "url", wide: false },
    Column { heading: "USERNAME", field: "username", wide: false },
    Column { heading: "PRIVATE", field: "private", wide: false },
    Column { heading: "SECURE", field: "secure", wide: false },
    Column { heading: "EMAIL", field: "email", wide: true },
];

/// The Registry kind.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct RegistrySpec {
    pub url: Option<String>,
    pub private: Option<bool>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub email: Option<String>,
    pub requires_cert: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    pub id: i64,
}

/// All registries.
///
/// # Errors
/// As the Controller answers.
pub fn list(context: &mut Context) -> Result<Listing> {
    let registries = context.client()?.registries()?;
    let rows = registries.into_iter().map(|registry| {
        vec![
            registry.id.to_string(),
            registry.url,
            registry.username,
            (!registry.is_public).to_string(),
            registry.is_secure.to_string(),
            registry.user_email,
        ]
    });
    Ok(Listing { field: "registries", columns: COLUMNS, rows: rows.collect() })
}

/// Reads a registry number.
///
/// # Errors
/// [`Error::Plain`] when it is not a number.
pub fn parse_id(text: &str) -> Result<i64> {
    text.parse()
        .map_err(|_| Error::Plain(format!("strconv.Atoi: parsing \"{text}\": invalid syntax")))
}

/// Prints one registry; the password is never shown.
///
/// # Errors
/// There is none of that number.
pub fn describe(context: &mut Context, id: &str, target: &Target) -> Result<()> {
    let id = parse_id(id)?;
    let found = context.client()?.registries()?.into_iter().find(|registry| registry.id == id);
    let registry =
        found.ok_or_else(|| Error::NotFound(format!("Could not find registry with ID {id}")))?;
    let spec = RegistrySpec {
        url: Some(registry.url),
        private: Some(!registry.is_public),
        username: Some(registry.username),
        password: None,
        email: Some(registry.user_email),
        requires_cert: Some(registry.requires_cert),
        certificate: Some(registry.certificate),
        id,
    };
    context.print("Registry", "", None, spec, target)
}

/// Checks a Registry document.
///
/// # Errors
/// [`Error::Input`] naming the field. As in the standard program, a public registry needs a user
/// and password: the Controller requires both.
pub fn check(mut spec: RegistrySpec) -> Result<RegistrySpec> {
    let empty = |field: &Option<String>| field.as_deref().unwrap_or_default().is_empty();
    let private = *spec.private.get_or_insert(false);
    if empty(&spec.url) {
        return Err(Error::input("URL cannot be empty"));
    }
    if empty(&spec.email) {
        return Err(Error::input("Email cannot be empty"));
    }
    if spec.requires_cert == Some(true) && spec.certificate.as_deref() == Some("") {
        return Err(Error::input(
            "Certificate cannot be empty if requiresCertificate is set to true",
        ));
    }
    if !private && (empty(&spec.password) || empty(&spec.username)) {
        return Err(Error::input(
            "Password and/or Username cannot be empty if Private is set to false",
        ));
    }
    Ok(spec)
}

/// Creates a registry, or changes the one of that number.
///
/// # Errors
/// As the Controller answers.
pub fn deploy(client: &crate::rest::Client, spec: &RegistrySpec) -> Result<()> {
    progress(&format!("Deploying registry {}", spec.url.as_deref().unwrap_or_default()));
    let change = RegistryChange {
        url: spec.url.clone(),
        is_public: spec.private.map(|private| !private),
        certificate: spec.certificate.clone(),
        requires_cert: spec.requires_cert,
        username: spec.username.clone(),
        email: spec.email.clone(),
        password: spec.password.clone(),
    };
    if spec.id > 0 {
        client.update_registry(spec.id, &change)
    } else {
        client.create_registry(&complete(change))
    }
}

/// Creation sends every field.
fn complete(change: RegistryChange) -> RegistryChange {
    RegistryChange {
        url: Some(change.url.unwrap_or_default()),
        is_public: Some(change.is_public.unwrap_or_default()),
        certificate: Some(change.certificate.unwrap_or_default()),
        requires_cert: Some(change.requires_cert.unwrap_or_default()),
        username: Some(change.username.unwrap_or_default()),
        email: Some(change.email.unwrap_or_default()),
        password: Some(change.password.unwrap_or_default()),
    }
}

/// Deletes a registry.
///
/// # Errors
/// As the Controller answers.
pub fn delete(context: &mut Context, id: &str) -> Result<()> {
    let id = parse_id(id)?;
    progress("Deleting Registry");
    context.client()?.delete_registry(id)
}
