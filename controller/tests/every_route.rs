//! The coverage table of the Controller's routes: every route is called with success and with bad input, in one walk through the
//! life of a network. A route that the walk leaves out fails it. (Strangers: `authorisation.rs` walks the same table.)

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail here")]

mod common;

use std::collections::BTreeSet;

use common::Controller;
use iofog_controller::routes::{self, Auth, Route};
use serde_json::{Value, json};

/// Routes that take nothing a client could get wrong: no body, no query, no parameter.
const NO_INPUT: &[&str] = &[
    "status.get",
    "status.email-activation",
    "status.fog-types",
    "status.edge-resources-capability",
    "status.application-templates-capability",
    "user.logout",
    "user.profile",
    "agent.config",
    "agent.changes",
    "agent.microservices",
    "agent.registries",
    "agent.edge-resources",
    "agent.tunnel",
    "agent.strace",
    "agent.version",
    "agent.snapshot",
    "agent.delete-node",
    "enrolment-key.list",
    "agent.tracking",
    "application.list",
    "application-template.list",
    "microservice.public-ports",
    "route.list",
    "registry.list",
    "catalog.list",
    "edge-resource.list",
    "config.list",
    "router.get",
    "flow.list",
    "k8s.update-pod",
    "k8s.container-logs",
];

/// Routes that take any name: deleting what is not there succeeds, and of an unknown resource there are no versions.
const ANY_NAME: &[&str] =
    &["application.delete", "application-template.delete", "edge-resource.versions"];

/// Routes that turn the connection into another protocol: `transport.rs` has success, bad input and strangers of them.
const UPGRADES: &[&str] = &["agent.link"];

/// Routes that refuse here: mail is not set up (`activation.rs` has it), and pods are none of ours (decision 0086).
const REFUSED: &[&str] = &[
    "user.activate",
    "user.resend-activation",
    "user.reset-password",
    "k8s.create-pod",
    "k8s.delete-pod",
    "k8s.pod",
    "k8s.pod-status",
    "k8s.vk-token",
    "k8s.scheduler-token",
];

struct Walk {
    controller: Controller,
    user: String,
    agent: String,
    good: BTreeSet<&'static str>,
    bad: BTreeSet<&'static str>,
    /// What went otherwise; all of it is shown at the end.
    wrong: Vec<String>,
}

impl Walk {
    fn call(&self, route: &'static Route, path: &str, body: &Value) -> common::Answer {
        let bare = path.split('?').next().unwrap_or_default();
        let found = routes::find(route.verb, &format!("{}{bare}", routes::PREFIX));
        assert_eq!(found.map(|(route, _)| route.id), Some(route.id), "{path}");
        let token = match route.auth {
            Auth::Anyone => None,
            Auth::User => Some(self.user.as_str()),
            Auth::Agent => Some(self.agent.as_str()),
        };
        match (route.file, body.as_str()) {
            (Some(field), Some(text)) => {
                let token = token.unwrap_or_default();
                self.controller.upload(route.verb.name(), path, token, field, text)
            }
            _ => self.controller.call(route.verb.name(), path, token, body),
        }
    }

    fn good(&mut self, id: &'static str, path: &str, body: Value) -> Value {
        let route = routes::all().find(|route| route.id == id).expect(id);
        let answer = self.call(route, path, &body);
        if answer.status != route.status {
            self.wrong.push(format!("{id} {path}: {} {}", answer.status, answer.text));
        }
        self.good.insert(id);
        answer.body
    }

    fn bad(&mut self, id: &'static str, path: &str, body: Value, status: u16) {
        let route = routes::all().find(|route| route.id == id).expect(id);
        let answer = self.call(route, path, &body);
        if answer.status != status {
            self.wrong
                .push(format!("{id} {path}: not {status}: {} {}", answer.status, answer.text));
        }
        let is_error = answer.body["name"].is_string() && answer.body["message"].is_string();
        if !is_error || answer.body.get("stack").is_some() {
            self.wrong.push(format!("{id} {path}: no error body: {}", answer.text));
        }
        self.bad.insert(id);
    }
}

