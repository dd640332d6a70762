//! Listing microservice containers, with the start time of those that run.

use std::cell::RefCell;
use std::collections::HashMap;

use hyper::Method;
use iofog_sorted::SortedMap;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Call, Client, part};
use crate::domain::{
    Container, ContainerId, ContainerState, EpochMillis, Failure, Health, LABEL_FINGERPRINT,
    LABEL_FOG, LABEL_MICROSERVICE, LABEL_REBUILD,
};
use crate::ids::{FogUuid, MicroserviceUuid};

const PREFIX: &str = "iofog_";

/// All containers named or labelled as microservices.
pub(super) async fn microservice_containers(
    client: &Client,
    known: &RefCell<HashMap<ContainerId, Known>>,
) -> Result<Vec<Container>, Failure> {
    let call = Call::new(Method::GET, "/containers/json?all=true".to_owned());
    let summaries: Vec<Summary> = serde_json::from_slice(&client.call(call).await?)
        .map_err(|error| Failure::Unavailable(format!("engine's list: {error}")))?;
    let mut containers: Vec<Container> = summaries.into_iter().filter_map(container).collect();
    known.borrow_mut().retain(|id, _| containers.iter().any(|one| one.id == *id));
    for one in &mut containers {
        let ended = match one.state {
            ContainerState::Running => false,
            ContainerState::Exited => true,
            _ => continue,
        };
        let found = known.borrow().get(&one.id).copied().filter(|known| known.ended == ended);
        let found = match found {
            Some(found) => found,
            None => match inspect(client, &one.id, ended).await? {
                Some(found) => found,
                None => continue,
            },
        };
        known.borrow_mut().insert(one.id.clone(), found);
        one.started = found.started.filter(|_| !ended);
        one.out_of_memory = found.out_of_memory && ended;
    }
    Ok(containers)
}

/// What a listing does not say; it holds until the container starts or ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    ended: bool,
    started: Option<EpochMillis>,
    out_of_memory: bool,
}

/// None for a container that is gone.
async fn inspect(client: &Client, id: &ContainerId, ended: bool) -> Result<Option<Known>, Failure> {
    match inspect_container(client, id).await {
        Ok(details) => {
            let state = &details["State"];
            let started = state["StartedAt"].as_str().and_then(parse_time);
            let out_of_memory = state["OOMKilled"].as_bool().unwrap_or_default();
            Ok(Some(Known { ended, started, out_of_memory }))
        }
        Err(Failure::Gone(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All that the engine says of a container.
pub(super) async fn inspect_container(client: &Client, id: &ContainerId) -> Result<Value, Failure> {
    let path = format!("/containers/{}/json", part(id.as_str()));
    Ok(client.ask(Call::new(Method::GET, path)).await?)
}

/// What is read of a container in the engine's list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    id: Option<String>,
    names: Option<Vec<String>>,
    labels: Option<HashMap<String, String>>,
    state: Option<String>,
    status: Option<String>,
    network_settings: Option<Networks>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Networks {
    networks: Option<SortedMap<String, Option<Network>>>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "IPAddress")]
    address: Option<String>,
}

fn container(summary: Summary) -> Option<Container> {
    let labels = summary.labels.unwrap_or_default();
    let label = |key: &str| labels.get(key).cloned();
    let names = summary.names.unwrap_or_default();
    let name = names
        .iter()
        .map(|name| name.trim_start_matches('/'))
        .find(|name| !name.contains('/'))?
        .to_owned();
    let microservice =
        label(LABEL_MICROSERVICE).or_else(|| name.strip_prefix(PREFIX).map(str::to_owned))?;
    let networks =
        summary.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    Some(Container {
        id: ContainerId::new(summary.id?),
        fog: label(LABEL_FOG).map(FogUuid::from),
        microservice: MicroserviceUuid::from(microservice),
        state: state(summary.state.as_deref().unwrap_or_default()),
        fingerprint: label(LABEL_FINGERPRINT),
        rebuild: label(LABEL_REBUILD).and_then(|text| text.parse().ok()).unwrap_or_default(),
        address: networks.into_values().find_map(|network| network?.address?.parse().ok()),
        started: None,
        out_of_memory: false,
        health: health(summary.status.as_deref().unwrap_or_default()),
        name,
    })
}

/// The engine says it in the text for people: `Up 5 minutes (healthy)`.
fn health(status: &str) -> Option<Health> {
    let (_, word) = status.strip_suffix(')')?.rsplit_once('(')?;
    match word {
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        "health: starting" | "starting" => Some(Health::Starting),
        _ => None,
    }
}

fn state(word: &str) -> ContainerState {
    match word {
        "running" => ContainerState::Running,
        "created" => ContainerState::Created,
        // Podman's word for one that ended and was not tidied up yet.
        "exited" | "stopped" => ContainerState::Exited,
        "paused" => ContainerState::Paused,
        "dead" => ContainerState::Dead,
        _ => ContainerState::Changing,
    }
}

/// Epoch milliseconds of an RFC 3339 time in UTC; none for the engine's "never" (year 1).
pub(super) fn parse_time(text: &str) -> Option<EpochMillis> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.split(':');
    let (hour, minute): (u64, u64) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    let (second, fraction) = time.next()?.split_once('.').unwrap_or((text.get(17..19)?, "0"));
    let second: u64 = second.parse().ok()?;
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let is_time = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_time {
        return None;
    }
    // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    Some(EpochMillis(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis))
}

/// Reads an engine's list and its times, and forgets them: for fuzzing.
pub(super) fn read_any_list(bytes: &[u8]) {
    if let Ok(summaries) = serde_json::from_slice::<Vec<Summary>>(bytes) {
        summaries.into_iter().filter_map(container).for_each(drop);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_time(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_read_as_docker_and_podman_write_them() {
        let read = |text: &str| container(serde_json::from_str(text).unwrap());
        let docker = read(
            r#"{"Id":"c","Names":["/other/alias","/iofog_ms"],"Image":"a","Created":1,
            "Labels":{"iofog-uuid":"fog"},"State":"running","Status":"Up 5 minutes (unhealthy)",
            "NetworkSettings":{"Networks":{"a":null,"b":{"IPAddress":""},"c":{"IPAddress":"10.0.0.2"}}}}"#,
        );
        let docker = docker.unwrap();
        assert_eq!((docker.name.as_str(), docker.state), ("iofog_ms", ContainerState::Running));
        assert_eq!(docker.microservice, MicroserviceUuid::from("ms".to_owned()));
        assert_eq!(docker.fog, Some(FogUuid::from("fog".to_owned())));
        assert_eq!(docker.health, Some(Health::Unhealthy));
        assert_eq!(docker.address, "10.0.0.2".parse().ok());
        let podman = read(
            r#"{"Id":"c","Names":["/iofog_ms"],"Labels":null,"State":"stopped","Status":"",
            "NetworkSettings":null}"#,
        );
        assert_eq!(podman.unwrap().state, ContainerState::Exited);
        assert!(read(r#"{"Id":"c","Names":["/database"],"State":"running"}"#).is_none());
        assert!(read("{}").is_none());
    }
}
