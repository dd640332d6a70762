//! What entity types have, as data: GET-SCHEMA, GET-TYPES, GET-ATTRIBUTES and GET-OPERATIONS read from here.
//! It lists what this router uses; attributes that it takes and ignores (router.md section 8) are left out.

use serde_json::{Map, Value as Json, json};

use super::entity::{Family, Kind};
use crate::core::DropReason;

/// One attribute of a type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    form: Form,
    default: Default,
    required: bool,
    /// Callers may give it.
    pub(super) given: bool,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Number,
    Flag,
    Map,
    List,
    OneOf(&'static [&'static str]),
}

#[derive(Debug, Clone, Copy)]
enum Default {
    None,
    Text(&'static str),
    Number(u32),
    Flag(bool),
}

const ROLES: &[&str] = &["normal", "inter-router", "route-container", "edge"];
const DIRECTIONS: &[&str] = &["in", "out"];
const TREATMENTS: &[&str] = &["balanced", "closest", "multicast", "unavailable", "linkBalanced"];
const OVERFLOWS: &[&str] = &["hold", "drop"];

/// What the management agent itself answers to.
const AGENT_OPERATIONS: &[&str] = &[
    "QUERY",
    "GET-TYPES",
    "GET-ANNOTATIONS",
    "GET-OPERATIONS",
    "GET-ATTRIBUTES",
    "GET-MGMT-NODES",
    "GET-SCHEMA",
    "GET-JSON-SCHEMA",
    "GET-LOG",
    "READ",
];

const ROUTER: &[Attribute] = &[
    text("id").given(),
    choice("mode", &["standalone", "interior", "edge"]).given().or("standalone"),
    text("area"),
    text("version"),
    text("metadata").given(),
    text("hostName"),
    choice("defaultDistribution", TREATMENTS).given().or("balanced"),
    choice("presettledOverflow", OVERFLOWS).given().or("hold"),
    number("workerThreads"),
    number("helloIntervalSeconds").given().or_number(1),
    number("helloMaxAgeSeconds").given().or_number(3),
    number("raIntervalSeconds").given().or_number(30),
    number("raIntervalFluxSeconds").given().or_number(4),
    number("remoteLsMaxAgeSeconds").given().or_number(60),
    number("unreachableHoldoffSeconds").given().or_number(1),
    text("saslUsersFile").given(),
    text("saslConfigName"),
    text("saslConfigDir"),
    text("debugDumpFile"),
    flag("timestampsInUTC"),
    text("timestampFormat"),
    text("dataConnectionCount"),
];

/// Shown by `router` (Dispatch) and by `routerMetrics` (skupper).
const METRICS: &[Attribute] = &[
    number("addrCount"),
    number("linkCount"),
    number("connectionCount"),
    number("nodeCount"),
    number("linkRouteCount"),
    number("autoLinkCount"),
    number("deliveriesIngress"),
    number("deliveriesEgress"),
    number("deliveriesTransit"),
    number("presettledDeliveries"),
    number("droppedPresettledDeliveries"),
    number("acceptedDeliveries"),
    number("rejectedDeliveries"),
    number("releasedDeliveries"),
    number("modifiedDeliveries"),
    number("deliveriesDelayed1Sec"),
    number("deliveriesDelayed10Sec"),
    number("deliveriesStuck"),
    number("deliveriesRedirectedToFallback"),
    number("linksBlocked"),
    number("uptimeSeconds"),
    number("memoryUsage"),
    number("residentMemoryUsage"),
    number(DropReason::NoPath.attribute()),
    number(DropReason::ReceiverGone.attribute()),
    number(DropReason::Overflow.attribute()),
    number(DropReason::Loop.attribute()),
    number(DropReason::Refused.attribute()),
];

const METRICS_ONLY: &[Attribute] = &[text("id"), text("version"), map("connectionCounters")];

const LISTENER: &[Attribute] = &[
    text("host").given(),
    text("port").given().or("amqp"),
    choice("role", ROLES).given().or("normal"),
    number("cost").given().or_number(1),
    text("sslProfile").given(),
    flag("requireSsl").given().or_flag(false),
    flag("requireEncryption").given().or_flag(false),
    text("saslMechanisms").given(),
    flag("authenticatePeer").given().or_flag(false),
    number("maxFrameSize").given().or_number(16_384),
    number("maxSessions").given().or_number(32_768),
    number("idleTimeoutSeconds").given().or_number(16),
    number("linkCapacity").given().or_number(250),
    flag("http").given().or_flag(false),
    flag("healthz").given().or_flag(true),
    flag("metrics").given().or_flag(true),
];

const CONNECTOR: &[Attribute] = &[
    text("host").given().or("127.0.0.1"),
    text("port").given().or("amqp"),
    choice("role", ROLES).given().or("normal"),
    number("cost").given().or_number(1),
    text("sslProfile").given(),
    text("saslMechanisms").given(),
    text("saslUsername").given(),
    text("saslPassword").given(),
    flag("verifyHostname").given().or_flag(true),
    number("maxFrameSize").given().or_number(16_384),
    number("idleTimeoutSeconds").given().or_number(16),
    number("linkCapacity").given().or_number(250),
    choice("connectionStatus", &["CONNECTING", "SUCCESS", "FAILED"]),
    text("connectionMsg"),
];

const SSL_PROFILE: &[Attribute] = &[
    text("certFile").given(),
    text("privateKeyFile").given(),
    text("caCertFile").given(),
    text("uidFormat").given(),
    text("uidNameMappingFile").given(),
];

const ADDRESS_RULE: &[Attribute] = &[
    text("prefix").given(),
    text("pattern").given(),
    choice("distribution", TREATMENTS).given().or("balanced"),
    choice("presettledOverflow", OVERFLOWS).given(),
    number("priority").given(),
];

const LINK_ROUTE: &[Attribute] = &[
    text("prefix").given(),
    text("pattern").given(),
    choice("direction", DIRECTIONS).given().required(),
    text("containerId").given(),
    text("connection").given(),
    text("addExternalPrefix").given(),
    text("delExternalPrefix").given(),
    choice("distribution", &["linkBalanced"]).given().or("linkBalanced"),
    choice("operStatus", &["inactive", "active"]),
];

const AUTO_LINK: &[Attribute] = &[
    text("address").given().required(),
    choice("direction", DIRECTIONS).given().required(),
    number("phase").given(),
    text("externalAddress").given(),
    text("containerId").given(),
    text("connection").given(),
    text("linkRef"),
    choice("operStatus", &["inactive", "attaching", "failed", "active", "quiescing", "idle"]),
    text("lastError"),
];

const CONNECTION_LINK_ROUTE: &[Attribute] = &[
    text("pattern").given().required(),
    choice("direction", DIRECTIONS).given().required(),
    text("containerId"),
    choice("operStatus", &["inactive", "active"]),
];

const CONNECTION: &[Attribute] = &[
    text("host"),
    text("role"),
    text("protocol"),
    choice("dir", DIRECTIONS),
    text("container"),
    flag("opened"),
    flag("active"),
    choice("adminStatus", &["enabled"]),
    choice("operStatus", &["up"]),
    flag("isAuthenticated"),
    flag("isEncrypted"),
    text("sasl"),
    text("user"),
    flag("ssl"),
    text("sslProto"),
    text("sslCipher"),
    number("sslSsf"),
    text("tenant"),
    text("meshId"),
    map("properties"),
    number("uptimeSeconds"),
    number("lastDlvSeconds"),
];

const LINK: &[Attribute] = &[
    text("linkName"),
    choice("linkType", &["endpoint", "router-control", "inter-router", "edge-downlink"]),
    choice("linkDir", DIRECTIONS),
    text("owningAddr"),
    text("connectionId"),
    text("peer"),
    number("capacity"),
    number("priority"),
    number("creditAvailable"),
    number("zeroCreditSeconds"),
    number("undeliveredCount"),
    number("unsettledCount"),
    number("deliveryCount"),
    number("presettledCount"),
    number("droppedPresettledCount"),
    number("acceptedCount"),
    number("rejectedCount"),
    number("releasedCount"),
    number("modifiedCount"),
    number("deliveriesDelayed1Sec"),
    number("deliveriesDelayed10Sec"),
    number("deliveriesStuck"),
    number("settleRate"),
    choice("adminStatus", &["enabled"]),
    choice("operStatus", &["up"]),
];

const ADDRESS: &[Attribute] = &[
    text("key"),
    choice("distribution", TREATMENTS),
    number("priority"),
    number("inProcess"),
    number("subscriberCount"),
    number("remoteCount"),
    number("containerCount"),
    number("deliveriesIngress"),
    number("deliveriesEgress"),
    number("deliveriesTransit"),
    number("deliveriesToContainer"),
    number("deliveriesFromContainer"),
    number("deliveriesRedirectedToFallback"),
    flag("watch"),
];

const NODE: &[Attribute] = &[
    text("id"),
    number("protocolVersion"),
    number("instance"),
    list("linkState"),
    text("nextHop"),
    number("routerLink"),
    list("validOrigins"),
    text("address"),
    number("cost"),
    number("lastTopoChange"),
];

const LOG: &[Attribute] = &[
    text("module"),
    text("enable").given(),
    flag("includeTimestamp"),
    flag("includeSource"),
    text("outputFile"),
];

const NETWORK: &[Attribute] = &[text("networkId"), text("tenantId")];

const ALLOCATOR: &[Attribute] = &[
    text("typeName"),
    number("typeSize"),
    number("transferBatchSize"),
    number("localFreeListMax"),
    number("globalFreeListMax"),
    number("totalAllocFromHeap"),
    number("totalFreeToHeap"),
    number("heldByThreads"),
    number("batchesRebalancedToThreads"),
    number("batchesRebalancedToGlobal"),
];

const POLICY: &[Attribute] = &[
    number("maxConnections"),
    number("maxMessageSize"),
    flag("enableVhostPolicy"),
    flag("enableVhostNamePatterns"),
    text("policyDir"),
    text("defaultVhost"),
    number("connectionsProcessed"),
    number("connectionsDenied"),
    number("connectionsCurrent"),
    number("sessionsDenied"),
    number("linksDenied"),
    number("maxMessageSizeDenied"),
    number("messagesDenied"),
    number("totalDenials"),
];

const VHOST: &[Attribute] = &[
    text("id"),
    text("hostname"),
    text("aliases"),
    number("maxConnections"),
    number("maxConnectionsPerUser"),
    number("maxConnectionsPerHost"),
    number("maxMessageSize"),
    flag("allowUnknownUser"),
    map("groups"),
];

const VHOST_STATS: &[Attribute] = &[
    text("id"),
    number("connectionsApproved"),
    number("connectionsDenied"),
    number("connectionsCurrent"),
    map("perUserState"),
    map("perHostState"),
    number("sessionDenied"),
    number("senderDenied"),
    number("receiverDenied"),
    number("maxMessageSizeDenied"),
    number("messagesDenied"),
];

/// Attributes of a type in groups, beside `name`, `identity` and `type`, which every entity has.
fn groups(kind: Kind) -> [&'static [Attribute]; 2] {
    match kind {
        Kind::Router => [ROUTER, METRICS],
        Kind::RouterMetrics => [METRICS_ONLY, METRICS],
        Kind::Listener => [LISTENER, &[]],
        Kind::Connector => [CONNECTOR, &[]],
        Kind::SslProfile => [SSL_PROFILE, &[]],
        Kind::AddressRule => [ADDRESS_RULE, &[]],
        Kind::Connection => [CONNECTION, &[]],
        Kind::Link => [LINK, &[]],
        Kind::Address => [ADDRESS, &[]],
        Kind::Node => [NODE, &[]],
        Kind::LinkRoute => [LINK_ROUTE, &[]],
        Kind::AutoLink => [AUTO_LINK, &[]],
        Kind::ConnectionLinkRoute => [CONNECTION_LINK_ROUTE, &[]],
        Kind::Log => [LOG, &[]],
        Kind::Network => [NETWORK, &[]],
        Kind::Allocator => [ALLOCATOR, &[]],
        Kind::Policy => [POLICY, &[]],
        Kind::Vhost => [VHOST, &[]],
        Kind::VhostStats => [VHOST_STATS, &[]],
        Kind::VhostGroup => [&[], &[]],
    }
}

/// Attributes of a type, beside `name`, `identity` and `type`.
pub(super) fn attributes(kind: Kind) -> impl Iterator<Item = &'static Attribute> {
    groups(kind).into_iter().flatten()
}

