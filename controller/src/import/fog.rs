//! Agents with settings, status, token, key, change flags and what they reported about their hardware.

use std::collections::HashMap;

use anyhow::{Context, Result};
use iofog_api::{FogUuid, time};

use super::Import;
use super::source::Record;
use crate::domain::change::Flags;
use crate::domain::fog::{Fog, FogSettings, RouterMode};
use crate::domain::password::token_hash;
use crate::domain::status::FogStatus;
use crate::store::{self, hal::Kind, version::Order};

pub(super) fn import(import: &mut Import<'_, '_>) -> Result<()> {
    let rows = import.source.rows("Fogs", "created_at, uuid")?;
    let routers = import.source.rows("Routers", "id")?;
    let tags = tags(import, "IofogTags", "fog_uuid")?;
    for row in &rows {
        let uuid = row.needed_text("uuid")?;
        let own = tags.get(&uuid).cloned().unwrap_or_default();
        let mut settings = settings(row, own).with_context(|| format!("agent {uuid}"))?;
        settings.router_mode = RouterMode::None;
        for router in &routers {
            if router.text("iofog_uuid")?.as_deref() == Some(&uuid) {
                let edge = router.flag("is_edge")?;
                settings.router_mode = if edge { RouterMode::Edge } else { RouterMode::Interior };
            } else if router.int("id")? == row.int("router_id")? {
                settings.network_router = router.text("iofog_uuid")?;
            }
        }
        let fog = Fog {
            uuid: FogUuid::from(uuid.as_str()),
            user_id: row.needed_int("user_id")?,
            name: row.text_or_empty("name")?,
            is_system: row.flag("is_system")?,
            created: row.time("created_at")?,
            updated: row.time("updated_at")?,
            settings,
        };
        store::fog::insert(import.work.tx, &fog).with_context(|| format!("agent {uuid}"))?;
        store::fog::put_status(import.work.tx, &fog.uuid, &status(row)?)?;
        if fog.is_system {
            import.system_fogs.insert(uuid);
        }
    }
    import.count("agents", rows.len());
    import_secrets(import)?;
    import_flags(import)?;
    for (table, kind) in [("HWInfos", Kind::Hardware), ("USBInfos", Kind::Usb)] {
        for row in import.source.rows(table, "id")? {
            let Some(fog) = row.text("iofog_uuid")?.map(FogUuid::from) else { continue };
            let (info, at) = (row.text_or_empty("info")?, row.time("updated_at")?);
            store::hal::put(import.work.tx, &fog, kind, &info, at)?;
        }
    }
    Ok(())
}

/// Tags by what they are tied to.
pub(super) fn tags(
    import: &Import<'_, '_>,
    table: &'static str,
    owner: &str,
) -> Result<HashMap<String, Vec<String>>> {
    let mut names = HashMap::new();
    for row in import.source.rows("Tags", "id")? {
        names.insert(row.needed_int("id")?, row.needed_text("value")?);
    }
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for row in import.source.rows(table, "id")? {
        let name = row.int("tag_id")?.and_then(|id| names.get(&id));
        if let (Some(owner), Some(name)) = (row.text(owner)?, name) {
            found.entry(owner).or_default().push(name.clone());
        }
    }
    Ok(found)
}

fn settings(row: &Record, tags: Vec<String>) -> Result<FogSettings> {
    let usual = FogSettings::default();
    let text = |column, usual: String| Ok::<_, anyhow::Error>(row.text(column)?.unwrap_or(usual));
    let real = |column, usual: f64| Ok::<_, anyhow::Error>(row.real(column)?.unwrap_or(usual));
    let int = |column, usual: i64| Ok::<_, anyhow::Error>(row.int(column)?.unwrap_or(usual));
    Ok(FogSettings {
        architecture: None,
        fog_type: int("fog_type_id", usual.fog_type)?,
        location: row.text("location")?,
        description: row.text("description")?,
        gps_mode: row.text("gps_mode")?,
        latitude: row.real("latitude")?,
        longitude: row.real("longitude")?,
        network_interface: text("network_interface", usual.network_interface)?,
        docker_url: text("docker_url", usual.docker_url)?,
        disk_limit: real("disk_limit", usual.disk_limit)?,
        disk_directory: text("disk_directory", usual.disk_directory)?,
        memory_limit: real("memory_limit", usual.memory_limit)?,
        cpu_limit: real("cpu_limit", usual.cpu_limit)?,
        log_limit: real("log_limit", usual.log_limit)?,
        log_directory: text("log_directory", usual.log_directory)?,
        log_file_count: int("log_file_count", usual.log_file_count)?,
        status_frequency: int("status_frequency", usual.status_frequency)?,
        change_frequency: int("change_frequency", usual.change_frequency)?,
        device_scan_frequency: int("device_scan_frequency", usual.device_scan_frequency)?,
        bluetooth: row.flag("bluetooth")?,
        hal: row.flag("hal")?,
        watchdog: row.flag("isolated_docker_container")?,
        docker_pruning_frequency: int("docker_pruning_freq", usual.docker_pruning_frequency)?,
        available_disk_threshold: int("available_disk_threshold", usual.available_disk_threshold)?,
        log_level: text("log_level", usual.log_level)?,
        time_zone: row.text("time_zone")?,
        host: row.text("host")?,
        tags,
        router_mode: usual.router_mode,
        network_router: None,
    })
}

