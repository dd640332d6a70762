//! Queries and form bodies: decoding, and the extended syntax `a[b]=c` (controller contract 0.1).

use serde_json::{Map, Value};

/// Deepest nesting of `a[b][c]`; further brackets stay in the name.
const DEEPEST: usize = 5;
/// Most pairs that are read.
const MOST: usize = 1000;

/// Pairs of a query, HTML-special characters of values escaped.
#[must_use]
pub fn sanitised(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .take(MOST)
        .map(|(name, value)| (name.into_owned(), escape(&value)))
        .collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The object that a form body stands for; all values are texts.
#[must_use]
pub fn form(body: &[u8]) -> Value {
    let mut root = Value::Object(Map::new());
    for (name, value) in form_urlencoded::parse(body).take(MOST) {
        let path = path_of(&name);
        place(&mut root, &path, Value::from(value.into_owned()));
    }
    root
}

/// `a[b][c]` as `["a", "b", "c"]`.
#[must_use]
pub fn path_of(name: &str) -> Vec<&str> {
    let Some((first, rest)) = name.split_once('[') else { return vec![name] };
    let mut path = vec![first];
    let inner = rest.strip_suffix(']').unwrap_or(rest);
    path.extend(inner.splitn(DEEPEST, "]["));
    path
}

fn place(at: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *at = value;
        return;
    };
    if first.is_empty()
        || first.parse::<usize>().is_ok() && at.as_object().is_none_or(Map::is_empty)
    {
        if !at.is_array() {
            *at = Value::Array(Vec::new());
        }
        if let Value::Array(items) = at {
            let index = first.parse().unwrap_or(items.len()).min(items.len());
            if index == items.len() {
                items.push(Value::Null);
            }
            if let Some(item) = items.get_mut(index) {
                place(item, rest, value);
            }
        }
        return;
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    if let Value::Object(object) = at {
        place(object.entry((*first).to_owned()).or_insert(Value::Null), rest, value);
    }
}

/// What the pairs `name[a][b]=value` of a query stand for, as a field `name` of an object; without such pairs an empty one.
#[must_use]
pub fn nested(query: &[(String, String)], name: &str) -> Value {
    let mut root = Value::Object(Map::new());
    for (key, value) in query {
        let path = path_of(key);
        if path.first() == Some(&name) {
            place(&mut root, &path, Value::from(value.as_str()));
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_nest() {
        assert_eq!(
            form(b"a=1&b[c]=2&b[d][]=3&b[d][]=4&e[0][f]=5"),
            json!({ "a": "1", "b": { "c": "2", "d": ["3", "4"] }, "e": [{ "f": "5" }] })
        );
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(sanitised("x=%3Cb%3E"), [("x".to_owned(), "&lt;b&gt;".to_owned())]);
    }

    #[test]
    fn filters_are_gathered_by_index() {
        let gathered = |query: &str| nested(&sanitised(query), "filters");
        assert_eq!(
            gathered("filters[0][key]=name&filters[0][value]=a&x=y&filters[1][key]=tags"),
            json!({ "filters": [{ "key": "name", "value": "a" }, { "key": "tags" }] })
        );
        assert_eq!(gathered("system=true"), json!({}));
        assert_eq!(gathered("filters=a"), json!({ "filters": "a" }));
        assert_eq!(gathered("filters[0]=a"), json!({ "filters": ["a"] }));
        assert_eq!(gathered("filters[key]=a"), json!({ "filters": { "key": "a" } }));
    }
}
