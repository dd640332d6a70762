//! Change flags: waits that end, acknowledgements that lose nothing, agents that are gone.

mod common;

use common::Controller;
use serde_json::{Value, json};

struct Setup {
    controller: Controller,
    user: String,
    uuid: String,
    agent: String,
}

fn setup() -> Setup {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let uuid = controller.system_agent(&user);
    let agent = controller.provision(&user, &uuid);
    controller.settle(&agent);
    Setup { controller, user, uuid, agent }
}

#[test]
fn a_wait_ends_without_a_change() {
    let setup = setup();
    let request = ureq::http::Request::builder()
        .method("GET")
        .uri(format!("{}/agent/config/changes", setup.controller.base))
        .header("authorization", &setup.agent)
        .header("prefer", "wait=1")
        .body(String::new())
        .unwrap();
    let answer = setup.controller.send(request);
    assert_eq!(
        (answer.status, &answer.headers["preference-applied"]),
        (200, &"wait=1".parse().unwrap())
    );
    assert!(answer.body.as_object().unwrap().values().all(|flag| flag != &json!(true)));
    let path = "/agent/config/changes";
    let plain = setup.controller.call("GET", path, Some(&setup.agent), &Value::Null);
    assert!(!plain.headers.contains_key("preference-applied"));
}

#[test]
fn a_change_after_the_read_survives_the_acknowledgement() {
    let setup = setup();
    let prune = || {
        let path = format!("/iofog/{}/prune", setup.uuid);
        let answer = setup.controller.call("POST", &path, Some(&setup.user), &Value::Null);
        assert_eq!(answer.status, 204);
    };
    for _ in 0..20 {
        let (_, seen) = setup.controller.flags(&setup.agent);
        prune();
        setup.controller.acknowledge(&setup.agent, &seen);
        assert_eq!(setup.controller.flags(&setup.agent).0, ["prune"]);
        setup.controller.settle(&setup.agent);
    }
    prune();
    let path = "/agent/config/changes";
    let nothing = setup.controller.call("PATCH", path, Some(&setup.agent), &json!({}));
    assert_eq!(nothing.status, 200);
    assert_eq!(setup.controller.flags(&setup.agent).0, ["prune"], "no point: nothing acknowledged");
}

#[test]
fn what_waits_for_an_absent_agent_is_bounded_and_loses_nothing() {
    let mut setup = setup();
    let order = |setup: &Setup, what: &str| {
        let path = format!("/iofog/{}/{what}", setup.uuid);
        let answer = setup.controller.call("POST", &path, Some(&setup.user), &Value::Null);
        assert_eq!(answer.status, 204, "{}", answer.text);
    };
    order(&setup, "reboot");
    let (_, stamp) = setup.controller.flags(&setup.agent);
    for _ in 0..100 {
        order(&setup, "prune");
    }
    if !common::on_postgres() {
        let path = setup.controller.folder().join("controller.sqlite");
        let sql = "SELECT count(*) FROM changes";
        let rows: i64 =
            rusqlite::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(rows < 40, "{rows} rows");
    }
    // What was read before the rows became one is told once more rather than lost.
    setup.controller.acknowledge(&setup.agent, &stamp);
    assert!(setup.controller.flags(&setup.agent).0.contains(&"prune".to_owned()));
    order(&setup, "reboot");
    setup.controller.kill_and_restart();
    assert_eq!(setup.controller.flags(&setup.agent).0, ["reboot", "prune"]);
    setup.controller.settle(&setup.agent);
}

#[test]
fn a_deleted_agent_is_refused() {
    let setup = setup();
    let uuid = setup.controller.gateway(&setup.user, "gw", "10.0.1.1");
    let agent = setup.controller.provision(&setup.user, &uuid);
    let path = format!("/iofog/{uuid}");
    assert_eq!(setup.controller.call("DELETE", &path, Some(&setup.user), &Value::Null).status, 202);
    let refused = setup.controller.call("GET", "/agent/config/changes", Some(&agent), &Value::Null);
    assert_eq!((refused.status, &refused.body["message"]), (401, &json!("authorization failed")));
    let uuid = setup.controller.gateway(&setup.user, "gw", "10.0.1.1");
    let agent = setup.controller.provision(&setup.user, &uuid);
    let own = setup.controller.call("DELETE", "/agent/delete-node", Some(&agent), &Value::Null);
    assert_eq!(own.status, 204);
    let refused = setup.controller.call("GET", "/agent/config", Some(&agent), &Value::Null);
    assert_eq!(refused.status, 401);
}

#[test]
fn a_stopped_application_leaves_its_agents() {
    let setup = setup();
    let uuid = setup.controller.gateway(&setup.user, "gw", "10.0.1.1");
    let agent = setup.controller.provision(&setup.user, &uuid);
    let body = json!({ "name": "demo", "isActivated": true, "microservices": [{ "name": "one",
        "agentName": "gw", "images": [{ "containerImage": "one:1", "fogTypeId": 1 }] }] });
    let new = setup.controller.call("POST", "/application", Some(&setup.user), &body);
    assert_eq!(new.status, 201, "{}", new.text);
    let count = || setup.controller.agent_list(&agent).len();
    assert_eq!(count(), 2, "its router and the microservice");
    for (active, expected) in [(false, 1), (true, 2)] {
        setup.controller.settle(&agent);
        let body = json!({ "isActivated": active });
        let path = "/application/demo";
        setup.controller.call("PATCH", path, Some(&setup.user), &body);
        assert_eq!(
            setup.controller.flags(&agent).0,
            ["microserviceList", "microserviceConfig", "routing"]
        );
        assert_eq!(count(), expected);
    }
}

#[test]
fn odd_status_reports_are_taken_and_leave_takes_the_address() {
    let setup = setup();
    let odd = json!({ "microserviceStatus": { "status": "UNKNOWN" }, "daemonStatus": "RUNNING",
        "ipAddress": "10.9.9.9", "lastStatusTime": 123.0 });
    let put = setup.controller.call("PUT", "/agent/status", Some(&setup.agent), &odd);
    assert_eq!(put.status, 204, "{}", put.text);
    let path = format!("/iofog/{}", setup.uuid);
    let shown = || setup.controller.call("GET", &path, Some(&setup.user), &Value::Null).body;
    assert_eq!(shown()["lastStatusTime"].to_string(), "123");
    let none = setup.controller.call("POST", "/agent/deprovision", Some(&setup.agent), &json!({}));
    assert_eq!(none.status, 400);
    let body = json!({ "microserviceUuids": [] });
    let left = setup.controller.call("POST", "/agent/deprovision", Some(&setup.agent), &body);
    assert_eq!(left.status, 204);
    let shown = shown();
    assert_eq!(
        (&shown["daemonStatus"], &shown["ipAddress"]),
        (&json!("UNKNOWN"), &json!("0.0.0.0"))
    );
}
