//! Two users on one Controller: whoever names what is another's gets the contract's answer, never data and never a
//! change. Driven by the table of routes: one with an id that is missing here fails the test.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use std::collections::BTreeMap;

use common::{Answer, Controller};
use iofog_controller::routes::{self, Auth, Route};
use serde_json::{Value, json};

/// In everything that the first user makes: no answer to the second may hold it.
const MARK: &str = "mine-alone";

/// Answers other than 404. Each is the contract's: see the reason.
const OTHERS: &[(&str, u16, &str)] = &[
    ("config.get", 200, "configuration is everybody's (17)"),
    ("route.get", 200, "applications are looked up without their user (11)"),
    ("application.delete", 204, "deleting what is not there succeeds (8.1)"),
    ("application-template.delete", 204, "the same (9)"),
    ("registry.patch", 204, "somebody else's: without effect (13)"),
    ("edge-resource.versions", 200, "an empty list (14)"),
    ("edge-resource.put", 200, "creates the caller's own (14)"),
    ("edge-resource.delete", 202, "removes what the route before has made"),
    ("application-template.put", 200, "creates the caller's own (9)"),
    ("application-template.put-yaml", 200, "the same (9)"),
];

/// What the first user has.
struct Owner {
    token: String,
    agent: String,
    /// Values of path parameters.
    ids: BTreeMap<&'static str, String>,
    sensor: String,
}

fn owner(controller: &Controller) -> Owner {
    let token = controller.user("mine@b.co");
    controller.system_agent(&token);
    let make = |method: &str, path: &str, body: Value| {
        let answer = controller.call(method, path, Some(&token), &body);
        assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.text);
        answer.body
    };
    let fog = make(
        "POST",
        "/iofog",
        json!({ "name": "gw", "fogType": 1, "host": "10.0.0.1",
        "description": MARK, "location": MARK, "tags": [MARK] }),
    );
    let fog = fog["uuid"].as_str().unwrap().to_owned();
    let agent = controller.provision(&token, &fog);
    let mut application = common::application("gw", "gw");
    application["description"] = MARK.into();
    for one in application["microservices"].as_array_mut().unwrap() {
        one["config"] = json!({ "note": MARK }).to_string().into();
        one["env"] = json!([{ "key": "K", "value": MARK }]);
        one["volumeMappings"] =
            json!([{ "hostDestination": MARK, "containerDestination": "/b", "accessMode": "rw" }]);
    }
    let id = make("POST", "/application", application)["id"].to_string();
    let shown = make("GET", "/application/demo", Value::Null);
    let of = |at: usize| shown["microservices"][at]["uuid"].as_str().unwrap().to_owned();
    let volume = shown["microservices"][0]["volumeMappings"][0]["id"].to_string();
    make(
        "POST",
        "/applicationTemplate",
        json!({ "name": "mold", "description": MARK,
        "application": { "microservices": [], "routes": [] } }),
    );
    make(
        "POST",
        "/edgeResource",
        json!({ "name": "door", "version": "1.0.0", "description": MARK,
        "interfaceProtocol": "https", "orchestrationTags": [MARK], "interface": { "endpoints": [] } }),
    );
    make("POST", "/edgeResource/door/1.0.0/link", json!({ "uuid": fog }));
    let registry = make(
        "POST",
        "/registries",
        json!({ "url": format!("{MARK}.example"),
        "isPublic": false, "username": MARK, "password": MARK, "email": "a@b.co" }),
    );
    let item = make(
        "POST",
        "/catalog/microservices",
        json!({ "name": MARK, "registryId": 1,
        "description": MARK, "images": [{ "containerImage": MARK, "fogTypeId": 1 }] }),
    );
    let key =
        make("POST", "/enrolment-keys", json!({ "name": MARK, "devices": 5, "validHours": 1 }));
    make("PUT", "/config", json!({ "key": "shared", "value": "everybody's" }));
    make("PATCH", &format!("/microservices/{}/strace", of(0)), json!({ "enable": true }));
    make("PATCH", &format!("/iofog/{fog}/tunnel"), json!({ "action": "open" }));
    let hardware = json!({ "info": MARK });
    for path in ["/agent/hal/hw", "/agent/hal/usb"] {
        assert_eq!(controller.call("PUT", path, Some(&agent), &hardware).status, 204);
    }
    let ids = [
        ("/iofog/:uuid", fog.clone()),
        ("/iofog/:id", fog),
        (":versionCommand", "upgrade".to_owned()),
        ("/application/:name", "demo".to_owned()),
        ("/application/yaml/:name", "demo".to_owned()),
        ("/applicationTemplate/:name", "mold".to_owned()),
        ("/applicationTemplate/yaml/:name", "mold".to_owned()),
        ("/microservices/:uuid", of(0)),
        ("/microservices/yaml/:uuid", of(0)),
        (":receiverUuid", of(1)),
        (":internalPort", "8080".to_owned()),
        ("/volume-mapping/:id", volume),
        ("/routes/:appName", "demo".to_owned()),
        ("/routes/demo/:name", "r-sensor-dashboard".to_owned()),
        ("/registries/:id", registry["id"].to_string()),
        ("/catalog/microservices/:id", item["id"].to_string()),
        ("/edgeResource/:name", "door".to_owned()),
        (":version", "1.0.0".to_owned()),
        ("/config/:key", "shared".to_owned()),
        ("/flow/:id", id),
        ("/enrolment-keys/:id", key["id"].to_string()),
    ];
    Owner { token, agent, ids: ids.into(), sensor: of(0) }
}

