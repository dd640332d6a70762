//! The body of `POST /containers/create` for a container specification.

use serde_json::{Map, Value, json};

use crate::domain::{ContainerSpec, NetworkMode, PortBinding, Volume, VolumeKind};

/// Translates the specification; nothing is added that it does not say.
pub(super) fn body(spec: &ContainerSpec) -> Value {
    let mut host = json!({
        "PortBindings": port_map(&spec.ports),
        "Mounts": spec.volumes.iter().map(mount).collect::<Vec<_>>(),
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": "2m", "max-file": spec.log_files.to_string()},
        },
    });
    if let Some(network) = network(&spec.network) {
        host["NetworkMode"] = network.into();
    }
    if !spec.extra_hosts.is_empty() {
        host["ExtraHosts"] = json!(spec.extra_hosts);
    }
    if let Some(mib) = spec.limits.memory_mib {
        host["Memory"] = (i64::from(mib) << 20).into();
    }
    if spec.privileged {
        host["Privileged"] = true.into();
    }
    if let Some(milli) = spec.limits.cpu_milli {
        host["NanoCpus"] = (i64::from(milli) * 1_000_000).into();
    }
    let labels = spec.labels.iter().map(|(key, value)| (key.clone(), value.clone().into()));
    let mut body = json!({
        "Image": spec.image,
        "Env": spec.env,
        "Labels": Value::Object(labels.collect()),
        "HostConfig": host,
    });
    if !spec.cmd.is_empty() {
        body["Cmd"] = json!(spec.cmd);
    }
    if !spec.ports.is_empty() {
        let exposed = spec.ports.iter().map(|one| (port_key(one), json!({})));
        body["ExposedPorts"] = Value::Object(exposed.collect());
    }
    body
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
fn port_map(ports: &[PortBinding]) -> Value {
    let mut map = Map::new();
    for binding in ports {
        let mut published = json!({"HostPort": binding.port.external.to_string()});
        if let Some(address) = binding.host {
            published["HostIp"] = address.to_string().into();
        }
        let all = map.entry(port_key(binding)).or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(published);
        }
    }
    Value::Object(map)
}

fn mount(volume: &Volume) -> Value {
    let kind = match volume.kind {
        VolumeKind::Bind => "bind",
        VolumeKind::Named => "volume",
    };
    json!({
        "Target": volume.target,
        "Source": volume.source,
        "Type": kind,
        "ReadOnly": volume.read_only,
    })
}
