//! Transport: HEAD, forms, escaped pages, filters, upgrades, and the default router's defaults.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

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

/// The device link: its own protocol or 426; strangers get 401 whatever they ask for.
#[test]
fn the_device_link_is_opened_by_its_own_upgrade_alone() {
    use std::io::{Read as _, Write as _};
    let controller = Controller::start();
    let (user, _, agent, _) = controller.network();
    let ask = |token: &str, headers: &str| -> String {
        let mut stream = std::net::TcpStream::connect(controller.address()).unwrap();
        let guard = std::time::Duration::from_secs(60);
        stream.set_read_timeout(Some(guard)).unwrap();
        write!(
            stream,
            "GET /api/v3/agent/link HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n{headers}\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        String::from_utf8_lossy(&head).to_ascii_lowercase()
    };
    let own = format!("connection: upgrade\r\nupgrade: {}\r\n", iofog_link::UPGRADE);
    for token in ["", "wrong", user.as_str()] {
        assert!(ask(token, &own).starts_with("http/1.1 401"), "{token}");
    }
    for headers in ["", "connection: upgrade\r\nupgrade: websocket\r\n"] {
        let refused = ask(&agent, headers);
        assert!(refused.starts_with("http/1.1 426"), "{refused}");
        let named = format!("upgrade: {}", iofog_link::UPGRADE).to_ascii_lowercase();
        assert!(refused.contains(&named), "it says which one: {refused}");
    }
    let opened = ask(&agent, &own);
    assert!(opened.starts_with("http/1.1 101"), "{opened}");
}
