//! The kinds that live in the Controller, and volumes.

use serde_json::{Value, json};

use super::super::catalog::{self, CatalogSpec};
use super::super::deploy::Work;
use super::super::microservice::Lookup;
use super::super::registry::RegistrySpec;
use super::super::{Context, route};
use super::compare::Found;
use super::{Action, Change, current, json, microservice};
use crate::config::records::Volume;
use crate::rest::{Client, EdgeResource, Microservice, Route};
use crate::text::names::QualifiedName;
use crate::text::{Error, Result};

/// The resources of a file, in the order of deploying.
pub(super) fn changes(
    context: &mut Context,
    client: Option<&Client>,
    work: &Work,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for wanted in &work.edge_resources {
        changes.push(edge_resource(client, wanted)?);
    }
    for (name, spec) in &work.templates {
        changes.push(template(client, name, &spec.to_json())?);
    }
    for wanted in &work.volumes {
        let known = context.record()?.volume(&wanted.name).ok().cloned();
        changes.push(volume(wanted, known.as_ref())?);
    }
    for wanted in &work.registries {
        changes.push(registry(client, wanted)?);
    }
    for wanted in &work.catalog_items {
        changes.push(catalog_item(client, wanted)?);
    }
    for (name, spec) in &work.applications {
        changes.push(application(client, name, &spec.to_json())?);
    }
    for (name, spec) in &work.microservices {
        changes.push(microservice(client, name, &spec.to_json())?);
    }
    for wanted in &work.routes {
        changes.push(route(client, wanted)?);
    }
    Ok(changes)
}

fn edge_resource(client: Option<&Client>, wanted: &EdgeResource) -> Result<Change> {
    const KIND: &str = "EdgeResource";
    let name = format!("{}/{}", wanted.name, wanted.version);
    let known = current(client, |client| client.edge_resource(&wanted.name, &wanted.version))?;
    let Some(known) = known else { return Ok(Change::new(Action::Create, KIND, name)) };
    let mut found = Found::default();
    found.part("", &json(wanted)?, Some(&json(&known)?));
    Ok(Change::compared(KIND, name, found))
}

fn template(client: Option<&Client>, name: &str, wanted: &Value) -> Result<Change> {
    const KIND: &str = "ApplicationTemplate";
    let Some(known) = current(client, |client| client.template(name))? else {
        return Ok(Change::new(Action::Create, KIND, name));
    };
    let mut found = Found::default();
    let description = wanted.get("description").unwrap_or(&Value::Null);
    if !description.is_null() {
        found.part("description", description, Some(&json!(known.description)));
    }
    if let Some(variables) = wanted.get("variables") {
        found.part("variables", variables, Some(&json(&known.variables)?));
    }
    let content = known.application.unwrap_or_default();
    let stored: Vec<(String, Value)> = content
        .microservices
        .iter()
        .map(|body| {
            let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
            (name.to_owned(), microservice::stored(body))
        })
        .collect();
    let application = wanted.get("application").unwrap_or(&Value::Null);
    microservices(&mut found, "application.", application, &stored);
    let routes = application.get("routes").cloned().unwrap_or_else(|| json!([]));
    found.part("application.routes", &routes, Some(&Value::Array(content.routes)));
    Ok(Change::compared(KIND, name, found))
}

/// Compares the microservices of an application; those the document leaves out would go.
fn microservices(found: &mut Found, prefix: &str, wanted: &Value, known: &[(String, Value)]) {
    let none = Vec::new();
    let wanted = wanted.get("microservices").and_then(Value::as_array).unwrap_or(&none);
    let name_of = |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
    for entry in wanted {
        let name = name_of(entry).unwrap_or_default();
        let path = format!("{prefix}microservices[{name}]");
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, known)) => microservice::compare(found, &path, entry, known),
            None => found.part(&path, entry, None),
        }
    }
    for (name, known) in known {
        if !wanted.iter().any(|entry| name_of(entry).as_ref() == Some(name)) {
            found.gone(&format!("{prefix}microservices[{name}]"), known);
        }
    }
}

fn volume(wanted: &Volume, known: Option<&Volume>) -> Result<Change> {
    const KIND: &str = "Volume";
    let Some(known) = known else {
        return Ok(Change::new(Action::Create, KIND, &wanted.name));
    };
    let mut found = Found::default();
    found.part("", &json(wanted)?, Some(&json(known)?));
    let mut change = Change::compared(KIND, &wanted.name, found);
    change.notes.push("the files are copied anew and were not compared".to_owned());
    Ok(change)
}