fn status(row: &Record) -> Result<FogStatus> {
    let usual = FogStatus::default();
    let text = |column, usual: String| Ok::<_, anyhow::Error>(row.text(column)?.unwrap_or(usual));
    let real = |column| Ok::<_, anyhow::Error>(row.real(column)?.unwrap_or_default());
    let int = |column| Ok::<_, anyhow::Error>(row.int(column)?.unwrap_or_default());
    let last_active = int("last_active")?;
    Ok(FogStatus {
        last_active,
        received: last_active,
        daemon_status: text("daemon_status", usual.daemon_status)?,
        daemon_operating_duration: int("daemon_operating_duration")?,
        daemon_last_start: int("daemon_last_start")?,
        memory_usage: real("memory_usage")?,
        disk_usage: real("disk_usage")?,
        cpu_usage: real("cpu_usage")?,
        memory_violation: row.text("memory_violation")?,
        disk_violation: row.text("disk_violation")?,
        cpu_violation: row.text("cpu_violation")?,
        system_available_disk: row.int("system-available-disk")?,
        system_available_memory: row.int("system-available-memory")?,
        system_total_cpu: row.real("system-total-cpu")?,
        security_status: text("security_status", usual.security_status)?,
        security_violation_info: text("security_violation_info", usual.security_violation_info)?,
        repository_count: int("repository_count")?,
        repository_status: row.text("repository_status")?,
        system_time: int("system_time")?,
        last_status_time: int("last_status_time")?,
        ip_address: text("ip_address", usual.ip_address)?,
        ip_address_external: text("ip_address_external", usual.ip_address_external)?,
        processed_messages: int("processed_messages")?,
        message_speed: real("message_speed")?,
        last_command_time: int("last_command_time")?,
        version: row.text("version")?,
        is_ready_to_upgrade: row.flag("is_ready_to_upgrade")?,
        is_ready_to_rollback: row.flag("is_ready_to_rollback")?,
    })
}

/// Tokens, also expired ones (an agent that was away is not locked out by the move), keys, and version commands.
fn import_secrets(import: &mut Import<'_, '_>) -> Result<()> {
    let tokens = import.source.rows("FogAccessTokens", "id")?;
    for row in &tokens {
        let Some(fog) = row.text("iofog_uuid")?.map(FogUuid::from) else { continue };
        let hash = token_hash(&row.needed_text("token")?);
        let expires = row.int("expiration_time")?.unwrap_or_default();
        store::token::put_fog(import.work.tx, &fog, &hash, expires)?;
    }
    import.count("agent tokens", tokens.len());
    let mut keys = HashMap::new();
    for row in import.source.rows("FogProvisionKeys", "id")? {
        let Some(fog) = row.text("iofog_uuid")? else { continue };
        let key = row.needed_text("provisioning_string")?;
        let expires = row.int("expiration_time")?.unwrap_or_default();
        store::token::put_key(
            import.work.tx,
            &FogUuid::from(fog.as_str()),
            &token_hash(&key),
            expires,
        )?;
        keys.insert(fog, (key, expires));
    }
    import.count("provisioning keys", keys.len());
    for row in import.source.rows("FogVersionCommands", "id")? {
        let Some(fog) = row.text("iofog_uuid")? else { continue };
        let (provision_key, expires) = keys.get(&fog).cloned().unwrap_or_default();
        let order =
            Order { command: row.text_or_empty("version_command")?, provision_key, expires };
        store::version::put(import.work.tx, &FogUuid::from(fog), &order)?;
    }
    Ok(())
}

/// What agents have not heard yet.
fn import_flags(import: &mut Import<'_, '_>) -> Result<()> {
    let stamp = time::iso(import.work.now);
    for row in import.source.rows("ChangeTrackings", "id")? {
        let Some(fog) = row.text("iofog_uuid")?.map(FogUuid::from) else { continue };
        let mut flags = Flags::default();
        for (column, flag) in [
            ("config", Flags::CONFIG),
            ("version", Flags::VERSION),
            ("reboot", Flags::REBOOT),
            ("deletenode", Flags::DELETE_NODE),
            ("microservice_list", Flags::MICROSERVICE_LIST),
            ("microservice_config", Flags::MICROSERVICE_CONFIG),
            ("routing", Flags::ROUTING),
            ("registries", Flags::REGISTRIES),
            ("tunnel", Flags::TUNNEL),
            ("diagnostics", Flags::DIAGNOSTICS),
            ("image_snapshot", Flags::IMAGE_SNAPSHOT),
            ("prune", Flags::PRUNE),
            ("router_changed", Flags::ROUTER_CHANGED),
            ("linked_edge_resources", Flags::LINKED_EDGE_RESOURCES),
        ] {
            if row.flag(column)? {
                flags = flags.with(flag);
            }
        }
        if flags != Flags::default() {
            store::change::insert(import.work.tx, &fog, &stamp, flags)?;
        }
    }
    Ok(())
}
