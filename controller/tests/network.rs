//! A whole network as clients set it up: agents, provisioning, an application, its ports and flags.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::{Controller, application};
use serde_json::{Value, json};

struct Network {
    controller: Controller,
    user: String,
    system: String,
    first: String,
    second: String,
}

fn network() -> Network {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let system_uuid = controller.system_agent(&user);
    let first_uuid = controller.gateway(&user, "gw-1", "10.0.1.1");
    let second_uuid = controller.gateway(&user, "gw-2", "10.0.2.1");
    let system = controller.provision(&user, &system_uuid);
    let first = controller.provision(&user, &first_uuid);
    let second = controller.provision(&user, &second_uuid);
    for agent in [&system, &first, &second] {
        controller.settle(agent);
    }
    Network { controller, user, system, first, second }
}

impl Network {
    fn deploy(&self) {
        let body = application("gw-1", "gw-2");
        let answer = self.controller.call("POST", "/application", Some(&self.user), &body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.body["name"], "demo");
    }

    fn named<'a>(list: &'a [Value], image: &str) -> &'a Value {
        list.iter().find(|item| item["imageId"].as_str().unwrap().contains(image)).unwrap()
    }
}

#[test]
fn routers_are_configured_as_the_contract_says() {
    let network = network();
    let list = network.controller.agent_list(&network.first);
    let config: Value =
        serde_json::from_str(Network::named(&list, "router")["config"].as_str().unwrap()).unwrap();
    assert_eq!(config["mode"], "edge");
    let connector = &config["connectors"][0];
    assert_eq!(connector["role"], "edge");
    assert_eq!((&connector["host"], &connector["port"]), (&json!("127.0.0.1"), &json!(56721)));
    let list = network.controller.agent_list(&network.system);
    let config: Value =
        serde_json::from_str(Network::named(&list, "router")["config"].as_str().unwrap()).unwrap();
    assert_eq!(config["mode"], "interior");
    assert_eq!(
        config["listeners"][1],
        json!({ "role": "inter-router", "host": "0.0.0.0", "port": 56722 })
    );
    assert!(config.get("connectors").is_none());
    let own =
        network.controller.call("GET", "/agent/config", Some(&network.first), &Value::Null).body;
    assert_eq!((&own["routerHost"], &own["routerPort"]), (&json!("localhost"), &json!(5672)));
    assert!(own.as_object().unwrap().values().all(|value| !value.is_null()));
}

#[test]
fn application_reaches_both_agents_and_its_port_both_proxies() {
    let network = network();
    network.deploy();
    let controller = &network.controller;
    let (flags, _) = controller.flags(&network.first);
    assert_eq!(flags, ["microserviceList", "microserviceConfig", "routing"]);
    let first = controller.agent_list(&network.first);
    let second = controller.agent_list(&network.second);
    let sensor = Network::named(&first, "sensor");
    let dashboard = Network::named(&second, "dashboard");
    assert_eq!(sensor["routes"], json!([dashboard["uuid"]]));
    assert_eq!((&sensor["isConsumer"], &dashboard["isConsumer"]), (&json!(false), &json!(true)));
    assert_eq!(sensor["env"][0], json!({ "key": "B", "value": "2" }));
    let local: Value =
        serde_json::from_str(Network::named(&second, "proxy")["config"].as_str().unwrap()).unwrap();
    let system = controller.agent_list(&network.system);
    let remote: Value =
        serde_json::from_str(Network::named(&system, "proxy")["config"].as_str().unwrap()).unwrap();
    let local = local["mappings"][0].as_str().unwrap();
    let remote = remote["mappings"][0].as_str().unwrap();
    let queue =
        local.strip_prefix("amqp:").and_then(|rest| rest.strip_suffix("=>http:8080")).unwrap();
    assert_eq!(remote, format!("http:6080=>amqp:{queue}"));
    let path = format!("/microservices/{}", dashboard["uuid"].as_str().unwrap());
    let shown = controller.call("GET", &path, Some(&network.user), &Value::Null).body;
    assert_eq!(shown["ports"][0]["public"]["links"], json!(["http://127.0.0.1:6080"]));
    assert_eq!(shown["status"]["status"], "QUEUED");
}

#[test]
fn deleting_an_application_leaves_nothing_on_the_agents() {
    let network = network();
    network.deploy();
    let answer =
        network.controller.call("DELETE", "/application/demo", Some(&network.user), &Value::Null);
    assert_eq!(answer.status, 204);
    for agent in [&network.system, &network.first, &network.second] {
        let list = network.controller.agent_list(agent);
        assert_eq!(list.len(), 1, "{list:?}");
        assert!(list[0]["imageId"].as_str().unwrap().contains("router"));
    }
    let ports = network.controller.call(
        "GET",
        "/microservices/public-ports",
        Some(&network.user),
        &Value::Null,
    );
    assert_eq!(ports.body, json!([]));
}

