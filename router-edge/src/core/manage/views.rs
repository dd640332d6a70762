//! What each entity shows: its attributes, in a fixed order.

use iofog_amqp::{Role as LinkRole, Value};

use super::entity::Kind;
use crate::config::{ConnectorConfig, ListenerConfig, Mode, Overflow, Role, Sasl};
use crate::config::{Container, LinkRouteConfig};
use crate::core::conn::{Conn, Direction};
use crate::core::containers::AutoLink;
use crate::core::link::Link;
use crate::core::link_route::{LinkRoute, Via};
use crate::core::{Core, DropReason};

/// Attributes of one entity.
pub(super) type Record = Vec<(&'static str, Value)>;

impl Core {
    /// Every entity of a type.
    pub(super) fn records(&self, kind: Kind) -> Vec<Record> {
        let records: Vec<Record> = match kind {
            Kind::Router => vec![self.router_view()],
            Kind::Listener => self.entities.listeners.iter().map(listener_view).collect(),
            Kind::Connector => {
                let connectors = self.entities.connectors.iter();
                connectors.map(|(config, message)| self.connector_view(config, message)).collect()
            }
            Kind::SslProfile => self.ssl_profile_views(),
            Kind::AddressRule => self.address_rule_views(),
            Kind::Connection => {
                let conns = self.conns.iter().filter(|(_, conn)| conn.open && !conn.closed);
                conns.map(|(_, conn)| self.connection_view(conn)).collect()
            }
            Kind::Link => {
                let links = self.links.iter().filter(|(_, link)| link.attached);
                links.map(|(_, link)| self.link_view(link)).collect()
            }
            Kind::Address => self.address_views(),
            Kind::Node => self.node_views(),
            Kind::LinkRoute => self.configured_route_views(),
            Kind::AutoLink => self.auto_link_views(),
            Kind::ConnectionLinkRoute => self.link_route_views(),
        };
        let with_type = |mut record: Record| {
            record.push(("type", Value::from(kind.name())));
            record
        };
        records.into_iter().map(with_type).collect()
    }

    fn router_view(&self) -> Record {
        let mut view = self.router_facts();
        let drops = self.totals().drops;
        let by_reason = DropReason::ALL.map(|r| (r.attribute(), total(drops.of(r))));
        view.extend(by_reason);
        view
    }

    fn router_facts(&self) -> Record {
        let snapshot = self.snapshot();
        let totals = self.totals();
        let name = format!("router/{}", self.id);
        vec![
            ("name", name.as_str().into()),
            ("identity", name.as_str().into()),
            ("id", self.id.as_str().into()),
            ("mode", self.mode.as_str().into()),
            ("area", crate::address::AREA.into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("metadata", optional(self.settings.metadata.as_deref())),
            ("hostName", host_name().into()),
            ("defaultDistribution", self.settings.default_distribution.as_str().into()),
            ("addrCount", count(self.table.iter().count())),
            ("linkCount", count(snapshot.links)),
            ("connectionCount", count(snapshot.connections)),
            ("nodeCount", count(snapshot.routers + usize::from(self.mode == Mode::Interior))),
            ("linkRouteCount", count(self.link_routes.len())),
            ("autoLinkCount", count(snapshot.auto_links)),
            ("deliveriesIngress", total(totals.ingress)),
            ("deliveriesEgress", total(totals.egress)),
            ("deliveriesTransit", total(totals.transit)),
            ("presettledDeliveries", total(totals.presettled)),
            ("droppedPresettledDeliveries", total(totals.drops.total())),
            ("acceptedDeliveries", total(totals.accepted)),
            ("rejectedDeliveries", total(totals.rejected)),
            ("releasedDeliveries", total(totals.released)),
            ("modifiedDeliveries", total(totals.modified)),
            ("uptimeSeconds", total(self.now.0 / 1_000)),
        ]
    }

    fn connector_view(&self, config: &ConnectorConfig, message: &str) -> Record {
        let connected = self.conns.iter().any(|(_, conn)| {
            conn.spec.direction == Direction::Out
                && conn.open
                && !conn.closed
                && conn.spec.name == config.name
        });
        let (status, message) = if connected {
            ("SUCCESS", "Connection opened")
        } else if message.is_empty() {
            ("CONNECTING", "")
        } else {
            ("FAILED", message)
        };
        let mut record = connector_attributes(config);
        record.push(("connectionStatus", status.into()));
        record.push(("connectionMsg", message.into()));
        record
    }

    fn ssl_profile_views(&self) -> Vec<Record> {
        let profiles = self.entities.ssl_profiles.iter();
        profiles
            .map(|profile| {
                vec![
                    ("name", profile.name.as_str().into()),
                    ("identity", format!("sslProfile/{}", profile.name).into()),
                    ("certFile", optional(profile.cert_file.as_deref())),
                    ("privateKeyFile", optional(profile.private_key_file.as_deref())),
                    ("caCertFile", optional(profile.ca_cert_file.as_deref())),
                    ("uidFormat", profile.uid_format_text().into()),
                    ("uidNameMappingFile", optional(profile.uid_names_file.as_deref())),
                ]
            })
            .collect()
    }

    fn address_rule_views(&self) -> Vec<Record> {
        let rules = self.table.rules.iter();
        rules
            .map(|rule| {
                let name = rule.name.as_deref().unwrap_or(&rule.pattern);
                vec![
                    ("name", name.into()),
                    ("identity", name.into()),
                    ("pattern", rule.pattern.as_str().into()),
                    ("distribution", rule.distribution.as_str().into()),
                    (
                        "presettledOverflow",
                        optional(rule.presettled_overflow.map(Overflow::as_str)),
                    ),
                    ("priority", Value::Int(rule.priority.map_or(-1, i32::from))),
                ]
            })
            .collect()
    }

    fn connection_view(&self, conn: &Conn) -> Record {
        let (tls, login) = (conn.spec.tls.as_ref(), conn.login.as_ref());
        let properties = conn.peer.properties.iter();
        let properties = properties.map(|(key, value)| (Value::Symbol(key.clone()), value.clone()));
        vec![
            ("name", format!("connection/{}", conn.spec.host).into()),
            ("identity", conn.number.to_string().into()),
            ("host", conn.spec.host.as_str().into()),
            ("role", conn.spec.role.as_str().into()),
            ("dir", if conn.spec.direction == Direction::In { "in" } else { "out" }.into()),
            ("container", conn.peer.container.as_str().into()),
            ("opened", true.into()),
            ("active", self.is_active(conn).into()),
            ("adminStatus", "enabled".into()),
            ("operStatus", "up".into()),
            ("isAuthenticated", true.into()),
            ("isEncrypted", tls.is_some().into()),
            ("sasl", login.map_or("ANONYMOUS", |login| login.mechanism).into()),
            ("user", login.map_or("anonymous", |login| login.user.as_str()).into()),
            ("ssl", tls.is_some().into()),
            ("sslProto", optional(tls.map(|tls| tls.protocol))),
            ("sslCipher", optional(tls.map(|tls| tls.cipher.as_str()))),
            ("tenant", Value::Null),
            ("properties", Value::Map(properties.collect())),
            ("uptimeSeconds", total(self.now.0.saturating_sub(conn.opened.0) / 1_000)),
        ]
    }

    /// Standby uplinks of an edge are open but carry nothing.
    fn is_active(&self, conn: &Conn) -> bool {
        conn.spec.role != Role::Edge
            || conn.spec.direction == Direction::In
            || self.uplink_number() == Some(conn.number)
    }

    fn link_view(&self, link: &Link) -> Record {
        let conn = self.conns.get(link.conn);
        let address = link.address.and_then(|address| self.table.get(address));
        let outgoing = link.role == LinkRole::Sender;
        let unsettled = if outgoing {
            link.outgoing.outstanding.saturating_sub(size(link.outgoing.queue.len()))
        } else {
            link.incoming.in_flight
        };
        let undelivered = if outgoing { size(link.outgoing.queue.len()) } else { 0 };
        let credit = conn.map_or(0, |conn| conn.engine.credit(link.id));
        let name = link.number.to_string();
        vec![
            ("name", name.as_str().into()),
            ("identity", name.as_str().into()),
            ("linkName", link.name.as_str().into()),
            ("linkType", link.kind.name().into()),
            ("linkDir", if outgoing { "out" } else { "in" }.into()),
            ("owningAddr", address.map_or(Value::Null, |address| address.wire_key().into())),
            ("connectionId", conn.map_or(Value::Null, |conn| conn.number.to_string().into())),
            ("capacity", Value::Uint(link.capacity)),
            ("creditAvailable", Value::Uint(credit)),
            ("undeliveredCount", Value::Uint(undelivered)),
            ("unsettledCount", Value::Uint(unsettled)),
            ("deliveryCount", total(link.counters.deliveries)),
            ("presettledCount", total(link.counters.presettled)),
            ("droppedPresettledCount", total(link.counters.dropped_presettled)),
            ("acceptedCount", total(link.counters.accepted)),
            ("rejectedCount", total(link.counters.rejected)),
            ("releasedCount", total(link.counters.released)),
            ("modifiedCount", total(link.counters.modified)),
            ("adminStatus", "enabled".into()),
            ("operStatus", "up".into()),
            ("peer", Value::Null),
            ("settleRate", Value::Int(0)),
            ("priority", Value::Int(4)),
        ]
    }

    fn address_views(&self) -> Vec<Record> {
        let addresses = self.table.iter();
        addresses
            .map(|(_, address)| {
                let key = address.wire_key();
                vec![
                    ("name", key.as_str().into()),
                    ("identity", key.as_str().into()),
                    ("key", key.as_str().into()),
                    ("distribution", address.treatment.as_str().into()),
                    ("inProcess", count(usize::from(address.in_process))),
                    ("subscriberCount", count(address.consumers.len())),
                    ("remoteCount", count(address.remotes.iter().count())),
                    ("containerCount", count(0)),
                    ("deliveriesIngress", total(address.ingress)),
                    ("deliveriesEgress", total(address.egress)),
                    ("deliveriesTransit", total(address.transit)),
                ]
            })
            .collect()
    }

    /// Link routes over connections of this router.
    fn link_route_views(&self) -> Vec<Record> {
        let served = self.link_routes.iter().filter_map(|route| match route.via {
            Via::Conn(conn) => Some((route, conn)),
            _ => None,
        });
        served
            .map(|(route, conn)| {
                let container = self.conns.get(conn).map(|conn| conn.peer.container.as_str());
                vec![
                    ("name", route.name.as_str().into()),
                    ("identity", route.number.to_string().into()),
                    ("pattern", route.text.as_str().into()),
                    ("direction", route.way.as_str().into()),
                    ("containerId", optional(container)),
                    ("operStatus", "active".into()),
                ]
            })
            .collect()
    }

    fn configured_route_views(&self) -> Vec<Record> {
        let view = |route: &LinkRouteConfig| {
            let served =
                |known: &LinkRoute| matches!(known.via, Via::Conn(_)) && known.name == route.name;
            let active = self.link_routes.iter().any(served);
            let container = route.container.as_ref();
            vec![
                ("name", route.name.as_str().into()),
                ("identity", format!("router.config.linkRoute/{}", route.name).into()),
                ("pattern", route.pattern.as_str().into()),
                ("prefix", optional(route.pattern.strip_suffix("/#"))),
                ("direction", route.way.as_str().into()),
                ("containerId", optional(container.and_then(Container::id))),
                ("connection", optional(container.and_then(Container::connection))),
                ("addExternalPrefix", optional(route.add_prefix.as_deref())),
                ("delExternalPrefix", optional(route.del_prefix.as_deref())),
                ("distribution", "linkBalanced".into()),
                ("operStatus", if active { "active" } else { "inactive" }.into()),
            ]
        };
        self.containers.routes.iter().map(view).collect()
    }

    fn auto_link_views(&self) -> Vec<Record> {
        let view = |link: &AutoLink| {
            let config = &link.config;
            vec![
                ("name", config.name.as_str().into()),
                ("identity", format!("router.config.autoLink/{}", config.name).into()),
                ("address", config.address.as_str().into()),
                ("direction", config.way.as_str().into()),
                ("phase", Value::Int(0)),
                ("externalAddress", optional(config.external.as_deref())),
                ("containerId", optional(config.container.id())),
                ("connection", optional(config.container.connection())),
                ("operStatus", link.state.name().into()),
                ("lastError", optional(link.last_error.as_deref())),
            ]
        };
        self.containers.auto_links.iter().map(view).collect()
    }

    fn node_views(&self) -> Vec<Record> {
        let Some(network) = self.network.as_ref() else {
            return Vec::new();
        };
        let changed = network.changed_at().unwrap_or(0) / 1_000;
        let view = |id: &crate::config::RouterId, hop: Value, cost: Value, instance: u64| {
            let peers = network.link_state(id).map(|state| state.peers.keys());
            let peers = peers.into_iter().flatten().map(|peer| Value::from(peer.as_str()));
            vec![
                ("name", format!("router.node/{id}").into()),
                ("identity", format!("router.node/{id}").into()),
                ("id", id.as_str().into()),
                ("protocolVersion", Value::Int(1)),
                ("instance", total(instance)),
                ("linkState", Value::List(peers.collect())),
                ("nextHop", hop),
                ("validOrigins", Value::List(Vec::new())),
                ("address", format!("amqp:/_topo/0/{id}").into()),
                ("cost", cost),
                ("lastTopoChange", total(changed)),
            ]
        };
        let mut all = vec![view(&self.id, "(self)".into(), Value::Null, network.instance())];
        for (id, instance, route) in network.routers() {
            let hop = route.and_then(|route| {
                let conn = <super::ConnId as crate::core::slab::Id>::from_index(route.next_hop.0);
                self.conns.get(conn).map(|conn| conn.peer.container.clone())
            });
            let hop = hop.filter(|hop| hop != id.as_str()).map_or(Value::Null, Value::from);
            let cost = route.map_or(Value::Null, |route| Value::Uint(route.cost));
            all.push(view(id, hop, cost, instance));
        }
        all
    }
}

fn listener_view(config: &ListenerConfig) -> Record {
    listener_attributes(config)
}

/// Attributes of a listener, as CREATE answers them too.
pub(super) fn listener_attributes(config: &ListenerConfig) -> Record {
    vec![
        ("name", config.name.as_str().into()),
        ("identity", format!("listener/{}", config.name).into()),
        ("host", config.host.as_str().into()),
        ("port", config.port.to_string().into()),
        ("role", config.role.as_str().into()),
        ("cost", Value::Uint(config.cost)),
        ("sslProfile", optional(config.ssl_profile.as_deref())),
        ("requireSsl", config.require_ssl.into()),
        ("requireEncryption", config.require_encryption.into()),
        ("saslMechanisms", mechanisms(&config.sasl)),
        ("authenticatePeer", config.authenticate_peer.into()),
        ("maxFrameSize", Value::Uint(config.max_frame_size)),
        ("maxSessions", Value::Uint(u32::from(config.max_sessions))),
        ("idleTimeoutSeconds", Value::Uint(config.idle_timeout)),
        ("linkCapacity", Value::Uint(config.link_capacity)),
        ("http", config.http.is_some().into()),
        ("healthz", config.http.is_none_or(|http| http.healthz).into()),
        ("metrics", config.http.is_none_or(|http| http.metrics).into()),
    ]
}

/// Attributes of a connector, as CREATE answers them too.
pub(super) fn connector_attributes(config: &ConnectorConfig) -> Record {
    vec![
        ("name", config.name.as_str().into()),
        ("identity", format!("connector/{}", config.name).into()),
        ("host", config.host.as_str().into()),
        ("port", config.port.to_string().into()),
        ("role", config.role.as_str().into()),
        ("cost", Value::Uint(config.cost)),
        ("sslProfile", optional(config.ssl_profile.as_deref())),
        ("saslMechanisms", mechanisms(&config.sasl)),
        ("saslUsername", optional(config.sasl.username.as_deref())),
        ("verifyHostname", config.verify_hostname.into()),
        ("maxFrameSize", Value::Uint(config.max_frame_size)),
        ("idleTimeoutSeconds", Value::Uint(config.idle_timeout)),
        ("linkCapacity", Value::Uint(config.link_capacity)),
    ]
}

fn mechanisms(sasl: &Sasl) -> Value {
    if sasl.mechanisms.is_empty() {
        return Value::Null;
    }
    sasl.mechanisms.join(" ").into()
}

pub(super) fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

fn count(n: usize) -> Value {
    total(u64::try_from(n).unwrap_or(u64::MAX))
}

fn total(n: u64) -> Value {
    Value::Ulong(n)
}

fn size(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}
