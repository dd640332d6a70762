//! The catalog: own items, what uses them, and refusals.

mod common;

use common::Controller;
use serde_json::{Value, json};

const PATH: &str = "/catalog/microservices";

fn item(name: &str) -> Value {
    json!({ "name": name, "registryId": 1, "publisher": "me", "category": "SENSORS",
        "images": [{ "containerImage": "own:1", "fogTypeId": 1 }],
        "inputType": { "infoType": "a", "infoFormat": "b" } })
}

#[test]
fn an_item_is_created_used_changed_and_removed() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let call = |method: &str, path: &str, body: &Value| {
        let answer = controller.call(method, path, Some(&user), body);
        (answer.status, answer.body)
    };
    controller.system_agent(&user);
    let uuid = controller.gateway(&user, "gw", "10.0.1.1");
    let agent = controller.provision(&user, &uuid);
    let (status, new) = call("POST", PATH, &item("own"));
    assert_eq!(status, 201, "{new}");
    let own = format!("{PATH}/{}", new["id"]);
    let (_, shown) = call("GET", &own, &Value::Null);
    assert_eq!(
        shown["images"],
        json!([{ "containerImage": "own:1", "fogTypeId": 1 },
            { "containerImage": null, "fogTypeId": 2 }])
    );
    assert_eq!((&shown["configExample"], &shown["isPublic"]), (&json!("{}"), &json!(false)));
    assert_eq!(shown["inputType"], json!({ "infoType": "a", "infoFormat": "b" }));
    call("POST", "/application", &json!({ "name": "demo", "isActivated": true }));
    let body = json!({ "name": "one", "application": "demo", "agentName": "gw", "config": "{}",
        "catalogItemId": new["id"] });
    let (status, one) = call("POST", "/microservices", &body);
    assert_eq!(status, 201, "{one}");
    let images = || -> Vec<Value> {
        controller.agent_list(&agent).iter().map(|item| item["imageId"].clone()).collect()
    };
    assert!(images().contains(&json!("own:1")));
    let change = json!({ "images": [{ "containerImage": "own:2", "fogTypeId": 1 }] });
    assert_eq!(call("PATCH", &own, &change).0, 204);
    assert!(images().contains(&json!("own:2")));
    let report = json!([{ "id": one["uuid"], "status": "RUNNING" }]).to_string();
    let report = json!({ "microserviceStatus": report });
    controller.call("PUT", "/agent/status", Some(&agent), &report);
    let (status, refused) = call("PATCH", &own, &change);
    assert_eq!(
        (status, &refused["message"]),
        (400, &json!("Can't update catalog item images for item used for running microservices"))
    );
    let mut twice = item("twice");
    twice["images"] = json!([{ "containerImage": "first:1", "fogTypeId": 1 },
        { "containerImage": "second:1", "fogTypeId": 1 }]);
    let (_, new) = call("POST", PATH, &twice);
    let (_, shown) = call("GET", &format!("{PATH}/{}", new["id"]), &Value::Null);
    assert_eq!(shown["images"][0]["containerImage"], "second:1", "the last for a type counts");
    assert_eq!(call("PATCH", &own, &json!({ "description": "d" })).0, 204);
    assert_eq!(call("DELETE", &own, &Value::Null).0, 204);
    assert_eq!(call("GET", &own, &Value::Null).0, 404);
    assert_eq!(images().len(), 1, "the microservice went with its item");
}

#[test]
fn bad_items_are_refused() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let count = || {
        let list = controller.call("GET", PATH, Some(&user), &Value::Null).body;
        list["catalogItems"].as_array().unwrap().len()
    };
    let before = count();
    let spoil = |change: fn(&mut Value)| {
        let mut body = item("own");
        change(&mut body);
        body
    };
    let cases = [
        (
            spoil(|b| b["publisher"] = json!("Eclipse ioFog")),
            400,
            "You are not allowed to add catalog item as 'Eclipse ioFog' publisher",
        ),
        (spoil(|b| b["registryId"] = json!(77)), 404, "Invalid registry id '77'"),
        (spoil(|b| b["registryId"] = Value::Null), 400, "Required field 'registryId' is missing"),
        (spoil(|b| b["images"] = json!([])), 400, "Field images must have 1 or 2 items"),
        (spoil(|b| b["name"] = json!("")), 400, "Field name does not meet minimum length of 1"),
        (item("Common Logging"), 409, "Duplicate name 'Common Logging'"),
    ];
    for (body, status, message) in cases {
        let answer = controller.call("POST", PATH, Some(&user), &body);
        assert_eq!((answer.status, answer.body["message"].as_str()), (status, Some(message)));
    }
    assert_eq!(count(), before);
    let new = controller.call("POST", PATH, Some(&user), &item("own")).body;
    let own = format!("{PATH}/{}", new["id"]);
    let taken = controller.call("PATCH", &own, Some(&user), &json!({ "name": "Diagnostics" }));
    assert_eq!(taken.status, 409);
    let other = controller.user("b@b.co");
    for (method, path) in [
        ("PATCH", own.as_str()),
        ("DELETE", own.as_str()),
        ("GET", own.as_str()),
        ("PATCH", "/catalog/microservices/5"),
        ("DELETE", "/catalog/microservices/5"),
        ("DELETE", "/catalog/microservices/x"),
    ] {
        let answer = controller.call(method, path, Some(&other), &json!({}));
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    assert_eq!(controller.call("GET", &own, Some(&user), &Value::Null).status, 200);
}

