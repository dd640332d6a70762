//! An agent as users see it (controller contract 5.2): one, or all of a user at once, with what is in other rows than its
//! own.

use std::collections::HashMap;

use iofog_api::{ApiError, FogUuid, number, time};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::app::Work;
use crate::domain::fog::{Fog, RouterMode};
use crate::domain::router::{DEFAULT_ROUTER, Router};
use crate::domain::status::FogStatus;
use crate::store;

/// What other rows say about an agent.
#[derive(Debug, Default)]
pub struct Around {
    router: Option<Router>,
    /// Names of the routers that its router dials.
    upstreams: Vec<String>,
    /// Name of the router that carries its messages, where it has none of its own.
    network_router: Option<String>,
    linked: Vec<Value>,
}

/// The representation of an agent.
///
/// # Errors
/// When the database fails.
pub fn fog(work: &mut Work<'_>, fog: &Fog) -> Result<Value, ApiError> {
    let around = Around::of(work, fog)?;
    let status = work.live.statuses.fog(&fog.uuid);
    let shown = Shown::new(fog, &status, &around);
    serde_json::to_value(&shown).map_err(|error| ApiError::internal(error.to_string()))
}

/// The JSON text of a list of agents that belong to a user, with few queries and without a tree of values in between: a
/// thousand agents are 1.5 MB.
///
/// # Errors
/// When the database fails.
pub fn list_text(work: &mut Work<'_>, user: i64, fogs: &[Fog]) -> Result<String, ApiError> {
    let mut around = Around::of_user(work, user)?;
    let mut text = Vec::with_capacity(fogs.len() * 1600 + 16);
    text.extend_from_slice(b"{\"fogs\":[");
    for (number, fog) in fogs.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        let mut around = around.remove(&fog.uuid).unwrap_or_default();
        around.add_network_router(work, fog)?;
        let write = |status: &FogStatus| {
            serde_json::to_writer(&mut text, &Shown::new(fog, status, &around))
        };
        let written = work.live.statuses.with_fog(&fog.uuid, write);
        written.map_err(|error| ApiError::internal(error.to_string()))?;
    }
    text.extend_from_slice(b"]}");
    String::from_utf8(text).map_err(|error| ApiError::internal(error.to_string()))
}

impl Around {
    fn of(work: &mut Work<'_>, fog: &Fog) -> Result<Self, ApiError> {
        let router = store::router::by_fog(work.tx, &fog.uuid)?;
        let upstreams = match &router {
            Some(own) => store::router::upstreams(work.tx, own.id)?,
            None => Vec::new(),
        };
        let upstreams = upstreams.iter().map(|one| shown(one.fog.as_ref(), one.is_default));
        let upstreams = upstreams.collect();
        let linked = store::edge_resource::of_fog(work.tx, &fog.uuid)?;
        let linked = linked.iter().map(super::edge_resource::brief).collect();
        let mut around = Self { router, upstreams, network_router: None, linked };
        around.add_network_router(work, fog)?;
        Ok(around)
    }

    /// Of all agents of a user about which other rows say something, but for [`Self::network_router`].
    fn of_user(work: &mut Work<'_>, user: i64) -> Result<HashMap<FogUuid, Self>, ApiError> {
        let mut all: HashMap<FogUuid, Self> = HashMap::new();
        for router in store::router::of_user(work.tx, user)? {
            if let Some(fog) = router.fog.clone() {
                all.entry(fog).or_default().router = Some(router);
            }
        }
        for (source, dest, is_default) in store::router::upstreams_of_user(work.tx, user)? {
            let name = shown(dest.as_ref(), is_default);
            all.entry(source).or_default().upstreams.push(name);
        }
        for (fog, resource) in store::edge_resource::linked_of_user(work.tx, user)? {
            let brief = super::edge_resource::brief(&resource);
            all.entry(fog).or_default().linked.push(brief);
        }
        Ok(all)
    }

    fn add_network_router(&mut self, work: &mut Work<'_>, fog: &Fog) -> Result<(), ApiError> {
        if self.router.is_none() || fog.settings.router_mode == RouterMode::None {
            self.router = None;
            let router = crate::ops::router::network_router(work, fog)?;
            self.network_router = router.map(|one| shown(one.fog.as_ref(), one.is_default));
        }
        Ok(())
    }
}

/// How a router is named to users.
fn shown(fog: Option<&FogUuid>, is_default: bool) -> String {
    match fog {
        Some(fog) if !is_default => fog.to_string(),
        _ => DEFAULT_ROUTER.to_owned(),
    }
}

/// A number as the contract has it.
#[derive(Clone, Copy)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number::plain(&self.0, serializer)
    }
}

