//! The OpenAPI document of the API, made from the declared route table (decision 0070). Served, checked in as `docs/openapi.json`,
//! and what the fuzzer in `tests/schema` works from.

pub mod bodies;
pub mod page;
pub mod schema;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::routes::{self, Auth, PREFIX, Route};
use schema::Field;

/// The document.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(make);
    &DOCUMENT
}

fn make() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes::all() {
        let methods = paths.entry(path(route)).or_insert_with(|| json!({}));
        methods[route.verb.name().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "ioFog Controller",
            "version": routes::CONTRACT_VERSION,
            "license": { "name": "Apache-2.0" },
            "description": "Every GET also answers HEAD. Paths match in any case, one trailing slash is ignored. \
                Texts in JSON bodies may also come as a form (`a[b]=c`). Fields that a schema does not name are ignored.",
        },
        "servers": [{ "url": PREFIX }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "user": token("The text of `accessToken` from `POST /user/login`, without a prefix."),
                "agent": token("The text of `token` from `POST /agent/provision`, without a prefix."),
            },
            "responses": shared(),
            "schemas": { "Error": {
                "type": "object",
                "required": ["name", "message"],
                "properties": {
                    "name": { "type": "string", "description": "Class of the error." },
                    "message": { "type": "string" },
                },
            } },
        },
    })
}

/// The path with its parameters in braces.
fn path(route: &Route) -> String {
    let part = |segment: &str| match segment.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn token(description: &str) -> Value {
    json!({ "type": "apiKey", "in": "header", "name": "Authorization", "description": description })
}

fn operation(route: &Route) -> Value {
    let (noun, action) = route.id.split_once('.').unwrap_or((route.id, ""));
    let mut operation = json!({
        "operationId": route.id,
        "tags": [noun],
        "summary": format!("{}: {}", noun.replace('-', " "), action.replace('-', " ")),
    });
    match route.auth {
        Auth::Anyone => {}
        Auth::User => operation["security"] = json!([{ "user": [] }]),
        Auth::Agent => operation["security"] = json!([{ "agent": [] }]),
    }
    let parameters: Vec<Value> = in_path(route).chain(in_query(route)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = request_body(route) {
        operation["requestBody"] = body;
    }
    let answers: Map<String, Value> = route
        .declared()
        .into_iter()
        .map(|status| (status.to_string(), answer(route, status)))
        .collect();
    operation["responses"] = Value::Object(answers);
    operation
}

fn in_path(route: &Route) -> impl Iterator<Item = Value> {
    route.path.split('/').filter_map(|segment| segment.strip_prefix(':')).map(|name| {
        json!({ "name": name, "in": "path", "required": true,
            "schema": { "type": "string", "minLength": 1 } })
    })
}

fn in_query(route: &Route) -> impl Iterator<Item = Value> {
    bodies::query(route.id).iter().map(|field| {
        json!({ "name": field.name, "in": "query", "required": field.required,
            "schema": field.kind.json() })
    })
}

fn request_body(route: &Route) -> Option<Value> {
    if let Some(field) = route.file {
        let file = json!({ "type": "string", "format": "binary" });
        let form = json!({ "type": "object", "required": [field], "properties": { field: file } });
        return Some(json!({ "content": { "multipart/form-data": { "schema": form } },
            "required": true }));
    }
    let fields = bodies::body(route.id)?;
    Some(json!({
        "content": { "application/json": { "schema": schema::object(fields) } },
        "required": fields.iter().any(|field: &Field| field.required),
    }))
}

/// Statuses that mean the same on every route.
const SHARED: [u16; 10] = [304, 400, 401, 404, 408, 409, 413, 426, 429, 503];

/// Their descriptions, and that of the contract's own 500s.
fn shared() -> Value {
    SHARED.into_iter().chain([500]).map(|status| (status.to_string(), described(status))).collect()
}

fn answer(route: &Route, status: u16) -> Value {
    if status == route.status {
        let description = match status {
            101 => "The connection is a device link from here on.",
            303 => "Done; see the page of `Location`.",
            _ => "Done.",
        };
        return json!({ "description": description });
    }
    json!({ "$ref": format!("#/components/responses/{status}") })
}

fn described(status: u16) -> Value {
    let description = match status {
        304 => "As the client has it (`If-None-Match`).",
        400 => "The request is malformed (a page), or a value is refused.",
        401 => "The token or password is missing, unknown or expired.",
        404 => "Something that the request names does not exist.",
        408 => "The request did not arrive in time.",
        409 => "The name is taken.",
        413 => "The body is too large.",
        426 => "Only for upgrades to a device link.",
        429 => "Too many attempts; `Retry-After` says when to come back.",
        503 => {
            "Too much is being received and sent at present; `Retry-After` says when to come back."
        }
        _ => "A 500 of the contract: its class says which; or an unknown field of a form (a page).",
    };
    let error = json!({ "schema": { "$ref": "#/components/schemas/Error" } });
    let page = json!({ "schema": { "type": "string" } });
    match status {
        304 => json!({ "description": description }),
        400 | 500 => json!({ "description": description,
            "content": { "application/json": error, "text/html": page } }),
        408 | 413 | 426 => json!({ "description": description, "content": { "text/html": page } }),
        _ => json!({ "description": description, "content": { "application/json": error } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_an_operation() {
        let document = document();
        let operations: usize = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|methods| methods.as_object().unwrap().len())
            .sum();
        assert_eq!(operations, routes::all().count());
        let login = &document["paths"]["/user/login"]["post"];
        assert_eq!(login["operationId"], "user.login");
        assert!(login["responses"].get("429").is_some() && login.get("security").is_none());
    }

    #[test]
    fn what_is_referred_to_is_there() {
        fn walk(document: &Value, at: &Value) -> usize {
            if let Some(reference) = at.get("$ref").and_then(Value::as_str) {
                let pointer = reference.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference}");
                return 1;
            }
            match at {
                Value::Object(fields) => fields.values().map(|field| walk(document, field)).sum(),
                Value::Array(items) => items.iter().map(|item| walk(document, item)).sum(),
                _ => 0,
            }
        }
        assert!(walk(document(), document()) > 500);
    }

    #[test]
    fn bodies_come_from_the_table() {
        let document = document();
        let create = &document["paths"]["/iofog"]["post"]["requestBody"];
        let schema = &create["content"]["application/json"]["schema"];
        assert_eq!(schema["required"], json!(["name", "fogType"]));
        assert_eq!(schema["properties"]["latitude"]["maximum"], 90);
        let yaml = &document["paths"]["/application/yaml/{name}"]["put"];
        assert!(yaml["requestBody"]["content"].get("multipart/form-data").is_some());
    }
}
