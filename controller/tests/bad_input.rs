//! Bad input: the documented status and message, and nothing half-created.

mod common;

use common::{Controller, application};
use serde_json::{Value, json};

fn ready() -> (Controller, String) {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    controller.gateway(&user, "gw-1", "10.0.1.1");
    controller.gateway(&user, "gw-2", "10.0.2.1");
    (controller, user)
}

/// Method, path, body, status, message.
type Case = (&'static str, &'static str, Value, u16, &'static str);

#[test]
fn messages_name_the_field_and_the_rule() {
    let (controller, user) = ready();
    let port = |internal: i64, external: i64| json!({ "name": "m", "application": "none", "ports": [{ "internal": internal, "external": external }] });
    let image = json!({ "containerImage": "i:1", "fogTypeId": 1 });
    let cases: [Case; 22] = [
        (
            "POST",
            "/user/signup",
            json!({ "firstName": "ab" }),
            400,
            "Field firstName does not meet minimum length of 3",
        ),
        (
            "POST",
            "/user/login",
            json!({ "email": "a@b.co", "password": "nope" }),
            401,
            "Invalid credentials",
        ),
        (
            "POST",
            "/user/login",
            json!({ "email": "a@b.co" }),
            400,
            "Required field 'password' is missing",
        ),
        (
            "POST",
            "/agent/provision",
            json!({ "type": 1, "key": "wrongkey" }),
            404,
            "Invalid Provisioning Key",
        ),
        (
            "POST",
            "/agent/provision",
            json!({ "type": 7, "key": "k" }),
            400,
            "type must have a maximum value of 2",
        ),
        ("POST", "/iofog", json!({ "name": "x", "fogType": 1 }), 400, "\"host\" is required"),
        (
            "POST",
            "/iofog",
            json!({ "name": "gw-1", "fogType": 1, "host": "h" }),
            400,
            "Duplicate name 'gw-1'",
        ),
        (
            "POST",
            "/iofog",
            json!({ "name": "x", "fogType": 1, "host": "h", "upstreamRouters": ["nobody"] }),
            404,
            "Invalid router 'nobody'",
        ),
        (
            "POST",
            "/application",
            json!({ "name": "Not A Name" }),
            400,
            "Invalid format for field 'name'",
        ),
        (
            "POST",
            "/application",
            json!({ "name": "a".repeat(256) }),
            400,
            "Field name does not meet maximum length of 255",
        ),
        (
            "POST",
            "/microservices",
            port(0, 1),
            400,
            "ports[0].internal must have a minimum value of 1",
        ),
        (
            "POST",
            "/microservices",
            port(1, 0),
            400,
            "ports[0].external must have a minimum value of 1",
        ),
        (
            "POST",
            "/microservices",
            port(1, 65_536),
            400,
            "ports[0].external must have a maximum value of 65535",
        ),
        (
            "POST",
            "/microservices",
            port(-1, 1),
            400,
            "ports[0].internal must have a minimum value of 1",
        ),
        (
            "POST",
            "/microservices",
            json!({ "name": "m", "images": [image, image, image] }),
            400,
            "Field images must have at most 2 items with a fogTypeId",
        ),
        (
            "GET",
            "/iofog-list?filters=name",
            Value::Null,
            400,
            "Field 'filters' is not of a type(s) array",
        ),
        (
            "GET",
            "/iofog-list?filters[0]=name",
            Value::Null,
            400,
            "Field 'filters[0]' is not of a type(s) object",
        ),
        (
            "GET",
            "/iofog-list?filters[0][value]=gw&filters[0][condition]=has",
            Value::Null,
            400,
            "Required field 'key' is missing",
        ),
        (
            "GET",
            "/iofog-list?filters[0][key]=name&filters[0][condition]=has",
            Value::Null,
            400,
            "Required field 'value' is missing",
        ),
        ("GET", "/application/none", Value::Null, 404, "Invalid application id 'none'"),
        ("GET", "/config/none", Value::Null, 404, "Unkown config key 'none'"),
        ("DELETE", "/registries/1", Value::Null, 404, "Invalid registry id '1'"),
    ];
    for (method, path, body, status, message) in cases {
        let answer = controller.call(method, path, Some(&user), &body);
        assert_eq!(
            (answer.status, answer.body["message"].as_str()),
            (status, Some(message)),
            "{method} {path}"
        );
    }
    let fogs = controller.call("GET", "/iofog-list", Some(&user), &Value::Null).body;
    assert_eq!(fogs["fogs"].as_array().unwrap().len(), 2, "no agent was left behind");
}

#[test]
fn a_failing_application_leaves_nothing_behind() {
    let (controller, user) = ready();
    let spoil = |change: fn(&mut Value)| {
        let mut body = application("gw-1", "gw-2");
        change(&mut body);
        body
    };
    let cases = [
        (
            spoil(|b| b["microservices"][1]["agentName"] = json!("nobody")),
            400,
            "Invalid ioFog UUID 'nobody'",
        ),
        (
            spoil(|b| b["microservices"][1]["images"] = json!([])),
            400,
            "Microservice dashboard does not have a valid image for its Agent type",
        ),
        (
            spoil(|b| b["microservices"][1]["registryId"] = json!(99)),
            404,
            "Invalid registry id '99'",
        ),
        (
            spoil(|b| b["microservices"][1]["catalogItemId"] = json!(15)),
            404,
            "Invalid catalog item id '15'",
        ),
        (
            spoil(|b| b["routes"][0]["to"] = json!("nobody")),
            404,
            "Invalid destination microservice name 'nobody'",
        ),
        (
            spoil(|b| b["microservices"][1]["ports"][0]["external"] = json!(54321)),
            400,
            "Port '54321' is reserved for internal use",
        ),
        (
            spoil(|b| b["microservices"][1]["name"] = json!("sensor")),
            409,
            "Duplicate name 'sensor'",
        ),
    ];
    for (body, status, message) in cases {
        let answer = controller.call("POST", "/application", Some(&user), &body);
        assert_eq!((answer.status, answer.body["message"].as_str()), (status, Some(message)));
        let list = controller.call("GET", "/application", Some(&user), &Value::Null).body;
        assert_eq!(list["applications"], json!([]), "after {message}");
        let ports =
            controller.call("GET", "/microservices/public-ports", Some(&user), &Value::Null);
        assert_eq!(ports.body, json!([]), "after {message}");
    }
    let good = controller.call("POST", "/application", Some(&user), &application("gw-1", "gw-2"));
    assert_eq!(good.status, 201, "{}", good.text);
}

#[test]
fn an_expired_key_is_refused_and_a_new_one_works() {
    let (mut controller, user) = ready();
    let agent = controller.gateway(&user, "late", "10.0.3.1");
    let key = controller.key(&user, &agent);
    controller.restart_after("UPDATE provision_keys SET expires = expires - 21 * 60 * 1000");
    let body = json!({ "type": 1, "key": key });
    let answer = controller.call("POST", "/agent/provision", None, &body);
    assert_eq!(answer.status, 401, "{}", answer.text);
    assert_eq!(answer.body["name"], "AuthenticationError");
    assert_eq!(answer.body["message"], "Expired provision key");
    assert_eq!(controller.provision(&user, &agent).len(), 16);
}

#[test]
fn malformed_bodies_are_refused_before_any_route() {
    let (controller, user) = ready();
    let request = |kind: &str, body: String| {
        ureq::http::Request::builder()
            .method("POST")
            .uri(format!("{}/application", controller.base))
            .header("authorization", &user)
            .header("content-type", kind)
            .body(body)
            .unwrap()
    };
    let answer = controller.send(request("application/json", "{oops".to_owned()));
    assert_eq!(answer.status, 400);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(200 * 1024));
    assert_eq!(controller.send(request("application/json", large)).status, 413);
    let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(controller.send(request("application/json", nested)).status, 400);
    for (text, message) in
        [("kind: Other", "Invalid kind Other"), ("kind: Application", "Invalid YAML format")]
    {
        let answer = controller.upload("POST", "/application/yaml", &user, "application", text);
        assert_eq!((answer.status, answer.body["message"].as_str()), (400, Some(message)));
    }
    let broken = controller.upload("POST", "/application/yaml", &user, "application", "a: [1");
    assert_eq!(broken.status, 400, "{}", broken.text);
    let other = controller.upload("POST", "/application/yaml", &user, "other", "kind: Application");
    assert_eq!(other.status, 500);
    let none = controller.call("POST", "/application/yaml", Some(&user), &Value::Null);
    assert_eq!(
        (none.status, none.body["message"].as_str()),
        (400, Some("Application file missing"))
    );
    let unknown = controller.call("GET", "/nothing/%3Cb%3E", Some(&user), &Value::Null);
    assert_eq!(unknown.status, 404);
}