/// The fields in the order of the contract. What is unknown is null but where it says `skip` (contract 0.3).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    last_active: i64,
    daemon_operating_duration: i64,
    daemon_last_start: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_available_disk: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_available_memory: Option<i64>,
    repository_count: i64,
    system_time: i64,
    last_status_time: i64,
    processed_messages: i64,
    last_command_time: i64,
    log_file_count: i64,
    uuid: &'a FogUuid,
    name: &'a str,
    location: Option<&'a str>,
    gps_mode: Option<&'a str>,
    latitude: Option<Number>,
    longitude: Option<Number>,
    description: Option<&'a str>,
    daemon_status: &'a str,
    memory_usage: Number,
    disk_usage: Number,
    cpu_usage: Number,
    memory_violation: Option<&'a str>,
    disk_violation: Option<&'a str>,
    cpu_violation: Option<&'a str>,
    system_total_cpu: Option<Number>,
    security_status: &'a str,
    security_violation_info: &'a str,
    catalog_item_status: Option<()>,
    repository_status: Option<&'a str>,
    ip_address: &'a str,
    ip_address_external: &'a str,
    host: Option<&'a str>,
    catalog_item_message_counts: Option<()>,
    message_speed: Number,
    network_interface: &'a str,
    docker_url: &'a str,
    disk_limit: Number,
    disk_directory: &'a str,
    memory_limit: Number,
    cpu_limit: Number,
    log_limit: Number,
    log_directory: &'a str,
    bluetooth_enabled: bool,
    abstracted_hardware_enabled: bool,
    version: Option<&'a str>,
    is_ready_to_upgrade: bool,
    is_ready_to_rollback: bool,
    status_frequency: i64,
    change_frequency: i64,
    device_scan_frequency: i64,
    tunnel: &'static str,
    watchdog_enabled: bool,
    docker_pruning_frequency: i64,
    available_disk_threshold: i64,
    log_level: &'a str,
    is_system: bool,
    router_id: Option<()>,
    time_zone: Option<&'a str>,
    created_at: String,
    updated_at: String,
    fog_type_id: i64,
    user_id: i64,
    tags: &'a [String],
    /// Ours alone (decision 0052): left out for agents that did not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture: Option<&'a str>,
    #[serde(flatten)]
    router: RouterShown<'a>,
    edge_resources: &'a [Value],
}

/// The router fields of an agent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouterShown<'a> {
    router_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_router: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_port: Option<i64>,
    /// Null where an interior router has none, left out for edge routers.
    #[serde(skip_serializing_if = "Option::is_none")]
    inter_router_port: Option<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge_router_port: Option<Option<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_routers: Option<&'a [String]>,
}

impl<'a> RouterShown<'a> {
    fn new(fog: &Fog, around: &'a Around) -> Self {
        let own = around.router.as_ref().map(|router| &router.settings);
        let interior = own.filter(|settings| !settings.is_edge);
        Self {
            router_mode: own.map_or("none", |_| fog.settings.router_mode.name()),
            network_router: around.network_router.as_deref(),
            messaging_port: own.map(|settings| settings.messaging_port),
            inter_router_port: interior.map(|settings| settings.inter_router_port),
            edge_router_port: interior.map(|settings| settings.edge_router_port),
            upstream_routers: own.map(|_| around.upstreams.as_slice()),
        }
    }
}

impl<'a> Shown<'a> {
    fn new(fog: &'a Fog, status: &'a FogStatus, around: &'a Around) -> Self {
        let settings = &fog.settings;
        Self {
            last_active: status.last_active,
            daemon_operating_duration: status.daemon_operating_duration,
            daemon_last_start: status.daemon_last_start,
            system_available_disk: status.system_available_disk,
            system_available_memory: status.system_available_memory,
            repository_count: status.repository_count,
            system_time: status.system_time,
            last_status_time: status.last_status_time,
            processed_messages: status.processed_messages,
            last_command_time: status.last_command_time,
            log_file_count: settings.log_file_count,
            uuid: &fog.uuid,
            name: &fog.name,
            location: settings.location.as_deref(),
            gps_mode: settings.gps_mode.as_deref(),
            latitude: settings.latitude.map(Number),
            longitude: settings.longitude.map(Number),
            description: settings.description.as_deref(),
            daemon_status: &status.daemon_status,
            memory_usage: Number(status.memory_usage),
            disk_usage: Number(status.disk_usage),
            cpu_usage: Number(status.cpu_usage),
            memory_violation: status.memory_violation.as_deref(),
            disk_violation: status.disk_violation.as_deref(),
            cpu_violation: status.cpu_violation.as_deref(),
            system_total_cpu: status.system_total_cpu.map(Number),
            security_status: &status.security_status,
            security_violation_info: &status.security_violation_info,
            catalog_item_status: None,
            repository_status: status.repository_status.as_deref(),
            ip_address: &status.ip_address,
            ip_address_external: &status.ip_address_external,
            host: settings.host.as_deref(),
            catalog_item_message_counts: None,
            message_speed: Number(status.message_speed),
            network_interface: &settings.network_interface,
            docker_url: &settings.docker_url,
            disk_limit: Number(settings.disk_limit),
            disk_directory: &settings.disk_directory,
            memory_limit: Number(settings.memory_limit),
            cpu_limit: Number(settings.cpu_limit),
            log_limit: Number(settings.log_limit),
            log_directory: &settings.log_directory,
            bluetooth_enabled: settings.bluetooth,
            abstracted_hardware_enabled: settings.hal,
            version: status.version.as_deref(),
            is_ready_to_upgrade: status.is_ready_to_upgrade,
            is_ready_to_rollback: status.is_ready_to_rollback,
            status_frequency: settings.status_frequency,
            change_frequency: settings.change_frequency,
            device_scan_frequency: settings.device_scan_frequency,
            tunnel: "",
            watchdog_enabled: settings.watchdog,
            docker_pruning_frequency: settings.docker_pruning_frequency,
            available_disk_threshold: settings.available_disk_threshold,
            log_level: &settings.log_level,
            is_system: fog.is_system,
            router_id: None,
            time_zone: settings.time_zone.as_deref(),
            created_at: time::iso(fog.created),
            updated_at: time::iso(fog.updated),
            fog_type_id: settings.fog_type,
            user_id: fog.user_id,
            tags: &settings.tags,
            architecture: settings.architecture.as_deref(),
            router: RouterShown::new(fog, around),
            edge_resources: &around.linked,
        }
    }
}
