//! Public ports: which number is granted, what is refused and leaves everything as it was, what users and
//! both Proxies see, and what goes where when the microservice moves.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::{Answer, Controller};
use serde_json::{Value, json};

/// A system agent, two gateways and a microservice without ports on the first.
struct Network {
    controller: Controller,
    user: String,
    system: (String, String),
    first: (String, String),
    second: (String, String),
    web: String,
}

impl Network {
    fn new() -> Self {
        let controller = Controller::start();
        let user = controller.user("a@b.co");
        let agent = |uuid: String| (controller.provision(&user, &uuid), uuid);
        let system = agent(controller.system_agent(&user));
        let first = agent(controller.gateway(&user, "gw-1", "10.0.1.1"));
        let second = agent(controller.gateway(&user, "gw-2", "10.0.2.1"));
        let application = json!({ "name": "demo", "isActivated": true, "microservices": [
            microservice("web", "gw-1", &json!([])), microservice("other", "gw-1", &json!([])) ] });
        let answer = controller.call("POST", "/application", Some(&user), &application);
        assert_eq!(answer.status, 201, "{}", answer.text);
        let web = answer.body["microservices"][0]["uuid"].as_str().unwrap_or_default().to_owned();
        let mut network = Self { controller, user, system, first, second, web };
        if network.web.is_empty() {
            network.web = network.uuid_of("web");
        }
        network
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.controller.call(method, path, Some(&self.user), body)
    }

    fn uuid_of(&self, name: &str) -> String {
        let list = self.call("GET", "/microservices?application=demo", &Value::Null).body;
        let list = list["microservices"].as_array().unwrap();
        let found = list.iter().find(|one| one["name"] == name).unwrap();
        found["uuid"].as_str().unwrap().to_owned()
    }

    fn map(&self, uuid: &str, body: &Value) -> Answer {
        self.call("POST", &format!("/microservices/{uuid}/port-mapping"), body)
    }

    fn unmap(&self, internal: u16) {
        let path = format!("/microservices/{}/port-mapping/{internal}", self.web);
        assert_eq!(self.call("DELETE", &path, &Value::Null).status, 204);
    }

    fn shown(&self) -> Value {
        self.call("GET", &format!("/microservices/{}", self.web), &Value::Null).body["ports"]
            .clone()
    }

    /// The mappings of an agent's Proxy; none without a Proxy.
    fn mappings(&self, agent: &(String, String)) -> Vec<String> {
        let list = self.controller.agent_list(&agent.0);
        let proxy = list.iter().find(|one| one["imageId"].as_str().unwrap().contains("proxy"));
        let Some(proxy) = proxy else { return Vec::new() };
        let config: Value = serde_json::from_str(proxy["config"].as_str().unwrap()).unwrap();
        let mappings = config["mappings"].as_array().unwrap();
        mappings.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// Everything that a refused request must leave alone.
    fn state(&self) -> (Value, Value, [Vec<String>; 3]) {
        let all = self.call("GET", "/microservices/public-ports", &Value::Null).body;
        let mappings = [&self.system, &self.first, &self.second].map(|agent| self.mappings(agent));
        (self.shown(), all, mappings)
    }
}

fn microservice(name: &str, agent: &str, ports: &Value) -> Value {
    json!({ "name": name, "agentName": agent, "registryId": 2, "ports": ports,
        "images": [{ "containerImage": "web:1", "fogTypeId": 1 }] })
}

/// A port with `public` on it; without a wanted number for `None`.
fn port(number: u16, public: Option<u16>) -> Value {
    let mut body = json!({ "internal": number, "external": number,
        "public": { "schemes": ["http"], "protocol": "http" } });
    if let Some(wanted) = public {
        body["public"]["router"] = json!({ "port": wanted });
    }
    body
}

#[test]
fn first_free_numbers_of_the_range_are_granted_and_given_back() {
    let network = Network::new();
    // The upper bound of the range is not part of it.
    for (number, expected) in [(80, 6000), (81, 6001), (82, 6002)] {
        assert_eq!(network.map(&network.web, &port(number, None)).status, 201);
        let shown = network.shown();
        let last = shown.as_array().unwrap().last().unwrap();
        assert_eq!(last["public"]["router"]["port"], expected);
        assert_eq!(last["public"]["links"], json!([format!("http://127.0.0.1:{expected}")]));
        assert_eq!(last["public"]["router"]["host"], "default-router");
        assert_eq!(last["public"]["enabled"], true);
    }
    network.unmap(81);
    assert_eq!(network.map(&network.web, &port(83, None)).status, 201);
    assert_eq!(network.shown()[2]["public"]["router"]["port"], 6001);
}

#[test]
fn an_exhausted_range_is_said_and_a_given_number_may_lie_outside() {
    let range = vec![("PUBLIC_PORTS_RANGE", "6000-6002".to_owned())];
    let controller = Controller::start_with(range);
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    controller.gateway(&user, "gw-1", "10.0.1.1");
    let ports = json!([port(80, None), port(81, None), port(82, Some(7777))]);
    let body = |ports: &Value| json!({ "name": "demo", "microservices": [microservice("web", "gw-1", ports)] });
    let answer = controller.call("POST", "/application", Some(&user), &body(&ports));
    assert_eq!(answer.status, 201, "{}", answer.text);
    let more = json!([port(80, None), port(81, None), port(82, Some(7777)), port(83, None)]);
    let answer = controller.call("PUT", "/application/demo", Some(&user), &body(&more));
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("No public port available in range for default-router"));
    let all = controller.call("GET", "/microservices/public-ports", Some(&user), &Value::Null).body;
    let numbers: Vec<&Value> =
        all.as_array().unwrap().iter().map(|one| &one["publicPort"]["publicPort"]).collect();
    assert_eq!(numbers, [&json!(6000), &json!(6001), &json!(7777)]);
}

