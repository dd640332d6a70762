//! From the contract's types to the Agent's own terms.

use iofog_api::agent::{
    AgentMicroservice, AgentRegistry, Change, ChangeSet, Changes, PortMapping, VolumeMapping,
};

use super::ControllerError;
use crate::domain::{Port, Registry, Volume, VolumeKind, Workload};

/// A list with one unusable item is refused as a whole: half a list would remove the other half.
pub(super) fn workloads(list: Vec<AgentMicroservice>) -> Result<Vec<Workload>, ControllerError> {
    list.into_iter().map(workload).collect()
}

fn workload(item: AgentMicroservice) -> Result<Workload, ControllerError> {
    if item.uuid.as_str().is_empty() {
        return Err(ControllerError::malformed("microservice without uuid"));
    }
    if item.image_id.is_empty() {
        return Err(ControllerError::malformed(format!(
            "microservice {}: imageId is missing",
            item.uuid
        )));
    }
    Ok(Workload {
        uuid: item.uuid,
        image: item.image_id,
        config: item.config,
        rebuild: u64::from(item.rebuild),
        host_network: item.root_host_access,
        log_size_mb: u32::try_from(item.log_size).unwrap_or(1).max(1),
        registry: item.registry_id,
        ports: item.port_mappings.into_iter().map(port).collect(),
        volumes: item.volume_mappings.into_iter().map(volume).collect(),
        env: item.env.into_iter().map(|pair| (pair.key, pair.value)).collect(),
        extra_hosts: item.extra_hosts,
        cmd: item.cmd,
        routes: item.routes,
        is_consumer: item.is_consumer,
        delete: item.delete,
        delete_with_cleanup: item.delete_with_cleanup,
    })
}

fn port(item: PortMapping) -> Port {
    Port {
        internal: item.port_internal,
        external: item.port_external,
        udp: item.is_udp.unwrap_or(false),
    }
}

fn volume(item: VolumeMapping) -> Volume {
    Volume {
        source: item.host_destination,
        target: item.container_destination,
        read_only: item.access_mode == "ro",
        kind: if item.kind == "volume" { VolumeKind::Named } else { VolumeKind::Bind },
    }
}

pub(super) fn registry(item: AgentRegistry) -> Registry {
    Registry {
        id: item.id,
        url: item.url,
        is_public: item.is_public,
        username: item.username,
        password: item.password,
        email: item.user_email,
    }
}

/// The raised flags as a set.
pub(super) fn raised(changes: &Changes) -> ChangeSet {
    let flags = [
        (Change::Config, changes.config),
        (Change::Version, changes.version),
        (Change::Reboot, changes.reboot),
        (Change::DeleteNode, changes.delete_node),
        (Change::MicroserviceList, changes.microservice_list),
        (Change::MicroserviceConfig, changes.microservice_config),
        (Change::Routing, changes.routing),
        (Change::Registries, changes.registries),
        (Change::Tunnel, changes.tunnel),
        (Change::Diagnostics, changes.diagnostics),
        (Change::IsImageSnapshot, changes.is_image_snapshot),
        (Change::Prune, changes.prune),
        (Change::RouterChanged, changes.router_changed),
        (Change::LinkedEdgeResources, changes.linked_edge_resources),
    ];
    flags.into_iter().filter(|(_, raised)| *raised).map(|(flag, _)| flag).collect()
}
