//! TLS profiles: certificate files, and how a user's name is made from a client certificate
//! (router.md section 8).

use log::warn;

use super::{Attributes, ConfigError};

/// Certificate files for TLS, named by listeners and connectors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SslProfile {
    /// Profile name.
    pub name: String,
    /// Own certificate chain, PEM.
    pub cert_file: Option<String>,
    /// Own private key, PEM, without a password.
    pub private_key_file: Option<String>,
    /// Trusted authorities, PEM.
    pub ca_cert_file: Option<String>,
    /// What the name of a peer is made of; empty = the whole subject of its certificate.
    pub uid_format: Vec<UidPart>,
    /// JSON object from such names to the names that are shown and logged.
    pub uid_names_file: Option<String>,
}

/// A part of a peer's name, taken from its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidPart {
    /// `c`: country.
    Country,
    /// `s`: state or province.
    State,
    /// `l`: locality.
    Locality,
    /// `o`: organisation.
    Organization,
    /// `u`: organisational unit.
    Unit,
    /// `n`: common name.
    CommonName,
    /// `1`: SHA-1 of the certificate, as programs without better taste show it.
    Sha1,
    /// `2`: SHA-256 of the certificate.
    Sha256,
    /// `5`: SHA-512 of the certificate.
    Sha512,
}

impl UidPart {
    const ALL: [Self; 9] = [
        Self::Country,
        Self::State,
        Self::Locality,
        Self::Organization,
        Self::Unit,
        Self::CommonName,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
    ];

    /// Its letter in `uidFormat`.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Country => 'c',
            Self::State => 's',
            Self::Locality => 'l',
            Self::Organization => 'o',
            Self::Unit => 'u',
            Self::CommonName => 'n',
            Self::Sha1 => '1',
            Self::Sha256 => '2',
            Self::Sha512 => '5',
        }
    }
}

impl SslProfile {
    /// `uidFormat` as written.
    #[must_use]
    pub fn uid_format_text(&self) -> String {
        self.uid_format.iter().map(|part| part.letter()).collect()
    }
}

/// Reads one TLS profile.
pub(crate) fn ssl_profile(mut from: Attributes) -> Result<SslProfile, ConfigError> {
    let profile = SslProfile {
        name: from.required("name")?,
        cert_file: file(&mut from, "certFile")?,
        private_key_file: file(&mut from, "privateKeyFile")?,
        ca_cert_file: file(&mut from, "caCertFile")?,
        uid_format: uid_format(&mut from)?,
        uid_names_file: file(&mut from, "uidNameMappingFile")?,
    };
    if profile.cert_file.is_some() != profile.private_key_file.is_some() {
        return Err(ConfigError::attribute(
            &format!("sslProfile {}", profile.name),
            "certFile",
            "and `privateKeyFile` need each other",
        ));
    }
    protocols(&mut from)?;
    if from.string("ciphers")?.is_some() {
        warn!("sslProfile {}: `ciphers` is not used: only strong ones are there", profile.name);
    }
    from.ignore(&["password", "passwordFile", "ordinal", "oldestValidOrdinal", "identity", "type"]);
    from.finish()?;
    Ok(profile)
}

fn file(from: &mut Attributes, attribute: &str) -> Result<Option<String>, ConfigError> {
    Ok(from.string(attribute)?.filter(|path| !path.is_empty()))
}

fn uid_format(from: &mut Attributes) -> Result<Vec<UidPart>, ConfigError> {
    let text = from.string("uidFormat")?.unwrap_or_default();
    let part = |letter: char| UidPart::ALL.into_iter().find(|part| part.letter() == letter);
    text.chars().map(part).collect::<Option<Vec<_>>>().ok_or_else(|| {
        let rule = format!("may have the letters c s l o u n 1 2 5 only, not `{text}`");
        ConfigError::attribute(from.entity(), "uidFormat", rule)
    })
}

/// Both versions that can be spoken are always allowed: a list has to name one of them at least.
fn protocols(from: &mut Attributes) -> Result<(), ConfigError> {
    let Some(text) = from.string("protocols")?.filter(|text| !text.trim().is_empty()) else {
        return Ok(());
    };
    let known = |name: &str| matches!(name, "TLSv1.2" | "TLSv1.3");
    if text.split([' ', ',']).any(known) {
        return Ok(());
    }
    let rule = format!("must name TLSv1.2 or TLSv1.3, not only `{text}`");
    Err(ConfigError::attribute(from.entity(), "protocols", rule))
}
