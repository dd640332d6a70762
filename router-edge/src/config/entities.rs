//! From untyped entities to [`RouterConfig`]: attributes, defaults and the rules that bind them
//! (router.md section 8).

use serde_json::{Map, Value};

use super::types::{
    DEFAULT_FRAME_SIZE, DEFAULT_IDLE_TIMEOUT, DEFAULT_LINK_CAPACITY, DEFAULT_SESSIONS, Secret,
};
use super::{
    AddressRule, Attributes, ConfigError, ConnectorConfig, Entity, HttpConfig, ListenerConfig,
    Mode, Overflow, Role, RouterConfig, Sasl, Settings, Treatment, auto_link, check_auto_links,
    link_route, policy, security, ssl_profile,
};

/// Names under which an entity may be written.
fn canonical(name: &str) -> &str {
    let name = name
        .strip_prefix("org.apache.qpid.dispatch.")
        .or_else(|| name.strip_prefix("io.skupper.router."))
        .unwrap_or(name);
    match name {
        "address" | "router.config.address" => "address",
        "linkRoute" | "router.config.linkRoute" => "linkRoute",
        "autoLink" | "router.config.autoLink" => "autoLink",
        other => other,
    }
}

/// Builds the whole configuration and checks it.
pub(super) fn assemble(entities: Vec<Entity>) -> Result<RouterConfig, ConfigError> {
    let mut config: Option<RouterConfig> = None;
    let mut rest = Vec::new();
    for entity in entities {
        if canonical(&entity.name) == "router" {
            if config.is_some() {
                return Err(ConfigError::entity("router", "may appear only once"));
            }
            config = Some(router(Attributes::new("router", entity.attributes))?);
        } else {
            rest.push(entity);
        }
    }
    let mut config: RouterConfig = match config {
        Some(config) => config,
        None => router(Attributes::new("router", Map::new()))?,
    };
    let (mut vhosts, mut policies) = (Vec::new(), 0);
    for entity in rest {
        let name = canonical(&entity.name).to_owned();
        let attributes = Attributes::new(&name, entity.attributes);
        match name.as_str() {
            "listener" => config.listeners.push(listener(attributes)?),
            "connector" => config.connectors.push(connector(attributes)?),
            "address" => config.addresses.push(address_rule(attributes)?),
            "sslProfile" => config.ssl_profiles.push(ssl_profile(attributes)?),
            "log" => log_level(attributes)?,
            "policy" => {
                policies += 1;
                config.policy = policy::policy(attributes)?;
            }
            "vhost" => vhosts.push(policy::vhost(attributes)?),
            "linkRoute" => config.link_routes.push(link_route(attributes)?),
            "autoLink" => config.auto_links.push(auto_link(attributes)?),
            "tcpListener" | "tcpConnector" | "exchange" | "binding" => {
                return Err(ConfigError::entity(name, "is not supported by this router"));
            }
            _ => return Err(ConfigError::UnknownEntity(entity.name)),
        }
    }
    if policies > 1 {
        return Err(ConfigError::entity("policy", "may appear only once"));
    }
    config.policy.vhosts = vhosts;
    check(&config)?;
    Ok(config)
}

/// The rules between entities.
pub(super) fn check(config: &RouterConfig) -> Result<(), ConfigError> {
    if config.id.as_str().chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(ConfigError::attribute(
            "router",
            "id",
            "must not have white space or control characters",
        ));
    }
    let listeners = config.listeners.iter().map(|l| ("listener", &l.name, l.role));
    let connectors = config.connectors.iter().map(|c| ("connector", &c.name, c.role));
    for (entity, name, role) in listeners.chain(connectors) {
        role_allowed(config.mode, entity, name, role)?;
    }
    security::check(config)?;
    policy::check(&config.policy)?;
    check_auto_links(&config.auto_links)?;
    unique("linkRoute", config.link_routes.iter().map(|route| &route.name))?;
    unique("autoLink", config.auto_links.iter().map(|link| &link.name))?;
    unique("listener", config.listeners.iter().map(|l| &l.name))?;
    unique("connector", config.connectors.iter().map(|c| &c.name))
}

/// Which roles a mode may have.
pub(crate) fn role_allowed(
    mode: Mode,
    entity: &str,
    name: &str,
    role: Role,
) -> Result<(), ConfigError> {
    let rule = match (mode, role) {
        (Mode::Standalone, Role::Edge | Role::InterRouter) => "is not allowed in mode standalone",
        (Mode::Edge, Role::InterRouter) => "is allowed only in mode interior",
        (Mode::Edge, Role::Edge) if entity == "listener" => "is not allowed in mode edge",
        _ => return Ok(()),
    };
    Err(ConfigError::entity(format!("{entity} {name}"), format!("role {} {rule}", role.as_str())))
}

