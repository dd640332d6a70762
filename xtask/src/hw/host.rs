//! What the emulated gateway talks to: a Controller, the interior Router beside it, and another gateway.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::network::{CONTROLLER, FAR_GATEWAY};
use crate::ecn::rest::Rest;
use crate::ecn::state::{GatewayNetwork, SYSTEM_AGENT};
use crate::ecn::{EcnState, Layout, agent, application, controller};
use crate::tools::cargo::Programs;
use crate::tools::process::{Daemon, ProcessId};
use crate::tools::{files, interrupt, say};

/// Name of the emulated gateway.
pub const EDGE: &str = "edge";
/// Name of the gateway on this machine.
const FAR: &str = "far";
/// Name of the application.
const APPLICATION: &str = "hardware";
/// Public port of the page that the emulated gateway serves.
const PUBLIC_PORT: u16 = 6080;
/// Port of the page on the gateways.
pub const PAGE_PORT: u16 = 8080;
/// The certificate that an Agent believes beside the machine's own, in its folder of settings.
pub const CERTIFICATE: &str = "cert.crt";
/// Nothing on the network takes longer, however busy this machine is.
pub const PATIENCE: Duration = Duration::from_secs(480);

/// The network around the emulated gateway.
pub struct Host {
    /// The Controller, logged in.
    pub rest: Rest,
    layout: Layout,
    processes: Vec<ProcessId>,
    programs: Programs,
    /// The emulated gateway as the Controller knows it.
    pub edge: String,
}

/// The microservices of the application.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// Sends readings from the emulated gateway.
    pub sensor: String,
    /// Serves a page on the emulated gateway.
    pub page: String,
}

impl Host {
    /// Starts everything in a fresh folder.
    ///
    /// # Errors
    /// When a part does not come up; the end of its log is in the message.
    pub fn start(folder: &Path, programs: Programs) -> Result<Self> {
        let _ = fs::remove_dir_all(folder);
        let layout = Layout::at(folder)?;
        layout.create()?;
        let address: Ipv4Addr = CONTROLLER.parse()?;
        let far = GatewayNetwork {
            agent: FAR.to_owned(),
            network: String::new(),
            subnet: String::new(),
            address: FAR_GATEWAY.parse()?,
        };
        let state = EcnState::new("hw".to_owned(), address, vec![far]);
        let (process, mut rest) = controller::start_over_tls(&layout, &state, &programs)?;
        let mut processes = vec![process];
        rest.log_in(&controller::user(&layout)?)?;
        for name in [SYSTEM_AGENT, FAR] {
            let uuid = agent::register(&rest, &state, name)?;
            let bind = state.agent_address(name).context("an Agent without address")?;
            settings(&layout, &rest, name, bind)?;
            processes.push(agent::start(&layout, &programs, name)?);
            agent::provision(&layout, &programs, &rest, name, &uuid)?;
        }
        let edge = rest.create_agent(&json!({
            "name": EDGE, "fogType": 2, "host": "10.0.2.15", "routerMode": "edge", "messagingPort": 5672,
        }))?;
        say::step("hw", "Controller, interior Router and far gateway run");
        Ok(Self { rest, layout, processes, programs, edge })
    }

    /// Base URL of the Controller, for the guest.
    pub fn url(&self) -> String {
        self.rest.base_url()
    }

    /// File with the Controller's certificate.
    ///
    /// # Errors
    /// When it speaks plain HTTP.
    pub fn certificate(&self) -> Result<PathBuf> {
        self.rest.authority().map(Path::to_path_buf).context("no certificate of the Controller")
    }

    /// Deploys the application: a sensor and a page on the emulated gateway, a dashboard on the other.
    ///
    /// # Errors
    /// When the Controller refuses it.
    pub fn deploy(&mut self) -> Result<Deployed> {
        let yaml = include_str!("../../../hw-tests/application.yaml");
        self.rest.deploy_yaml(APPLICATION, yaml.as_bytes(), false)?;
        let sensor = self.uuid("sensor")?;
        let page = self.uuid("page")?;
        let dashboard = self.uuid("dashboard")?;
        let daemon = Daemon {
            program: &self.programs.dashboard,
            arguments: Vec::new(),
            environment: vec![
                ("SELFNAME".into(), dashboard),
                ("LOCAL_API".into(), format!("{FAR_GATEWAY}:54321")),
                ("PAGE_ADDRESS".into(), format!("{FAR_GATEWAY}:{PAGE_PORT}")),
            ],
            log: self.layout.log("dashboard"),
        };
        self.processes.push(daemon.start()?);
        Ok(Deployed { sensor, page })
    }

