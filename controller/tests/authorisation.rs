//! Every route of the table refuses strangers: no token, a wrong one, and one of the other kind.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use common::Controller;
use iofog_controller::routes::{self, Auth};
use serde_json::Value;

/// A path with something in place of its parameters.
fn concrete(path: &str) -> String {
    path.split('/')
        .map(|segment| if segment.starts_with(':') { "1" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn every_route_refuses_strangers() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let system = controller.system_agent(&user);
    let agent = controller.provision(&user, &system);
    let mut walked = 0;
    for route in routes::all() {
        let other = match route.auth {
            Auth::Anyone => continue,
            Auth::User => &agent,
            Auth::Agent => &user,
        };
        let bearer = format!("Bearer {}", if route.auth == Auth::User { &user } else { &agent });
        for token in [None, Some(""), Some("wrong"), Some(other), Some(bearer.as_str())] {
            let path = concrete(route.path);
            let answer = controller.call(route.verb.name(), &path, token, &Value::Null);
            assert_eq!(answer.status, 401, "{} with {token:?}", route.id);
            if route.verb.name() != "HEAD" {
                assert_eq!(answer.body["name"], "AuthenticationError", "{}", route.id);
                assert_eq!(answer.body["message"], "authorization failed", "{}", route.id);
            }
        }
        walked += 1;
    }
    assert!(walked > 50, "only {walked} routes want a token");
    // None of it did anything: the agent is still there.
    let answer = controller.call("GET", &format!("/iofog/{system}"), Some(&user), &Value::Null);
    assert_eq!(answer.status, 200);
}

/// Who waits for `100 Continue` is refused without it: nothing of the body is asked for, on any route that wants a token.
#[test]
fn no_body_of_a_stranger_is_read() {
    let controller = Controller::start();
    for route in routes::all().filter(|route| route.auth != Auth::Anyone) {
        let mut stream = TcpStream::connect(controller.address()).unwrap();
        let (verb, path) = (route.verb.name(), concrete(route.path));
        let head = format!(
            "{verb} /api/v3{path} HTTP/1.1\r\nhost: x\r\nauthorization: wrong\r\ncontent-type: application/json\r\n\
             content-length: 90000\r\nexpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 401 Unauthorized\r\n", "{}", route.id);
    }
}

#[test]
fn another_user_sees_nothing_of_mine() {
    let controller = Controller::start();
    let mine = controller.user("mine@b.co");
    let other = controller.user("other@b.co");
    controller.system_agent(&mine);
    let gateway = controller.gateway(&mine, "gw", "10.0.0.1");
    let created =
        controller.call("POST", "/application", Some(&mine), &common::application("gw", "gw"));
    assert_eq!(created.status, 201, "{}", created.text);
    let shown = controller.call("GET", "/application/demo", Some(&mine), &Value::Null).body;
    let microservice = shown["microservices"][0]["uuid"].as_str().unwrap();
    for (method, path) in [
        ("GET", format!("/iofog/{gateway}")),
        ("PATCH", format!("/iofog/{gateway}")),
        ("DELETE", format!("/iofog/{gateway}")),
        ("GET", format!("/iofog/{gateway}/provisioning-key")),
        ("GET", "/application/demo".to_owned()),
        ("PATCH", "/application/demo".to_owned()),
        ("PUT", "/application/demo".to_owned()),
        ("GET", format!("/flow/{}", shown["id"])),
        ("DELETE", format!("/flow/{}", shown["id"])),
        ("GET", format!("/microservices/{microservice}")),
        ("PATCH", format!("/microservices/{microservice}")),
        ("DELETE", format!("/microservices/{microservice}")),
        ("GET", format!("/microservices/{microservice}/port-mapping")),
        ("DELETE", "/routes/demo/r-sensor-dashboard".to_owned()),
    ] {
        let answer = controller.call(method, &path, Some(&other), &serde_json::json!({}));
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
    }
    let list = controller.call("GET", "/iofog-list", Some(&other), &Value::Null).body;
    assert_eq!(list["fogs"], serde_json::json!([]));
    // Deleting what one cannot see succeeds and does nothing.
    controller.call("DELETE", "/application/demo", Some(&other), &Value::Null);
    let still = controller.call("GET", "/application/demo", Some(&mine), &Value::Null);
    assert_eq!(still.status, 200);
}