fn unique<'a>(entity: &str, names: impl Iterator<Item = &'a String>) -> Result<(), ConfigError> {
    let mut seen = iofog_sorted::SortedSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ConfigError::attribute(entity, "name", format!("is used twice: `{name}`")));
        }
    }
    Ok(())
}

fn router(mut from: Attributes) -> Result<RouterConfig, ConfigError> {
    let mode = from.choice("mode", Mode::Standalone, Mode::parse)?;
    let id = match from.string("id")? {
        Some(id) if !id.is_empty() => id,
        _ => random_id(),
    };
    let base = Settings::default();
    let settings = Settings {
        hello_interval: from.bounded("helloIntervalSeconds", base.hello_interval, 1, 3600)?,
        hello_max_age: from.bounded("helloMaxAgeSeconds", base.hello_max_age, 1, 3600)?,
        ra_interval: from.bounded("raIntervalSeconds", base.ra_interval, 1, 3600)?,
        ra_interval_flux: from.bounded("raIntervalFluxSeconds", base.ra_interval_flux, 1, 3600)?,
        remote_ls_max_age: from.bounded(
            "remoteLsMaxAgeSeconds",
            base.remote_ls_max_age,
            1,
            3600,
        )?,
        unreachable_holdoff: from.bounded(
            "unreachableHoldoffSeconds",
            base.unreachable_holdoff,
            0,
            3600,
        )?,
        default_distribution: from.choice(
            "defaultDistribution",
            Treatment::Balanced,
            Treatment::parse,
        )?,
        presettled_overflow: from.choice(
            "presettledOverflow",
            base.presettled_overflow,
            Overflow::parse,
        )?,
        metadata: from.string("metadata")?,
        sasl_users_file: from.string("saslUsersFile")?,
    };
    from.ignore(&[
        "name",
        "workerThreads",
        "saslConfigName",
        "saslConfigDir",
        "saslConfigPath",
        "debugDumpFile",
        "debugDump",
        "allowUnsettledMulticast",
        "allowResumableLinkRoute",
        "dataConnectionCount",
        "vanId",
        "dropTcpConnections",
        "timestampsInUTC",
        "timestampFormat",
    ]);
    from.finish()?;
    Ok(RouterConfig { settings, ..RouterConfig::new(mode, &id) })
}

/// Reads one listener.
pub(crate) fn listener(mut from: Attributes) -> Result<ListenerConfig, ConfigError> {
    let host = from.string("host")?.unwrap_or_default();
    let port = from.port("port", 5672)?;
    let role = from.choice("role", Role::Normal, Role::parse)?;
    let base = ListenerConfig::new(role, &host, port);
    let http = from.flag("http", false)?;
    let healthz = from.flag("healthz", true)?;
    let metrics = from.flag("metrics", true)?;
    let listener = ListenerConfig {
        name: from.string("name")?.unwrap_or(base.name),
        cost: from.bounded("cost", 1, 1, u32::MAX)?,
        ssl_profile: from.string("sslProfile")?,
        require_ssl: from.flag("requireSsl", false)?,
        require_encryption: from.flag("requireEncryption", false)?,
        sasl: sasl(&mut from)?,
        authenticate_peer: from.flag("authenticatePeer", false)?,
        max_frame_size: from.bounded("maxFrameSize", DEFAULT_FRAME_SIZE, 512, u32::MAX)?,
        max_sessions: sessions(&mut from)?,
        idle_timeout: from.number("idleTimeoutSeconds", DEFAULT_IDLE_TIMEOUT)?,
        link_capacity: from.bounded("linkCapacity", DEFAULT_LINK_CAPACITY, 1, 1_000_000)?,
        http: http.then_some(HttpConfig { healthz, metrics }),
        host,
        port,
        role,
    };
    open_properties(&mut from, role)?;
    from.ignore(&[
        "maxSessionFrames",
        "initialHandshakeTimeoutSeconds",
        "stripAnnotations",
        "failoverUrls",
        "httpRootDir",
        "websockets",
        "policyVhost",
        "socketAddressFamily",
        "protocolFamily",
        "multiTenant",
        "trustedCertsFile",
        "messageLoggingComponents",
        "logMessage",
        "saslPlugin",
        "addr",
    ]);
    from.finish()?;
    Ok(listener)
}

