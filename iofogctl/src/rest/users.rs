//! Accounts and the Controller's own status.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Client;
use crate::config::records::IofogUser;
use crate::text::{Error, Result};

/// Answer of `GET /status`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// `online` or `offline`.
    pub status: String,
    /// Seconds since start.
    pub uptime_sec: f64,
    /// Versions of its parts.
    pub versions: Versions,
}

/// Versions inside a status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// The Controller's own.
    pub controller: String,
}

#[derive(Serialize)]
struct Login<'a> {
    email: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signup<'a> {
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    password: &'a str,
}

impl Client {
    /// A client logged in as a user.
    ///
    /// # Errors
    /// What the Controller answers; 401 when the credentials are wrong.
    pub fn login(endpoint: &str, user: &IofogUser) -> Result<Self> {
        let mut client = Self::new(endpoint);
        let password = user.plain_password();
        let token: Token =
            client.post("/user/login", &Login { email: &user.email, password: &password })?;
        client.set_token(token.access_token);
        Ok(client)
    }

    /// The Controller's state.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn status(&self) -> Result<Status> {
        self.get("/status")
    }

    /// Asks, a second apart, until the Controller says that it serves.
    ///
    /// # Errors
    /// What it said last, after some tries.
    pub fn until_online(&self, tries: u32) -> Result<()> {
        let mut last = Error::plain("it was not asked");
        for attempt in 0..tries {
            if attempt > 0 {
                std::thread::sleep(Duration::from_secs(1));
            }
            match self.status() {
                Ok(status) if status.status == "online" => return Ok(()),
                Ok(status) => last = Error::Plain(format!("it says that it is {}", status.status)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Creates an account; an existing one of that mail address is fine.
    ///
    /// # Errors
    /// Any other refusal.
    pub fn ensure_user(&self, user: &IofogUser) -> Result<()> {
        let password = user.plain_password();
        let signup = Signup {
            first_name: &user.name,
            last_name: &user.surname,
            email: &user.email,
            password: &password,
        };
        match self.post::<_, serde_json::Value>("/user/signup", &signup) {
            Err(Error::Http { body, .. }) if body.contains("already an account associated") => {
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// A Controller that says one thing after the other, the last one for good.
    fn saying(words: &'static [&'static str]) -> Client {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let (mut stream, word) = (stream.unwrap(), words[at.min(words.len() - 1)]);
                let _ = stream.read(&mut [0; 4096]);
                let body = format!(r#"{{"status":"{word}"}}"#);
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n");
                write!(stream, "{head}Connection: close\r\n\r\n{body}").unwrap();
            }
        });
        Client::new(&format!("http://127.0.0.1:{port}/api/v3"))
    }

    #[test]
    fn a_controller_that_answers_is_not_yet_one_that_serves() {
        saying(&["offline", "online"]).until_online(2).unwrap();
        let told = saying(&["offline"]).until_online(1).unwrap_err().to_string();
        assert_eq!(told, "it says that it is offline");
    }
}
