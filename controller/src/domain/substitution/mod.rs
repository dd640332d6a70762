//! Values of request bodies that are Liquid templates (controller contract 9). A string is rendered in place and may
//! become a value of another type; what filters ask about agents and applications is looked up by the caller.

mod cycle;
mod filters;
mod guard;
mod language;
mod lists;
mod rewrite;
mod runtime;

use std::collections::HashMap;

use iofog_api::ApiError;
use liquid_core::model::{Object, to_value};
use runtime::{Spent, TOO_LARGE};
use serde_json::{Map, Value};

/// What a filter asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// The user's agent of a name.
    Agent(String),
    /// All of the user's agents.
    Agents,
    /// The agent with a uuid.
    AgentByUuid(String),
    /// The user's application of a name.
    Application(String),
    /// An edge resource of a name: one version, or all of them.
    EdgeResource(String, Option<String>),
}

/// Answers of lookups so far, kept for one request.
type Found = HashMap<Lookup, liquid_core::Value>;

/// Lookups that one string may need, one after another.
const ROUNDS: usize = 32;

/// A step on the way to a value.
#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

struct Walk<'a> {
    globals: Object,
    found: Found,
    spent: Spent,
    look_up: &'a mut dyn FnMut(&Lookup) -> Result<Value, ApiError>,
}

/// Renders every string of a body, in order; `self` in templates is the body as rendered so far, `variables` are the
/// other names. A template that fails becomes the text of its error.
///
/// # Errors
/// Only when a lookup fails, not when it finds nothing.
pub fn substitute(
    body: &mut Value,
    variables: &Map<String, Value>,
    look_up: &mut dyn FnMut(&Lookup) -> Result<Value, ApiError>,
) -> Result<(), ApiError> {
    if !has_template(body) {
        return Ok(());
    }
    let mut globals = Object::new();
    for (name, value) in variables {
        globals.insert(name.clone().into(), liquid(value));
    }
    globals.insert("self".into(), liquid(body));
    let mut walk = Walk { globals, found: Found::new(), spent: Spent::default(), look_up };
    walk.visit(body, &mut Vec::new())
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(fields) => fields.values().any(has_template),
        _ => false,
    }
}

/// The value as templates see it; a number beyond 64 bits is nothing to them.
fn liquid(value: &Value) -> liquid_core::Value {
    to_value(value).unwrap_or(liquid_core::Value::Nil)
}

impl Walk<'_> {
    fn visit(&mut self, value: &mut Value, path: &mut Vec<Step>) -> Result<(), ApiError> {
        match value {
            Value::String(text) if is_template(text) => {
                *value = self.render(text)?;
                let mut shown = liquid(value);
                if !self.spent.keep(&shown) {
                    *value = language::failed(TOO_LARGE);
                    shown = liquid(value);
                }
                self.replace(path, shown);
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    path.push(Step::Index(index));
                    self.visit(item, path)?;
                    path.pop();
                }
            }
            Value::Object(fields) => {
                for (key, item) in fields.iter_mut() {
                    path.push(Step::Key(key.clone()));
                    self.visit(item, path)?;
                    path.pop();
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Renders again after each lookup, until nothing is missing.
    fn render(&mut self, text: &str) -> Result<Value, ApiError> {
        for _ in 0..ROUNDS {
            if !self.spent.parse(text) {
                return Ok(language::failed(TOO_LARGE));
            }
            match language::render(text, &self.globals, &mut self.found, &mut self.spent) {
                language::Rendered::Done(value) => return Ok(value),
                language::Rendered::Missing(lookup) => {
                    if !self.spent.look_up() {
                        return Ok(language::failed(TOO_LARGE));
                    }
                    let answer = (self.look_up)(&lookup)?;
                    self.found.insert(lookup, liquid(&answer));
                }
            }
        }
        Ok(language::failed("too many lookups"))
    }

    fn replace(&mut self, path: &[Step], value: liquid_core::Value) {
        let mut at = self.globals.get_mut("self");
        for step in path {
            at = match (at, step) {
                (Some(of), Step::Key(key)) => {
                    of.as_object_mut().and_then(|object| object.get_mut(key.as_str()))
                }
                (Some(of), Step::Index(index)) => {
                    of.as_array_mut().and_then(|array| array.get_mut(*index))
                }
                (None, _) => None,
            };
        }
        if let Some(at) = at {
            *at = value;
        }
    }
}

/// For the fuzz target: any text as a template, with an answer to whatever its filters ask.
#[doc(hidden)]
pub fn fuzz(text: &str) {
    let mut body = serde_json::json!({ "text": "Hello, \u{e9}", "number": i64::MIN, "big": u64::MAX, "half": -0.5,
        "list": [3, "1", 2.5, null, true, { "a": 1 }], "objects": [{ "a": "x" }, { "a": 2 }], "t": text });
    let answer = body.clone();
    let variables = Map::from_iter([("v".to_owned(), Value::from("1.5"))]);
    let _ = substitute(&mut body, &variables, &mut |_| Ok(answer.clone()));
}

#[cfg(test)]
mod tests;
