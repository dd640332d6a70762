//! Where Podman behind Docker's API does something else.

use std::path::Path;

use hyper::Method;
use serde_json::Value;

use super::client::{Call, Client};
use crate::domain::{ContainerSpec, Failure, NetworkMode, VolumeKind};

/// The network that containers have when none is named, as Docker would call it.
const NETWORK: &str = "bridge";
/// What Docker takes for the node's address on a container's network.
const HOST_GATEWAY: &str = "host-gateway";

/// Makes the body of a creation one that Podman takes as Docker would; nothing changes for Docker.
///
/// # Errors
/// A folder to be mounted that is not there: Podman would make it on the node, empty.
pub(super) async fn adapt(
    client: &Client,
    spec: &ContainerSpec,
    mut body: Value,
) -> Result<Value, Failure> {
    if !client.is_podman() {
        return Ok(body);
    }
    // An Agent in a container sees other folders than its engine.
    if !Path::new("/run/.containerenv").exists() {
        let bound = spec.volumes.iter().filter(|one| one.kind == VolumeKind::Bind);
        let missing = bound.map(|one| &one.source).find(|source| !Path::new(source).exists());
        if let Some(source) = missing {
            return Err(Failure::Refused(format!("bind source path does not exist: {source}")));
        }
    }
    let hosts = body.pointer_mut("/HostConfig/ExtraHosts").and_then(Value::as_array_mut);
    for entry in hosts.into_iter().flatten() {
        let Some(name) = entry.as_str().and_then(|text| text.strip_suffix(HOST_GATEWAY)) else {
            continue;
        };
        if let Some(gateway) = gateway(client, &spec.network).await {
            *entry = format!("{name}{gateway}").into();
        }
    }
    Ok(body)
}

/// The node's address on a network: Podman 4 writes the word into the container's file of hosts.
async fn gateway(client: &Client, network: &NetworkMode) -> Option<String> {
    let wanted = match network {
        NetworkMode::Named(name) => name.as_str(),
        _ => NETWORK,
    };
    let all = client.ask(Call::new(Method::GET, "/networks".to_owned())).await.ok()?;
    let all = all.as_array()?;
    let found = all.iter().find(|one| one["Name"] == *wanted).or(all.first())?;
    found["IPAM"]["Config"][0]["Gateway"].as_str().map(str::to_owned)
}
