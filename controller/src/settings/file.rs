//! The file of settings, `config.json` in the Controller's folder: objects by level, as `{"Server": {"Port": 51121}}`. Variables of the
//! environment win over it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Where it is.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("config.json")
}

/// Reads it; an absent one is empty.
///
/// # Errors
/// When it cannot be read or is no JSON object.
pub fn read(path: &Path) -> Result<Value> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(json!({})),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let document: Value = serde_json::from_str(&text)
        .with_context(|| format!("{} is no JSON document", path.display()))?;
    if !document.is_object() {
        bail!("{} is no JSON object", path.display());
    }
    Ok(document)
}

/// Writes it so that a crash leaves the old or the new one.
///
/// # Errors
/// When the disk refuses.
pub fn write(path: &Path, document: &Value) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let new = path.with_extension("json.new");
    // It may hold passwords.
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new).with_context(failed)?;
    writeln!(file, "{document:#}").with_context(failed)?;
    file.sync_all().with_context(failed)?;
    std::fs::rename(&new, path).with_context(failed)
}

/// A setting by its levels, `Server:Port` or `Server_Port`.
#[must_use]
pub fn get<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    let found = name.split([':', '_']).try_fold(document, |at, level| at.get(level))?;
    (!found.is_object() && !found.is_null()).then_some(found)
}

/// Sets one.
pub fn set(document: &mut Value, name: &str, value: Value) {
    let mut at = document;
    for level in name.split(':') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[level];
    }
    *at = value;
}

/// As a variable of the environment would say it.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let mut document = json!({ "Server": { "Port": 1 } });
        set(&mut document, "Server:DevMode", json!(false));
        set(&mut document, "Kubelet:Uri", json!("http://k"));
        assert_eq!(get(&document, "Server_Port"), Some(&json!(1)));
        assert_eq!(text(get(&document, "Server:DevMode").unwrap()), "false");
        assert_eq!(get(&document, "Server"), None);
        assert_eq!(get(&document, "Kubelet_Uri_More"), None);
    }
}
