//! Where the configuration comes from: a file, the environment as upstream images have it (router.md 2.3), or
//! the Agent, as the Router system microservice has it (router.md 2.1).

use std::fs;
use std::path::Path;

use crate::config::RouterConfig;

/// Text of the configuration, or the path of a file with it.
const VARIABLE: &str = "QDROUTERD_CONF";

/// Name of the microservice, set by the Agent.
const SELF: &str = "SELFNAME";

/// What the configuration is read from.
#[derive(Debug)]
pub(super) enum Source {
    /// Once.
    Fixed(Box<RouterConfig>),
    /// Now and at each change: the microservice of this id.
    Agent(String),
}

/// Finds the configuration; errors are for people.
pub(super) fn find(file: Option<&Path>) -> Result<Source, String> {
    let (text, origin) = match (file, std::env::var(VARIABLE), std::env::var(SELF)) {
        (Some(path), _, _) => (load(path)?, path.display().to_string()),
        (None, Ok(value), _) => from_environment(&value)?,
        (None, Err(_), Ok(id)) if !id.is_empty() => return Ok(Source::Agent(id)),
        _ => {
            return Err(format!(
                "no configuration: give --config FILE, or set {VARIABLE}, or {SELF} for the Agent's"
            ));
        }
    };
    let config = RouterConfig::from_any(&text).map_err(|error| format!("{origin}: {error}"))?;
    Ok(Source::Fixed(Box::new(config)))
}

fn from_environment(value: &str) -> Result<(String, String), String> {
    let looks_like_path = !value.contains(['{', '[']) && value.trim_start().starts_with('/');
    if looks_like_path {
        let path = Path::new(value.trim());
        return Ok((load(path)?, path.display().to_string()));
    }
    Ok((unescape(value), VARIABLE.to_owned()))
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
        let error = find(Some(Path::new("/nonexistent/router.conf"))).unwrap_err();
        assert!(error.starts_with("/nonexistent/router.conf: "), "{error}");
    }
}
