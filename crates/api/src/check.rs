//! Reads request bodies field by field and refuses with the contract's messages (controller contract 0.4).
//! Unknown fields are accepted; a whole float counts as an integer.

use serde_json::{Map, Value};

use crate::failure::ApiError;
use crate::number;

/// Fields of a JSON object; `path` names it in messages (`ports[0]`, empty at the top).
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    path: String,
}

/// Longest name by the contract's rule, in characters: names stand in paths, and the contract's own columns end there.
pub const LONGEST_NAME: usize = 255;

type Checked<T> = Result<T, ApiError>;

impl<'a> Fields<'a> {
    /// Fields of a body; an absent body is an empty object.
    ///
    /// # Errors
    /// When the body is neither an object nor null.
    pub fn of(body: &'a Value) -> Checked<Self> {
        Self::at(body, String::new())
    }

    fn at(value: &'a Value, path: String) -> Checked<Self> {
        match value {
            Value::Object(object) => Ok(Self { object: Some(object), path }),
            Value::Null if path.is_empty() => Ok(Self { object: None, path }),
            _ => Err(wrong_type(&path, "object")),
        }
    }

    /// The value of a field, present and not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.and_then(|object| object.get(name)).filter(|value| !value.is_null())
    }

    /// True when the field is there, be it null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.is_some_and(|object| object.contains_key(name))
    }

    /// Where a field is, for messages.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// An optional string.
    ///
    /// # Errors
    /// When it is of another type.
    pub fn string(&self, name: &str) -> Checked<Option<String>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong_type(&self.path(name), "string")),
        }
    }

    /// A string that must be there and have at least `shortest` characters.
    ///
    /// # Errors
    /// When it is missing, of another type, or too short.
    pub fn required_string(&self, name: &str, shortest: usize) -> Checked<String> {
        let text = self.string(name)?.ok_or_else(|| missing(name))?;
        self.at_least(name, &text, shortest)?;
        Ok(text)
    }

    /// Refuses a text that is too short.
    ///
    /// # Errors
    /// When it is.
    pub fn at_least(&self, name: &str, text: &str, shortest: usize) -> Checked<()> {
        if text.chars().count() >= shortest {
            return Ok(());
        }
        Err(ApiError::validation(format!(
            "Field {} does not meet minimum length of {shortest}",
            self.path(name)
        )))
    }

    /// An optional integer within bounds.
    ///
    /// # Errors
    /// When it is of another type or out of bounds.
    pub fn integer(&self, name: &str, lowest: i64, highest: i64) -> Checked<Option<i64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let path = self.path(name);
        let found = number::integer_of(value).ok_or_else(|| wrong_type(&path, "integer"))?;
        if found < lowest {
            return Err(ApiError::validation(format!(
                "{path} must have a minimum value of {lowest}"
            )));
        }
        if found > highest {
            return Err(ApiError::validation(format!(
                "{path} must have a maximum value of {highest}"
            )));
        }
        Ok(Some(found))
    }

    /// An integer that must be there.
    ///
    /// # Errors
    /// When it is missing, of another type or out of bounds.
    pub fn required_integer(&self, name: &str, lowest: i64, highest: i64) -> Checked<i64> {
        self.integer(name, lowest, highest)?.ok_or_else(|| missing(name))
    }

    /// An optional number within bounds.
    ///
    /// # Errors
    /// When it is of another type or out of bounds.
    pub fn number(&self, name: &str, lowest: f64, highest: f64) -> Checked<Option<f64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let path = self.path(name);
        let found = value.as_f64().ok_or_else(|| wrong_type(&path, "number"))?;
        if found < lowest {
            return Err(ApiError::validation(format!(
                "{path} must have a minimum value of {lowest}"
            )));
        }
        if found > highest {
            return Err(ApiError::validation(format!(
                "{path} must have a maximum value of {highest}"
            )));
        }
        Ok(Some(found))
    }

    /// An optional boolean.
    ///
    /// # Errors
    /// When it is of another type.
    pub fn boolean(&self, name: &str) -> Checked<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong_type(&self.path(name), "boolean")),
        }
    }

    /// An optional string out of a list.
    ///
    /// # Errors
    /// When it is of another type or not in the list.
    pub fn one_of(&self, name: &str, known: &[&str]) -> Checked<Option<String>> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        if known.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        Err(ApiError::validation(format!(
            "Field {} is not one of enum values: {}",
            self.path(name),
            known.join(",")
        )))
    }

    /// An optional list.
    ///
    /// # Errors
    /// When it is of another type.
    pub fn list(&self, name: &str) -> Checked<Option<&'a [Value]>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(wrong_type(&self.path(name), "array")),
        }
    }

    /// An optional list of strings.
    ///
    /// # Errors
    /// When it or an item is of another type.
    pub fn strings(&self, name: &str) -> Checked<Option<Vec<String>>> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let each = items.iter().enumerate().map(|(index, item)| match item {
            Value::String(text) => Ok(text.clone()),
            _ => Err(wrong_type(&format!("{}[{index}]", self.path(name)), "string")),
        });
        each.collect::<Checked<Vec<_>>>().map(Some)
    }

    /// An optional list of objects, each read by `read`.
    ///
    /// # Errors
    /// When it or an item is of another type, or `read` refuses one.
    pub fn objects<T>(
        &self,
        name: &str,
        read: impl Fn(&Fields<'a>) -> Checked<T>,
    ) -> Checked<Option<Vec<T>>> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let each = items
            .iter()
            .enumerate()
            .map(|(index, item)| read(&Fields::at(item, format!("{}[{index}]", self.path(name)))?));
        each.collect::<Checked<Vec<_>>>().map(Some)
    }

    /// An optional object.
    ///
    /// # Errors
    /// When it is of another type.
    pub fn object(&self, name: &str) -> Checked<Option<Fields<'a>>> {
        self.get(name).map(|value| Fields::at(value, self.path(name))).transpose()
    }

    /// An optional name by the contract's rule: lower-case words, digits, `-`, joined by dots.
    ///
    /// # Errors
    /// When it is of another type or form, or too long.
    pub fn name(&self, name: &str) -> Checked<Option<String>> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        if text.len() > LONGEST_NAME {
            return Err(ApiError::validation(format!(
                "Field {} does not meet maximum length of {LONGEST_NAME}",
                self.path(name)
            )));
        }
        if is_name(&text) { Ok(Some(text)) } else { Err(wrong_format(&self.path(name))) }
    }

    /// A name that must be there.
    ///
    /// # Errors
    /// When it is missing, or of another type or form.
    pub fn required_name(&self, name: &str) -> Checked<String> {
        self.name(name)?.ok_or_else(|| missing(name))
    }

    /// An e-mail address that must be there.
    ///
    /// # Errors
    /// When it is missing, or of another type or form.
    pub fn required_email(&self, name: &str) -> Checked<String> {
        let text = self.required_string(name, 0)?;
        if is_email(&text) { Ok(text) } else { Err(wrong_format(&self.path(name))) }
    }
}

