//! Bodies and queries of the routes, by route id (controller contract 3 to 18).

use super::schema::{Field, Kind, may, must};
use crate::domain::enrolment::MOST;
use crate::domain::microservice::ARCHITECTURES;

use Kind::{
    Any, Boolean, Email, Integer, List, Name, Number, Object, OneOf, Reference, Text, Version,
};

const STRING: Kind = Text(0);
const COUNT: Kind = Integer(0, i64::MAX);
const WHOLE: Kind = Integer(i64::MIN, i64::MAX);
const AMOUNT: Kind = Number(0.0, f64::MAX);
const PORT: Kind = Integer(1, 65_535);
const STRINGS: Kind = List(&STRING);

const SIGNUP: &[Field] = &[
    must("firstName", Text(3)),
    must("lastName", Text(3)),
    must("email", Email),
    must("password", Text(8)),
];
const LOGIN: &[Field] = &[must("email", STRING), must("password", STRING)];
const PROFILE: &[Field] = &[may("firstName", Text(3)), may("lastName", Text(3))];
const PASSWORD: &[Field] = &[must("oldPassword", STRING), must("newPassword", Text(8))];

/// What user and agent may change (5.1 and 6). Limits are whole numbers, also as `50.0`.
macro_rules! fog {
    ($($first:expr),*) => {
        &[
            $($first,)*
            may("networkInterface", STRING),
            may("dockerUrl", STRING),
            may("diskLimit", COUNT),
            may("diskDirectory", STRING),
            may("memoryLimit", COUNT),
            may("cpuLimit", COUNT),
            may("logLimit", COUNT),
            may("logDirectory", STRING),
            may("logFileCount", COUNT),
            may("statusFrequency", COUNT),
            may("changeFrequency", COUNT),
            may("deviceScanFrequency", COUNT),
            may("dockerPruningFrequency", COUNT),
            may("availableDiskThreshold", COUNT),
            may("watchdogEnabled", Boolean),
            may("latitude", Number(-90.0, 90.0)),
            may("longitude", Number(-180.0, 180.0)),
            may("gpsMode", STRING),
            may("logLevel", STRING),
            may("timeZone", STRING),
        ]
    };
}

/// What only the user may set, behind name and type.
macro_rules! fog_of_user {
    ($($first:expr),*) => {
        fog!(
            $($first,)*
            may("location", STRING),
            may("description", STRING),
            may("bluetoothEnabled", Boolean),
            may("abstractedHardwareEnabled", Boolean),
            may("host", STRING),
            may("tags", STRINGS),
            may("routerMode", OneOf(&["none", "edge", "interior"])),
            may("messagingPort", PORT),
            may("interRouterPort", PORT),
            may("edgeRouterPort", PORT),
            may("upstreamRouters", STRINGS),
            may("networkRouter", STRING)
        )
    };
}

const FOG_CONFIG: &[Field] = fog!();
const FOG_CREATE: &[Field] =
    fog_of_user!(must("name", Text(1)), must("fogType", Integer(0, 2)), may("isSystem", Boolean));
const FOG_UPDATE: &[Field] = fog_of_user!(may("name", Text(1)), may("fogType", Integer(0, 2)));

const FOG_OF_BATCH: &[Field] = fog!(
    may("location", STRING),
    may("description", STRING),
    may("bluetoothEnabled", Boolean),
    may("abstractedHardwareEnabled", Boolean),
    may("host", STRING),
    may("tags", STRINGS),
    may("routerMode", OneOf(&["none", "edge"])),
    may("messagingPort", PORT),
    may("upstreamRouters", STRINGS),
    may("networkRouter", STRING)
);

const PROVISION: &[Field] =
    &[must("type", Integer(0, 2)), must("key", STRING), may("architecture", STRING)];
