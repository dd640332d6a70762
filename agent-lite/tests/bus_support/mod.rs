//! Nodes with a message bus, and Routers on loopback.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test support: each file uses its part, and failures are its purpose"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use iofog_agent::bus::{Bus, BusOptions};
use iofog_agent::context::{AgentContext, LocalMicroservice, Place, RouterAccess};
use iofog_iomessage::IoMessage;
use iofog_router::config::{ConnectorConfig, ListenerConfig, Mode, Role};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};

/// Runs a test on one thread; the limit only guards against hangs.
pub(crate) fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guarded = async {
        tokio::time::timeout(Duration::from_secs(600), test).await.expect("the test hangs");
    };
    tokio::task::LocalSet::new().block_on(&runtime, guarded);
}

/// Waits until something holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) struct Node {
    pub(crate) context: AgentContext,
    pub(crate) bus: Bus,
    folder: PathBuf,
    keep: bool,
}

impl Node {
    /// A node whose folder goes with it.
    pub(crate) fn new(name: &str) -> Self {
        let folder = folder(name, 0);
        let _ = std::fs::remove_dir_all(&folder);
        Self::open(name, folder, false)
    }

    /// A node whose folder outlives it, as it was left.
    pub(crate) fn kept(name: &str, number: u64) -> Self {
        Self::open(name, folder(name, number), true)
    }

    /// Removes the folder of a kept node.
    pub(crate) fn forget(name: &str, number: u64) {
        let _ = std::fs::remove_dir_all(folder(name, number));
    }

    fn open(name: &str, folder: PathBuf, keep: bool) -> Self {
        let place = Place { message_dir: folder.clone(), ..Place::default() };
        let context = AgentContext::new(place);
        context.set_fog_uuid(name.into());
        let bus = Bus::start(context.clone(), BusOptions::default());
        Self { context, bus, folder, keep }
    }

    /// Sets microservices by their uuids and routes; those without routes consume.
    pub(crate) fn microservices(&self, list: &[(&str, &[&str])]) {
        let one = |(uuid, routes): &(&str, &[&str])| LocalMicroservice {
            uuid: (*uuid).into(),
            config: Rc::from("{}"),
            routes: routes.iter().map(|to| (*to).into()).collect(),
            is_consumer: routes.is_empty(),
            log_size_mb: 1,
            host_network: false,
        };
        self.context.set_microservices(list.iter().map(one).collect());
    }

    /// Sets one microservice on the host's network that sends to `routes` and consumes.
    pub(crate) fn host_microservice(&self, uuid: &str, config: &str, routes: &[&str]) {
        self.context.set_microservices(vec![on_host(uuid, config, routes)]);
    }

    /// Sets two microservices on the host's network, the first sending to the second.
    pub(crate) fn host_pair(&self, from: &str, to: &str) {
        self.context.set_microservices(vec![on_host(from, "{}", &[to]), on_host(to, "{}", &[])]);
    }

    pub(crate) fn use_router(&self, router: &RouterHandle) {
        self.context.set_router(RouterAccess::Local(Rc::new(router.clone())));
    }
}

fn on_host(uuid: &str, config: &str, routes: &[&str]) -> LocalMicroservice {
    LocalMicroservice {
        uuid: uuid.into(),
        config: Rc::from(config),
        routes: routes.iter().map(|to| (*to).into()).collect(),
        is_consumer: true,
        log_size_mb: 1,
        host_network: true,
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn folder(name: &str, number: u64) -> PathBuf {
    std::env::temp_dir().join(format!("iofog-bus-{name}-{number}-{}", std::process::id()))
}

pub(crate) fn message(publisher: &str, number: u32) -> IoMessage {
    IoMessage {
        publisher: publisher.into(),
        info_type: "t".into(),
        info_format: "f".into(),
        content_data: Bytes::copy_from_slice(&number.to_be_bytes()),
        ..IoMessage::default()
    }
}

pub(crate) fn content(payload: &Bytes) -> u32 {
    let message = IoMessage::decode(payload).unwrap();
    u32::from_be_bytes(message.content_data[..].try_into().unwrap())
}

/// A router with listeners of these roles on free ports of loopback.
pub(crate) async fn router(mode: Mode, id: &str, roles: &[Role]) -> RouterHandle {
    let mut config = RouterConfig::new(mode, id);
    for role in roles {
        let mut listener = ListenerConfig::new(*role, "127.0.0.1", 0);
        listener.name = role.as_str().to_owned();
        config.listeners.push(listener);
    }
    start(config, RuntimeOptions::default()).await.unwrap()
}

/// An interior router whose listener for edges is at a given place.
pub(crate) async fn router_at(id: &str, edge: SocketAddr) -> RouterHandle {
    let mut config = RouterConfig::new(Mode::Interior, id);
    config.listeners.push(ListenerConfig::new(Role::Edge, "127.0.0.1", edge.port()));
    start(config, RuntimeOptions::default()).await.unwrap()
}

/// An edge router below `upstream`.
pub(crate) async fn edge(id: &str, upstream: &RouterHandle) -> RouterHandle {
    let to = port(upstream, Role::Edge);
    let mut config = RouterConfig::new(Mode::Edge, id);
    let connector = ConnectorConfig::new("up", Role::Edge, &to.ip().to_string(), to.port());
    config.connectors.push(connector);
    let edge = start(config, RuntimeOptions::default()).await.unwrap();
    until(|| edge.status().uplink).await;
    edge
}

/// Where the listener of a role is.
pub(crate) fn port(router: &RouterHandle, role: Role) -> SocketAddr {
    let listeners = router.status().listeners;
    listeners.iter().find(|(name, _)| name == role.as_str()).unwrap().1
}
