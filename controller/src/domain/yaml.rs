//! YAML documents turned into the JSON bodies of the API (spec section 8.2).

use iofog_api::ApiError;
use serde_json::{Map, Value, json};

/// Largest document read.
pub const LIMIT: usize = 1024 * 1024;
/// Most lists, objects and values of a document, and most bytes of text, with those that aliases repeat: what a short document
/// could become otherwise would not fit a small machine.
const NODES: usize = 100_000;
const TEXT: usize = 4 * LIMIT;

/// Reads a document of the given kind; returns its name and its JSON body.
///
/// # Errors
/// 400 for a syntax error, another kind, or a document without `metadata` or `spec`.
pub fn read(text: &str, kind: &str) -> Result<Map<String, Value>, ApiError> {
    // YAML 1.2 as in 3.0.4: `on`, `no` and `y` are texts.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_nodes: NODES,
            max_events: 3 * NODES,
            max_total_scalar_bytes: TEXT,
            max_recorded_anchor_events: 3 * NODES,
            max_recorded_anchor_bytes: TEXT,
        },
    };
    let document: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let first = error.to_string();
        let first = first.lines().next().unwrap_or_default().to_owned();
        ApiError::validation(format!("Invalid YAML format: {first}"))
    })?;
    let given = document.get("kind").and_then(Value::as_str).unwrap_or_default();
    if given != kind {
        return Err(ApiError::validation(format!("Invalid kind {given}")));
    }
    let part = |key| document.get(key).and_then(Value::as_object).cloned();
    let (Some(metadata), Some(spec)) = (part("metadata"), part("spec")) else {
        return Err(ApiError::validation("Invalid YAML format"));
    };
    match kind {
        "Microservice" => microservice_document(&metadata, spec),
        "ApplicationTemplate" => Ok(template(&metadata, spec)),
        _ => Ok(application(&metadata, spec)),
    }
}

/// A `kind: Application` document as the body of `POST /application`.
fn application(metadata: &Map<String, Value>, mut spec: Map<String, Value>) -> Map<String, Value> {
    let items = take_list(&mut spec, "microservices");
    let routes = take_list(&mut spec, "routes");
    let mut body = Map::new();
    body.insert("name".into(), metadata.get("name").cloned().unwrap_or(Value::Null));
    body.extend(spec);
    body.insert("isActivated".into(), Value::Bool(true));
    body.insert("microservices".into(), items.into_iter().map(microservice).collect());
    body.insert("routes".into(), Value::Array(routes));
    body
}

/// A `kind: ApplicationTemplate` document as the body of `POST /applicationTemplate`.
fn template(metadata: &Map<String, Value>, mut spec: Map<String, Value>) -> Map<String, Value> {
    let mut application = match spec.remove("application") {
        Some(Value::Object(application)) => application,
        _ => Map::new(),
    };
    let items = take_list(&mut application, "microservices");
    let routes = take_list(&mut application, "routes");
    application.insert("microservices".into(), items.into_iter().map(microservice).collect());
    application.insert("routes".into(), Value::Array(routes));
    let mut body = Map::new();
    body.insert("name".into(), metadata.get("name").cloned().unwrap_or(Value::Null));
    body.extend(spec);
    body.insert("application".into(), Value::Object(application));
    body
}

fn microservice_document(
    metadata: &Map<String, Value>,
    spec: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let full = metadata.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let parts: Vec<&str> = full.split('/').collect();
    let (application, name) = match parts.as_slice() {
        [name] => (None, *name),
        [application, name] => (Some(*application), *name),
        _ => return Err(ApiError::validation(format!("Invalid name {full}"))),
    };
    let Value::Object(mut body) = microservice(Value::Object(spec)) else {
        return Err(ApiError::validation("Invalid YAML format"));
    };
    body.insert("name".into(), json!(name));
    if let Some(application) = application {
        body.insert("application".into(), json!(application));
    }
    Ok(body)
}

/// One entry of `spec.microservices` as the body of `POST /microservices`.
fn microservice(entry: Value) -> Value {
    let Value::Object(mut entry) = entry else { return entry };
    let mut body = Map::new();
    if let Some(name) = entry.remove("name") {
        body.insert("name".into(), name);
    }
    if let Some(name) = entry.get("agent").and_then(|agent| agent.get("name")) {
        body.insert("agentName".into(), name.clone());
    }
    images(entry.get("images"), &mut body);
    let container = entry.remove("container").unwrap_or(Value::Null);
    let mut container = if let Value::Object(map) = container { map } else { Map::new() };
    body.insert("ports".into(), Value::Array(take_list(&mut container, "ports")));
    body.insert("volumeMappings".into(), Value::Array(take_list(&mut container, "volumes")));
    let env = take_list(&mut container, "env").into_iter().map(env_entry).collect();
    body.insert("env".into(), Value::Array(env));
    let commands = take_list(&mut container, "commands").into_iter().map(as_text).collect();
    body.insert("cmd".into(), Value::Array(commands));
    body.insert("extraHosts".into(), Value::Array(take_list(&mut container, "extraHosts")));
    // Any other container key is meant for the microservice as it is, for example logSize.
    body.extend(container);
    let config = match entry.get("config") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(config) => config.to_string(),
    };
    body.insert("config".into(), Value::String(config));
    if let Some(application) = entry.remove("application") {
        body.insert("application".into(), application);
    }
    Value::Object(body)
}

