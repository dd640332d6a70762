//! Edge resources: their life, their links to agents, and what agents and agents' views show of them.

mod common;

use common::Controller;
use serde_json::{Value, json};

fn resource() -> Value {
    json!({
        "name": "smart-door", "version": "1.0.0", "description": "a door",
        "interfaceProtocol": "https",
        "interface": { "endpoints": [
            { "name": "open", "method": "PUT", "url": "/open", "requestType": "application/json" },
        ] },
        "display": { "name": "Door", "icon": "door", "color": "#fefefe" },
        "orchestrationTags": ["door", "ground-floor"],
        "custom": { "floor": 0 },
    })
}

struct Setup {
    controller: Controller,
    user: String,
    uuid: String,
    agent: String,
}

fn setup() -> Setup {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    let uuid = controller.gateway(&user, "gw", "10.0.1.1");
    let agent = controller.provision(&user, &uuid);
    controller.settle(&agent);
    Setup { controller, user, uuid, agent }
}

impl Setup {
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.controller.call(method, path, Some(&self.user), body);
        (answer.status, answer.body)
    }
}

#[test]
fn a_resource_is_created_shown_changed_and_removed() {
    let setup = setup();
    assert_eq!(setup.call("GET", "/edgeResources", &Value::Null).1, json!({ "edgeResources": [] }));
    let (status, new) = setup.call("POST", "/edgeResource", &resource());
    assert_eq!((status, &new["orchestrationTags"]), (200, &json!([])));
    let (status, shown) = setup.call("GET", "/edgeResource/smart-door/1.0.0", &Value::Null);
    assert_eq!(status, 200);
    assert_eq!(shown["orchestrationTags"], json!(["door", "ground-floor"]));
    assert_eq!(
        (&shown["custom"], &shown["display"]["color"]),
        (&json!({ "floor": 0 }), &json!("#fefefe"))
    );
    let interface = &shown["interface"];
    assert_eq!(interface["edgeResourceId"], shown["id"]);
    assert_eq!(interface["endpoints"][0]["interfaceId"], interface["id"]);
    assert_eq!(interface["endpoints"][0]["method"], "PUT");
    let (_, list) = setup.call("GET", "/edgeResources", &Value::Null);
    assert_eq!(list["edgeResources"][0]["name"], "smart-door");
    assert!(list["edgeResources"][0].get("interface").is_none());
    let change = json!({ "description": "two doors", "name": "doors" });
    assert_eq!(setup.call("PUT", "/edgeResource/smart-door/1.0.0", &change), (200, Value::Null));
    let (_, versions) = setup.call("GET", "/edgeResource/doors", &Value::Null);
    assert_eq!(versions["edgeResources"][0]["description"], "two doors");
    assert_eq!(versions["edgeResources"][0]["interface"]["endpoints"][0]["name"], "open");
    let (status, second) = setup.call(
        "PUT",
        "/edgeResource/doors/1.0.1",
        &json!({ "interfaceProtocol": "http", "version": "1.0.1" }),
    );
    assert_eq!((status, &second["version"]), (200, &json!("1.0.1")));
    assert_eq!(setup.call("DELETE", "/edgeResource/doors/1.0.0", &Value::Null).0, 202);
    assert_eq!(setup.call("GET", "/edgeResource/doors/1.0.0", &Value::Null).0, 404);
    assert_eq!(
        setup.call("GET", "/edgeResource/nothing", &Value::Null),
        (200, json!({ "edgeResources": [] }))
    );
}

