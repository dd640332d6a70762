//! The JSON form (agent contract, 9.2): lower-case keys, data as base64, all keys present in output.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::{IoMessage, JsonError, VERSION, base64};

/// Keys as they come: types are checked afterwards so that an error names the key.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Keys {
    id: Value,
    tag: Value,
    groupid: Value,
    sequencenumber: Value,
    sequencetotal: Value,
    priority: Value,
    timestamp: Value,
    publisher: Value,
    authid: Value,
    authgroup: Value,
    version: Value,
    chainposition: Value,
    hash: Value,
    previoushash: Value,
    nonce: Value,
    difficultytarget: Value,
    infotype: Value,
    infoformat: Value,
    contextdata: Value,
    contentdata: Value,
}

impl IoMessage {
    /// Reads a message as another Agent wrote it: missing keys and null are empty or 0, any version.
    ///
    /// # Errors
    /// [`JsonError`] when it is no object or a key has the wrong type.
    pub fn from_json(json: &[u8]) -> Result<Self, JsonError> {
        Self::from_keys(parse(json)?)
    }

    /// Reads a message that a microservice posts (agent contract, 8.2): required keys are checked, `id` and
    /// `timestamp` are ignored because the Agent assigns them.
    ///
    /// # Errors
    /// [`JsonError`] naming the first key that breaks a rule.
    pub fn from_posted_json(json: &[u8]) -> Result<Self, JsonError> {
        let mut keys = parse(json)?;
        let required = [
            ("publisher", &keys.publisher),
            ("infotype", &keys.infotype),
            ("infoformat", &keys.infoformat),
        ];
        for (key, value) in required {
            match value {
                Value::Null => return Err(JsonError::Missing(key)),
                Value::String(text) if text.trim().is_empty() => {
                    return Err(JsonError::Missing(key));
                }
                Value::String(_) => {}
                _ => return Err(JsonError::NotText(key)),
            }
        }
        match &keys.version {
            Value::Null => return Err(JsonError::Missing("version")),
            version if version.is_i64() || version.is_u64() => {}
            _ => return Err(JsonError::NotInteger("version")),
        }
        if keys.contentdata.is_null() {
            return Err(JsonError::Missing("contentdata"));
        }
        (keys.id, keys.timestamp) = (Value::Null, Value::Null);
        Self::from_keys(keys)
    }

    fn from_keys(keys: Keys) -> Result<Self, JsonError> {
        Ok(Self {
            id: text("id", keys.id)?,
            tag: text("tag", keys.tag)?,
            group_id: text("groupid", keys.groupid)?,
            sequence_number: integer("sequencenumber", &keys.sequencenumber)?,
            sequence_total: integer("sequencetotal", &keys.sequencetotal)?,
            priority: integer("priority", &keys.priority)?,
            timestamp: integer("timestamp", &keys.timestamp)?,
            publisher: text("publisher", keys.publisher)?,
            auth_id: text("authid", keys.authid)?,
            auth_group: text("authgroup", keys.authgroup)?,
            chain_position: integer("chainposition", &keys.chainposition)?,
            hash: text("hash", keys.hash)?,
            previous_hash: text("previoushash", keys.previoushash)?,
            nonce: text("nonce", keys.nonce)?,
            difficulty_target: truncated("difficultytarget", &keys.difficultytarget)?,
            info_type: text("infotype", keys.infotype)?,
            info_format: text("infoformat", keys.infoformat)?,
            context_data: data("contextdata", keys.contextdata)?,
            content_data: data("contentdata", keys.contentdata)?,
        })
    }

    /// Writes the JSON form with every key; `version` is 4.
    #[must_use]
    pub fn to_json(&self) -> String {
        let data = (self.context_data.len() + self.content_data.len()).div_ceil(3) * 4;
        let mut out = String::with_capacity(512 + data);
        out.push('{');
        self.write_keys(&mut out);
        out.push('}');
        out
    }

    fn write_keys(&self, out: &mut String) {
        string(out, "\"id\":", &self.id);
        string(out, ",\"tag\":", &self.tag);
        string(out, ",\"groupid\":", &self.group_id);
        number(out, ",\"sequencenumber\":", self.sequence_number.into());
        number(out, ",\"sequencetotal\":", self.sequence_total.into());
        number(out, ",\"priority\":", self.priority.into());
        number(out, ",\"timestamp\":", self.timestamp);
        string(out, ",\"publisher\":", &self.publisher);
        string(out, ",\"authid\":", &self.auth_id);
        string(out, ",\"authgroup\":", &self.auth_group);
        number(out, ",\"version\":", VERSION.into());
        number(out, ",\"chainposition\":", self.chain_position);
        string(out, ",\"hash\":", &self.hash);
        string(out, ",\"previoushash\":", &self.previous_hash);
        string(out, ",\"nonce\":", &self.nonce);
        number(out, ",\"difficultytarget\":", self.difficulty_target.into());
        string(out, ",\"infotype\":", &self.info_type);
        string(out, ",\"infoformat\":", &self.info_format);
        out.push_str(",\"contextdata\":\"");
        base64::encode_into(&self.context_data, out);
        out.push_str("\",\"contentdata\":\"");
        base64::encode_into(&self.content_data, out);
        out.push('"');
    }
}

fn parse(json: &[u8]) -> Result<Keys, JsonError> {
    // A sequence would also deserialise into a struct.
    if json.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(JsonError::Syntax("an object is expected".to_owned()));
    }
    serde_json::from_slice(json).map_err(|error| JsonError::Syntax(error.to_string()))
}

fn text(key: &'static str, value: Value) -> Result<String, JsonError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        _ => Err(JsonError::NotText(key)),
    }
}

fn integer<T: TryFrom<u64>>(key: &'static str, value: &Value) -> Result<T, JsonError> {
    let number = match value {
        Value::Null => Some(0),
        value => value.as_u64(),
    };
    number.and_then(|number| T::try_from(number).ok()).ok_or(JsonError::NotInteger(key))
}

/// SDKs send `0.0` here: decimals lose what follows the point.
fn truncated(key: &'static str, value: &Value) -> Result<u32, JsonError> {
    match value.as_f64() {
        Some(decimal) if !value.is_u64() => {
            let whole = decimal.trunc();
            if !(0.0..=f64::from(u32::MAX)).contains(&whole) {
                return Err(JsonError::NotInteger(key));
            }
            format!("{whole:.0}").parse().map_err(|_| JsonError::NotInteger(key))
        }
        _ => integer(key, value),
    }
}

fn data(key: &'static str, value: Value) -> Result<Bytes, JsonError> {
    let text = text(key, value)?;
    base64::decode(&text).map(Bytes::from).ok_or(JsonError::NotBase64(key))
}

fn number(out: &mut String, key: &str, value: u64) {
    let _ = write!(out, "{key}{value}");
}

fn string(out: &mut String, key: &str, value: &str) {
    out.push_str(key);
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
