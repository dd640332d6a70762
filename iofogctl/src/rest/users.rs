//! Accounts and the Controller's own status.

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
