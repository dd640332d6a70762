//! Refusals that the contract words (controller contract 6, 10.5, 10.6, 11, 13), and that nothing changes by them.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::{Answer, Controller};
use serde_json::{Value, json};

struct Setup {
    controller: Controller,
    user: String,
    gateway: String,
    agent: String,
    one: String,
}

impl Setup {
    /// An agent `gw`, and the microservice `one` of the application `demo` on it.
    fn new() -> Self {
        let controller = Controller::start();
        let (user, gateway, agent, one) = controller.network();
        Self { controller, user, gateway, agent, one }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.controller.call(method, path, Some(&self.user), body)
    }

    fn refused(&self, method: &str, path: &str, body: &Value, status: u16, message: &str) {
        let answer = self.call(method, path, body);
        let told = (answer.status, answer.body["message"].as_str().unwrap_or_default());
        assert_eq!(told, (status, message), "{method} {path} {body}");
    }

    /// Another microservice; gives its uuid.
    fn microservice(&self, extra: &Value) -> String {
        let mut body = json!({ "application": "demo", "agentName": "gw",
            "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = self.call("POST", "/microservices", &body);
        assert_eq!(answer.status, 201, "{body}: {}", answer.text);
        answer.body["uuid"].as_str().unwrap().to_owned()
    }

    fn shown(&self, uuid: &str) -> Value {
        self.call("GET", &format!("/microservices/{uuid}"), &Value::Null).body
    }
}

#[test]
fn routes() {
    let setup = Setup::new();
    let (one, two) = (&setup.one, &setup.microservice(&json!({ "name": "two" })));
    assert_eq!(setup.call("POST", "/application", &json!({ "name": "other" })).status, 201);
    let away = &setup.microservice(&json!({ "name": "away", "application": "other" }));
    let free = &setup.microservice(&json!({ "name": "free", "agentName": null }));
    let named = |application: &str, from: &str, to: &str| json!({ "name": "r", "application": application, "from": from, "to": to });
    let by_uuid = |from: &str, to: &str| json!({ "name": "r", "sourceMicroserviceUuid": from, "destMicroserviceUuid": to });
    let refusals = [
        (named("none", "one", "two"), 404, "Invalid application id 'none'"),
        (named("demo", "x", "two"), 404, "Invalid source microservice name 'x'"),
        (named("demo", "one", "x"), 404, "Invalid destination microservice name 'x'"),
        (named("demo", "one", "free"), 400, "fog not set"),
        (by_uuid(one, away), 400, "microservices on different applications"),
        (by_uuid(free, one), 400, "fog not set"),
        (
            json!({ "name": "r", "from": "one", "to": "two" }),
            400,
            "Required field 'application' is missing",
        ),
        (
            json!({ "name": "r", "application": "demo", "to": "two" }),
            400,
            "Required field 'from' is missing",
        ),
        (
            json!({ "name": "r", "application": "demo", "from": "one" }),
            400,
            "Required field 'to' is missing",
        ),
        (
            json!({ "name": "r", "sourceMicroserviceUuid": one }),
            400,
            "Required field 'destMicroserviceUuid' is missing",
        ),
        (
            json!({ "from": "one", "to": "two", "application": "demo" }),
            400,
            "Required field 'name' is missing",
        ),
        (
            json!({ "name": "R", "from": "one", "to": "two", "application": "demo" }),
            400,
            "Invalid format for field 'name'",
        ),
    ];
    for (body, status, message) in &refusals {
        setup.refused("POST", "/routes", body, *status, message);
    }
    let new = setup.call("POST", "/routes", &named("demo", "one", "two"));
    let row = json!({ "isNetworkConnection": false, "id": new.body["id"], "name": "r", "sourceMicroserviceUuid": one,
        "destMicroserviceUuid": two, "applicationId": new.body["applicationId"] });
    assert_eq!((new.status, &new.body), (200, &row));
    let again = setup.call("POST", "/routes", &by_uuid(one, two));
    assert_eq!((again.status, &again.body["name"]), (400, &json!("DuplicatePropertyError")));
    assert_eq!(again.body["message"], "route already exists");
    let own = json!({ "name": "self", "application": "demo", "from": "one", "to": "one" });
    assert_eq!(setup.call("POST", "/routes", &own).status, 200, "to itself");
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "name": "s" }))] {
        setup.refused(method, "/routes/none/r", &body, 404, "Invalid application name 'none'");
        setup.refused(method, "/routes/demo/none", &body, 404, "Invalid route name 'none'");
    }
    for body in refusals[..6].iter().map(|(body, ..)| body) {
        assert!((400..405).contains(&setup.call("PATCH", "/routes/demo/r", body).status), "{body}");
    }
    setup.refused("DELETE", "/routes/demo/none", &Value::Null, 404, "Route not found");
    let link = format!("/microservices/{two}/routes/{one}");
    setup.refused("DELETE", &link, &Value::Null, 404, "Route not found");
    let shown = setup.call("GET", "/routes/demo/r", &Value::Null).body;
    let whole = json!({ "application": "demo", "name": "r", "from": "one", "to": "two",
        "sourceMicroserviceUuid": one, "destMicroserviceUuid": two });
    assert_eq!(shown, whole, "nothing changed");
    assert_eq!(setup.call("POST", &link, &Value::Null).status, 201);
    assert_eq!(setup.call("GET", "/routes/demo/r-two-one", &Value::Null).status, 200);
    assert_eq!(setup.call("DELETE", &link, &Value::Null).status, 204);
    assert_eq!(setup.call("PATCH", "/routes/demo/r", &json!({ "name": "s" })).status, 204);
    assert_eq!(setup.call("DELETE", "/routes/demo/s", &Value::Null).status, 204);
}

