//! The table of change flags (controller contract 7), row by row: what each action tells which agent.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::Controller;
use serde_json::{Value, json};

const LIST: &[&str] = &["microserviceList"];
const COMMON: &[&str] = &["microserviceList", "microserviceConfig"];
const FULL: &[&str] = &["microserviceList", "microserviceConfig", "routing"];

struct Network {
    controller: Controller,
    user: String,
    /// Uuid and token of two gateways.
    one: (String, String),
    two: (String, String),
}

impl Network {
    fn new() -> Self {
        let environment = ["Username", "Password", "Host", "RsaKey"].map(|name| match name {
            "Username" => ("Tunnel_Username", "u".to_owned()),
            "Password" => ("Tunnel_Password", "p".to_owned()),
            "Host" => ("Tunnel_Host", "h".to_owned()),
            _ => ("Tunnel_RsaKey", "k".to_owned()),
        });
        let controller = Controller::start_with(environment.to_vec());
        let user = controller.user("a@b.co");
        controller.system_agent(&user);
        let [one, two] = [("one", "10.0.1.1"), ("two", "10.0.2.1")].map(|(name, host)| {
            let uuid = controller.gateway(&user, name, host);
            let token = controller.provision(&user, &uuid);
            (uuid, token)
        });
        assert_eq!(controller.flags(&one.1).0, COMMON, "a new agent");
        let network = Self { controller, user, one, two };
        network.settle();
        network
    }

    fn settle(&self) {
        for agent in [&self.one, &self.two] {
            self.controller.settle(&agent.1);
        }
    }

    fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.controller.call(method, path, Some(&self.user), &body);
        assert!(answer.status < 300, "{method} {path} {body}: {} {}", answer.status, answer.text);
        answer.body
    }

    /// Does something, and says which flags that set on both; they are acknowledged.
    fn after(&self, method: &str, path: &str, body: Value) -> [Vec<String>; 2] {
        self.call(method, path, body);
        let set = [&self.one, &self.two].map(|agent| self.controller.flags(&agent.1).0);
        self.settle();
        set
    }

    fn rebuilds(&self) -> [bool; 2] {
        [&self.one, &self.two].map(|agent| {
            let list = self.controller.agent_list(&agent.1);
            list.iter().any(|one| one["rebuild"] == true)
        })
    }
}

