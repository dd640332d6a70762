//! What each sub-command orders, and what it prints of the answer.

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::options::Given;
use crate::admin::{Order, Thing, Who};

/// What is printed when an order is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// The answer as JSON.
    Json,
    /// Only this field of it, under this name.
    Field(&'static str, &'static str),
    /// A text field of the answer, as it is.
    Plain(&'static str),
    /// The answer, a text, behind this.
    Behind(&'static str),
    /// This.
    Text(&'static str),
    /// Nothing.
    Nothing,
}

/// Orders and what each of them says.
pub(super) type Plan = Vec<(Order, Says)>;

fn one(order: Order, says: Says) -> Result<Plan> {
    Ok(vec![(order, says)])
}

/// The orders of a sub-command.
///
/// # Errors
/// Naming the option that is missing or makes no sense.
pub(super) fn plan(noun: &str, action: &str, given: &Given) -> Result<Plan> {
    match noun {
        "controller" => controller(action),
        "user" => user(action, given),
        "tunnel" => tunnel(action, given),
        "iofog" => iofog(action, given),
        "catalog" => catalog(action, given),
        "application" => application(action, given),
        "microservice" => super::microservice::plan(action, given),
        "registry" => registry(action, given),
        "enrolment-key" => enrolment_key(action, given),
        _ => diagnostics(action, given),
    }
}

/// The user that new things shall belong to.
pub(super) fn for_user(given: &Given) -> Who {
    given.integer("user-id").map_or(Who::Only, Who::User)
}

fn controller(action: &str) -> Result<Plan> {
    let route = match action {
        "email-activation" => "status.email-activation",
        "fog-types" => "status.fog-types",
        _ => "status.get",
    };
    let says = if action == "version" { Says::Plain("version") } else { Says::Json };
    one(Order::new(route, Who::Nobody), says)
}

fn user(action: &str, given: &Given) -> Result<Plan> {
    if action == "list" {
        return one(Order::new("cli.user-list", Who::Nobody), Says::Json);
    }
    let who = Who::Email(given.needed("email")?.to_owned());
    let mut body = given.body()?;
    let order = |what: &str| Order::new(what, who.clone());
    match action {
        "add" => one(
            Order::new("user.signup", Who::Nobody).body(Value::Object(body)),
            Says::Field("userId", "id"),
        ),
        "update" => {
            body.remove("email");
            let order = order("cli.user-update").body(Value::Object(body));
            one(order, Says::Text("User updated successfully."))
        }
        "remove" => {
            let order = order("user.delete").body(json!({ "force": given.has("force") }));
            one(order, Says::Text("User removed successfully."))
        }
        "generate-token" => one(order("cli.user-token"), Says::Json),
        "activate" => one(order("cli.user-activate"), Says::Text("User activated successfully.")),
        _ => one(order("cli.user-suspend"), Says::Text("User suspended successfully.")),
    }
}

fn tunnel(action: &str, given: &Given) -> Result<Plan> {
    if action == "list" {
        return one(Order::new("cli.tunnel-list", Who::Nobody), Says::Json);
    }
    let uuid = given.needed("iofog-uuid")?;
    let order = match given.needed("action")? {
        "open" => Order::new("cli.tunnel-open", Who::Nobody).body(Value::Object(given.body()?)),
        "close" => Order::new("tunnel.switch", Who::Owner(Thing::Fog(uuid.to_owned())))
            .body(json!({ "action": "close" })),
        _ => bail!("Unknown action property. Action can be \"open\" or \"close\""),
    };
    one(order.at(uuid), Says::Text("Tunnel has been updated successfully."))
}

fn iofog(action: &str, given: &Given) -> Result<Plan> {
    match action {
        "add" => {
            let order = Order::new("fog.create", for_user(given));
            return one(order.body(Value::Object(given.body()?)), Says::Field("uuid", "uuid"));
        }
        "list" => {
            return one(Order::new("cli.fog-list", Who::Nobody), Says::Json);
        }
        _ => {}
    }
    let uuid = given.needed("iofog-uuid")?;
    let order = |what: &str| Order::new(what, Who::Owner(Thing::Fog(uuid.to_owned()))).at(uuid);
    let rebooted = Says::Text("ioFog reboot command has been set successfully");
    let pruned = Says::Text("ioFog prune command has been set successfully");
    match action {
        "update" => {
            let body = Value::Object(given.body()?);
            let updated = Says::Text("ioFog node has been updated successfully.");
            let mut plan = vec![(order("fog.update").body(body), updated)];
            plan.extend(given.has("reboot").then(|| (order("fog.reboot"), rebooted)));
            plan.extend(given.has("prune").then(|| (order("fog.prune"), pruned)));
            Ok(plan)
        }
        "remove" => {
            one(order("fog.delete"), Says::Text("ioFog node has been removed successfully"))
        }
        "info" => one(order("fog.get"), Says::Json),
        "provisioning-key" => one(order("fog.provisioning-key"), Says::Json),
        "reboot" => one(order("fog.reboot"), rebooted),
        "prune" => one(order("fog.prune"), pruned),
        "version" => one(
            order("fog.version").at(given.needed("version-command")?),
            Says::Text("ioFog version command has been set successfully"),
        ),
        "hal-hw" => one(order("fog.hal-hw"), Says::Json),
        _ => one(order("fog.hal-usb"), Says::Json),
    }
}

/// Images as bodies have them, from the options of the two architectures.
pub(super) fn images(given: &Given, body: &mut Map<String, Value>) {
    let images: Vec<Value> = [("x86-image", 1), ("arm-image", 2)]
        .iter()
        .filter_map(|(option, fog_type)| Some((given.text(option)?, fog_type)))
        .map(|(image, fog_type)| json!({ "containerImage": image, "fogTypeId": fog_type }))
        .collect();
    if !images.is_empty() {
        body.insert("images".to_owned(), Value::Array(images));
    }
}

fn catalog(action: &str, given: &Given) -> Result<Plan> {
    if action == "list" {
        let who = Who::Everyone("catalogItems".to_owned());
        return one(Order::new("catalog.list", who), Says::Json);
    }
    let mut body = given.body()?;
    images(given, &mut body);
    for (field, kind, format) in [
        ("inputType", "input-type", "input-format"),
        ("outputType", "output-type", "output-format"),
    ] {
        if given.has(kind) || given.has(format) {
            let info = json!({ "infoType": given.text(kind), "infoFormat": given.text(format) });
            body.insert(field.to_owned(), info);
        }
    }
    let body = Value::Object(body);
    if action == "add" {
        let order = Order::new("catalog.create", for_user(given)).body(body);
        return one(order, Says::Field("id", "id"));
    }
    let id = given.needed_integer("item-id")?;
    let own = Who::Owner(Thing::Item(id));
    let order = |what: &str, who| Order::new(what, who).at(&id.to_string());
    match action {
        "update" => one(
            order("catalog.update", own).body(body),
            Says::Text("Catalog item has been updated successfully."),
        ),
        "remove" => one(
            order("catalog.delete", own),
            Says::Text("Catalog item has been removed successfully"),
        ),
        _ => one(order("cli.catalog-info", Who::Nobody), Says::Json),
    }
}

fn application(action: &str, given: &Given) -> Result<Plan> {
    if action == "list" {
        let who = Who::Everyone("applications".to_owned());
        return one(Order::new("application.list", who), Says::Json);
    }
    let body = given.body()?;
    if action == "add" {
        let order = Order::new("application.create", for_user(given)).body(Value::Object(body));
        return one(order, Says::Field("id", "id"));
    }
    let name = body.get("name").and_then(Value::as_str).context("--name is needed")?.to_owned();
    let owner = Who::Owner(Thing::Application(name.clone()));
    let who = given.integer("user-id").map_or(owner, Who::User);
    let order = |what: &str| Order::new(what, who.clone()).at(&name);
    match action {
        "update" => {
            let whole = body.contains_key("microservices") || body.contains_key("routes");
            let what = if whole { "application.put" } else { "application.patch" };
            let order = order(what).body(Value::Object(body));
            one(order, Says::Text("Application updated successfully."))
        }
        "remove" => {
            one(order("application.delete"), Says::Text("Application removed successfully."))
        }
        _ => one(order("application.get"), Says::Json),
    }
}

fn registry(action: &str, given: &Given) -> Result<Plan> {
    if action == "list" {
        let who = Who::Everyone("registries".to_owned());
        return one(Order::new("registry.list", who), Says::Json);
    }
    let body = Value::Object(given.body()?);
    if action == "add" {
        let order = Order::new("registry.create", for_user(given)).body(body);
        return one(order, Says::Field("id", "id"));
    }
    let id = given.needed_integer("item-id")?;
    let order = |what: &str| Order::new(what, Who::Owner(Thing::Registry(id))).at(&id.to_string());
    match action {
        "update" => one(
            order("registry.patch").body(body),
            Says::Text("Registry has been updated successfully."),
        ),
        _ => one(order("registry.delete"), Says::Text("Registry has been removed successfully.")),
    }
}

/// Fields of the new agents come from a file, under `agent`.
fn enrolment_key(action: &str, given: &Given) -> Result<Plan> {
    if action == "list" {
        let who = Who::Everyone("enrolmentKeys".to_owned());
        return one(Order::new("enrolment-key.list", who), Says::Json);
    }
    if action == "add" {
        let order = Order::new("enrolment-key.create", for_user(given));
        return one(order.body(Value::Object(given.body()?)), Says::Json);
    }
    let id = given.needed_integer("key-id")?;
    let order = Order::new("enrolment-key.delete", Who::Owner(Thing::EnrolmentKey(id)));
    one(order.at(&id.to_string()), Says::Text("Enrolment key has been removed successfully."))
}

fn diagnostics(action: &str, given: &Given) -> Result<Plan> {
    let uuid = given.needed("microservice-uuid")?;
    let body = Value::Object(given.body()?);
    let who = Who::Owner(Thing::Microservice(uuid.to_owned()));
    let order = |what: &str| Order::new(what, who.clone()).at(uuid);
    match action {
        "strace-update" => one(
            order("strace.switch").body(body),
            Says::Text("Microservice strace option has been changed successfully."),
        ),
        "strace-info" => {
            let format = given.text("format").unwrap_or("string");
            one(order("strace.get").query("format", format), Says::Plain("data"))
        }
        "strace-ftp-post" => one(
            order("strace.ftp").body(body),
            Says::Text("Strace data has been posted to FTP successfully."),
        ),
        "image-snapshot-create" => one(
            order("snapshot.request"),
            Says::Text("Microservice image snapshot has been created successfully."),
        ),
        _ => one(order("cli.snapshot-path"), Says::Behind("Microservice images path = ")),
    }
}