#[test]
fn every_answer_has_the_headers_of_the_contract() {
    let (controller, _) = ready();
    let answer = controller.call("GET", "/status", None, &Value::Null);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["x-frame-options"], "SAMEORIGIN");
    assert!(answer.headers["x-timestamp"].to_str().unwrap().parse::<i64>().is_ok());
    let missing = controller.call("GET", "/iofog-list", None, &Value::Null);
    assert_eq!(missing.headers["access-control-allow-origin"], "*");
    let tagged = controller.call("GET", "/fog-types", None, &Value::Null);
    let request = ureq::http::Request::builder()
        .method("GET")
        .uri(format!("{}/fog-types/", controller.base))
        .header("if-none-match", &tagged.headers["etag"])
        .body(String::new())
        .unwrap();
    assert_eq!(controller.send(request).status, 304);
    let request = ureq::http::Request::builder()
        .method("OPTIONS")
        .uri(format!("{}/iofog", controller.base))
        .header("access-control-request-headers", "authorization")
        .body(String::new())
        .unwrap();
    let preflight = controller.send(request);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.headers["access-control-allow-headers"], "authorization");
    assert_eq!(
        controller.call("HEAD", "/capabilities/edgeResources", None, &Value::Null).status,
        204
    );
}

#[test]
fn a_document_beyond_the_limit_is_refused_by_its_size() {
    let (controller, user) = ready();
    let padding = "x".repeat(1024 * 1024);
    let text = format!("kind: Application\nmetadata: {{name: big}}\nspec: {{}}\n# {padding}\n");
    let answer = controller.upload("POST", "/application/yaml", &user, "application", &text);
    assert_eq!(
        (answer.status, answer.body["message"].as_str()),
        (400, Some("Invalid YAML format: document has more than 1048576 bytes"))
    );
    let fits = "kind: Application\nmetadata: {name: big}\nspec: {}\n";
    let answer = controller.upload("POST", "/application/yaml", &user, "application", fits);
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[test]
fn a_second_controller_on_the_same_data_does_not_start() {
    if common::on_postgres() {
        // There it may: see several.rs.
        return;
    }
    let (mut controller, _) = ready();
    let second = controller.start_second();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another Controller works on"), "{said}");
    controller.kill_and_restart();
    assert_eq!(controller.call("GET", "/status", None, &Value::Null).status, 200);
}