fn images(images: Option<&Value>, body: &mut Map<String, Value>) {
    let Some(images) = images else { return };
    if let Some(item) = images.get("catalogId").filter(|id| !id.is_null()) {
        body.insert("catalogItemId".into(), item.clone());
        return;
    }
    let list = [("x86", 1), ("arm", 2)].into_iter().filter_map(|(key, fog_type)| {
        let image = images.get(key).filter(|image| !image.is_null())?;
        Some(json!({ "fogTypeId": fog_type, "containerImage": image }))
    });
    let exact = super::microservice::ARCHITECTURES.iter().filter_map(|name| {
        let image = images.get(*name).filter(|image| !image.is_null())?;
        Some(json!({ "architecture": name, "containerImage": image }))
    });
    body.insert("images".into(), list.chain(exact).collect());
    let registry = match images.get("registry") {
        Some(Value::String(name)) if name == "local" => json!(2),
        Some(Value::String(name)) => json!(name.parse::<i64>().unwrap_or(1)),
        Some(Value::Number(id)) => Value::Number(id.clone()),
        _ => json!(1),
    };
    body.insert("registryId".into(), registry);
}

fn env_entry(entry: Value) -> Value {
    let part = |key| entry.get(key).cloned().map_or(Value::Null, as_text);
    json!({ "key": part("key"), "value": part("value") })
}

fn as_text(value: Value) -> Value {
    match value {
        Value::String(_) => value,
        Value::Null => Value::String(String::new()),
        other => Value::String(other.to_string()),
    }
}

fn take_list(map: &mut Map<String, Value>, key: &str) -> Vec<Value> {
    match map.remove(key) {
        Some(Value::Array(items)) => items,
        None | Some(Value::Null) => Vec::new(),
        // Kept as one item so that the schema check names the field.
        Some(other) => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = r"
apiVersion: iofog.org/v3
kind: Application
metadata: {name: my-app}
spec:
  description: text
  microservices:
  - name: m1
    agent: {name: agent-1}
    images: {x86: 'img:1', arm: 'img-arm:1', registry: local}
    container:
      rootHostAccess: false
      logSize: 5
      ports: [{internal: 80, external: 5000, protocol: tcp}]
      volumes: [{hostDestination: /a, containerDestination: /b, accessMode: rw, type: bind}]
      env: [{key: K, value: 1}]
      commands: [a, b]
    config: {any: json}
  - {name: m2, images: {catalogId: 14}}
  routes: [{name: r, from: m1, to: m2}]
";

    #[test]
    fn application_becomes_a_body() {
        let body = Value::Object(read(APP, "Application").unwrap());
        let m1 = &body["microservices"][0];
        assert_eq!(body["name"], "my-app");
        assert_eq!(body["isActivated"], true);
        assert_eq!(m1["agentName"], "agent-1");
        assert_eq!(m1["registryId"], 2);
        assert_eq!(m1["images"][1], json!({ "fogTypeId": 2, "containerImage": "img-arm:1" }));
        assert_eq!(m1["env"], json!([{ "key": "K", "value": "1" }]));
        assert_eq!(m1["cmd"], json!(["a", "b"]));
        assert_eq!(m1["logSize"], 5);
        assert_eq!(m1["config"], r#"{"any":"json"}"#);
        assert_eq!(m1["volumeMappings"][0]["type"], "bind");
        let m2 = &body["microservices"][1];
        assert_eq!(m2["catalogItemId"], 14);
        assert_eq!(m2["ports"], json!([]));
        assert_eq!(body["routes"][0]["from"], "m1");
    }

    #[test]
    fn refusals() {
        let message = |text: &str, kind: &str| read(text, kind).unwrap_err().message;
        assert_eq!(message("kind: Other", "Application"), "Invalid kind Other");
        assert_eq!(message("kind: Application", "Application"), "Invalid YAML format");
        assert!(message("a: [1", "Application").starts_with("Invalid YAML format: "));
        let deep = "kind: Microservice\nmetadata: {name: a/b/c}\nspec: {x: 1}";
        assert_eq!(message(deep, "Microservice"), "Invalid name a/b/c");
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        let text = "kind: Application\nmetadata: {name: y}\nspec: {a: [on, no, Yes, true, False]}";
        let body = read(text, "Application").unwrap();
        assert_eq!(body["name"], "y");
        assert_eq!(body["a"], json!(["on", "no", "Yes", true, false]));
    }

    #[test]
    fn microservice_name_may_name_its_application() {
        let text = "kind: Microservice\nmetadata: {name: app/m}\nspec: {agent: {name: a}}";
        let body = read(text, "Microservice").unwrap();
        assert_eq!(body["name"], "m");
        assert_eq!(body["application"], "app");
    }
}
