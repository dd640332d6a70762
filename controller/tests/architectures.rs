//! Architectures beside the contract's two types (decision 0052).

mod common;

use common::Controller;
use serde_json::{Value, json};

/// Image that an agent of `architecture` is given for the microservice of `images`.
fn image_on(architecture: Option<&str>, images: &Value) -> Option<String> {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    let uuid = controller.gateway(&user, "gw", "10.0.1.1");
    let key = controller.call(
        "GET",
        &format!("/iofog/{uuid}/provisioning-key"),
        Some(&user),
        &Value::Null,
    );
    let mut body = json!({ "type": 2, "key": key.body["key"] });
    if let Some(architecture) = architecture {
        body["architecture"] = json!(architecture);
    }
    let granted = controller.call("POST", "/agent/provision", None, &body);
    assert_eq!(granted.status, 200, "{}", granted.text);
    let agent = granted.body["token"].as_str().unwrap_or_default();
    let shown = controller.call("GET", &format!("/iofog/{uuid}"), Some(&user), &Value::Null).body;
    assert_eq!(shown["fogTypeId"], 2);
    let known = architecture.filter(|name| *name != "vax");
    assert_eq!(shown.get("architecture").and_then(Value::as_str), known);
    let body = json!({ "name": "demo", "isActivated": true, "microservices": [
        { "name": "one", "agentName": "gw", "images": images }] });
    let new = controller.call("POST", "/application", Some(&user), &body);
    if new.status == 400 {
        assert!(new.text.contains("valid image for its Agent type"), "{}", new.text);
        return None;
    }
    assert_eq!(new.status, 201, "{}", new.text);
    let list = controller.call("GET", "/agent/microservices", Some(agent), &Value::Null).body;
    let all = list["microservices"].as_array();
    all.into_iter()
        .flatten()
        .filter_map(|one| one["imageId"].as_str())
        .find(|image| image.starts_with("one:"))
        .map(str::to_owned)
}

#[test]
fn an_agent_gets_the_image_of_its_architecture_else_that_of_its_type() {
    let images = json!([
        { "containerImage": "one:arm", "fogTypeId": 2 },
        { "containerImage": "one:mipsel", "architecture": "mipsel" },
    ]);
    assert_eq!(image_on(Some("mipsel"), &images).as_deref(), Some("one:mipsel"));
    assert_eq!(image_on(Some("armv7"), &images).as_deref(), Some("one:arm"));
    assert_eq!(image_on(None, &images).as_deref(), Some("one:arm"));
    assert_eq!(image_on(Some("vax"), &images).as_deref(), Some("one:arm"));
    let alone = json!([{ "containerImage": "one:mipsel", "architecture": "mipsel" }]);
    assert_eq!(image_on(Some("mipsel"), &alone).as_deref(), Some("one:mipsel"));
    assert_eq!(image_on(Some("mips"), &alone), None);
}

#[test]
fn an_unknown_architecture_of_an_image_is_refused() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let body = json!({ "name": "demo", "microservices": [{ "name": "one", "images": [
        { "containerImage": "one:1", "architecture": "vax" }] }] });
    let refused = controller.call("POST", "/application", Some(&user), &body);
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("mipsel"), "{}", refused.text);
}