impl Owner {
    /// A route's path with the owner's ids; none when one is not known.
    fn path(&self, route: &Route) -> Option<String> {
        let mut path = route.path.to_owned();
        while let Some(start) = path.find(':') {
            let end = path[start..].find('/').map_or(path.len(), |length| start + length);
            let known = self.ids.iter().filter(|(place, _)| {
                path[..end].ends_with(*place)
                    && (place.starts_with('/') || place.len() == end - start)
            });
            let (_, value) = known.max_by_key(|(place, _)| place.len())?;
            path.replace_range(start..end, value);
        }
        Some(path)
    }
}

/// A body that is good in itself.
fn body(route: &Route) -> Value {
    match route.id {
        "application.put" | "application.patch" | "flow.patch" => json!({ "description": "d" }),
        "tunnel.switch" => json!({ "action": "close" }),
        "strace.switch" => json!({ "enable": false }),
        "strace.ftp" => {
            json!({ "ftpHost": "127.0.0.1", "ftpPort": 1, "ftpUser": "u", "ftpPass": "p",
            "ftpDestDir": "/" })
        }
        "microservice.add-port" => json!({ "internal": 81, "external": 5001 }),
        "microservice.add-volume" => {
            json!({ "hostDestination": "/c", "containerDestination": "/d", "accessMode": "rw" })
        }
        "registry.patch" => json!({ "username": "other" }),
        "application-template.put" | "application-template.patch" => {
            json!({ "name": "mold", "application": { "microservices": [], "routes": [] } })
        }
        "application-template.put-yaml" => json!(
            "kind: ApplicationTemplate\nmetadata: {name: mold}\nspec:\n  application:\n    microservices: []\n    routes: []\n"
        ),
        "application.put-yaml" => {
            json!(
                "kind: Application\nmetadata: {name: demo}\nspec: {microservices: [], routes: []}\n"
            )
        }
        "microservice.patch-yaml" => json!(
            "kind: Microservice\nmetadata: {name: demo/sensor}\nspec:\n  agent: {name: own}\n  images: {x86: 'three:1', registry: remote}\n  container: {ports: [], volumes: []}\n  config: {}\n"
        ),
        "edge-resource.put" => json!({ "name": "door", "interfaceProtocol": "https",
            "interface": { "endpoints": [] } }),
        _ => json!({ "description": "other", "name": "other", "uuid": "other" }),
    }
}

fn call(controller: &Controller, route: &Route, path: &str, token: &str, body: &Value) -> Answer {
    match (route.file, body.as_str()) {
        (Some(field), Some(text)) => controller.upload(route.verb.name(), path, token, field, text),
        _ => controller.call(route.verb.name(), path, Some(token), body),
    }
}

