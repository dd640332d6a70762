//! Several Controllers on one PostgreSQL database: what one commits, the others know.
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
use serde_json::{Value, json};

/// A guard against hangs, not a promise.
const LONG: Duration = Duration::from_secs(60);

fn pair() -> Option<(Arc<Database>, Controller, Controller)> {
    let Some(database) = Database::create().map(Arc::new) else {
        println!("skipped: IOFOG_TEST_POSTGRES names no PostgreSQL server");
        return None;
    };
    let (one, two) = (Controller::start_on(&database), Controller::start_on(&database));
    // Agents need a Router above them.
    let user = one.user("first@b.co");
    one.system_agent(&user);
    Some((database, one, two))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_token_of_one_is_good_at_the_other_at_once() {
    let Some((_database, one, two)) = pair() else { return };
    for n in 0..5 {
        let user = one.user(&format!("a{n}@b.co"));
        let answer = two.call("GET", "/user/profile", Some(&user), &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let user = one.user("c@b.co");
    let agent = two.gateway(&user, "gate", "10.0.0.1");
    let token = two.provision(&user, &agent);
    assert_eq!(one.call("GET", "/agent/config", Some(&token), &Value::Null).status, 200);
    let answer = two.call("POST", "/user/logout", Some(&user), &Value::Null);
    assert_eq!(answer.status, 204, "{}", answer.text);
    until("a token outlives its end at another Controller", || {
        one.call("GET", "/user/profile", Some(&user), &Value::Null).status == 401
    });
}

#[test]
fn a_change_through_one_wakes_an_agent_that_waits_at_the_other() {
    let Some((_database, one, two)) = pair() else { return };
    let user = one.user("a@b.co");
    let (first, second) =
        (one.gateway(&user, "one", "10.0.0.1"), one.gateway(&user, "two", "10.0.0.2"));
    let token = two.provision(&user, &first);
    two.provision(&user, &second);
    until("flags of the past are settled", || {
        let (flags, stamp) = two.flags(&token);
        two.acknowledge(&token, &stamp);
        flags.is_empty()
    });
    let base = two.base.clone();
    let waiting = std::thread::spawn(move || {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent
            .get(format!("{base}/agent/config/changes"))
            .header("authorization", &token)
            .header("prefer", "wait=50")
            .call()
            .unwrap();
        answer.body_mut().read_json::<Value>().unwrap()
    });
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let answer = one.call("POST", "/application", Some(&user), &application("one", "two"));
    assert_eq!(answer.status, 201, "{}", answer.text);
    let flags = waiting.join().unwrap();
    assert_eq!(flags["microserviceList"], json!(true), "{flags}");
    println!("heard {} ms after the request", start.elapsed().as_millis());
}

#[test]
fn an_acknowledgement_at_one_counts_at_the_other() {
    let Some((_database, one, two)) = pair() else { return };
    let user = one.user("a@b.co");
    let agent = one.gateway(&user, "gate", "10.0.0.1");
    let token = one.provision(&user, &agent);
    let patch = json!({ "logLevel": "FINE" });
    let path = format!("/iofog/{agent}");
    assert_eq!(two.call("PATCH", &path, Some(&user), &patch).status, 204);
    until("the flag arrives", || one.flags(&token).0.contains(&"config".to_owned()));
    let (_, stamp) = one.flags(&token);
    one.acknowledge(&token, &stamp);
    until("the other forgets what was acknowledged", || two.flags(&token).0.is_empty());
}

#[test]
fn a_status_told_to_one_is_shown_by_the_other() {
    let Some((_database, one, two)) = pair() else { return };
    let user = one.user("a@b.co");
    let agent = one.gateway(&user, "gate", "10.0.0.1");
    let token = one.provision(&user, &agent);
    let status = json!({ "daemonStatus": "RUNNING", "ipAddress": "10.1.1.1", "systemTime": 5 });
    assert_eq!(one.call("PUT", "/agent/status", Some(&token), &status).status, 204);
    until("the status travels", || {
        let answer = two.call("GET", &format!("/iofog/{agent}"), Some(&user), &Value::Null);
        answer.body["ipAddress"] == "10.1.1.1" && answer.body["daemonStatus"] == "RUNNING"
    });
}

#[test]
fn races_for_one_key_name_or_port_have_one_winner() {
    let Some((_database, one, two)) = pair() else { return };
    let user = one.user("a@b.co");
    let agent = one.gateway(&user, "gate", "10.0.0.1");
    let key = one.key(&user, &agent);
    let bases = [one.base.clone(), two.base.clone()];
    let post = |path: &'static str, token: Option<String>, body: Value| {
        let tries: Vec<_> = (0..40)
            .map(|n| {
                let url = format!("{}{path}", bases[n % 2]);
                let (body, token) = (body.to_string(), token.clone());
                std::thread::spawn(move || {
                    let agent: ureq::Agent =
                        ureq::Agent::config_builder().http_status_as_error(false).build().into();
                    let mut request = agent.post(&url).header("content-type", "application/json");
                    if let Some(token) = token {
                        request = request.header("authorization", token);
                    }
                    request.send(body).unwrap().status().as_u16()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|status| *status < 300).count()
    };
    assert_eq!(post("/agent/provision", None, json!({ "type": 1, "key": key })), 1);
    let body = json!({ "name": "same", "fogType": 1, "host": "10.0.0.9" });
    assert_eq!(post("/iofog", Some(user.clone()), body), 1);
    let body = json!({ "name": "same", "microservices": [] });
    assert_eq!(post("/application", Some(user.clone()), body), 1);
    // One port of an agent, then one public port: names differ, so that only the number is in the way.
    for (public, kind) in [(false, "own"), (true, "public")] {
        let wins: usize = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..12)
                .map(|n| {
                    let (at, user) = (if n % 2 == 0 { &one } else { &two }, &user);
                    let external = if public { 20_000 + n } else { 10_000 };
                    let mut port = json!({ "internal": 80, "external": external });
                    if public {
                        port["public"] = json!({ "schemes": ["http"], "protocol": "http",
                            "router": { "port": 6080 } });
                    }
                    let body = json!({ "name": format!("p{kind}-{n}"), "agentName": "gate",
                        "application": "same", "registryId": 2, "ports": [port],
                        "images": [{ "containerImage": "i:1", "fogTypeId": 1 }] });
                    scope.spawn(move || at.call("POST", "/microservices", Some(user), &body).status)
                })
                .collect();
            let statuses = tries.into_iter().map(|one| one.join().unwrap());
            statuses
                .inspect(|status| assert!(matches!(status, 201 | 400), "{status}"))
                .filter(|status| *status == 201)
                .count()
        });
        assert_eq!(wins, 1, "public: {public}");
    }
}

#[test]
fn a_cut_connection_to_the_database_comes_back() {
    let Some((database, one, two)) = pair() else { return };
    let user = one.user("a@b.co");
    database.cut();
    // One request may meet the broken connection; none is half done, and the next ones work.
    until("the Controller finds its database again", || {
        one.call("GET", "/user/profile", Some(&user), &Value::Null).status == 200
    });
    until("writes work again", || {
        let body = json!({ "name": "after", "fogType": 1, "host": "10.0.0.1" });
        matches!(one.call("POST", "/iofog", Some(&user), &body).status, 201 | 400)
    });
    let listed = two.call("GET", "/iofog-list", Some(&user), &Value::Null);
    assert_eq!(listed.body["fogs"].as_array().unwrap().len(), 1, "{}", listed.text);
    let agent = listed.body["fogs"][0]["uuid"].as_str().unwrap().to_owned();
    let token = two.provision(&user, &agent);
    let patch = json!({ "logLevel": "FINE" });
    let changed = one.call("PATCH", &format!("/iofog/{agent}"), Some(&user), &patch);
    assert_eq!(changed.status, 204, "{}", changed.text);
    until("news flow again", || two.flags(&token).0.contains(&"config".to_owned()));
}
