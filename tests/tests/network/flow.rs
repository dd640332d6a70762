//! From nothing to the page: provisioning, containers, messages, the public port.

use anyhow::{Context, ensure};
use iofog_tests::Outcome;
use iofog_tests::wait;
use iofog_tests::world::World;
use xtask::ecn::application;
use xtask::ecn::up::agent_names;

pub(crate) fn comes_up_from_nothing(world: &mut World) -> Outcome {
    let ecn = world.up()?;
    ensure!(ecn.state.agents.len() == 3, "not three Agents: {:?}", ecn.state.agents);
    let rest = ecn.rest.clone();
    for name in agent_names() {
        wait::until_true(&format!("Agent {name} to report RUNNING"), || {
            let fog =
                rest.find_agent(name, name == "system")?.context("unknown to the Controller")?;
            Ok(fog.daemon_status.as_deref() == Some("RUNNING"))
        })?;
    }
    let count = ecn.microservices.len();
    ensure!(count == 2, "{count} microservices instead of two");
    super::removal::start_foreign_container(world)
}

pub(crate) fn page_opens(world: &mut World) -> Outcome {
    let link = world.page()?;
    ensure!(link.ends_with(":6080"), "public port 6080 was asked for, not {link}");
    let (status, body) = application::get(&format!("{link}/"))?;
    ensure!(status == 200 && body.contains("<canvas"), "status {status}, page: {body}");
    let (status, _) = application::get(&format!("{link}/nowhere"))?;
    ensure!(status == 404, "the dashboard's own 404 became {status}");
    Ok(())
}

pub(crate) fn messages_arrive_in_order(world: &mut World) -> Outcome {
    let summary = world.wait_messages(300)?;
    ensure!(summary.sources.len() == 1, "one sender, one start: {summary:?}");
    let source = &summary.sources[0];
    ensure!(source.first == 1, "the first messages are missing: {source:?}");
    ensure!(source.missing == 0 && source.out_of_order == 0, "{source:?}");
    ensure!(source.duplicates == 0, "nothing failed, yet messages came twice: {source:?}");
    Ok(())
}

pub(crate) fn own_networks(world: &mut World) -> Outcome {
    let ecn = world.ecn()?;
    for gateway in &ecn.state.gateways {
        let uuid = &ecn.state.agents[&gateway.agent];
        let containers = ecn.docker.containers(&format!("iofog-uuid={uuid}"))?;
        ensure!(containers.len() == 1, "{} containers on {}", containers.len(), gateway.agent);
        let details = ecn.docker.inspect(&containers[0].id)?.context("container vanished")?;
        let networks = details["NetworkSettings"]["Networks"].as_object().context("no networks")?;
        let names: Vec<&String> = networks.keys().collect();
        ensure!(names == [&gateway.network], "{} is in {names:?}", containers[0].name());
        let hosts = details["HostConfig"]["ExtraHosts"].to_string();
        let expected = format!("iofog:{}", gateway.address);
        ensure!(hosts.contains(&expected), "host iofog is not {expected}: {hosts}");
        let privileged = details["HostConfig"]["Privileged"].as_bool();
        ensure!(privileged == Some(false), "{} is privileged", containers[0].name());
    }
    Ok(())
}

pub(crate) fn up_again_changes_nothing(world: &mut World) -> Outcome {
    let before =
        (world.containers()?, world.running_processes()?, world.ecn()?.state.agents.clone());
    world.up()?;
    let after =
        (world.containers()?, world.running_processes()?, world.ecn()?.state.agents.clone());
    ensure!(before == after, "before {before:?}\nafter {after:?}");
    world.wait_messages(50)?;
    Ok(())
}
