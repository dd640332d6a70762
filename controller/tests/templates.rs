//! Application templates and templates in bodies: kept, shown, deployed, refused.

mod common;

use common::Controller;
use serde_json::{Value, json};

const DOCUMENT: &str = "
apiVersion: iofog.org/v3
kind: ApplicationTemplate
metadata: {name: sensors}
spec:
  description: one sensor
  variables:
  - {key: agent-name, description: where, defaultValue: gw}
  - {key: interval, defaultValue: 200}
  application:
    microservices:
    - name: sensor
      agent: {name: '{{ agent-name }}'}
      images: {x86: 'sensor:1', registry: local}
      container:
        env: [{key: HOST, value: '{{ agent-name | findAgent | map: \"host\" | first }}'}]
        ports: [{internal: 80, external: '{{ interval }}'}]
      config: {interval: '{{ interval }}', text: 'every {{ interval }} ms', of: '{{ self.microservices[0].name }}'}
    routes: []
";

struct Setup {
    controller: Controller,
    user: String,
}

fn setup() -> Setup {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    controller.gateway(&user, "gw", "10.0.1.1");
    controller.gateway(&user, "gw-2", "10.0.2.1");
    Setup { controller, user }
}

impl Setup {
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.controller.call(method, path, Some(&self.user), body);
        (answer.status, answer.body)
    }

    fn store(&self) {
        let path = "/applicationTemplate/yaml";
        let answer = self.controller.upload("POST", path, &self.user, "template", DOCUMENT);
        assert_eq!(
            (answer.status, &answer.body["name"]),
            (201, &json!("sensors")),
            "{}",
            answer.text
        );
    }
}

#[test]
fn a_template_is_kept_and_shown() {
    let setup = setup();
    setup.store();
    let (_, list) = setup.call("GET", "/applicationTemplates", &Value::Null);
    let variables = &list["applicationTemplates"][0]["variables"];
    assert_eq!(variables[0]["defaultValue"], "\"gw\"");
    assert_eq!(variables[1]["defaultValue"], "200");
    let path = "/applicationTemplate/sensors";
    let (_, shown) = setup.call("GET", path, &Value::Null);
    assert_eq!(shown["variables"][1]["defaultValue"], 200);
    assert_eq!(shown["application"]["microservices"][0]["agentName"], "{{ agent-name }}");
    let twice = setup.controller.upload(
        "POST",
        "/applicationTemplate/yaml",
        &setup.user,
        "template",
        DOCUMENT,
    );
    assert_eq!(twice.status, 409);
    assert_eq!(setup.call("PATCH", path, &json!({ "description": "changed" })).0, 204);
    let body = json!({ "variables": [{ "key": "only" }] });
    let (status, put) = setup.call("PUT", path, &body);
    assert_eq!((status, &put["id"]), (200, &shown["id"]));
    let (_, shown) = setup.call("GET", path, &Value::Null);
    assert_eq!(shown["description"], "changed");
    assert_eq!(shown["variables"].as_array().unwrap().len(), 1);
    assert_eq!(shown["variables"][0]["defaultValue"], Value::Null);
    assert_eq!(shown["application"]["microservices"].as_array().unwrap().len(), 1);
    let (status, new) = setup.call("PUT", "/applicationTemplate/other", &json!({}));
    assert_eq!((status, &new["name"]), (200, &json!("other")));
    let yaml = DOCUMENT.replace("one sensor", "from a file");
    let path_yaml = "/applicationTemplate/yaml/sensors";
    let put = setup.controller.upload("PUT", path_yaml, &setup.user, "template", &yaml);
    assert_eq!(put.status, 200, "{}", put.text);
    assert_eq!(setup.call("GET", path, &Value::Null).1["description"], "from a file");
    assert_eq!(setup.call("DELETE", path, &Value::Null).0, 204);
    assert_eq!(setup.call("DELETE", path, &Value::Null).0, 204);
    let (status, none) = setup.call("GET", path, &Value::Null);
    assert_eq!(
        (status, &none["message"]),
        (404, &json!("Could not find Application Template sensors"))
    );
    let (status, bad) = setup.call(
        "POST",
        "/applicationTemplate",
        &json!({ "name": "x", "variables": [{ "key": "A B" }] }),
    );
    assert_eq!(
        (status, &bad["message"]),
        (400, &json!("Invalid format for field 'variables[0].key'"))
    );
}