/// `Required field '<name>' is missing`.
#[must_use]
pub fn missing(name: &str) -> ApiError {
    ApiError::validation(format!("Required field '{name}' is missing"))
}

fn wrong_type(path: &str, wanted: &str) -> ApiError {
    ApiError::validation(format!("Field '{path}' is not of a type(s) {wanted}"))
}

fn wrong_format(path: &str) -> ApiError {
    ApiError::validation(format!("Invalid format for field '{path}'"))
}

/// The name rule of controller contract 0.2.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.split('.').all(|word| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        word.bytes().all(|byte| inner(byte) || byte == b'-')
            && word.bytes().next().is_some_and(inner)
            && word.bytes().last().is_some_and(inner)
    })
}

/// The e-mail rule of controller contract 0.2.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let forbidden = |c: char| c.is_whitespace() || "<>()[]\\,;:@\"".contains(c);
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let plain = local.split('.').all(|word| !word.is_empty() && !word.contains(forbidden));
    let address = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<std::net::Ipv4Addr>().is_ok());
    let labels: Vec<&str> = domain.split('.').collect();
    let dotted = labels.len() > 1
        && labels.iter().all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
        && labels
            .last()
            .is_some_and(|top| top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic()));
    (quoted || plain) && (address || dotted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message<T: std::fmt::Debug>(result: Checked<T>) -> String {
        result.unwrap_err().message
    }

    #[test]
    fn messages_are_the_contracts() {
        let body = json!({ "n": "x", "i": "7", "low": -1, "ok": 50.0, "e": "q", "l": [1] });
        let fields = Fields::of(&body).unwrap();
        assert_eq!(message(fields.required_string("name", 1)), "Required field 'name' is missing");
        assert_eq!(message(fields.integer("i", 0, 9)), "Field 'i' is not of a type(s) integer");
        assert_eq!(message(fields.integer("low", 0, 9)), "low must have a minimum value of 0");
        assert_eq!(fields.integer("ok", 0, 99).unwrap(), Some(50));
        assert_eq!(
            message(fields.required_string("n", 3)),
            "Field n does not meet minimum length of 3"
        );
        assert_eq!(
            message(fields.one_of("e", &["a", "b"])),
            "Field e is not one of enum values: a,b"
        );
        let long = json!({ "name": "a".repeat(255), "longer": "a".repeat(256) });
        let fields_of_long = Fields::of(&long).unwrap();
        assert!(fields_of_long.required_name("name").is_ok());
        assert_eq!(
            message(fields_of_long.name("longer")),
            "Field longer does not meet maximum length of 255"
        );
        assert_eq!(message(fields.strings("l")), "Field 'l[0]' is not of a type(s) string");
    }

    #[test]
    fn names_and_addresses() {
        for good in ["a", "a-b", "a.b-c.9"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b"] {
            assert!(!is_name(bad), "{bad}");
        }
        for good in ["a@b.co", "a.b@c-d.example", "\"x y\"@b.co", "a@[10.0.0.1]"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["a", "a@b", "a b@c.co", "a@b.c", ".a@b.co", "a@@b.co"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
