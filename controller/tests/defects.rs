//! The defects of Controller 3.0.4 that its contract lists as safe to mend (24.1), one test for each that has none elsewhere. Missing tokens:
//! `authorisation.rs`. Flags of volumes: `flags.rs`. An object for `microserviceStatus`: `changes.rs`. Download of snapshots: `diagnostics.rs`.
//! Times of receipt instead of the agent's clock: `faults.rs`.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::{Answer, Controller};
use serde_json::{Value, json};

struct Setup {
    controller: Controller,
    user: String,
    system: String,
}

fn setup() -> Setup {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let system = controller.system_agent(&user);
    Setup { controller, user, system }
}

impl Setup {
    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.controller.call(method, path, Some(&self.user), body)
    }

    fn interior(&self, name: &str, host: &str) -> String {
        let body = json!({ "name": name, "fogType": 1, "host": host, "routerMode": "interior",
            "interRouterPort": 56_721, "edgeRouterPort": 56_722 });
        let answer = self.call("POST", "/iofog", &body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["uuid"].as_str().unwrap().to_owned()
    }

    fn shown(&self, uuid: &str) -> Value {
        self.call("GET", &format!("/iofog/{uuid}"), &Value::Null).body
    }
}

#[test]
fn a_microservice_is_changed_without_naming_its_agent() {
    let setup = setup();
    let uuid = setup.controller.gateway(&setup.user, "gw", "10.0.1.1");
    let application = common::application("gw", "gw");
    assert_eq!(setup.call("POST", "/application", &application).status, 201);
    let list = setup.call("GET", "/microservices?application=demo", &Value::Null).body;
    let path = format!("/microservices/{}", list["microservices"][0]["uuid"].as_str().unwrap());
    assert_eq!(setup.call("PATCH", &path, &json!({ "config": "{\"a\":1}" })).status, 204);
    let shown = setup.call("GET", &path, &Value::Null).body;
    assert_eq!((&shown["iofogUuid"], &shown["config"]), (&json!(uuid), &json!("{\"a\":1}")));
    assert_eq!(shown["logSize"], 1, "absent, it falls back (10.6)");
}

#[test]
fn an_agent_that_is_refused_leaves_nothing_behind() {
    let setup = setup();
    for mode in ["edge", "interior"] {
        let body = json!({ "name": "late", "fogType": 1, "routerMode": mode,
            "interRouterPort": 56_721, "edgeRouterPort": 56_722 });
        assert_eq!(setup.call("POST", "/iofog", &body).status, 400, "{mode} without a host");
    }
    let list = setup.call("GET", "/iofog-list", &Value::Null).body;
    assert_eq!(list["fogs"], json!([]));
    setup.controller.gateway(&setup.user, "late", "10.0.1.1");
}

#[test]
fn what_dialled_a_router_that_goes_dials_the_default_one_once() {
    let setup = setup();
    let middle = setup.interior("middle", "10.0.0.5");
    let body = json!({ "name": "leaf", "fogType": 1, "host": "10.0.0.6",
        "upstreamRouters": ["default-router", middle] });
    let leaf = setup.call("POST", "/iofog", &body).body["uuid"].as_str().unwrap().to_owned();
    let agent = setup.controller.provision(&setup.user, &leaf);
    setup.controller.settle(&agent);
    assert_eq!(setup.call("DELETE", &format!("/iofog/{middle}"), &Value::Null).status, 202);
    assert_eq!(setup.shown(&leaf)["upstreamRouters"], json!(["default-router"]));
    let list = setup.controller.agent_list(&agent);
    let config: Value = serde_json::from_str(list[0]["config"].as_str().unwrap()).unwrap();
    let connectors = config["connectors"].as_array().unwrap();
    assert_eq!(connectors.len(), 1, "{connectors:?}");
    assert_eq!(connectors[0]["name"], json!(setup.system));
    let (flags, _) = setup.controller.flags(&agent);
    assert!(flags.iter().any(|flag| flag == "routerChanged"), "{flags:?}");
}

