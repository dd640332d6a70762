//! Enrolment by the batch (decision 0130): what a key is good for, and what whoever has it cannot do with it.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Answer, Controller};
use serde_json::{Value, json};

/// A Controller with the backbone that edge routers want, and its user.
fn start() -> (Controller, String) {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    controller.system_agent(&user);
    (controller, user)
}

/// A key for so many devices, and its id.
fn batch(controller: &Controller, user: &str, devices: i64, more: &Value) -> (String, i64) {
    let mut body = json!({ "name": "spring", "devices": devices, "validHours": 1,
        "perMinute": 10_000, "agentName": "shop-{device}", "agent": { "tags": ["shop"] } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = controller.call("POST", "/enrolment-keys", Some(user), &body);
    assert_eq!(answer.status, 201, "{}", answer.text);
    (answer.body["key"].as_str().unwrap().to_owned(), answer.body["id"].as_i64().unwrap())
}

fn enrol(controller: &Controller, key: &str, device: &str, proof: &str) -> Answer {
    let proof = format!("{proof:-<32}");
    let body = json!({ "type": 2, "architecture": "mipsel", "key": key, "device": device,
        "proof": proof, "host": "10.0.0.9" });
    controller.call("POST", "/agent/enrol", None, &body)
}

fn refused(answer: &Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let told = answer.body["message"].as_str().unwrap();
    assert!(told.contains(message), "{told}");
}

fn text(answer: &Answer, field: &str) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body[field].as_str().unwrap().to_owned()
}

/// The status that an agent's token is answered with.
fn token_is(controller: &Controller, token: &str) -> u16 {
    controller.call("GET", "/agent/config", Some(token), &Value::Null).status
}

fn enrolled(controller: &Controller, user: &str) -> Vec<i64> {
    let list = controller.call("GET", "/enrolment-keys", Some(user), &Value::Null).body;
    let keys = list["enrolmentKeys"].as_array().unwrap();
    keys.iter().map(|one| one["enrolled"].as_i64().unwrap()).collect()
}

#[test]
fn a_device_gets_an_agent_of_its_own_and_finds_it_again_with_its_proof_alone() {
    let (controller, user) = start();
    let (key, _) = batch(&controller, &user, 2, &json!({}));
    let first = enrol(&controller, &key, "one", "secret");
    let (uuid, token) = (text(&first, "uuid"), text(&first, "token"));
    let shown = controller.call("GET", &format!("/iofog/{uuid}"), Some(&user), &Value::Null).body;
    assert_eq!(
        (&shown["name"], &shown["tags"], &shown["fogTypeId"], &shown["host"]),
        (&json!("shop-one"), &json!(["shop"]), &json!(2), &json!("10.0.0.9"))
    );
    assert_eq!(token_is(&controller, &token), 200);
    // Somebody else with the key and the device's id: nothing of the agent changes.
    let other = enrol(&controller, &key, "one", "another");
    refused(&other, 401, "Device 'one' is enrolled already");
    assert_eq!(token_is(&controller, &token), 200);
    // The device itself, whose answer got lost.
    let again = enrol(&controller, &key, "one", "secret");
    assert_eq!(text(&again, "uuid"), uuid);
    assert_eq!(token_is(&controller, &text(&again, "token")), 200);
    assert_eq!(token_is(&controller, &token), 401, "a token that may be anywhere is over");
    assert_eq!(enrolled(&controller, &user), [1]);
    // A new key of the same user knows the device too.
    let (next, _) = batch(&controller, &user, 2, &json!({}));
    assert_eq!(text(&enrol(&controller, &next, "one", "secret"), "uuid"), uuid);
    refused(&enrol(&controller, &next, "one", "another"), 401, "enrolled already");
    // An agent that was removed gives its device free, which then is one more.
    let removed = controller.call("DELETE", &format!("/iofog/{uuid}"), Some(&user), &Value::Null);
    assert_eq!(removed.status, 202, "{}", removed.text);
    assert_ne!(text(&enrol(&controller, &key, "one", "another"), "uuid"), uuid);
    assert_eq!(enrolled(&controller, &user), [2, 0]);
}

#[test]
fn a_key_that_is_used_up_revoked_over_or_unknown_makes_no_agent() {
    let (mut controller, user) = start();
    let (key, id) = batch(&controller, &user, 1, &json!({}));
    let (open, _) = batch(&controller, &user, 9, &json!({}));
    let token = text(&enrol(&controller, &key, "one", "secret"), "token");
    refused(&enrol(&controller, &key, "two", "secret"), 401, "Used up enrolment key");
    refused(&enrol(&controller, "nonsense", "two", "secret"), 404, "Invalid enrolment key");
    // Its own device needs no further place.
    let token_again = text(&enrol(&controller, &key, "one", "secret"), "token");
    assert_ne!(token, token_again);
    let revoked =
        controller.call("DELETE", &format!("/enrolment-keys/{id}"), Some(&user), &Value::Null);
    assert_eq!(revoked.status, 204, "{}", revoked.text);
    for device in ["one", "two"] {
        refused(&enrol(&controller, &key, device, "secret"), 404, "Invalid enrolment key");
    }
    assert_eq!(token_is(&controller, &token_again), 200, "what enrolled before stays");
    let agents = controller.count("SELECT count(*) FROM fogs");
    controller.restart_after("UPDATE enrolment_keys SET expires = 1");
    refused(&enrol(&controller, &open, "two", "secret"), 401, "Expired enrolment key");
    refused(&enrol(&controller, &open, "one", "secret"), 401, "Expired enrolment key");
    assert_eq!(controller.count("SELECT count(*) FROM fogs"), agents);
    assert_eq!(enrolled(&controller, &user), [0]);
}

#[test]
fn a_key_admits_so_many_in_a_minute_and_counts_no_one_that_it_refused() {
    let (mut controller, user) = start();
    let (key, _) = batch(&controller, &user, 9, &json!({ "perMinute": 2 }));
    for device in ["one", "two"] {
        text(&enrol(&controller, &key, device, "secret"), "uuid");
    }
    let third = enrol(&controller, &key, "three", "secret");
    refused(&third, 429, "Too many devices");
    assert_eq!(third.headers["retry-after"], "60");
    text(&enrol(&controller, &key, "one", "secret"), "uuid");
    assert_eq!(enrolled(&controller, &user), [2]);
    // An agent that cannot be made takes no place either.
    controller.restart_after("UPDATE enrolment_keys SET minute = 1");
    controller.gateway(&user, "shop-three", "10.0.0.1");
    refused(&enrol(&controller, &key, "three", "secret"), 400, "Duplicate name 'shop-three'");
    assert_eq!(enrolled(&controller, &user), [2]);
    text(&enrol(&controller, &key, "four", "secret"), "uuid");
    assert_eq!(enrolled(&controller, &user), [3]);
}

#[test]
fn devices_of_two_users_with_one_id_are_two() {
    let (controller, user) = start();
    let other = controller.user("b@b.co");
    let (mine, _) = batch(&controller, &user, 5, &json!({}));
    let (theirs, _) = batch(&controller, &other, 5, &json!({ "agentName": "theirs-{device}" }));
    let uuid = text(&enrol(&controller, &mine, "one", "secret"), "uuid");
    let second = text(&enrol(&controller, &theirs, "one", "secret"), "uuid");
    assert_ne!(uuid, second);
    let path = format!("/iofog/{uuid}");
    assert_eq!(controller.call("GET", &path, Some(&other), &Value::Null).status, 404);
    assert_eq!(controller.call("GET", &path, Some(&user), &Value::Null).status, 200);
    // An account that goes takes its keys along.
    let gone = controller.call("DELETE", "/user/profile", Some(&other), &json!({ "force": true }));
    assert_eq!(gone.status, 204, "{}", gone.text);
    refused(&enrol(&controller, &theirs, "two", "secret"), 404, "Invalid enrolment key");
    assert_eq!(controller.count("SELECT count(*) FROM enrolments"), 1);
}

/// Runs `work` with 0 to `count` - 1 on many threads that begin together.
fn at_once(count: usize, work: impl Fn(usize) + Sync) {
    const THREADS: usize = 16;
    let (next, barrier) = (AtomicUsize::new(0), Barrier::new(THREADS));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    work(number);
                }
            });
        }
    });
}

