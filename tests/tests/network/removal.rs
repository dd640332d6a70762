//! Deleting the application, taking the network down, and what must survive both.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use iofog_tests::Outcome;
use iofog_tests::wait;
use iofog_tests::world::{APPLICATION, World};
use rustix::process::Signal;
use serde_json::json;
use xtask::ecn::{EcnState, Layout, application, images};
use xtask::tools::docker::Docker;
use xtask::tools::process::ProcessId;

/// Looks like a container of some other Agent on the same engine.
const FOREIGN: &str = "iofog_ForeignForeignForeignForeignFore";
const FOREIGN_LABEL: &str = "iofog-uuid=OtherAgentOtherAgentOtherAgentOt";

pub(crate) fn start_foreign_container(world: &mut World) -> Outcome {
    let docker = &world.ecn()?.docker;
    let (key, value) = FOREIGN_LABEL.split_once('=').context("label")?;
    for left in docker.containers(FOREIGN_LABEL)? {
        docker.remove_container(&left.id)?;
    }
    let description = json!({
        "Image": images::SENSOR,
        "Env": ["SELFNAME=ForeignForeignForeignForeignFore"],
        "Labels": { key: value },
        "HostConfig": { "NetworkMode": "none" },
    });
    docker.run_container(FOREIGN, &description)?;
    Ok(())
}

pub(crate) fn application_deleted(world: &mut World) -> Outcome {
    let page = world.page()?;
    let rest = world.rest()?;
    rest.delete_application(APPLICATION)?;
    wait::until_true("the containers of both gateways to go", || {
        Ok(world.containers()?.is_empty())
    })?;
    ensure!(rest.microservices(APPLICATION)?.is_none(), "the application is still there");
    wait::until_true("the public port to close", || Ok(application::get(&page).is_err()))
}

pub(crate) fn foreign_untouched(world: &mut World) -> Outcome {
    let docker = &world.ecn()?.docker;
    let left = docker.containers(FOREIGN_LABEL)?;
    ensure!(left.len() == 1 && left[0].state == "running", "another Agent's container: {left:?}");
    docker.remove_container(&left[0].id)
}

pub(crate) fn down_and_up(world: &mut World) -> Outcome {
    world.up()?;
    let agents = world.ecn()?.state.agents.clone();
    let networks = world.ecn()?.state.gateways.clone();
    let processes = world.running_processes()?;
    ensure!(processes.len() == 4, "Controller and three Agents should run: {processes:?}");
    world.down(false)?;
    nothing_runs(world, &agents)?;
    let ecn = world.up()?;
    ensure!(ecn.state.agents == agents, "other ids after down and up");
    ensure!(ecn.state.gateways == networks, "other networks after down and up");
    let summary = world.wait_messages(50)?;
    ensure!(summary.sources.iter().all(|source| source.missing == 0), "{summary:?}");
    Ok(())
}

pub(crate) fn killed_up_is_adopted(world: &mut World) -> Outcome {
    let mut up = world.up_in_foreground()?;
    let processes = world.running_processes()?;
    up.kill()?;
    up.wait()?;
    let left = world.running_processes()?;
    ensure!(left == processes, "processes {processes:?} became {left:?} when `up` was killed");
    world.up()?;
    ensure!(world.running_processes()? == left, "`up` started again what was running");
    ensure!(world.containers()?.len() == 2, "not the two containers: {:?}", world.containers()?);
    world.wait_messages(50)?;
    Ok(())
}

pub(crate) fn interrupt_stops_everything(world: &mut World) -> Outcome {
    let agents = world.ecn()?.state.agents.clone();
    let mut up = world.up_in_foreground()?;
    let id = ProcessId::of(i32::try_from(up.id())?).context("`up` is gone")?;
    id.signal(Signal::INT)?;
    let status = up.wait()?;
    ensure!(status.success(), "`up` ended with {status} after Ctrl-C");
    nothing_runs(world, &agents)
}

fn nothing_runs(world: &mut World, agents: &BTreeMap<String, String>) -> Outcome {
    let processes = world.running_processes()?;
    ensure!(processes.is_empty(), "processes are left: {processes:?}");
    let docker = Docker::from_environment();
    for uuid in agents.values() {
        let left = docker.containers(&format!("iofog-uuid={uuid}"))?;
        ensure!(left.is_empty(), "containers are left: {left:?}");
    }
    Ok(())
}

pub(crate) fn purge(world: &mut World) -> Outcome {
    let layout = Layout::at(&world.options.folder)?;
    let state = EcnState::load(&layout)?.context("no state to purge")?;
    let (agents, networks) = (state.agents, state.gateways);
    world.down(true)?;
    let docker = Docker::from_environment();
    if docker.answers() {
        for uuid in agents.values() {
            ensure!(
                docker.containers(&format!("iofog-uuid={uuid}"))?.is_empty(),
                "a container is left"
            );
        }
        let left = docker.networks()?;
        for network in networks {
            ensure!(left.iter().all(|n| n.name != network.network), "{network:?} is left");
        }
    }
    ensure!(!world.options.folder.exists(), "the state folder is left");
    Ok(())
}
