//! Deleting the application, taking the network down, and what must survive both.

use anyhow::{Context, ensure};
use iofog_tests::Outcome;
use iofog_tests::wait;
use iofog_tests::world::{APPLICATION, World};
use serde_json::json;
use xtask::ecn::application;
use xtask::ecn::images;

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
    ensure!(world.running_processes()?.is_empty(), "a process is left");
    let docker = xtask::tools::docker::Docker::from_environment();
    for uuid in agents.values() {
        let left = docker.containers(&format!("iofog-uuid={uuid}"))?;
        ensure!(left.is_empty(), "containers are left: {left:?}");
    }
    let ecn = world.up()?;
    ensure!(ecn.state.agents == agents, "other ids after down and up");
    ensure!(ecn.state.gateways == networks, "other networks after down and up");
    let summary = world.wait_messages(10)?;
    ensure!(summary.sources.iter().all(|source| source.missing == 0), "{summary:?}");
    Ok(())
}

pub(crate) fn purge(world: &mut World) -> Outcome {
    let agents = world.ecn()?.state.agents.clone();
    let networks = world.ecn()?.state.gateways.clone();
    world.down(true)?;
    let docker = xtask::tools::docker::Docker::from_environment();
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