/// Everything that the owner and the owner's agent see, without what time alone changes.
fn everything(controller: &Controller, owner: &Owner) -> Vec<String> {
    let mut all = Vec::new();
    for route in routes::all().filter(|route| route.verb.name() == "GET") {
        let token = match route.auth {
            Auth::User => &owner.token,
            Auth::Agent if !matches!(route.id, "agent.link" | "agent.version") => &owner.agent,
            _ => continue,
        };
        if matches!(route.id, "fog.provisioning-key" | "snapshot.get") {
            continue;
        }
        let Some(path) = owner.path(route) else { continue };
        let path = match route.id {
            "strace.get" => format!("{path}?format=string"),
            _ => path,
        };
        let mut answer = controller.call("GET", &path, Some(token), &Value::Null).body;
        forget_times(&mut answer);
        all.push(format!("{} {answer:#}", route.id));
    }
    all
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("lastActive");
            fields.values_mut().for_each(forget_times);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        _ => {}
    }
}

fn start() -> (Controller, Owner, String) {
    let environment = ["Username", "Password", "Host", "RsaKey"].map(|name| match name {
        "Username" => ("Tunnel_Username", "u".to_owned()),
        "Password" => ("Tunnel_Password", MARK.to_owned()),
        "Host" => ("Tunnel_Host", "h".to_owned()),
        _ => ("Tunnel_RsaKey", MARK.to_owned()),
    });
    let controller = Controller::start_with(environment.to_vec());
    let owner = owner(&controller);
    let other = controller.user("other@b.co");
    controller.gateway(&other, "own", "10.0.0.2");
    (controller, owner, other)
}

