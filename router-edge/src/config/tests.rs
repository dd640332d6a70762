//! Every syntax, its defaults, and the message for each rule that can be broken.

use super::*;

const OPERATOR: &str = r#"
router {
    mode: interior
    id: default-router
}

listener {
    host: 0.0.0.0
    port: 5672
    role: normal
}

ssl-profile {  # declared, used by nobody
    name: router-amqps
    certFile: /etc/qpid-dispatch-certs/router-amqps/tls.crt
    privateKeyFile: /etc/qpid-dispatch-certs/router-amqps/tls.key
    caCertFile: /etc/qpid-dispatch-certs/router-amqps/ca.crt
}

listener {
    role: normal
    host: 0.0.0.0
    port: 9090
    http: true
    httpRootDir: disabled
    websockets: false
    healthz: true
    metrics: true
}

listener {
    role: inter-router
    host: 0.0.0.0
    port: 55672
    saslMechanisms: ANONYMOUS
    authenticatePeer: no
}

address {
    pattern: telemetry/#
    distribution: multicast
}
"#;

const CONTROLLER: &str = r#"{ "mode": "edge", "id": "f1",
    "listeners": [{"role": "normal", "host": "0.0.0.0", "port": 5672}],
    "connectors": [{"name": "default-router", "role": "edge", "host": "10.0.0.1", "port": 56721}] }"#;

fn error(text: &str) -> String {
    RouterConfig::from_any(text).unwrap_err().to_string()
}

#[test]
fn text_operator_configuration_is_read() {
    let config = RouterConfig::from_any(OPERATOR).unwrap();
    assert_eq!(config.mode, Mode::Interior);
    assert_eq!(config.id.as_str(), "default-router");
    assert_eq!(config.listeners.len(), 3);
    assert_eq!(config.listeners[0].name, "listener-normal-0.0.0.0-5672");
    assert_eq!(config.listeners[1].http, Some(HttpConfig { healthz: true, metrics: true }));
    assert_eq!(config.listeners[2].sasl.mechanisms, ["ANONYMOUS"]);
    assert_eq!(config.ssl_profiles[0].name, "router-amqps");
    assert_eq!(config.addresses[0].pattern, "telemetry/#");
    assert_eq!(config.addresses[0].distribution, Treatment::Multicast);
}

#[test]
fn json_and_text_agree() {
    let json = r#"[["router", {"mode": "interior", "id": "A", "hello-x": null}]]"#;
    assert!(error(json).contains("hello-x"));
    let json = r#"[["router", {"mode": "interior", "id": "A", "helloMaxAgeSeconds": "5"}],
        ["listener", {"role": "edge", "port": "amqps", "linkCapacity": "10"}]]"#;
    let text = "router {\n mode: interior\n id: A\n hello-max-age-seconds: 5\n}\n\
        listener {\n role: edge\n port: amqps\n link_capacity: 10\n}\n";
    let config = RouterConfig::from_any(json).unwrap();
    assert_eq!(config, RouterConfig::from_any(text).unwrap());
    assert_eq!(config.settings.hello_max_age, 5);
    assert_eq!(config.listeners[0].port, 5671);
    assert_eq!(config.listeners[0].link_capacity, 10);
}

#[test]
fn controller_object_names_its_entities() {
    let config = RouterConfig::from_any(CONTROLLER).unwrap();
    assert_eq!(config.mode, Mode::Edge);
    assert_eq!(config.listeners[0].name, "listener-normal-0.0.0.0-5672");
    assert_eq!(config.connectors[0].name, "connector-default-router-edge-10.0.0.1-56721");
}

