//! `diff` and `deploy --dry-run`: what is told of each kind, the exit status, and that nothing changes.

mod common;
#[path = "common/network.rs"]
mod network;

use common::{FakeController, Home, table};

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: iofog.org/v3\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

/// Only reads and the login may have been sent.
fn assert_nothing_changed(controller: &FakeController, before: usize) {
    let sent = controller.requests().split_off(before);
    let reads = |line: &String| {
        ["GET ", "HEAD ", "POST /user/login"].iter().any(|start| line.starts_with(start))
    };
    assert!(sent.iter().all(reads), "{sent:?}");
}

#[test]
fn dry_run_tells_in_the_order_of_deploying_and_changes_nothing() {
    let controller = FakeController::start(network::small());
    let home = Home::new("dry-run");
    home.connect(&controller);
    let text = [
        document("Route", "demo/flow", "{from: reader, to: writer}"),
        document("AgentConfig", "leaf-1", "{host: h, upstreamRouters: [gate-1]}"),
        document("AgentConfig", "gate-1", "{host: h, upstreamRouters: [default-router]}"),
        document("Application", "other-app", "{}"),
    ];
    let file = home.write("plan.yaml", &text.join("---\n"));
    let before = controller.requests().len();
    let told = home.ok(&["deploy", "--dry-run", "-f", &file]);
    let wanted = "change     AgentConfig gate-1
           upstreamRouters: [\"default-router\",\"hub-1\"] -> [\"default-router\"]
           host: 192.0.2.20 -> h
create     AgentConfig leaf-1
create     Application other-app
unchanged  Route demo/flow
";
    assert_eq!(told, wanted);
    let diff = home.run(&["diff", "-f", &file]);
    assert_eq!(String::from_utf8_lossy(&diff.stdout), wanted);
    assert_eq!((diff.status.code(), diff.stderr.as_slice()), (Some(2), b"".as_slice()));
    assert_nothing_changed(&controller, before);
}

#[test]
fn diff_of_what_describe_printed_finds_nothing() {
    let controller = FakeController::start(network::small());
    let home = Home::new("same");
    home.connect(&controller);
    for words in [
        &["describe", "application", "demo"] as &[&str],
        &["describe", "microservice", "demo/reader"],
        &["describe", "agent-config", "gate-1"],
        &["describe", "agent-config", "hub-1"],
        &["describe", "edge-resource", "thermo", "1.0.0"],
        &["describe", "route", "demo/flow"],
    ] {
        let file = home.write("described.yaml", &home.ok(words));
        let diff = home.run(&["diff", "-f", &file]);
        let told = String::from_utf8_lossy(&diff.stdout).into_owned();
        assert_eq!(diff.status.code(), Some(0), "{words:?}: {told}");
        assert!(told.starts_with("unchanged  "), "{words:?}: {told}");
    }
}

#[test]
fn diff_names_each_field_that_deploying_would_change() {
    let controller = FakeController::start(network::small());
    let home = Home::new("fields");
    home.connect(&controller);
    let described = home.ok(&["describe", "application", "demo"]);
    let changed = described
        .replace("x86: r:1", "x86: r:2")
        .replace("value: \"on\"", "value: \"off\"")
        .replace("external: 5000", "external: 5009")
        .replace("to: writer", "to: reader");
    let file = home.write("changed.yaml", &changed);
    let diff = home.run(&["diff", "-f", &file, "-o", "json"]);
    assert_eq!(diff.status.code(), Some(2));
    let told: serde_json::Value = serde_json::from_slice(&diff.stdout).unwrap();
    let fields: Vec<String> = told[0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| {
            format!("{} {} {}", field["path"].as_str().unwrap(), field["from"], field["to"])
        })
        .collect();
    assert_eq!(
        fields,
        [
            r#"microservices[reader].images.x86 "r:1" "r:2""#,
            r#"microservices[reader].container.env[MODE].value "on" "off""#,
            "microservices[reader].container.ports[80].external 5000 5009",
            r#"routes[flow].to "writer" "reader""#,
        ]
    );
    // What a file leaves out of an application goes.
    let file = home
        .write("less.yaml", &document("Application", "demo", "{microservices: [], routes: []}"));
    let told = home.ok(&["deploy", "--dry-run", "-f", &file]);
    for gone in ["microservices[reader]: {", "microservices[writer]: {", "routes[flow]: {"] {
        assert!(told.contains(gone), "{told}");
    }
    assert_eq!(told.matches("-> (none)").count(), 3, "{told}");
}

#[test]
fn diff_says_what_it_cannot_compare() {
    let controller = FakeController::start(network::small());
    let home = Home::new("notes");
    home.connect(&controller);
    let registry =
        "{id: 3, url: r.example, private: true, username: u, password: p, email: u@example.org}";
    let text = [
        document("Application", "demo", "{template: {name: tmpl}}"),
        document("Registry", "r", registry),
        document(
            "Microservice",
            "demo/writer",
            "{images: {catalogId: 14}, container: {logSize: 5}}",
        ),
    ];
    let file = home.write("notes.yaml", &text.join("---\n"));
    let diff = home.run(&["diff", "-f", &file]);
    let told = String::from_utf8_lossy(&diff.stdout).into_owned();
    assert_eq!(
        told,
        "unchanged  Registry r.example
           (password: never shown by the Controller, would be set anew)
unchanged  Application demo
           (template: rendered by the Controller, not compared)
unchanged  Microservice demo/writer
           (container.logSize: not shown by the Controller's API, not compared)
"
    );
    assert_eq!(diff.status.code(), Some(0));
}

#[test]
fn a_file_with_its_own_control_plane_is_all_new() {
    let home = Home::new("first");
    let text = [
        document(
            "ControlPlane",
            "plant",
            "{iofogUser: {email: a@example.org, password: correct-horse}, controllers: [{name: ctl-1, host: h}]}",
        ),
        document("Agent", "gate-1", "{host: h2, ssh: {user: root, keyFile: /k}}"),
        document("Application", "demo", "{}"),
    ];
    let file = home.write("first.yaml", &text.join("---\n"));
    assert_eq!(
        home.ok(&["deploy", "--dry-run", "-f", &file]),
        "install    ControlPlane controlPlane\ncreate     AgentConfig gate-1\ninstall    Agent gate-1\ncreate     Application demo\n"
    );
    let file = home.write("later.yaml", &text[2]);
    assert!(home.fails(&["diff", "-f", &file]).contains("does not contain a Control Plane"));
}

#[test]
fn diff_tells_when_the_controller_cannot_be_asked() {
    let mut answers = table(&[("GET /iofog-list?system=false", 200, r#"{"fogs":[]}"#)]);
    answers.insert("GET /application/demo".into(), (500, "{}".into()));
    let controller = FakeController::start(answers);
    let home = Home::new("refused");
    home.connect(&controller);
    let file = home.write("app.yaml", &document("Application", "demo", "{}"));
    assert!(home.fails(&["diff", "-f", &file]).contains("Received 500 from GET"));
    assert!(home.fails(&["diff", "-f", ""]).contains("empty value for input file"));
}
