//! A device link at one of two Controllers on a PostgreSQL database: what the other commits comes over it, and what it
//! reports the other shows.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail here, and says when it cannot run"
)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::postgres::Database;
use common::{Controller, application};
use iofog_link::{AgentEvent, AgentSession, Documents, KeepAlive, Kind, Outcome, StatusDelta};
use iofog_link_io::Link;
use serde_json::{Value, json};

/// A guard against hangs, not a promise.
const LONG: Duration = Duration::from_secs(60);

/// The agent's end of a device link, with nothing of the Agent behind it.
async fn link_of(address: &str, token: &str) -> (Link<AgentSession>, tokio::net::TcpStream) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v3/{} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: upgrade\r\nupgrade: {}\r\n\r\n",
        iofog_link::PATH,
        iofog_link::UPGRADE
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    let session = |now| {
        AgentSession::new(now, Default::default(), 0, &Documents::new(), KeepAlive::default())
    };
    (Link::new(session), stream)
}

/// Updates of a link, each confirmed, until one holds a microservice.
async fn until_a_microservice(link: &Link<AgentSession>) -> bool {
    while let Some(event) = link.event().await {
        if let AgentEvent::Update(update) = event {
            link.with(|session| session.applied(update.generation, Outcome::Done));
            if update.put.iter().any(|((kind, _), _)| *kind == Kind::Microservice) {
                return true;
            }
        }
    }
    false
}

#[test]
fn a_device_link_hears_what_the_other_controller_commits() {
    let Some(database) = Database::create().map(Arc::new) else {
        println!("skipped: IOFOG_TEST_POSTGRES names no PostgreSQL server");
        return;
    };
    let (one, two) = (Controller::start_on(&database), Controller::start_on(&database));
    let user = one.user("a@b.co");
    one.system_agent(&user);
    let agent = one.gateway(&user, "gate", "10.0.0.1");
    let token = one.provision(&user, &agent);
    let shown = |at: &Controller| {
        let answer = at.call("GET", &format!("/iofog/{agent}"), Some(&user), &Value::Null);
        let text = |field: &str| answer.body[field].as_str().unwrap_or_default().to_owned();
        (text("daemonStatus"), text("version"))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Its link is first at the one, then at the other; what is committed comes from the one it is not at.
    for (at, other, name) in [(&one, &two, "first"), (&two, &one, "second")] {
        let heard = runtime.block_on(async {
            let (link, stream) = link_of(at.address(), &token).await;
            let talk = async {
                assert!(matches!(link.event().await, Some(AgentEvent::Open)));
                let mut status = StatusDelta::default();
                status.node.version = Some(name.try_into().unwrap());
                link.with(|session| session.report(status));
                let (base, user) = (other.base.clone(), user.clone());
                let mut body = application("gate", "gate");
                body["name"] = name.into();
                body["microservices"][1]["ports"] = json!([]);
                std::thread::spawn(move || {
                    let agent: ureq::Agent =
                        ureq::Agent::config_builder().http_status_as_error(false).build().into();
                    let request = agent
                        .post(format!("{base}/application"))
                        .header("authorization", &user)
                        .header("content-type", "application/json");
                    assert_eq!(request.send(body.to_string()).unwrap().status().as_u16(), 201);
                });
                let heard = until_a_microservice(&link).await;
                link.leave();
                heard
            };
            let (heard, _) =
                tokio::time::timeout(LONG, async { tokio::join!(talk, link.drive(stream)) })
                    .await
                    .expect("an update over the link");
            heard
        });
        assert!(heard, "{name}: the link ended");
        let reported = ("RUNNING".to_owned(), name.to_owned());
        let start = Instant::now();
        while shown(other) != reported {
            assert!(start.elapsed() < LONG, "the other shows {:?}", shown(other));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
