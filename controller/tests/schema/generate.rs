//! Values for the schemas of the document: ones that fit, and ones that are wrong in one place.

use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::world::World;

/// Texts that programs stumble over.
pub const ODD: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "é\u{202e}x",
    "../../etc/passwd",
    "' OR 1=1 --",
    "{{ 1 | divided_by: 0 }}",
    "{% for i in (1..99999999) %}x{% endfor %}",
    "{{ \"a\" | findAgent | map: 1 | first }}",
    "${Agents.none}",
    "${Apps.a}",
    "-1",
    "9223372036854775808",
    "1e999",
    "[]",
    "{\"a\":",
    "\\\"",
    "null",
    "<script>",
];

/// What was done to a value that fitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// A value of another type at this place: the answer has to be a refusal.
    Type(String),
    /// Something else; the answer may be anything declared.
    Odd,
}

/// A body for a schema, and what was done to it.
pub fn body(random: &mut Random, world: &World, schema: &Value) -> (Value, Change) {
    let mut value = fitting(random, world, schema, "");
    if random.one_in(2) {
        return (value, Change::None);
    }
    let change = spoil(random, schema, &mut value, String::new());
    (value, change)
}

/// A value that fits a schema; fields of well-known names often name things that exist.
pub fn fitting(random: &mut Random, world: &World, schema: &Value, name: &str) -> Value {
    if let Some(known) = world.known(name)
        && random.below(4) != 0
        && schema["type"] == "string"
        && schema.get("enum").is_none()
    {
        return json!(known);
    }
    if let Some(kinds) = schema["oneOf"].as_array() {
        let kind = random.pick(kinds).clone();
        return fitting(random, world, &kind, name);
    }
    if let Some(words) = schema["enum"].as_array() {
        return random.pick(words).clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!(text(random, schema)),
        Some("integer") => {
            let lowest = schema["minimum"].as_i64().unwrap_or(-5);
            let highest = schema["maximum"].as_i64().unwrap_or(lowest.saturating_add(20));
            let span = usize::try_from(highest.saturating_sub(lowest)).unwrap_or(20).min(70_000);
            let found = lowest + i64::try_from(random.below(span + 1)).unwrap_or_default();
            if random.one_in(4) { json!(found as f64) } else { json!(found) }
        }
        Some("number") => {
            let lowest = schema["minimum"].as_f64().unwrap_or(-5.0);
            let highest = schema["maximum"].as_f64().unwrap_or(lowest + 100.0);
            json!(lowest + (highest - lowest) * (random.below(1000) as f64) / 1000.0)
        }
        Some("boolean") => json!(random.one_in(2)),
        Some("array") => {
            let count = random.below(3);
            (0..count).map(|_| fitting(random, world, &schema["items"], name)).collect()
        }
        Some("object") => {
            let mut object = Map::new();
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if required.contains(&json!(name)) || random.one_in(3) {
                    object.insert(name.clone(), fitting(random, world, schema, name));
                }
            }
            Value::Object(object)
        }
        _ => random.pick(&[json!(1), json!("x"), json!({ "a": [1] }), json!([true])]).clone(),
    }
}

fn text(random: &mut Random, schema: &Value) -> String {
    let number = random.below(50);
    if schema["format"] == "email" {
        return format!("u{number}@b.co");
    }
    match schema["pattern"].as_str() {
        Some(pattern) if pattern.starts_with("^v?") => format!("1.{number}.0"),
        Some(_) => format!("n{number}.x-y"),
        // Long enough for every minimum.
        None => format!("some text {number}"),
    }
}

/// Makes one place wrong.
fn spoil(random: &mut Random, schema: &Value, value: &mut Value, path: String) -> Change {
    let fields: Vec<String> =
        value.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default();
    if !fields.is_empty() && (path.is_empty() || random.below(4) != 0) {
        let name = random.pick(&fields).clone();
        return spoil(
            random,
            &schema["properties"][&name],
            &mut value[&name],
            format!("{path}.{name}"),
        );
    }
    if let Some(items) = value.as_array_mut().filter(|items| !items.is_empty() && !path.is_empty())
        && random.below(4) != 0
    {
        let index = random.below(items.len());
        return spoil(random, &schema["items"], &mut items[index], format!("{path}[{index}]"));
    }
    let Some(kind) = schema["type"].as_str().filter(|_| !path.is_empty()) else {
        *value = random.pick(&[json!([]), json!([1]), json!({ "x": null }), Value::Null]).clone();
        return Change::Odd;
    };
    if random.one_in(2) {
        let others =
            [json!("text"), json!(7), json!(7.5), json!(true), json!([1]), json!({ "a": 1 })];
        let fits = |other: &Value| match kind {
            "string" => other.is_string(),
            "integer" => other.is_i64(),
            "number" => other.is_number(),
            "boolean" => other.is_boolean(),
            "array" => other.is_array(),
            _ => other.is_object(),
        };
        let others: Vec<&Value> = others.iter().filter(|other| !fits(other)).collect();
        *value = (*random.pick(&others)).clone();
        return Change::Type(path);
    }
    *value = match random.below(6) {
        0 => Value::Null,
        1 => json!("x".repeat(70_000)),
        2 => json!(i64::MAX),
        3 => json!(-1.0e300),
        4 => nested(40 + random.below(60)),
        _ => json!(random.pick(ODD)),
    };
    Change::Odd
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!("{{ self }}"), |inner, _| json!([inner]))
}
