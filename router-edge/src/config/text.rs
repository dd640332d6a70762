//! The text syntax: `entity {`, `key: value` lines, `}`; `#` comments; nested JSON values.

use serde_json::{Map, Value};

use super::{ConfigError, Entity};

/// Attributes whose values may hold `#`.
const KEEP_HASH: [&str; 4] = ["pattern", "bindingKey", "hostname", "groups"];

pub(super) fn parse(text: &str) -> Result<Vec<Entity>, ConfigError> {
    let mut entities = Vec::new();
    let mut open: Option<Entity> = None;
    let mut lines = text.lines().enumerate();
    while let Some((index, raw)) = lines.next() {
        let line_number = index + 1;
        let line = raw.trim();
        let key_of_line = line.split(':').next().map(str::trim).unwrap_or_default();
        let line = if KEEP_HASH.contains(&key_of_line) {
            line
        } else {
            line.split('#').next().unwrap_or_default().trim()
        };
        if line.is_empty() {
            continue;
        }
        match open.as_mut() {
            None => {
                let Some(name) = line.strip_suffix('{').map(str::trim) else {
                    return syntax(line_number, format!("expected `entity {{`, found `{line}`"));
                };
                open = Some(Entity { name: camel_case(name), attributes: Map::new() });
            }
            Some(_) if line == "}" => entities.extend(open.take()),
            Some(entity) => {
                let Some((key, value)) = line.split_once(':') else {
                    return syntax(line_number, format!("expected `key: value`, found `{line}`"));
                };
                let value = value.trim();
                let value = if value.starts_with(['{', '[']) {
                    nested(value, line_number, &mut lines)?
                } else {
                    Value::String(unquote(value).to_owned())
                };
                entity.attributes.insert(camel_case(key.trim()), value);
            }
        }
    }
    match open {
        None => Ok(entities),
        Some(entity) => syntax(text.lines().count(), format!("`{}` is not closed", entity.name)),
    }
}

/// A JSON value that may span lines: read on until its brackets balance.
fn nested<'a>(
    first: &str,
    line: usize,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<Value, ConfigError> {
    let mut text = first.to_owned();
    while !balanced(&text) {
        match lines.next() {
            Some((_, more)) => {
                text.push('\n');
                text.push_str(more);
            }
            None => return syntax(line, "brackets do not close".to_owned()),
        }
    }
    serde_json::from_slice(text.as_bytes()).map_err(|error| ConfigError::Syntax {
        line,
        rule: format!("nested value is not JSON: {error}"),
    })
}

fn balanced(text: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth <= 0
}

fn unquote(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// `ssl-profile` and `ssl_profile` are written for `sslProfile`.
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '-' || c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

fn syntax<T>(line: usize, rule: String) -> Result<T, ConfigError> {
    Err(ConfigError::Syntax { line, rule })
}