#[test]
fn a_linked_resource_reaches_the_agent_with_its_tags() {
    let setup = setup();
    setup.call("POST", "/edgeResource", &resource());
    let link = "/edgeResource/smart-door/1.0.0/link";
    let fog = format!("/iofog/{}", setup.uuid);
    setup.call("PATCH", &fog, &json!({ "tags": ["mine"] }));
    setup.controller.settle(&setup.agent);
    assert_eq!(setup.call("POST", link, &json!({ "uuid": setup.uuid })), (200, Value::Null));
    assert_eq!(setup.controller.flags(&setup.agent).0, ["linkedEdgeResources"]);
    let path = "/agent/edgeResources";
    let seen = setup.controller.call("GET", path, Some(&setup.agent), &Value::Null).body;
    assert_eq!(seen["edgeResources"][0]["interface"]["endpoints"][0]["url"], "/open");
    assert!(seen["edgeResources"][0]["custom"].is_object());
    let (_, shown) = setup.call("GET", &fog, &Value::Null);
    assert_eq!(shown["tags"], json!(["mine", "door", "ground-floor"]));
    assert_eq!(shown["edgeResources"][0]["name"], "smart-door");
    setup.controller.settle(&setup.agent);
    setup.call("PUT", "/edgeResource/smart-door/1.0.0", &json!({ "orchestrationTags": ["gate"] }));
    assert_eq!(setup.controller.flags(&setup.agent).0, ["linkedEdgeResources"]);
    assert_eq!(setup.call("GET", &fog, &Value::Null).1["tags"], json!(["mine", "gate"]));
    setup.controller.settle(&setup.agent);
    assert_eq!(setup.call("DELETE", link, &json!({ "uuid": setup.uuid })).0, 200);
    assert_eq!(setup.controller.flags(&setup.agent).0, ["linkedEdgeResources"]);
    let seen = setup.controller.call("GET", path, Some(&setup.agent), &Value::Null).body;
    assert_eq!(seen["edgeResources"], json!([]));
    assert_eq!(setup.call("GET", &fog, &Value::Null).1["tags"], json!(["mine"]));
    // Removing a linked resource unlinks it.
    setup.call("POST", link, &json!({ "uuid": setup.uuid }));
    setup.controller.settle(&setup.agent);
    setup.call("DELETE", "/edgeResource/smart-door/1.0.0", &Value::Null);
    assert_eq!(setup.controller.flags(&setup.agent).0, ["linkedEdgeResources"]);
    assert_eq!(setup.call("GET", &fog, &Value::Null).1["edgeResources"], json!([]));
}

#[test]
fn bad_input_is_refused_and_leaves_nothing() {
    let setup = setup();
    let spoil = |change: fn(&mut Value)| {
        let mut body = resource();
        change(&mut body);
        body
    };
    let cases = [
        (spoil(|b| b["name"] = json!("No Name")), "Invalid format for field 'name'"),
        (spoil(|b| b["version"] = json!("one")), "Invalid format for field 'version'"),
        (spoil(|b| b["version"] = Value::Null), "Required field 'version' is missing"),
        (
            spoil(|b| b["interfaceProtocol"] = json!("ftp")),
            "Field interfaceProtocol is not one of enum values: http,https,ws,wss",
        ),
        (
            spoil(|b| b["display"]["color"] = json!("red")),
            "Invalid format for field 'display.color'",
        ),
        (
            spoil(|b| b["interface"]["endpoints"][0]["name"] = json!("A B")),
            "Invalid format for field 'interface.endpoints[0].name'",
        ),
        (spoil(|b| b["custom"] = json!("x")), "Field 'custom' is not of a type(s) object"),
    ];
    for (body, message) in cases {
        let (status, answer) = setup.call("POST", "/edgeResource", &body);
        assert_eq!((status, answer["message"].as_str()), (400, Some(message)));
    }
    assert_eq!(setup.call("GET", "/edgeResources", &Value::Null).1, json!({ "edgeResources": [] }));
    setup.call("POST", "/edgeResource", &resource());
    let (status, twice) = setup.call("POST", "/edgeResource", &resource());
    assert_eq!(
        (status, &twice["message"]),
        (400, &json!("Resource smart-door version 1.0.0 already exists"))
    );
    let path = "/edgeResource/smart-door/1.0.0";
    let (status, moved) = setup.call("PUT", path, &json!({ "version": "2.0.0" }));
    assert_eq!(status, 400, "{moved}");
    let (status, unknown) = setup.call("DELETE", "/edgeResource/smart-door/9.0.0", &Value::Null);
    assert_eq!(
        (status, &unknown["message"]),
        (404, &json!("Could not find resource smart-door version 9.0.0"))
    );
    for (method, path, body, status) in [
        ("POST", "/edgeResource/smart-door/1.0.0/link", json!({}), 400),
        ("POST", "/edgeResource/smart-door/1.0.0/link", json!({ "uuid": "nobody" }), 404),
        ("DELETE", "/edgeResource/none/1.0.0/link", json!({ "uuid": setup.uuid }), 404),
    ] {
        assert_eq!(setup.call(method, path, &body).0, status, "{method} {path} {body}");
    }
    let other = setup.controller.user("b@b.co");
    let foreign = setup.controller.call("GET", path, Some(&other), &Value::Null);
    assert_eq!(foreign.status, 404);
}