#[test]
fn a_template_is_deployed_with_values() {
    let setup = setup();
    setup.store();
    let body = json!({ "name": "demo", "isActivated": true, "template": { "name": "sensors",
        "variables": [{ "key": "agent-name", "value": "gw-2" }, { "key": "interval", "value": 5101 }] } });
    let (status, new) = setup.call("POST", "/application", &body);
    assert_eq!(status, 201, "{new}");
    let (_, shown) = setup.call("GET", "/application/demo", &Value::Null);
    let sensor = &shown["microservices"][0];
    let config: Value = serde_json::from_str(sensor["config"].as_str().unwrap()).unwrap();
    assert_eq!(config, json!({ "interval": 5101, "text": "every 5101 ms", "of": "sensor" }));
    assert_eq!(sensor["env"], json!([{ "key": "HOST", "value": "10.0.2.1" }]));
    assert_eq!(sensor["ports"][0]["external"], 5101);
    // Again with defaults, which move it.
    let body = json!({ "template": { "name": "sensors" } });
    assert_eq!(setup.call("PUT", "/application/demo", &body).0, 204);
    let (_, shown) = setup.call("GET", "/application/demo", &Value::Null);
    assert_eq!(shown["microservices"][0]["env"][0]["value"], "10.0.1.1");
    assert_eq!(shown["microservices"][0]["uuid"], sensor["uuid"]);
    assert_eq!(shown["isActivated"], true);
    // Fields are checked whether a template is named or not.
    let body = json!({ "name": "other", "template": { "variables": { "key": "a" } } });
    assert_eq!(setup.call("POST", "/application", &body).0, 400);
    let body = json!({ "name": "other", "template": { "name": "none" } });
    let (status, none) = setup.call("POST", "/application", &body);
    assert_eq!(
        (status, &none["message"]),
        (404, &json!("Could not find Application Template none"))
    );
    assert_eq!(setup.call("GET", "/application/other", &Value::Null).0, 404);
}

#[test]
fn bodies_are_rendered() {
    let setup = setup();
    let body = json!({ "url": "r-{{ self.username }}", "username": "bob", "isPublic": true,
        "password": "p", "email": "{{ 'A@B.co' | downcase }}" });
    assert_eq!(setup.call("POST", "/registries", &body).0, 201);
    let (_, list) = setup.call("GET", "/registries", &Value::Null);
    let new = list["registries"].as_array().unwrap().last().unwrap();
    assert_eq!((&new["url"], &new["userEmail"]), (&json!("r-bob"), &json!("a@b.co")));
    // A template that fails is a text, which the rules judge like any other.
    let body = json!({ "name": "{{ 'x' | nothing }}" });
    let (status, bad) = setup.call("POST", "/application", &body);
    assert_eq!((status, &bad["message"]), (400, &json!("Invalid format for field 'name'")));
    let yaml = "kind: Application\nmetadata: {name: '{{ \"Demo\" | downcase }}'}\nspec: {}\n";
    let answer =
        setup.controller.upload("POST", "/application/yaml", &setup.user, "application", yaml);
    assert_eq!((answer.status, &answer.body["name"]), (201, &json!("demo")), "{}", answer.text);
    // Another user's agents cannot be found.
    let other = setup.controller.user("b@b.co");
    let body = json!({ "key": "k", "value": "[{{ 'gw' | findAgent | map: 'host' | first }}]" });
    let put = |token: &str| {
        setup.controller.call("PUT", "/config", Some(token), &body).body["value"].clone()
    };
    assert_eq!((put(&setup.user), put(&other)), (json!("[10.0.1.1]"), json!("[]")));
}
