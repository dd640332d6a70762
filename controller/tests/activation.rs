//! Mail to users (controller contract 3): accounts that a code opens, temporary passwords, notices; through a mail server of
//! another make, with TLS and a login.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail and skip here")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use common::{Answer, Controller, Environment};
use iofog_tls::Authority;
use serde_json::{Value, json};

/// aiosmtpd from the distribution: STARTTLS and a login are demanded, each mail becomes one line of JSON.
const SERVER: &str = "
import asyncio, email, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content)
        text = mail.get_payload(decode=True).decode().replace('\\r\\n', '\\n')
        print(json.dumps({'from': envelope.mail_from, 'to': envelope.rcpt_tos, 'subject': mail['subject'], 'text': text}), flush=True)
        return '250 OK'
def login(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b'ecn@example.org', b'open sesame')
    return AuthResult(success=right, handled=False)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[1], sys.argv[2])
async def main():
    make = lambda: SMTP(Handler(), tls_context=tls, require_starttls=True, auth_required=True, authenticator=login)
    server = await asyncio.get_running_loop().create_server(make, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
";

struct MailServer {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
    folder: PathBuf,
}

impl MailServer {
    /// None where it is not installed.
    fn start() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let python = "/usr/bin/python3";
        let mut there = Command::new(python);
        there.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        if !there.status().is_ok_and(|status| status.success()) {
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("iofog-mail-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Authority::new("mail test").unwrap();
        let own = authority.issue("localhost", &["localhost"]).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        std::fs::write(&chain, &own.certificate).unwrap();
        std::fs::write(&key, &own.key).unwrap();
        std::fs::write(folder.join("ca.pem"), authority.certificate()).unwrap();
        let mut child = Command::new(python)
            .args(["-c", SERVER])
            .args([&chain, &key])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        Some(Self { child, lines, port: line.trim().parse().unwrap(), folder })
    }

    fn settings(&self, password: &str) -> Environment {
        vec![
            ("Email_ActivationEnabled", "true".to_owned()),
            ("Email_HomeUrl", "https://ecn.example.org".to_owned()),
            ("Email_Address", "ecn@example.org".to_owned()),
            ("Email_Password", password.to_owned()),
            ("Email_Host", "localhost".to_owned()),
            ("Email_Port", self.port.to_string()),
            ("Email_Security", "starttls".to_owned()),
            ("Email_Authority", self.folder.join("ca.pem").display().to_string()),
        ]
    }

    /// The next mail, which has this subject and goes to this address; its text.
    fn text(&mut self, to: &str, subject: &str) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let mail: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(mail["from"], "ecn@example.org");
        assert_eq!((&mail["to"], &mail["subject"]), (&json!([to]), &json!(subject)));
        mail["text"].as_str().unwrap().to_owned()
    }

    fn code(&mut self, to: &str) -> String {
        let text = self.text(to, "Activate Your Account");
        let code = text.split("Your activation code is ").nth(1).unwrap().lines().next().unwrap();
        assert_eq!(code.len(), 16, "{text}");
        assert!(text.contains(&format!("https://ecn.example.org/#/activation?code={code}")));
        code.to_owned()
    }

    fn temporary_password(&mut self, to: &str) -> String {
        let text = self.text(to, "Password Reset Request");
        text.lines().find(|line| line.len() == 12 && !line.contains(' ')).unwrap().to_owned()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A mail server and a Controller that uses it.
fn pair() -> Option<(MailServer, Controller)> {
    let server = MailServer::start();
    if server.is_none() {
        println!("skipped: python3-aiosmtpd is not installed");
    }
    let server = server?;
    let controller = Controller::start_with(server.settings("open sesame"));
    Some((server, controller))
}

const ADA: &str = "ada@example.org";

fn signup(controller: &Controller) -> Answer {
    let body =
        json!({ "firstName": "Ada", "lastName": "Test", "email": ADA, "password": "password1" });
    controller.call("POST", "/user/signup", None, &body)
}

fn login(controller: &Controller, password: &str) -> Answer {
    controller.call("POST", "/user/login", None, &json!({ "email": ADA, "password": password }))
}

fn activate(controller: &Controller, code: &str) -> Answer {
    controller.call("POST", "/user/activate", None, &json!({ "activationCode": code }))
}

fn resend(controller: &Controller) -> Answer {
    let path = format!("/user/signup/resend-activation?email={ADA}");
    controller.call("GET", &path, None, &Value::Null)
}

fn reset(controller: &Controller, email: &str) -> u16 {
    controller.call("DELETE", "/user/password", None, &json!({ "email": email })).status
}

#[test]
fn an_account_is_closed_until_its_code_comes() {
    let Some((mut server, controller)) = pair() else { return };
    let enabled = controller.call("GET", "/email-activation", None, &Value::Null);
    assert_eq!(enabled.body, json!({ "isEmailActivationEnabled": true }));
    let made = signup(&controller);
    assert_eq!((made.status, &made.body["emailActivated"]), (201, &json!(false)));
    let code = server.code(ADA);
    let closed = login(&controller, "password1");
    let message = "Email is not activated. Please activate your account first.";
    assert_eq!((closed.status, &closed.body["message"]), (500, &json!(message)));
    assert_eq!(login(&controller, "password2").status, 401, "who does not know it learns nothing");
    assert!(signup(&controller).text.contains("already an account associated"));

    let wrong = activate(&controller, "bcdfghjkmnpqrtvw");
    assert_eq!((wrong.status, &wrong.body["message"]), (404, &json!("Activation code not found")));
    let opened = activate(&controller, &code);
    assert_eq!(
        (opened.status, opened.headers["location"].to_str().unwrap()),
        (303, "https://ecn.example.org")
    );
    assert_eq!(login(&controller, "password1").status, 200);
    assert_eq!(activate(&controller, &code).status, 404, "it is used up");
    assert_eq!(resend(&controller).status, 204, "and no further mail, see the next one");
    assert_eq!(reset(&controller, ADA), 204);
    server.temporary_password(ADA);
    let log = controller.log().join("\n");
    assert!(!log.contains(&code) && !log.contains("open sesame"), "{log}");
}

#[test]
fn codes_come_again_and_end() {
    let Some((mut server, mut controller)) = pair() else { return };
    signup(&controller);
    let first = server.code(ADA);
    assert_eq!(resend(&controller).status, 204, "no mail so soon after the first");
    controller.restart_after("UPDATE activation_codes SET expires = expires - 120000");
    assert_eq!(resend(&controller).status, 204);
    let second = server.code(ADA);
    assert_ne!(first, second);
    controller.restart_after("UPDATE activation_codes SET expires = 1");
    assert_eq!(activate(&controller, &second).status, 404, "three days have passed");
    assert_eq!(resend(&controller).status, 204);
    let third = server.code(ADA);
    assert_eq!(activate(&controller, &third).status, 303);
    for (query, status) in [("?email=bob@example.org", 400), ("?email=bob", 400), ("", 400)] {
        let path = format!("/user/signup/resend-activation{query}");
        assert_eq!(controller.call("GET", &path, None, &Value::Null).status, status, "{query}");
    }
}

#[test]
fn a_temporary_password_works_beside_the_own_one_until_a_new_one_is_set() {
    let Some((mut server, controller)) = pair() else { return };
    signup(&controller);
    let code = server.code(ADA);
    activate(&controller, &code);
    assert_eq!(reset(&controller, "bob@example.org"), 404);
    assert_eq!(reset(&controller, ADA), 204);
    let temporary = server.temporary_password(ADA);
    assert_eq!(reset(&controller, ADA), 204, "no mail so soon after the first");
    assert_eq!(login(&controller, "password1").status, 200);
    let token = login(&controller, &temporary).body["accessToken"].as_str().unwrap().to_owned();
    let body = json!({ "oldPassword": temporary, "newPassword": "password3" });
    assert_eq!(controller.call("PATCH", "/user/password", Some(&token), &body).status, 204);
    server.text(ADA, "Password Change Notification");
    for (password, status) in [("password3", 200), ("password1", 401), (temporary.as_str(), 401)] {
        assert_eq!(login(&controller, password).status, status, "{password}");
    }
}

#[test]
fn many_at_once_get_one_mail() {
    let Some((mut server, controller)) = pair() else { return };
    let at_once = |ask: &(dyn Fn() -> u16 + Sync)| -> Vec<u16> {
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        })
    };
    let made = at_once(&|| signup(&controller).status);
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
    assert!(made.iter().all(|status| [201, 400].contains(status)), "{made:?}");
    assert_eq!(
        reset(&controller, ADA),
        204,
        "no mail: nobody has proved that the address is theirs"
    );
    let code = server.code(ADA);
    activate(&controller, &code);
    assert_eq!(at_once(&|| reset(&controller, ADA)), [204; 12]);
    let temporary = server.temporary_password(ADA);
    assert_eq!(login(&controller, &temporary).status, 200);
    let token = login(&controller, "password1").body["accessToken"].as_str().unwrap().to_owned();
    let body = json!({ "oldPassword": "password1", "newPassword": "password3" });
    assert_eq!(controller.call("PATCH", "/user/password", Some(&token), &body).status, 204);
    server.text(ADA, "Password Change Notification");
}

#[test]
fn an_address_that_mail_does_not_know_is_refused_by_name() {
    let Some((_server, controller)) = pair() else { return };
    let body = json!({ "firstName": "Ada", "lastName": "Test", "email": "a@-x.com", "password": "password1" });
    let refused = controller.call("POST", "/user/signup", None, &body);
    assert_eq!(
        (refused.status, refused.body["message"].as_str()),
        (400, Some("Invalid format for field 'email'"))
    );
}

#[test]
fn a_temporary_password_ends_after_a_day() {
    let Some((mut server, mut controller)) = pair() else { return };
    signup(&controller);
    let code = server.code(ADA);
    activate(&controller, &code);
    reset(&controller, ADA);
    let temporary = server.temporary_password(ADA);
    controller.restart_after("UPDATE temporary_passwords SET expires = 1");
    assert_eq!(login(&controller, &temporary).status, 401);
    assert_eq!(login(&controller, "password1").status, 200);
}

#[test]
fn a_mail_that_nobody_takes_leaves_nothing_behind() {
    let Some(server) = MailServer::start() else {
        println!("skipped: python3-aiosmtpd is not installed");
        return;
    };
    let controller = Controller::start_with(server.settings("open barley"));
    for _ in 0..2 {
        let refused = signup(&controller);
        assert_eq!(
            (refused.status, &refused.body["name"]),
            (500, &json!("EmailActivationSetupError"))
        );
        assert_eq!(refused.body["message"], "Email sender not configured");
    }
    assert_eq!(login(&controller, "password1").status, 401);
    let log = controller.log().join("\n");
    assert!(log.contains("no mail to a user") && !log.contains("open barley"), "{log}");
}

#[test]
fn without_a_sender_an_account_that_has_to_be_activated_is_not_made() {
    let controller = Controller::start_with(vec![("Email_ActivationEnabled", "true".to_owned())]);
    let refused = signup(&controller);
    assert_eq!(refused.status, 500);
    assert_eq!(refused.body["message"], "Email activation is not configured on Controller");
    assert_eq!(login(&controller, "password1").status, 401);
}
