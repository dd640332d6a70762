//! The name of a peer made from its client certificate: `uidFormat` and `uidNameMappingFile` of an
//! sslProfile (router.md section 8).

use std::fmt::Write as _;

use iofog_sorted::SortedMap;
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};

use super::subject;
use crate::config::UidPart;

/// Names that are shown instead of the ones made from certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidNames(SortedMap<String, String>);

impl UidNames {
    /// Reads a JSON object from names to names.
    ///
    /// # Errors
    /// What the parser says.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text.as_bytes()).map(Self)
    }

    /// The name to show.
    #[must_use]
    pub fn shown(&self, uid: String) -> String {
        self.0.get(&uid).cloned().unwrap_or(uid)
    }
}

/// The name for a certificate (DER) and the content of its subject: the parts of the format joined by `;`
/// (parts that the subject lacks are left out), or, without a format, the whole subject. None when nothing
/// is left or the subject cannot be read.
#[must_use]
pub fn uid(certificate: &[u8], subject: &[u8], format: &[UidPart]) -> Option<String> {
    let subject = subject::read(subject)?;
    if format.is_empty() {
        // Most specific part first, as RFC 2253 writes it.
        let parts = subject.iter().rev().map(|(kind, text)| format!("{}={text}", label(kind)));
        return Some(parts.collect::<Vec<_>>().join(",")).filter(|uid| !uid.is_empty());
    }
    let parts = format.iter().filter_map(|part| match part {
        UidPart::Sha1 => Some(fingerprint(&SHA1_FOR_LEGACY_USE_ONLY, certificate)),
        UidPart::Sha256 => Some(fingerprint(&SHA256, certificate)),
        UidPart::Sha512 => Some(fingerprint(&SHA512, certificate)),
        named => {
            let wanted = identifier(*named)?;
            let found = subject.iter().find(|(kind, _)| kind == wanted);
            found.map(|(_, text)| text.clone())
        }
    });
    Some(parts.collect::<Vec<_>>().join(";")).filter(|uid| !uid.is_empty())
}

/// Object identifier (2.5.4.x) of a subject attribute.
fn identifier(part: UidPart) -> Option<&'static [u8; 3]> {
    Some(match part {
        UidPart::CommonName => b"\x55\x04\x03",
        UidPart::Country => b"\x55\x04\x06",
        UidPart::Locality => b"\x55\x04\x07",
        UidPart::State => b"\x55\x04\x08",
        UidPart::Organization => b"\x55\x04\x0a",
        UidPart::Unit => b"\x55\x04\x0b",
        UidPart::Sha1 | UidPart::Sha256 | UidPart::Sha512 => return None,
    })
}

fn label(kind: &[u8]) -> &'static str {
    match kind {
        b"\x55\x04\x03" => "CN",
        b"\x55\x04\x06" => "C",
        b"\x55\x04\x07" => "L",
        b"\x55\x04\x08" => "ST",
        b"\x55\x04\x0a" => "O",
        b"\x55\x04\x0b" => "OU",
        _ => "other",
    }
}

fn fingerprint(algorithm: &'static Algorithm, bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest(algorithm, bytes).as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    /// O=Acme, CN=gw-7.
    const SUBJECT: &[u8] =
        b"\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x04Acme\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04gw-7";

    #[test]
    fn parts_are_joined_and_missing_ones_left_out() {
        let named = |format: &[UidPart]| uid(b"certificate", SUBJECT, format);
        let sha = fingerprint(&SHA256, b"certificate");
        let parts = [UidPart::Country, UidPart::CommonName, UidPart::Sha256];
        assert_eq!(named(&parts), Some(format!("gw-7;{sha}")));
        assert_eq!((sha.len(), named(&[UidPart::State])), (64, None));
        assert_eq!(named(&[]).as_deref(), Some("CN=gw-7,O=Acme"));
        assert_eq!(uid(b"certificate", b"\x31", &[]), None);
    }

    #[test]
    fn names_are_mapped() {
        let names = UidNames::parse(r#"{"gw-7": "gate"}"#).unwrap();
        assert_eq!(names.shown("gw-7".to_owned()), "gate");
        assert_eq!(names.shown("x".to_owned()), "x");
        assert!(UidNames::parse("[]").is_err());
    }
}