#[test]
fn what_is_refused_names_the_port_and_changes_nothing() {
    let network = Network::new();
    assert_eq!(network.map(&network.web, &port(8080, Some(6080))).status, 201);
    let entry = |mut body: Value, host: &str| {
        body["public"]["router"]["host"] = json!(host);
        body
    };
    let with = |mut body: Value, key: &str, value: Value| {
        body[key] = value;
        body
    };
    let schemes = |mut body: Value, schemes: &[&str]| {
        body["public"]["schemes"] = json!(schemes);
        body
    };
    let before = network.state();
    let other = network.uuid_of("other");
    let cases = [
        // The same public port twice, also by another microservice.
        (&network.web, port(81, Some(6080)), "Port '6080' is not available"),
        (&other, port(81, Some(6080)), "Port '6080' is not available"),
        // The same port of the microservice, or of the agent's host.
        (&network.web, port(8080, Some(6081)), "Port mapping already exists"),
        (&other, port(8080, Some(6081)), "Port '8080' is not available"),
        // Ports of the agent's Router, and of the entry host's.
        (&other, port(5672, None), "Port '5672' is not available"),
        (&other, port(81, Some(5672)), "Port '5672' is not available"),
        (&other, port(81, Some(56_721)), "Port '56721' is not available"),
        // What agents keep for themselves, on both hosts.
        (&other, port(54_321, None), "Port '54321' is reserved for internal use"),
        (&other, port(54_322, None), "Port '54322' is reserved for internal use"),
        (&other, port(81, Some(54_321)), "Port '54321' is reserved for internal use"),
        (&other, port(81, Some(54_322)), "Port '54322' is reserved for internal use"),
        // No numbers of ports.
        (&other, with(port(81, None), "external", json!(65_536)), "external"),
        (&other, with(port(81, None), "external", json!(-1)), "external"),
        (&other, with(port(81, None), "internal", json!("80")), "internal"),
        (&other, port(81, Some(0)), "port"),
        (&other, with(port(81, None), "public", json!({ "protocol": "http" })), "schemes"),
        (&other, with(port(81, None), "public", json!({ "schemes": ["http"] })), "protocol"),
        (&other, schemes(port(81, None), &["http", "ws"]), "has a scheme of ws"),
        (&other, entry(port(81, None), "NoSuchAgent"), "Invalid router host NoSuchAgent"),
    ];
    for (uuid, body, message) in cases {
        let answer = network.map(uuid, &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let said = answer.body["message"].as_str().unwrap();
        assert!(said.contains(message), "{body}: {said}");
        assert_eq!(network.state(), before, "{body}");
    }
}

#[test]
fn a_public_port_is_a_port_of_its_entry_host_and_of_no_other() {
    let network = Network::new();
    assert_eq!(network.map(&network.web, &port(8080, Some(6080))).status, 201);
    let other = network.uuid_of("other");
    let move_to = |uuid: &str, agent: &str| {
        network.call("PATCH", &format!("/microservices/{uuid}"), &json!({ "iofogUuid": agent }))
    };
    // 6080 is taken on the system agent only.
    let plain = json!({ "internal": 80, "external": 6080 });
    assert_eq!(network.map(&other, &plain).status, 201);
    let answer = move_to(&other, &network.system.1);
    assert_eq!(
        (answer.status, answer.body["message"].as_str()),
        (400, Some("Port '6080' is not available"))
    );
    // A microservice's own public port is no exception: its container and the Proxy would both open it.
    assert_eq!(network.map(&other, &port(6090, Some(6090))).status, 201);
    let path = format!("/microservices/{other}/port-mapping/80");
    assert_eq!(network.call("DELETE", &path, &Value::Null).status, 204);
    let answer = move_to(&other, &network.system.1);
    assert_eq!(
        (answer.status, answer.body["message"].as_str()),
        (400, Some("Port '6090' is not available"))
    );
    // Nor does an own public port elsewhere hide that another microservice has that number here.
    assert_eq!(network.map(&network.web, &port(6091, Some(6092))).status, 201);
    let taken = json!({ "internal": 92, "external": 6092 });
    assert_eq!(network.map(&other, &taken).status, 201);
    let answer = network.map(&network.web, &json!({ "internal": 92, "external": 6092 }));
    assert_eq!(
        (answer.status, answer.body["message"].as_str()),
        (400, Some("Port '6092' is not available"))
    );
    // But one that is taken back in the same change is free for it.
    let path = format!("/microservices/{}", network.web);
    let body =
        json!({ "iofogUuid": network.system.1, "ports": [{ "internal": 80, "external": 6080 }] });
    assert_eq!(network.call("PATCH", &path, &body).status, 204);
    assert_eq!(network.shown()[0]["external"], 6080);
}

#[test]
fn both_proxies_come_move_and_go_with_the_mapping() {
    let network = Network::new();
    let mut tcp = port(9000, Some(6090));
    tcp["public"] =
        json!({ "schemes": ["tcp", "ssh"], "protocol": "tcp", "router": { "port": 6090 } });
    assert_eq!(network.map(&network.web, &port(8080, Some(6080))).status, 201);
    assert_eq!(network.map(&network.web, &tcp).status, 201);
    let (remote, local) = (network.mappings(&network.system), network.mappings(&network.first));
    assert_eq!((remote.len(), local.len()), (2, 2));
    let queue = |mapping: &str| mapping.strip_prefix("http:6080=>amqp:").unwrap().to_owned();
    let queue = queue(&remote[0]);
    assert_eq!(queue.len(), 32);
    assert_eq!(local[0], format!("amqp:{queue}=>http:8080"));
    assert!(remote[1].starts_with("tcp:6090=>amqp:") && local[1].ends_with("=>tcp:9000"));
    let links = &network.shown()[1]["public"]["links"];
    assert_eq!(*links, json!(["tcp://127.0.0.1:6090", "ssh://127.0.0.1:6090"]));
    // It moves: the strings go from here to there, the public side and the queues stay.
    let path = format!("/microservices/{}", network.web);
    let body = json!({ "agentName": "gw-2" });
    assert_eq!(network.call("PATCH", &path, &body).status, 204);
    assert_eq!(network.mappings(&network.system), remote);
    assert_eq!(network.mappings(&network.first), Vec::<String>::new());
    assert_eq!(network.mappings(&network.second), local);
    // One goes, the other stays; with the last the Proxies go.
    network.unmap(8080);
    assert_eq!(network.mappings(&network.system), remote[1..]);
    assert_eq!(network.mappings(&network.second), local[1..]);
    network.unmap(9000);
    let (_, all, mappings) = network.state();
    assert_eq!((all, mappings), (json!([]), [const { Vec::new() }; 3]));
    // Given again it has a queue of its own: what still waits under the old one is not for it.
    assert_eq!(network.map(&network.web, &port(8080, Some(6080))).status, 201);
    assert_ne!(network.mappings(&network.system), [format!("http:6080=>amqp:{queue}")]);
    let answer = network.call("DELETE", &path, &Value::Null);
    assert_eq!(answer.status, 204);
    let all = network.call("GET", "/microservices/public-ports", &Value::Null).body;
    assert_eq!(all, json!([]));
    assert!(network.mappings(&network.system).is_empty());
}

#[test]
fn another_agent_may_be_the_entry() {
    let network = Network::new();
    let mut body = port(8080, Some(6080));
    body["public"]["router"]["host"] = json!(network.second.1);
    assert_eq!(network.map(&network.web, &body).status, 201);
    let public = &network.shown()[0]["public"];
    assert_eq!(public["links"], json!(["http://10.0.2.1:6080"]));
    assert_eq!(public["router"], json!({ "port": 6080, "host": network.second.1 }));
    assert!(network.mappings(&network.system).is_empty());
    assert!(network.mappings(&network.second)[0].starts_with("http:6080=>amqp:"));
    // Numbers are counted per entry: the default entry has its own 6080.
    assert_eq!(network.map(&network.web, &port(8081, Some(6080))).status, 201);
    // On the entry itself, one Proxy has both sides.
    let path = format!("/microservices/{}", network.web);
    let there = json!({ "iofogUuid": network.second.1 });
    assert_eq!(network.call("PATCH", &path, &there).status, 204);
    assert_eq!(network.mappings(&network.second).len(), 3);
    assert!(network.mappings(&network.first).is_empty());
}

#[test]
fn on_kubernetes_the_port_manager_has_the_public_side() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let router = json!({ "host": "5.5.5.5", "messagingPort": 5672, "edgeRouterPort": 56_721,
        "interRouterPort": 56_722 });
    assert_eq!(controller.call("PUT", "/router", Some(&user), &router).status, 200);
    controller.gateway(&user, "gw-1", "10.0.1.1");
    let ports = json!([port(80, None)]);
    let body = json!({ "name": "demo", "microservices": [microservice("web", "gw-1", &ports)] });
    let answer = controller.call("POST", "/application", Some(&user), &body);
    assert_eq!(answer.status, 201, "{}", answer.text);
    let get = |path: &str| controller.call("GET", path, Some(&user), &Value::Null).body;
    let all = get("/microservices/public-ports");
    assert_eq!(all[0]["publicPort"]["hostId"], Value::Null);
    assert_eq!(all[0]["publicPort"]["publicPort"], 6000);
    let links = || {
        let list = get("/microservices?application=demo");
        list["microservices"][0]["ports"][0]["public"]["links"].clone()
    };
    assert_eq!(links(), json!(["http://undefined-proxy-host:6000"]));
    let host = json!({ "key": "default-proxy-host", "value": "7.7.7.7" });
    assert_eq!(controller.call("PUT", "/config", Some(&user), &host).status, 200);
    assert_eq!(links(), json!(["http://7.7.7.7:6000"]));
}

