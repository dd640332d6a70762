//! The list of agents, which is written in one go, says of each agent what asking for it alone says.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::Controller;
use serde_json::{Value, json};

#[test]
fn the_list_and_single_agents_agree() {
    let controller = Controller::start();
    let user = controller.user("list@example.org");
    let other = controller.user("other@example.org");
    controller.system_agent(&user);
    let made = |body: &Value| -> String {
        let answer = controller.call("POST", "/iofog", Some(&user), body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["uuid"].as_str().unwrap().to_owned()
    };
    let interior = made(
        &json!({ "name": "a-interior", "fogType": 1, "host": "10.0.0.3", "routerMode": "interior",
        "edgeRouterPort": 5001, "interRouterPort": 5002, "upstreamRouters": ["default-router"] }),
    );
    let edge = made(
        &json!({ "name": "b-edge", "fogType": 2, "host": "10.0.0.4", "latitude": 46.25, "longitude": 7,
        "tags": ["roof"], "upstreamRouters": ["default-router", interior] }),
    );
    let none = made(
        &json!({ "name": "c-none", "fogType": 1, "routerMode": "none", "networkRouter": interior }),
    );
    let default = made(&json!({ "name": "d-none", "fogType": 1, "routerMode": "none" }));
    controller.gateway(&other, "of another user", "10.0.0.9");

    let resource = json!({ "name": "camera", "version": "1.0.0", "interfaceProtocol": "https",
        "interface": { "endpoints": [{ "name": "view", "method": "GET", "url": "/view" }] } });
    assert_eq!(controller.call("POST", "/edgeResource", Some(&user), &resource).status, 200);
    let link = json!({ "uuid": edge });
    let answer = controller.call("POST", "/edgeResource/camera/1.0.0/link", Some(&user), &link);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let agent = controller.provision(&user, &edge);
    let status = json!({ "daemonStatus": "RUNNING", "memoryUsage": 50.0, "cpuUsage": 1.25,
        "memoryViolation": true, "systemAvailableDisk": 5, "version": "3.1.0" });
    assert_eq!(controller.call("PUT", "/agent/status", Some(&agent), &status).status, 204);

    let list = controller.call("GET", "/iofog-list", Some(&user), &Value::Null);
    assert_eq!(list.status, 200, "{}", list.text);
    let rows = list.body["fogs"].as_array().unwrap();
    let expected = [&interior, &edge, &none, &default];
    let uuids: Vec<&str> = rows.iter().map(|row| row["uuid"].as_str().unwrap()).collect();
    assert_eq!(uuids, expected);
    for row in rows {
        let path = format!("/iofog/{}", row["uuid"].as_str().unwrap());
        let alone = controller.call("GET", &path, Some(&user), &Value::Null);
        assert_eq!(*row, alone.body);
        let filter = format!(
            "/iofog-list?filters[0][key]=name&filters[0][value]={}&filters[0][condition]=equals",
            row["name"].as_str().unwrap()
        );
        let filtered = controller.call("GET", &filter, Some(&user), &Value::Null);
        assert_eq!(filtered.body, json!({ "fogs": [row] }));
    }
    let row = &rows[1];
    assert_eq!(row["upstreamRouters"], json!(["default-router", interior]));
    assert_eq!(row["edgeResources"][0]["name"], "camera");
    // Whole numbers have no point, and what is unknown is left out where clients want it so.
    assert!(list.text.contains("\"memoryUsage\":50,\"diskUsage\":0,\"cpuUsage\":1.25"));
    assert_eq!((&row["memoryViolation"], &row["systemAvailableDisk"]), (&json!("1"), &json!(5)));
    assert!(row.get("systemAvailableMemory").is_none());
    assert_eq!(rows[0]["edgeRouterPort"], 5001);
    assert!(rows[1].get("edgeRouterPort").is_none());
    assert_eq!(rows[2]["networkRouter"], json!(interior));
    assert_eq!(rows[3]["networkRouter"], "default-router");
    assert_eq!(rows[3]["routerMode"], "none");

    // Agents without a router of their own come back to the default one.
    assert_eq!(
        controller.call("DELETE", &format!("/iofog/{interior}"), Some(&user), &Value::Null).status,
        202
    );
    let list = controller.call("GET", "/iofog-list", Some(&user), &Value::Null);
    assert_eq!(list.body["fogs"][1]["networkRouter"], "default-router");
}
