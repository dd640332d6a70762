//! Where the configuration comes from: a file, or the environment as upstream images have it
//! (router.md 2.3).

use std::fs;
use std::path::Path;

use crate::config::RouterConfig;

/// Text of the configuration, or the path of a file with it.
const VARIABLE: &str = "QDROUTERD_CONF";

/// Reads the configuration; errors are for people.
pub(super) fn read(file: Option<&Path>) -> Result<RouterConfig, String> {
    let (text, origin) = match file {
        Some(path) => (load(path)?, path.display().to_string()),
        None => from_environment()?,
    };
    RouterConfig::from_any(&text).map_err(|error| format!("{origin}: {error}"))
}

fn from_environment() -> Result<(String, String), String> {
    let value = std::env::var(VARIABLE)
        .map_err(|_| format!("no configuration: give --config FILE or set {VARIABLE}"))?;
    let looks_like_path = !value.contains(['{', '[']) && value.trim_start().starts_with('/');
    if looks_like_path {
        let path = Path::new(value.trim());
        return Ok((load(path)?, path.display().to_string()));
    }
    Ok((unescape(&value), VARIABLE.to_owned()))
}

/// Line ends may be written as the two characters `\n`.
fn unescape(text: &str) -> String {
    text.replace("\\n", "\n")
}

fn load(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_line_ends_are_read() {
        let text = unescape("router {\\n mode: interior\\n id: default-router\\n}\\n");
        let config = RouterConfig::from_any(&text).unwrap();
        assert_eq!(config.id.as_str(), "default-router");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Some(Path::new("/nonexistent/router.conf"))).unwrap_err();
        assert!(error.starts_with("/nonexistent/router.conf: "), "{error}");
    }
}
