//! What the parts of the Agent share: microservices, routes, caller identity, the way to the Router.
//!
//! One writer (the field agent and the process manager), many readers on the same thread.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use iofog_pipe::PipeEnd;
use iofog_sorted::{SortedMap, SortedSet};
use tokio::sync::watch;

use crate::domain::{EpochMillis, MessageSettings, Settings};
use crate::ids::{FogUuid, MicroserviceUuid};

/// A microservice as the Local API and the message bus see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMicroservice {
    /// Its uuid.
    pub uuid: MicroserviceUuid,
    /// Configuration: JSON text, opaque to the Agent.
    pub config: Rc<str>,
    /// Destinations of its messages, on this node or another.
    pub routes: Vec<MicroserviceUuid>,
    /// True when some route ends here, so the bus opens a receiver.
    pub is_consumer: bool,
    /// Total size of the log lines it may post, in MB (at least 1).
    pub log_size_mb: u32,
    /// True when it shares the host's network, so it calls from loopback.
    pub host_network: bool,
}

/// Who a connection to the Local API belongs to, judged by its source address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The container of this microservice.
    Microservice(MicroserviceUuid),
    /// Loopback or the bind address: administration and host-network microservices.
    Host,
    /// An address that belongs to no container of this node.
    Unknown,
}

/// A Router that runs inside this process.
pub trait LocalRouter {
    /// A new in-process connection; the Router serves the other end.
    fn connect_local(&self) -> PipeEnd;
}

/// How to reach the Router that carries this node's messages.
#[derive(Clone, Default)]
pub enum RouterAccess {
    /// None is known yet.
    #[default]
    None,
    /// The built-in one.
    Local(Rc<dyn LocalRouter>),
    /// Another node's (`routerMode` none), or one in a container.
    Tcp {
        /// Host name or address.
        host: String,
        /// AMQP port.
        port: u16,
    },
}

/// Counts up once per change of each kind; compare with the value seen before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generations {
    /// The set of microservices, or a configuration text.
    pub microservices: u32,
    /// Routes or consumers.
    pub routes: u32,
    /// The way to the Router.
    pub router: u32,
    /// Linked edge resources.
    pub edge_resources: u32,
}

/// Last known position of the node, as decimal degrees in text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Latitude.
    pub latitude: String,
    /// Longitude.
    pub longitude: String,
    /// When it was set, epoch ms.
    pub timestamp: u64,
}

/// Facts that hold as long as the process lives.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Address that the Local API, Router listeners and published ports bind to; none = all addresses.
    pub bind_address: Option<IpAddr>,
    /// Folder for caches and queues (`--state-dir`, or the upstream library path).
    pub state_dir: PathBuf,
    /// Folder of log files.
    pub log_dir: PathBuf,
    /// Folder of the message archive and outbox.
    pub message_dir: PathBuf,
    /// Administration token of the Local API (the `local-api` file).
    pub local_api_token: Rc<str>,
}

/// Cheap handle on the shared state; clone it freely.
#[derive(Clone)]
pub struct AgentContext {
    shared: Rc<Shared>,
}

struct Shared {
    place: Place,
    fog: RefCell<FogUuid>,
    microservices: RefCell<SortedMap<MicroserviceUuid, Rc<LocalMicroservice>>>,
    /// Of those whose configuration has some.
    message_settings: RefCell<SortedMap<MicroserviceUuid, MessageSettings>>,
    addresses: RefCell<SortedMap<IpAddr, MicroserviceUuid>>,
    router: RefCell<RouterAccess>,
    /// Bytes of messages that may wait; none = the bus's own bound.
    message_quota: Cell<Option<u64>>,
    edge_resources: RefCell<Rc<str>>,
    position: RefCell<Option<Position>>,
    published: RefCell<SortedMap<MicroserviceUuid, (u64, EpochMillis)>>,
    processed: Cell<u64>,
    changes: watch::Sender<Generations>,
}

// === impl AgentContext ===

impl AgentContext {
    /// An empty context for a node at `place`.
    pub fn new(place: Place) -> Self {
        let (changes, _) = watch::channel(Generations::default());
        Self {
            shared: Rc::new(Shared {
                place,
                fog: RefCell::default(),
                microservices: RefCell::default(),
                message_settings: RefCell::default(),
                addresses: RefCell::default(),
                router: RefCell::default(),
                message_quota: Cell::default(),
                edge_resources: RefCell::new(Rc::from("[]")),
                position: RefCell::default(),
                published: RefCell::default(),
                processed: Cell::new(0),
                changes,
            }),
        }
    }

    /// Where this node lives: addresses and folders.
    pub fn place(&self) -> &Place {
        &self.shared.place
    }

    /// Shorthand for the bind address.
    pub fn bind_address(&self) -> Option<IpAddr> {
        self.shared.place.bind_address
    }

    /// Shorthand for the state folder.
    pub fn state_dir(&self) -> &Path {
        &self.shared.place.state_dir
    }

