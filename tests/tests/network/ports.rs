//! Public ports as users order them at the Controller: refused, removed, given again, moved, entered
//! elsewhere, and what happens to each when a part behind it restarts.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};

use anyhow::{Context, Result, bail, ensure};
use iofog_tests::Outcome;
use iofog_tests::wait;
use iofog_tests::world::{APPLICATION, World};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use xtask::ecn::application;
use xtask::ecn::rest::{Microservice, Rest};
use xtask::ecn::state::GATEWAYS;

const DASHBOARD: &str = "dashboard";
const SENSOR: &str = "sensor";
/// Where the dashboard serves its page.
const PAGE: u16 = 8080;
/// A port of the sensor that no one listens on: a Proxy says 502 for it.
const DEAF: u16 = 9090;

fn microservice(world: &mut World, name: &str) -> Result<Microservice> {
    let list = world.rest()?.microservices(APPLICATION)?.context("no application")?;
    list.into_iter().find(|one| one.name == name).with_context(|| format!("no {name}"))
}

/// A port mapping with a public side: as `protocol`, entered at `router`.
fn mapping(port: u16, protocol: &str, router: &Value) -> Value {
    let public = json!({ "schemes": ["http"], "protocol": protocol, "router": router });
    json!({ "internal": port, "external": port, "public": public })
}

fn path(uuid: &str) -> String {
    format!("/microservices/{uuid}/port-mapping")
}

fn unmap(rest: &Rest, uuid: &str, port: u16) -> Outcome {
    rest.call("DELETE", &format!("{}/{port}", path(uuid)), None)?.expect(&[204])?;
    Ok(())
}

/// Gives a microservice a port. Returns the link that users are shown.
fn map(world: &mut World, name: &str, body: &Value) -> Result<String> {
    let uuid = microservice(world, name)?.uuid;
    let rest = world.rest()?;
    rest.call("POST", &path(&uuid), Some(body))?.expect(&[201])?;
    let shown: Value = rest.call("GET", &path(&uuid), None)?.expect(&[200])?.json()?;
    let ports = shown["ports"].as_array().context("no ports")?;
    let own = ports.iter().find(|port| port["internal"] == body["internal"]);
    let link = own.and_then(|port| port["public"]["links"][0].as_str());
    link.map(str::to_owned).with_context(|| format!("no link in {shown}"))
}

fn answers(link: &str, wanted: u16) -> Outcome {
    wait::until_true(&format!("{link} to answer {wanted}"), || {
        Ok(application::get(link).is_ok_and(|(status, _)| status == wanted))
    })
}

fn closes(link: &str) -> Outcome {
    wait::until_true(&format!("{link} to close"), || Ok(application::get(link).is_err()))
}

/// The dashboard's usual port, as the application's file has it.
fn usual(world: &mut World) -> Outcome {
    let link = map(world, DASHBOARD, &mapping(PAGE, "http", &json!({ "port": 6080 })))?;
    let uuid = microservice(world, DASHBOARD)?.uuid;
    made_anew(world, &uuid, true)?;
    answers(&link, 200)
}

pub(crate) fn conflicts_refused(world: &mut World) -> Outcome {
    let page = world.page()?;
    let (dashboard, sensor) =
        (microservice(world, DASHBOARD)?.uuid, microservice(world, SENSOR)?.uuid);
    let rest = world.rest()?;
    let at = |port: u16| json!({ "port": port });
    for (uuid, body) in [
        (&dashboard, mapping(PAGE, "http", &at(6081))),
        (&sensor, mapping(DEAF, "http", &at(6080))),
        (&sensor, mapping(DEAF, "tcp", &at(5672))),
        (&sensor, mapping(5672, "http", &at(6081))),
        (&sensor, mapping(54_321, "http", &at(6081))),
        (&sensor, mapping(DEAF, "http", &json!({ "host": "nowhere" }))),
        (&sensor, mapping(DEAF, "http", &json!({ "port": 70_000 }))),
    ] {
        let answer = rest.call("POST", &path(uuid), Some(&body))?;
        ensure!(answer.status == 400, "{body}: {} {}", answer.status, answer.text());
    }
    answers(&page, 200)
}

pub(crate) fn removed_and_given_again(world: &mut World) -> Outcome {
    let (page, uuid) = (world.page()?, microservice(world, DASHBOARD)?.uuid);
    let rest = world.rest()?;
    unmap(&rest, &uuid, PAGE)?;
    closes(&page)?;
    // Without a number the first of the range.
    let link = map(world, DASHBOARD, &mapping(PAGE, "http", &json!({})))?;
    ensure!(link.ends_with(":6000"), "not the first of the range: {link}");
    answers(&link, 200)?;
    unmap(&rest, &uuid, PAGE)?;
    usual(world)?;
    closes(&link)
}

pub(crate) fn moves_with_its_microservice(world: &mut World) -> Outcome {
    let (page, uuid) = (world.page()?, microservice(world, DASHBOARD)?.uuid);
    for name in GATEWAYS {
        let fog = world.ecn()?.state.agents[name].clone();
        let body = json!({ "iofogUuid": fog });
        let rest = world.rest()?;
        rest.call("PATCH", &format!("/microservices/{uuid}"), Some(&body))?.expect(&[204])?;
        let docker = world.ecn()?.docker.clone();
        for gateway in GATEWAYS {
            let label = format!("iofog-uuid={}", world.ecn()?.state.agents[gateway]);
            wait::until_true(&format!("the dashboard to be on {name} only"), || {
                let there = docker.containers(&label)?;
                let found = there.iter().any(|container| container.name().contains(&uuid));
                Ok(found == (gateway == name))
            })?;
        }
        answers(&page, 200)?;
    }
    Ok(())
}

