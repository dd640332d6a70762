//! Documents over the API, key by key (controller contract 8.2): what each becomes, its default, and how it is refused.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::Controller;
use serde_json::{Value, json};

struct Setup {
    controller: Controller,
    user: String,
    gateway: String,
    other: String,
}

impl Setup {
    fn new() -> Self {
        let controller = Controller::start();
        let user = controller.user("a@b.co");
        controller.system_agent(&user);
        let gateway = controller.gateway(&user, "gw", "10.0.1.1");
        let other = controller.gateway(&user, "other", "10.0.2.1");
        Self { controller, user, gateway, other }
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.controller.call("GET", path, Some(&self.user), &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.body
    }

    fn upload(&self, method: &str, path: &str, field: &str, text: &str) -> (u16, Value) {
        let answer = self.controller.upload(method, path, &self.user, field, text);
        (answer.status, answer.body)
    }

    fn application(&self, method: &str, path: &str, text: &str) -> (u16, Value) {
        self.upload(method, path, "application", text)
    }
}

/// What stands at a pointer, and what should.
fn compare(shown: &Value, expected: &[(&str, Value)], what: &str) {
    for (pointer, value) in expected {
        let found = shown.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, value, "{what}: {pointer}");
    }
}

/// Every key of a document of an application.
const EVERY_KEY: &str = r#"
apiVersion: anything/v0
kind: Application
metadata: {name: full, namespace: ignored}
spec:
  description: text
  isActivated: false
  isSystem: false
  unknown: ignored
  microservices:
  - name: one
    agent: {name: gw, config: {bluetoothEnabled: true}}
    images: {x86: "img:1", arm: "img-arm:1", registry: local}
    container:
      rootHostAccess: true
      logSize: 7
      unknown: ignored
      ports:
      - {internal: 80, external: 5000, protocol: udp}
      - {internal: 81, external: 5001, public: {schemes: [http], protocol: http, router: {port: 6100}}}
      volumes:
      - {hostDestination: /a, containerDestination: /b, accessMode: ro, type: bind}
      - {hostDestination: data, containerDestination: /d, accessMode: rw, type: volume}
      env:
      - {key: NUMBER, value: 1}
      - {key: 2, value: true}
      - {key: TEXT, value: "0x1"}
      commands: [a, "1", -c]
      extraHosts: [{name: h, address: 1.2.3.4}]
    config: {any: {json: [1, null, text]}}
  - name: two
    agent: {name: other}
    images: {catalogId: 5}
  routes:
  - {name: there, from: one, to: two}
  - {from: two, to: one}
"#;

