//! `update.conf` beside the configuration: where releases come from and whose signature counts.

use std::path::Path;
use std::time::Duration;

use super::manifest::unhex;
use super::record::Version;

const FILE: &str = "update.conf";
const MAX_KEYS: usize = 8;

/// Release number of this program; 0 for a build that is no release.
pub(super) const RELEASE: Version = Version(number(option_env!("IOFOG_RELEASE")));

/// Target of this program, as manifests name it.
pub const TARGET: &str = match option_env!("IOFOG_TARGET") {
    Some(target) => target,
    None => std::env::consts::ARCH,
};

/// How this device updates itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// URL of the folder that holds `manifest`, with a final `/`; `http://` or a path on this device.
    pub source: String,
    /// Ed25519 public keys; the signature of any one counts.
    pub keys: Vec<[u8; 32]>,
    /// How long a new program must be healthy without a break.
    pub settle: Duration,
    /// How long it may take to get there.
    pub window: Duration,
}

/// What is wrong with `update.conf`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("update.conf line {line}: {reason}")]
pub struct SettingsError {
    line: usize,
    reason: &'static str,
}

impl Settings {
    /// Reads the file in `folder`; `None` when there is none or it names no source, so that nothing is ever fetched.
    ///
    /// # Errors
    /// When a line has an unknown name or a value that is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, SettingsError> {
        match std::fs::read_to_string(folder.join(FILE)) {
            Ok(text) => Self::parse(&text),
            Err(_) => Ok(None),
        }
    }

    fn parse(text: &str) -> Result<Option<Self>, SettingsError> {
        let mut settings = Self {
            source: String::new(),
            keys: Vec::new(),
            settle: Duration::from_secs(60),
            window: Duration::from_secs(600),
        };
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |reason| SettingsError { line: line_number, reason };
            let (name, value) = line.split_once('=').ok_or(fail("expected name = value"))?;
            let value = value.trim();
            match name.trim() {
                "source" => {
                    settings.source =
                        source(value).ok_or(fail("source: expected http://... or /..."))?
                }
                "key" if settings.keys.len() == MAX_KEYS => return Err(fail("key: at most 8")),
                "key" => {
                    settings.keys.push(unhex(value).ok_or(fail("key: expected 64 hex digits"))?);
                }
                "settle" => {
                    settings.settle =
                        seconds(value).ok_or(fail("settle: expected seconds, 1 to 86400"))?
                }
                "window" => {
                    settings.window =
                        seconds(value).ok_or(fail("window: expected seconds, 1 to 86400"))?
                }
                _ => return Err(fail("unknown name; known are source, key, settle, window")),
            }
        }
        Ok((!settings.source.is_empty()).then_some(settings))
    }
}

fn source(value: &str) -> Option<String> {
    let known = value.starts_with("http://") || value.starts_with('/');
    let slash = if value.ends_with('/') { "" } else { "/" };
    known.then(|| format!("{value}{slash}"))
}

fn seconds(value: &str) -> Option<Duration> {
    let seconds = value.parse::<u32>().ok().filter(|one| (1..=86_400).contains(one))?;
    Some(Duration::from_secs(u64::from(seconds)))
}

/// Digits of a build variable; anything else is 0.
const fn number(text: Option<&str>) -> u32 {
    let Some(text) = text else { return 0 };
    let bytes = text.as_bytes();
    let (mut value, mut at) = (0_u32, 0);
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() || value > 400_000_000 {
            return 0;
        }
        value = value * 10 + (bytes[at] - b'0') as u32;
        at += 1;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_checked_one_by_one() {
        let key = "ab".repeat(32);
        let text =
            format!("# fleet\nsource = http://updates.example/iofog\nkey = {key}\nsettle=5\n");
        let read = Settings::parse(&text).unwrap().unwrap();
        assert_eq!((read.source.as_str(), read.keys.len()), ("http://updates.example/iofog/", 1));
        assert_eq!(read.settle, Duration::from_secs(5));
        assert_eq!(
            Settings::parse("key = 00"),
            Err(SettingsError { line: 1, reason: "key: expected 64 hex digits" })
        );
        assert!(Settings::parse("\nsource = ftp://x").unwrap_err().to_string().contains("line 2"));
        assert!(Settings::parse("window = 0").is_err());
        assert_eq!(Settings::parse("# nothing").unwrap(), None);
        assert_eq!((number(Some("120")), number(Some("1x")), number(None)), (120, 0, 0));
    }
}
