//! Deploying documents: what is sent, in which order, and what is said of documents that cannot be used.

mod common;
#[path = "common/network.rs"]
mod network;

use common::{FakeController, Home, table};

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: iofog.org/v3\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

#[test]
fn deploy_names_file_line_and_field() {
    let controller = FakeController::start(network::small());
    let home = Home::new("messages");
    home.connect(&controller);
    let before = controller.requests().len();
    for (kind, spec, wanted) in [
        (
            "AgentConfig",
            "{memorylimit: 1}",
            ":4: spec.memorylimit: unknown field; did you mean `memoryLimit`?",
        ),
        (
            "AgentConfig",
            "{memoryLimit: lots}",
            ":4: spec.memoryLimit: expected a whole number, found text `lots`",
        ),
        ("Volume", "[1]", ":4: spec: expected a mapping, found a list"),
        ("Route", "{from: [a]}", ":4: spec.from: expected text, found a list"),
        (
            "ControlPlane",
            "{controllers: [{name: a, host: b}, {nam: c}]}",
            ":4: spec.controllers[1].nam: unknown field",
        ),
    ] {
        let file = home.write("bad.yaml", &document(kind, "demo/thing", spec));
        let text = home.fails(&["deploy", "-f", &file]);
        assert!(
            text.starts_with("Failed to unmarshal input file. \n") && text.contains(wanted),
            "{text}"
        );
    }
    let file = home.write("twice.yaml", "apiVersion: iofog.org/v3\nkind: Volume\nkind: Route\n");
    assert!(
        home.fails(&["deploy", "-f", &file]).contains("twice.yaml:3: key \"kind\" is already set")
    );
    assert_eq!(
        controller.requests().len(),
        before,
        "nothing may be sent before all documents are checked"
    );
}

#[test]
fn deploy_checks_the_whole_file_before_it_acts() {
    let controller = FakeController::start(network::small());
    let home = Home::new("order");
    home.connect(&controller);
    let before = controller.requests().len();
    let text =
        [document("Application", "good-one", "{}"), document("Route", "a/b/c", "{}")].join("---\n");
    let file = home.write("mixed.yaml", &text);
    assert_eq!(home.fails(&["deploy", "-f", &file]), "User input error\nInvalid Route name a/b/c");
    assert_eq!(controller.requests().len(), before);
}