#[test]
fn a_registry_takes_along_what_pulls_from_it() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let call = |method: &str, path: &str, body: &Value| {
        let answer = controller.call(method, path, Some(&user), body);
        (answer.status, answer.body)
    };
    controller.system_agent(&user);
    let [gone, kept] = ["gone", "kept"].map(|name| {
        let uuid = controller.gateway(&user, name, "10.0.1.1");
        controller.provision(&user, &uuid)
    });
    let registry = json!({ "url": "r.example", "isPublic": false, "username": "u", "password": "p",
        "email": "a@b.co" });
    let (_, new) = call("POST", "/registries", &registry);
    let mut from_it = item("own");
    from_it["registryId"] = new["id"].clone();
    let (_, own) = call("POST", PATH, &from_it);
    let public = json!([{ "internal": 80, "external": 8080,
        "public": { "schemes": ["http"], "protocol": "http" } }]);
    let one = |name: &str, registry: &Value, ports: &Value| {
        json!({ "name": name, "agentName": name, "registryId": registry, "ports": ports,
            "images": [{ "containerImage": format!("{name}:1"), "fogTypeId": 1 }] })
    };
    let application = json!({ "name": "demo", "isActivated": true, "microservices": [
        one("gone", &new["id"], &public), one("kept", &json!(1), &json!([])) ],
        "routes": [{ "name": "r", "from": "kept", "to": "gone" }] });
    let (status, shown) = call("POST", "/application", &application);
    assert_eq!(status, 201, "{shown}");
    assert_eq!(controller.agent_list(&gone).len(), 3, "router, proxy, microservice");
    controller.settle(&gone);
    controller.settle(&kept);
    assert_eq!(call("DELETE", &format!("/registries/{}", new["id"]), &Value::Null).0, 204);
    assert_eq!(controller.agent_list(&gone).len(), 1, "its router alone");
    assert_eq!(call("GET", "/microservices/public-ports", &Value::Null).1, json!([]));
    assert_eq!(call("GET", "/routes", &Value::Null).1, json!({ "routes": [] }));
    let (_, left) = call("GET", "/microservices?application=demo", &Value::Null);
    assert_eq!(left["microservices"].as_array().map(Vec::len), Some(1));
    for agent in [&gone, &kept] {
        let (flags, _) = controller.flags(agent);
        for flag in ["microserviceList", "microserviceConfig", "routing", "registries"] {
            assert!(flags.iter().any(|set| set == flag), "{flag} in {flags:?}");
        }
    }
    let (_, shown) = call("GET", &format!("{PATH}/{}", own["id"]), &Value::Null);
    assert_eq!((&shown["name"], &shown["registryId"]), (&json!("own"), &json!(1)));
}

