//! Edge resources: named, versioned HTTP services near agents (controller contract 14).

use iofog_api::{ApiError, Fields};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Protocols of an interface.
const PROTOCOLS: [&str; 4] = ["http", "https", "ws", "wss"];
/// Methods of an endpoint.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// What an edge resource says about itself, stored as one document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "fields carry the contract's names and meanings, section 14")]
pub struct ResourceSettings {
    pub description: String,
    pub interface_protocol: String,
    pub display: Display,
    pub custom: Map<String, Value>,
    pub tags: Vec<String>,
    pub endpoints: Vec<Endpoint>,
}

/// How a resource is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "fields carry the contract's names")]
pub struct Display {
    pub name: String,
    pub icon: String,
    pub color: String,
}

/// One operation of the interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs, reason = "fields carry the contract's names")]
pub struct Endpoint {
    /// Unique among all endpoints; 0 until stored.
    pub id: i64,
    pub name: String,
    pub description: String,
    pub method: String,
    pub url: String,
    pub request_type: String,
    pub response_type: String,
    pub request_payload_example: String,
    pub response_payload_example: String,
}

/// An edge resource as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeResource {
    /// Id, also that of its interface.
    pub id: i64,
    /// Owner.
    pub user_id: i64,
    /// Name; unique per user together with the version.
    pub name: String,
    /// Version.
    pub version: String,
    /// Everything else.
    pub settings: ResourceSettings,
}

impl ResourceSettings {
    /// Reads a create body.
    ///
    /// # Errors
    /// When a field is missing or has the wrong type or form.
    pub fn create(body: &Fields<'_>) -> Result<Self, ApiError> {
        if body.get("interfaceProtocol").is_none() {
            return Err(iofog_api::check::missing("interfaceProtocol"));
        }
        let mut settings = Self::default();
        settings.update(body)?;
        Ok(settings)
    }

    /// Takes the fields that a body has; lists and objects are replaced as a whole.
    ///
    /// # Errors
    /// When a field has the wrong type or form; nothing of `self` may be kept then.
    pub fn update(&mut self, body: &Fields<'_>) -> Result<(), ApiError> {
        if let Some(description) = body.string("description")? {
            self.description = description;
        }
        if let Some(protocol) = body.one_of("interfaceProtocol", &PROTOCOLS)? {
            self.interface_protocol = protocol;
        }
        if let Some(display) = body.object("display")? {
            self.display = display_of(&display)?;
        }
        if body.object("custom")?.is_some() {
            self.custom =
                body.get("custom").and_then(Value::as_object).cloned().unwrap_or_default();
        }
        if let Some(tags) = body.strings("orchestrationTags")? {
            self.tags = tags;
        }
        if let Some(interface) = body.object("interface")?
            && let Some(endpoints) = interface.objects("endpoints", endpoint)?
        {
            self.endpoints = endpoints;
        }
        Ok(())
    }
}

fn display_of(body: &Fields<'_>) -> Result<Display, ApiError> {
    let color = body.string("color")?.unwrap_or_default();
    if !is_color(&color) {
        return Err(ApiError::validation(format!(
            "Invalid format for field '{}'",
            body.path("color")
        )));
    }
    Ok(Display {
        name: body.string("name")?.unwrap_or_default(),
        icon: body.string("icon")?.unwrap_or_default(),
        color,
    })
}

fn endpoint(body: &Fields<'_>) -> Result<Endpoint, ApiError> {
    let text = |name: &str| Ok::<_, ApiError>(body.string(name)?.unwrap_or_default());
    Ok(Endpoint {
        id: 0,
        name: body.name("name")?.unwrap_or_default(),
        description: text("description")?,
        method: body.one_of("method", &METHODS)?.unwrap_or_default(),
        url: text("url")?,
        request_type: text("requestType")?,
        response_type: text("responseType")?,
        request_payload_example: text("requestPayloadExample")?,
        response_payload_example: text("responsePayloadExample")?,
    })
}

/// Empty, `#` with hexadecimal digits, `rgb(...)` or `rgba(...)`.
fn is_color(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix('#') {
        return matches!(digits.len(), 3 | 4 | 6 | 8)
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    }
    let arguments = text
        .strip_prefix("rgba(")
        .or_else(|| text.strip_prefix("rgb("))
        .and_then(|rest| rest.strip_suffix(')'));
    text.is_empty()
        || arguments.is_some_and(|inner| {
            inner.chars().all(|c| c.is_ascii_digit() || ",.% /".contains(c))
                && inner.contains(|c: char| c.is_ascii_digit())
        })
}

/// The version of a body, if any: semantic, with an optional `v` (contract 0.2).
///
/// # Errors
/// When it is of another type or form.
pub fn version(body: &Fields<'_>) -> Result<Option<String>, ApiError> {
    let Some(text) = body.string("version")? else { return Ok(None) };
    if is_version(&text) {
        return Ok(Some(text));
    }
    Err(ApiError::validation("Invalid format for field 'version'"))
}

fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text.split_once('+').map_or((text, None), |(text, b)| (text, Some(b)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(text, p)| (text, Some(p)));
    let numbers: Vec<&str> = core.split('.').collect();
    let labels = |part: &str| {
        part.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    };
    numbers.len() == 3
        && numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        && pre.is_none_or(labels)
        && build.is_none_or(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_colors() {
        for good in ["0.0.1", "v1.2.3", "1.0.0-rc.1+5"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.x", "1.0.0-", "1.0.0.0"] {
            assert!(!is_version(bad), "{bad}");
        }
        for good in ["", "#fefefe", "#FFF", "rgb(1, 2,3)", "rgba(1,2,3,0.5)"] {
            assert!(is_color(good), "{good}");
        }
        for bad in ["red", "#12", "rgb()", "rgb(1,2,3", "#ggg"] {
            assert!(!is_color(bad), "{bad}");
        }
    }
}