const ENROL: &[Field] = &[
    must("type", Integer(0, 2)),
    must("key", STRING),
    // Letters, digits, `-`, `.` and `_`, at most 64.
    must("device", Text(1)),
    // At most 128 characters.
    must("proof", Text(32)),
    // An address.
    may("host", STRING),
    may("architecture", STRING),
];
const ENROLMENT_KEY: &[Field] = &[
    must("name", Text(1)),
    must("devices", Integer(1, MOST[0])),
    must("validHours", Integer(1, MOST[1])),
    may("perMinute", Integer(1, MOST[2])),
    // With `{device}` in it, once.
    may("agentName", STRING),
    may("agent", Object(FOG_OF_BATCH)),
];
const STATUS: &[Field] = &[
    may("daemonStatus", STRING),
    may("daemonOperatingDuration", COUNT),
    may("daemonLastStart", COUNT),
    may("memoryUsage", AMOUNT),
    may("diskUsage", AMOUNT),
    may("cpuUsage", AMOUNT),
    may("memoryViolation", Boolean),
    may("diskViolation", Boolean),
    may("cpuViolation", Boolean),
    may("systemAvailableDisk", WHOLE),
    may("systemAvailableMemory", WHOLE),
    may("systemTotalCpu", Number(f64::MIN, f64::MAX)),
    may("securityStatus", STRING),
    may("securityViolationInfo", STRING),
    may("systemTime", COUNT),
    may("lastStatusTime", COUNT),
    may("lastCommandTime", COUNT),
    may("ipAddress", STRING),
    may("ipAddressExternal", STRING),
    may("processedMessages", COUNT),
    // JSON text as a rule; the Java agent has a fall-back that sends an object (6.1).
    may("microserviceStatus", Any),
    may("microserviceMessageCounts", Any),
    may("tunnelStatus", Any),
    may("messageSpeed", AMOUNT),
    may("version", STRING),
    may("isReadyToUpgrade", Boolean),
    may("isReadyToRollback", Boolean),
    may("repositoryCount", COUNT),
    may("repositoryStatus", STRING),
];
const TRACES: &[Field] = &[must(
    "straceData",
    List(&Object(&[must("microserviceUuid", STRING), must("buffer", STRING)])),
)];

const TRACE_TARGET: &[Field] = &[
    must("ftpHost", Text(1)),
    must("ftpPort", PORT),
    must("ftpUser", STRING),
    must("ftpPass", STRING),
    must("ftpDestDir", STRING),
];

const IMAGE: Kind = Object(&[
    must("containerImage", STRING),
    may("fogTypeId", Integer(1, 2)),
    may("architecture", OneOf(&ARCHITECTURES)),
]);
const PUBLIC: Kind = Object(&[
    must("schemes", STRINGS),
    must("protocol", OneOf(&["tcp", "http"])),
    may("enabled", Any),
    may("router", Object(&[may("host", STRING), may("port", PORT)])),
]);
const PORT_MAPPING: &[Field] = &[
    must("internal", PORT),
    must("external", PORT),
    may("protocol", OneOf(&["tcp", "udp"])),
    may("public", PUBLIC),
    may("proxy", Boolean),
];
const VOLUME_MAPPING: &[Field] = &[
    must("hostDestination", STRING),
    must("containerDestination", STRING),
    must("accessMode", STRING),
    may("type", OneOf(&["bind", "volume"])),
];

macro_rules! microservice {
    ($($first:expr),*) => {
        &[
            $($first,)*
            may("iofogUuid", STRING),
            may("agentName", STRING),
            may("config", STRING),
            may("catalogItemId", Integer(4, i64::MAX)),
            may("images", List(&IMAGE)),
            may("registryId", COUNT),
            may("rootHostAccess", Boolean),
            may("logSize", COUNT),
            may("volumeMappings", List(&Object(VOLUME_MAPPING))),
            may("ports", List(&Object(PORT_MAPPING))),
            may("extraHosts", List(&Object(&[must("name", STRING), must("address", STRING)]))),
            may("env", List(&Object(&[must("key", STRING), must("value", STRING)]))),
            may("cmd", STRINGS),
        ]
    };
}

const MICROSERVICE_CREATE: &[Field] =
    microservice!(must("name", Name), may("application", Reference), may("flowId", Reference));
const MICROSERVICE_UPDATE: &[Field] = microservice!(may("name", Name), may("rebuild", Boolean));

macro_rules! route {
    ($name:expr) => {
        &[
            $name,
            may("from", STRING),
            may("to", STRING),
            may("application", STRING),
            may("sourceMicroserviceUuid", STRING),
            may("destMicroserviceUuid", STRING),
        ]
    };
}

const ROUTE: &[Field] = route!(must("name", Name));
const ROUTE_UPDATE: &[Field] = route!(may("name", Name));
const ROUTE_OF_APPLICATION: Kind =
    Object(&[may("name", Name), must("from", STRING), must("to", STRING)]);
