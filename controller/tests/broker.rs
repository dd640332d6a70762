//! Ports of an external broker (controller contract 10.3 and 20.7): opened, shown, moved and given back, also when the broker or the
//! Controller fails in between.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail here")]

mod common;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use common::broker::Broker;
use common::{Answer, Controller};
use serde_json::{Value, json};

/// An application `demo` without microservices, and two gateways.
struct Setup {
    broker: Broker,
    controller: Controller,
    user: String,
    first: String,
    second: String,
}

impl Setup {
    fn new() -> Self {
        let broker = Broker::start();
        let controller = Controller::start_with(broker.environment());
        let user = controller.user("a@b.co");
        controller.system_agent(&user);
        let agent = |name, host| {
            let uuid = controller.gateway(&user, name, host);
            controller.provision(&user, &uuid)
        };
        let (first, second) = (agent("gw-1", "10.0.1.1"), agent("gw-2", "10.0.2.1"));
        let body = json!({ "name": "demo", "isActivated": true });
        controller.call("POST", "/application", Some(&user), &body);
        controller.settle(&first);
        Self { broker, controller, user, first, second }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = self.controller.call(method, path, Some(&self.user), body);
        assert!(!answer.text.contains("s3cret"), "{}", answer.text);
        answer
    }

    fn create(&self, name: &str, ports: &Value) -> Answer {
        let mut body = microservice(name, "gw-1", ports);
        body["application"] = json!("demo");
        self.call("POST", "/microservices", &body)
    }

    fn ports(&self, uuid: &str) -> Value {
        self.call("GET", &format!("/microservices/{uuid}"), &Value::Null).body["ports"].clone()
    }

    /// What an agent's PortRouter opens; null without one.
    fn opened(&self, agent: &str) -> Value {
        let list = self.controller.agent_list(agent);
        let routers: Vec<_> =
            list.iter().filter(|one| one["imageId"] == "iofog/port-router:latest").collect();
        assert!(routers.len() <= 1, "{routers:?}");
        let Some(router) = routers.first() else { return Value::Null };
        assert_eq!(router["rootHostAccess"], true);
        let config: Value = serde_json::from_str(router["config"].as_str().unwrap()).unwrap();
        assert_eq!(config["fetch_config_interval"], 5);
        config["proxies"].clone()
    }

    /// The broker has exactly the ports that the agents open, each by its token and number.
    fn agrees(&self) {
        let opened = [&self.first, &self.second].map(|agent| self.opened(agent));
        let opened: Vec<_> =
            opened.iter().flat_map(|of| of.as_array().into_iter().flatten()).collect();
        let given = self.broker.state()["ports"].clone();
        assert_eq!(given.as_object().unwrap().len(), opened.len());
        for one in opened {
            let given = &given[one["port_uuid"].as_str().unwrap()];
            assert_eq!(
                (&given["token"], &given["port"]),
                (&one["server_token"], &one["remote_port"])
            );
        }
    }
}

fn microservice(name: &str, agent: &str, ports: &Value) -> Value {
    json!({ "name": name, "agentName": agent, "ports": ports,
        "images": [{ "containerImage": "one:1", "fogTypeId": 1 }] })
}

fn proxied(internal: u16, external: u16) -> Value {
    json!({ "internal": internal, "external": external, "proxy": true })
}

fn has(setup: &Setup, agent: &str, flag: &str) -> bool {
    setup.controller.flags(agent).0.iter().any(|set| set == flag)
}