    /// This node's uuid; empty when not provisioned.
    pub fn fog_uuid(&self) -> FogUuid {
        self.shared.fog.borrow().clone()
    }

    /// One microservice of this node.
    pub fn microservice(&self, uuid: &MicroserviceUuid) -> Option<Rc<LocalMicroservice>> {
        self.shared.microservices.borrow().get(uuid).cloned()
    }

    /// All microservices of this node, ordered by uuid.
    pub fn microservices(&self) -> Vec<Rc<LocalMicroservice>> {
        self.shared.microservices.borrow().values().cloned().collect()
    }

    /// Destinations of what `publisher` sends.
    pub fn routes_from(&self, publisher: &MicroserviceUuid) -> Vec<MicroserviceUuid> {
        self.microservice(publisher).map(|found| found.routes.clone()).unwrap_or_default()
    }

    /// How the messages of `publisher` are to be kept; wrong settings, which its state tells, are none.
    pub fn message_settings(&self, publisher: &MicroserviceUuid) -> MessageSettings {
        self.shared.message_settings.borrow().get(publisher).copied().unwrap_or_default()
    }

    /// Bytes of messages that may wait on this node, as configured.
    pub fn message_quota(&self) -> Option<u64> {
        self.shared.message_quota.get()
    }

    /// Sets it; it holds from the next message on.
    pub fn set_message_quota(&self, bytes: u64) {
        self.shared.message_quota.set(Some(bytes));
    }

    /// Whether messages of any publisher are to be given up after a time.
    pub fn messages_expire(&self) -> bool {
        self.shared.message_settings.borrow().values().any(|one| one.ttl.is_some())
    }

    /// Publishers of this node with a route to `destination`.
    pub fn publishers_to(&self, destination: &MicroserviceUuid) -> Vec<MicroserviceUuid> {
        let all = self.shared.microservices.borrow();
        all.values()
            .filter(|one| one.routes.contains(destination))
            .map(|one| one.uuid.clone())
            .collect()
    }

    /// Microservices of this node that receive messages.
    pub fn consumers(&self) -> SortedSet<MicroserviceUuid> {
        let all = self.shared.microservices.borrow();
        all.values().filter(|one| one.is_consumer).map(|one| one.uuid.clone()).collect()
    }

    /// Who calls from `address`.
    pub fn caller(&self, address: IpAddr) -> Caller {
        let address = address.to_canonical();
        if let Some(uuid) = self.shared.addresses.borrow().get(&address) {
            return Caller::Microservice(uuid.clone());
        }
        if address.is_loopback() || self.bind_address() == Some(address) {
            return Caller::Host;
        }
        Caller::Unknown
    }

    /// The way to the Router at this moment.
    pub fn router(&self) -> RouterAccess {
        self.shared.router.borrow().clone()
    }

    /// Linked edge resources: the text of a JSON array.
    pub fn edge_resources(&self) -> Rc<str> {
        self.shared.edge_resources.borrow().clone()
    }

    /// Last known position.
    pub fn position(&self) -> Option<Position> {
        self.shared.position.borrow().clone()
    }

    /// A receiver that wakes at each change.
    pub fn subscribe(&self) -> watch::Receiver<Generations> {
        self.shared.changes.subscribe()
    }

    /// Counts one message accepted from `publisher` at `now`, for the status.
    pub fn count_published(&self, publisher: &MicroserviceUuid, now: EpochMillis) {
        self.shared.processed.set(self.shared.processed.get() + 1);
        let mut published = self.shared.published.borrow_mut();
        let (count, last) = published.entry(publisher.clone()).or_default();
        (*count, *last) = (*count + 1, now);
    }

    /// Messages accepted from `publisher` since start, and when the last one; none when there was none.
    pub fn published_by(&self, publisher: &MicroserviceUuid) -> Option<(u64, EpochMillis)> {
        self.shared.published.borrow().get(publisher).copied()
    }

    /// Messages accepted since start: total, and per publisher.
    pub fn published(&self) -> (u64, Vec<(MicroserviceUuid, u64)>) {
        let each = self
            .shared
            .published
            .borrow()
            .iter()
            .map(|(uuid, (count, _))| (uuid.clone(), *count))
            .collect();
        (self.shared.processed.get(), each)
    }

    // --- writers: the field agent, the process manager and the modules ---

    /// Sets the identity after provisioning, or clears it.
    pub fn set_fog_uuid(&self, uuid: FogUuid) {
        *self.shared.fog.borrow_mut() = uuid;
    }

