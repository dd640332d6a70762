//! Secrets stay where they belong: none in an answer that is not meant to carry it, in the log of the chattiest level, or
//! readable in the database.
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use common::Controller;
use iofog_controller::routes::{self, Auth};
use serde_json::{Value, json};

/// What must not come back, and the routes whose answers it is for.
struct Secret {
    what: &'static str,
    text: String,
    told_by: &'static [&'static str],
}

fn secret(what: &'static str, text: &str, told_by: &'static [&'static str]) -> Secret {
    Secret { what, text: text.to_owned(), told_by }
}

/// Those of `secrets` that a text holds, but for the ones it is for.
fn leaks(secrets: &[Secret], from: &str, text: &str) -> Vec<String> {
    let held =
        secrets.iter().filter(|one| text.contains(&one.text) && !one.told_by.contains(&from));
    held.map(|one| format!("{from} tells {}: {text}", one.what)).collect()
}

#[test]
fn secrets_stay_where_they_belong() {
    let password = "secret-of-the-user-1";
    let environment = [
        ("Tunnel_Username", "u"),
        ("Tunnel_Password", "secret-of-the-tunnel"),
        ("Tunnel_Host", "h"),
        ("Tunnel_RsaKey", "key-of-the-tunnel"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
    let controller = Controller::start_with(environment);
    let new =
        json!({ "firstName": "Ada", "lastName": "Test", "email": "a@b.co", "password": password });
    assert_eq!(controller.call("POST", "/user/signup", None, &new).status, 201);
    let login = json!({ "email": "a@b.co", "password": password });
    let token = controller.call("POST", "/user/login", None, &login).body["accessToken"].clone();
    let user = token.as_str().unwrap();
    let system = controller.system_agent(user);
    let agent = controller.provision(user, &system);
    let key = controller.key(user, &system);
    let batch = json!({ "name": "b", "devices": 2, "validHours": 1 });
    let batch = controller.call("POST", "/enrolment-keys", Some(user), &batch).body["key"].clone();
    let proof = "secret-of-a-device-that-enrols-itself";
    let device = json!({ "type": 1, "key": batch, "device": "d", "proof": proof, "host": "::1" });
    assert_eq!(controller.call("POST", "/agent/enrol", None, &device).status, 200);
    let registry = json!({ "url": "r.example", "isPublic": true, "username": "u",
        "password": "secret-of-the-registry", "email": "a@b.co" });
    assert_eq!(controller.call("POST", "/registries", Some(user), &registry).status, 201);
    let path = format!("/iofog/{system}/tunnel");
    let open = json!({ "action": "open" });
    assert_eq!(controller.call("PATCH", &path, Some(user), &open).status, 204);
    let secrets = [
        secret("the user's password", password, &[]),
        secret("a user's token", user, &[]),
        secret("an agent's token", &agent, &[]),
        secret("a provisioning key", &key, &[]),
        secret("an enrolment key", batch.as_str().unwrap(), &[]),
        secret("a device's proof", proof, &[]),
        secret("a registry's password", "secret-of-the-registry", &["agent.registries"]),
        secret("the tunnel's password", "secret-of-the-tunnel", &["agent.tunnel"]),
        secret("the tunnel's key", "key-of-the-tunnel", &["agent.tunnel"]),
        secret("a password of a bad request", "secret-in-a-request", &[]),
        secret("a password's hash", "$argon2", &[]),
    ];
    let mut wrong = Vec::new();
    let mut walked = 0;
    for route in routes::all().filter(|route| route.id != "agent.link") {
        // Routes that end what the others need come with a wrong token only, below.
        let ends =
            ["user.logout", "user.delete", "fog.delete", "agent.delete-node", "tunnel.switch"];
        let path =
            route.path.replace(":uuid", &system).replace("iofog/:id", &format!("iofog/{system}"));
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with(':') { "1" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let own = match route.auth {
            Auth::User => Some(user),
            Auth::Agent => Some(agent.as_str()),
            Auth::Anyone => None,
        };
        let body = match route.verb.name() {
            "GET" | "HEAD" => Value::Null,
            // Right in some fields and wrong in others, so that each check has something to say.
            _ => json!({ "email": 5, "url": 5, "name": ["secret-in-a-request"], "isPublic": "x",
                "password": "secret-in-a-request", "oldPassword": "secret-in-a-request",
                "newPassword": "secret", "key": "secret-in-a-request", "type": 1, "config": 5,
                "username": { "secret-in-a-request": 1 }, "value": 5, "host": ["secret-in-a-request"],
                "daemonStatus": 5, "action": 5, "enable": 5, "straceData": "secret-in-a-request",
                "microserviceUuids": 5, "microservices": [{ "env": "secret-in-a-request" }],
                "application": "secret-in-a-request-app", "lastUpdated": 5, "fogType": "x" }),
        };
        for token in [own, Some("secret-in-a-request")] {
            if token == own && own.is_some() && ends.contains(&route.id) {
                continue;
            }
            let answer = controller.call(route.verb.name(), &path, token, &body);
            // The new key is what is asked for; it replaces the one above.
            if route.id != "fog.provisioning-key" && !(400..500).contains(&answer.status) {
                wrong.extend(leaks(&secrets, route.id, &answer.text));
            } else {
                let told = leaks(&secrets, route.id, &answer.text);
                // A name that was sent may come back in a refusal; what was sent as a secret may not.
                wrong.extend(
                    told.into_iter().filter(|text| !text.contains("secret-in-a-request-app")),
                );
            }
            walked += 1;
        }
    }
    assert!(walked > 150, "only {walked} calls");
    for line in controller.log() {
        wrong.extend(leaks(&secrets, "the log", &line));
    }
    assert!(!controller.log().is_empty(), "no log was seen");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_database_holds_no_token_and_no_password() {
    if common::on_postgres() {
        // The rows are the same; a file can be searched as a whole.
        return;
    }
    let mut controller = Controller::start();
    let user = controller.user("a@b.co");
    let system = controller.system_agent(&user);
    let agent = controller.provision(&user, &system);
    let key = controller.key(&user, &system);
    let batch = json!({ "name": "b", "devices": 2, "validHours": 1 });
    let batch = controller.call("POST", "/enrolment-keys", Some(&user), &batch).body["key"].clone();
    let batch = batch.as_str().unwrap();
    let proof = "proof-of-a-device-that-enrols-itself";
    let device = json!({ "type": 1, "key": batch, "device": "d", "proof": proof, "host": "::1" });
    assert_eq!(controller.call("POST", "/agent/enrol", None, &device).status, 200);
    controller.kill_and_restart();
    let mut held = Vec::new();
    for name in ["controller.sqlite", "controller.sqlite-wal"] {
        held.extend(std::fs::read(controller.folder().join(name)).unwrap_or_default());
    }
    let contains = |text: &str| held.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("a@b.co") && contains(&system), "the search finds what is there");
    for (what, text) in [
        ("password", "password1"),
        ("token", &user),
        ("agent token", &agent),
        ("key", &key),
        ("enrolment key", batch),
        ("device's proof", proof),
    ] {
        assert!(!contains(text), "a {what} is readable in the database");
    }
}
