//! Listing microservice containers, with the start time of those that run.

use std::cell::RefCell;
use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as ApiState};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder};

use super::failure;
use crate::domain::{
    Container, ContainerId, ContainerState, EpochMillis, Failure, Health, LABEL_FINGERPRINT,
    LABEL_FOG, LABEL_MICROSERVICE, LABEL_REBUILD,
};
use crate::ids::{FogUuid, MicroserviceUuid};

const PREFIX: &str = "iofog_";

/// All containers named or labelled as microservices.
pub(super) async fn microservice_containers(
    client: &Docker,
    started: &RefCell<HashMap<ContainerId, EpochMillis>>,
) -> Result<Vec<Container>, Failure> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let summaries = client.list_containers(Some(options)).await.map_err(failure)?;
    let mut containers: Vec<Container> = summaries.into_iter().filter_map(container).collect();
    started.borrow_mut().retain(|id, _| containers.iter().any(|one| one.id == *id));
    for one in containers.iter_mut().filter(|one| one.state == ContainerState::Running) {
        let known = started.borrow().get(&one.id).copied();
        one.started = match known {
            Some(time) => Some(time),
            None => inspect_start(client, &one.id).await?,
        };
        if let Some(time) = one.started {
            started.borrow_mut().insert(one.id.clone(), time);
        }
    }
    Ok(containers)
}

async fn inspect_start(client: &Docker, id: &ContainerId) -> Result<Option<EpochMillis>, Failure> {
    match client
        .inspect_container(id.as_str(), None::<InspectContainerOptions>)
        .await
        .map_err(failure)
    {
        Ok(details) => {
            Ok(details.state.and_then(|state| state.started_at).and_then(|text| parse_time(&text)))
        }
        Err(Failure::Gone(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn container(summary: ContainerSummary) -> Option<Container> {
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
        state: state(summary.state),
        fingerprint: label(LABEL_FINGERPRINT),
        rebuild: label(LABEL_REBUILD).and_then(|text| text.parse().ok()).unwrap_or_default(),
        address: networks.values().filter_map(|one| one.ip_address.as_deref()?.parse().ok()).next(),
        started: None,
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

fn state(state: Option<ApiState>) -> ContainerState {
    match state {
        Some(ApiState::RUNNING) => ContainerState::Running,
        Some(ApiState::CREATED) => ContainerState::Created,
        Some(ApiState::EXITED) => ContainerState::Exited,
        Some(ApiState::PAUSED) => ContainerState::Paused,
        Some(ApiState::DEAD) => ContainerState::Dead,
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
    if year < 1970 {
        return None;
    }
    // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    Some(EpochMillis(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis))
}
