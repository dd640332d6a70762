//! The Controller's answers in the Agent's terms. Nulls count as absent; numbers may be text and the reverse.

use serde_json::Value;

use super::ControllerError;
use crate::domain::{Port, Registry, RegistryId, Volume, VolumeKind, Workload};
use crate::ids::MicroserviceUuid;

/// Change flags (agent contract 3.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    raised: Vec<Flag>,
    /// Must be echoed exactly when the changes were processed.
    pub last_updated: String,
}

/// A change flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the contract's own")]
pub enum Flag {
    DeleteNode,
    Reboot,
    ImageSnapshot,
    Config,
    Version,
    Registries,
    Prune,
    MicroserviceConfig,
    MicroserviceList,
    Routing,
    Tunnel,
    Diagnostics,
    RouterChanged,
    LinkedEdgeResources,
}

const FLAGS: [(Flag, &str); 14] = [
    (Flag::DeleteNode, "deleteNode"),
    (Flag::Reboot, "reboot"),
    (Flag::ImageSnapshot, "isImageSnapshot"),
    (Flag::Config, "config"),
    (Flag::Version, "version"),
    (Flag::Registries, "registries"),
    (Flag::Prune, "prune"),
    (Flag::MicroserviceConfig, "microserviceConfig"),
    (Flag::MicroserviceList, "microserviceList"),
    (Flag::Routing, "routing"),
    (Flag::Tunnel, "tunnel"),
    (Flag::Diagnostics, "diagnostics"),
    (Flag::RouterChanged, "routerChanged"),
    (Flag::LinkedEdgeResources, "linkedEdgeResources"),
];

// === impl Changes ===

impl Changes {
    /// The flag is raised.
    pub fn has(&self, flag: Flag) -> bool {
        self.raised.contains(&flag)
    }

    /// One of them is.
    pub fn has_any(&self, flags: &[Flag]) -> bool {
        flags.iter().any(|flag| self.has(*flag))
    }

    /// None is.
    pub fn is_empty(&self) -> bool {
        self.raised.is_empty()
    }
}

pub(super) fn changes(body: &Value) -> Result<Changes, ControllerError> {
    let last_updated = body.get("lastUpdated").and_then(Value::as_str);
    let last_updated =
        last_updated.ok_or_else(|| ControllerError::malformed("lastUpdated"))?.to_owned();
    let raised =
        FLAGS.iter().filter(|(_, name)| truth(body, name)).map(|(flag, _)| *flag).collect();
    Ok(Changes { raised, last_updated })
}

/// A list with one unreadable item is refused as a whole: half a list would remove the other half.
pub(super) fn microservices(body: &Value) -> Result<Vec<Workload>, ControllerError> {
    items(body, "microservices")?.iter().map(workload).collect()
}

pub(super) fn registries(body: &Value) -> Result<Vec<Registry>, ControllerError> {
    items(body, "registries")?.iter().map(registry).collect()
}

fn workload(item: &Value) -> Result<Workload, ControllerError> {
    let uuid = text(item, "uuid");
    if uuid.is_empty() {
        return Err(ControllerError::malformed("microservice without uuid"));
    }
    let within = |error: &str| ControllerError::malformed(format!("microservice {uuid}: {error}"));
    let image = text(item, "imageId");
    if image.is_empty() {
        return Err(within("imageId is missing"));
    }
    let ports = list(item, "portMappings").iter().map(port).collect::<Option<_>>();
    Ok(Workload {
        image,
        config: text(item, "config"),
        rebuild: u64::from(truth(item, "rebuild")),
        host_network: truth(item, "rootHostAccess"),
        log_size_mb: number(item, "logSize")
            .and_then(|size| u32::try_from(size).ok())
            .unwrap_or(1)
            .max(1),
        registry: RegistryId(number(item, "registryId").unwrap_or_default()),
        ports: ports.ok_or_else(|| within("portMappings hold a port that is not 0 to 65535"))?,
        volumes: list(item, "volumeMappings").iter().map(volume).collect(),
        env: list(item, "env")
            .iter()
            .map(|pair| (text(pair, "key"), text(pair, "value")))
            .collect(),
        extra_hosts: texts(item, "extraHosts"),
        cmd: texts(item, "cmd"),
        routes: texts(item, "routes").into_iter().map(MicroserviceUuid::new).collect(),
        is_consumer: truth(item, "isConsumer"),
        delete: truth(item, "delete"),
        delete_with_cleanup: truth(item, "deleteWithCleanup"),
        uuid: MicroserviceUuid::new(uuid),
    })
}

fn port(item: &Value) -> Option<Port> {
    let side = |name| number(item, name).and_then(|port| u16::try_from(port).ok());
    Some(Port {
        internal: side("portInternal")?,
        external: side("portExternal")?,
        udp: truth(item, "isUdp"),
    })
}

fn volume(item: &Value) -> Volume {
    Volume {
        source: text(item, "hostDestination"),
        target: text(item, "containerDestination"),
        read_only: text(item, "accessMode") == "ro",
        kind: if text(item, "type") == "volume" { VolumeKind::Named } else { VolumeKind::Bind },
    }
}

fn registry(item: &Value) -> Result<Registry, ControllerError> {
    Ok(Registry {
        id: RegistryId(
            number(item, "id").ok_or_else(|| ControllerError::malformed("registry without id"))?,
        ),
        url: text(item, "url"),
        is_public: truth(item, "isPublic"),
        username: text(item, "username"),
        password: text(item, "password"),
        email: text(item, "userEmail"),
    })
}

fn items<'a>(body: &'a Value, name: &str) -> Result<&'a [Value], ControllerError> {
    let found = body.get(name).and_then(Value::as_array);
    found
        .map(Vec::as_slice)
        .ok_or_else(|| ControllerError::malformed(format!("{name} is not an array")))
}

fn list<'a>(item: &'a Value, name: &str) -> &'a [Value] {
    item.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn texts(item: &Value, name: &str) -> Vec<String> {
    list(item, name).iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// Text, or the text form of a number or boolean; empty when absent or null.
pub(super) fn text(item: &Value, name: &str) -> String {
    match item.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Number(_) | Value::Bool(_))) => other.to_string(),
        _ => String::new(),
    }
}

fn truth(item: &Value, name: &str) -> bool {
    match item.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    }
}

fn number(item: &Value, name: &str) -> Option<i64> {
    match item.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