fn microservice(name: &str, agent: &str) -> Value {
    json!({ "name": name, "application": "demo", "agentName": agent, "config": "{}", "registryId": 1,
        "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] })
}

#[test]
fn agents_are_told_of_their_own_settings() {
    let network = Network::new();
    let path = format!("/iofog/{}", network.one.0);
    let none: &[&str] = &[];
    let told = ["config", "microserviceList", "microserviceConfig", "routerChanged"];
    assert_eq!(network.after("PATCH", &path, json!({ "logLimit": 5 })), [&told[..], none]);
    for field in ["abstractedHardwareEnabled", "bluetoothEnabled"] {
        for value in [true, false] {
            assert_eq!(network.after("PATCH", &path, json!({ field: value })), [&told[..], none]);
        }
    }
    // What the agent itself says about its settings is no news to it.
    let own = json!({ "logLimit": 7 });
    let answer = network.controller.call("PATCH", "/agent/config", Some(&network.one.1), &own);
    assert_eq!(answer.status, 204);
    assert_eq!(network.controller.flags(&network.one.1).0, none);
    for (order, flag) in [("reboot", "reboot"), ("prune", "prune"), ("version/upgrade", "version")]
    {
        let told = network.after("POST", &format!("{path}/{order}"), Value::Null);
        assert_eq!(told, [&[flag][..], none], "{order}");
    }
    let tunnel = format!("{path}/tunnel");
    for action in ["open", "close"] {
        let told = network.after("PATCH", &tunnel, json!({ "action": action }));
        assert_eq!(told, [&["tunnel"][..], none]);
    }
    // Without a router of its own, an agent is told of its settings alone.
    network.call("PATCH", &path, json!({ "routerMode": "none" }));
    network.settle();
    assert_eq!(network.after("PATCH", &path, json!({ "logLimit": 6 })), [&["config"][..], none]);
}

#[test]
fn agents_are_told_of_microservices_ports_volumes_and_routes() {
    let network = Network::new();
    let none: &[&str] = &[];
    network.call("POST", "/application", json!({ "name": "demo", "isActivated": true }));
    let made = network.after("POST", "/microservices", microservice("plain", "one"));
    assert_eq!(made, [LIST, none]);
    let mut body = microservice("busy", "one");
    body["env"] = json!([{ "key": "K", "value": "v" }]);
    assert_eq!(network.after("POST", "/microservices", body), [COMMON, none]);
    let mut body = microservice("far", "two");
    body["cmd"] = json!(["run"]);
    assert_eq!(network.after("POST", "/microservices", body), [none, COMMON]);
    let list = network.call("GET", "/microservices?application=demo", Value::Null);
    let uuid = |name: &str| {
        let all = list["microservices"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["uuid"].as_str().unwrap().to_owned()
    };
    let (plain, far) = (uuid("plain"), uuid("far"));
    let at = format!("/microservices/{plain}");
    assert_eq!(network.after("PATCH", &at, json!({ "config": "{\"a\":1}" })), [FULL, none]);
    assert_eq!(network.rebuilds(), [false, false], "a configuration needs no new container");
    // Ports: at least what the contract says, and the container is made anew.
    let port = json!({ "internal": 80, "external": 5000 });
    let [told, other] = network.after("POST", &format!("{at}/port-mapping"), port);
    assert!(told.contains(&"microserviceConfig".to_owned()), "{told:?}");
    assert_eq!((other.len(), network.rebuilds()), (0, [true, false]));
    let [told, _] = network.after("DELETE", &format!("{at}/port-mapping/80"), Value::Null);
    assert!(COMMON.iter().all(|flag| told.iter().any(|set| set == flag)), "{told:?}");
    assert_eq!(network.rebuilds(), [true, false]);
    // Volumes: 3.0.4 tells nobody.
    let volume =
        json!({ "hostDestination": "/a", "containerDestination": "/b", "accessMode": "rw" });
    let volumes = format!("{at}/volume-mapping");
    assert_eq!(network.after("POST", &volumes, volume), [COMMON, none]);
    assert_eq!(network.rebuilds(), [true, false]);
    let id = network.call("GET", &volumes, Value::Null)["volumeMappings"][0]["id"].clone();
    let told = network.after("DELETE", &format!("{volumes}/{id}"), Value::Null);
    assert_eq!((told, network.rebuilds()), ([COMMON, none].map(owned), [true, false]));
    // Routes: both ends, and no container is made anew for them.
    let route = json!({ "name": "r", "application": "demo", "from": "plain", "to": "far" });
    assert_eq!(network.after("POST", "/routes", route), [FULL, FULL]);
    assert_eq!(network.rebuilds(), [false, false]);
    let back = json!({ "from": "far", "to": "plain", "application": "demo" });
    assert_eq!(network.after("PATCH", "/routes/demo/r", back), [FULL, FULL]);
    assert_eq!(network.after("DELETE", "/routes/demo/r", Value::Null), [FULL, FULL]);
    let both = format!("/microservices/{plain}/routes/{far}");
    for method in ["POST", "DELETE"] {
        assert_eq!(network.after(method, &both, Value::Null), [FULL, FULL]);
    }
    // Moving: the old and the new agent.
    let away = format!("/microservices/{}", uuid("busy"));
    assert_eq!(network.after("PATCH", &away, json!({ "agentName": "two" })), [FULL, FULL]);
    assert_eq!(network.after("DELETE", &away, Value::Null), [none, LIST]);
    let port = json!({ "internal": 80, "external": 5000 });
    network.after("POST", &format!("{at}/port-mapping"), port);
    assert_eq!(network.after("DELETE", &at, Value::Null), [COMMON, none], "with a port");
}

fn owned(flags: &[&str]) -> Vec<String> {
    flags.iter().map(|flag| (*flag).to_owned()).collect()
}

#[test]
fn agents_are_told_of_applications_registries_resources_and_diagnostics() {
    let network = Network::new();
    let none: &[&str] = &[];
    let mut body = json!({ "name": "demo", "isActivated": true });
    body["microservices"] = json!([microservice("near", "one"), microservice("far", "two")]);
    network.after("POST", "/application", body);
    for active in [false, true] {
        let told = network.after("PATCH", "/application/demo", json!({ "isActivated": active }));
        assert_eq!(told, [FULL, FULL]);
    }
    let told = network.after("PUT", "/application/demo", json!({ "isActivated": false }));
    assert_eq!(told, [FULL, FULL]);
    let list = network.call("GET", "/microservices?application=demo", Value::Null);
    let far = list["microservices"][0]["uuid"].as_str().unwrap();
    let at = format!("/microservices/{far}");
    let told = network.after("PATCH", &format!("{at}/strace"), json!({ "enable": true }));
    assert_eq!(told, [none, &["diagnostics"]]);
    let told = network.after("POST", &format!("{at}/image-snapshot"), Value::Null);
    assert_eq!(told, [none, &["isImageSnapshot"]]);
    assert_eq!(network.after("DELETE", "/application/demo", Value::Null), [FULL, FULL]);
    let registries: &[&str] = &["registries"];
    let registry = json!({ "url": "r.example", "isPublic": false, "username": "u", "password": "p",
        "email": "a@b.co" });
    assert_eq!(network.after("POST", "/registries", registry), [registries, registries]);
    let change = json!({ "url": "s.example" });
    assert_eq!(network.after("PATCH", "/registries/3", change), [registries, registries]);
    assert_eq!(network.after("DELETE", "/registries/3", Value::Null), [registries, registries]);
    let resource = json!({ "name": "door", "version": "1.0.0", "interfaceProtocol": "http",
        "interface": { "endpoints": [] }, "orchestrationTags": ["a"] });
    assert_eq!(network.after("POST", "/edgeResource", resource), [none, none]);
    let door = "/edgeResource/door/1.0.0";
    let linked: &[&str] = &["linkedEdgeResources"];
    let uuid = || json!({ "uuid": network.one.0 });
    assert_eq!(network.after("POST", &format!("{door}/link"), uuid()), [linked, none]);
    let tags = json!({ "orchestrationTags": ["b"] });
    assert_eq!(network.after("PUT", door, tags), [linked, none]);
    assert_eq!(network.after("DELETE", &format!("{door}/link"), uuid()), [linked, none]);
    network.after("POST", &format!("{door}/link"), uuid());
    assert_eq!(network.after("DELETE", door, Value::Null), [linked, none]);
    // Shared tables and the catalog tell nobody.
    let item = json!({ "name": "own", "registryId": 1,
        "images": [{ "containerImage": "i", "fogTypeId": 1 }] });
    assert_eq!(network.after("POST", "/catalog/microservices", item), [none, none]);
    assert_eq!(network.after("PUT", "/config", json!({ "key": "k", "value": "v" })), [none, none]);
}

#[test]
fn who_refers_to_a_host_is_told_when_it_moves() {
    let network = Network::new();
    network.call("POST", "/application", json!({ "name": "demo", "isActivated": true }));
    let mut body = microservice("near", "one");
    body["extraHosts"] = json!([{ "name": "peer", "address": "${Agents.two}" }]);
    network.after("POST", "/microservices", body);
    let path = format!("/iofog/{}", network.two.0);
    let [told, _] = network.after("PATCH", &path, json!({ "host": "10.0.2.9" }));
    assert_eq!(told, COMMON);
    let list = network.controller.agent_list(&network.one.1);
    let near = list.iter().find(|one| one["imageId"] == "i:1").unwrap();
    assert_eq!((&near["extraHosts"], &near["rebuild"]), (&json!(["peer:10.0.2.9"]), &json!(true)));
}
