//! `policy` and `vhost` entities: who may connect, how often, and which addresses whose links may name
//! (decision 0092).

use serde_json::Value;

use super::{Attributes, ConfigError};

/// Limits beyond those of listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Connections of clients at one time, over all listeners.
    pub max_connections: u32,
    /// Judge clients by the virtual host that they open.
    pub vhosts_enabled: bool,
    /// Virtual host of clients that open none that is known; none with an empty name: they are refused.
    pub default_vhost: String,
    /// Bytes of the largest message of a client; 0 = no limit. A virtual host may say otherwise.
    pub max_message_size: u64,
    /// Virtual hosts.
    pub vhosts: Vec<VhostConfig>,
}

/// What the clients of a virtual host may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VhostConfig {
    /// Name that clients open.
    pub hostname: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// Connections at one time: in all, of one user, from one host.
    pub connections: ConnectionLimits,
    /// Users that no group names belong to the group `$default`; without this they are refused.
    pub allow_unknown_user: bool,
    /// Bytes of the largest message, where it differs.
    pub max_message_size: Option<u64>,
    /// Users by what they may do.
    pub groups: Vec<GroupConfig>,
}

/// Connections at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub all: u32,
    /// Of one user.
    pub per_user: u32,
    /// From one IP address.
    pub per_host: u32,
}

/// What a group of users may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// Its name; `$default` for everybody else.
    pub name: String,
    /// Who belongs to it.
    pub users: Vec<String>,
    /// From where: addresses, ranges `first-last`, `*` for anywhere.
    pub remote_hosts: Vec<String>,
    /// Connections of one user, where it differs from the virtual host's.
    pub per_user: Option<u32>,
    /// Connections from one address, where it differs.
    pub per_host: Option<u32>,
    /// Bytes of the largest message, where it differs.
    pub max_message_size: Option<u64>,
    /// Sessions on a connection.
    pub max_sessions: u32,
    /// Links on which a client sends, on a connection.
    pub max_senders: u32,
    /// Links on which it receives.
    pub max_receivers: u32,
    /// A source may be dynamic.
    pub allow_dynamic_source: bool,
    /// A link without target, whose messages say where they go: to what targets allow.
    pub allow_anonymous_sender: bool,
    /// A client may make link routes for its own connection.
    pub allow_dynamic_link_routes: bool,
    /// Where it may receive from.
    pub sources: Allowed,
    /// Where it may send to.
    pub targets: Allowed,
}

/// Addresses that a group may name; `${user}` stands for the user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Names; one that ends in `*` stands for all that begin so.
    Names(Vec<String>),
    /// Patterns as of `address` entities.
    Patterns(Vec<String>),
}

/// The group of everybody whom no other group names.
pub const DEFAULT_GROUP: &str = "$default";
/// Upper bound of what counts connections, links and sessions.
const MOST: u32 = 65_535;

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            max_connections: MOST,
            vhosts_enabled: false,
            default_vhost: DEFAULT_GROUP.to_owned(),
            max_message_size: 0,
            vhosts: Vec::new(),
        }
    }
}

impl VhostConfig {
    /// Whether clients open it by this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.hostname == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// Reads `policy`.
pub(crate) fn policy(mut from: Attributes) -> Result<PolicyConfig, ConfigError> {
    let base = PolicyConfig::default();
    let policy = PolicyConfig {
        max_connections: from.bounded("maxConnections", MOST, 0, MOST)?,
        vhosts_enabled: from.flag("enableVhostPolicy", false)?,
        default_vhost: from.string("defaultVhost")?.unwrap_or(base.default_vhost),
        max_message_size: u64::from(from.number("maxMessageSize", 0)?),
        vhosts: Vec::new(),
    };
    if from.string("policyDir")?.is_some_and(|folder| !folder.is_empty()) {
        return wrong(&from, "policyDir", "is not supported: write vhost entities instead");
    }
    if from.flag("enableVhostNamePatterns", false)? {
        return wrong(&from, "enableVhostNamePatterns", "is not supported: use aliases");
    }
    from.ignore(&["name"]);
    from.finish()?;
    Ok(policy)
}

/// Reads `vhost`.
pub(crate) fn vhost(mut from: Attributes) -> Result<VhostConfig, ConfigError> {
    let hostname = match from.string("hostname")? {
        Some(hostname) if !hostname.is_empty() => hostname,
        _ => from.required("id")?,
    };
    let groups = match from.take("groups") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(groups)) => groups
            .into_iter()
            .map(|(name, settings)| group(&hostname, name, settings))
            .collect::<Result<_, _>>()?,
        Some(_) => return wrong(&from, "groups", "must be a map of groups by their names"),
    };
    let vhost = VhostConfig {
        aliases: words(&mut from, "aliases")?,
        connections: ConnectionLimits {
            all: from.bounded("maxConnections", MOST, 0, MOST)?,
            per_user: from.bounded("maxConnectionsPerUser", MOST, 0, MOST)?,
            per_host: from.bounded("maxConnectionsPerHost", MOST, 0, MOST)?,
        },
        allow_unknown_user: from.flag("allowUnknownUser", false)?,
        max_message_size: size(&mut from)?,
        groups,
        hostname,
    };
    from.ignore(&["name", "id"]);
    from.finish()?;
    Ok(vhost)
}