#[test]
fn every_key_of_an_application() {
    let setup = Setup::new();
    let (status, new) = setup.application("POST", "/application/yaml", EVERY_KEY);
    assert_eq!((status, &new["name"]), (201, &json!("full")), "{new}");
    let shown = setup.get("/application/full");
    compare(
        &shown,
        &[
            ("/name", json!("full")),
            ("/description", json!("text")),
            ("/isActivated", json!(true)),
            ("/isSystem", json!(false)),
            ("/microservices/0/name", json!("one")),
            ("/microservices/0/iofogUuid", json!(setup.gateway)),
            (
                "/microservices/0/images",
                json!([{ "containerImage": "img:1", "fogTypeId": 1 },
                    { "containerImage": "img-arm:1", "fogTypeId": 2 }]),
            ),
            ("/microservices/0/registryId", json!(2)),
            ("/microservices/0/catalogItemId", json!(null)),
            ("/microservices/0/rootHostAccess", json!(true)),
            ("/microservices/0/logSize", json!(7)),
            (
                "/microservices/0/ports/0",
                json!({ "internal": 80, "external": 5000, "protocol": "udp" }),
            ),
            ("/microservices/0/ports/1/protocol", json!("tcp")),
            ("/microservices/0/ports/1/public/links", json!(["http://127.0.0.1:6100"])),
            ("/microservices/0/ports/1/public/protocol", json!("http")),
            ("/microservices/0/ports/1/public/router/port", json!(6100)),
            ("/microservices/0/volumeMappings/0/hostDestination", json!("/a")),
            ("/microservices/0/volumeMappings/0/containerDestination", json!("/b")),
            ("/microservices/0/volumeMappings/0/accessMode", json!("ro")),
            ("/microservices/0/volumeMappings/0/type", json!("bind")),
            ("/microservices/0/volumeMappings/1/type", json!("volume")),
            (
                "/microservices/0/env",
                json!([{ "key": "NUMBER", "value": "1" }, { "key": "2", "value": "true" },
                    { "key": "TEXT", "value": "0x1" }]),
            ),
            ("/microservices/0/cmd", json!(["a", "1", "-c"])),
            (
                "/microservices/0/extraHosts",
                json!([{ "name": "h", "address": "1.2.3.4", "value": "1.2.3.4" }]),
            ),
            ("/microservices/0/config", json!(r#"{"any":{"json":[1,null,"text"]}}"#)),
            ("/microservices/1/name", json!("two")),
            ("/microservices/1/iofogUuid", json!(setup.other)),
            ("/microservices/1/catalogItemId", json!(5)),
            ("/microservices/1/images", json!([])),
            (
                "/routes",
                json!([{ "name": "there", "from": "one", "to": "two" },
                    { "name": "r-two-one", "from": "two", "to": "one" }]),
            ),
        ],
        "given",
    );
    let gateway = setup.get(&format!("/iofog/{}", setup.gateway));
    assert_eq!(gateway["bluetoothEnabled"], false, "an agent's config is no business of its");
}

/// What an application has where its document says nothing, and again after an update that says nothing any more.
#[test]
fn what_a_document_leaves_out() {
    let setup = Setup::new();
    let text = "kind: Application\nmetadata: {name: full}\nspec:\n  microservices:\n  - {name: one, agent: {name: gw}, images: {x86: 'img:1'}}\n";
    let defaults = [
        ("/isActivated", json!(true)),
        ("/isSystem", json!(false)),
        ("/microservices/0/images", json!([{ "containerImage": "img:1", "fogTypeId": 1 }])),
        ("/microservices/0/registryId", json!(1)),
        ("/microservices/0/logSize", json!(1)),
        ("/microservices/0/ports", json!([])),
        ("/microservices/0/volumeMappings", json!([])),
        ("/microservices/0/env", json!([])),
        ("/microservices/0/cmd", json!([])),
        ("/microservices/0/extraHosts", json!([])),
        ("/microservices/0/config", json!("{}")),
        ("/microservices/1", json!(null)),
        ("/routes", json!([])),
    ];
    assert_eq!(setup.application("POST", "/application/yaml", text).0, 201);
    let shown = setup.get("/application/full");
    compare(&shown, &defaults, "left out");
    compare(&shown, &[("/microservices/0/rootHostAccess", json!(false))], "left out");
    assert_eq!(setup.application("PUT", "/application/yaml/full", EVERY_KEY).0, 204);
    assert_eq!(setup.application("PUT", "/application/yaml/full", text).0, 204);
    compare(&setup.get("/application/full"), &defaults, "left out again");
}

/// Where images are pulled from: two names that clients know, a number, and the default.
#[test]
fn registries_by_name_and_number() {
    let setup = Setup::new();
    let own = json!({ "url": "r.example", "isPublic": false, "username": "u", "password": "p", "email": "a@b.co" });
    let own =
        setup.controller.call("POST", "/registries", Some(&setup.user), &own).body["id"].clone();
    for (number, (given, id)) in [
        ("remote".to_owned(), json!(1)),
        ("local".to_owned(), json!(2)),
        ("2".to_owned(), json!(2)),
        (format!("{own}"), own.clone()),
        (format!("'{own}'"), own.clone()),
        ("null".to_owned(), json!(1)),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!(
            "kind: Application\nmetadata: {{name: a{number}}}\nspec:\n  microservices:\n  - {{name: one, agent: {{name: gw}}, images: {{x86: 'i:1', registry: {given}}}}}\n"
        );
        let (status, body) = setup.application("POST", "/application/yaml", &text);
        assert_eq!(status, 201, "{given}: {body}");
        let shown = setup.get(&format!("/application/a{number}"));
        assert_eq!(shown["microservices"][0]["registryId"], id, "{given}");
    }
}

#[test]
fn what_is_no_document_is_refused() {
    let setup = Setup::new();
    let with = |entry: &str| {
        format!(
            "kind: Application\nmetadata: {{name: bad}}\nspec:\n  microservices:\n  - {{name: one, agent: {{name: gw}}, images: {{x86: 'i:1'}}, {entry}}}\n"
        )
    };
    let wrong = |path: &str, kind: &str| {
        format!("Field 'microservices[0].{path}' is not of a type(s) {kind}")
    };
    for (text, message) in [
        (
            "kind: Other\nmetadata: {name: bad}\nspec: {}".to_owned(),
            "Invalid kind Other".to_owned(),
        ),
        ("kind: Application\nspec: {}".to_owned(), "Invalid YAML format".to_owned()),
        ("kind: Application\nmetadata: {name: bad}".to_owned(), "Invalid YAML format".to_owned()),
        (
            "kind: Application\nmetadata: {}\nspec: {}".to_owned(),
            "Required field 'name' is missing".to_owned(),
        ),
        (
            "kind: Application\nmetadata: {name: Bad}\nspec: {}".to_owned(),
            "Invalid format for field 'name'".to_owned(),
        ),
        (with("container: {ports: 80}"), wrong("ports[0]", "object")),
        (
            with("container: {ports: [{internal: a, external: 1}]}"),
            wrong("ports[0].internal", "integer"),
        ),
        (
            with("container: {volumes: [{hostDestination: /a, containerDestination: /b}]}"),
            "Required field 'accessMode' is missing".to_owned(),
        ),
        (with("container: {rootHostAccess: sometimes}"), wrong("rootHostAccess", "boolean")),
        (with("container: {logSize: much}"), wrong("logSize", "integer")),
        (
            with("container: {extraHosts: [{name: h}]}"),
            "Required field 'address' is missing".to_owned(),
        ),
        (
            with("container: {extraHosts: [{name: h, address: '${Agents.none}'}]}"),
            "Could not find none host template".to_owned(),
        ),
    ] {
        let (status, body) = setup.application("POST", "/application/yaml", &text);
        assert_eq!((status, body["message"].as_str()), (400, Some(message.as_str())), "{text}");
    }
    let (status, body) = setup.application("POST", "/application/yaml", "a: [1");
    assert_eq!(status, 400);
    assert!(body["message"].as_str().unwrap().starts_with("Invalid YAML format: "), "{body}");
    for (path, message) in [
        ("/application/yaml", "Application file missing"),
        ("/microservices/yaml", "Microservice file missing"),
        ("/applicationTemplate/yaml", "ApplicationTemplate file missing"),
    ] {
        let answer = setup.controller.call("POST", path, Some(&setup.user), &Value::Null);
        let told = (answer.status, answer.body["message"].as_str());
        assert_eq!(told, (400, Some(message)), "{path}");
    }
    assert_eq!(setup.get("/application")["applications"], json!([]), "nothing is left of them");
}

/// A document of one microservice: its name may name its application, as may `spec.application`.
#[test]
fn every_key_of_a_microservice() {
    let setup = Setup::new();
    let empty = "kind: Application\nmetadata: {name: NAME}\nspec: {}\n";
    for name in ["first", "second"] {
        let text = empty.replace("NAME", name);
        assert_eq!(setup.application("POST", "/application/yaml", &text).0, 201);
    }
    let document = |name: &str, more: &str| {
        format!(
            "kind: Microservice\nmetadata: {{name: {name}}}\nspec:\n  agent: {{name: gw}}\n  images: {{x86: 'i:1'}}\n  container: {{logSize: 3, env: [{{key: A, value: 1}}]}}\n  config: {{a: 1}}\n{more}"
        )
    };
    let post = |text: &str| setup.upload("POST", "/microservices/yaml", "microservice", text);
    for (text, application) in [
        (document("first/one", ""), "first"),
        (document("one", "  application: second\n"), "second"),
        (document("first/two", "  application: second\n"), "first"),
    ] {
        let (status, new) = post(&text);
        assert_eq!(status, 201, "{text}: {new}");
        let shown = setup.get(&format!("/microservices/{}", new["uuid"].as_str().unwrap()));
        compare(
            &shown,
            &[
                ("/application", json!(application)),
                ("/logSize", json!(3)),
                ("/env", json!([{ "key": "A", "value": "1" }])),
                ("/config", json!(r#"{"a":1}"#)),
                ("/iofogUuid", json!(setup.gateway)),
            ],
            &text,
        );
    }
    let (status, body) = post(&document("a/b/c", ""));
    assert_eq!((status, &body["message"]), (400, &json!("Invalid name a/b/c")));
    let (_, body) = post("kind: Application\nmetadata: {name: a}\nspec: {}");
    assert_eq!(body["message"], "Invalid kind Application");
    // An update moves it and clears the lists that are left out.
    let (_, new) = post(&document("first/three", ""));
    let path = format!("/microservices/yaml/{}", new["uuid"].as_str().unwrap());
    let text = "kind: Microservice\nmetadata: {name: first/three}\nspec: {agent: {name: other}, images: {x86: 'i:2', registry: 2}}\n";
    assert_eq!(setup.upload("PATCH", &path, "microservice", text).0, 204);
    compare(
        &setup.get(&path.replace("/yaml", "")),
        &[
            ("/iofogUuid", json!(setup.other)),
            ("/images", json!([{ "containerImage": "i:2", "fogTypeId": 1 }])),
            ("/registryId", json!(2)),
            ("/env", json!([])),
            ("/config", json!("{}")),
        ],
        "updated",
    );
}

/// A document of a template, and one of an application that is made from it.
#[test]
fn every_key_of_a_template() {
    let setup = Setup::new();
    let text = r#"
kind: ApplicationTemplate
metadata: {name: base}
spec:
  description: text
  variables:
  - {key: agent, description: where, defaultValue: gw}
  - {key: port, defaultValue: 5000}
  application:
    microservices:
    - name: one
      agent: {name: "{{ agent }}"}
      images: {x86: "i:1"}
      container: {ports: [{internal: 80, external: "{{ port }}"}], env: [{key: P, value: "port {{ port }}"}]}
      config: {port: "{{ port }}"}
    routes: []
"#;
    let (status, body) = setup.upload("POST", "/applicationTemplate/yaml", "template", text);
    assert_eq!((status, &body["name"]), (201, &json!("base")), "{body}");
    compare(
        &setup.get("/applicationTemplate/base"),
        &[
            ("/description", json!("text")),
            ("/variables/0/key", json!("agent")),
            ("/variables/0/description", json!("where")),
            ("/variables/0/defaultValue", json!("gw")),
            ("/variables/1/defaultValue", json!(5000)),
            ("/application/microservices/0/agentName", json!("{{ agent }}")),
            ("/application/microservices/0/ports/0/external", json!("{{ port }}")),
            ("/application/routes", json!([])),
        ],
        "kept as it is",
    );
    let text = "kind: Application\nmetadata: {name: made}\nspec:\n  template: {name: base, variables: [{key: agent, value: other}]}\n";
    let (status, body) = setup.application("POST", "/application/yaml", text);
    assert_eq!(status, 201, "{body}");
    compare(
        &setup.get("/application/made"),
        &[
            ("/isActivated", json!(true)),
            ("/microservices/0/iofogUuid", json!(setup.other)),
            ("/microservices/0/ports/0/external", json!(5000)),
            ("/microservices/0/env/0/value", json!("port 5000")),
            ("/microservices/0/config", json!(r#"{"port":5000}"#)),
        ],
        "made from it",
    );
}