#[test]
fn a_thousand_devices_at_once_get_as_many_agents_as_the_key_is_good_for() {
    let (controller, user) = start();
    let (key, _) = batch(&controller, &user, 950, &json!({}));
    let answers = std::sync::Mutex::new(Vec::new());
    at_once(1000, |number| {
        let answer = enrol(&controller, &key, &format!("d{number}"), &format!("s{number}"));
        answers.lock().unwrap().push(answer);
    });
    let answers = answers.into_inner().unwrap();
    let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    bad.iter().for_each(|answer| refused(answer, 401, "Used up enrolment key"));
    let different = |field: &str| -> BTreeSet<String> {
        good.iter().map(|answer| text(answer, field)).collect()
    };
    assert_eq!((good.len(), bad.len()), (950, 50));
    assert_eq!((different("uuid").len(), different("token").len()), (950, 950));
    assert_eq!(enrolled(&controller, &user), [950]);
    assert_eq!(controller.count("SELECT count(*) FROM enrolments"), 950);
}

#[test]
fn of_many_that_claim_to_be_one_device_one_gets_its_agent() {
    let (controller, user) = start();
    let (key, _) = batch(&controller, &user, 50, &json!({}));
    let tokens = std::sync::Mutex::new(Vec::new());
    at_once(40, |number| {
        let answer = enrol(&controller, &key, "one", &format!("s{number}"));
        if answer.status == 200 {
            tokens.lock().unwrap().push(text(&answer, "token"));
        } else {
            refused(&answer, 401, "enrolled already");
        }
    });
    let tokens = tokens.into_inner().unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!(token_is(&controller, &tokens[0]), 200);
    assert_eq!(enrolled(&controller, &user), [1]);
}