#[test]
fn ports_are_opened_shown_and_given_back() {
    let setup = Setup::new();
    let udp = json!({ "internal": 53, "external": 5353, "protocol": "udp", "proxy": true });
    let plain = json!({ "internal": 81, "external": 8081, "proxy": false });
    let new = setup.create("web", &json!([proxied(80, 8080), udp, plain]));
    assert_eq!(new.status, 201, "{}", new.text);
    let end = |port: u16, protocol: &str| json!({ "host": "broker.example.org", "port": port, "protocol": protocol });
    let proxies = json!([
        { "internal": 80, "external": 8080, "proxy": end(32001, "tcp") },
        { "internal": 53, "external": 5353, "proxy": end(32002, "udp") },
    ]);
    assert_eq!(new.body["proxies"], proxies);
    let uuid = new.body["uuid"].as_str().unwrap();
    let shown = setup.ports(uuid);
    assert_eq!(
        shown[1],
        json!({ "internal": 53, "external": 5353, "protocol": "udp",
        "proxy": end(32002, "udp") })
    );
    assert_eq!(shown[2], json!({ "internal": 81, "external": 8081, "protocol": "tcp" }));
    // Both ports go over one PortRouter, which the agent hears of.
    assert!(has(&setup, &setup.first, "microserviceList"));
    let opened = setup.opened(&setup.first);
    let token = opened[0]["server_token"].clone();
    let state = setup.broker.state();
    assert_eq!((&state["tokens"], &state["refused"]), (&json!([token]), &json!(0)));
    let mut first = opened[0].clone();
    let port_uuid = first["port_uuid"].take();
    assert_eq!(state["ports"][port_uuid.as_str().unwrap()]["port"], 32001);
    assert_eq!(
        first,
        json!({ "name": format!("{uuid}_8080"), "server_addr": "broker.example.org",
        "server_port": 7000, "local_port": 8080, "remote_port": 32001, "type": "tcp",
        "proxy_token": "proxy-s3cret", "server_token": token, "port_uuid": null })
    );
    assert_eq!((&opened[1]["type"], &opened[1]["local_port"]), (&json!("udp"), &json!(5353)));
    // A further one is asked for with the same token and is a change of the configuration.
    setup.controller.settle(&setup.first);
    let path = format!("/microservices/{uuid}/port-mapping");
    let added = setup.call("POST", &path, &proxied(90, 9090));
    assert_eq!((added.status, &added.body), (201, &json!({ "proxy": end(32003, "tcp") })));
    let plain = json!({ "internal": 91, "external": 9091 });
    let added = setup.call("POST", &path, &plain);
    assert_eq!((added.status, added.text.as_str()), (201, ""));
    assert_eq!(setup.call("DELETE", &format!("{path}/91"), &Value::Null).status, 204);
    assert!(has(&setup, &setup.first, "microserviceConfig"));
    assert_eq!(setup.opened(&setup.first)[2]["server_token"], token);
    assert_eq!(setup.call("GET", &path, &Value::Null).body["ports"][3]["proxy"], end(32003, "tcp"));
    setup.agrees();
    for (internal, left) in [(80, 2), (53, 1), (90, 0)] {
        assert_eq!(setup.call("DELETE", &format!("{path}/{internal}"), &Value::Null).status, 204);
        setup.broker.settles_at(left, left.min(1));
        setup.agrees();
    }
    assert_eq!(setup.opened(&setup.first), Value::Null);
    assert_eq!(setup.broker.state()["revoked"], json!([token]));
}

#[test]
fn applications_bring_their_ports_and_take_them_along() {
    let setup = Setup::new();
    let body = json!({ "name": "all", "isActivated": true, "microservices": [
        microservice("one", "gw-1", &json!([proxied(80, 8080), proxied(81, 8081)])),
        microservice("two", "gw-2", &json!([proxied(80, 8080)])) ] });
    assert_eq!(setup.call("POST", "/application", &body).status, 201);
    setup.broker.settles_at(3, 2);
    setup.agrees();
    let before = setup.broker.state()["ports"].clone();
    // The same once more asks for nothing.
    assert_eq!(setup.call("PUT", "/application/all", &body).status, 204);
    assert_eq!(setup.broker.state()["ports"], before);
    let less =
        json!({ "microservices": [microservice("one", "gw-1", &json!([proxied(80, 8080)]))] });
    assert_eq!(setup.call("PUT", "/application/all", &less).status, 204);
    setup.broker.settles_at(1, 1);
    setup.agrees();
    assert_eq!(setup.call("DELETE", "/application/all", &Value::Null).status, 204);
    setup.broker.settles_at(0, 0);
    let text = "apiVersion: iofog.org/v3\nkind: Application\nmetadata:\n  name: doc\nspec:\n  microservices:\n  - name: one\n    agent:\n      name: gw-1\n    images:\n      x86: one:1\n    container:\n      ports:\n      - internal: 80\n        external: 8080\n        proxy: true\n";
    let answer =
        setup.controller.upload("POST", "/application/yaml", &setup.user, "application", text);
    assert_eq!(answer.status, 201, "{}", answer.text);
    setup.agrees();
    setup.broker.settles_at(1, 1);
}

