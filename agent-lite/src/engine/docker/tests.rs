//! Translation of specifications and answers, and calls.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use super::client::{ApiError, Call, Client};
use super::create::body;
use super::list::parse_time;
use crate::domain::{
    ContainerSpec, EpochMillis, Failure, NodeFacts, Port, Volume, VolumeKind, Workload,
};

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
    let asked = Workload { config: r#"{"iofogSettings":{"privileged":true}}"#.into(), ..workload };
    assert_eq!(body(&ContainerSpec::new(&asked, &node))["HostConfig"]["Privileged"], true);
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

/// An engine that answers each connection with the next text, and what it was asked.
async fn engine(name: &str, answers: Vec<&'static str>) -> (String, Rc<RefCell<Vec<String>>>) {
    let path = std::env::temp_dir().join(format!("iofog-{name}-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&asked);
    tokio::task::spawn_local(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            told.borrow_mut().push(head.lines().next().unwrap().to_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (format!("unix://{}", path.display()), asked)
}

const OLD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"ApiVersion\":\"1.40\"}";

#[tokio::test(flavor = "current_thread")]
async fn an_older_engine_is_asked_in_its_version_and_its_refusals_are_told_apart() {
    let work = async {
        let lost = "HTTP/1.1 404 Not Found\r\ncontent-length: 21\r\n\r\n{\"message\":\"no such\"}";
        let taken = "HTTP/1.1 409 Conflict\r\ncontent-length: 5\r\n\r\nin us";
        let again = "HTTP/1.1 304 Not Modified\r\n\r\n";
        let answers =
            vec![OLD, lost, taken, again, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"];
        let (url, asked) = engine("refusals", answers).await;
        let client = Client::open(&url).await.unwrap();
        let ask = async |path: &str| {
            let call = Call::new(hyper::Method::GET, path.to_owned());
            client.call(call).await.map_err(Failure::from)
        };
        assert!(matches!(ask("/a").await, Err(Failure::Gone(text)) if text == "no such"));
        assert!(matches!(ask("/b").await, Err(Failure::NameTaken(text)) if text == "in us"));
        assert_eq!(ask("/c?x=1").await.ok(), Some(Vec::new()));
        assert!(matches!(ask("/cut").await, Err(Failure::Unavailable(_))));
        let first = "GET /version HTTP/1.1";
        assert_eq!(asked.borrow()[..2], [first, "GET /v1.40/a HTTP/1.1"]);
        assert_eq!(asked.borrow()[3], "GET /v1.40/c?x=1 HTTP/1.1");
        assert!(matches!(Client::open("unix:///nowhere").await, Err(ApiError::Lost(_))));
    };
    tokio::task::LocalSet::new().run_until(work).await;
}

#[tokio::test(flavor = "current_thread")]
async fn documents_come_one_by_one_however_they_are_cut() {
    let work = async {
        let parts = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            8\r\n{\"a\":1}{\r\n7\r\n\"a\":2}\n\r\n0\r\n\r\n";
        let (url, _) = engine("documents", vec![OLD, parts]).await;
        let client = Client::open(&url).await.unwrap();
        let call = Call::new(hyper::Method::GET, "/events".to_owned());
        let mut documents = client.documents(call).await.unwrap();
        assert_eq!(documents.next().await.unwrap().unwrap()["a"], 1);
        assert_eq!(documents.next().await.unwrap().unwrap()["a"], 2);
        assert!(documents.next().await.unwrap().is_none());
    };
    tokio::task::LocalSet::new().run_until(work).await;
}