#[test]
fn ids_of_another_user_lead_nowhere() {
    let (controller, owner, other) = start();
    let before = everything(&controller, &owner);
    let mut wrong = Vec::new();
    let mut walked = 0;
    for route in routes::all().filter(|route| route.auth == Auth::User) {
        let Some(path) = owner.path(route) else {
            wrong.push(format!("{}: no id for {}", route.id, route.path));
            continue;
        };
        let own = route.path.starts_with("/user/") || route.id == "config.put";
        if own || (!route.path.contains(':') && route.verb.name() != "GET") {
            continue;
        }
        let path = match route.id {
            _ if route.path.starts_with("/k8s/") => {
                format!("{path}?nodeName={}", owner.ids["/iofog/:uuid"])
            }
            "microservice.list" => format!("{path}?application=demo"),
            "strace.get" => format!("{path}?format=string"),
            _ => path,
        };
        let answer = call(&controller, route, &path, &other, &body(route));
        let listed = OTHERS.iter().find(|(id, ..)| *id == route.id).map(|(_, status, _)| *status);
        let whole = !route.path.contains(':') && !path.contains('?');
        let no_op = matches!(route.id, "k8s.container-logs");
        let wanted = listed.unwrap_or(if whole || no_op { 200 } else { 404 });
        if answer.status != wanted {
            wrong.push(format!("{} {path}: {} {}", route.id, answer.status, answer.text));
        }
        if answer.text.contains(MARK) {
            wrong.push(format!("{} {path} tells: {}", route.id, answer.text));
        }
        walked += 1;
    }
    assert!(walked > 50, "only {walked} routes take an id or list");
    let after = everything(&controller, &owner);
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after);
    wrong.extend(changed.map(|(before, after)| format!("changed from {before} to {after}")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn bodies_that_name_what_is_anothers() {
    let (controller, owner, other) = start();
    let before = everything(&controller, &owner);
    let made = controller.call("POST", "/application", Some(&other), &json!({ "name": "app" }));
    assert_eq!(made.status, 201, "{}", made.text);
    let id = |place: &str| owner.ids[place].clone();
    let number = |place: &str| id(place).parse::<i64>().unwrap();
    let microservice = |extra: Value| {
        let mut body = json!({ "name": "m", "application": "app", "agentName": "own",
            "registryId": 1, "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let own_agent = controller.call("GET", "/iofog-list", Some(&other), &Value::Null).body["fogs"]
        [0]["uuid"]
        .clone();
    let resource = json!({ "name": "mat", "version": "1.0.0", "interfaceProtocol": "https",
        "interface": { "endpoints": [] } });
    assert_eq!(controller.call("POST", "/edgeResource", Some(&other), &resource).status, 200);
    for (method, path, body, status) in [
        ("POST", "/microservices", microservice(json!({ "application": "demo" })), 404),
        ("POST", "/microservices", microservice(json!({ "application": id("/flow/:id") })), 404),
        ("POST", "/microservices", microservice(json!({ "agentName": "gw" })), 400),
        (
            "POST",
            "/microservices",
            microservice(json!({ "images": [],
            "catalogItemId": number("/catalog/microservices/:id") })),
            404,
        ),
        (
            "POST",
            "/microservices",
            microservice(json!({ "registryId": number("/registries/:id") })),
            404,
        ),
        (
            "POST",
            "/catalog/microservices",
            json!({ "name": "n", "registryId": number("/registries/:id"),
            "images": [{ "containerImage": "i", "fogTypeId": 1 }] }),
            404,
        ),
        ("POST", "/application", json!({ "name": "x", "template": { "name": "mold" } }), 404),
        (
            "POST",
            "/routes",
            json!({ "name": "r", "application": "demo", "from": "sensor",
            "to": "dashboard" }),
            404,
        ),
        (
            "POST",
            "/routes",
            json!({ "name": "r", "sourceMicroserviceUuid": id("/microservices/:uuid"),
            "destMicroserviceUuid": id(":receiverUuid") }),
            404,
        ),
        ("POST", "/edgeResource/mat/1.0.0/link", json!({ "uuid": id("/iofog/:uuid") }), 404),
        ("POST", "/edgeResource/door/1.0.0/link", json!({ "uuid": own_agent }), 404),
        ("GET", "/microservices?application=demo", Value::Null, 404),
        ("GET", "/microservices?flowId=1", Value::Null, 404),
    ] {
        let answer = controller.call(method, path, Some(&other), &body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
        assert!(!answer.text.contains(MARK), "{}", answer.text);
    }
    // Templates see no more than their user.
    for text in [
        "{{ \"gw\" | findAgent | toString }}{{ \"demo\" | findApplication | map: \"description\" }}",
        "{{ \"door\" | findEdgeResource: \"1.0.0\" | map: \"description\" }}",
    ] {
        let body = json!({ "key": "seen", "value": text });
        let answer = controller.call("PUT", "/config", Some(&other), &body);
        assert!(!answer.text.contains(MARK), "{}", answer.text);
    }
    // An agent reads and reports what is its own alone.
    let uuid = own_agent.as_str().unwrap();
    let agent = controller.provision(&other, uuid);
    let path = format!("/agent/microservices/{}", owner.sensor);
    assert_eq!(controller.call("GET", &path, Some(&agent), &Value::Null).status, 404);
    let trace =
        json!({ "straceData": [{ "microserviceUuid": owner.sensor, "buffer": "planted" }] });
    assert_eq!(controller.call("PUT", "/agent/strace", Some(&agent), &trace).status, 404);
    let status = json!({ "daemonStatus": "RUNNING", "microserviceStatus":
        json!([{ "id": owner.sensor, "status": "FAILED", "errorMessage": "planted" }]).to_string() });
    assert_eq!(controller.call("PUT", "/agent/status", Some(&agent), &status).status, 204);
    let leave = json!({ "microserviceUuids": [owner.sensor] });
    assert_eq!(controller.call("POST", "/agent/deprovision", Some(&agent), &leave).status, 204);
    for path in
        ["/agent/config", "/agent/microservices", "/agent/registries", "/agent/edgeResources"]
    {
        let answer = controller.call("GET", path, Some(&agent), &Value::Null);
        assert!(!answer.text.contains(MARK), "{path}: {}", answer.text);
    }
    // The name of an application is its user's own: the same name is another application, and its routes are found.
    let mut same = common::application("own", "own");
    same["microservices"][1]["ports"] = json!([]);
    let same = controller.call("POST", "/application", Some(&other), &same);
    assert_eq!(same.status, 201, "{}", same.text);
    let path = "/routes/demo/r-sensor-dashboard";
    let renamed = controller.call("PATCH", path, Some(&other), &json!({ "name": "mine-now" }));
    assert_eq!(renamed.status, 204, "{}", renamed.text);
    let gone = controller.call("DELETE", "/routes/demo/mine-now", Some(&other), &Value::Null);
    assert_eq!(gone.status, 204, "{}", gone.text);
    let public = |all: &[String]| -> Vec<String> {
        // Lists that hold everybody's by contract change with what the other adds.
        let shared = ["route.list ", "microservice.public-ports ", "config."];
        let own = |text: &&String| !shared.iter().any(|id| text.starts_with(id));
        all.iter().filter(own).cloned().collect()
    };
    assert_eq!(public(&before), public(&everything(&controller, &owner)));
}
