//! The name rule and the `application/name` form (iofogctl contract, section 1).

use super::{Error, Result};

/// Checks a resource name: at least three characters, lower-case letters, digits, `-` and `.`,
/// each dot-separated part starting and ending with a letter or digit.
///
/// # Errors
/// [`Error::Input`] naming the kind of resource and the rule.
pub fn check(kind: &str, name: &str) -> Result<()> {
    if name.len() <= 2 {
        return Err(Error::Input(format!(
            "{kind} name {name} is not valid. Names must be atleast 3 characters in length."
        )));
    }
    if name.split('.').all(part_is_valid) {
        return Ok(());
    }
    Err(Error::Input(format!(
        "{kind} name {name} is not valid. Names must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
    )))
}

fn part_is_valid(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => {
            alphanumeric(first)
                && alphanumeric(last)
                && bytes.iter().all(|&byte| alphanumeric(byte) || byte == b'-')
        }
        _ => false,
    }
}

/// A microservice or route name with its application; a name of one part has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualifiedName {
    /// Application; empty when the name had one part.
    pub application: String,
    /// The resource itself.
    pub name: String,
}

impl QualifiedName {
    /// Reads `application/name` or `name`.
    ///
    /// # Errors
    /// [`Error::Input`] when empty, of more than two parts, or a part breaks the name rule.
    pub fn parse(kind: &str, text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [name] if !name.is_empty() => {
                check(kind, name)?;
                Ok(Self { application: String::new(), name: (*name).to_owned() })
            }
            [application, name] => {
                check("application", application)?;
                check(kind, name)?;
                Ok(Self { application: (*application).to_owned(), name: (*name).to_owned() })
            }
            _ => Err(Error::Input(format!("Invalid {kind} name {text}"))),
        }
    }
}

/// Expands `~` at the start to the home directory and makes paths starting with `.` absolute.
///
/// # Errors
/// [`Error::Plain`] when the home or current directory is unknown.
pub fn expand_path(path: &str) -> Result<String> {
    if let Some(rest) = path.strip_prefix('~') {
        let home = std::env::var("HOME").map_err(|_| Error::plain("$HOME is not defined"))?;
        return Ok(format!("{home}{rest}"));
    }
    if path.starts_with('.') {
        let current = std::env::current_dir()
            .map_err(|cause| Error::io("getwd", std::path::Path::new("."), &cause))?;
        return Ok(clean(&current.join(path)).display().to_string());
    }
    Ok(path.to_owned())
}

/// Removes `.` and resolves `..` by text, like the shell's `pwd -L`.
fn clean(path: &std::path::Path) -> std::path::PathBuf {
    use std::path::{Component, PathBuf};
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// Whether a host or address means this machine.
pub fn is_local_host(host: &str) -> bool {
    let host =
        host.strip_prefix("https://").or_else(|| host.strip_prefix("http://")).unwrap_or(host);
    ["localhost", "127.0.0.1", "0.0.0.0"].iter().any(|local| host.starts_with(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_rule() {
        for good in ["abc", "a-b", "a.b", "a1.b2-c3", "000"] {
            assert!(check("X", good).is_ok(), "{good}");
        }
        for bad in ["ab", "", "Abc", "abc-", "-abc", "a..b", "a_b", "abc.", "a b"] {
            assert!(check("X", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn qualified_name_forms() {
        let full = QualifiedName::parse("Route", "app/one").unwrap();
        assert_eq!((full.application.as_str(), full.name.as_str()), ("app", "one"));
        assert_eq!(QualifiedName::parse("Route", "one").unwrap().application, "");
        assert_eq!(
            QualifiedName::parse("Route", "a/b/c").unwrap_err().to_string(),
            "User input error\nInvalid Route name a/b/c"
        );
        assert!(QualifiedName::parse("Route", "").is_err());
    }

    #[test]
    fn path_cleaning_is_textual() {
        assert_eq!(clean(std::path::Path::new("/a/./b/../c")), std::path::Path::new("/a/c"));
    }
}