    /// Replaces the microservices; readers wake only when something they see differs.
    pub fn set_microservices(&self, list: Vec<LocalMicroservice>) {
        let new: SortedMap<_, _> =
            list.into_iter().map(|one| (one.uuid.clone(), Rc::new(one))).collect();
        let settings = |one: &Rc<LocalMicroservice>| {
            let settings = Settings::parse(&one.config).unwrap_or_default().messages;
            (settings != MessageSettings::default()).then(|| (one.uuid.clone(), settings))
        };
        *self.shared.message_settings.borrow_mut() = new.values().filter_map(settings).collect();
        let old = self.shared.microservices.replace(new);
        let new = self.shared.microservices.borrow();
        let routes_differ = routing_of(&old) != routing_of(&new);
        if *new == old {
            return;
        }
        self.shared.changes.send_modify(|seen| {
            seen.microservices = seen.microservices.wrapping_add(1);
            if routes_differ {
                seen.routes = seen.routes.wrapping_add(1);
            }
        });
    }

    /// Replaces the container addresses.
    pub fn set_addresses(&self, addresses: SortedMap<IpAddr, MicroserviceUuid>) {
        *self.shared.addresses.borrow_mut() = addresses;
    }

    /// Replaces the way to the Router and wakes the readers.
    pub fn set_router(&self, access: RouterAccess) {
        *self.shared.router.borrow_mut() = access;
        self.shared.changes.send_modify(|seen| seen.router = seen.router.wrapping_add(1));
    }

    /// Replaces the linked edge resources and wakes the readers when they differ.
    pub fn set_edge_resources(&self, json: Rc<str>) {
        if self.shared.edge_resources.replace(json.clone()) != json {
            self.shared
                .changes
                .send_modify(|seen| seen.edge_resources = seen.edge_resources.wrapping_add(1));
        }
    }

    /// Sets the position.
    pub fn set_position(&self, position: Option<Position>) {
        *self.shared.position.borrow_mut() = position;
    }
}

type Routing<'a> = Vec<(&'a MicroserviceUuid, &'a [MicroserviceUuid], bool)>;

fn routing_of(list: &SortedMap<MicroserviceUuid, Rc<LocalMicroservice>>) -> Routing<'_> {
    list.values().map(|one| (&one.uuid, one.routes.as_slice(), one.is_consumer)).collect()
}

impl RouterAccess {
    /// Leads to the same Router.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Local(one), Self::Local(two)) => Rc::ptr_eq(one, two),
            (Self::Tcp { host, port }, Self::Tcp { host: other_host, port: other_port }) => {
                (host, port) == (other_host, other_port)
            }
            _ => false,
        }
    }
}

impl fmt::Debug for RouterAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Local(_) => f.write_str("Local"),
            Self::Tcp { host, port } => write!(f, "Tcp({host}:{port})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn microservice(uuid: &str, routes: &[&str], is_consumer: bool) -> LocalMicroservice {
        LocalMicroservice {
            uuid: uuid.into(),
            config: Rc::from("{}"),
            routes: routes.iter().map(|to| MicroserviceUuid::from(*to)).collect(),
            is_consumer,
            log_size_mb: 1,
            host_network: false,
        }
    }

    #[test]
    fn caller_is_judged_by_source_address() {
        let context =
            AgentContext::new(Place { bind_address: "10.1.0.1".parse().ok(), ..Place::default() });
        let container: IpAddr = "10.1.0.7".parse().unwrap();
        context.set_addresses(SortedMap::from([(container, "ms-1".into())]));
        assert_eq!(context.caller(container), Caller::Microservice("ms-1".into()));
        assert_eq!(
            context.caller("::ffff:10.1.0.7".parse().unwrap()),
            Caller::Microservice("ms-1".into())
        );
        assert_eq!(context.caller("10.1.0.1".parse().unwrap()), Caller::Host);
        assert_eq!(context.caller("127.0.0.1".parse().unwrap()), Caller::Host);
        assert_eq!(context.caller("10.1.0.8".parse().unwrap()), Caller::Unknown);
    }

    #[test]
    fn readers_wake_only_for_what_changed() {
        let context = AgentContext::new(Place::default());
        let mut seen = context.subscribe();
        context.set_microservices(vec![microservice("a", &["b"], false)]);
        let first = *seen.borrow_and_update();
        assert_eq!((first.microservices, first.routes), (1, 1));
        context.set_microservices(vec![microservice("a", &["b"], false)]);
        assert!(!seen.has_changed().unwrap());
        let changed =
            LocalMicroservice { config: Rc::from("{\"x\":1}"), ..microservice("a", &["b"], false) };
        context.set_microservices(vec![changed]);
        let second = *seen.borrow_and_update();
        assert_eq!((second.microservices, second.routes), (2, 1));
    }

    #[test]
    fn routes_and_consumers_are_read_both_ways() {
        let context = AgentContext::new(Place::default());
        context.set_microservices(vec![
            microservice("a", &["b", "far"], false),
            microservice("b", &[], true),
        ]);
        assert_eq!(context.routes_from(&"a".into()), vec!["b".into(), "far".into()]);
        assert_eq!(context.publishers_to(&"far".into()), vec!["a".into()]);
        assert_eq!(context.consumers(), SortedSet::from(["b".into()]));
    }
}
