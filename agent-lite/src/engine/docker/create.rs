//! The body of `POST /containers/create` for a container specification.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType,
    PortBinding as ApiPortBinding, PortMap,
};

use crate::domain::{ContainerSpec, NetworkMode, PortBinding, Volume, VolumeKind};

/// Translates the specification; nothing is added that it does not say.
pub(super) fn body(spec: &ContainerSpec) -> ContainerCreateBody {
    let exposed: Vec<String> = spec.ports.iter().map(port_key).collect();
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        env: Some(spec.env.clone()),
        cmd: (!spec.cmd.is_empty()).then(|| spec.cmd.clone()),
        labels: Some(spec.labels.iter().cloned().collect()),
        exposed_ports: (!exposed.is_empty()).then_some(exposed),
        host_config: Some(HostConfig {
            network_mode: network(&spec.network),
            extra_hosts: (!spec.extra_hosts.is_empty()).then(|| spec.extra_hosts.clone()),
            port_bindings: Some(port_map(&spec.ports)),
            mounts: Some(spec.volumes.iter().map(mount).collect()),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([
                    ("max-size".to_owned(), "2m".to_owned()),
                    ("max-file".to_owned(), spec.log_files.to_string()),
                ])),
            }),
            memory: spec.limits.memory_mib.map(|mib| i64::from(mib) << 20),
            nano_cpus: spec.limits.cpu_milli.map(|milli| i64::from(milli) * 1_000_000),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn network(mode: &NetworkMode) -> Option<String> {
    match mode {
        NetworkMode::Default => None,
        NetworkMode::Host => Some("host".to_owned()),
        NetworkMode::Named(name) => Some(name.clone()),
    }
}

fn port_key(binding: &PortBinding) -> String {
    let protocol = if binding.port.udp { "udp" } else { "tcp" };
    format!("{}/{protocol}", binding.port.internal)
}

/// One internal port may be published on several external ones.
fn port_map(ports: &[PortBinding]) -> PortMap {
    let mut map = PortMap::new();
    for binding in ports {
        let published = ApiPortBinding {
            host_ip: binding.host.map(|address| address.to_string()),
            host_port: Some(binding.port.external.to_string()),
        };
        map.entry(port_key(binding)).or_default().get_or_insert_default().push(published);
    }
    map
}

fn mount(volume: &Volume) -> Mount {
    Mount {
        target: Some(volume.target.clone()),
        source: Some(volume.source.clone()),
        typ: Some(match volume.kind {
            VolumeKind::Bind => MountType::BIND,
            VolumeKind::Named => MountType::VOLUME,
        }),
        read_only: Some(volume.read_only),
        ..Mount::default()
    }
}