const DEPLOYMENT: Kind = Object(&[
    may("name", STRING),
    may("variables", List(&Object(&[must("key", Text(1)), may("value", Any)]))),
]);

macro_rules! application {
    ($name:expr $(, $last:expr)*) => {
        &[
            $name,
            may("description", STRING),
            may("isActivated", Boolean),
            may("isSystem", Boolean),
            may("microservices", List(&Object(MICROSERVICE_CREATE))),
            may("routes", List(&ROUTE_OF_APPLICATION)),
            $($last,)*
        ]
    };
}

const APPLICATION: &[Field] = application!(must("name", Name), may("template", DEPLOYMENT));
const APPLICATION_PUT: &[Field] = application!(may("name", Name), may("template", DEPLOYMENT));
/// The legacy family knows no templates.
const FLOW: &[Field] = application!(must("name", Name));
const APPLICATION_PATCH: &[Field] = &[
    may("name", Name),
    may("description", STRING),
    may("isActivated", Boolean),
    may("isSystem", Boolean),
];
const VARIABLES: Kind =
    List(&Object(&[must("key", Name), may("description", STRING), may("defaultValue", Any)]));
const TEMPLATE_BODY: Kind = Object(&[may("microservices", List(&Any)), may("routes", List(&Any))]);

macro_rules! template {
    ($name:expr) => {
        &[
            $name,
            may("description", STRING),
            may("variables", VARIABLES),
            may("application", TEMPLATE_BODY),
        ]
    };
}

const TEMPLATE: &[Field] = template!(must("name", Name));
const TEMPLATE_PUT: &[Field] = template!(may("name", Name));
const TEMPLATE_PATCH: &[Field] = &[may("name", Name), may("description", STRING)];

const INFO: Kind = Object(&[may("infoType", STRING), may("infoFormat", STRING)]);

macro_rules! catalog_item {
    ($($first:expr),*) => {
        &[
            $($first,)*
            may("description", STRING),
            may("category", STRING),
            may("publisher", STRING),
            may("diskRequired", WHOLE),
            may("ramRequired", WHOLE),
            may("picture", STRING),
            may("isPublic", Boolean),
            may("configExample", STRING),
            may("inputType", INFO),
            may("outputType", INFO),
        ]
    };
}

const CATALOG_CREATE: &[Field] =
    catalog_item!(must("name", Text(1)), must("registryId", COUNT), must("images", List(&IMAGE)));
const CATALOG_UPDATE: &[Field] =
    catalog_item!(may("name", Text(1)), may("registryId", COUNT), may("images", List(&IMAGE)));

/// `$field`: [`must`] or [`may`].
macro_rules! registry {
    ($field:ident) => {
        &[
            $field("url", Text(1)),
            $field("isPublic", Boolean),
            $field("username", Text(1)),
            $field("password", STRING),
            $field("email", Email),
            may("requiresCert", Boolean),
            may("certificate", STRING),
        ]
    };
}

const REGISTRY_CREATE: &[Field] = registry!(must);
const REGISTRY_UPDATE: &[Field] = registry!(may);

const ENDPOINT: Kind = Object(&[
    may("name", Name),
    may("description", STRING),
    may("method", OneOf(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])),
    may("url", STRING),
    may("requestType", STRING),
    may("responseType", STRING),
    may("requestPayloadExample", STRING),
    may("responsePayloadExample", STRING),
]);

macro_rules! resource {
    ($($first:expr),*) => {
        &[
            $($first,)*
            may("description", STRING),
            may("interface", Object(&[may("endpoints", List(&ENDPOINT))])),
            may("display", Object(&[
                may("name", STRING),
                may("icon", STRING),
                // Empty, `#` and hexadecimal digits, `rgb(...)` or `rgba(...)`.
                may("color", STRING),
            ])),
            may("orchestrationTags", STRINGS),
            may("custom", Object(&[])),
        ]
    };
}

const PROTOCOL: Kind = OneOf(&["http", "https", "ws", "wss"]);
const RESOURCE_CREATE: &[Field] =
    resource!(must("name", Name), must("version", Version), must("interfaceProtocol", PROTOCOL));
const RESOURCE_PUT: &[Field] =
    resource!(may("name", Name), may("version", Version), may("interfaceProtocol", PROTOCOL));