    /// Ends everything.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn stop(mut self) -> Result<()> {
        for process in std::mem::take(&mut self.processes).iter().rev() {
            process.stop(Duration::from_secs(10))?;
        }
        Ok(())
    }

    fn uuid(&self, name: &str) -> Result<String> {
        let all = self.rest.microservices(APPLICATION)?.unwrap_or_default();
        let found = all.into_iter().find(|one| one.name == name);
        found.map(|one| one.uuid).with_context(|| format!("no microservice {name}"))
    }

    /// Last reported state of a microservice.
    ///
    /// # Errors
    /// When the Controller does not answer.
    pub fn state_of(&self, name: &str) -> Result<String> {
        let all = self.rest.microservices(APPLICATION)?.unwrap_or_default();
        Ok(all
            .into_iter()
            .find(|one| one.name == name)
            .map(|one| one.status.status)
            .unwrap_or_default())
    }

    /// Gives the sensor another configuration, so that the guest has something to write down.
    ///
    /// # Errors
    /// When the Controller refuses it.
    pub fn change_config(&self, sensor: &str, number: u32) -> Result<()> {
        let config = json!({"intervalMs": 200, "number": number}).to_string();
        let body = json!({ "config": config });
        self.rest
            .call("PATCH", &format!("/microservices/{sensor}"), Some(&body))?
            .expect(&[200, 204])?;
        Ok(())
    }

    /// What the dashboard on the other gateway has received so far, as it counts it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn received(&self) -> Result<Value> {
        let (status, text) =
            application::get(&format!("http://{FAR_GATEWAY}:{PAGE_PORT}/api/messages"))?;
        anyhow::ensure!(status == 200, "dashboard: status {status}");
        serde_json::from_str(&text).context("dashboard")
    }

    /// Waits until the dashboard has received more than it has now.
    ///
    /// # Errors
    /// When nothing arrives within [`PATIENCE`].
    pub fn wait_messages(&self, more: u64) -> Result<u64> {
        let count = |host: &Self| host.received().map(|value| value["count"].as_u64().unwrap_or(0));
        let start = count(self).unwrap_or(0);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = count(self).unwrap_or(0);
            if now >= start + more {
                return Ok(now - start);
            }
            if Instant::now() > deadline {
                bail!("{now} messages at the far gateway, {start} before; none came");
            }
            interrupt::sleep(Duration::from_millis(100))?;
        }
    }

    /// Opens the page of the emulated gateway through the public port.
    ///
    /// # Errors
    /// When it does not open within [`PATIENCE`].
    pub fn wait_page(&self) -> Result<String> {
        application::wait_page(&format!("http://{CONTROLLER}:{PUBLIC_PORT}/"), PATIENCE)
    }

    /// The emulated gateway as the Controller shows it.
    ///
    /// # Errors
    /// When the Controller does not answer.
    pub fn edge_view(&self) -> Result<Value> {
        self.rest.call("GET", &format!("/iofog/{}", self.edge), None)?.expect(&[200])?.json()
    }
}

/// After a failure nothing is left that the next attempt would meet.
impl Drop for Host {
    fn drop(&mut self) {
        for process in self.processes.iter().rev() {
            let _ = process.stop(Duration::from_secs(10));
        }
    }
}

/// Settings of an Agent on this machine, written before its first start.
fn settings(layout: &Layout, rest: &Rest, name: &str, bind: Ipv4Addr) -> Result<()> {
    let folder = layout.agent(name);
    fs::create_dir_all(&folder)?;
    let authority = rest.authority().context("no certificate of the Controller")?;
    fs::copy(authority, folder.join(CERTIFICATE))?;
    let text = format!(
        "<config>\n  <controller_url>{}</controller_url>\n  <docker_url>unix:///run/no-engine.sock</docker_url>\n  \
         <bind_address>{bind}</bind_address>\n</config>\n",
        rest.base_url()
    );
    files::write_private(&folder.join("config.xml"), text.as_bytes())
}
