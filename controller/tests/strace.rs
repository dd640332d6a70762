//! Traces: switched by the user, delivered by the agent.

mod common;

use common::Controller;
use serde_json::{Value, json};

#[test]
fn a_trace_goes_from_agent_to_user() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    let uuid = controller.gateway(&user, "gw", "10.0.1.1");
    let agent = controller.provision(&user, &uuid);
    let body = json!({ "name": "demo", "isActivated": true, "microservices": [{ "name": "one",
        "agentName": "gw", "images": [{ "containerImage": "one:1", "fogTypeId": 1 }] }] });
    controller.call("POST", "/application", Some(&user), &body);
    let shown = controller.call("GET", "/application/demo", Some(&user), &Value::Null).body;
    let one = shown["microservices"][0]["uuid"].as_str().unwrap();
    controller.settle(&agent);
    let path = format!("/microservices/{one}/strace");
    let call = |method: &str, path: &str, token: &str, body: &Value| {
        let answer = controller.call(method, path, Some(token), body);
        (answer.status, answer.body)
    };
    assert_eq!(call("GET", &format!("{path}?format=string"), &user, &Value::Null).0, 404);
    assert_eq!(call("GET", "/agent/strace", &agent, &Value::Null).0, 404);
    let data = json!({ "straceData": [{ "microserviceUuid": one, "buffer": "ab" }] });
    assert_eq!(call("PUT", "/agent/strace", &agent, &data).0, 404, "never switched on");
    assert_eq!(call("PATCH", &path, &user, &json!({})).0, 400);
    assert_eq!(call("PATCH", &path, &user, &json!({ "enable": true })).0, 204);
    assert_eq!(controller.flags(&agent).0, ["diagnostics"]);
    let (_, wanted) = call("GET", "/agent/strace", &agent, &Value::Null);
    assert_eq!(wanted["straceValues"], json!([{ "microserviceUuid": one, "straceRun": true }]));
    for _ in 0..2 {
        assert_eq!(call("PUT", "/agent/strace", &agent, &data).0, 204);
    }
    let (_, text) = call("GET", &format!("{path}?format=string"), &user, &Value::Null);
    assert_eq!(text["data"], "abab");
    let (_, file) = call("GET", &format!("{path}?format=file"), &user, &Value::Null);
    assert_eq!(file["data"], "YWJhYg==");
    assert_eq!(call("GET", &path, &user, &Value::Null).0, 400);
}
