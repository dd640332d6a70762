//! Rows that every Controller has (controller contract 21.1), what it says about itself (4), and headers of every answer (0.1).
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::Controller;
use serde_json::{Value, json};

/// Id, name, category, and images by fog type.
type Item = (i64, &'static str, &'static str, [&'static str; 2]);

const ITEMS: [Item; 17] = [
    (1, "Networking Tool", "SYSTEM", ["iofog/core-networking", "iofog/core-networking-arm"]),
    (2, "RESTBlue", "SYSTEM", ["iofog/restblue", "iofog/restblue-arm"]),
    (3, "HAL", "SYSTEM", ["iofog/hal", "iofog/hal-arm"]),
    (4, "Diagnostics", "UTILITIES", ["iofog/diagnostics", "iofog/diagnostics-arm"]),
    (5, "Hello Web Demo", "UTILITIES", ["iofog/hello-web", "iofog/hello-web-arm"]),
    (
        6,
        "Open Weather Map Data",
        "SENSORS",
        ["iofog/open-weather-map", "iofog/open-weather-map-arm"],
    ),
    (7, "JSON REST API", "UTILITIES", ["iofog/json-rest-api", "iofog/json-rest-api-arm"]),
    (
        8,
        "Temperature Converter",
        "UTILITIES",
        ["iofog/temperature-conversion", "iofog/temperature-conversion-arm"],
    ),
    (9, "JSON Sub-Select", "UTILITIES", ["iofog/json-subselect", "iofog/json-subselect-arm"]),
    (
        10,
        "Humidity Sensor Simulator",
        "SIMULATOR",
        ["iofog/humidity-sensor-simulator", "iofog/humidity-sensor-simulator-arm"],
    ),
    (
        11,
        "Seismic Sensor Simulator",
        "SIMULATOR",
        ["iofog/seismic-sensor-simulator", "iofog/seismic-sensor-simulator-arm"],
    ),
    (
        12,
        "Temperature Sensor Simulator",
        "SIMULATOR",
        ["iofog/temperature-sensor-simulator", "iofog/temperature-sensor-simulator-arm"],
    ),
    (13, "Common Logging", "UTILITIES", ["iofog/common-logging", "iofog/common-logging-arm"]),
    (14, "JSON Generator", "UTILITIES", ["iofog/json-generator", "iofog/json-generator-arm"]),
    (15, "Router", "SYSTEM", ["iofog/router:latest", "iofog/router:latest"]),
    (16, "Proxy", "SYSTEM", ["iofog/proxy:latest", "iofog/proxy-arm:latest"]),
    (17, "PortRouter", "SYSTEM", ["iofog/port-router:latest", "iofog/port-router:latest"]),
];

fn images(of: &Value) -> [Value; 2] {
    [1, 2].map(|fog_type| {
        let found =
            of["images"].as_array().into_iter().flatten().find(|one| one["fogTypeId"] == fog_type);
        found.map_or(Value::Null, |one| one["containerImage"].clone())
    })
}

#[test]
fn registries_and_catalog_items_are_there_from_the_start() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let get = |path: &str| controller.call("GET", path, Some(&user), &Value::Null);
    let hub = ["registry", "hub", "docker", "com"].join(".");
    let row = |id: i64, url: &str| {
        json!({ "id": id, "url": url, "isPublic": true, "isSecure": true, "certificate": "",
        "requiresCert": false, "username": "", "userEmail": "", "userId": null })
    };
    assert_eq!(get("/registries").body["registries"], json!([row(1, &hub), row(2, "from_cache")]));
    let listed = get("/catalog/microservices").body;
    let listed: Vec<i64> = listed["catalogItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_i64().unwrap())
        .collect();
    for (id, name, category, expected) in ITEMS {
        let public = category != "SYSTEM";
        assert_eq!(listed.contains(&id), public, "{id} {name}");
        if !public {
            continue;
        }
        let shown = get(&format!("/catalog/microservices/{id}")).body;
        for (field, value) in [
            ("name", json!(name)),
            ("category", json!(category)),
            ("publisher", json!("Eclipse ioFog")),
            ("registryId", json!(1)),
            ("diskRequired", json!(0)),
            ("ramRequired", json!(0)),
            ("isPublic", json!(true)),
            ("userId", json!(null)),
        ] {
            assert_eq!(shown[field], value, "{id} {name} {field}");
        }
        assert_eq!(images(&shown), expected.map(Value::from), "{id} {name}");
    }
    // Rows that users add follow them.
    let own = json!({ "name": "own", "registryId": 1, "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] });
    assert_eq!(controller.call("POST", "/catalog/microservices", Some(&user), &own).body["id"], 18);
}

/// Image of the item with this name that an agent is given for a fog type.
fn given(controller: &Controller, user: &str, name: &str, fog_type: i64) -> Option<Value> {
    let body = json!({ "name": format!("{name}-{fog_type}"), "fogType": fog_type, "host": "10.0.1.1",
        "abstractedHardwareEnabled": true, "bluetoothEnabled": true });
    let uuid = controller.call("POST", "/iofog", Some(user), &body).body["uuid"].clone();
    let key = controller.key(user, uuid.as_str()?);
    let body = json!({ "type": fog_type, "key": key });
    let agent = controller.call("POST", "/agent/provision", None, &body).body["token"].clone();
    let list = controller.agent_list(agent.as_str()?);
    list.iter()
        .map(|one| one["imageId"].clone())
        .find(|image| image.as_str().is_some_and(|text| text.contains(name)))
}

#[test]
fn images_of_system_items_are_those_of_the_settings_at_each_start() {
    let environment = vec![
        ("SystemImages_Router_1", "own/router:7".to_owned()),
        ("SystemImages_Router_2", "own/router-arm:7".to_owned()),
    ];
    let mut controller = Controller::start_with(environment);
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    for (fog_type, router, hal, bluetooth) in [
        (1, "own/router:7", "iofog/hal", "iofog/restblue"),
        (2, "own/router-arm:7", "iofog/hal-arm", "iofog/restblue-arm"),
    ] {
        for (name, image) in [("router", router), ("hal", hal), ("restblue", bluetooth)] {
            assert_eq!(given(&controller, &user, name, fog_type), Some(json!(image)));
        }
    }
    // A restart writes nothing twice.
    controller.kill_and_restart();
    let list = controller.call("GET", "/registries", Some(&user), &Value::Null).body;
    assert_eq!(list["registries"].as_array().unwrap().len(), 2);
    let list = controller.call("GET", "/catalog/microservices", Some(&user), &Value::Null).body;
    assert_eq!(list["catalogItems"].as_array().unwrap().len(), 11);
}

#[test]
fn fog_types() {
    let controller = Controller::start();
    for path in ["/fog-types", "/fog-types/", "/FOG-TYPES"] {
        let types = controller.call("GET", path, None, &Value::Null).body;
        let types: Vec<_> = types["fogTypes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (&one["id"], &one["name"], &one["image"]))
            .collect();
        let expected = [
            (json!(0), "Unspecified"),
            (json!(1), "Standard Linux (x86)"),
            (json!(2), "ARM Linux"),
        ]
        .map(|(id, name)| (id.clone(), json!(name), json!(format!("iointegrator{id}.png"))));
        assert_eq!(
            types,
            expected.iter().map(|(id, name, image)| (id, name, image)).collect::<Vec<_>>()
        );
    }
}

#[test]
fn every_answer_has_the_hardening_headers() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    for (method, path, token) in [
        ("GET", "/status", None),
        ("HEAD", "/capabilities/edgeResources", None),
        ("OPTIONS", "/iofog-list", None),
        ("GET", "/iofog-list", None),
        ("GET", "/iofog-list", Some("wrong")),
        ("GET", "/iofog/none", Some(user.as_str())),
        ("GET", "/no/where", None),
        ("POST", "/user/logout", Some(user.as_str())),
    ] {
        let answer = controller.call(method, path, token, &Value::Null);
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("x-frame-options", "SAMEORIGIN"),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=15552000; includeSubDomains"),
            ("x-dns-prefetch-control", "off"),
            ("x-download-options", "noopen"),
            ("x-xss-protection", "1; mode=block"),
        ] {
            let found = answer.headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(found, Some(value), "{method} {path} {} {name}", answer.status);
        }
        let stamp: i64 = answer.headers["x-timestamp"].to_str().unwrap().parse().unwrap();
        assert!(stamp > 1_700_000_000_000, "{method} {path}: {stamp}");
    }
}
