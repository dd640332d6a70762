//! From a desired microservice to the container that realises it (agent contract 6 with the fixes of 14).

use std::net::IpAddr;

use super::{Limits, Port, Settings, Volume, Workload};
use crate::ids::{FogUuid, MicroserviceUuid};

/// What the node adds to each container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// This node.
    pub fog: FogUuid,
    /// `bind_address`: published ports bind to it.
    pub bind_address: Option<IpAddr>,
    /// Address of host `iofog`: the bind address, else the detected one.
    pub iofog_address: Option<IpAddr>,
    /// Zone for `TZ`; empty = none.
    pub time_zone: String,
    /// `container_network`; none = the engine's default.
    pub container_network: Option<String>,
}

/// Network of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    /// The engine's default.
    Default,
    /// The host's.
    Host,
    /// A named one.
    Named(String),
}

/// A published port with the address it binds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortBinding {
    /// The pair and its protocol.
    pub port: Port,
    /// Address on the node; none = all.
    pub host: Option<IpAddr>,
}

/// Everything an engine needs to make the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Which microservice.
    pub microservice: MicroserviceUuid,
    /// Container name.
    pub name: String,
    /// Image reference, verbatim.
    pub image: String,
    /// `KEY=VALUE`, in order.
    pub env: Vec<String>,
    /// Command; empty keeps the image's.
    pub cmd: Vec<String>,
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Network.
    pub network: NetworkMode,
    /// `name:address` entries.
    pub extra_hosts: Vec<String>,
    /// Published ports.
    pub ports: Vec<PortBinding>,
    /// Mounts.
    pub volumes: Vec<Volume>,
    /// Files of 2 MB each kept by the log driver.
    pub log_files: u32,
    /// The most it may take.
    pub limits: Limits,
    /// All devices and rights of the node.
    pub privileged: bool,
}

/// Label that upstream tools know: the node's uuid.
pub const LABEL_FOG: &str = "iofog-uuid";
/// Our label: the microservice's uuid.
pub const LABEL_MICROSERVICE: &str = "iofog-microservice-uuid";
/// Our label: fingerprint of the specification.
pub const LABEL_FINGERPRINT: &str = "iofog-spec";
/// Our label: the rebuild order that this container satisfies.
pub const LABEL_REBUILD: &str = "iofog-rebuild";

impl ContainerSpec {
    /// The container of `workload` on the node described by `node`.
    pub fn new(workload: &Workload, node: &NodeFacts) -> Self {
        let network = match (&node.container_network, workload.host_network) {
            (_, true) => NetworkMode::Host,
            (Some(name), false) => NetworkMode::Named(name.clone()),
            (None, false) => NetworkMode::Default,
        };
        let labels = [
            (LABEL_FOG, node.fog.to_string()),
            (LABEL_MICROSERVICE, workload.uuid.to_string()),
            (LABEL_FINGERPRINT, fingerprint(workload, node)),
            (LABEL_REBUILD, workload.rebuild.to_string()),
        ];
        // A port of the host's network is the container's own: nothing to publish.
        let settings = settings(workload);
        let ports = if workload.host_network { &[] } else { workload.ports.as_slice() };
        Self {
            microservice: workload.uuid.clone(),
            name: workload.container_name(),
            image: workload.image.clone(),
            env: environment(workload, node),
            cmd: workload.cmd.clone(),
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            extra_hosts: extra_hosts(workload, node),
            ports: ports
                .iter()
                .map(|port| PortBinding { port: *port, host: node.bind_address })
                .collect(),
            volumes: workload.volumes.clone(),
            log_files: if workload.log_size_mb > 2 { workload.log_size_mb / 2 } else { 1 },
            limits: settings.limits,
            privileged: settings.privileged,
            network,
        }
    }
}

/// What its configuration orders; nothing when that is wrong, which the reconciler tells.
fn settings(workload: &Workload) -> Settings {
    Settings::parse(&workload.config).unwrap_or_default()
}

fn environment(workload: &Workload, node: &NodeFacts) -> Vec<String> {
    let mut env = vec![format!("SELFNAME={}", workload.uuid)];
    env.extend(workload.env.iter().map(|(key, value)| format!("{key}={value}")));
    let has_zone = env.iter().any(|entry| entry.contains("TZ"));
    if !has_zone && !node.time_zone.is_empty() {
        env.push(format!("TZ={}", node.time_zone));
    }
    env
}

fn extra_hosts(workload: &Workload, node: &NodeFacts) -> Vec<String> {
    if workload.host_network {
        return Vec::new();
    }
    let mut hosts = workload.extra_hosts.clone();
    let named = hosts.iter().any(|entry| entry.contains("iofog"));
    if !named {
        // A node without a network yet is reached at its end of the containers' own.
        let address = node.iofog_address.map(|address| address.to_string());
        hosts.push(format!("iofog:{}", address.as_deref().unwrap_or("host-gateway")));
    }
    hosts
}

