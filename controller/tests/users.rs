//! Accounts and tokens (controller contract 1 and 3).
#![allow(clippy::unwrap_used, reason = "a test may fail here")]

mod common;

use std::time::Duration;

use common::{Answer, Controller};
use serde_json::{Value, json};

fn login(controller: &Controller, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    controller.call("POST", "/user/login", None, &body)
}

fn works(controller: &Controller, token: &str) -> bool {
    controller.call("GET", "/user/profile", Some(token), &Value::Null).status == 200
}

#[test]
fn a_sign_up_is_answered_with_the_account_and_checked_field_by_field() {
    let controller = Controller::start();
    let good = json!({ "firstName": "Ada", "lastName": "Test", "email": "a@b.co", "password": "password1" });
    let made = controller.call("POST", "/user/signup", None, &good);
    assert_eq!(
        (made.status, made.body),
        (
            201,
            json!({ "userId": 1, "firstName": "Ada", "lastName": "Test", "email": "a@b.co",
            "emailActivated": true })
        )
    );
    for (field, value, message) in [
        ("firstName", json!("ab"), "Field firstName does not meet minimum length of 3"),
        ("lastName", json!("ab"), "Field lastName does not meet minimum length of 3"),
        ("password", json!("short67"), "Field password does not meet minimum length of 8"),
        ("email", json!("nobody"), "Invalid format for field 'email'"),
        ("email", json!(5), "Field 'email' is not of a type(s) string"),
        ("email", Value::Null, "Required field 'email' is missing"),
        (
            "email",
            json!("a@b.co"),
            "Registration failed: There is already an account associated with your email address. \
             Please try logging in instead.",
        ),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = controller.call("POST", "/user/signup", None, &body);
        assert_eq!(
            (answer.status, &answer.body),
            (400, &json!({ "name": "ValidationError", "message": message }))
        );
    }
}

#[test]
fn tokens_live_side_by_side_and_end_together() {
    let controller = Controller::start();
    let other = controller.user("other@b.co");
    let first = controller.user("a@b.co");
    let second = login(&controller, "a@b.co", "password1").body["accessToken"].clone();
    let second = second.as_str().unwrap();
    assert_ne!(first, second);
    for token in [&first, second] {
        assert!(token.len() <= 64 && token.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
        assert!(works(&controller, token));
    }
    let left = controller.call("POST", "/user/logout", Some(&first), &Value::Null);
    assert_eq!((left.status, left.text.as_str()), (204, ""));
    assert!(!works(&controller, &first) && !works(&controller, second));
    assert!(works(&controller, &other), "another user's go on");
    // An unknown account and a wrong password look alike.
    for (email, password) in [("a@b.co", "wrong"), ("nobody@b.co", "password1")] {
        let refused = login(&controller, email, password);
        assert_eq!(refused.status, 401);
        assert_eq!(
            refused.body,
            json!({ "name": "InvalidCredentialsError", "message": "Invalid credentials" })
        );
    }
}

#[test]
fn a_profile_is_shown_and_changed_and_the_password_ends_all_tokens() {
    let controller = Controller::start();
    let user = controller.user("a@b.co");
    let call =
        |method: &str, path: &str, body: &Value| controller.call(method, path, Some(&user), body);
    let profile = json!({ "firstName": "Ada", "lastName": "Test", "email": "a@b.co" });
    assert_eq!(call("GET", "/user/profile", &Value::Null).body, profile);
    // Only what was sent comes back, and the address, which nobody changes.
    let changed = call("PATCH", "/user/profile", &json!({ "lastName": "King", "email": "x@b.co" }));
    assert_eq!(
        (changed.status, changed.body),
        (200, json!({ "lastName": "King", "email": "a@b.co" }))
    );
    assert_eq!(call("GET", "/user/profile", &Value::Null).body["lastName"], "King");
    let wrong = json!({ "oldPassword": "nope", "newPassword": "password2" });
    let refused = call("PATCH", "/user/password", &wrong);
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (400, &json!("Old password is incorrect"))
    );
    let short = json!({ "oldPassword": "password1", "newPassword": "short67" });
    assert_eq!(call("PATCH", "/user/password", &short).status, 400);
    let good = json!({ "oldPassword": "password1", "newPassword": "password2" });
    assert_eq!(call("PATCH", "/user/password", &good).status, 204);
    assert!(!works(&controller, &user));
    assert_eq!(login(&controller, "a@b.co", "password1").status, 401);
    assert_eq!(login(&controller, "a@b.co", "password2").status, 200);
}

