//! Translation of specifications and answers.

use super::create::body;
use super::list::parse_time;
use crate::domain::{ContainerSpec, EpochMillis, NodeFacts, Port, Volume, VolumeKind, Workload};

#[test]
fn create_body_follows_the_contract() {
    let workload = Workload {
        uuid: "a".into(),
        image: "host:5000/app:1".into(),
        ports: vec![
            Port { internal: 80, external: 8080, udp: false },
            Port { internal: 80, external: 8081, udp: false },
            Port { internal: 53, external: 53, udp: true },
        ],
        volumes: vec![Volume {
            source: "/data".into(),
            target: "/d".into(),
            read_only: true,
            kind: VolumeKind::Bind,
        }],
        log_size_mb: 1,
        ..Workload::default()
    };
    let node = NodeFacts {
        fog: "fog".into(),
        bind_address: "10.0.0.1".parse().ok(),
        ..NodeFacts::default()
    };
    let json = serde_json::to_value(body(&ContainerSpec::new(&workload, &node))).unwrap();
    assert_eq!(json["Image"], "host:5000/app:1");
    assert_eq!(json["Labels"]["iofog-uuid"], "fog");
    let host = &json["HostConfig"];
    assert_eq!(host["PortBindings"]["80/tcp"][1]["HostPort"], "8081");
    assert_eq!(host["PortBindings"]["53/udp"][0]["HostIp"], "10.0.0.1");
    assert_eq!(host["Mounts"][0]["ReadOnly"], true);
    assert_eq!(host["LogConfig"]["Type"], "json-file");
    assert_eq!(host["LogConfig"]["Config"]["max-file"], "1");
    for absent in ["Privileged", "CpusetCpus", "RestartPolicy", "NetworkMode"] {
        assert!(host.get(absent).is_none(), "{absent}");
    }
    assert!(json.get("Cmd").is_none());
}

#[test]
fn engine_times_are_read() {
    for (text, millis) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2026-11-23T10:36:19.786123456Z", Some(1_795_430_179_786)),
        ("2024-02-29T23:59:59.5Z", Some(1_709_251_199_500)),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
    ] {
        assert_eq!(parse_time(text), millis.map(EpochMillis), "{text}");
    }
}
