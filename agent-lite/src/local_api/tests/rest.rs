//! REST routes: shapes, refusals, identity, administration.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::node::{A, B, post, read_reply, with_node};

const HELLO: &str = r#"{"publisher":"a","version":4,"infotype":"t","infoformat":"f",
    "contentdata":"aGVsbG8="}"#;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn config_is_json_text_inside_of_json() {
    with_node("config", |node| async move {
        let reply = node.post(A, "/v2/config/get", r#"{"id":"a"}"#).await;
        let body = json(&reply.body);
        assert_eq!((reply.status, &body["status"]), (200, &"okay".into()));
        assert_eq!(body["config"], "{\"rate\":\"5\"}");
        assert!(!reply.head.contains("transfer-encoding"));
    });
}

#[test]
fn foreign_ids_are_refused() {
    with_node("foreign", |node| async move {
        for (source, id, status) in [
            (A, "b", 403),
            (B, "a", 403),
            ("127.0.0.1", "a", 403),
            ("127.0.0.99", "nobody", 403),
            ("127.0.0.1", "host", 200),
        ] {
            let body = format!(r#"{{"id":"{id}"}}"#);
            let reply = node.post(source, "/v2/config/get", &body).await;
            assert_eq!(reply.status, status, "{source} as {id}");
        }
        let reply = node.post(B, "/v2/messages/new", HELLO).await;
        assert_eq!((reply.status, node.bus.status().ledger.accepted), (403, 0));
    });
}

#[test]
fn a_container_may_call_before_its_address_is_recorded() {
    with_node("early", |node| async move {
        let late = async {
            tokio::time::sleep(std::time::Duration::from_millis(60)).await;
            let address = "127.0.0.31".parse().unwrap();
            node.context.set_addresses([(address, "a".into())].into());
        };
        let (reply, ()) =
            tokio::join!(node.post("127.0.0.31", "/v2/config/get", r#"{"id":"a"}"#), late);
        assert_eq!(reply.status, 200);
    });
}

#[test]
fn messages_go_from_publisher_to_consumer() {
    with_node("messages", |node| async move {
        let sent = node.post(A, "/v2/messages/new", HELLO).await;
        assert_eq!(sent.status, 200, "{}", sent.body);
        let sent = json(&sent.body);
        assert_eq!(sent["id"].as_str().unwrap().len(), 32);
        let taken = node.post(B, "/v2/messages/next", r#"{"id":"b"}"#).await;
        let taken = json(&taken.body);
        assert_eq!((&taken["status"], &taken["count"]), (&"okay".into(), &1.into()));
        let message = &taken["messages"][0];
        assert_eq!((&message["id"], &message["timestamp"]), (&sent["id"], &sent["timestamp"]));
        assert_eq!((&message["version"], &message["contentdata"]), (&4.into(), &"aGVsbG8=".into()));
        let stamp = sent["timestamp"].as_u64().unwrap();
        let query = format!(
            r#"{{"id":"b","timeframestart":0,"timeframeend":{},"publishers":["a"]}}"#,
            stamp + 1000
        );
        let found = json(&node.post(B, "/v2/messages/query", &query).await.body);
        assert_eq!((&found["count"], &found["timeframeend"]), (&1.into(), &stamp.into()));
        // Another microservice may not look; who has the token may, and sees the same.
        assert_eq!(node.post(A, "/v2/messages/query", &query).await.status, 403);
        let watched = node.administer("POST", "/v2/messages/query", &query).await;
        assert_eq!(json(&watched.body), found);
    });
}

#[test]
fn taken_messages_come_again_when_the_connection_breaks() {
    with_node("broken", |node| async move {
        node.post(A, "/v2/messages/new", HELLO).await;
        let mut stream = node.connect(B).await;
        let ask = post("/v2/messages/next", r#"{"id":"b"}"#);
        stream.write_all(ask.as_bytes()).await.unwrap();
        assert_eq!(json(&read_reply(&mut stream).await.body)["count"], 1);
        stream.set_zero_linger().unwrap();
        drop(stream);
        loop {
            let again = json(&node.post(B, "/v2/messages/next", r#"{"id":"b"}"#).await.body);
            if again["count"] == 1 {
                break;
            }
        }
    });
}

#[test]
fn taken_messages_count_when_the_caller_goes_on() {
    with_node("onward", |node| async move {
        node.post(A, "/v2/messages/new", HELLO).await;
        let mut stream = node.connect(B).await;
        let ask = post("/v2/messages/next", r#"{"id":"b"}"#);
        stream.write_all(ask.as_bytes()).await.unwrap();
        assert_eq!(json(&read_reply(&mut stream).await.body)["count"], 1);
        stream.write_all(ask.as_bytes()).await.unwrap();
        assert_eq!(json(&read_reply(&mut stream).await.body)["count"], 0);
        assert_eq!(node.bus.status().ledger.delivered, 1);
    });
}

#[test]
fn bad_input_is_answered_with_the_field() {
    with_node("bad", |node| async move {
        for (path, body, status, text) in [
            ("/v2/config/get", "{", 400, "not JSON"),
            ("/v2/config/get", "[]", 400, "object"),
            ("/v2/config/get", "{}", 400, "id is required"),
            ("/v2/config/get", r#"{"id":" "}"#, 400, "id is required"),
            ("/v2/config/get", r#"{"id":1}"#, 400, "id must be a string"),
            ("/v2/messages/next", "{}", 400, "id is required"),
            ("/v2/messages/new", "{}", 400, "publisher is required"),
            ("/v2/messages/new", r#"{"publisher":"a","version":"4"}"#, 400, "infotype is required"),
            ("/v2/messages/query", r#"{"id":"a"}"#, 400, "timeframestart"),
            ("/v2/log", r#"{"id":"a","type":"info"}"#, 400, "message is required"),
            ("/v2/gps", r#"{"lat":"x","lon":"1"}"#, 400, "invalid"),
            ("/v2/nothing", "{}", 404, "unknown path"),
            ("/v2/edgeResources", "{}", 405, "wrong method"),
        ] {
            let reply = node.post(A, path, body).await;
            assert_eq!(reply.status, status, "{path} {body}: {}", reply.body);
            assert!(reply.body.contains(text), "{path} {body}: {}", reply.body);
            assert!(reply.head.contains("connection: close"), "{path}");
        }
        let without = post("/v2/config/get", "{}").replace("application/json", "text/plain");
        assert_eq!(node.send(A, &without).await.status, 400);
        let large = format!(r#"{{"id":"{}"}}"#, "x".repeat(70_000));
        assert_eq!(node.post(A, "/v2/config/get", &large).await.status, 400);
    });
}

#[test]
fn small_routes_answer_as_documented() {
    with_node("small", |node| async move {
        let get = |path: &str| {
            format!("GET {path} HTTP/1.1\r\nHost: iofog\r\nContent-Type: application/json\r\n\r\n")
        };
        let edge = node.send(A, &get("/v2/edgeResources")).await;
        assert_eq!(edge.body, r#"{"edgeResources":"[]"}"#);
        assert!(edge.head.contains("content-type: application/json"));
        assert_eq!(node.send(A, &get("/v2/gps")).await.status, 500);
        let set = node.post(A, "/v2/gps", r#"{"lat":"1.5","lon":"2.5"}"#).await;
        assert_eq!((set.status, set.body.as_str()), (200, r#"{"status":"okay"}"#));
        let position = json(&node.send(A, &get("/v2/gps")).await.body);
        assert_eq!((&position["lat"], &position["timestamp"]), (&"1.5".into(), &7.into()));
        let line = r#"{"id":"a","type":"info","message":"one\ntwo"}"#;
        assert_eq!(node.post(A, "/v2/log", line).await.status, 200);
        assert!(node.log("a").ends_with("INFO one\\ntwo\n"), "{}", node.log("a"));
        let blue = node.post(A, "/v2/restblue/x", "{}").await;
        assert_eq!(blue.status, 404);
        assert!(json(&blue.body)["error"].is_string());
        let listener = node.bluetooth.take().unwrap().listen(1).unwrap();
        let service = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut request, body) = (Vec::new(), br#"{"on":1}"#);
            while !request.ends_with(body) {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            let answer = "HTTP/1.1 201 X\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nblue";
            stream.write_all(answer.as_bytes()).await.unwrap();
            request
        };
        let asking = node.post(A, "/v2/restblue/x?y=1", r#"{"on":1}"#);
        let (blue, asked) = tokio::join!(asking, service);
        assert_eq!((blue.status, blue.body.as_str()), (201, "blue"));
        assert!(blue.head.contains("content-type: text/x"), "{}", blue.head);
        assert!(asked.starts_with(b"POST /x?y=1 HTTP/1.1\r\n"));
    });
}

#[test]
fn administration_needs_the_token() {
    with_node("token", |node| async move {
        for path in
            ["/v2/status", "/v2/info", "/v2/version", "/v2/explain/a", "/v2/messages/ledger"]
        {
            let bare = format!("GET {path} HTTP/1.1\r\nHost: iofog\r\n\r\n");
            assert_eq!(node.send("127.0.0.1", &bare).await.status, 401, "{path}");
        }
        for path in ["/v2/commandline", "/v2/provision", "/v2/config"] {
            assert_eq!(node.post("127.0.0.1", path, "{}").await.status, 401, "{path}");
        }
        let bare = "DELETE /v2/deprovision HTTP/1.1\r\nHost: iofog\r\n\r\n";
        assert_eq!(node.send("127.0.0.1", bare).await.status, 401);
    });
}

#[test]
fn administration_answers_as_documented() {
    with_node("admin", |node| async move {
        let run = node.administer("POST", "/v2/commandline", r#"{"command":"status"}"#).await;
        assert_eq!((run.status, run.body.as_str()), (200, r#"{"response":"ran\\nstatus"}"#));
        let failed = node.administer("POST", "/v2/commandline", r#"{"command":"fail"}"#).await;
        assert_eq!(failed.status, 500);
        assert_eq!(json(&failed.body)["error"], "Internal server error");
        let version = node.administer("GET", "/v2/version", "").await;
        assert_eq!(version.body, r#"{"version":"3.1.0"}"#);
        let status = node.administer("GET", "/v2/status", "").await;
        assert_eq!(json(&status.body)["iofog-daemon"], "RUNNING");
        assert_eq!(node.administer("GET", "/v2/info", "").await.status, 200);
        let explained = node.administer("GET", "/v2/explain/a", "").await;
        assert_eq!((explained.status, &json(&explained.body)["level"]), (200, &"good".into()));
        let ledger = json(&node.administer("GET", "/v2/messages/ledger", "").await.body);
        assert_eq!((&ledger["accepted"], &ledger["microservices"]), (&0.into(), &json("{}")));
        assert_eq!(node.post(A, "/v2/messages/new", HELLO).await.status, 200);
        let ledger = json(&node.administer("GET", "/v2/messages/ledger", "").await.body);
        for books in [&ledger, &ledger["microservices"]["a"]] {
            let count = |name: &str| books[name].as_u64().unwrap();
            assert_eq!((count("accepted"), count("delivered") + count("waiting")), (1, 1));
            assert_eq!((count("expired"), count("droppedOwnQuota")), (0, 0), "{books}");
        }
        let stranger = node.administer("GET", "/v2/explain/zzz", "").await;
        assert_eq!(stranger.status, 404);
        assert!(stranger.body.contains("no microservice zzz"), "{}", stranger.body);
        let key = |key: &str| format!(r#"{{"provisioning-key":"{key}"}}"#);
        assert_eq!(node.administer("POST", "/v2/provision", &key("good")).await.status, 200);
        let refused = node.administer("POST", "/v2/provision", &key("bad")).await;
        assert_eq!((refused.status, &json(&refused.body)["status"]), (500, &"failed".into()));
        let gone = node.administer("DELETE", "/v2/deprovision", "").await;
        assert_eq!((gone.status, &json(&gone.body)["message"]), (500, &"not provisioned".into()));
        let set = node.administer("POST", "/v2/config", r#"{"disk-limit":"0"}"#).await;
        assert_eq!(set.body, r#"{"disk-limit":"out of range"}"#);
        let none = node.administer("POST", "/v2/config", r#"{"unknown":"0"}"#).await;
        assert_eq!(none.status, 400);
        let number = node.administer("POST", "/v2/config", r#"{"disk-limit":5}"#).await;
        assert_eq!(number.status, 400);
    });
}