#[test]
fn registries() {
    let setup = Setup::new();
    let with = |extra: Value| {
        let mut body = json!({ "url": "r.example.org", "isPublic": true, "username": "u", "password": "p", "email": "a@b.co" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let needed = "Property \"certificate\" is required if property \"requiresCert\" is set to true";
    for (extra, message) in [
        (json!({ "url": null }), "Required field 'url' is missing"),
        (json!({ "url": "" }), "Field url does not meet minimum length of 1"),
        (json!({ "isPublic": null }), "Required field 'isPublic' is missing"),
        (json!({ "isPublic": "yes" }), "Field 'isPublic' is not of a type(s) boolean"),
        (json!({ "username": null }), "Required field 'username' is missing"),
        (json!({ "username": "" }), "Field username does not meet minimum length of 1"),
        (json!({ "password": null }), "Required field 'password' is missing"),
        (json!({ "email": null }), "Required field 'email' is missing"),
        (json!({ "email": "nobody" }), "Invalid format for field 'email'"),
        (json!({ "requiresCert": true }), needed),
        (json!({ "requiresCert": true, "certificate": "" }), needed),
    ] {
        setup.refused("POST", "/registries", &with(extra), 400, message);
    }
    let new = setup.call(
        "POST",
        "/registries",
        &with(json!({ "requiresCert": true, "certificate": "PEM" })),
    );
    assert_eq!(new.status, 201);
    let path = format!("/registries/{}", new.body["id"]);
    setup.refused("PATCH", &path, &json!({ "certificate": "" }), 400, needed);
    let shown = |user: &str| {
        let list = setup.controller.call("GET", "/registries", Some(user), &Value::Null).body;
        list["registries"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["id"] == new.body["id"])
            .cloned()
    };
    let before = shown(&setup.user).unwrap();
    assert_eq!((&before["certificate"], &before["requiresCert"]), (&json!("PEM"), &json!(true)));
    assert_eq!((before.get("password"), &before["userEmail"]), (None, &json!("a@b.co")));
    // Another user sees it, and changes nothing of it.
    let other = setup.controller.user("b@b.co");
    assert_eq!(shown(&other).as_ref(), Some(&before));
    setup.controller.settle(&setup.agent);
    let patch = |body: &Value| setup.controller.call("PATCH", &path, Some(&other), body);
    assert_eq!(patch(&json!({ "url": "evil.example.org", "isPublic": false })).status, 204);
    assert_eq!(shown(&setup.user), Some(before));
    assert_eq!(setup.controller.flags(&setup.agent).0, Vec::<String>::new());
    let id = &new.body["id"];
    let foreign = setup.controller.call("DELETE", &path, Some(&other), &Value::Null);
    assert_eq!(
        (foreign.status, &foreign.body["message"]),
        (404, &json!(format!("Invalid registry id '{id}'")))
    );
    for (method, path, status, message) in [
        ("DELETE", "/registries/1", 404, "Invalid registry id '1'"),
        ("DELETE", "/registries/99", 404, "Invalid registry id '99'"),
        ("DELETE", "/registries/x", 400, "Field 'id' is not of a type(s) integer"),
        ("PATCH", "/registries/99", 404, "Registry not found"),
    ] {
        setup.refused(method, path, &Value::Null, status, message);
    }
    assert_eq!(
        setup.call("PATCH", "/registries/1", &json!({ "url": "x" })).status,
        204,
        "without effect"
    );
    assert_eq!(
        setup.call("PATCH", &path, &json!({ "requiresCert": false, "certificate": "" })).status,
        204
    );
    assert_eq!(setup.call("DELETE", &path, &Value::Null).status, 204);
}

/// An agent may not become a type that its microservices have no images for; the key waits for the right one.
#[test]
fn provisioning_without_images() {
    let setup = Setup::new();
    setup.microservice(
        &json!({ "name": "two", "images": [{ "containerImage": "i:1", "fogTypeId": 1 },
        { "containerImage": "i-arm:1", "fogTypeId": 2 }] }),
    );
    let key = setup.controller.key(&setup.user, &setup.gateway);
    let provision = |body: Value| setup.controller.call("POST", "/agent/provision", None, &body);
    let refused = provision(json!({ "type": 2, "key": key }));
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (
            400,
            &json!(
                "Some of microservices haven't proper docker images for this ioFog type. Microservices: one"
            )
        )
    );
    assert!(
        !setup.controller.agent_list(&setup.agent).is_empty(),
        "the token of before is good still"
    );
    let path = format!("/iofog/{}", setup.gateway);
    assert_eq!(setup.call("GET", &path, &Value::Null).body["fogTypeId"], 1);
    assert_eq!(provision(json!({ "type": 3, "key": key })).status, 400);
    assert_eq!(provision(json!({ "type": 1 })).status, 400);
    assert_eq!(provision(json!({ "type": 1, "key": key })).status, 200);
    let used = provision(json!({ "type": 1, "key": key }));
    assert_eq!((used.status, &used.body["message"]), (404, &json!("Invalid Provisioning Key")));
}

/// A microservice goes from own images to a catalog item and back; its container is made again each time.
#[test]
fn to_a_catalog_item_and_back() {
    let setup = Setup::new();
    let (path, own) = (
        format!("/microservices/{}", setup.one),
        json!([{ "containerImage": "one:2", "fogTypeId": 1 }]),
    );
    let told = |image: &str, item: Value, images: &Value| {
        let list = setup.controller.agent_list(&setup.agent);
        let one = list.iter().find(|one| one["uuid"] == json!(setup.one)).unwrap();
        assert_eq!((&one["imageId"], &one["rebuild"]), (&json!(image), &json!(true)));
        let shown = setup.shown(&setup.one);
        assert_eq!((&shown["catalogItemId"], &shown["images"]), (&item, images));
    };
    assert_eq!(setup.call("PATCH", &path, &json!({ "catalogItemId": 5 })).status, 204);
    told("iofog/hello-web", json!(5), &json!([]));
    let back = json!({ "catalogItemId": null, "images": own });
    assert_eq!(setup.call("PATCH", &path, &back).status, 204);
    told("one:2", Value::Null, &own);
    setup.refused(
        "PATCH",
        &path,
        &json!({ "catalogItemId": 999 }),
        404,
        "Invalid catalog item id '999'",
    );
    setup.refused(
        "PATCH",
        &path,
        &json!({ "catalogItemId": 15 }),
        404,
        "Invalid catalog item id '15'",
    );
    let arm = json!({ "images": [{ "containerImage": "i:1", "fogTypeId": 2 }] });
    setup.refused(
        "PATCH",
        &path,
        &arm,
        400,
        "Microservice one does not have a valid image for its Agent type",
    );
    assert_eq!(setup.shown(&setup.one)["images"], own);
    setup.refused(
        "PATCH",
        &path,
        &json!({ "images": [] }),
        400,
        "Microservice one does not have valid images",
    );
    // Beside an item, images are the item's or refused; without them, those of before go.
    let beside = json!({ "catalogItemId": 5, "images": own });
    setup.refused("PATCH", &path, &beside, 400, "Catalog item 5 does not match provided images");
    assert_eq!(setup.shown(&setup.one)["images"], own);
    // Of two images for one type both are kept, and the first is run.
    let twice = json!([{ "containerImage": "first:1", "fogTypeId": 1 }, { "containerImage": "second:1", "fogTypeId": 1 }]);
    assert_eq!(setup.call("PATCH", &path, &json!({ "images": twice })).status, 204);
    told("first:1", Value::Null, &twice);
    let body = json!({ "name": "both", "application": "demo", "agentName": "gw", "catalogItemId": 5, "images": own });
    setup.refused(
        "POST",
        "/microservices",
        &body,
        400,
        "Catalog item 5 does not match provided images",
    );
    let equal = json!({ "name": "both", "catalogItemId": 5, "images": [{ "containerImage": "iofog/hello-web", "fogTypeId": 1 },
        { "containerImage": "iofog/hello-web-arm", "fogTypeId": 2 }] });
    assert_eq!(setup.shown(&setup.microservice(&equal))["images"], json!([]));
}

/// Each expression of an extra host: its value, that it follows what it names, and how it is refused.
#[test]
fn extra_hosts() {
    let setup = Setup::new();
    let public = json!([{ "internal": 80, "external": 8080, "public": { "schemes": ["http"], "protocol": "http", "router": { "port": 6080 } } }]);
    setup.microservice(&json!({ "name": "web", "ports": public }));
    let hosts = |addresses: &[&str]| {
        let entries = addresses.iter().map(|address| json!({ "name": "h", "address": address }));
        json!(entries.collect::<Vec<_>>())
    };
    let all = ["1.2.3.4", "${Agents.gw}", "${Apps.demo.web.local}", "${Apps.demo.web.public.6080}"];
    let near = setup.microservice(&json!({ "name": "near", "extraHosts": hosts(&all) }));
    let values = || -> Vec<Value> {
        let shown = setup.shown(&near);
        shown["extraHosts"].as_array().unwrap().iter().map(|one| one["value"].clone()).collect()
    };
    assert_eq!(json!(values()), json!(["1.2.3.4", "10.0.1.1", "10.0.1.1", "127.0.0.1"]));
    let rebuilt = || -> Value {
        let list = setup.controller.agent_list(&setup.agent);
        list.iter().find(|one| one["uuid"] == json!(near)).unwrap()["rebuild"].clone()
    };
    rebuilt();
    // What an entry names moves: to another agent, which is none of its own.
    let uuid = setup.controller.gateway(&setup.user, "two", "10.0.2.1");
    setup.controller.settle(&setup.agent);
    let web = setup.call("GET", "/microservices?application=demo", &Value::Null).body;
    let web = web["microservices"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "web")
        .unwrap()
        .clone();
    let path = format!("/microservices/{}", web["uuid"].as_str().unwrap());
    assert_eq!(setup.call("PATCH", &path, &json!({ "iofogUuid": uuid })).status, 204);
    assert_eq!(json!(values()), json!(["1.2.3.4", "10.0.1.1", "10.0.2.1", "127.0.0.1"]));
    assert_eq!(rebuilt(), json!(true), "its hosts file is made again");
    // The entry agent of the public port gets another host.
    let system = setup.call("GET", "/iofog-list?system=true", &Value::Null).body;
    let path = format!("/iofog/{}", system["fogs"][0]["uuid"].as_str().unwrap());
    setup.controller.settle(&setup.agent);
    assert_eq!(setup.call("PATCH", &path, &json!({ "host": "127.0.0.9" })).status, 204);
    assert_eq!(values()[3], "127.0.0.9");
    assert_eq!(rebuilt(), json!(true));
    let flags = setup.controller.flags(&setup.agent).0;
    assert!(flags.iter().any(|flag| flag == "microserviceConfig"), "{flags:?}");
    let path = format!("/microservices/{near}");
    for address in [
        "${Agents}",
        "${Apps.demo.web}",
        "${Apps.demo.web.public.x}",
        "${Apps.demo.web.remote}",
        "${Other.x}",
        "${Agents.gw",
    ] {
        let message = format!("{address} is not a valid host template");
        setup.refused("PATCH", &path, &json!({ "extraHosts": hosts(&[address]) }), 400, &message);
    }
    for (address, part) in [
        ("${Agents.none}", "none"),
        ("${Apps.none.web.local}", "none"),
        ("${Apps.demo.none.local}", "none"),
        ("${Apps.demo.web.public.1}", "1"),
    ] {
        let message = format!("Could not find {part} host template");
        setup.refused("PATCH", &path, &json!({ "extraHosts": hosts(&[address]) }), 400, &message);
    }
    for field in ["name", "address"] {
        let mut entry = json!({ "name": "h", "address": "1.1.1.1" });
        entry.as_object_mut().unwrap().remove(field);
        let message = format!("Required field '{field}' is missing");
        setup.refused("PATCH", &path, &json!({ "extraHosts": [entry] }), 400, &message);
    }
    assert_eq!(values().len(), 4, "nothing changed");
}
