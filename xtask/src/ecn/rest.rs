//! The Controller's REST API as a user calls it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::tools::http::{Origin, Request, Response};

/// Credentials of the Controller's user.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    /// E-mail address, the user's name.
    pub email: String,
    /// Password.
    pub password: String,
}

/// A Controller, with the token of a login once there is one.
#[derive(Clone)]
pub struct Rest {
    address: String,
    /// The only authority that is believed; none = plain HTTP.
    authority: Option<PathBuf>,
    token: Option<String>,
}

/// An Agent as the list shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Fog {
    /// Identity.
    pub uuid: String,
    /// Name.
    pub name: String,
    /// `RUNNING`, `UNKNOWN`, ...
    #[serde(default, rename = "daemonStatus")]
    pub daemon_status: Option<String>,
}

/// A microservice with what `up` shows of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Microservice {
    /// Identity; the container is called `iofog_<uuid>`.
    pub uuid: String,
    /// Name inside its application.
    pub name: String,
    /// Agent that runs it.
    #[serde(rename = "iofogUuid")]
    pub iofog_uuid: Option<String>,
    /// Published ports.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Last reported state.
    #[serde(default)]
    pub status: MicroserviceStatus,
}

/// A port mapping.
#[derive(Clone, Debug, Deserialize)]
pub struct Port {
    /// Port on the Agent's host.
    pub external: u16,
    /// Exposure through the interior Proxy.
    pub public: Option<PublicPort>,
}

/// A public port.
#[derive(Clone, Debug, Deserialize)]
pub struct PublicPort {
    /// URLs under which it is reached.
    #[serde(default)]
    pub links: Vec<String>,
}

/// Last reported state of a microservice.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MicroserviceStatus {
    /// `QUEUED`, `RUNNING`, ...
    #[serde(default)]
    pub status: String,
    /// Container id.
    #[serde(default)]
    pub container_id: Option<String>,
    /// Why it does not run.
    #[serde(default)]
    pub error_message: Option<String>,
}

impl Rest {
    /// A Controller at `host:port`, not logged in.
    pub fn at(address: impl Into<String>) -> Self {
        Self { address: address.into(), authority: None, token: None }
    }

    /// The same over TLS; the file may appear later.
    #[must_use]
    pub fn over_tls(mut self, authority: PathBuf) -> Self {
        self.authority = Some(authority);
        self
    }