#[test]
fn a_node_that_gets_a_router_dials_the_default_one() {
    let setup = setup();
    let body = json!({ "name": "plain", "fogType": 1, "host": "10.0.0.7", "routerMode": "none" });
    let plain = setup.call("POST", "/iofog", &body).body["uuid"].as_str().unwrap().to_owned();
    assert_eq!(setup.shown(&plain)["networkRouter"], "default-router");
    let path = format!("/iofog/{plain}");
    assert_eq!(setup.call("PATCH", &path, &json!({ "routerMode": "edge" })).status, 204);
    let shown = setup.shown(&plain);
    assert_eq!(shown["upstreamRouters"], json!(["default-router"]));
    assert!(shown.get("networkRouter").is_none());
    // The network router of a node has to be one.
    let unknown = json!({ "routerMode": "none", "networkRouter": "nobody" });
    let refused = setup.call("PATCH", &path, &unknown);
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (404, &json!("Invalid router 'nobody'"))
    );
    let empty = json!({ "routerMode": "none", "networkRouter": "" });
    assert_eq!(setup.call("PATCH", &path, &empty).status, 400);
    assert_eq!(setup.shown(&plain)["routerMode"], "edge", "nothing is changed");
}

#[test]
fn an_agent_that_removes_itself_goes_as_a_whole() {
    let setup = setup();
    let uuid = setup.controller.gateway(&setup.user, "gw", "10.0.1.1");
    let agent = setup.controller.provision(&setup.user, &uuid);
    let application = common::application("gw", "gw");
    assert_eq!(setup.call("POST", "/application", &application).status, 201);
    let own = setup.controller.call("DELETE", "/agent/delete-node", Some(&agent), &Value::Null);
    assert_eq!(own.status, 204, "{}", own.text);
    assert_eq!(setup.call("GET", &format!("/iofog/{uuid}"), &Value::Null).status, 404);
    let ports = setup.call("GET", "/microservices/public-ports", &Value::Null);
    assert_eq!(ports.body, json!([]));
}

#[test]
fn what_is_missing_is_404_and_what_is_taken_409() {
    let setup = setup();
    setup.controller.gateway(&setup.user, "gw", "10.0.1.1");
    let one = |extra: Value| {
        let mut body = json!({ "name": "m", "application": "demo", "agentName": "gw", "registryId": 1,
            "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let demo = json!({ "name": "demo" });
    let template = json!({ "name": "t", "application": { "microservices": [], "routes": [] } });
    for (path, body, status) in [
        ("/application", demo.clone(), 201),
        ("/application", demo, 409),
        ("/applicationTemplate", template.clone(), 201),
        ("/applicationTemplate", template, 409),
        ("/microservices", one(json!({})), 201),
        ("/microservices", one(json!({})), 409),
        ("/microservices", one(json!({ "name": "n", "application": "none" })), 404),
        ("/microservices", one(json!({ "name": "n", "application": null })), 400),
        ("/microservices", one(json!({ "name": "n", "registryId": 99 })), 404),
        ("/microservices", one(json!({ "name": "n", "images": [], "catalogItemId": 15 })), 404),
        (
            "/iofog",
            json!({ "name": "x", "fogType": 1, "host": "h", "upstreamRouters": ["u"] }),
            404,
        ),
        ("/edgeResource/none/1.0.0/link", json!({ "uuid": setup.system }), 404),
    ] {
        let answer = setup.call("POST", path, &body);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
    }
    let none = setup.call("GET", "/microservices?application=none", &Value::Null);
    assert_eq!(none.status, 404);
    // Without a port broker in the settings: said, and not taken without being opened.
    let ports =
        json!({ "name": "n", "ports": [{ "internal": 80, "external": 80, "proxy": true }] });
    let refused = setup.call("POST", "/microservices", &one(ports));
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("Field proxy of port 80"), "{}", refused.text);
}

#[test]
fn a_microservice_of_a_stopped_application_counts_as_stopped() {
    let environment = vec![("Settings_FogStatusUpdateIntervalSeconds", "1".to_owned())];
    let controller = Controller::start_with(environment);
    let (user, _, agent, one) = controller.network();
    let call = |method: &str, path: &str, body: Value| {
        controller.call(method, path, Some(&user), &body).body
    };
    let leave = json!({ "microserviceUuids": [one] });
    let left = controller.call("POST", "/agent/deprovision", Some(&agent), &leave);
    assert_eq!(left.status, 204);
    let path = format!("/microservices/{one}");
    let status = || call("GET", &path, Value::Null)["status"]["status"].clone();
    assert_eq!(status(), "DELETING");
    call("PATCH", "/application/demo", json!({ "isActivated": false }));
    // A guard against hangs, not a promise.
    for _ in 0..600 {
        if status() == "STOPPED" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("still {}", status());
}
