//! Traces, tunnel and hardware inventory by order of the Controller (agent contract 12).

use bytes::Bytes;
use hyper::Method;
use iofog_sorted::{SortedMap, SortedSet};

use super::FieldAgent;
use crate::config::Setting;
use crate::controller_client::{ControllerError, Hardware};
use crate::ids::MicroserviceUuid;
use crate::process_manager::ProcessManager;
use crate::remote::{Traces, local_http};
use crate::usage::first_process;

/// Where a HAL container serves, when there is one.
const HAL_PORT: u16 = 54331;
/// What a Controller takes of an image (agent contract 3.3).
const LARGEST: u64 = 500 << 20;

/// Traces that find the container of a microservice among those that run.
pub(super) fn traces(processes: &ProcessManager) -> Traces {
    let processes = processes.clone();
    Traces::new(move |uuid| {
        let report = processes.reports().into_iter().find(|report| report.uuid == *uuid)?;
        first_process(&report.container?)
    })
}

impl FieldAgent {
    /// Takes which microservices are to be traced.
    pub(super) async fn fetch_traces(&self) -> Result<(), ControllerError> {
        let switches = self.guarded(self.core.client.traces()).await?;
        let wanted: SortedSet<_> =
            switches.into_iter().filter_map(|(uuid, run)| run.then_some(uuid)).collect();
        log::info!(target: "field-agent", "{} microservices are traced", wanted.len());
        self.core.traces.follow(&wanted);
        Ok(())
    }

    /// Opens or closes the tunnel.
    pub(super) async fn fetch_tunnel(&self) -> Result<(), ControllerError> {
        let order = self.guarded(self.core.client.tunnel()).await?;
        let agent = self.clone();
        self.core.tunnel.follow(order, move || {
            if agent.is_linked() {
                // Its status has no place in the frames of the link.
                let agent = agent.clone();
                iofog_task::spawn(async move { agent.put_status().await });
            } else {
                agent.core.status_due.notify_one();
            }
        });
        Ok(())
    }

    /// Sends the image of a microservice, in the background: it may take long. One at a time.
    pub(super) async fn fetch_snapshot(&self) -> Result<(), ControllerError> {
        let uuid = self.guarded(self.core.client.snapshot()).await?;
        if self.core.snapshot.replace(true) {
            log::warn!(target: "field-agent", "image snapshot of {uuid}: another is being sent");
            return Ok(());
        }
        let agent = self.clone();
        iofog_task::spawn(async move {
            match agent.send_snapshot(&uuid).await {
                Ok(()) => log::info!(target: "field-agent", "image snapshot of {uuid} is sent"),
                Err(error) => {
                    log::warn!(target: "field-agent", "image snapshot of {uuid}: {error}")
                }
            }
            agent.core.snapshot.set(false);
        });
        Ok(())
    }

    async fn send_snapshot(&self, uuid: &MicroserviceUuid) -> Result<(), String> {
        let found = self.core.processes.reports().into_iter().find(|report| report.uuid == *uuid);
        let container = found.and_then(|report| report.container);
        let container = container.ok_or("it has no container on this node")?;
        let path = self.core.context.state_dir().join("image-snapshot.tar.gz");
        let saved = self.core.processes.save_image(container, path.clone(), LARGEST).await;
        let sent = match saved {
            Ok(()) => {
                let name = format!("{uuid}.tar.gz");
                self.core.client.put_snapshot(&path, &name).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        // What is left of it is overwritten by the next.
        let _ = std::fs::remove_file(&path);
        sent
    }

    /// Delivers what was traced; what a Controller does not take is lost, as the contract has it.
    pub(super) async fn trace_loop(&self) {
        loop {
            let period = self.core.config.borrow().seconds(Setting::DiagnosticsFrequency);
            tokio::time::sleep(period).await;
            let provisioned = self.core.config.borrow().is_provisioned();
            let data = self.core.traces.take();
            if data.is_empty() || !provisioned {
                continue;
            }
            if let Err(error) = self.core.client.put_traces(&data).await {
                log::warn!(target: "field-agent", "traces: {error}");
            }
        }
    }

    /// Passes on what a HAL container says of the hardware, when it changed. Without one it is silent.
    pub(super) async fn hardware_loop(&self) {
        let mut sent = SortedMap::new();
        loop {
            for kind in [Hardware::Devices, Hardware::Usb] {
                let provisioned = self.core.config.borrow().is_provisioned();
                let Some(text) = hardware(kind).await.filter(|_| provisioned) else { continue };
                let fog = self.core.state.borrow().fog.clone();
                if sent.get(&kind).is_some_and(|(to, last)| *to == fog && *last == text) {
                    continue;
                }
                match self.core.client.put_hardware(kind, &text).await {
                    Ok(()) => drop(sent.insert(kind, (fog, text))),
                    Err(error) => log::warn!(target: "field-agent", "hardware: {error}"),
                }
            }
            let period = self.core.config.borrow().seconds(Setting::ScanFrequency);
            tokio::time::sleep(period).await;
        }
    }
}

async fn hardware(kind: Hardware) -> Option<String> {
    let path = match kind {
        Hardware::Devices => "/hal/hwc/lshw",
        Hardware::Usb => "/hal/hwc/lsusb",
    };
    let answer = local_http::request(HAL_PORT, Method::GET, path, None, Bytes::new()).await.ok()?;
    let text = String::from_utf8(answer.body.to_vec()).ok()?;
    (answer.status.is_success() && !text.is_empty()).then_some(text)
}