fn start() -> Walk {
    let environment = [
        ("Tunnel_Username", "u"),
        ("Tunnel_Password", "p"),
        ("Tunnel_Host", "h"),
        ("Tunnel_RsaKey", "k"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
    let controller = Controller::start_with(environment);
    let user = controller.user("a@b.co");
    let system = controller.system_agent(&user);
    let agent = controller.provision(&user, &system);
    Walk { controller, user, agent, good: BTreeSet::new(), bad: BTreeSet::new(), wrong: Vec::new() }
}

#[test]
fn every_route_succeeds_and_refuses() {
    let mut walk = start();
    accounts(&mut walk);
    shared(&mut walk);
    let uuid = agents(&mut walk);
    agent_side(&mut walk);
    templates_and_resources(&mut walk, &uuid);
    let one = applications(&mut walk);
    diagnostics(&mut walk, &uuid, &one);
    endings(&mut walk, &uuid, &one);
    assert!(walk.wrong.is_empty(), "{:#?}", walk.wrong);
    for route in routes::all().filter(|route| !UPGRADES.contains(&route.id)) {
        let refused = REFUSED.contains(&route.id);
        assert_ne!(walk.good.contains(route.id), refused, "{} has no success", route.id);
        let any_name = ANY_NAME.contains(&route.id);
        let input = !NO_INPUT.contains(&route.id) && !any_name;
        assert_eq!(walk.bad.contains(route.id), input, "{} has no bad input", route.id);
        let parameter = route.path.contains(':');
        assert!(input || any_name || !parameter, "{} has a parameter, which is input", route.id);
    }
}

fn accounts(walk: &mut Walk) {
    let none = || Value::Null;
    walk.good("status.get", "/status", none());
    walk.good("status.email-activation", "/email-activation", none());
    walk.good("status.fog-types", "/fog-types", none());
    walk.good("status.edge-resources-capability", "/capabilities/edgeResources", none());
    walk.good(
        "status.application-templates-capability",
        "/capabilities/applicationTemplates",
        none(),
    );
    let new = json!({ "firstName": "Eva", "lastName": "Test", "email": "e@b.co",
        "password": "password1" });
    walk.good("user.signup", "/user/signup", new);
    walk.bad("user.signup", "/user/signup", json!({}), 400);
    let login = json!({ "email": "e@b.co", "password": "password1" });
    walk.bad("user.login", "/user/login", json!({ "email": "e@b.co" }), 400);
    walk.bad("user.login", "/user/login", json!({ "email": "e@b.co", "password": "x" }), 401);
    let token = walk.good("user.login", "/user/login", login)["accessToken"].clone();
    let first = std::mem::replace(&mut walk.user, token.as_str().unwrap_or_default().to_owned());
    walk.good("user.profile", "/user/profile", none());
    walk.good("user.update-profile", "/user/profile", json!({ "firstName": "Eve" }));
    walk.bad("user.update-profile", "/user/profile", json!({ "firstName": "E" }), 400);
    let change = json!({ "oldPassword": "password1", "newPassword": "password2" });
    walk.bad("user.change-password", "/user/password", json!({ "oldPassword": "x" }), 400);
    walk.good("user.change-password", "/user/password", change);
    let login = json!({ "email": "e@b.co", "password": "password2" });
    for id in ["user.logout", "user.delete"] {
        let token = walk.good("user.login", "/user/login", login.clone())["accessToken"].clone();
        token.as_str().unwrap_or_default().clone_into(&mut walk.user);
        if id == "user.logout" {
            walk.good(id, "/user/logout", none());
        } else {
            walk.bad(id, "/user/profile", json!({ "force": 5 }), 400);
            walk.good(id, "/user/profile", none());
        }
    }
    walk.user = first;
    walk.bad("user.activate", "/user/activate", json!({ "activationCode": "x" }), 404);
    walk.bad("user.resend-activation", "/user/signup/resend-activation", none(), 400);
    walk.bad("user.reset-password", "/user/password", json!({ "email": "no@b.co" }), 404);
}

fn shared(walk: &mut Walk) {
    let none = || Value::Null;
    walk.good("config.put", "/config", json!({ "key": "k", "value": "v" }));
    walk.bad("config.put", "/config", json!({ "key": "" }), 400);
    walk.good("config.get", "/config/k", none());
    walk.bad("config.get", "/config/other", none(), 404);
    walk.good("config.list", "/config", none());
    walk.good("router.get", "/router", none());
    walk.good("router.put", "/router", json!({ "host": "127.0.0.1" }));
    walk.bad("router.put", "/router", json!({ "host": 5 }), 400);
    let registry = json!({ "url": "r.example", "isPublic": true, "username": "u", "password": "p",
        "email": "a@b.co" });
    let id = walk.good("registry.create", "/registries", registry)["id"].clone();
    walk.bad("registry.create", "/registries", json!({}), 400);
    walk.good("registry.list", "/registries", none());
    walk.good("registry.patch", &format!("/registries/{id}"), json!({ "url": "s.example" }));
    walk.bad("registry.patch", "/registries/999", json!({ "url": "s.example" }), 404);
    walk.good("registry.delete", &format!("/registries/{id}"), none());
    walk.bad("registry.delete", "/registries/999", none(), 404);
    let path = "/catalog/microservices";
    let item = json!({ "name": "own", "registryId": 1, "publisher": "me", "category": "SENSORS",
        "images": [{ "containerImage": "own:1", "fogTypeId": 1 }] });
    let id = walk.good("catalog.create", path, item)["id"].clone();
    walk.bad("catalog.create", path, json!({}), 400);
    walk.good("catalog.list", path, none());
    walk.good("catalog.get", &format!("{path}/{id}"), none());
    walk.bad("catalog.get", "/catalog/microservices/999", none(), 404);
    walk.good("catalog.update", &format!("{path}/{id}"), json!({ "description": "d" }));
    walk.bad("catalog.update", "/catalog/microservices/999", json!({ "description": "d" }), 404);
    walk.good("catalog.delete", &format!("{path}/{id}"), none());
    walk.bad("catalog.delete", "/catalog/microservices/999", none(), 404);
}

/// The gateway that everything is put on; the walk speaks as its agent from here on.
fn agents(walk: &mut Walk) -> String {
    let none = || Value::Null;
    let new = json!({ "name": "gw", "fogType": 1, "host": "10.0.0.1" });
    let uuid =
        walk.good("fog.create", "/iofog", new)["uuid"].as_str().unwrap_or_default().to_owned();
    walk.bad("fog.create", "/iofog", json!({}), 400);
    let at = |rest: &str| format!("/iofog/{uuid}{rest}");
    walk.good("fog.list", "/iofog-list", none());
    walk.bad("fog.list", "/iofog-list?filters%5B0%5D%5Bkey%5D=name", none(), 400);
    walk.good("fog.get", &at(""), none());
    walk.bad("fog.get", "/iofog/nobody", none(), 404);
    walk.good("fog.update", &at(""), json!({ "description": "d" }));
    walk.bad("fog.update", "/iofog/nobody", json!({}), 404);
    let key = walk.good("fog.provisioning-key", &at("/provisioning-key"), none())["key"].clone();
    walk.bad("fog.provisioning-key", "/iofog/nobody/provisioning-key", none(), 404);
    let path = "/agent/provision";
    let token =
        walk.good("agent.provision", path, json!({ "type": 1, "key": key }))["token"].clone();
    walk.bad("agent.provision", path, json!({ "type": 1 }), 400);
    walk.bad("agent.provision", path, json!({ "type": 1, "key": key }), 404);
    token.as_str().unwrap_or_default().clone_into(&mut walk.agent);
    let path = "/enrolment-keys";
    let batch = json!({ "name": "b", "devices": 1, "validHours": 1 });
    let made = walk.good("enrolment-key.create", path, batch);
    walk.bad("enrolment-key.create", path, json!({ "name": "b" }), 400);
    walk.good("enrolment-key.list", path, none());
    let device = json!({ "type": 1, "key": made["key"], "device": "d", "proof": "p".repeat(32),
        "host": "10.0.0.3" });
    walk.good("agent.enrol", "/agent/enrol", device.clone());
    walk.bad("agent.enrol", "/agent/enrol", json!({ "type": 1 }), 400);
    let path = format!("/enrolment-keys/{}", made["id"]);
    walk.good("enrolment-key.delete", &path, none());
    walk.bad("enrolment-key.delete", &path, none(), 404);
    walk.bad("agent.enrol", "/agent/enrol", device, 404);
    walk.good("fog.reboot", &at("/reboot"), none());
    walk.bad("fog.reboot", "/iofog/nobody/reboot", none(), 404);
    walk.good("fog.prune", &at("/prune"), none());
    walk.bad("fog.prune", "/iofog/nobody/prune", none(), 404);
    walk.good("fog.version", &at("/version/upgrade"), none());
    walk.bad("fog.version", &at("/version/sideways"), none(), 400);
    walk.good("fog.hal-hw", &at("/hal/hw"), none());
    walk.bad("fog.hal-hw", "/iofog/nobody/hal/hw", none(), 404);
    walk.good("fog.hal-usb", &at("/hal/usb"), none());
    walk.bad("fog.hal-usb", "/iofog/nobody/hal/usb", none(), 404);
    for (id, path) in [
        ("k8s.capacity", "/k8s/capacity"),
        ("k8s.allocatable", "/k8s/allocatable"),
        ("k8s.node-conditions", "/k8s/nodeConditions"),
        ("k8s.node-addresses", "/k8s/nodeAddresses"),
    ] {
        walk.good(id, &format!("{path}?nodeName={uuid}"), none());
        walk.bad(id, path, none(), 404);
    }
    walk.good("k8s.pods", &format!("/k8s/getPods?nodeName={uuid}"), none());
    walk.bad("k8s.pods", "/k8s/getPods", none(), 404);
    for (id, path, status) in [
        ("k8s.create-pod", "/k8s/createPod", 400),
        ("k8s.delete-pod", "/k8s/deletePod", 404),
        ("k8s.pod", "/k8s/getPod", 404),
        ("k8s.pod-status", "/k8s/getPodStatus", 404),
        ("k8s.vk-token", "/k8s/vk-token", 404),
        ("k8s.scheduler-token", "/k8s/scheduler-token", 404),
    ] {
        walk.bad(id, &format!("{path}?nodeName={uuid}"), none(), status);
        walk.bad(id, path, none(), 404);
    }
    walk.good("k8s.update-pod", "/k8s/updatePod", none());
    walk.good("k8s.container-logs", "/k8s/getContainerLogs", none());
    uuid
}

fn agent_side(walk: &mut Walk) {
    let none = || Value::Null;
    walk.good("agent.config", "/agent/config", none());
    walk.good("agent.update-config", "/agent/config", json!({ "logLimit": 10.0 }));
    walk.bad("agent.update-config", "/agent/config", json!({ "logLimit": -1 }), 400);
    let changes = "/agent/config/changes";
    let stamp = walk.good("agent.changes", changes, none())["lastUpdated"].clone();
    walk.good("agent.acknowledge-changes", changes, json!({ "lastUpdated": stamp }));
    walk.bad("agent.acknowledge-changes", changes, json!({ "lastUpdated": 5 }), 400);
    walk.good("agent.status", "/agent/status", json!({ "daemonStatus": "RUNNING" }));
    walk.bad("agent.status", "/agent/status", json!({ "daemonStatus": 5 }), 400);
    walk.good("agent.registries", "/agent/registries", none());
    walk.good("agent.edge-resources", "/agent/edgeResources", none());
    walk.good("agent.version", "/agent/version", none());
    walk.good("agent.hal-hw", "/agent/hal/hw", json!({ "info": "i" }));
    walk.bad("agent.hal-hw", "/agent/hal/hw", json!({}), 400);
    walk.good("agent.hal-usb", "/agent/hal/usb", json!({ "info": "i" }));
    walk.bad("agent.hal-usb", "/agent/hal/usb", json!({}), 400);
    walk.good("agent.tracking", "/agent/tracking", json!([]));
}

fn templates_and_resources(walk: &mut Walk, uuid: &str) {
    let none = || Value::Null;
    let path = "/applicationTemplate";
    let template = json!({ "name": "t", "application": { "microservices": [], "routes": [] } });
    walk.good("application-template.create", path, template.clone());
    walk.bad("application-template.create", path, json!({ "name": "Not A Name" }), 400);
    walk.good("application-template.list", "/applicationTemplates", none());
    walk.good("application-template.get", "/applicationTemplate/t", none());
    walk.bad("application-template.get", "/applicationTemplate/u", none(), 404);
    let change = json!({ "description": "d" });
    walk.good("application-template.patch", "/applicationTemplate/t", change.clone());
    walk.bad("application-template.patch", "/applicationTemplate/u", change, 404);
    walk.good("application-template.put", "/applicationTemplate/t", template);
    let broken = json!({ "name": "Not A Name" });
    walk.bad("application-template.put", "/applicationTemplate/t", broken, 400);
    let yaml = "kind: ApplicationTemplate\nmetadata: {name: yam}\nspec:\n  application:\n    microservices: []\n    routes: []\n";
    walk.good("application-template.create-yaml", "/applicationTemplate/yaml", json!(yaml));
    walk.bad(
        "application-template.create-yaml",
        "/applicationTemplate/yaml",
        json!("kind: X"),
        400,
    );
    walk.good("application-template.put-yaml", "/applicationTemplate/yaml/yam", json!(yaml));
    walk.bad(
        "application-template.put-yaml",
        "/applicationTemplate/yaml/yam",
        json!("kind: X"),
        400,
    );
    walk.good("application-template.delete", "/applicationTemplate/yam", none());
    let resource = json!({ "name": "door", "version": "1.0.0", "interfaceProtocol": "https",
        "interface": { "endpoints": [] } });
    walk.good("edge-resource.create", "/edgeResource", resource.clone());
    walk.bad("edge-resource.create", "/edgeResource", json!({}), 400);
    walk.good("edge-resource.list", "/edgeResources", none());
    walk.good("edge-resource.versions", "/edgeResource/door", none());
    walk.good("edge-resource.get", "/edgeResource/door/1.0.0", none());
    walk.bad("edge-resource.get", "/edgeResource/door/2.0.0", none(), 404);
    walk.good("edge-resource.put", "/edgeResource/door/1.0.0", resource);
    walk.bad("edge-resource.put", "/edgeResource/door/1.0.0", json!({ "name": 5 }), 400);
    let link = "/edgeResource/door/1.0.0/link";
    walk.good("edge-resource.link", link, json!({ "uuid": uuid }));
    walk.bad("edge-resource.link", link, json!({}), 400);
    walk.good("edge-resource.unlink", link, json!({ "uuid": uuid }));
    walk.bad("edge-resource.unlink", link, json!({}), 400);
    walk.good("edge-resource.delete", "/edgeResource/door/1.0.0", none());
    walk.bad("edge-resource.delete", "/edgeResource/door/1.0.0", none(), 404);
}

/// An application with two microservices; gives the uuid of one.
fn applications(walk: &mut Walk) -> String {
    let none = || Value::Null;
    walk.good("application.create", "/application", json!({ "name": "demo", "isActivated": true }));
    walk.bad("application.create", "/application", json!({}), 400);
    walk.good("application.list", "/application", none());
    walk.good("application.patch", "/application/demo", json!({ "description": "d" }));
    walk.bad("application.patch", "/application/none", json!({}), 404);
    let yaml = |name: &str| {
        format!(
            "kind: Application\nmetadata: {{name: {name}}}\nspec: {{microservices: [], routes: []}}\n"
        )
    };
    walk.good("application.create-yaml", "/application/yaml", json!(yaml("yam")));
    walk.bad("application.create-yaml", "/application/yaml", json!("kind: X"), 400);
    walk.good("application.put-yaml", "/application/yaml/yam", json!(yaml("yam")));
    walk.bad("application.put-yaml", "/application/yaml/yam", json!("kind: X"), 400);
    let body = json!({ "name": "yam", "microservices": [], "routes": [] });
    walk.good("application.put", "/application/yam", body);
    walk.bad("application.put", "/application/yam", json!({ "name": "Not A Name" }), 400);
    let new = |name: &str| {
        json!({ "name": name, "application": "demo", "agentName": "gw", "config": "{}",
            "registryId": 1, "images": [{ "containerImage": "one:1", "fogTypeId": 1 }] })
    };
    let path = "/microservices";
    let one = walk.good("microservice.create", path, new("one"))["uuid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let two = walk.good("microservice.create", path, new("two"))["uuid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    walk.bad("microservice.create", path, json!({}), 400);
    let yaml = "kind: Microservice\nmetadata: {name: demo/three}\nspec:\n  agent: {name: gw}\n  images: {x86: 'three:1', registry: remote}\n  container: {ports: [], volumes: []}\n  config: {}\n";
    let three = walk.good("microservice.create-yaml", "/microservices/yaml", json!(yaml));
    walk.bad("microservice.create-yaml", "/microservices/yaml", json!("kind: X"), 400);
    let three = format!("/microservices/yaml/{}", three["uuid"].as_str().unwrap_or_default());
    walk.good("microservice.patch-yaml", &three, json!(yaml));
    walk.bad("microservice.patch-yaml", &three, json!("kind: X"), 400);
    walk.good("microservice.list", "/microservices?application=demo", none());
    walk.bad("microservice.list", "/microservices?application=none", none(), 404);
    walk.good("microservice.public-ports", "/microservices/public-ports", none());
    let at = |rest: &str| format!("/microservices/{one}{rest}");
    walk.good("microservice.get", &at(""), none());
    walk.bad("microservice.get", "/microservices/none", none(), 404);
    walk.good("microservice.patch", &at(""), json!({ "logSize": 2 }));
    walk.bad("microservice.patch", &at(""), json!({ "name": "Not A Name" }), 400);
    let receiver = format!("/microservices/{one}/routes/{two}");
    walk.good("microservice.add-route", &receiver, none());
    walk.bad("microservice.add-route", &at("/routes/none"), none(), 404);
    walk.good("microservice.remove-route", &receiver, none());
    walk.bad("microservice.remove-route", &receiver, none(), 404);
    walk.good(
        "microservice.add-port",
        &at("/port-mapping"),
        json!({ "internal": 80, "external": 5000 }),
    );
    walk.bad("microservice.add-port", &at("/port-mapping"), json!({ "internal": 80 }), 400);
    walk.good("microservice.ports", &at("/port-mapping"), none());
    walk.bad("microservice.ports", "/microservices/none/port-mapping", none(), 404);
    walk.good("microservice.remove-port", &at("/port-mapping/80"), none());
    walk.bad("microservice.remove-port", &at("/port-mapping/80"), none(), 404);
    let volume =
        json!({ "hostDestination": "/a", "containerDestination": "/b", "accessMode": "rw" });
    let id = walk.good("microservice.add-volume", &at("/volume-mapping"), volume)["id"].clone();
    walk.bad("microservice.add-volume", &at("/volume-mapping"), json!({}), 400);
    walk.good("microservice.volumes", &at("/volume-mapping"), none());
    walk.bad("microservice.volumes", "/microservices/none/volume-mapping", none(), 404);
    walk.good("microservice.remove-volume", &at(&format!("/volume-mapping/{id}")), none());
    walk.bad("microservice.remove-volume", &at("/volume-mapping/999"), none(), 400);
    let route = json!({ "name": "r", "from": "one", "to": "two", "application": "demo" });
    walk.good("route.create", "/routes", route);
    walk.bad("route.create", "/routes", json!({}), 400);
    walk.good("route.list", "/routes", none());
    walk.good("route.get", "/routes/demo/r", none());
    walk.bad("route.get", "/routes/demo/none", none(), 404);
    walk.good("route.patch", "/routes/demo/r", json!({ "name": "s" }));
    walk.bad("route.patch", "/routes/demo/none", json!({ "name": "s" }), 404);
    walk.good("route.delete", "/routes/demo/s", none());
    walk.bad("route.delete", "/routes/demo/s", none(), 404);
    let id = walk.good("application.get", "/application/demo", none())["id"].clone();
    walk.bad("application.get", "/application/none", none(), 404);
    walk.good("flow.list", "/flow", none());
    walk.good("flow.get", &format!("/flow/{id}"), none());
    walk.bad("flow.get", "/flow/999", none(), 404);
    walk.good("flow.patch", &format!("/flow/{id}"), json!({ "description": "e" }));
    walk.bad("flow.patch", "/flow/999", json!({}), 404);
    let id = walk.good("flow.create", "/flow", json!({ "name": "old" }))["id"].clone();
    walk.bad("flow.create", "/flow", json!({}), 400);
    walk.good("flow.delete", &format!("/flow/{id}"), none());
    walk.bad("flow.delete", "/flow/999", none(), 404);
    walk.good("agent.microservices", "/agent/microservices", none());
    walk.good("agent.microservice", &format!("/agent/microservices/{one}"), none());
    walk.bad("agent.microservice", "/agent/microservices/none", none(), 404);
    one
}

fn diagnostics(walk: &mut Walk, uuid: &str, one: &str) {
    let none = || Value::Null;
    let path = format!("/iofog/{uuid}/tunnel");
    walk.bad("tunnel.switch", &path, json!({ "action": "ajar" }), 400);
    walk.good("tunnel.switch", &path, json!({ "action": "open" }));
    walk.good("tunnel.get", &path, none());
    walk.bad("tunnel.get", "/iofog/nobody/tunnel", none(), 404);
    walk.good("agent.tunnel", "/agent/tunnel", none());
    let path = format!("/microservices/{one}/strace");
    walk.bad("strace.switch", &path, json!({}), 400);
    walk.good("strace.switch", &path, json!({ "enable": true }));
    walk.good("agent.strace", "/agent/strace", none());
    let item = |uuid: &str| json!({ "straceData": [{ "microserviceUuid": uuid, "buffer": "b" }] });
    walk.good("agent.put-strace", "/agent/strace", item(one));
    walk.bad("agent.put-strace", "/agent/strace", item("none"), 404);
    walk.good("strace.get", &format!("{path}?format=string"), none());
    walk.bad("strace.get", "/microservices/none/strace?format=string", none(), 404);
    // Its success wants a server: `strace.rs` has one.
    walk.good.insert("strace.ftp");
    walk.bad("strace.ftp", &path, json!({ "ftpHost": "h" }), 400);
    let path = format!("/microservices/{one}/image-snapshot");
    walk.good("snapshot.request", &path, none());
    walk.bad("snapshot.request", "/microservices/none/image-snapshot", none(), 404);
    walk.bad("snapshot.get", &path, none(), 500);
    walk.good("agent.snapshot", "/agent/image-snapshot", none());
    walk.bad("agent.put-snapshot", "/agent/image-snapshot", json!({}), 400);
    walk.good("agent.put-snapshot", "/agent/image-snapshot", json!("layers"));
    walk.good("snapshot.get", &path, none());
}

fn endings(walk: &mut Walk, uuid: &str, one: &str) {
    let none = || Value::Null;
    walk.good("microservice.delete", &format!("/microservices/{one}"), none());
    walk.bad("microservice.delete", "/microservices/none", none(), 404);
    walk.good("application.delete", "/application/yam", none());
    walk.bad("agent.deprovision", "/agent/deprovision", json!({}), 400);
    walk.good("agent.deprovision", "/agent/deprovision", json!({ "microserviceUuids": [] }));
    walk.good("agent.delete-node", "/agent/delete-node", none());
    walk.bad("fog.delete", &format!("/iofog/{uuid}"), none(), 404);
    let new = json!({ "name": "last", "fogType": 1, "host": "10.0.0.9" });
    let last =
        walk.good("fog.create", "/iofog", new)["uuid"].as_str().unwrap_or_default().to_owned();
    walk.good("fog.delete", &format!("/iofog/{last}"), none());
}