#[test]
fn controller_object_without_connectors_is_the_system_fog() {
    let config = RouterConfig::from_any(r#"{"mode": "interior", "id": "s"}"#).unwrap();
    assert!(config.connectors.is_empty());
}

#[test]
fn text_nested_json_spans_lines() {
    let text = "listener {\n openProperties: {\n  \"a\": {\"b\": 1}\n }\n port: 1\n}\n";
    assert_eq!(RouterConfig::from_any(text).unwrap().listeners[0].port, 1);
}

#[test]
fn errors_name_entity_attribute_and_rule() {
    for (text, expected) in [
        (
            "router {\n id: a b\n}",
            "router: attribute `id` must not have white space or control characters",
        ),
        ("router {\n mode: core\n}", "router: attribute `mode` has no value `core`"),
        ("router {\n foo: 1\n}", "router: unknown attribute `foo`"),
        ("lstener {\n}", "unknown entity `lstener`"),
        ("listener {\n port: x\n}", "listener: attribute `port` must be a port, not `x`"),
        (
            "listener {\n role: edge\n}",
            "listener listener-edge--5672 role edge is not allowed in mode standalone",
        ),
        (
            "router {\n mode: edge\n}\nlistener {\n role: edge\n}",
            "listener listener-edge--5672 role edge is not allowed in mode edge",
        ),
        (
            "router {\n mode: edge\n}\nconnector {\n role: inter-router\n name: up\n}",
            "connector up role inter-router is allowed only in mode interior",
        ),
        (
            "listener {\n http: maybe\n}",
            "listener: attribute `http` must be yes or no, not `maybe`",
        ),
        (
            "listener {\n maxFrameSize: 100\n}",
            "listener: attribute `maxFrameSize` must be between 512 and 4294967295",
        ),
        (
            "listener {\n sslProfile: x\n}",
            "listener listener-normal--5672: attribute `sslProfile` names no sslProfile: `x`",
        ),
        (
            "listener {\n}\nlistener {\n}",
            "listener: attribute `name` is used twice: `listener-normal--5672`",
        ),
        ("router {\n}\nrouter {\n}", "router may appear only once"),
        (
            "address {\n prefix: a\n pattern: b\n}",
            "address needs exactly one of prefix and pattern",
        ),
        ("sslProfile {\n}", "sslProfile: attribute `name` is required"),
        (
            "router {\n mode: interior\n}\nlistener {\n role: edge\n openProperties: {}\n}",
            "listener: attribute `openProperties` is not allowed on role inter-router or edge",
        ),
        ("tcpListener {\n}", "tcpListener is not supported by this router"),
        ("autoLink {\n}", "autoLink: attribute `address` is required"),
        ("autoLink {\n address: q\n}", "autoLink: attribute `direction` is required"),
        (
            "autoLink {\n addr: q\n dir: up\n}",
            "autoLink: attribute `direction` must be in or out, not `up`",
        ),
        ("autoLink {\n addr: q\n dir: in\n}", "autoLink needs one of containerId and connection"),
        (
            "autoLink {\n addr: q\n dir: in\n phase: 1\n connection: c\n}",
            "autoLink: attribute `phase` must be 0 in this router",
        ),
        (
            "autoLink {\n addr: q\n dir: in\n connection: c\n}\n\
             autoLink {\n addr: q\n dir: out\n connection: c\n}",
            "autoLink autoLink/q/in makes a circle: `q` also goes out to the same container",
        ),
        ("linkRoute {\n direction: in\n}", "linkRoute needs exactly one of prefix and pattern"),
        ("linkRoute {\n prefix: q\n}", "linkRoute: attribute `direction` is required"),
        (
            "linkRoute {\n prefix: q\n dir: in\n containerId: c\n connection: d\n}",
            "linkRoute has containerId and connection: needs one",
        ),
        (
            "linkRoute {\n prefix: q\n dir: in\n distribution: closest\n}",
            "linkRoute: attribute `distribution` must be linkBalanced, not `closest`",
        ),
        (
            "linkRoute {\n prefix: q\n dir: in\n containers: c\n}",
            "linkRoute: unknown attribute `containers`",
        ),
        (
            "linkRoute {\n name: r\n prefix: q\n dir: in\n}\n\
             linkRoute {\n name: r\n prefix: p\n dir: in\n}",
            "linkRoute: attribute `name` is used twice: `r`",
        ),
        ("router\n", "line 1: expected `entity {`, found `router`"),
        ("router {\n id\n}", "line 2: expected `key: value`, found `id`"),
        ("router {\n id: x\n", "line 2: `router` is not closed"),
        ("[{}]", "element 0 must be [\"entity\", {attributes}]"),
        ("{\"mode\": \"edge\"}", "router: attribute `id` is required"),
        (
            "{\"id\": \"a\", \"connectors\": [{\"host\": \"h\"}]}",
            "connector: attribute `name` is required",
        ),
        (
            "{\"id\": \"a\", \"listeners\": 5}",
            "router: attribute `listeners` must be a list of objects",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn passwords_do_not_show() {
    let text = "connector {\n saslPassword: hunter2\n}";
    let shown = format!("{:?}", RouterConfig::from_any(text).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn diff_keeps_what_has_the_same_name() {
    let from = RouterConfig::from_any(CONTROLLER).unwrap();
    assert!(diff(&from, &from).is_empty());
    let mut to = from.clone();
    to.connectors[0] = ConnectorConfig::new("default-router", Role::Edge, "10.0.0.2", 56721);
    to.listeners.push(ListenerConfig::new(Role::Normal, "0.0.0.0", 5673));
    let steps = diff(&from, &to);
    assert_eq!(steps.new_listeners.len(), 1);
    assert_eq!(steps.new_connectors[0].host, "10.0.0.2");
    assert!(steps.old_listeners.is_empty());
    assert_eq!(steps.old_connectors, ["connector-default-router-edge-10.0.0.1-56721"]);
    assert!(!steps.rebuild);
    to.mode = Mode::Interior;
    assert!(diff(&from, &to).rebuild);
}

#[test]
fn phases_of_addresses_are_refused_and_not_ignored() {
    for attribute in ["waypoint: yes", "enableFallback: true", "ingressPhase: 1", "egressPhase: 1"]
    {
        let text = format!("address {{\n prefix: a\n {attribute}\n}}\n");
        let error = RouterConfig::from_text(&text).unwrap_err().to_string();
        let name = attribute.split(':').next().unwrap_or_default();
        assert!(error.starts_with(&format!("address: attribute `{name}`")), "{error}");
    }
    let text = "address {\n prefix: a\n waypoint: no\n ingressPhase: 0\n egressPhase: 0\n enableFallback: no\n}\n";
    assert!(RouterConfig::from_text(text).is_ok());
}