#[test]
fn an_entry_host_that_goes_takes_its_public_ports_along() {
    let network = Network::new();
    let mut wanted = port(80, None);
    wanted["public"]["router"] = json!({ "host": network.second.1 });
    assert_eq!(network.map(&network.web, &wanted).status, 201);
    assert_eq!(network.map(&network.web, &port(81, None)).status, 201);
    assert_eq!(
        (network.mappings(&network.first).len(), network.mappings(&network.second).len()),
        (2, 1)
    );
    network.controller.settle(&network.first.0);
    let path = format!("/iofog/{}", network.second.1);
    assert_eq!(network.call("DELETE", &path, &Value::Null).status, 202);
    let shown = network.shown();
    assert_eq!((shown[0]["internal"].as_u64(), shown[0]["public"].is_null()), (Some(80), true));
    assert_eq!(shown[1]["public"]["router"]["host"], "default-router");
    let all = network.call("GET", "/microservices/public-ports", &Value::Null).body;
    assert_eq!(all.as_array().unwrap().len(), 1);
    let left = network.mappings(&network.first);
    assert!(left.len() == 1 && left[0].ends_with(":81"), "{left:?}");
    let (flags, _) = network.controller.flags(&network.first.0);
    assert!(flags.iter().any(|flag| flag == "microserviceConfig"), "{flags:?}");
    // The last one goes with its Proxy, and the ports can be made public again.
    let path = format!("/iofog/{}", network.system.1);
    let answer = network.call("DELETE", &path, &Value::Null);
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(network.mappings(&network.first), Vec::<String>::new());
    let all = network.call("GET", "/microservices/public-ports", &Value::Null).body;
    assert_eq!(all, json!([]));
}