#[test]
fn deploy_orders_agent_configs_by_router() {
    let mut answers = network::small();
    answers.insert("POST /iofog".into(), (201, r#"{"uuid":"NEW"}"#.into()));
    let controller = FakeController::start(answers);
    let home = Home::new("configs");
    home.connect(&controller);
    let text = [
        document("AgentConfig", "leaf-1", "{host: h1, upstreamRouters: [root-1, hub-1]}"),
        document(
            "AgentConfig",
            "root-1",
            "{host: h2, routerConfig: {routerMode: interior, edgeRouterPort: 1, interRouterPort: 2}}",
        ),
    ];
    let file = home.write("configs.yaml", &text.join("---\n"));
    // The new root is not in the Controller's list, so the leaf cannot be resolved; the root came first.
    assert!(home.fails(&["deploy", "-f", &file]).contains("Could not find router: root-1"));
    let posts: Vec<String> =
        controller.requests().into_iter().filter(|line| line.starts_with("POST /iofog ")).collect();
    assert_eq!(posts.len(), 1);
    assert!(
        posts[0].contains(r#""name":"root-1""#) && posts[0].contains(r#""routerMode":"interior""#),
        "{posts:?}"
    );
}

#[test]
fn deploy_application_creates_then_starts() {
    let mut answers = table(&[]);
    answers.insert("GET /iofog-list?system=false".into(), (200, r#"{"fogs":[]}"#.into()));
    answers.insert("POST /application/yaml".into(), (201, r#"{"id":1,"name":"demo"}"#.into()));
    answers.insert("PATCH /application/demo".into(), (204, String::new()));
    let controller = FakeController::start(answers);
    let home = Home::new("application");
    home.connect(&controller);
    let file = home.write(
        "app.yaml",
        &document("Application", "demo", "{microservices: [{name: one, config: {on: yes}}]}"),
    );
    assert!(home.ok(&["deploy", "-f", &file]).contains("✔ Successfully deployed resources"));
    let sent: Vec<String> =
        controller.requests().into_iter().filter(|line| line.contains("/application")).collect();
    assert!(sent[0].starts_with("GET /application/demo"));
    assert!(sent[1].contains("name=\"application\"; filename=\"application.yaml\""), "{sent:?}");
    assert!(sent[1].contains("kind: Application\nmetadata:\n  name: demo\n"), "{sent:?}");
    // `on` is a boolean of YAML 1.1, also as a key.
    assert!(sent[1].contains("true: true"), "{sent:?}");
    assert_eq!(sent[2], r#"PATCH /application/demo {"isActivated":true}"#);
}

#[test]
fn deploy_failures_of_one_kind_are_all_told() {
    let mut answers = network::small();
    answers.insert(
        "POST /routes".into(),
        (400, r#"{"name":"ValidationError","message":"no"}"#.into()),
    );
    let controller = FakeController::start(answers);
    let home = Home::new("failures");
    home.connect(&controller);
    let text = [
        document("Route", "demo/one-route", "{from: a, to: b}"),
        document("Route", "demo/two-route", "{from: a, to: c}"),
    ];
    let file = home.write("routes.yaml", &text.join("---\n"));
    let text = home.fails(&["deploy", "-f", &file]);
    assert_eq!(text.matches("Received 400 from POST").count(), 2, "{text}");
}

#[test]
fn deploy_kubernetes_says_what_is_missing() {
    let home = Home::new("kubernetes");
    let file = home.write("k8s.yaml", &document("KubernetesControlPlane", "plane", "{}"));
    assert!(home.fails(&["deploy", "-f", &file]).contains("needs the ioFog Operator"));
}

#[test]
fn controller_that_is_away_or_odd() {
    let home = Home::new("away");
    let text = home.fails(&[
        "connect",
        "-n",
        "plant",
        "--ecn-addr",
        "127.0.0.1:9",
        "--name",
        "x",
        "--email",
        "a@b.cc",
        "--pass",
        "p",
    ]);
    assert!(text.ends_with("dial tcp 127.0.0.1:9: connect: connection refused"), "{text}");
    // The namespace stays behind, as users of the standard program know it.
    home.ok(&["describe", "namespace", "plant"]);
    let mut answers = table(&[("GET /iofog-list?system=false", 200, "<html>")]);
    answers.insert("GET /registries".into(), (502, "Bad".into()));
    let controller = FakeController::start(answers);
    let address = controller.address();
    let words = [
        "connect",
        "-n",
        "plant",
        "--ecn-addr",
        &address,
        "--name",
        "x",
        "--email",
        "a@b.cc",
        "--pass",
        "p",
    ];
    assert!(home.fails(&words).contains("cannot be used"));
    let refused = FakeController::start(table(&[(
        "POST /user/login",
        401,
        r#"{"name":"InvalidCredentialsError","message":"Invalid credentials"}"#,
    )]));
    let address = refused.address();
    let words = [
        "connect",
        "-n",
        "plant",
        "--ecn-addr",
        &address,
        "--name",
        "x",
        "--email",
        "a@b.cc",
        "--pass",
        "p",
    ];
    assert!(home.fails(&words).contains("Received 401 from POST http://127.0.0.1"));
}

#[test]
fn what_others_answer_is_told_but_not_obeyed() {
    let home = Home::new("answers");
    let named = r#"{"fogs":[{"uuid":"u","name":"ga\u001b]0;title\u0007te","host":"h"}]}"#;
    let controller = FakeController::start(table(&[
        ("GET /iofog-list?system=false", 200, named),
        ("GET /catalog/microservices", 500, &"\u{1b}[2Jlong".repeat(1_000_000)),
        ("GET /registries", 302, "https://elsewhere.example/api/v3/registries"),
    ]));
    home.connect(&controller);
    let agents = home.ok(&["get", "agents"]);
    assert!(
        agents.contains("ga\u{fffd}]0;title\u{fffd}te") && !agents.contains('\u{1b}'),
        "{agents}"
    );
    let told = home.fails(&["get", "catalog"]);
    assert!(told.len() < 10_000 && told.ends_with("… (8000000 bytes in all)"), "{}", told.len());
    assert!(!told.contains('\u{1b}'));
    let before = controller.requests().len();
    let told = home.fails(&["get", "registries"]);
    assert!(told.ends_with("It points to https://elsewhere.example/api/v3/registries"), "{told}");
    // It is asked once, and nobody else is.
    let asked = controller.requests().split_off(before);
    assert_eq!(asked.iter().filter(|line| line.contains("/registries")).count(), 1);
}

#[test]
fn a_full_disk_behind_standard_output_is_told() {
    let home = Home::new("full");
    let output = std::process::Command::new(common::program())
        .arg("version")
        .env("HOME", &home.path)
        .stdout(std::fs::File::create("/dev/full").unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("No space left"), "{told}");
}