fn group(vhost: &str, name: String, settings: Value) -> Result<GroupConfig, ConfigError> {
    let entity = format!("vhost {vhost} group {name}");
    let Value::Object(settings) = settings else {
        return Err(ConfigError::entity(entity, "must be a map"));
    };
    let mut from = Attributes::new(&entity, settings);
    for (attribute, instead) in
        [("maxFrameSize", "maxFrameSize"), ("maxSessionWindow", "maxSessionFrames")]
    {
        if from.take(attribute).is_some() {
            let rule = format!("is not supported: set {instead} of the listener");
            return Err(ConfigError::attribute(&entity, attribute, rule));
        }
    }
    let group = GroupConfig {
        users: words(&mut from, "users")?,
        remote_hosts: hosts(&mut from)?,
        per_user: limit(&mut from, "maxConnectionsPerUser")?,
        per_host: limit(&mut from, "maxConnectionsPerHost")?,
        max_message_size: size(&mut from)?,
        max_sessions: from.bounded("maxSessions", MOST, 1, MOST)?,
        max_senders: from.bounded("maxSenders", i32::MAX.unsigned_abs(), 0, u32::MAX)?,
        max_receivers: from.bounded("maxReceivers", i32::MAX.unsigned_abs(), 0, u32::MAX)?,
        allow_dynamic_source: from.flag("allowDynamicSource", false)?,
        allow_anonymous_sender: from.flag("allowAnonymousSender", false)?,
        allow_dynamic_link_routes: from.flag("allowDynamicLinkRoutes", true)?,
        sources: allowed(&mut from, "sources", "sourcePattern")?,
        targets: allowed(&mut from, "targets", "targetPattern")?,
        name,
    };
    from.ignore(&[
        "allowUserIdProxy",
        "allowWaypointLinks",
        "allowFallbackLinks",
        "allowAdminStatusUpdate",
    ]);
    from.finish()?;
    Ok(group)
}

fn size(from: &mut Attributes) -> Result<Option<u64>, ConfigError> {
    Ok(match from.string("maxMessageSize")? {
        None => None,
        Some(text) => match text.trim().parse() {
            Ok(bytes) => Some(bytes),
            Err(_) => return wrong(from, "maxMessageSize", "must be a whole number of bytes"),
        },
    })
}

fn limit(from: &mut Attributes, attribute: &str) -> Result<Option<u32>, ConfigError> {
    // Out of bounds stands for "not given".
    let given = from.number(attribute, u32::MAX)?;
    if given != u32::MAX && given > MOST {
        return wrong(from, attribute, &format!("must be between 0 and {MOST}"));
    }
    Ok((given <= MOST).then_some(given))
}

/// A list, or names separated by commas or white space.
fn words(from: &mut Attributes, attribute: &str) -> Result<Vec<String>, ConfigError> {
    let text = match from.take(attribute) {
        Some(Value::Array(items)) => {
            let texts: Option<Vec<_>> =
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            return texts.map_or_else(|| wrong(from, attribute, "must be a list of strings"), Ok);
        }
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => text,
        Some(_) => return wrong(from, attribute, "must be a list or names with commas"),
    };
    let split = text.split(|c: char| c == ',' || c.is_whitespace());
    Ok(split.filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

fn hosts(from: &mut Attributes) -> Result<Vec<String>, ConfigError> {
    let hosts = words(from, "remoteHosts")?;
    for host in &hosts {
        let ends = host.split_once('-').unwrap_or((host, host));
        let parse = |text: &str| text.parse::<std::net::IpAddr>().ok();
        let fine = match (parse(ends.0), parse(ends.1)) {
            _ if host == "*" => true,
            (Some(first), Some(last)) => first.is_ipv4() == last.is_ipv4() && first <= last,
            _ => false,
        };
        if !fine {
            let rule = format!("must be *, IP addresses or ranges first-last, not `{host}`");
            return wrong(from, "remoteHosts", &rule);
        }
    }
    Ok(hosts)
}

fn allowed(from: &mut Attributes, names: &str, patterns: &str) -> Result<Allowed, ConfigError> {
    match (words(from, names)?, words(from, patterns)?) {
        (names, patterns) if patterns.is_empty() => Ok(Allowed::Names(names)),
        (names, patterns) if names.is_empty() => Ok(Allowed::Patterns(patterns)),
        _ => wrong(from, patterns, &format!("cannot stand beside {names}")),
    }
}

fn wrong<T>(from: &Attributes, attribute: &str, rule: &str) -> Result<T, ConfigError> {
    Err(ConfigError::attribute(from.entity(), attribute, rule))
}

/// The rules between virtual hosts.
pub(crate) fn check(policy: &PolicyConfig) -> Result<(), ConfigError> {
    let mut seen = iofog_sorted::SortedSet::new();
    for vhost in &policy.vhosts {
        for name in std::iter::once(&vhost.hostname).chain(&vhost.aliases) {
            if !seen.insert(name) {
                let rule = format!("name or alias `{name}` is used twice");
                return Err(ConfigError::attribute("vhost", "hostname", rule));
            }
        }
        let mut users = iofog_sorted::SortedSet::new();
        for (group, user) in vhost.groups.iter().flat_map(|g| g.users.iter().map(move |u| (g, u))) {
            if !users.insert(user) {
                let entity = format!("vhost {} group {}", vhost.hostname, group.name);
                let rule = format!("user `{user}` is in two groups");
                return Err(ConfigError::attribute(&entity, "users", rule));
            }
        }
    }
    Ok(())
}
