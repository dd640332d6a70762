//! An agent as users see it (controller contract 5.2).

use iofog_api::{ApiError, number, time};
use serde_json::{Map, Value, json};

use crate::app::Work;
use crate::domain::fog::{Fog, RouterMode};
use crate::domain::router::{DEFAULT_ROUTER, Router};
use crate::domain::status::FogStatus;
use crate::store;

/// The representation of an agent.
///
/// # Errors
/// When the database fails.
pub fn fog(work: &mut Work<'_>, fog: &Fog) -> Result<Value, ApiError> {
    let status = work.live.statuses.fog(&fog.uuid);
    let mut body = counters(&status);
    let details = [identity(fog, &status), settings(fog, &status)];
    for part in details {
        if let Value::Object(part) = part {
            body.extend(part);
        }
    }
    // Ours alone (decision 0052): left out for agents that did not tell it.
    if let Some(architecture) = &fog.settings.architecture {
        body.insert("architecture".to_owned(), architecture.as_str().into());
    }
    router(work, fog, &mut body)?;
    let linked = store::edge_resource::of_fog(work.tx, &fog.uuid)?;
    let linked: Vec<Value> = linked.iter().map(super::edge_resource::brief).collect();
    body.insert("edgeResources".to_owned(), linked.into());
    Ok(Value::Object(body))
}

fn counters(status: &FogStatus) -> Map<String, Value> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    put("lastActive", status.last_active.into());
    put("daemonOperatingDuration", status.daemon_operating_duration.into());
    put("daemonLastStart", status.daemon_last_start.into());
    // Left out, not null, while unknown (contract 0.3).
    if let Some(bytes) = status.system_available_disk {
        put("systemAvailableDisk", bytes.into());
    }
    if let Some(bytes) = status.system_available_memory {
        put("systemAvailableMemory", bytes.into());
    }
    put("repositoryCount", status.repository_count.into());
    put("systemTime", status.system_time.into());
    put("lastStatusTime", status.last_status_time.into());
    put("processedMessages", status.processed_messages.into());
    put("lastCommandTime", status.last_command_time.into());
    body
}

fn identity(fog: &Fog, status: &FogStatus) -> Value {
    let settings = &fog.settings;
    json!({
        "logFileCount": settings.log_file_count,
        "uuid": fog.uuid,
        "name": fog.name,
        "location": settings.location,
        "gpsMode": settings.gps_mode,
        "latitude": settings.latitude.map(number::json),
        "longitude": settings.longitude.map(number::json),
        "description": settings.description,
        "daemonStatus": status.daemon_status,
        "memoryUsage": number::json(status.memory_usage),
        "diskUsage": number::json(status.disk_usage),
        "cpuUsage": number::json(status.cpu_usage),
        "memoryViolation": status.memory_violation,
        "diskViolation": status.disk_violation,
        "cpuViolation": status.cpu_violation,
        "systemTotalCpu": status.system_total_cpu.map(number::json),
        "securityStatus": status.security_status,
        "securityViolationInfo": status.security_violation_info,
        "catalogItemStatus": null,
        "repositoryStatus": status.repository_status,
        "ipAddress": status.ip_address,
        "ipAddressExternal": status.ip_address_external,
        "host": settings.host,
        "catalogItemMessageCounts": null,
        "messageSpeed": number::json(status.message_speed),
    })
}

fn settings(fog: &Fog, status: &FogStatus) -> Value {
    let settings = &fog.settings;
    json!({
        "networkInterface": settings.network_interface,
        "dockerUrl": settings.docker_url,
        "diskLimit": number::json(settings.disk_limit),
        "diskDirectory": settings.disk_directory,
        "memoryLimit": number::json(settings.memory_limit),
        "cpuLimit": number::json(settings.cpu_limit),
        "logLimit": number::json(settings.log_limit),
        "logDirectory": settings.log_directory,
        "bluetoothEnabled": settings.bluetooth,
        "abstractedHardwareEnabled": settings.hal,
        "version": status.version,
        "isReadyToUpgrade": status.is_ready_to_upgrade,
        "isReadyToRollback": status.is_ready_to_rollback,
        "statusFrequency": settings.status_frequency,
        "changeFrequency": settings.change_frequency,
        "deviceScanFrequency": settings.device_scan_frequency,
        "tunnel": "",
        "watchdogEnabled": settings.watchdog,
        "dockerPruningFrequency": settings.docker_pruning_frequency,
        "availableDiskThreshold": settings.available_disk_threshold,
        "logLevel": settings.log_level,
        "isSystem": fog.is_system,
        "routerId": null,
        "timeZone": settings.time_zone,
        "createdAt": time::iso(fog.created),
        "updatedAt": time::iso(fog.updated),
        "fogTypeId": settings.fog_type,
        "userId": fog.user_id,
        "tags": settings.tags,
    })
}

/// How a router is named to users.
fn shown(router: &Router) -> String {
    match &router.fog {
        Some(fog) if !router.is_default => fog.to_string(),
        _ => DEFAULT_ROUTER.to_owned(),
    }
}

fn router(work: &mut Work<'_>, fog: &Fog, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let own = store::router::by_fog(work.tx, &fog.uuid)?;
    let Some(own) = own.filter(|_| fog.settings.router_mode != RouterMode::None) else {
        body.insert("routerMode".to_owned(), Value::from("none"));
        if let Some(router) = crate::ops::router::network_router(work, fog)? {
            body.insert("networkRouter".to_owned(), Value::from(shown(&router)));
        }
        return Ok(());
    };
    let upstreams: Vec<String> =
        store::router::upstreams(work.tx, own.id)?.iter().map(shown).collect();
    body.insert("routerMode".to_owned(), Value::from(fog.settings.router_mode.name()));
    body.insert("messagingPort".to_owned(), Value::from(own.settings.messaging_port));
    if !own.settings.is_edge {
        body.insert("interRouterPort".to_owned(), own.settings.inter_router_port.into());
        body.insert("edgeRouterPort".to_owned(), own.settings.edge_router_port.into());
    }
    body.insert("upstreamRouters".to_owned(), upstreams.into());
    Ok(())
}