#[test]
fn a_port_moves_with_its_microservice() {
    let setup = Setup::new();
    let new = setup.create("web", &json!([proxied(80, 8080)]));
    let uuid = new.body["uuid"].as_str().unwrap();
    let kept = setup.create("other", &json!([proxied(80, 8090)]));
    assert_eq!(kept.status, 201);
    let (shown, before) = (setup.ports(uuid), setup.opened(&setup.first));
    let path = format!("/microservices/{uuid}");
    for (agent, at_first) in [("gw-2", 1), ("gw-1", 2), ("gw-2", 1)] {
        assert_eq!(setup.call("PATCH", &path, &json!({ "agentName": agent })).status, 204);
        assert_eq!(setup.opened(&setup.first).as_array().unwrap().len(), at_first);
        assert_eq!(setup.ports(uuid), shown);
        setup.agrees();
    }
    assert_eq!(setup.opened(&setup.second)[0], before[0]);
    // Its token is the broker's to keep while one port of it is had, wherever.
    let kept = format!("/microservices/{}", kept.body["uuid"].as_str().unwrap());
    assert_eq!(setup.call("DELETE", &kept, &Value::Null).status, 204);
    setup.broker.settles_at(1, 1);
    setup.agrees();
    let gone = setup.call("GET", "/iofog-list", &Value::Null).body;
    let gone = gone["fogs"].as_array().unwrap().iter().find(|fog| fog["name"] == "gw-2").unwrap();
    let path = format!("/iofog/{}", gone["uuid"].as_str().unwrap());
    assert_eq!(setup.call("DELETE", &path, &Value::Null).status, 202);
    setup.broker.settles_at(0, 0);
}

#[test]
fn a_broker_that_fails_leaves_nothing_behind() {
    let setup = Setup::new();
    let three = json!([proxied(80, 8080), proxied(81, 8081), proxied(82, 8082)]);
    for mode in ["refuse", "garbage", "senseless", "half", "continue", "endless", "hang", "close"] {
        // Two are given before it fails.
        setup.broker.behave(mode, "POST", 2);
        let answer = setup.create("web", &three);
        assert_eq!(answer.status, 503, "{mode}: {}", answer.text);
        assert!(answer.text.contains("The port broker gave no port"), "{mode}: {}", answer.text);
        setup.broker.settles_at(0, 0);
        setup.broker.behave("ok", "", 0);
        let list = setup.call("GET", "/microservices?application=demo", &Value::Null);
        assert_eq!(list.body["microservices"], json!([]), "{mode}");
        assert_eq!(setup.opened(&setup.first), Value::Null);
    }
    assert!(!setup.controller.log().iter().any(|line| line.contains("s3cret")));
    // What is refused for another reason asks for nothing, or gives it back.
    let taken = json!([proxied(80, 8080), proxied(81, 8080)]);
    assert_eq!(setup.create("web", &taken).status, 400);
    let many: Vec<_> = (1..=65).map(|port| proxied(port, 8000 + port)).collect();
    let answer = setup.create("web", &json!(many));
    assert_eq!((answer.status, answer.text.contains("at most 64")), (400, true), "{}", answer.text);
    setup.broker.settles_at(0, 0);
    assert_eq!(setup.create("web", &three).status, 201);
    setup.agrees();
}