#[test]
fn a_microservice_moves_with_its_public_port() {
    let network = network();
    network.deploy();
    let controller = &network.controller;
    let second = controller.agent_list(&network.second);
    let uuid = Network::named(&second, "dashboard")["uuid"].as_str().unwrap().to_owned();
    let body = json!({ "agentName": "gw-1" });
    let path = format!("/microservices/{uuid}");
    let answer = controller.call("PATCH", &path, Some(&network.user), &body);
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(controller.agent_list(&network.second).len(), 1);
    let first = controller.agent_list(&network.first);
    assert_eq!(Network::named(&first, "dashboard")["uuid"], uuid);
    assert!(Network::named(&first, "proxy")["config"].as_str().unwrap().contains("=>http:8080"));
}

#[test]
fn deploying_the_same_again_interrupts_nothing() {
    let network = network();
    network.deploy();
    let before = network.controller.agent_list(&network.second);
    let body = application("gw-1", "gw-2");
    let put = |body: &Value| {
        let answer = network.controller.call("PUT", "/application/demo", Some(&network.user), body);
        assert_eq!(answer.status, 204, "{}", answer.text);
        network.controller.agent_list(&network.second)
    };
    assert_eq!(put(&body), before);
    let mut changed = body;
    changed["microservices"][1]["env"] = json!([{ "key": "NEW", "value": "1" }]);
    assert_eq!(Network::named(&put(&changed), "dashboard")["rebuild"], true);
    // Delivered once.
    let list = network.controller.agent_list(&network.second);
    assert_eq!(Network::named(&list, "dashboard")["rebuild"], false);
}

#[test]
fn status_reports_reach_the_views() {
    let network = network();
    network.deploy();
    let controller = &network.controller;
    let list = controller.agent_list(&network.first);
    let uuid = Network::named(&list, "sensor")["uuid"].as_str().unwrap().to_owned();
    let report = json!({ "daemonStatus": "RUNNING", "memoryUsage": 1.5, "diskUsage": 2.0,
        "memoryViolation": true, "microserviceStatus":
        format!("[{{\"id\":\"{uuid}\",\"status\":\"RUNNING\",\"cpuUsage\":\"1,234.5\"}}]") });
    let answer = controller.call("PUT", "/agent/status", Some(&network.first), &report);
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let path = format!("/microservices/{uuid}");
    let shown = controller.call("GET", &path, Some(&network.user), &Value::Null).body;
    assert_eq!(shown["status"]["status"], "RUNNING");
    assert_eq!(shown["status"]["cpuUsage"], 1234.5);
    // A foreign agent's report about it is ignored.
    let foreign =
        json!({ "microserviceStatus": format!("[{{\"id\":\"{uuid}\",\"status\":\"FAILED\"}}]") });
    controller.call("PUT", "/agent/status", Some(&network.second), &foreign);
    let shown = controller.call("GET", &path, Some(&network.user), &Value::Null).body;
    assert_eq!(shown["status"]["status"], "RUNNING");
    let list = controller.call("GET", "/iofog-list", Some(&network.user), &Value::Null);
    let fog = &list.body["fogs"][0];
    assert_eq!((&fog["daemonStatus"], &fog["memoryViolation"]), (&json!("RUNNING"), &json!("1")));
    assert!(list.text.contains("\"diskUsage\":2,"), "integral numbers have no point");
}

#[test]
fn a_held_request_is_woken_by_a_change() {
    let network = network();
    let base = network.controller.base.clone();
    let token = network.first.clone();
    let waiting = std::thread::spawn(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let mut answer = agent
            .get(format!("{base}/agent/config/changes"))
            .header("authorization", &token)
            .header("prefer", "wait=60")
            .call()
            .unwrap();
        let applied = answer.headers()["preference-applied"].to_str().unwrap().to_owned();
        (applied, answer.body_mut().read_json::<Value>().unwrap())
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!waiting.is_finished(), "nothing has changed yet");
    network.deploy();
    let (applied, body) = waiting.join().unwrap();
    assert_eq!(applied, "wait=60");
    assert_eq!(body["microserviceList"], true);
}

#[test]
fn one_key_is_redeemed_once_however_many_try() {
    let network = network();
    let uuid = network.controller.gateway(&network.user, "gw-3", "10.0.3.1");
    let body = json!({ "type": 1, "key": network.controller.key(&network.user, &uuid) });
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..100)
            .map(|_| {
                scope.spawn(|| {
                    network.controller.call("POST", "/agent/provision", None, &body).status
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    // The others learn that it is gone, or that they tried too often.
    let refused = statuses.iter().filter(|status| matches!(**status, 404 | 429)).count();
    assert_eq!(refused, 99, "{statuses:?}");
}

#[test]
fn what_was_answered_survives_a_kill() {
    let mut network = network();
    network.deploy();
    let before =
        network.controller.call("GET", "/application/demo", Some(&network.user), &Value::Null).body;
    network.controller.kill_and_restart();
    let after =
        network.controller.call("GET", "/application/demo", Some(&network.user), &Value::Null);
    assert_eq!(after.status, 200, "the login survives: {}", after.text);
    assert_eq!(after.body["microservices"][0]["uuid"], before["microservices"][0]["uuid"]);
    let (flags, _) = network.controller.flags(&network.first);
    assert!(flags.contains(&"microserviceList".to_owned()), "{flags:?}");
}
