//! The fields of an agent (controller contract 5.1): defaults, limits, refusals, and that a refused body changes nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::{Answer, Controller};
use serde_json::{Value, json};

struct Setup {
    controller: Controller,
    user: String,
}

impl Setup {
    fn new() -> Self {
        let controller = Controller::start();
        let user = controller.user("a@b.co");
        controller.system_agent(&user);
        Self { controller, user }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.controller.call(method, path, Some(&self.user), body)
    }

    /// Of the agent at the path, but for the time of its last change.
    fn shown(&self, path: &str) -> Value {
        let mut shown = self.call("GET", path, &Value::Null).body;
        shown.as_object_mut().unwrap().remove("updatedAt");
        shown
    }

    /// Creates an agent of these fields beside the needed ones; gives its path.
    fn created(&self, name: &str, fields: &Value) -> String {
        let answer = self.call("POST", "/iofog", &with(name, fields));
        assert_eq!(answer.status, 201, "{fields}: {}", answer.text);
        format!("/iofog/{}", answer.body["uuid"].as_str().unwrap())
    }
}

fn with(name: &str, fields: &Value) -> Value {
    let mut body = json!({ "name": name, "fogType": 1, "host": "10.0.1.1" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[test]
fn what_is_not_given_has_its_default() {
    let setup = Setup::new();
    let shown = setup.shown(&setup.created("gw", &json!({})));
    for (field, value) in [
        ("location", json!(null)),
        ("description", json!(null)),
        ("latitude", json!(null)),
        ("longitude", json!(null)),
        ("gpsMode", json!("auto")),
        ("dockerUrl", json!("unix:///var/run/docker.sock")),
        ("diskLimit", json!(50)),
        ("diskDirectory", json!("/var/lib/iofog/")),
        ("memoryLimit", json!(4096)),
        ("cpuLimit", json!(80)),
        ("logLimit", json!(10)),
        ("logDirectory", json!("/var/log/iofog/")),
        ("logFileCount", json!(10)),
        ("statusFrequency", json!(10)),
        ("changeFrequency", json!(20)),
        ("deviceScanFrequency", json!(20)),
        ("bluetoothEnabled", json!(false)),
        ("abstractedHardwareEnabled", json!(false)),
        ("watchdogEnabled", json!(true)),
        ("dockerPruningFrequency", json!(1)),
        ("availableDiskThreshold", json!(20)),
        ("logLevel", json!("INFO")),
        ("timeZone", json!(null)),
        ("isSystem", json!(false)),
        ("routerMode", json!("edge")),
        ("messagingPort", json!(5672)),
        ("upstreamRouters", json!(["default-router"])),
        ("tags", json!([])),
        ("fogTypeId", json!(1)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let plain =
        setup.shown(&setup.created("plain", &json!({ "routerMode": "none", "host": null })));
    assert_eq!(
        (&plain["routerMode"], &plain["networkRouter"]),
        (&json!("none"), &json!("default-router"))
    );
}

#[test]
fn what_is_given_at_its_limits_is_kept() {
    let setup = Setup::new();
    let least = json!({ "fogType": 0, "latitude": -90, "longitude": -180, "diskLimit": 0, "memoryLimit": 0,
        "cpuLimit": 0, "logLimit": 0, "logFileCount": 0, "statusFrequency": 0, "changeFrequency": 0,
        "deviceScanFrequency": 0, "dockerPruningFrequency": 0, "availableDiskThreshold": 0,
        "messagingPort": 1, "watchdogEnabled": false, "location": "here", "description": "d",
        "timeZone": "Europe/Zurich", "tags": ["a", "b"] });
    let most = json!({ "fogType": 2, "latitude": 90, "longitude": 180, "messagingPort": 65_535, "logLevel": "DEBUG" });
    let path = setup.created("least", &least);
    for fields in [&least, &most] {
        assert_eq!(setup.call("PATCH", &path, fields).status, 204);
        let shown = setup.shown(&path);
        for (field, value) in fields.as_object().unwrap() {
            let field = if field == "fogType" { "fogTypeId" } else { field };
            assert_eq!(&shown[field], value, "{field}");
        }
        assert_eq!(shown["gpsMode"], "manual");
    }
    assert_eq!(setup.call("PATCH", &path, &json!({ "tags": ["c"] })).status, 204);
    assert_eq!(setup.shown(&path)["tags"], json!(["c"]), "the whole list is replaced");
    let zero = setup.shown(&setup.created("zero", &json!({ "latitude": 0, "longitude": 0 })));
    assert_eq!((&zero["gpsMode"], &zero["latitude"]), (&json!("auto"), &json!(0)));
}

#[test]
fn what_is_beyond_a_limit_is_refused_and_changes_nothing() {
    let setup = Setup::new();
    let path = setup.created("gw", &json!({ "tags": ["a"] }));
    let before = setup.shown(&path);
    let mut refused = vec![
        (json!({ "name": "" }), "Field name does not meet minimum length of 1".to_owned()),
        (json!({ "fogType": 3 }), "maximum value of 2".to_owned()),
        (json!({ "fogType": -1 }), "fogType must have a minimum value of 0".to_owned()),
        (json!({ "latitude": 90.5 }), "maximum value of 90".to_owned()),
        (json!({ "latitude": -91 }), "latitude must have a minimum value of -90".to_owned()),
        (json!({ "longitude": 181 }), "maximum value of 180".to_owned()),
        (json!({ "longitude": -181 }), "longitude must have a minimum value of -180".to_owned()),
        (
            json!({ "routerMode": "leaf" }),
            "Field routerMode is not one of enum values: none,edge,interior".to_owned(),
        ),
        (
            json!({ "upstreamRouters": "default-router" }),
            "Field 'upstreamRouters' is not of a type(s) array".to_owned(),
        ),
        (json!({ "tags": [1] }), "Field 'tags[0]' is not of a type(s) string".to_owned()),
    ];
    for field in [
        "diskLimit",
        "memoryLimit",
        "cpuLimit",
        "logLimit",
        "logFileCount",
        "statusFrequency",
        "changeFrequency",
        "deviceScanFrequency",
        "dockerPruningFrequency",
        "availableDiskThreshold",
    ] {
        refused.push((json!({ field: -1 }), format!("{field} must have a minimum value of 0")));
        refused
            .push((json!({ field: 1.5 }), format!("Field '{field}' is not of a type(s) integer")));
        refused
            .push((json!({ field: "1" }), format!("Field '{field}' is not of a type(s) integer")));
    }
    for field in ["messagingPort", "interRouterPort", "edgeRouterPort"] {
        refused.push((json!({ field: 0 }), format!("{field} must have a minimum value of 1")));
        refused.push((json!({ field: 65_536 }), "maximum value of 65535".to_owned()));
    }
    for field in [
        "location",
        "description",
        "dockerUrl",
        "diskDirectory",
        "logDirectory",
        "logLevel",
        "timeZone",
        "host",
    ] {
        refused.push((json!({ field: 1 }), format!("Field '{field}' is not of a type(s) string")));
    }
    for field in ["bluetoothEnabled", "abstractedHardwareEnabled", "watchdogEnabled"] {
        refused.push((
            json!({ field: "yes" }),
            format!("Field '{field}' is not of a type(s) boolean"),
        ));
    }
    for (fields, message) in &refused {
        // Behind a good field: nothing of the body may stay.
        let mut change = json!({ "tags": ["late"], "location": "there" });
        change.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        for answer in [
            setup.call("PATCH", &path, &change),
            setup.call("POST", "/iofog", &with("new", fields)),
        ] {
            assert_eq!(
                (answer.status, &answer.body["name"]),
                (400, &json!("ValidationError")),
                "{fields}: {}",
                answer.text
            );
            assert!(
                answer.body["message"].as_str().unwrap().contains(message.as_str()),
                "{fields}: {}",
                answer.text
            );
        }
    }
    assert_eq!(setup.shown(&path), before);
    let listed = setup.call("GET", "/iofog-list", &Value::Null).body;
    assert_eq!(listed["fogs"].as_array().unwrap().len(), 1, "none was created");
}

/// There is one system agent; it may become another.
#[test]
fn an_agent_becomes_the_system_agent_and_back() {
    let setup = Setup::new();
    let gateway = setup.created("gw", &json!({}));
    let interior = setup.created(
        "interior",
        &json!({ "routerMode": "interior", "interRouterPort": 56721, "edgeRouterPort": 56722 }),
    );
    let systems = || {
        let list = setup.call("GET", "/iofog-list?system=true", &Value::Null).body;
        let names = list["fogs"].as_array().unwrap().iter().map(|fog| fog["name"].clone());
        names.collect::<Vec<Value>>()
    };
    let change = |path: &str, wanted: Value| {
        let answer = setup.call("PATCH", path, &json!({ "isSystem": wanted }));
        (answer.status, answer.body["message"].as_str().unwrap_or_default().to_owned())
    };
    let wrong = "Field 'isSystem' is not of a type(s) boolean";
    for value in [json!("true"), json!(1), json!([])] {
        assert_eq!(change(&interior, value), (400, wrong.to_owned()));
    }
    assert_eq!(change(&gateway, json!(false)).0, 204, "as it is");
    assert_eq!(change(&gateway, json!(true)), (400, "Invalid router mode 'edge'".to_owned()));
    assert_eq!(change(&interior, json!(true)), (400, "There already is a system fog".to_owned()));
    assert_eq!(systems(), [json!("system")]);
    let list = setup.call("GET", "/iofog-list?system=true", &Value::Null).body;
    let system = format!("/iofog/{}", list["fogs"][0]["uuid"].as_str().unwrap());
    assert_eq!(change(&system, json!(false)).0, 204);
    assert_eq!(systems(), Vec::<Value>::new());
    assert_eq!(change(&interior, json!(true)).0, 204);
    assert_eq!(systems(), [json!("interior")]);
    assert_eq!(setup.shown(&interior)["isSystem"], true);
    assert_eq!(setup.shown(&system)["isSystem"], false);
}

#[test]
fn what_is_needed_is_asked_for_by_name() {
    let setup = Setup::new();
    let path = setup.created("gw", &json!({}));
    let interior =
        json!({ "routerMode": "interior", "interRouterPort": 56_721, "edgeRouterPort": 56_722 });
    for field in ["interRouterPort", "edgeRouterPort"] {
        let mut body = interior.clone();
        body.as_object_mut().unwrap().remove(field);
        let message = json!(format!("Required field '{field}' is missing"));
        for answer in
            [setup.call("PATCH", &path, &body), setup.call("POST", "/iofog", &with("new", &body))]
        {
            assert_eq!((answer.status, &answer.body["message"]), (400, &message));
        }
    }
    for (fields, message) in [
        (json!({ "name": null }), "Required field 'name' is missing"),
        (json!({ "fogType": null }), "Required field 'fogType' is missing"),
        (json!({ "host": null }), "\"host\" is required"),
        (json!({ "isSystem": true }), "Invalid router mode 'edge'"),
        (json!({ "isSystem": true, "routerMode": "none" }), "Invalid router mode 'none'"),
        (
            json!({ "isSystem": true, "routerMode": "interior", "interRouterPort": 1, "edgeRouterPort": 2 }),
            "There already is a system fog",
        ),
        (json!({ "name": "gw" }), "Duplicate name 'gw'"),
    ] {
        let answer = setup.call("POST", "/iofog", &with("new", &fields));
        assert_eq!((answer.status, &answer.body["message"]), (400, &json!(message)), "{fields}");
    }
}

/// A name is unique among all users at creation, and among one's own later.
#[test]
fn a_name_of_another_user_is_taken_at_creation_alone() {
    let setup = Setup::new();
    setup.created("gw", &json!({}));
    let other = setup.controller.user("b@b.co");
    let post =
        |name: &str| setup.controller.call("POST", "/iofog", Some(&other), &with(name, &json!({})));
    let taken = post("gw");
    assert_eq!((taken.status, &taken.body["message"]), (400, &json!("Duplicate name 'gw'")));
    let path = format!("/iofog/{}", post("own").body["uuid"].as_str().unwrap());
    assert_eq!(post("second").status, 201);
    let patch =
        |name: &str| setup.controller.call("PATCH", &path, Some(&other), &json!({ "name": name }));
    assert_eq!(patch("gw").status, 204);
    assert_eq!(patch("gw").status, 204, "its own name");
    let taken = patch("second");
    assert_eq!((taken.status, &taken.body["message"]), (400, &json!("Duplicate name 'second'")));
}

/// Upstreams have to be interior routers, and a router that others dial stays one (contract 19).
#[test]
fn routers_dial_interior_ones_alone() {
    let setup = Setup::new();
    let ports =
        json!({ "routerMode": "interior", "interRouterPort": 56_721, "edgeRouterPort": 56_722 });
    let edge = setup.created("edge", &json!({}));
    let middle = setup.created("middle", &ports);
    let (edge_uuid, middle_uuid) = (&edge["/iofog/".len()..], &middle["/iofog/".len()..]);
    for (upstream, status, message) in [
        (edge_uuid, 400, format!("Upstream router must be interior '{edge_uuid}'")),
        ("nobody", 404, "Invalid router 'nobody'".to_owned()),
    ] {
        let fields = json!({ "upstreamRouters": [middle_uuid, upstream] });
        for answer in [
            setup.call("POST", "/iofog", &with("leaf", &fields)),
            setup.call("PATCH", &edge, &fields),
        ] {
            let own = upstream == edge_uuid && answer.status == 204;
            assert!(
                own || (answer.status, &answer.body["message"]) == (status, &json!(message)),
                "{upstream}: {}",
                answer.text
            );
        }
    }
    let leaf = setup.created("leaf", &json!({ "upstreamRouters": [middle_uuid] }));
    assert_eq!(setup.shown(&leaf)["upstreamRouters"], json!([middle_uuid]));
    let to_edge = setup.call("PATCH", &middle, &json!({ "routerMode": "edge" }));
    let message = format!("Edge router {middle_uuid} has, or will have, downstream routers");
    assert_eq!((to_edge.status, &to_edge.body["message"]), (400, &json!(message)));
    assert_eq!(setup.shown(&middle)["routerMode"], "interior");
    let moved = json!({ "upstreamRouters": ["default-router"] });
    assert_eq!(setup.call("PATCH", &leaf, &moved).status, 204);
    assert_eq!(setup.call("PATCH", &middle, &json!({ "routerMode": "edge" })).status, 204);
    let shown = setup.shown(&middle);
    assert_eq!(shown["routerMode"], "edge");
    assert!(
        shown.get("interRouterPort").is_none() && shown.get("edgeRouterPort").is_none(),
        "{shown}"
    );
}
