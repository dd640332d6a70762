//! Parts die and links break; containers stay as they are and no acknowledged message is lost.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use iofog_tests::Outcome;
use iofog_tests::cut::Cut;
use iofog_tests::scenario::say;
use iofog_tests::wait;
use iofog_tests::world::{INTERVAL_MS, Summary, World};
use xtask::ecn::agent::EDGE_ROUTER_PORT;
use xtask::ecn::state::{GATEWAYS, Processes, SYSTEM_AGENT};
use xtask::ecn::up::agent_names;

pub(crate) fn consumer_agent_killed(world: &mut World) -> Outcome {
    agent_killed(world, GATEWAYS[1])
}

pub(crate) fn publisher_agent_killed(world: &mut World) -> Outcome {
    agent_killed(world, GATEWAYS[0])
}

pub(crate) fn system_agent_killed(world: &mut World) -> Outcome {
    agent_killed(world, SYSTEM_AGENT)
}

fn agent_killed(world: &mut World, name: &str) -> Outcome {
    let before = world.containers()?;
    ensure!(before.len() == 2, "two containers should run: {before:?}");
    world.kill(name)?;
    ensure!(world.containers()? == before, "containers changed when the Agent died");
    world.ecn()?.start_agent(name)?;
    let summary = world.wait_messages(100)?;
    ensure!(world.containers()? == before, "containers changed when the Agent came back");
    nothing_missing(world, &summary)
}

pub(crate) fn router_cut_off(world: &mut World) -> Outcome {
    let before = world.containers()?;
    let state = &world.ecn()?.state;
    let gateway = state.agent_address(GATEWAYS[0]).context("gateway without address")?;
    let cut = Cut::between(gateway, state.loopback, EDGE_ROUTER_PORT)?;
    // What was under way arrives; then nothing can.
    sleep(Duration::from_secs(2));
    let cut_off = world.summary()?;
    sleep(Duration::from_secs(18));
    let still = world.summary()?;
    ensure!(still.count == cut_off.count, "messages pass a cut link: {still:?}");
    drop(cut);
    // What was made meanwhile must come, then new messages.
    let made = u64::from(20_000 / INTERVAL_MS);
    let summary = world.wait_messages(made + 100)?;
    ensure!(world.containers()? == before, "containers changed during the cut");
    nothing_missing(world, &summary)
}

pub(crate) fn controller_restarted(world: &mut World) -> Outcome {
    let before = world.containers()?;
    world.kill(Processes::CONTROLLER)?;
    let summary = world.wait_messages(100)?;
    nothing_missing(world, &summary)?;
    ensure!(world.containers()? == before, "containers changed without the Controller");
    world.ecn()?.start_controller()?;
    let rest = world.rest()?;
    for name in agent_names() {
        let uuid = world.ecn()?.state.agents[name].clone();
        let status = |field: &str| -> Result<i64> {
            let answer: serde_json::Value =
                rest.call("GET", &format!("/iofog/{uuid}"), None)?.expect(&[200])?.json()?;
            answer[field].as_i64().with_context(|| format!("no {field}: {answer}"))
        };
        let seen = status("lastActive")?;
        wait::until_true(&format!("Agent {name} to come back"), || {
            Ok(status("lastActive")? > seen)
        })?;
    }
    let summary = world.wait_messages(100)?;
    ensure!(world.containers()? == before, "containers changed when the Controller came back");
    nothing_missing(world, &summary)
}

/// Nothing may be missing for good, and nothing overtakes: what is under way may still fill a gap.
/// Repetitions may come: whoever was killed before it heard that a message was taken sends it again.
fn nothing_missing(world: &mut World, summary: &Summary) -> Outcome {
    for source in &summary.sources {
        say(&format!("{source:?}"));
        ensure!(source.out_of_order == 0, "messages overtook each other: {source:?}");
    }
    if summary.sources.iter().all(|source| source.missing == 0) {
        return Ok(());
    }
    wait::until_true("missing messages to arrive", || {
        Ok(world.summary()?.sources.iter().all(|source| source.missing == 0))
    })
}
