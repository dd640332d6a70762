//! What users order from agents and agents tell about their devices: versions, reboots, hardware.

mod common;

use common::Controller;
use serde_json::{Value, json};

#[test]
fn a_version_command_reaches_the_agent_with_a_key() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let uuid = controller.system_agent(&user);
    let agent = controller.provision(&user, &uuid);
    controller.settle(&agent);
    let none = controller.call("GET", "/agent/version", Some(&agent), &Value::Null);
    assert_eq!((none.status, &none.body["message"]), (404, &json!("Version command not found")));
    let order = |command: &str| {
        let path = format!("/iofog/{uuid}/version/{command}");
        let answer = controller.call("POST", &path, Some(&user), &Value::Null);
        (answer.status, answer.body["message"].clone())
    };
    assert_eq!(order("sideways").0, 400);
    assert_eq!(
        order("rollback"),
        (400, json!("Can't rollback version now. There are no backups on agent"))
    );
    assert_eq!(controller.flags(&agent).0, Vec::<String>::new());
    assert_eq!(order("upgrade").0, 204);
    assert_eq!(controller.flags(&agent).0, ["version"]);
    let seen = controller.call("GET", "/agent/version", Some(&agent), &Value::Null).body;
    assert_eq!(seen["versionCommand"], "upgrade");
    assert!(seen["expirationTime"].is_i64());
    // The key is good for a new provisioning, as the new version does it.
    let body = json!({ "type": 1, "key": seen["provisionKey"] });
    let again = controller.call("POST", "/agent/provision", None, &body);
    assert_eq!((again.status, &again.body["uuid"]), (200, &json!(uuid)));
    let agent = again.body["token"].as_str().unwrap();
    let report = json!({ "isReadyToUpgrade": false, "isReadyToRollback": true });
    controller.call("PUT", "/agent/status", Some(agent), &report);
    assert_eq!(
        order("upgrade"),
        (400, json!("Can't upgrade version now. Latest is already installed"))
    );
    assert_eq!(order("rollback").0, 204);
    let unknown = controller.call("POST", "/iofog/x/version/upgrade", Some(&user), &Value::Null);
    assert_eq!(unknown.status, 404);
}

#[test]
fn reboot_and_prune_are_flags() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let uuid = controller.system_agent(&user);
    let agent = controller.provision(&user, &uuid);
    controller.settle(&agent);
    for order in ["reboot", "prune"] {
        let path = format!("/iofog/{uuid}/{order}");
        assert_eq!(controller.call("POST", &path, Some(&user), &Value::Null).status, 204);
        assert_eq!(controller.flags(&agent).0, [order]);
        controller.settle(&agent);
        let unknown = format!("/iofog/nobody/{order}");
        assert_eq!(controller.call("POST", &unknown, Some(&user), &Value::Null).status, 404);
    }
}

#[test]
fn hardware_reports_are_shown_to_the_user() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let uuid = controller.system_agent(&user);
    let agent = controller.provision(&user, &uuid);
    for kind in ["hw", "usb"] {
        let path = format!("/iofog/{uuid}/hal/{kind}");
        let shown = || controller.call("GET", &path, Some(&user), &Value::Null);
        let none = shown();
        assert_eq!((none.status, none.text.as_str()), (200, ""));
        let own = format!("/agent/hal/{kind}");
        let bad = controller.call("PUT", &own, Some(&agent), &json!({}));
        assert_eq!(
            (bad.status, &bad.body["message"]),
            (400, &json!("Required field 'info' is missing"))
        );
        let put = |info: &str| {
            let body = json!({ "info": info });
            assert_eq!(controller.call("PUT", &own, Some(&agent), &body).status, 204);
        };
        put("first");
        let first = shown().body;
        assert_eq!((&first["info"], &first["iofogUuid"]), (&json!("first"), &json!(uuid)));
        put("second");
        let second = shown().body;
        assert_eq!((&second["info"], &second["id"]), (&json!("second"), &first["id"]));
    }
    assert_eq!(controller.call("GET", "/iofog/x/hal/hw", Some(&user), &Value::Null).status, 404);
}