#[test]
fn who_hangs_up_leaves_nothing_behind() {
    let setup = Setup::new();
    setup.broker.behave("slow", "POST", 0);
    let mut body = microservice("web", "gw-1", &json!([proxied(80, 8080), proxied(81, 8081)]));
    body["application"] = json!("none");
    for application in ["none", "demo"] {
        body["application"] = json!(application);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(300)))
            .build()
            .into();
        let request = agent.post(format!("{}/microservices", setup.controller.base));
        let request = request.header("authorization", &setup.user);
        assert!(request.header("content-type", "application/json").send(body.to_string()).is_err());
    }
    // What was asked for is done, whoever listens.
    setup.broker.settles_at(2, 1);
    for _ in 0..1200 {
        if setup.opened(&setup.first).is_array() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    setup.agrees();
}

#[test]
fn the_rows_say_what_is_opened_whatever_the_configuration_was() {
    let mut setup = Setup::new();
    for (name, external) in [("one", 8080), ("two", 8081)] {
        assert_eq!(setup.create(name, &json!([proxied(80, external)])).status, 201);
    }
    // As 3.0.4 leaves it after a move: entries without a number.
    let sql = "UPDATE microservices SET document = replace(document, 'remote_port', 'other')
        WHERE document LIKE '%remote_port%'";
    setup.controller.restart_after(sql);
    assert_eq!(setup.create("three", &json!([proxied(80, 8082)])).status, 201);
    setup.agrees();
    setup.broker.settles_at(3, 1);
}

