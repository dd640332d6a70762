//! What each entity shows: its attributes, in a fixed order.

use iofog_amqp::Value;

use super::entity::Kind;
use super::process::log_view;
use crate::config::{ConnectorConfig, ListenerConfig, Overflow, Role, Sasl};
use crate::config::{Container, LinkRouteConfig};
use crate::core::Core;
use crate::core::conn::{Conn, Direction};
use crate::core::containers::AutoLink;
use crate::core::link_route::{LinkRoute, Via};

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
            Kind::Link => self.link_views(),
            Kind::Address => self.address_views(),
            Kind::Node => self.node_views(),
            Kind::LinkRoute => self.configured_route_views(),
            Kind::AutoLink => self.auto_link_views(),
            Kind::ConnectionLinkRoute => self.link_route_views(),
            Kind::RouterMetrics => vec![self.metrics_view()],
            Kind::Log => vec![log_view()],
            Kind::Policy => vec![self.policy_view()],
            Kind::Network => vec![vec![
                ("name", "network/0".into()),
                ("identity", "network/0".into()),
                ("networkId", Value::Null),
                ("tenantId", Value::Null),
            ]],
            Kind::Vhost => self.vhost_views(),
            Kind::VhostStats => self.vhost_stats_views(),
            // Memory comes from the system's allocator, without pools; groups are shown by their virtual host.
            Kind::Allocator | Kind::VhostGroup => Vec::new(),
        };
        let with_type = |mut record: Record| {
            record.push(("type", Value::from(kind.name())));
            record
        };
        records.into_iter().map(with_type).collect()
    }

    fn router_view(&self) -> Record {
        let settings = &self.settings;
        let name = format!("router/{}", self.id);
        let mut view = vec![
            ("name", name.as_str().into()),
            ("identity", name.as_str().into()),
            ("id", self.id.as_str().into()),
            ("mode", self.mode.as_str().into()),
            ("area", crate::address::AREA.into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("metadata", optional(settings.metadata.as_deref())),
            ("hostName", (self.entities.machine.host_name)().into()),
            ("defaultDistribution", settings.default_distribution.as_str().into()),
            ("presettledOverflow", settings.presettled_overflow.as_str().into()),
            ("workerThreads", Value::Uint(1)),
            ("helloIntervalSeconds", Value::Uint(settings.hello_interval)),
            ("helloMaxAgeSeconds", Value::Uint(settings.hello_max_age)),
            ("raIntervalSeconds", Value::Uint(settings.ra_interval)),
            ("raIntervalFluxSeconds", Value::Uint(settings.ra_interval_flux)),
            ("remoteLsMaxAgeSeconds", Value::Uint(settings.remote_ls_max_age)),
            ("unreachableHoldoffSeconds", Value::Uint(settings.unreachable_holdoff)),
            ("saslUsersFile", optional(settings.sasl_users_file.as_deref())),
            // Settings of the reference that have no counterpart here; its tools read them.
            ("saslConfigName", Value::Null),
            ("saslConfigDir", Value::Null),
            ("debugDumpFile", Value::Null),
            ("timestampsInUTC", true.into()),
            ("timestampFormat", Value::Null),
            ("dataConnectionCount", "0".into()),
        ];
        view.extend(self.metrics());
        view
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
            ("protocol", "amqp".into()),
            ("dir", if conn.spec.direction == Direction::In { "in" } else { "out" }.into()),
            ("container", conn.peer.container.as_str().into()),
            ("opened", true.into()),
            ("active", self.is_active(conn).into()),
            ("adminStatus", "enabled".into()),
            ("operStatus", "up".into()),
            ("isAuthenticated", login.is_some().into()),
            ("isEncrypted", tls.is_some().into()),
            ("sasl", optional(login.map(|login| login.mechanism))),
            ("user", login.map_or("anonymous", |login| login.user.as_str()).into()),
            ("ssl", tls.is_some().into()),
            ("sslProto", optional(tls.map(|tls| tls.protocol))),
            ("sslCipher", optional(tls.map(|tls| tls.cipher.as_str()))),
            ("sslSsf", Value::Uint(tls.map_or(0, |tls| strength(&tls.cipher)))),
            ("tenant", Value::Null),
            ("meshId", Value::Null),
            ("properties", Value::Map(properties.collect())),
            ("uptimeSeconds", total(self.now.since(conn.opened) / 1_000)),
            (
                "lastDlvSeconds",
                conn.last_delivery.map_or(Value::Null, |at| total(self.now.since(at) / 1_000)),
            ),
        ]
    }

    /// Standby uplinks of an edge are open but carry nothing.
    fn is_active(&self, conn: &Conn) -> bool {
        conn.spec.role != Role::Edge
            || conn.spec.direction == Direction::In
            || self.uplink_number() == Some(conn.number)
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
                    ("priority", Value::Int(address.priority.map_or(-1, i32::from))),
                    ("inProcess", count(usize::from(address.in_process))),
                    ("subscriberCount", count(address.consumers.len())),
                    ("remoteCount", count(address.remotes.iter().count())),
                    ("containerCount", count(0)),
                    ("deliveriesIngress", total(address.ingress)),
                    ("deliveriesEgress", total(address.egress)),
                    ("deliveriesTransit", total(address.transit)),
                    ("deliveriesToContainer", total(address.to_process)),
                    ("deliveriesFromContainer", total(address.from_process)),
                    ("deliveriesRedirectedToFallback", total(0)),
                    ("watch", false.into()),
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

    /// Identity of the link that an auto link attached.
    fn link_reference(&self, link: &AutoLink) -> Value {
        let attached = link.state.link().and_then(|key| self.links.get(key));
        attached.map_or(Value::Null, |link| link.number.to_string().into())
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
                ("linkRef", self.link_reference(link)),
                ("externalAddress", optional(config.external.as_deref())),
                ("containerId", optional(config.container.id())),
                ("connection", optional(config.container.connection())),
                ("operStatus", link.state.name().into()),
                ("lastError", optional(link.last_error.as_deref())),
            ]
        };
        self.containers.auto_links.iter().map(view).collect()
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

pub(super) fn count(n: usize) -> Value {
    total(u64::try_from(n).unwrap_or(u64::MAX))
}

pub(super) fn total(n: u64) -> Value {
    Value::Ulong(n)
}

pub(super) fn size(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Bits of the key of a cipher suite, by its name.
fn strength(cipher: &str) -> u32 {
    if cipher.contains("256") || cipher.contains("CHACHA20") { 256 } else { 128 }
}
