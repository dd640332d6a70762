//! What the measured Agent needs around it: a Controller over TLS behind a counting relay, and the system Agent with the
//! interior Router. Loopback addresses of its own; the Controller's data lies in a fresh folder.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use xtask::ecn::rest::Rest;
use xtask::ecn::state::{GatewayNetwork, SYSTEM_AGENT};
use xtask::ecn::{EcnState, Layout, agent, application, controller, images};
use xtask::tools::cargo::Programs;
use xtask::tools::docker::Docker;
use xtask::tools::files;
use xtask::tools::process::ProcessId;

use super::relay::Relay;

/// Name of the measured Agent.
pub const EDGE: &str = "edge";
const LOOPBACK: Ipv4Addr = Ipv4Addr::new(127, 78, 0, 9);
/// Where the measured Agent listens.
pub const EDGE_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 78, 0, 10);
const RELAY_PORT: u16 = 51122;
const APPLICATION: &str = "bench-agent";

/// Everything that runs.
pub struct Network {
    /// Counts what passes between the measured Agent and the Controller.
    pub relay: Relay,
    layout: Layout,
    programs: Programs,
    rest: Rest,
    processes: Vec<ProcessId>,
    edge: Option<ProcessId>,
    deployed: bool,
}

impl Network {
    /// Brings everything up, with `programs.agent` as the measured Agent and as the one beside the Controller.
    ///
    /// # Errors
    /// When a part does not come up.
    pub fn start(folder: &Path, programs: Programs) -> Result<Self> {
        let _ = std::fs::remove_dir_all(folder);
        let layout = Layout::at(folder)?;
        layout.create()?;
        let edge = GatewayNetwork {
            agent: EDGE.to_owned(),
            network: String::new(),
            subnet: String::new(),
            address: EDGE_ADDRESS,
        };
        let state = EcnState::new("bench-agent".to_owned(), LOOPBACK, vec![edge]);
        let (process, mut rest) = controller::start_over_tls(&layout, &state, &programs)?;
        let mut processes = vec![process];
        let relay = Relay::start(
            SocketAddr::from((LOOPBACK, RELAY_PORT)),
            SocketAddr::from((LOOPBACK, controller::PORT)),
        )?;
        rest.log_in(&controller::user(&layout)?)?;
        let mut edge = None;
        for name in [SYSTEM_AGENT, EDGE] {
            let uuid = agent::register(&rest, &state, name)?;
            let address = state.agent_address(name).context("an Agent without address")?;
            settings(&layout, &rest, name, address)?;
            let process = agent::start(&layout, &programs, name)?;
            agent::provision(&layout, &programs, &rest, name, &uuid)?;
            match name {
                EDGE => edge = Some(process),
                _ => processes.push(process),
            }
        }
        Ok(Self { relay, layout, programs, rest, processes, edge, deployed: false })
    }

    /// Lets the Agent run this many containers that do nothing; returns once the Controller shows all as running.
    ///
    /// # Errors
    /// When there is no container engine, or they do not run within two minutes.
    pub fn deploy(&mut self, microservices: usize) -> Result<()> {
        images::load(&Docker::from_environment(), &self.programs)?;
        let fog_type = if cfg!(target_arch = "x86_64") { 1 } else { 2 };
        let microservices: Vec<_> = (0..microservices)
            .map(|number| {
                json!({
                    "name": format!("quiet-{number}"),
                    "agentName": EDGE,
                    "registryId": 2,
                    "images": [{ "containerImage": images::DASHBOARD, "fogTypeId": fog_type }],
                })
            })
            .collect();
        let body =
            json!({ "name": APPLICATION, "isActivated": true, "microservices": microservices });
        self.deployed = true;
        self.rest.call("POST", "/application", Some(&body))?.expect(&[201])?;
        application::wait_running(&self.rest, APPLICATION, Duration::from_secs(120))?;
        Ok(())
    }

    /// The measured Agent's process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn edge(&self) -> Result<&ProcessId> {
        self.edge.as_ref().filter(|edge| edge.is_running()).context("the Agent does not run")
    }

    /// Ends the measured Agent.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_edge(&mut self) -> Result<()> {
        self.edge.take().map_or(Ok(false), |edge| edge.stop(Duration::from_secs(10)))?;
        Ok(())
    }

    /// Remembers the process of [`super::start::once`].
    pub fn started(&mut self, edge: ProcessId) {
        self.edge = Some(edge);
    }

    /// State folder of the measured Agent.
    pub fn edge_folder(&self) -> PathBuf {
        self.layout.agent(EDGE)
    }

    /// Where the measured Agent writes its log.
    pub fn edge_log(&self) -> PathBuf {
        self.layout.log(EDGE)
    }

    /// The measured program.
    pub fn program(&self) -> &Path {
        &self.programs.agent
    }

    /// Removes the containers and ends everything.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn stop(mut self) -> Result<()> {
        if self.deployed {
            self.rest.delete_application(APPLICATION)?;
            let docker = Docker::from_environment();
            let uuid = self.rest.find_agent(EDGE, false)?.context("no Agent")?.uuid;
            let label = format!("iofog-uuid={uuid}");
            while !docker.containers(&label)?.is_empty() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        self.stop_edge()?;
        for process in self.processes.iter().rev() {
            process.stop(Duration::from_secs(10))?;
        }
        Ok(())
    }
}

/// The Agents' settings. Only the measured one goes through the relay and has an engine.
fn settings(layout: &Layout, rest: &Rest, name: &str, address: Ipv4Addr) -> Result<()> {
    let folder = layout.agent(name);
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(rest.authority().context("no certificate")?, folder.join("cert.crt"))?;
    let (url, engine) = match name {
        EDGE => {
            (format!("https://{LOOPBACK}:{RELAY_PORT}/api/v3/"), Docker::from_environment().url())
        }
        _ => (rest.base_url(), "unix:///run/no-engine.sock".to_owned()),
    };
    let text = format!(
        "<config>\n  <controller_url>{url}</controller_url>\n  <docker_url>{engine}</docker_url>\n  \
         <bind_address>{address}</bind_address>\n</config>\n"
    );
    files::write_private(&folder.join("config.xml"), text.as_bytes())
}