#[test]
fn an_account_goes_with_all_that_is_its_own_and_with_nothing_else() {
    let controller = Controller::start();
    let other = controller.user("other@b.co");
    controller.system_agent(&other);
    let user = controller.user("a@b.co");
    let call = |token: &str, method: &str, path: &str, body: &Value| {
        controller.call(method, path, Some(token), body)
    };
    let uuid = controller.gateway(&user, "gw", "10.0.0.1");
    let agent = controller.provision(&user, &uuid);
    let application = common::application("gw", "gw");
    assert_eq!(call(&user, "POST", "/application", &application).status, 201);
    let registry = json!({ "url": "r.example", "isPublic": true, "username": "u", "password": "p",
        "email": "a@b.co" });
    assert_eq!(call(&user, "POST", "/registries", &registry).status, 201);
    let template = json!({ "name": "t", "application": { "microservices": [], "routes": [] } });
    assert_eq!(call(&user, "POST", "/applicationTemplate", &template).status, 201);
    let report = json!({ "daemonStatus": "RUNNING" });
    controller.call("PUT", "/agent/status", Some(&agent), &report);
    let refused = call(&user, "DELETE", "/user/profile", &json!({}));
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.body["message"],
        "There are running iofog-agents, stop them before removal or pass 'force' parameter"
    );
    assert_eq!(call(&user, "GET", "/application/demo", &Value::Null).status, 200);
    assert_eq!(call(&user, "DELETE", "/user/profile", &json!({ "force": true })).status, 204);
    assert!(!works(&controller, &user));
    let gone = controller.call("GET", "/agent/config", Some(&agent), &Value::Null);
    assert_eq!(gone.status, 401, "its agent is gone");
    assert_eq!(login(&controller, "a@b.co", "password1").status, 401);
    let get = |path: &str| call(&other, "GET", path, &Value::Null).body;
    assert_eq!(get("/registries")["registries"].as_array().unwrap().len(), 2, "the seeded ones");
    assert_eq!(get("/microservices/public-ports"), json!([]));
    assert_eq!(get("/routes"), json!({ "routes": [] }));
    let system = get("/iofog-list?system=true");
    assert_eq!(system["fogs"].as_array().unwrap().len(), 1, "another user's agent stays");
    // The address is free again, and nothing of the former account comes back.
    let again = controller.user("a@b.co");
    assert_eq!(call(&again, "GET", "/application", &Value::Null).body["applications"], json!([]));
    let templates = call(&again, "GET", "/applicationTemplates", &Value::Null).body;
    assert_eq!(templates["applicationTemplates"], json!([]));
}

#[test]
fn mail_that_is_not_set_up_is_said_and_codes_are_unknown() {
    let controller = Controller::start();
    controller.user("a@b.co");
    let call = |method: &str, path: &str, body: Value| {
        let answer = controller.call(method, path, None, &body);
        (answer.status, answer.body)
    };
    let setup = json!({ "name": "EmailActivationSetupError",
        "message": "Email activation is not configured on Controller" });
    let unknown = |text: &str| json!({ "name": "NotFoundError", "message": text });
    let resend = "/user/signup/resend-activation?email=a@b.co";
    assert_eq!(call("GET", resend, Value::Null), (500, setup.clone()));
    let known = json!({ "email": "a@b.co" });
    assert_eq!(call("DELETE", "/user/password", known), (500, setup));
    let nobody = json!({ "email": "no@b.co" });
    assert_eq!(call("DELETE", "/user/password", nobody), (404, unknown("Account not found")));
    let code = json!({ "activationCode": "wrong" });
    assert_eq!(call("POST", "/user/activate", code), (404, unknown("Activation code not found")));
}

#[test]
fn each_call_adds_an_interval_to_the_life_of_a_token() {
    let environment = vec![
        ("Settings_UserTokenExpirationIntervalSeconds", "4".to_owned()),
        ("Settings_FogTokenExpirationIntervalSeconds", "4".to_owned()),
    ];
    let controller = Controller::start_with(environment);
    let used = controller.user("a@b.co");
    let idle = login(&controller, "a@b.co", "password1").body["accessToken"].clone();
    let uuid = controller.system_agent(&used);
    let agent = controller.provision(&used, &uuid);
    let seen = |token: &str| controller.call("GET", "/agent/config", Some(token), &Value::Null);
    // A minute and more in stock, as it adds up.
    for _ in 0..20 {
        assert!(works(&controller, &used));
        assert_eq!(seen(&agent).status, 200);
    }
    std::thread::sleep(Duration::from_secs(5));
    assert!(works(&controller, &used));
    assert_eq!(seen(&agent).status, 200);
    let ended = controller.call("GET", "/user/profile", Some(idle.as_str().unwrap()), &Value::Null);
    assert_eq!(
        (ended.status, ended.body),
        (401, json!({ "name": "AuthenticationError", "message": "token expired" }))
    );
    let path = format!("/iofog/{uuid}");
    let shown = controller.call("GET", &path, Some(&used), &Value::Null).body;
    assert!(shown["lastActive"].as_i64().unwrap() > 0, "each call says that the agent is there");
    // A new provisioning replaces the token; taking leave does not end it.
    let next = controller.provision(&used, &uuid);
    assert_eq!(seen(&agent).status, 401);
    let leave = json!({ "microserviceUuids": [] });
    let left = controller.call("POST", "/agent/deprovision", Some(&next), &leave);
    assert_eq!(left.status, 204);
    assert_eq!(seen(&next).status, 200);
}