/// Fingerprint of all that was ordered. What the node detects by itself (address, zone) is left out:
/// a changed address must not restart workloads.
pub(crate) fn fingerprint(workload: &Workload, node: &NodeFacts) -> String {
    let mut hash = Fnv::default();
    hash.text(&workload.image);
    hash.list(workload.env.iter().map(|(key, value)| format!("{key}={value}")));
    hash.list(workload.cmd.iter().cloned());
    hash.list(workload.extra_hosts.iter().cloned());
    hash.list(
        workload
            .ports
            .iter()
            .map(|port| format!("{}:{}:{}", port.internal, port.external, port.udp)),
    );
    hash.list(
        workload.volumes.iter().map(|one| {
            format!("{}\n{}\n{}\n{:?}", one.source, one.target, one.read_only, one.kind)
        }),
    );
    hash.text(if workload.host_network { "host" } else { "bridge" });
    hash.text(&workload.log_size_mb.to_string());
    hash.text(&node.bind_address.map(|address| address.to_string()).unwrap_or_default());
    hash.text(node.container_network.as_deref().unwrap_or_default());
    // Containers made before there were settings are not made anew.
    let Settings { limits, privileged, .. } = settings(workload);
    if limits != Limits::default() {
        hash.text(&format!("{limits:?}"));
    }
    if privileged {
        hash.text("privileged");
    }
    format!("{:016x}", hash.0)
}

/// FNV-1a: stable over releases, unlike the standard hasher.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn text(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn list(&mut self, items: impl ExactSizeIterator<Item = String>) {
        self.text(&items.len().to_string());
        items.for_each(|item| self.text(&item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeFacts {
        NodeFacts {
            fog: "fog-1".into(),
            bind_address: "10.1.0.1".parse().ok(),
            iofog_address: "10.1.0.1".parse().ok(),
            time_zone: "Europe/Paris".into(),
            container_network: Some("net-1".into()),
        }
    }

    fn workload() -> Workload {
        Workload {
            uuid: "ms-1".into(),
            image: "registry:5000/app:1".into(),
            env: vec![("A".into(), "1".into())],
            ports: vec![Port { internal: 80, external: 8080, udp: false }],
            log_size_mb: 9,
            ..Workload::default()
        }
    }

    #[test]
    fn mapping_follows_the_contract() {
        let spec = ContainerSpec::new(&workload(), &node());
        assert_eq!(spec.name, "iofog_ms-1");
        assert_eq!(spec.env, ["SELFNAME=ms-1", "A=1", "TZ=Europe/Paris"]);
        assert_eq!(spec.extra_hosts, ["iofog:10.1.0.1"]);
        assert_eq!(spec.network, NetworkMode::Named("net-1".into()));
        assert_eq!(spec.ports[0].host, "10.1.0.1".parse().ok());
        assert_eq!(spec.log_files, 4);
        assert_eq!(spec.labels[0], ("iofog-uuid".to_owned(), "fog-1".to_owned()));
    }

    #[test]
    fn host_network_has_no_ports_and_no_hosts() {
        let spec = ContainerSpec::new(&Workload { host_network: true, ..workload() }, &node());
        assert_eq!(spec.network, NetworkMode::Host);
        assert!(spec.ports.is_empty() && spec.extra_hosts.is_empty());
    }

    #[test]
    fn own_entries_win_over_the_added_ones() {
        let own = Workload {
            env: vec![("TZ".into(), "UTC".into())],
            extra_hosts: vec!["iofog:1.2.3.4".into()],
            ..workload()
        };
        let spec = ContainerSpec::new(&own, &node());
        assert_eq!(spec.env, ["SELFNAME=ms-1", "TZ=UTC"]);
        assert_eq!(spec.extra_hosts, ["iofog:1.2.3.4"]);
    }

    #[test]
    fn the_agent_is_found_also_before_the_node_has_an_address() {
        let early = NodeFacts { iofog_address: None, ..node() };
        assert_eq!(ContainerSpec::new(&workload(), &early).extra_hosts, ["iofog:host-gateway"]);
    }

    #[test]
    fn fingerprint_covers_orders_and_not_detected_facts() {
        let base = fingerprint(&workload(), &node());
        let moved = NodeFacts { iofog_address: None, time_zone: "UTC".into(), ..node() };
        assert_eq!(base, fingerprint(&workload(), &moved));
        assert_eq!(
            base,
            fingerprint(&Workload { config: "{}".into(), rebuild: 4, ..workload() }, &node())
        );
        for changed in [
            Workload { image: "x".into(), ..workload() },
            Workload { env: vec![("A".into(), "2".into())], ..workload() },
            Workload { cmd: vec!["A".into()], ..workload() },
            Workload { ports: vec![], ..workload() },
            Workload { host_network: true, ..workload() },
            Workload { extra_hosts: vec!["a:1".into()], ..workload() },
            Workload { config: r#"{"iofogSettings":{"memoryMiB":64}}"#.into(), ..workload() },
            Workload { config: r#"{"iofogSettings":{"privileged":true}}"#.into(), ..workload() },
        ] {
            assert_ne!(base, fingerprint(&changed, &node()), "{changed:?}");
        }
    }
}
