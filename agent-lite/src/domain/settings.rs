//! What a microservice's configuration orders of the Agent itself: its member `iofogSettings` (decisions 0108 and
//! 0112). Controllers and tools pass a configuration on as it is, so that it works with all of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Name of the member; a configuration without it orders nothing.
const MEMBER: &str = "iofogSettings";

/// All of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Of the container.
    pub limits: Limits,
    /// All devices and rights of the node, for drivers (`privileged`, decision 0137).
    pub privileged: bool,
    /// Of the messages it sends.
    pub messages: MessageSettings,
}

/// The most that a container may take; nothing = no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in MiB (`memoryMiB`, from 6).
    pub memory_mib: Option<u32>,
    /// Processor time in thousandths of one CPU (`cpus`, from 0.01).
    pub cpu_milli: Option<u32>,
}

/// How the messages of one microservice are kept until they are delivered (`messages`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageSettings {
    /// Given up when they waited longer, while the Agent runs (`ttlSeconds`).
    pub ttl: Option<Duration>,
    /// Bytes that may wait (`quotaKiB`); beyond them its own least important, then oldest, goes.
    pub quota_bytes: Option<u64>,
    /// Instead of what each message says (`priority`, 0 to 255): which goes first when the store is full.
    pub priority: Option<u8>,
}

/// A setting that is none: nothing of them is applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("configuration: {MEMBER}{field} must be {rule}")]
pub struct SettingsError {
    field: String,
    rule: &'static str,
}

// === impl Settings ===

impl Settings {
    /// Reads them from a configuration, which may be any text.
    ///
    /// # Errors
    /// The first member that is unknown or has a value out of its range.
    pub fn parse(config: &str) -> Result<Self, SettingsError> {
        // Nearly all have none, and this is asked at each look.
        if !config.contains(MEMBER) {
            return Ok(Self::default());
        }
        let Ok(Value::Object(config)) = serde_json::from_slice::<Value>(config.as_bytes()) else {
            return Ok(Self::default());
        };
        let Some(member) = config.get(MEMBER) else { return Ok(Self::default()) };
        let mut settings = Self::default();
        for (name, value) in object("", member)? {
            match name.as_str() {
                "memoryMiB" => {
                    let rule = "a whole number from 6 to 1048576";
                    settings.limits.memory_mib = Some(whole(&[name], value, (6, 1 << 20), rule)?);
                }
                "cpus" => settings.limits.cpu_milli = Some(cpus(name, value)?),
                "privileged" => {
                    let rule = "true or false";
                    settings.privileged = value.as_bool().ok_or_else(|| unknown(&[name], rule))?;
                }
                "messages" => settings.messages = messages(value)?,
                _ => {
                    let rule = "left out; known are memoryMiB, cpus, privileged, messages";
                    return Err(unknown(&[name], rule));
                }
            }
        }
        Ok(settings)
    }
}

fn messages(value: &Value) -> Result<MessageSettings, SettingsError> {
    let mut messages = MessageSettings::default();
    for (name, value) in object(".messages", value)? {
        let path = ["messages", name.as_str()];
        match name.as_str() {
            "ttlSeconds" => {
                let rule = "a whole number from 1 to 31536000";
                let seconds = whole(&path, value, (1, 31_536_000), rule)?;
                messages.ttl = Some(Duration::from_secs(seconds.into()));
            }
            "quotaKiB" => {
                let rule = "a whole number from 1 to 1048576";
                let kib = whole(&path, value, (1, 1 << 20), rule)?;
                messages.quota_bytes = Some(u64::from(kib) << 10);
            }
            "priority" => {
                let rule = "a whole number from 0 to 255";
                let priority = whole(&path, value, (0, 255), rule)?;
                messages.priority = u8::try_from(priority).ok();
            }
            _ => {
                return Err(unknown(&path, "left out; known are ttlSeconds, quotaKiB, priority"));
            }
        }
    }
    Ok(messages)
}

fn object<'a>(field: &str, value: &'a Value) -> Result<&'a Map<String, Value>, SettingsError> {
    value.as_object().ok_or_else(|| SettingsError { field: field.to_owned(), rule: "an object" })
}

fn whole<S: AsRef<str>>(
    path: &[S],
    value: &Value,
    (least, most): (u32, u32),
    rule: &'static str,
) -> Result<u32, SettingsError> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|one| (least..=most).contains(one)).ok_or_else(|| unknown(path, rule))
}

fn cpus(name: &str, value: &Value) -> Result<u32, SettingsError> {
    let milli = value.as_f64().filter(|cpus| (0.01..=1024.0).contains(cpus)).map(|cpus| cpus * 1e3);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked"
    )]
    let milli = milli.map(|milli| milli.round() as u32);
    milli.ok_or_else(|| unknown(&[name], "a number from 0.01 to 1024"))
}

fn unknown<S: AsRef<str>>(path: &[S], rule: &'static str) -> SettingsError {
    let field = path.iter().map(|part| format!(".{:.64}", part.as_ref())).collect();
    SettingsError { field, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_settings_are_read() {
        let text = r#"{"rate":5,"iofogSettings":{"memoryMiB":64,"cpus":0.25,"privileged":true,
            "messages":{"ttlSeconds":60,"quotaKiB":2,"priority":0}}}"#;
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.limits, Limits { memory_mib: Some(64), cpu_milli: Some(250) });
        assert!(settings.privileged);
        let messages = MessageSettings {
            ttl: Some(Duration::from_secs(60)),
            quota_bytes: Some(2048),
            priority: Some(0),
        };
        assert_eq!(settings.messages, messages);
    }

    #[test]
    fn a_configuration_of_its_own_orders_nothing() {
        for text in
            ["", "{}", "not json", "[1]", r#"{"rate":"iofogSettings"}"#, "\"iofogSettings\""]
        {
            assert_eq!(Settings::parse(text), Ok(Settings::default()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_rule() {
        let refused = |inner: &str| {
            Settings::parse(&format!("{{\"iofogSettings\":{inner}}}")).unwrap_err().to_string()
        };
        assert_eq!(refused("1"), "configuration: iofogSettings must be an object");
        assert_eq!(
            refused(r#"{"memoryMiB":5}"#),
            "configuration: iofogSettings.memoryMiB must be a whole number from 6 to 1048576"
        );
        for wrong in ["\"0.5\"", "0", "-1", "1e9", "null"] {
            let text = refused(&format!("{{\"cpus\":{wrong}}}"));
            assert!(text.contains(".cpus must be a number from 0.01 to 1024"), "{text}");
        }
        assert!(refused(r#"{"privileged":"yes"}"#).contains(".privileged must be true or false"));
        assert!(refused(r#"{"memory":64}"#).contains(".memory must be left out; known are"));
        assert!(refused(r#"{"messages":{"ttlSeconds":1.5}}"#).contains(".messages.ttlSeconds"));
        assert!(refused(r#"{"messages":{"priority":256}}"#).contains("from 0 to 255"));
        assert!(refused(r#"{"messages":{"x":1}}"#).contains(".messages.x must be left out"));
    }
}