    /// The authority of [`Rest::over_tls`].
    pub fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// Base URL for Agents.
    pub fn base_url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/api/v3/", self.address)
    }

    /// Controller version when it answers with status 200.
    pub fn version(&self) -> Option<String> {
        let answer = Request::new("GET", "/api/v3/status")
            .with_timeout(Duration::from_secs(2))
            .send(&self.origin())
            .ok()
            .filter(|r| r.status == 200)?;
        let body: Value = answer.json().ok()?;
        body["versions"]["controller"].as_str().map(str::to_owned)
    }

    /// Signs the user up (unless known) and logs in.
    ///
    /// # Errors
    /// When the Controller refuses.
    pub fn log_in(&mut self, user: &User) -> Result<()> {
        let body = json!({
            "firstName": "Edge", "lastName": "Operator",
            "email": user.email, "password": user.password,
        });
        let signup = self.call("POST", "/user/signup", Some(&body))?;
        if !(signup.status == 400 && signup.text().contains("already an account associated")) {
            signup.expect(&[201]).context("sign-up")?;
        }
        let body = json!({ "email": user.email, "password": user.password });
        let login: Value = self
            .call("POST", "/user/login", Some(&body))?
            .expect(&[200])
            .context("login")?
            .json()?;
        self.token = login["accessToken"].as_str().map(str::to_owned);
        anyhow::ensure!(self.token.is_some(), "login answered without a token");
        Ok(())
    }

    /// The Agent of this name among the system ones or the user's own.
    ///
    /// # Errors
    /// When the Controller refuses.
    pub fn find_agent(&self, name: &str, system: bool) -> Result<Option<Fog>> {
        #[derive(Deserialize)]
        struct List {
            fogs: Vec<Fog>,
        }
        let list: List = self.get(&format!("/iofog-list?system={system}"))?.json()?;
        Ok(list.fogs.into_iter().find(|fog| fog.name == name))
    }

    /// Creates an Agent and returns its uuid.
    ///
    /// # Errors
    /// When the Controller refuses.
    pub fn create_agent(&self, body: &Value) -> Result<String> {
        let answer: Value = self.call("POST", "/iofog", Some(body))?.expect(&[201])?.json()?;
        answer["uuid"].as_str().map(str::to_owned).context("the answer has no uuid")
    }

    /// Updates an Agent.
    ///
    /// # Errors
    /// When the Controller refuses.
    pub fn update_agent(&self, uuid: &str, body: &Value) -> Result<()> {
        self.call("PATCH", &format!("/iofog/{uuid}"), Some(body))?.expect(&[204])?;
        Ok(())
    }

    /// A fresh provisioning key of an Agent.
    ///
    /// # Errors
    /// When the Controller refuses.
    pub fn provisioning_key(&self, uuid: &str) -> Result<String> {
        let path = format!("/iofog/{uuid}/provisioning-key");
        let answer: Value = self.call("GET", &path, None)?.expect(&[200, 201])?.json()?;
        answer["key"].as_str().map(str::to_owned).context("the answer has no key")
    }

    /// The microservices of an application; `None` when there is no such application.
    ///
    /// # Errors
    /// When the Controller refuses.
    pub fn microservices(&self, application: &str) -> Result<Option<Vec<Microservice>>> {
        #[derive(Deserialize)]
        struct List {
            microservices: Vec<Microservice>,
        }
        let found = self.call("GET", &format!("/application/{application}"), None)?;
        if found.expect(&[200, 404])?.status == 404 {
            return Ok(None);
        }
        let list: List = self.get(&format!("/microservices?application={application}"))?.json()?;
        Ok(Some(list.microservices))
    }

    /// Creates (`update` false) or updates an application from its YAML text.
    ///
    /// # Errors
    /// When the Controller refuses the text; the message is the Controller's.
    pub fn deploy_yaml(&self, name: &str, yaml: &[u8], update: bool) -> Result<()> {
        let (method, path) = if update {
            ("PUT", format!("/application/yaml/{name}"))
        } else {
            ("POST", "/application/yaml".to_owned())
        };
        self.send_file(method, &path, "application", yaml)?.expect(&[200, 201, 204])?;
        Ok(())
    }

    /// Deletes an application.
    ///
    /// # Errors
    /// When the Controller refuses.
    pub fn delete_application(&self, name: &str) -> Result<()> {
        self.call("DELETE", &format!("/application/{name}"), None)?.expect(&[204])?;
        Ok(())
    }

    /// Any call with an optional JSON body; the path is without the `/api/v3` prefix.
    ///
    /// # Errors
    /// When the Controller cannot be reached; every status is a success here.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let text = body.map(Value::to_string);
        self.send(method, path, text.as_deref().map(|t| ("application/json", t.as_bytes())))
    }

    /// Any call with one multipart file field.
    ///
    /// # Errors
    /// As [`Rest::call`].
    pub fn send_file(
        &self,
        method: &str,
        path: &str,
        field: &str,
        file: &[u8],
    ) -> Result<Response> {
        const BOUNDARY: &str = "----ecn-9f1c7a52d0";
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; \
             filename=\"{field}.yaml\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.send(method, path, Some((&content_type, &body)))
    }

    /// Any call with any body and media type.
    ///
    /// # Errors
    /// As [`Rest::call`].
    pub fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Result<Response> {
        let target = format!("/api/v3{path}");
        let mut request = Request::new(method, &target);
        if let Some(token) = &self.token {
            request = request.with_header("Authorization", token);
        }
        if let Some((content_type, bytes)) = body {
            request = request.with_body(content_type, bytes);
        }
        request.send(&self.origin()).context("Controller")
    }

    /// The same Controller called with another token, or with none.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    fn get(&self, path: &str) -> Result<Response> {
        self.call("GET", path, None)?.expect(&[200])
    }

    fn origin(&self) -> Origin {
        match &self.authority {
            Some(authority) => Origin::Tls(self.address.clone(), authority.clone()),
            None => Origin::Tcp(self.address.clone()),
        }
    }
}