/// Names of all attributes of a type.
pub(super) fn names(kind: Kind) -> impl Iterator<Item = &'static str> {
    attributes(kind).map(|attribute| attribute.name).chain(["name", "identity", "type"])
}

/// Short names of the types that a type extends.
pub(super) fn bases(kind: Kind) -> [&'static str; 2] {
    let base = if kind.is_configured() { "configurationEntity" } else { "operationalEntity" };
    [base, "entity"]
}

/// The whole schema, as GET-SCHEMA and GET-JSON-SCHEMA give it.
pub(super) fn document(family: Family) -> Json {
    let prefix = family.prefix().trim_end_matches('.');
    let mut types = Map::new();
    let common = || {
        let unique = json!({ "type": "string", "unique": true });
        let mut common = Map::new();
        common.insert("name".to_owned(), unique.clone());
        common.insert("identity".to_owned(), unique);
        common.insert("type".to_owned(), json!({ "type": "string", "required": true }));
        common
    };
    let bare = [
        ("entity", &[][..]),
        ("configurationEntity", &["READ"]),
        ("operationalEntity", &["READ"]),
        ("management", AGENT_OPERATIONS),
    ];
    for (name, operations) in bare {
        let full = format!("{prefix}.{name}");
        let entry = json!({
            "attributes": common(), "operations": operations, "fullyQualifiedType": full,
        });
        types.insert(name.to_owned(), entry);
    }
    for kind in Kind::ALL {
        let mut shown: Map<String, Json> =
            attributes(kind).map(|known| (known.name.to_owned(), known.document())).collect();
        shown.extend(common());
        let entry = json!({
            "attributes": shown,
            "operations": kind.operations(),
            "extends": bases(kind)[0],
            "fullyQualifiedType": family.full(kind),
        });
        types.insert(kind.name().to_owned(), entry);
    }
    json!({ "prefix": prefix, "entityTypes": types })
}