/// Entered at the microservice's own node, and at another gateway: there are then two edge Routers and
/// the interior one between both Proxies.
pub(crate) fn entered_at_either_gateway(world: &mut World) -> Outcome {
    let (page, uuid) = (world.page()?, microservice(world, DASHBOARD)?.uuid);
    unmap(&world.rest()?, &uuid, PAGE)?;
    closes(&page)?;
    for name in GATEWAYS {
        let fog = world.ecn()?.state.agents[name].clone();
        let address = world.ecn()?.state.agent_address(name).context("no address")?;
        let link = map(world, DASHBOARD, &mapping(PAGE, "http", &json!({ "host": fog })))?;
        ensure!(link == format!("http://{address}:6000"), "{name} is entered at {link}");
        answers(&link, 200)?;
        unmap(&world.rest()?, &uuid, PAGE)?;
        closes(&link)?;
    }
    usual(world)
}

/// A connection through a tcp port stays open while both Agents get and lose other ports, one of which
/// cannot be opened for a while.
pub(crate) fn others_come_and_go_beside_an_open_connection(world: &mut World) -> Outcome {
    let (page, uuid) = (world.page()?, microservice(world, DASHBOARD)?.uuid);
    unmap(&world.rest()?, &uuid, PAGE)?;
    closes(&page)?;
    made_anew(world, &uuid, false)?;
    let link = map(world, DASHBOARD, &mapping(PAGE, "tcp", &json!({ "port": 6080 })))?;
    made_anew(world, &uuid, true)?;
    answers(&link, 200)?;
    let address = link.trim_start_matches("http://");
    let mut open = TcpStream::connect(address)?;
    ask(&mut open)?;

    let entry: Ipv4Addr = world.ecn()?.state.loopback;
    let taken = TcpListener::bind(SocketAddrV4::new(entry, 6085))?;
    let deaf = map(world, SENSOR, &mapping(DEAF, "http", &json!({ "port": 6085 })))?;
    ask(&mut open)?;
    drop(taken);
    answers(&deaf, 502)?;
    ask(&mut open)?;
    let sensor = microservice(world, SENSOR)?.uuid;
    unmap(&world.rest()?, &sensor, DEAF)?;
    closes(&deaf)?;
    ask(&mut open)?;

    unmap(&world.rest()?, &uuid, PAGE)?;
    let mut rest = Vec::new();
    open.set_read_timeout(Some(wait::PATIENCE))?;
    ensure!(matches!(open.read_to_end(&mut rest), Ok(0) | Err(_)), "the connection stays open");
    usual(world)
}

/// Waits for the container of the dashboard with or without its port: a mapping that comes or goes makes it anew, and the one
/// before answers until then.
fn made_anew(world: &mut World, uuid: &str, mapped: bool) -> Outcome {
    let (name, port) = (format!("iofog_{uuid}"), format!("{PAGE}/tcp"));
    wait::until_true("the container to be made anew", || {
        let now = world.containers()?.remove(&name);
        Ok(now.is_some_and(|now| now.pid > 0 && now.ports.contains(&port) == mapped))
    })
}

/// One request on a connection that stays open.
fn ask(open: &mut TcpStream) -> Outcome {
    open.set_read_timeout(Some(wait::PATIENCE))?;
    open.write_all(b"HEAD / HTTP/1.1\r\nhost: dashboard\r\n\r\n")?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if open.read(&mut byte)? == 0 {
            bail!("the connection was closed after {:?}", String::from_utf8_lossy(&head));
        }
        head.push(byte[0]);
    }
    ensure!(head.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&head));
    Ok(())
}

pub(crate) fn survives_its_microservice(world: &mut World) -> Outcome {
    let (page, uuid) = (world.page()?, microservice(world, DASHBOARD)?.uuid);
    let name = format!("iofog_{uuid}");
    answers(&page, 200)?;
    // The scenario before may still have it made anew: what is killed is a container that runs.
    let killed = wait::until("a container to kill", || {
        let Some(now) = world.containers()?.remove(&name).filter(|now| now.pid > 0) else {
            return Ok(None);
        };
        let pid = i32::try_from(now.pid).ok().and_then(Pid::from_raw).context("no process")?;
        kill_process(pid, Signal::KILL)?;
        Ok(Some(now.pid))
    })?;
    wait::until_true("the container to start again", || {
        let now = world.containers()?.remove(&name);
        Ok(now.is_some_and(|now| now.pid > 0 && now.pid != killed))
    })?;
    answers(&page, 200)
}

/// The Router of the microservice's node moves to another port and back: its Proxy follows.
pub(crate) fn follows_its_router(world: &mut World) -> Outcome {
    let page = world.page()?;
    let fog = world.ecn()?.state.agents[GATEWAYS[1]].clone();
    let address = world.ecn()?.state.agent_address(GATEWAYS[1]).context("no address")?;
    let rest = world.rest()?;
    for port in [5673, 5672] {
        rest.update_agent(&fog, &json!({ "messagingPort": port }))?;
        wait::until_true(&format!("the Router to listen on {port}"), || {
            Ok(TcpStream::connect(SocketAddrV4::new(address, port)).is_ok())
        })?;
        answers(&page, 200)?;
    }
    world.wait_messages(50)?;
    Ok(())
}
