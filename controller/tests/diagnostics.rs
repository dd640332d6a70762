//! Tunnels, image snapshots, and what virtual nodes of Kubernetes ask.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail here")]

mod common;

use common::Controller;
use serde_json::{Value, json};

#[test]
fn a_tunnel_is_opened_and_closed() {
    let environment = [
        ("Tunnel_Username", "u"),
        ("Tunnel_Password", "secret-password"),
        ("Tunnel_Host", "bastion"),
        ("Tunnel_RsaKey", "secret-key"),
        ("Tunnel_PortRange", "2000-2001"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
    let controller = Controller::start_with(environment);
    let (user, uuid, agent, _) = controller.network();
    let path = format!("/iofog/{uuid}/tunnel");
    let switch = |path: &str, action: &str| {
        let answer = controller.call("PATCH", path, Some(&user), &json!({ "action": action }));
        (answer.status, answer.body["message"].as_str().unwrap_or_default().to_owned())
    };
    let unknown = "Unknown action property. Action can be \"open\" or \"close\"";
    assert_eq!(switch(&path, "ajar"), (400, unknown.to_owned()));
    assert_eq!(switch(&path, "close").0, 404);
    assert_eq!(controller.call("GET", &path, Some(&user), &Value::Null).status, 404);
    assert_eq!(controller.call("GET", "/agent/tunnel", Some(&agent), &Value::Null).status, 404);
    assert_eq!(switch(&path, "open").0, 204);
    assert_eq!(controller.flags(&agent).0, ["tunnel"]);
    let shown = controller.call("GET", &path, Some(&user), &Value::Null);
    let open = json!({ "username": "u", "host": "bastion", "remotePort": 2000, "localPort": 22,
        "status": "open" });
    assert_eq!(shown.body, open);
    assert!(!shown.text.contains("secret"));
    let told = controller.call("GET", "/agent/tunnel", Some(&agent), &Value::Null).body;
    assert_eq!(told["tunnel"]["rsakey"], "secret-key");
    assert_eq!(
        (&told["tunnel"]["rport"], &told["tunnel"]["closed"]),
        (&json!(2000), &json!(false))
    );
    // The only port of the range is taken, until it is given back.
    let second = controller.gateway(&user, "gw2", "10.0.1.2");
    let second = format!("/iofog/{second}/tunnel");
    assert_eq!(switch(&second, "open").0, 400);
    assert_eq!(switch(&path, "close").0, 204);
    assert_eq!(controller.call("GET", &path, Some(&user), &Value::Null).body["status"], "closed");
    assert_eq!(switch(&second, "open").0, 204);
}

#[test]
fn without_settings_there_is_no_tunnel() {
    let controller = Controller::start();
    let (user, uuid, _, _) = controller.network();
    let path = format!("/iofog/{uuid}/tunnel");
    let answer = controller.call("PATCH", &path, Some(&user), &json!({ "action": "open" }));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["message"], "Required field 'username' is missing");
}

#[test]
fn a_snapshot_goes_from_agent_to_user_once() {
    let controller = Controller::start();
    let (user, _, agent, one) = controller.network();
    let path = format!("/microservices/{one}/image-snapshot");
    let get = || controller.call("GET", &path, Some(&user), &Value::Null);
    let missing = get();
    assert_eq!(missing.status, 500);
    let text = "Image snapshot is not available for this microservice.";
    assert_eq!(missing.body["message"], text);
    let own = "/agent/image-snapshot";
    assert_eq!(controller.call("GET", own, Some(&agent), &Value::Null).status, 404);
    assert_eq!(controller.call("POST", &path, Some(&user), &Value::Null).status, 201);
    assert_eq!(controller.flags(&agent).0, ["isImageSnapshot"]);
    let wanted = controller.call("GET", own, Some(&agent), &Value::Null);
    assert_eq!(wanted.body, json!({ "uuid": one }));
    assert_eq!(get().status, 500);
    let plain = controller.call("PUT", own, Some(&agent), &json!({}));
    assert_eq!((plain.status, &plain.body["message"]), (400, &json!("Invalid content type")));
    assert_eq!(controller.upload("PUT", own, &agent, "other", "x").status, 500);
    let content = "layers ".repeat(40_000);
    let uploaded = controller.upload("PUT", own, &agent, "upstream", &content);
    assert_eq!((uploaded.status, uploaded.text.as_str()), (200, "{}"));
    let fetched = get();
    assert_eq!(fetched.status, 200);
    assert_eq!(fetched.headers["content-type"], "application/gzip");
    assert_eq!(fetched.headers["content-length"], content.len().to_string().as_str());
    let attachment = fetched.headers["content-disposition"].to_str().unwrap();
    assert!(attachment.starts_with("attachment; filename="), "{attachment}");
    assert!(fetched.text == content, "{} bytes came back", fetched.text.len());
    assert_eq!(get().status, 500, "fetched once");
    if !common::on_postgres() {
        let left = std::fs::read_dir(controller.folder().join("snapshots")).unwrap().count();
        assert_eq!(left, 0, "no file stays behind");
    }
}

#[test]
fn virtual_nodes_learn_about_their_agent() {
    let controller = Controller::start();
    let (user, uuid, agent, _) = controller.network();
    let status = json!({ "daemonStatus": "RUNNING", "ipAddress": "10.0.1.1", "lastStatusTime": 0 });
    controller.call("PUT", "/agent/status", Some(&agent), &status);
    let get = |what: &str, node: &str| {
        let path = format!("/k8s/{what}?nodeName={node}");
        controller.call("GET", &path, Some(&user), &Value::Null)
    };
    let capacity = json!({ "cpu": 80, "memory": "4096Mi", "pods": "100" });
    assert_eq!(get("capacity", &uuid).body, capacity);
    assert_eq!(get("allocatable", &uuid).body, capacity);
    let conditions = get("nodeConditions", &uuid).body;
    let first = (&conditions[0]["type"], &conditions[0]["status"]);
    assert_eq!(first, (&json!("Ready"), &json!("True")));
    assert_eq!(conditions[0]["lastHeartbeatTime"], "1970-01-01T00:00:00.000Z");
    assert_eq!(get("nodeAddresses", &uuid).body[0]["address"], "10.0.1.1");
    assert_eq!(get("getContainerLogs", &uuid).text, "");
    for what in ["capacity", "allocatable", "nodeConditions", "nodeAddresses"] {
        assert_eq!(get(what, "nobody").status, 404, "{what}");
    }
}
