//! Comparing what a document says with what is there. Fields that a document leaves out stay as
//! they are and are not compared; lists are compared whole, entry by entry.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Field;

/// What names an entry of a list, the first that all entries have.
const IDENTITIES: &[&str] = &["name", "key", "internal", "containerDestination"];

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Fields that differ.
    pub(super) fields: Vec<Field>,
    /// What was not compared.
    pub(super) notes: Vec<String>,
}

impl Found {
    /// Compares the keys that are wanted.
    pub(super) fn part(&mut self, path: &str, wanted: &Value, current: Option<&Value>) {
        self.value(path, wanted, current, false);
    }

    /// Compares also the keys that are there and not wanted.
    pub(super) fn whole(&mut self, path: &str, wanted: &Value, current: Option<&Value>) {
        self.value(path, wanted, current, true);
    }

    /// Tells what would go.
    pub(super) fn gone(&mut self, path: &str, current: &Value) {
        self.differs(path, Some(current), None);
    }

    /// Notes a field that is not compared.
    pub(super) fn skip(&mut self, path: &str, why: &str) {
        self.notes.push(format!("{path}: {why}"));
    }

    fn value(&mut self, path: &str, wanted: &Value, current: Option<&Value>, whole: bool) {
        match (wanted, current) {
            (Value::String(text), _) if text.contains("{{") || text.contains("{%") => {
                self.skip(path, "computed by the Controller, not compared");
            }
            (Value::Object(wanted), Some(Value::Object(current))) => {
                self.object(path, wanted, current, whole);
            }
            (Value::Array(wanted), Some(Value::Array(current))) => {
                self.list(path, wanted, current, whole);
            }
            _ if is_empty(wanted) && current.is_none_or(is_empty) => {}
            _ if current.is_some_and(|current| is_same(wanted, current)) => {}
            _ => self.differs(path, current, Some(wanted)),
        }
    }

    fn object(
        &mut self,
        path: &str,
        wanted: &Map<String, Value>,
        current: &Map<String, Value>,
        whole: bool,
    ) {
        for (key, wanted) in by_name(wanted).filter(|(_, wanted)| whole || !wanted.is_null()) {
            self.value(&below(path, key), wanted, current.get(key), whole);
        }
        for (key, current) in
            by_name(current).filter(|(key, _)| whole && !wanted.contains_key(*key))
        {
            self.differs(&below(path, key), Some(current), None);
        }
    }

    fn list(&mut self, path: &str, wanted: &[Value], current: &[Value], whole: bool) {
        let identity = IDENTITIES
            .iter()
            .find(|identity| are_named(wanted, identity) && are_named(current, identity));
        let Some(identity) = identity else {
            let same = wanted.len() == current.len()
                && wanted.iter().zip(current).all(|(one, other)| is_same(one, other));
            if !same {
                let list = |items: &[Value]| Value::Array(items.to_vec());
                self.differs(path, Some(&list(current)), Some(&list(wanted)));
            }
            return;
        };
        let find = |items: &[Value], name: &Value| {
            items
                .iter()
                .find(|item| item.get(identity).is_some_and(|own| is_same(own, name)))
                .cloned()
        };
        for entry in wanted {
            let name = &entry[*identity];
            let path = format!("{path}[{}]", words(name));
            match find(current, name) {
                Some(found) => self.value(&path, entry, Some(&found), whole),
                None => self.differs(&path, None, Some(entry)),
            }
        }
        for entry in current.iter().filter(|entry| find(wanted, &entry[*identity]).is_none()) {
            self.differs(&format!("{path}[{}]", words(&entry[*identity])), Some(entry), None);
        }
    }

    fn differs(&mut self, path: &str, from: Option<&Value>, to: Option<&Value>) {
        let (from, to) = (from.map(sorted), to.map(sorted));
        self.fields.push(Field { path: path.to_owned(), from, to });
    }
}

/// Keys in the order of their names: the order of a map is that of its text or not, as the program happens to be built.
pub(super) fn by_name(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    map.iter().collect::<BTreeMap<_, _>>().into_iter()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            by_name(map).map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Whether every entry has a value of that key, each another one.
fn are_named(items: &[Value], identity: &str) -> bool {
    let names: Vec<&Value> = items.iter().filter_map(|item| item.get(identity)).collect();
    let unique = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
    names.len() == items.len() && unique
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a field that is left out means.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

/// Equality as the Controller sees it: `5` is `5.0`, and a scalar is the same as its text.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| is_same(one, other)))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::String(text), scalar @ (Value::Number(_) | Value::Bool(_)))
        | (scalar @ (Value::Number(_) | Value::Bool(_)), Value::String(text)) => {
            text.as_str() == words(scalar)
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(wanted: &Value, current: &Value, whole: bool) -> Vec<String> {
        let mut found = Found::default();
        found.value("", wanted, Some(current), whole);
        found.fields.into_iter().map(|field| field.path).collect()
    }

    #[test]
    fn only_stated_fields_count_unless_the_whole_is_wanted() {
        let (wanted, current) = (json!({"a": {"b": 1}}), json!({"a": {"b": 1.0, "c": 2}, "d": 3}));
        assert_eq!(paths(&wanted, &current, false), Vec::<String>::new());
        assert_eq!(paths(&wanted, &current, true), ["a.c", "d"]);
        assert_eq!(paths(&json!({"a": {"b": 2}}), &current, false), ["a.b"]);
    }

    #[test]
    fn lists_are_compared_by_the_names_of_their_entries() {
        let current = json!({"env": [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}]});
        let reordered = json!({"env": [{"key": "B", "value": 2}, {"key": "A", "value": "1"}]});
        assert_eq!(paths(&reordered, &current, false), Vec::<String>::new());
        let other = json!({"env": [{"key": "A", "value": "7"}, {"key": "C", "value": ""}]});
        assert_eq!(paths(&other, &current, false), ["env[A].value", "env[C]", "env[B]"]);
        assert_eq!(paths(&json!(["x", "y"]), &json!(["y", "x"]), false), [""]);
        // Two entries of one name cannot be told apart: the list is compared as it stands.
        let twice = json!([{"internal": 80, "external": 1}, {"internal": 80, "external": 2}]);
        assert_eq!(paths(&twice, &twice, false), Vec::<String>::new());
    }

    #[test]
    fn absent_is_empty_and_scalars_are_their_text() {
        assert_eq!(
            paths(&json!({"a": false, "b": "", "c": null}), &json!({}), false),
            Vec::<String>::new()
        );
        assert_eq!(paths(&json!({"a": true}), &json!({"a": "true"}), false), Vec::<String>::new());
        assert_eq!(paths(&json!({"a": true}), &json!({}), false), ["a"]);
    }

    #[test]
    fn expressions_are_noted_and_not_compared() {
        let mut found = Found::default();
        found.part("", &json!({"port": "{{ port }}"}), Some(&json!({"port": 5})));
        assert!(found.fields.is_empty());
        assert_eq!(found.notes, ["port: computed by the Controller, not compared"]);
    }
}
