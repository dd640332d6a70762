//! An ordered value ready to be written; mappings keep the order they were built in.

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Integer.
    Int(i128),
    /// Floating point.
    Float(f64),
    /// Text.
    Str(String),
    /// List.
    Seq(Vec<Self>),
    /// Mapping in writing order.
    Map(Vec<(Self, Self)>),
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// A mapping with text keys.
    pub fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (Self::text(key), value)).collect())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(known, _)| matches!(known, Self::Str(text) if text == key))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// A free JSON document; object keys come out in the order [`natural_order`] gives.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            // The standard program reads all numbers of free documents as floating point.
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => Self::Seq(items.iter().map(Self::from_json).collect()),
            Json::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|(one, _), (other, _)| natural_order(one, other));
                Self::Map(
                    entries
                        .into_iter()
                        .map(|(key, value)| (Self::text(key.as_str()), Self::from_json(value)))
                        .collect(),
                )
            }
        }
    }

    /// The value as JSON; mapping keys become text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Int(number) => {
                serde_json::Number::from_i128(*number).map_or(Json::Null, Json::Number)
            }
            Self::Float(number) => match format!("{number}").parse::<i64>() {
                Ok(whole) => whole.into(),
                Err(_) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
            },
            Self::Str(text) => Json::String(text.clone()),
            Self::Seq(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(entries) => Json::Object(
                entries.iter().map(|(key, value)| (key.key_text(), value.to_json())).collect(),
            ),
        }
    }

    /// A mapping key as text.
    fn key_text(&self) -> String {
        match self {
            Self::Str(text) => text.clone(),
            other => super::emit::document(other).trim_end().to_owned(),
        }
    }
}

/// Order of the keys of free mappings: letters after other characters, runs of digits by number.
pub fn natural_order(one: &str, other: &str) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    for index in 0..a.len().min(b.len()) {
        let (x, y) = (a[index], b[index]);
        if x == y {
            continue;
        }
        match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => return x.cmp(&y),
            (false, true) => return Ordering::Less,
            (true, false) => return Ordering::Greater,
            (false, false) => {}
        }
        let significant = (x == '0' || y == '0')
            && a[..index].iter().rev().take_while(|c| c.is_ascii_digit()).any(|&c| c != '0');
        let (an, alen) = digits(&a[index..], significant);
        let (bn, blen) = digits(&b[index..], significant);
        return an.cmp(&bn).then(alen.cmp(&blen)).then(x.cmp(&y));
    }
    a.len().cmp(&b.len())
}

/// Value and length of the digits a text starts with.
fn digits(text: &[char], significant: bool) -> (u128, usize) {
    let mut number = u128::from(significant);
    let mut length = 0;
    for digit in text.iter().map_while(|c| c.to_digit(10)) {
        number = number.saturating_mul(10).saturating_add(u128::from(digit));
        length += 1;
    }
    (number, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_of_keys() {
        let mut keys = vec!["b", "a10", "a2", "A", "_x", "a", "1", "10", "9"];
        keys.sort_by(|one, other| natural_order(one, other));
        assert_eq!(keys, ["_x", "1", "9", "10", "A", "a", "a2", "a10", "b"]);
    }

    #[test]
    fn json_round_trip() {
        let json = serde_json::json!({"b": [1, 2.5, null], "a": {"x": "y", "n": true}});
        assert_eq!(Value::from_json(&json).to_json(), json);
    }
}