fn registry(client: Option<&Client>, wanted: &RegistrySpec) -> Result<Change> {
    const KIND: &str = "Registry";
    let name = wanted.url.clone().unwrap_or_default();
    if wanted.id == 0 {
        return Ok(Change::new(Action::Create, KIND, name));
    }
    let known = current(client, Client::registries)?.unwrap_or_default();
    let known = known.into_iter().find(|known| known.id == wanted.id);
    let known = known
        .ok_or_else(|| Error::NotFound(format!("Could not find registry with ID {}", wanted.id)))?;
    let mut found = Found::default();
    let current = json!({
        "url": known.url,
        "private": !known.is_public,
        "username": known.username,
        "email": known.user_email,
        "requiresCert": known.requires_cert,
        "certificate": known.certificate,
        "id": known.id,
    });
    let mut stated = json(wanted)?;
    if let Some(fields) = stated.as_object_mut()
        && fields.remove("password").is_some_and(|password| !password.is_null())
    {
        found.skip("password", "never shown by the Controller, would be set anew");
    }
    found.part("", &stated, Some(&current));
    Ok(Change::compared(KIND, name, found))
}

fn catalog_item(client: Option<&Client>, wanted: &CatalogSpec) -> Result<Change> {
    const KIND: &str = "CatalogItem";
    if wanted.id == 0 {
        return Ok(Change::new(Action::Create, KIND, &wanted.name));
    }
    let known =
        client.map(|client| client.catalog_item(wanted.id)).transpose()?.unwrap_or_default();
    let (x86, arm) = catalog::images_by_type(&known.images);
    let current = json!({
        "name": known.name,
        "description": known.description,
        "x86": x86,
        "arm": arm,
        "registry": catalog::registry_word(known.registry_id),
    });
    let stated = json!({
        "name": wanted.name,
        "description": wanted.description,
        "x86": wanted.x86,
        "arm": wanted.arm,
        "registry": wanted.registry,
    });
    let mut found = Found::default();
    found.part("", &stated, Some(&current));
    Ok(Change::compared(KIND, &wanted.name, found))
}

fn application(client: Option<&Client>, name: &str, wanted: &Value) -> Result<Change> {
    const KIND: &str = "Application";
    let Some(known) = current(client, |client| client.application(name))? else {
        return Ok(Change::new(Action::Create, KIND, name));
    };
    let Some(client) = client else { return Ok(Change::new(Action::Create, KIND, name)) };
    let mut found = Found::default();
    if wanted.get("template").is_some_and(|template| !template.is_null()) {
        found.skip("template", "rendered by the Controller, not compared");
    } else {
        let mut own = client.microservices_of(name)?;
        own.retain(|microservice| !microservice.is_system());
        let mut lookup = Lookup::new(client);
        let known = own
            .iter()
            .map(|own| Ok((own.name.clone(), microservice::current(&mut lookup, own)?)))
            .collect::<Result<Vec<_>>>()?;
        microservices(&mut found, "", wanted, &known);
        let routes = route::fetch(client)?.into_iter().filter(|route| route.application == name);
        let routes: Vec<Value> = routes
            .map(|route| json!({"name": route.name, "from": route.from, "to": route.to}))
            .collect();
        let stated = wanted.get("routes").cloned().unwrap_or_else(|| json!([]));
        found.part("routes", &stated, Some(&Value::Array(routes)));
    }
    if let Some(description) = wanted.get("description").filter(|text| !text.is_null()) {
        found.part("description", description, Some(&json!(known.description)));
    }
    // Deploying starts an application that is stopped.
    found.part("isActivated", &json!(true), Some(&json!(known.is_activated)));
    Ok(Change::compared(KIND, name, found))
}

fn microservice(client: Option<&Client>, name: &str, wanted: &Value) -> Result<Change> {
    const KIND: &str = "Microservice";
    let qualified = QualifiedName::parse("Microservice", name)?;
    let known = current(client, |client| {
        client.microservice_by_name(&qualified.application, &qualified.name)
    })?;
    let (Some(client), Some(known)) = (client, known) else {
        return Ok(Change::new(Action::Create, KIND, name));
    };
    let known: Microservice = known;
    let mut found = Found::default();
    let known = microservice::current(&mut Lookup::new(client), &known)?;
    microservice::compare(&mut found, "", wanted, &known);
    Ok(Change::compared(KIND, name, found))
}

fn route(client: Option<&Client>, wanted: &Route) -> Result<Change> {
    const KIND: &str = "Route";
    let name = format!("{}/{}", wanted.application, wanted.name);
    let known = current(client, |client| client.route(&wanted.application, &wanted.name))?;
    let Some(known) = known else { return Ok(Change::new(Action::Create, KIND, name)) };
    let mut found = Found::default();
    found.part("from", &json!(wanted.from), Some(&json!(known.from)));
    found.part("to", &json!(wanted.to), Some(&json!(known.to)));
    Ok(Change::compared(KIND, name, found))
}
