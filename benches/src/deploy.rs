//! From a REST request to a running container, the image being present.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use xtask::ecn::{Ecn, images};

use crate::figures::Spread;

const APPLICATION: &str = "bench-deploy";
const PATIENCE: Duration = Duration::from_secs(60);

/// Creates and deletes an application several times. Returns the times until the engine runs the
/// container and until the Controller shows it as running.
///
/// # Errors
/// When a container does not start or vanish within a minute.
pub fn measure(ecn: &Ecn, times: usize) -> Result<(Spread, Spread)> {
    let (mut running, mut reported) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let (until_running, until_reported) = once(ecn)?;
        running.push(until_running);
        reported.push(until_reported);
    }
    Ok((Spread::of(running), Spread::of(reported)))
}

fn once(ecn: &Ecn) -> Result<(f64, f64)> {
    let uuid = &ecn.state.agents["gateway-1"];
    let label = format!("iofog-uuid={uuid}");
    ensure!(ecn.docker.containers(&label)?.is_empty(), "the gateway is not empty");
    let fog_type = if cfg!(target_arch = "x86_64") { 1 } else { 2 };
    let body = json!({
        "name": APPLICATION,
        "isActivated": true,
        "microservices": [{
            "name": "sensor",
            "agentName": "gateway-1",
            "registryId": 2,
            "images": [{ "containerImage": images::SENSOR, "fogTypeId": fog_type }],
        }],
    });
    let start = Instant::now();
    ecn.rest.call("POST", "/application", Some(&body))?.expect(&[201])?;
    wait("the container to run", || {
        Ok(ecn.docker.containers(&label)?.iter().any(|c| c.state == "running"))
    })?;
    let running = start.elapsed();
    wait("the Controller to show it", || {
        let list = ecn.rest.microservices(APPLICATION)?.context("no application")?;
        Ok(list.iter().all(|m| m.status.status == "RUNNING"))
    })?;
    let reported = start.elapsed();
    ecn.rest.delete_application(APPLICATION)?;
    wait("the container to go", || Ok(ecn.docker.containers(&label)?.is_empty()))?;
    Ok((running.as_secs_f64() * 1e3, reported.as_secs_f64() * 1e3))
}

fn wait(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() >= deadline {
            bail!("waited in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