const UUID: &[Field] = &[must("uuid", STRING)];
const INFO_TEXT: &[Field] = &[must("info", STRING)];
const ROUTER: &[Field] = &[
    must("host", Text(1)),
    may("messagingPort", PORT),
    may("interRouterPort", PORT),
    may("edgeRouterPort", PORT),
];

/// Fields of a route's JSON body; none when it takes no body, or a file.
#[must_use]
pub fn body(id: &str) -> Option<&'static [Field]> {
    Some(match id {
        "user.login" => LOGIN,
        "user.signup" => SIGNUP,
        "user.activate" => const { &[must("activationCode", STRING)] },
        "user.update-profile" => PROFILE,
        "user.delete" => const { &[may("force", Boolean)] },
        "user.change-password" => PASSWORD,
        "user.reset-password" => const { &[must("email", Email)] },
        "fog.create" => FOG_CREATE,
        "fog.update" => FOG_UPDATE,
        "tunnel.switch" => const { &[must("action", OneOf(&["open", "close"]))] },
        "agent.provision" => PROVISION,
        "agent.enrol" => ENROL,
        "enrolment-key.create" => ENROLMENT_KEY,
        "agent.deprovision" => const { &[must("microserviceUuids", STRINGS)] },
        "agent.update-config" => FOG_CONFIG,
        "agent.acknowledge-changes" => const { &[may("lastUpdated", STRING)] },
        "agent.status" => STATUS,
        "agent.put-strace" => TRACES,
        "agent.hal-hw" | "agent.hal-usb" => INFO_TEXT,
        "application.create" => APPLICATION,
        "flow.create" => FLOW,
        "application.put" => APPLICATION_PUT,
        "application.patch" | "flow.patch" => APPLICATION_PATCH,
        "application-template.create" => TEMPLATE,
        "application-template.put" => TEMPLATE_PUT,
        "application-template.patch" => TEMPLATE_PATCH,
        "microservice.create" => MICROSERVICE_CREATE,
        "microservice.patch" => MICROSERVICE_UPDATE,
        "microservice.add-port" => PORT_MAPPING,
        "microservice.add-volume" => VOLUME_MAPPING,
        "strace.ftp" => TRACE_TARGET,
        "strace.switch" => const { &[must("enable", Boolean)] },
        "route.create" => ROUTE,
        "route.patch" => ROUTE_UPDATE,
        "catalog.create" => CATALOG_CREATE,
        "catalog.update" => CATALOG_UPDATE,
        "registry.create" => REGISTRY_CREATE,
        "registry.patch" => REGISTRY_UPDATE,
        "edge-resource.create" => RESOURCE_CREATE,
        "edge-resource.put" => RESOURCE_PUT,
        "edge-resource.link" | "edge-resource.unlink" => UUID,
        "config.put" => const { &[must("key", Text(1)), must("value", STRING)] },
        "router.put" => ROUTER,
        _ => return None,
    })
}

/// Parameters of a route's query.
#[must_use]
pub fn query(id: &str) -> &'static [Field] {
    match id {
        "user.resend-activation" => const { &[must("email", Email)] },
        // `filters[i][key]`, `[value]` and `[condition]` beside it, which OpenAPI 3.0 has no form for.
        "fog.list" => const { &[may("system", OneOf(&["true", "false"]))] },
        "microservice.list" => const { &[may("application", STRING), may("flowId", STRING)] },
        "strace.get" => const { &[must("format", OneOf(&["string", "file"]))] },
        "k8s.capacity"
        | "k8s.allocatable"
        | "k8s.node-conditions"
        | "k8s.node-addresses"
        | "k8s.create-pod"
        | "k8s.delete-pod"
        | "k8s.pod"
        | "k8s.pods"
        | "k8s.pod-status" => const { &[must("nodeName", STRING)] },
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{self, Verb};

    /// Changing routes that take nothing but their path.
    const BARE: &[&str] = &[
        "user.logout",
        "fog.version",
        "fog.reboot",
        "fog.prune",
        "agent.tracking",
        "microservice.add-route",
        "snapshot.request",
        "k8s.update-pod",
        "k8s.create-pod",
    ];

    #[test]
    fn every_changing_route_says_what_it_takes() {
        for route in routes::all().filter(|route| {
            matches!(route.verb, Verb::Post | Verb::Put | Verb::Patch) && route.file.is_none()
        }) {
            assert_ne!(body(route.id).is_some(), BARE.contains(&route.id), "{}", route.id);
        }
    }
}