#[test]
fn what_was_not_given_back_is_after_a_crash() {
    let mut setup = Setup::new();
    let new = setup.create("web", &json!([proxied(80, 8080)]));
    let path = format!("/microservices/{}", new.body["uuid"].as_str().unwrap());
    setup.broker.behave("hang", "", 0);
    // Nobody waits for the broker to take something back.
    assert_eq!(setup.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(setup.opened(&setup.first), Value::Null);
    setup.controller.kill_and_restart();
    assert_eq!(setup.broker.state()["ports"].as_object().unwrap().len(), 1);
    setup.broker.behave("ok", "", 0);
    setup.controller.kill_and_restart();
    setup.broker.settles_at(0, 0);
    // One that was given to a request that a crash ended: as long as its note says.
    setup.broker.behave("hang", "POST", 1);
    let (base, user) = (setup.controller.base.clone(), setup.user.clone());
    let mut body = microservice("web", "gw-1", &json!([proxied(80, 8080), proxied(81, 8081)]));
    body["application"] = json!("demo");
    let asking = std::thread::spawn(move || {
        let request = ureq::post(format!("{base}/microservices"))
            .header("authorization", user)
            .header("content-type", "application/json");
        drop(request.send(body.to_string()));
    });
    setup.broker.settles_at(1, 1);
    // The second hangs: the note of the first is there.
    std::thread::sleep(Duration::from_millis(300));
    setup.broker.behave("ok", "", 0);
    setup.controller.restart_after("UPDATE broker_returns SET due = 0");
    asking.join().unwrap();
    setup.broker.settles_at(0, 0);
}

/// Ports come and go at several hands while the Controller is killed again and again.
#[test]
fn killed_at_random_the_broker_has_what_the_agents_open() {
    const KILLS: usize = 12;
    const HANDS: u16 = 3;
    let mut setup = Setup::new();
    for kill in 0..KILLS {
        let pid = setup.controller.pid().to_string();
        std::thread::scope(|scope| {
            for hand in 0..HANDS {
                let (base, user) = (&setup.controller.base, &setup.user);
                scope.spawn(move || churn(base, user, hand));
            }
            // In the middle of the churn, however fast the machine and the store are.
            let target = (u64::try_from(kill).unwrap() + 1) * 5;
            for _ in 0..6000 {
                if setup.broker.state()["all"].as_u64() >= Some(target) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let pause = Duration::from_millis(u64::try_from(kill).unwrap() * 7 % 40);
            std::thread::sleep(pause);
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        });
        setup.controller.kill_and_restart();
    }
    // What no transaction took is due now, not in minutes.
    let late = "INSERT INTO broker_returns (kind, value, due) VALUES ('port', 'never', 0)";
    setup.controller.restart_after(late);
    setup.controller.restart_after("UPDATE broker_returns SET due = 0 WHERE due > 0 OR due = 0");
    let shown = setup.call("GET", "/microservices?application=demo", &Value::Null).body;
    let shown: BTreeSet<_> = shown["microservices"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["ports"].as_array().unwrap())
        .map(|port| port["proxy"]["port"].as_i64().unwrap())
        .collect();
    let opened: BTreeSet<_> = setup
        .opened(&setup.first)
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["remote_port"].as_i64().unwrap())
        .collect();
    assert_eq!(shown, opened);
    let given = || -> BTreeSet<i64> {
        let state = setup.broker.state();
        state["ports"]
            .as_object()
            .unwrap()
            .values()
            .map(|port| port["port"].as_i64().unwrap())
            .collect()
    };
    // Only what the broker answered at the moment of a kill is nobody's.
    let lost = |given: &BTreeSet<i64>| given.difference(&opened).count();
    // On a server's store the new process has to become the one that runs the jobs first. A guard against hangs, not a promise.
    for _ in 0..6000 {
        if setup.controller.count("SELECT count(*) FROM broker_returns") == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let given = given();
    println!("{} opened, {} lost of {}", opened.len(), lost(&given), setup.broker.state()["all"]);
    assert!(setup.broker.state()["all"].as_u64() > Some(40));
    assert!(opened.is_subset(&given), "{opened:?} {given:?}");
    assert!(lost(&given) <= KILLS * usize::from(HANDS), "{opened:?} {given:?}");
}

/// Makes and removes microservices with ports until the Controller is gone.
fn churn(base: &str, user: &str, hand: u16) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut made = Vec::new();
    for round in 0..u16::MAX {
        let name = format!("m-{hand}-{}", std::process::id())
            + &format!("-{round}-{base}").replace([':', '/', '.'], "-");
        let external = 10_000 + hand * 10_000 + round % 9_000;
        let mut body = microservice(
            &name,
            "gw-1",
            &json!([proxied(80, external), proxied(81, external + 9_000)]),
        );
        body["application"] = json!("demo");
        let request = agent
            .post(format!("{base}/microservices"))
            .header("authorization", user)
            .header("content-type", "application/json");
        let Ok(mut answer) = request.send(body.to_string()) else { return };
        let answer = answer.body_mut().read_to_string().unwrap_or_default();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        made.extend(answer["uuid"].as_str().map(str::to_owned));
        if round % 2 == 1
            && let Some(uuid) = made.pop()
        {
            let request = agent.delete(format!("{base}/microservices/{uuid}"));
            if request.header("authorization", user).call().is_err() {
                return;
            }
        }
    }
}

#[test]
fn many_at_once_share_one_port_router() {
    let setup = Setup::new();
    std::thread::scope(|scope| {
        for number in 0..16_u16 {
            let setup = &setup;
            scope.spawn(move || {
                let ports = json!([proxied(80, 8000 + number)]);
                let answer = setup.create(&format!("web-{number}"), &ports);
                // It may have been tried too often while others came first.
                assert!(matches!(answer.status, 201 | 503), "{}", answer.text);
            });
        }
    });
    let opened = setup.opened(&setup.first);
    let opened = opened.as_array().unwrap();
    let token = &opened[0]["server_token"];
    assert!(opened.iter().all(|one| one["server_token"] == *token), "{opened:?}");
    // Ports of those that came second were asked for with other tokens and are given back.
    for _ in 0..1200 {
        if setup.broker.state()["ports"].as_object().unwrap().len() == opened.len() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    setup.agrees();
}

#[test]
fn the_broker_is_known_by_its_certificate() {
    let broker = Broker::start_with_tls();
    let create = |environment| {
        let controller = Controller::start_with(environment);
        let (user, ..) = controller.network();
        let mut body = microservice("web", "gw", &json!([proxied(80, 8080)]));
        body["application"] = json!("demo");
        controller.call("POST", "/microservices", Some(&user), &body).status
    };
    assert_eq!(create(broker.environment()), 503);
    let mut environment = broker.environment();
    let authority = broker.authority().unwrap().display().to_string();
    environment.push(("PublicPorts_ProxyBrokerAuthority", authority));
    assert_eq!(create(environment), 201);
}
