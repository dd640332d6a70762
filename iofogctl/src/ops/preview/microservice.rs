//! Microservices as documents with everything filled in that the Controller fills in, so that the
//! wanted one and the one that is there can be compared (Controller contract, section 8.2).

use serde_json::{Map, Value, json};

use super::super::catalog::registry_word;
use super::super::microservice::{Lookup, MicroserviceSpec};
use super::compare::{Found, by_name};
use super::json;
use crate::rest::Microservice;
use crate::text::Result;

/// Lists that a document without them clears.
const LISTS: &[&str] = &["ports", "volumes", "env", "commands", "extraHosts"];
/// What this program can read back, and therefore compare.
const COMPARED: &[&str] = &["agent", "images", "container", "config", "rebuild"];
/// Keys that say which microservice is meant.
const NAMES: &[&str] = &["name", "uuid", "application"];
const CONTAINER: &[&str] = &["rootHostAccess"];

/// Compares a document with the microservice that is there.
pub(super) fn compare(found: &mut Found, path: &str, wanted: &Value, current: &Value) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let Some(entries) = wanted.as_object() else {
        return found.part(path, wanted, Some(current));
    };
    if let Some(agent) = entries.get("agent").and_then(|agent| agent.get("name")) {
        found.part(&below("agent.name"), agent, current.pointer("/agent/name"));
    }
    if let Some(images) = entries.get("images").and_then(Value::as_object) {
        found.part(&below("images"), &wanted_images(images), current.get("images"));
    }
    let container = wanted_container(entries.get("container"));
    let known = |key: &str| LISTS.contains(&key) || CONTAINER.contains(&key);
    for (key, wanted) in by_name(&container) {
        let path = below(&format!("container.{key}"));
        if known(key) {
            found.part(&path, wanted, current.pointer(&format!("/container/{key}")));
        } else {
            found.skip(&path, "not shown by the Controller's API, not compared");
        }
    }
    let empty = json!({});
    let config = entries.get("config").filter(|config| !config.is_null()).unwrap_or(&empty);
    found.whole(&below("config"), config, current.get("config"));
    // A wish to build anew is work, whatever is there.
    if let Some(rebuild) = entries.get("rebuild") {
        found.part(&below("rebuild"), rebuild, None);
    }
    for key in entries.keys() {
        if !COMPARED.contains(&key.as_str()) && !NAMES.contains(&key.as_str()) {
            found.skip(&below(key), "not known to this program, not compared");
        }
    }
}

fn wanted_images(images: &Map<String, Value>) -> Value {
    let item = images.get("catalogId").filter(|id| !id.is_null() && **id != json!(0));
    if let Some(item) = item {
        return json!({"catalogId": item});
    }
    let mut images = images.clone();
    images.insert("catalogId".into(), json!(0));
    let registry = images.get("registry").map_or_else(|| json!("remote"), registry);
    images.insert("registry".into(), registry);
    Value::Object(images)
}

/// `remote` or `local`, or the number as text.
fn registry(value: &Value) -> Value {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    match number {
        None => value.clone(),
        Some(number) if registry_word(number).is_empty() => json!(number.to_string()),
        Some(number) => json!(registry_word(number)),
    }
}

fn wanted_container(container: Option<&Value>) -> Map<String, Value> {
    let mut container = container.and_then(Value::as_object).cloned().unwrap_or_default();
    for list in LISTS {
        container.entry(*list).or_insert_with(|| json!([]));
    }
    container
}

/// A microservice of the Controller as a document.
pub(super) fn current(lookup: &mut Lookup<'_>, microservice: &Microservice) -> Result<Value> {
    let spec: MicroserviceSpec = lookup.spec(microservice)?;
    let mut spec = json(&spec)?;
    // As it is stored: documents show all numbers of a configuration as floating point.
    spec["config"] = serde_json::from_str(&microservice.config).unwrap_or_else(|_| json!({}));
    // Registries of other numbers have no word.
    spec["images"]["registry"] = registry(&json!(microservice.registry_id));
    Ok(spec)
}

/// A microservice inside a template, which is stored as the body of a request, as a document.
pub(super) fn stored(body: &Value) -> Value {
    let field = |key: &str| body.get(key).cloned().unwrap_or(Value::Null);
    let image = |number: i64| {
        let images = body.get("images").and_then(Value::as_array)?;
        let found = images.iter().find(|image| image["fogTypeId"] == json!(number))?;
        found.get("containerImage").cloned()
    };
    let config = match body.get("config") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Some(other) => other.clone(),
        None => json!({}),
    };
    let item = body.get("catalogItemId").cloned().unwrap_or_else(|| json!(0));
    json!({
        "agent": {"name": field("agentName")},
        "images": {
            "catalogId": item,
            "x86": image(1),
            "arm": image(2),
            "registry": body.get("registryId").map_or_else(|| json!("remote"), registry),
        },
        "container": {
            "ports": field("ports"),
            "volumes": field("volumeMappings"),
            "env": field("env"),
            "commands": field("cmd"),
            "extraHosts": field("extraHosts"),
            "rootHostAccess": field("rootHostAccess"),
        },
        "config": config,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wanted: &Value, current: &Value) -> (Vec<String>, Vec<String>) {
        let mut found = Found::default();
        compare(&mut found, "", wanted, current);
        (found.fields.into_iter().map(|field| field.path).collect(), found.notes)
    }

    #[test]
    fn a_stored_template_is_the_document_it_came_from() {
        let document = json!({
            "name": "m1", "agent": {"name": "gate"},
            "images": {"x86": "a:1", "arm": "b:1", "registry": 3},
            "container": {"ports": [{"internal": 80, "external": 5000}], "env": [{"key": "K", "value": 1}], "commands": ["a"]},
            "config": {"any": "json"},
        });
        let body = json!({
            "name": "m1", "agentName": "gate", "registryId": 3,
            "images": [{"fogTypeId": 1, "containerImage": "a:1"}, {"fogTypeId": 2, "containerImage": "b:1"}],
            "ports": [{"internal": 80, "external": 5000}], "env": [{"key": "K", "value": "1"}], "cmd": ["a"],
            "volumeMappings": [], "extraHosts": [], "config": "{\"any\":\"json\"}",
        });
        assert_eq!(found(&document, &stored(&body)), (vec![], vec![]));
        let mut other = document;
        other["images"]["registry"] = json!("local");
        other["config"] = json!({});
        assert_eq!(found(&other, &stored(&body)).0, ["images.registry", "config.any"]);
    }

    #[test]
    fn lists_left_out_are_cleared_and_strange_keys_are_noted() {
        let current =
            json!({"container": {"env": [{"key": "A", "value": "1"}], "ports": []}, "config": {}});
        let (fields, notes) =
            found(&json!({"container": {"logSize": 5}, "rebuild": true, "more": 1}), &current);
        assert_eq!(fields, ["container.env[A]", "rebuild"]);
        assert_eq!(notes.len(), 2, "{notes:?}");
    }

    #[test]
    fn images_of_the_catalog_are_compared_by_their_item() {
        let current = json!({"images": {"catalogId": 14, "x86": "g:1", "arm": "", "registry": "local"}, "config": {}});
        assert_eq!(found(&json!({"images": {"catalogId": 14}}), &current).0, Vec::<String>::new());
        let own = json!({"images": {"x86": "g:1", "registry": "local"}});
        assert_eq!(found(&own, &current).0, ["images.catalogId"]);
    }
}