impl Attribute {
    const fn new(name: &'static str, form: Form) -> Self {
        Self { name, form, default: Default::None, required: false, given: false }
    }

    const fn given(mut self) -> Self {
        self.given = true;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn or(mut self, text: &'static str) -> Self {
        self.default = Default::Text(text);
        self
    }

    const fn or_number(mut self, number: u32) -> Self {
        self.default = Default::Number(number);
        self
    }

    const fn or_flag(mut self, flag: bool) -> Self {
        self.default = Default::Flag(flag);
        self
    }

    fn document(&self) -> Json {
        let form = match self.form {
            Form::Text => json!("string"),
            Form::Number => json!("integer"),
            Form::Flag => json!("boolean"),
            Form::Map => json!("map"),
            Form::List => json!("list"),
            Form::OneOf(words) => json!(words),
        };
        let mut document = Map::from_iter([("type".to_owned(), form)]);
        let default = match self.default {
            Default::None => None,
            Default::Text(text) => Some(json!(text)),
            Default::Number(number) => Some(json!(number)),
            Default::Flag(flag) => Some(json!(flag)),
        };
        document.extend(default.map(|default| ("default".to_owned(), default)));
        document.extend(self.required.then(|| ("required".to_owned(), Json::Bool(true))));
        document.extend(self.given.then(|| ("create".to_owned(), Json::Bool(true))));
        Json::Object(document)
    }
}

const fn text(name: &'static str) -> Attribute {
    Attribute::new(name, Form::Text)
}

const fn number(name: &'static str) -> Attribute {
    Attribute::new(name, Form::Number)
}

const fn flag(name: &'static str) -> Attribute {
    Attribute::new(name, Form::Flag)
}

const fn map(name: &'static str) -> Attribute {
    Attribute::new(name, Form::Map)
}

const fn list(name: &'static str) -> Attribute {
    Attribute::new(name, Form::List)
}

const fn choice(name: &'static str, words: &'static [&'static str]) -> Attribute {
    Attribute::new(name, Form::OneOf(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        Attributes, ConfigError, address_rule, auto_link, connector, link_route, listener,
        ssl_profile,
    };

    /// What is said to be given is what the readers of configurations take.
    #[test]
    fn readers_know_every_attribute_that_may_be_given() {
        let read = |kind: Kind, from: Attributes| match kind {
            Kind::Listener => listener(from).err(),
            Kind::Connector => connector(from).err(),
            Kind::SslProfile => ssl_profile(from).err(),
            Kind::AddressRule => address_rule(from).err(),
            Kind::LinkRoute => link_route(from).err(),
            Kind::AutoLink => auto_link(from).err(),
            _ => None,
        };
        // Every reader needs some attributes before it looks at what is left over.
        let base = |kind: Kind| match kind {
            Kind::AddressRule => json!({ "pattern": "a" }),
            Kind::LinkRoute => json!({ "pattern": "a", "direction": "in", "containerId": "c" }),
            Kind::AutoLink => json!({ "address": "a", "direction": "in", "containerId": "c" }),
            Kind::SslProfile => json!({ "name": "p", "caCertFile": "f" }),
            _ => json!({}),
        };
        for kind in Kind::ALL.into_iter().filter(|kind| kind.operations().contains(&"CREATE")) {
            for attribute in attributes(kind).filter(|attribute| attribute.given) {
                let Json::Object(mut map) = base(kind) else { unreachable!("is an object") };
                map.entry(attribute.name).or_insert_with(|| json!("1"));
                let error = read(kind, Attributes::new(kind.name(), map));
                let unknown = matches!(error, Some(ConfigError::UnknownAttribute { .. }));
                assert!(!unknown, "{kind:?} {}", attribute.name);
            }
            let Json::Object(mut map) = base(kind) else { unreachable!("is an object") };
            map.insert("nonsense".to_owned(), json!("1"));
            let error = read(kind, Attributes::new(kind.name(), map));
            if kind != Kind::ConnectionLinkRoute {
                assert!(matches!(error, Some(ConfigError::UnknownAttribute { .. })), "{kind:?}");
            }
        }
    }
}