/// Reads one connector.
pub(crate) fn connector(mut from: Attributes) -> Result<ConnectorConfig, ConfigError> {
    let host = from.string("host")?.unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = from.port("port", 5672)?;
    let role = from.choice("role", Role::Normal, Role::parse)?;
    let name = from
        .string("name")?
        .unwrap_or_else(|| format!("connector-{}-{host}-{port}", role.as_str()));
    let connector = ConnectorConfig {
        name,
        cost: from.bounded("cost", 1, 1, u32::MAX)?,
        ssl_profile: from.string("sslProfile")?,
        sasl: sasl(&mut from)?,
        verify_hostname: from.flag("verifyHostname", true)?,
        max_frame_size: from.bounded("maxFrameSize", DEFAULT_FRAME_SIZE, 512, u32::MAX)?,
        idle_timeout: from.number("idleTimeoutSeconds", DEFAULT_IDLE_TIMEOUT)?,
        link_capacity: from.bounded("linkCapacity", DEFAULT_LINK_CAPACITY, 1, 1_000_000)?,
        host,
        port,
        role,
    };
    open_properties(&mut from, role)?;
    sessions(&mut from)?;
    from.ignore(&[
        "allowRedirect",
        "maxSessionFrames",
        "stripAnnotations",
        "policyVhost",
        "socketAddressFamily",
        "protocolFamily",
        "messageLoggingComponents",
        "failoverUrls",
        "connectionStatus",
        "connectionMsg",
        "addr",
    ]);
    from.finish()?;
    Ok(connector)
}

/// Reads one treatment rule.
pub(crate) fn address_rule(mut from: Attributes) -> Result<AddressRule, ConfigError> {
    let prefix = from.string("prefix")?;
    let pattern = from.string("pattern")?;
    let pattern = match (prefix, pattern) {
        (Some(prefix), None) => format!("{}/#", prefix.trim_end_matches(['.', '/', '#'])),
        (None, Some(pattern)) => pattern,
        _ => {
            return Err(ConfigError::entity(
                from.entity(),
                "needs exactly one of prefix and pattern",
            ));
        }
    };
    let priority = match from.bounded("priority", 10, 0, 10)? {
        10 => None,
        given => u8::try_from(given).ok(),
    };
    let rule = AddressRule {
        name: from.string("name")?,
        pattern,
        distribution: from.choice("distribution", Treatment::Balanced, Treatment::parse)?,
        presettled_overflow: from
            .choice("presettledOverflow", None, |name| Overflow::parse(name).map(Some))?,
        priority,
    };
    for attribute in ["waypoint", "enableFallback"] {
        if from.flag(attribute, false)? {
            let rule = "is not supported: give the messages on either side of the container an address of their own";
            return Err(ConfigError::attribute(from.entity(), attribute, rule));
        }
    }
    for attribute in ["ingressPhase", "egressPhase"] {
        if from.number(attribute, 0)? != 0 {
            let rule = "must be 0: an address has one phase";
            return Err(ConfigError::attribute(from.entity(), attribute, rule));
        }
    }
    from.finish()?;
    Ok(rule)
}

/// Checks a `log` entity; levels are set on the command line of the process.
fn log_level(mut from: Attributes) -> Result<(), ConfigError> {
    from.ignore(&[
        "name",
        "module",
        "enable",
        "includeTimestamp",
        "includeSource",
        "outputFile",
        "timestamp",
        "source",
        "output",
    ]);
    from.finish()
}

fn sasl(from: &mut Attributes) -> Result<Sasl, ConfigError> {
    let mechanisms = from.string("saslMechanisms")?.unwrap_or_default();
    Ok(Sasl {
        mechanisms: mechanisms
            .split([' ', ','])
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        username: from.string("saslUsername")?,
        password: from.string("saslPassword")?.map(Secret),
    })
}

fn sessions(from: &mut Attributes) -> Result<u16, ConfigError> {
    let given = from.bounded("maxSessions", u32::from(DEFAULT_SESSIONS), 1, 32_768)?;
    Ok(u16::try_from(given).unwrap_or(DEFAULT_SESSIONS))
}

fn open_properties(from: &mut Attributes, role: Role) -> Result<(), ConfigError> {
    let router_role = matches!(role, Role::InterRouter | Role::Edge);
    match from.take("openProperties") {
        Some(Value::Object(_)) if router_role => Err(ConfigError::attribute(
            from.entity(),
            "openProperties",
            "is not allowed on role inter-router or edge",
        )),
        None | Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(ConfigError::attribute(from.entity(), "openProperties", "must be a map")),
    }
}

fn random_id() -> String {
    use std::hash::{BuildHasher, Hasher};
    let seed = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("Router-{seed:016x}")
}
