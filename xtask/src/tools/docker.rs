//! The container engine's HTTP API, the few calls that bringing up an ECN needs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::http::{Origin, Request, Response};

/// Where engines listen unless said otherwise.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// A container engine reached over its Unix socket.
#[derive(Clone, Debug)]
pub struct Docker {
    socket: PathBuf,
}

/// A container as the list shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// Engine id, 64 hex digits.
    pub id: String,
    /// Names with a leading slash.
    pub names: Vec<String>,
    /// Image reference.
    pub image: String,
    /// `running`, `exited`, ...
    pub state: String,
}

impl Container {
    /// First name without the leading slash.
    pub fn name(&self) -> &str {
        self.names.first().map_or("", |name| name.trim_start_matches('/'))
    }
}

/// A network as the engine describes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    /// Name.
    pub name: String,
    /// Address plan.
    #[serde(rename = "IPAM")]
    pub ipam: Ipam,
}

/// Address plan of a network.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ipam {
    /// One entry per address family; null for the networks without addresses.
    pub config: Option<Vec<IpamConfig>>,
}

/// One range of a network.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IpamConfig {
    /// `a.b.c.d/n`.
    pub subnet: Option<String>,
    /// Address of the host inside the range.
    pub gateway: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
    api_version: String,
}

/// An image or a new container.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Object {
    id: String,
}

#[derive(Deserialize)]
struct LoadLine {
    #[serde(default)]
    error: Option<String>,
}

impl Docker {
    /// An engine at this socket; nothing is contacted yet.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// The engine that `DOCKER_HOST` names when it is a Unix socket, else the default one.
    pub fn from_environment() -> Self {
        let named = std::env::var("DOCKER_HOST").ok();
        Self::at(named.as_deref().and_then(|h| h.strip_prefix("unix://")).unwrap_or(DEFAULT_SOCKET))
    }

    /// The socket as an Agent's `docker_url`.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The socket's path.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// True when the engine answers.
    pub fn answers(&self) -> bool {
        Request::new("GET", "/_ping")
            .with_timeout(Duration::from_secs(5))
            .send(&self.origin())
            .is_ok_and(|r| r.status == 200)
    }

    /// Engine and API version, for people.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn version(&self) -> Result<String> {
        let version: Version = self.get("/version")?.json()?;
        Ok(format!("{} (API {})", version.version, version.api_version))
    }

    /// All networks.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn networks(&self) -> Result<Vec<Network>> {
        self.get("/networks")?.json()
    }

    /// Creates a bridge network with a fixed range.
    ///
    /// # Errors
    /// When the engine refuses, for example because the range overlaps another.
    pub fn create_network(&self, name: &str, subnet: &str, gateway: &str) -> Result<()> {
        let body = json!({
            "Name": name,
            "CheckDuplicate": true,
            "Driver": "bridge",
            "IPAM": { "Driver": "default", "Config": [{ "Subnet": subnet, "Gateway": gateway }] },
            "Labels": { "iofog.ecn": "1" },
        });
        self.post("/networks/create", &body)?.expect(&[201])?;
        Ok(())
    }

    /// Removes a network; one that does not exist is fine.
    ///
    /// # Errors
    /// When containers still use it.
    pub fn remove_network(&self, name: &str) -> Result<()> {
        self.send(&Request::new("DELETE", &format!("/networks/{name}")))?.expect(&[204, 404])?;
        Ok(())
    }

    /// Id of an image that the engine holds; `None` when it has none of this name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn image_id(&self, reference: &str) -> Result<Option<String>> {
        let answer =
            self.get(&format!("/images/{}/json", escape(reference)))?.expect(&[200, 404])?;
        if answer.status == 404 {
            return Ok(None);
        }
        answer.json::<Object>().map(|image| Some(image.id))
    }

    /// Loads an archive in the form of `docker save`.
    ///
    /// # Errors
    /// When the engine refuses the archive.
    pub fn load_image(&self, archive: &[u8]) -> Result<()> {
        let answer = Request::new("POST", "/images/load?quiet=1")
            .with_body("application/x-tar", archive)
            .with_timeout(Duration::from_secs(120))
            .send(&self.origin())?
            .expect(&[200])?;
        // Failures come as a line of the body of a 200.
        for line in answer.text().lines() {
            if let Ok(LoadLine { error: Some(error) }) = serde_json::from_str(line) {
                anyhow::bail!("the engine refused the image: {error}");
            }
        }
        Ok(())
    }

    /// Removes an image that no container uses; returns false when one does.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn remove_image(&self, reference: &str) -> Result<bool> {
        let path = format!("/images/{}", escape(reference));
        Ok(self.send(&Request::new("DELETE", &path))?.expect(&[200, 404, 409])?.status != 409)
    }

    /// Containers, also those that do not run, that carry this label (`key=value`).
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn containers(&self, label: &str) -> Result<Vec<Container>> {
        let filters = escape(&json!({ "label": [label] }).to_string());
        self.get(&format!("/containers/json?all=1&filters={filters}"))?.expect(&[200])?.json()
    }

    /// Stops a container (2 s to end by itself) and removes it; its named volumes stay.
    ///
    /// # Errors
    /// When the engine cannot remove it.
    pub fn remove_container(&self, id: &str) -> Result<()> {
        let stop = format!("/containers/{id}/stop?t=2");
        self.post(&stop, &json!({}))?.expect(&[204, 304, 404])?;
        let remove = format!("/containers/{id}?force=true");
        // 409: somebody else is removing it right now.
        self.send(&Request::new("DELETE", &remove))?.expect(&[204, 404, 409])?;
        Ok(())
    }

    /// Inspects a container; `None` when there is none.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn inspect(&self, id: &str) -> Result<Option<serde_json::Value>> {
        let answer = self.get(&format!("/containers/{id}/json"))?.expect(&[200, 404])?;
        if answer.status == 404 { Ok(None) } else { answer.json().map(Some) }
    }

    /// Creates and starts a container from the engine's own description of one. Returns its id.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn run_container(&self, name: &str, description: &serde_json::Value) -> Result<String> {
        let path = format!("/containers/create?name={}", escape(name));
        let created: Object = self.post(&path, description)?.expect(&[201])?.json()?;
        self.post(&format!("/containers/{}/start", created.id), &json!({}))?.expect(&[204])?;
        Ok(created.id)
    }

    fn origin(&self) -> Origin {
        Origin::Unix(self.socket.clone())
    }

    fn get(&self, path: &str) -> Result<Response> {
        self.send(&Request::new("GET", path))
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> Result<Response> {
        self.send(
            &Request::new("POST", path).with_body("application/json", body.to_string().as_bytes()),
        )
    }

    fn send(&self, request: &Request<'_>) -> Result<Response> {
        request.send(&self.origin()).context("container engine")
    }
}

/// Percent-encodes everything but unreserved characters and the slash of image names.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
