//! Sub-commands of microservices: mappings as `80:8080` and `/host:/container:rw`, routes as `from:to`.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::commands::{Plan, Says, for_user, images};
use super::options::Given;
use crate::admin::{Order, Thing, Who};

/// `internal:external`, and `true` behind it for a public port.
fn port(text: &str) -> Result<Value> {
    let wrong = || format!("{text} is no port mapping like 80:8080:false");
    let mut parts = text.split(':');
    let mut number = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let (internal, external) = (number().with_context(wrong)?, number().with_context(wrong)?);
    let mut mapping = json!({ "internal": internal, "external": external });
    if parts.next() == Some("true") {
        mapping["public"] = json!({ "schemes": ["http"], "protocol": "http" });
    }
    Ok(mapping)
}

/// `host:container:access`, and the type behind it.
fn volume(text: &str) -> Result<Value> {
    let mut parts = text.splitn(4, ':');
    let mut part = || {
        parts
            .next()
            .with_context(|| format!("{text} is no volume mapping like /host:/container:rw"))
    };
    let (host, container, access) = (part()?, part()?, part()?);
    let kind = parts.next().unwrap_or("bind");
    Ok(json!({ "hostDestination": host, "containerDestination": container,
        "accessMode": access, "type": kind }))
}

fn variable(text: &str) -> Result<Value> {
    let (key, value) =
        text.split_once('=').with_context(|| format!("{text} is no variable like KEY=value"))?;
    Ok(json!({ "key": key, "value": value }))
}

/// A change of the route `from:to`.
fn route(what: &str, text: &str, says: Says) -> Result<(Order, Says)> {
    let (from, to) =
        text.split_once(':').with_context(|| format!("{text} is no route like FROM:TO"))?;
    let who = Who::Owner(Thing::Microservice(from.to_owned()));
    Ok((Order::new(what, who).at(from).at(to), says))
}

fn body(given: &Given) -> Result<Value> {
    let mut body = given.body()?;
    images(given, &mut body);
    for (option, field, read) in [
        ("ports", "ports", port as fn(&str) -> Result<Value>),
        ("volumes", "volumeMappings", volume),
        ("env", "env", variable),
    ] {
        if given.has(option) {
            let items = given.texts(option).map(read).collect::<Result<Vec<_>>>()?;
            body.insert(field.to_owned(), Value::Array(items));
        }
    }
    Ok(Value::Object(body))
}

/// The orders of a sub-command.
///
/// # Errors
/// Naming the option that is missing or makes no sense.
pub(super) fn plan(action: &str, given: &Given) -> Result<Plan> {
    match action {
        "list" => {
            let who = Who::Everyone("microservices".to_owned());
            return Ok(vec![(Order::new("microservice.list", who), Says::Json)]);
        }
        "add" => {
            let order = Order::new("microservice.create", for_user(given)).body(body(given)?);
            let mut plan = vec![(order, Says::Field("uuid", "uuid"))];
            for text in given.texts("routes") {
                plan.push(route("microservice.add-route", text, Says::Nothing)?);
            }
            return Ok(plan);
        }
        "route-create" => {
            let says = Says::Text("Microservice route has been created successfully.");
            return Ok(vec![route("microservice.add-route", given.needed("route")?, says)?]);
        }
        "route-remove" => {
            let says = Says::Text("Microservice route has been removed successfully.");
            return Ok(vec![route("microservice.remove-route", given.needed("route")?, says)?]);
        }
        _ => {}
    }
    let uuid = given.needed("microservice-uuid")?;
    let order =
        |what: &str| Order::new(what, Who::Owner(Thing::Microservice(uuid.to_owned()))).at(uuid);
    let (order, says) = match action {
        "update" => (
            order("microservice.patch").body(body(given)?),
            Says::Text("Microservice has been updated successfully."),
        ),
        "remove" => (
            order("microservice.delete").body(json!({ "withCleanup": given.has("cleanup") })),
            Says::Text("Microservice has been removed successfully."),
        ),
        "info" => (order("microservice.get"), Says::Json),
        "port-mapping-create" => (
            order("microservice.add-port").body(port(given.needed("mapping")?)?),
            Says::Text("Port mapping has been created successfully."),
        ),
        "port-mapping-remove" => (
            order("microservice.remove-port")
                .at(&given.needed_integer("internal-port")?.to_string()),
            Says::Text("Port mapping has been removed successfully."),
        ),
        "port-mapping-list" => (order("microservice.ports"), Says::Json),
        "volume-mapping-create" => (
            order("microservice.add-volume").body(volume(given.needed("mapping")?)?),
            Says::Field("id", "id"),
        ),
        "volume-mapping-remove" => (
            order("microservice.remove-volume")
                .at(&given.needed_integer("mapping-id")?.to_string()),
            Says::Text("Volume mapping has been deleted successfully."),
        ),
        _ => (order("microservice.volumes"), Says::Json),
    };
    Ok(vec![(order, says)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings() {
        assert_eq!(port("80:8080:false").unwrap(), json!({ "internal": 80, "external": 8080 }));
        assert_eq!(port("80:8080:true").unwrap()["public"]["protocol"], "http");
        assert_eq!(volume("/a:/b:ro").unwrap()["type"], "bind");
        assert_eq!(volume("data:/b:rw:volume").unwrap()["type"], "volume");
        assert_eq!(variable("A=b=c").unwrap(), json!({ "key": "A", "value": "b=c" }));
        for wrong in ["80", "80:", "a:b", "80:70000"] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
        assert!(volume("/a:/b").is_err() && variable("A").is_err());
    }
}