/// A public registry is everybody's: it takes along what other users pull from it, as the cascade of 3.0.4 does (section 21), and
/// nothing else of theirs.
#[test]
fn a_public_registry_takes_along_what_other_users_pull_from_it() {
    let controller = Controller::start();
    let owner = controller.user("owner@b.co");
    controller.system_agent(&owner);
    let other = controller.user("other@b.co");
    let uuid = controller.gateway(&other, "gw", "10.0.1.1");
    let agent = controller.provision(&other, &uuid);
    let call = |token: &str, method: &str, path: &str, body: &Value| {
        let answer = controller.call(method, path, Some(token), body);
        (answer.status, answer.body)
    };
    let registry = json!({ "url": "r.example", "isPublic": true, "username": "u", "password": "p",
        "email": "a@b.co" });
    let id = call(&owner, "POST", "/registries", &registry).1["id"].clone();
    let path = format!("/registries/{id}");
    let mut from_it = item("own");
    from_it["registryId"] = id.clone();
    let (status, own) = call(&other, "POST", PATH, &from_it);
    assert_eq!(status, 201, "{own}");
    let one = |name: &str, registry: &Value| {
        json!({ "name": name, "agentName": "gw", "registryId": registry,
            "images": [{ "containerImage": format!("{name}:1"), "fogTypeId": 1 }] })
    };
    let application = json!({ "name": "demo", "isActivated": true,
        "microservices": [one("gone", &id), one("kept", &json!(1))],
        "routes": [{ "from": "kept", "to": "gone" }] });
    assert_eq!(call(&other, "POST", "/application", &application).0, 201);
    controller.settle(&agent);
    // Only its owner removes it.
    assert_eq!(call(&other, "DELETE", &path, &Value::Null).0, 404);
    assert_eq!(controller.agent_list(&agent).len(), 3);
    assert_eq!(call(&owner, "DELETE", &path, &Value::Null).0, 204);
    let images: Vec<Value> =
        controller.agent_list(&agent).iter().map(|one| one["imageId"].clone()).collect();
    assert_eq!(images.len(), 2, "{images:?}");
    assert!(images.contains(&json!("kept:1")) && !images.contains(&json!("gone:1")));
    let (flags, _) = controller.flags(&agent);
    for flag in ["microserviceList", "routing"] {
        assert!(flags.iter().any(|set| set == flag), "{flag} in {flags:?}");
    }
    let (_, shown) = call(&other, "GET", "/application/demo", &Value::Null);
    assert_eq!(shown["microservices"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["routes"], json!([]));
    let (_, shown) = call(&other, "GET", &format!("{PATH}/{}", own["id"]), &Value::Null);
    assert_eq!(shown["registryId"], 1);
}

#[test]
fn an_item_takes_along_public_ports_and_routes() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let call = |method: &str, path: &str, body: &Value| {
        let answer = controller.call(method, path, Some(&user), body);
        (answer.status, answer.body)
    };
    let system = controller.system_agent(&user);
    let system = controller.provision(&user, &system);
    let gateway = controller.gateway(&user, "gw", "10.0.1.1");
    let agent = controller.provision(&user, &gateway);
    let (_, new) = call("POST", PATH, &item("own"));
    call("POST", "/application", &json!({ "name": "demo", "isActivated": true }));
    let body = json!({ "name": "one", "application": "demo", "agentName": "gw", "config": "{}",
        "catalogItemId": new["id"], "ports": [{ "internal": 80, "external": 8080,
            "public": { "schemes": ["http"], "protocol": "http" } }] });
    assert_eq!(call("POST", "/microservices", &body).0, 201);
    let route = json!({ "name": "r", "application": "demo", "from": "one", "to": "one" });
    assert_eq!(call("POST", "/routes", &route).0, 200);
    let before = (controller.agent_list(&system).len(), controller.agent_list(&agent).len());
    assert_eq!(call("DELETE", &format!("{PATH}/{}", new["id"]), &Value::Null).0, 204);
    let after = (controller.agent_list(&system).len(), controller.agent_list(&agent).len());
    assert_eq!(after, (before.0 - 1, before.1 - 2), "a proxy on each side, and the microservice");
    assert_eq!(call("GET", "/microservices/public-ports", &Value::Null).1, json!([]));
    assert_eq!(call("GET", "/routes", &Value::Null).1, json!({ "routes": [] }));
}

#[test]
fn a_route_is_rendered_when_it_is_made_and_when_it_is_changed() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let call = |method: &str, path: &str, body: &Value| {
        let answer = controller.call(method, path, Some(&user), body);
        (answer.status, answer.body)
    };
    controller.system_agent(&user);
    controller.gateway(&user, "gw", "10.0.1.1");
    let one = |name: &str| {
        json!({ "name": name, "agentName": "gw", "registryId": 1, "ports": [],
            "images": [{ "containerImage": "one:1", "fogTypeId": 1 }] })
    };
    let application = json!({ "name": "demo", "microservices": [one("a"), one("b")] });
    assert_eq!(call("POST", "/application", &application).0, 201);
    let route = json!({ "name": "{{ self.from }}-{{ self.to }}", "application": "demo",
        "from": "a", "to": "b" });
    let (status, made) = call("POST", "/routes", &route);
    assert_eq!((status, &made["name"]), (200, &json!("a-b")));
    let change = json!({ "name": "{{ 'C' | downcase }}" });
    assert_eq!(call("PATCH", "/routes/demo/a-b", &change).0, 204);
    assert_eq!(call("GET", "/routes/demo/c", &Value::Null).0, 200);
}
