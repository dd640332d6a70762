//! Decoding of answers, and calls against a scripted Controller on loopback.

use iofog_api::agent::Change;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::config::{Config, Paths, Setting};

#[test]
fn microservices_are_read_leniently_but_as_a_whole() {
    let full = json!({"microservices": [{
        "uuid": "a", "imageId": "app:1", "config": "{}", "rebuild": true, "rootHostAccess": false, "logSize": 4,
        "registryId": 2, "portMappings": [{"portInternal": 80, "portExternal": 8080, "isUdp": null}],
        "volumeMappings": [{"hostDestination": "/h", "containerDestination": "/c", "accessMode": "ro", "type": "volume"}],
        "env": [{"key": "K", "value": "V"}], "extraHosts": ["x:1.2.3.4"], "cmd": ["run"], "routes": ["b"],
        "isConsumer": true, "delete": false, "deleteWithCleanup": false, "imageSnapshot": ""
    }, {"uuid": "b", "imageId": "app:2", "portMappings": null, "env": null}]});
    let read = |body: &Value| {
        let list: AgentMicroserviceList = decoded(body.clone())?;
        decode::workloads(list.microservices)
    };
    let list = read(&full).unwrap();
    assert_eq!(
        (list[0].rebuild, list[0].ports[0].external, list[0].volumes[0].read_only),
        (1, 8080, true)
    );
    assert_eq!((list[1].log_size_mb, list[1].routes.len()), (1, 0));
    for bad in [
        json!({}),
        json!({"microservices": null}),
        json!({"microservices": [{"uuid": "a"}]}),
        json!({"microservices": [{"imageId": "a"}]}),
        json!({"microservices": [{"uuid": "a", "imageId": "b", "portMappings": [{"portInternal": 70000, "portExternal": 1}]}]}),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
}

#[test]
fn null_configuration_values_count_as_absent() {
    let remote = RemoteConfig::decode(decoded(json!({
        "diskLimit": 50.0, "statusFrequency": 30, "timeZone": null, "watchdogEnabled": false,
        "latitude": 46.2, "longitude": -6.1, "routerHost": "localhost", "routerPort": 5672, "logLevel": "INFO"
    })).unwrap());
    assert!(remote.settings.contains(&(Setting::DiskLimit, "50".into())));
    assert!(remote.settings.contains(&(Setting::Isolated, "off".into())));
    assert!(remote.settings.contains(&(Setting::GpsCoordinates, "46.2,-6.1".into())));
    assert!(!remote.settings.iter().any(|(setting, _)| *setting == Setting::TimeZone));
    assert_eq!(remote.router.unwrap().port, 5672);
    assert_eq!(RemoteConfig::decode(decoded(json!({"routerHost": null})).unwrap()).router, None);
}

#[test]
fn pushed_configuration_has_whole_limits() {
    let mut config = Config::defaults(&Paths::system(None));
    config.set(Setting::LogLimit, "0.5").unwrap();
    let body = serde_json::to_value(local_config(&config, "")).unwrap();
    assert_eq!((&body["logLimit"], &body["networkInterface"]), (&json!(1), &json!("UNKNOWN")));
    assert!(body.get("timeZone").is_none());
}

/// Answers each request with the next of `answers`, closing the connection after those that end with `!`.
async fn scripted(answers: Vec<&'static str>) -> (String, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/v3/", listener.local_addr().unwrap());
    let (seen, requests) = tokio::sync::mpsc::channel(16);
    tokio::task::spawn_local(async move {
        let mut answers = answers.into_iter();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                let _ = seen.send(String::from_utf8_lossy(&buffer[..count]).into_owned()).await;
                let Some(answer) = answers.next() else { return };
                let _ = stream.write_all(answer.trim_end_matches('!').as_bytes()).await;
                if answer.ends_with('!') {
                    break;
                }
            }
        }
    });
    (url, requests)
}

fn client(url: String) -> ControllerClient {
    ControllerClient::new(Access {
        url,
        token: "tok".into(),
        source: "127.0.0.1".parse().ok(),
        ..Access::default()
    })
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn token_is_sent_bare_and_held_answers_are_known() {
    run(async {
        let held = "HTTP/1.1 200 OK\r\nPreference-Applied: wait=25\r\nContent-Length: 36\r\n\r\n{\"lastUpdated\":\"x\",\"prune\":true    }";
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"lastUpdated\":\"y\"}";
        let (url, mut requests) = scripted(vec![held, plain]).await;
        let client = client(url);
        let first = client.changes().await.unwrap();
        assert!(first.held && first.raised.has(Change::Prune) && first.last_updated == "x");
        let second = client.changes().await.unwrap();
        assert!(!second.held && second.raised.is_empty());
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with("GET /api/v3/agent/config/changes HTTP/1.1"), "{request}");
        for line in ["authorization: tok\r\n", "prefer: wait=25\r\n", "request-id: "] {
            assert!(request.contains(line), "{line} in {request}");
        }
    });
}

#[test]
fn errors_carry_the_controllers_message_or_the_reason() {
    run(async {
        let json_error = "HTTP/1.1 404 Not Found\r\nContent-Length: 47\r\n\r\n{\"name\":\"N\",\"message\":\"Invalid Provisioning Key\"}";
        let json_error: &'static str = Box::leak(json_error.replace("47", "49").into_boxed_str());
        let html = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>";
        let html_ok = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
        let (url, _requests) = scripted(vec![json_error, html, html_ok]).await;
        let client = client(url);
        let error = client.provision("k", FogType::IntelAmd).await.err().unwrap();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (Some(404), "Invalid Provisioning Key")
        );
        assert_eq!(client.microservices().await.unwrap_err().to_string(), "Bad Gateway");
        assert!(matches!(client.microservices().await, Err(ControllerError::Malformed { .. })));
    });
}

#[test]
fn errors_carry_when_to_come_again() {
    run(async {
        let busy =
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 2\r\n\r\n{}";
        let dated = "HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 2\r\n\r\n{}";
        let (url, _requests) = scripted(vec![busy, dated]).await;
        let client = client(url);
        let host = "127.0.0.1".parse().ok();
        for wait in [Some(60), None] {
            let error = client.enrol("k", "d", "p", host, FogType::IntelAmd).await.err().unwrap();
            assert_eq!(error.retry_after(), wait.map(Duration::from_secs));
        }
    });
}

#[test]
fn a_connection_closed_between_calls_is_replaced() {
    run(async {
        let last = "HTTP/1.1 204 No Content\r\n\r\n!";
        let (url, mut requests) = scripted(vec![last, last]).await;
        let client = client(url);
        client.status(&json!({})).await.unwrap();
        client.status(&json!({})).await.unwrap();
        assert!(requests.recv().await.unwrap().contains("charset=UTF-8"));
        assert!(requests.recv().await.is_some());
    });
}

#[test]
fn an_unreachable_controller_is_a_connect_error() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(client(url).ping().await, Err(ControllerError::Connect(_))));
    });
}
