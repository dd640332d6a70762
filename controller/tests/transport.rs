//! Transport: HEAD, forms, escaped pages, filters, and the default router's defaults.

mod common;

use common::Controller;
use serde_json::{Value, json};

#[test]
fn head_is_answered_for_every_get() {
    let controller = Controller::start();
    for path in ["/status", "/fog-types", "/email-activation"] {
        let head = controller.call("HEAD", path, None, &Value::Null);
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
    }
    let full = controller.call("GET", "/fog-types", None, &Value::Null);
    let head = controller.call("HEAD", "/fog-types", None, &Value::Null);
    let length: usize = head.headers["content-length"].to_str().unwrap().parse().unwrap();
    assert_eq!(length, full.text.len());
}

#[test]
fn unknown_paths_are_pages_with_the_path_escaped() {
    let controller = Controller::start();
    let page = controller.call("GET", "/no&where", None, &Value::Null);
    assert_eq!(page.status, 404);
    assert!(page.text.contains("Cannot GET /api/v3/no&amp;where"), "{}", page.text);
}

#[test]
fn forms_are_as_good_as_json() {
    let controller = Controller::start();
    controller.user("a@b.co");
    let request = ureq::http::Request::builder()
        .method("POST")
        .uri(format!("{}/user/login", controller.base))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("email=a%40b.co&password=password1".to_owned())
        .unwrap();
    let answer = controller.send(request);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.body["accessToken"].is_string());
}

#[test]
fn lists_are_filtered_and_the_default_router_has_defaults() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let get = |path: &str| controller.call("GET", path, Some(&user), &Value::Null);
    assert_eq!(get("/router").status, 404);
    let body = json!({ "host": "5.5.5.5" });
    let row = controller.call("PUT", "/router", Some(&user), &body).body;
    assert_eq!((&row["edgeRouterPort"], &row["interRouterPort"]), (&json!(56722), &json!(56721)));
    controller.gateway(&user, "alpha", "h");
    controller.gateway(&user, "beta", "h");
    let filtered = |condition: &str, value: &str| {
        let path = format!(
            "/iofog-list?filters%5B0%5D%5Bkey%5D=name&filters%5B0%5D%5Bvalue%5D={value}\
             &filters%5B0%5D%5Bcondition%5D={condition}"
        );
        let answer = get(&path);
        (answer.status, answer.body["fogs"].as_array().map(Vec::len))
    };
    assert_eq!(filtered("has", "alp"), (200, Some(1)));
    assert_eq!(filtered("has", "a"), (200, Some(2)));
    assert_eq!(filtered("equals", "alp"), (200, Some(0)));
    assert_eq!(filtered("like", "alp"), (400, None));
    assert_eq!(get("/iofog-list?filters%5B0%5D%5Bkey%5D=name").status, 400);
}
