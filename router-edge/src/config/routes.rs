//! `linkRoute` and `autoLink` entities: links that lead to, or are made towards, a container (router.md section 7).

use super::{Attributes, ConfigError};

/// Which way messages go on the links of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A link route: towards the container. An auto link: from the container into the router.
    In,
    /// The other way.
    Out,
}

/// The container that a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Container {
    /// Every connection of role route-container whose peer has this container-id.
    Id(String),
    /// The connections of the listener or connector of this name.
    Connection(String),
}

/// A configured link route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRouteConfig {
    /// Entity name; equal names mean an unchanged route.
    pub name: String,
    /// Addresses, as an address pattern; a prefix ends in `#`.
    pub pattern: String,
    /// Which way messages go.
    pub way: Way,
    /// Who serves it; none: only other routers do.
    pub container: Option<Container>,
    /// Put before addresses on their way to the container.
    pub add_prefix: Option<String>,
    /// Taken off addresses on their way to the container.
    pub del_prefix: Option<String>,
}

/// A link that the router itself attaches to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoLinkConfig {
    /// Entity name; equal names mean an unchanged link.
    pub name: String,
    /// Address in the network.
    pub address: String,
    /// `In`: messages come from the container.
    pub way: Way,
    /// Whom it is attached to.
    pub container: Container,
    /// Address at the container, where it differs.
    pub external: Option<String>,
}

impl Way {
    /// Name in configuration and management.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::In, Self::Out].into_iter().find(|way| way.as_str() == name)
    }
}

impl Container {
    /// The container-id, if it is named by that.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Connection(_) => None,
        }
    }

    /// The listener or connector, if it is named by that.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Connection(name) => Some(name),
        }
    }
}

impl LinkRouteConfig {
    /// The address as the container knows it.
    #[must_use]
    pub fn external(&self, address: &str) -> String {
        let del = self.del_prefix.as_deref().unwrap_or_default();
        let rest = address.strip_prefix(del).unwrap_or(address);
        format!("{}{rest}", self.add_prefix.as_deref().unwrap_or_default())
    }
}

/// Reads one link route.
pub(crate) fn link_route(mut from: Attributes) -> Result<LinkRouteConfig, ConfigError> {
    let (prefix, pattern) = (from.string("prefix")?, from.string("pattern")?);
    let pattern = match (prefix, pattern) {
        (Some(prefix), None) if !prefix.is_empty() => {
            format!("{}/#", prefix.trim_end_matches(['.', '/', '#']))
        }
        (None, Some(pattern)) if !pattern.is_empty() => pattern,
        _ => return Err(whole(&from, "needs exactly one of prefix and pattern")),
    };
    let way = way(&mut from)?;
    let container = container(&mut from)?;
    let distribution = from.string("distribution")?.unwrap_or_else(|| BALANCED.to_owned());
    if distribution != BALANCED {
        let rule = format!("must be {BALANCED}, not `{distribution}`");
        return Err(ConfigError::attribute(from.entity(), "distribution", rule));
    }
    let name = from.string("name")?;
    let route = LinkRouteConfig {
        name: name.unwrap_or_else(|| format!("linkRoute/{pattern}/{}", way.as_str())),
        pattern,
        way,
        container,
        add_prefix: from.string("addExternalPrefix")?,
        del_prefix: from.string("delExternalPrefix")?,
    };
    from.ignore(&["operStatus"]);
    from.finish()?;
    Ok(route)
}

/// Reads one auto link.
pub(crate) fn auto_link(mut from: Attributes) -> Result<AutoLinkConfig, ConfigError> {
    let address = match from.string("addr")? {
        Some(address) => address,
        None => from.required("address")?,
    };
    let way = way(&mut from)?;
    let Some(container) = container(&mut from)? else {
        return Err(whole(&from, "needs one of containerId and connection"));
    };
    // Way-points of the reference, in which one address has several phases, are not there.
    if from.number("phase", 0)? != 0 {
        return Err(ConfigError::attribute(from.entity(), "phase", "must be 0 in this router"));
    }
    if from.flag("fallback", false)? {
        let rule = "is not supported by this router";
        return Err(ConfigError::attribute(from.entity(), "fallback", rule));
    }
    let external = match from.string("externalAddr")? {
        Some(external) => Some(external),
        None => from.string("externalAddress")?,
    };
    let name = from.string("name")?;
    let link = AutoLinkConfig {
        name: name.unwrap_or_else(|| format!("autoLink/{address}/{}", way.as_str())),
        address,
        way,
        container,
        external,
    };
    from.ignore(&["operStatus", "lastError", "linkRef"]);
    from.finish()?;
    Ok(link)
}

/// What one address sends to a container and takes from it again would go round for ever.
pub(crate) fn check_auto_links(links: &[AutoLinkConfig]) -> Result<(), ConfigError> {
    let circle = links.iter().find(|link| {
        link.way == Way::In
            && links.iter().any(|other| {
                other.way == Way::Out
                    && other.address == link.address
                    && other.container == link.container
            })
    });
    match circle {
        None => Ok(()),
        Some(link) => Err(ConfigError::entity(
            format!("autoLink {}", link.name),
            format!("makes a circle: `{}` also goes out to the same container", link.address),
        )),
    }
}

const BALANCED: &str = "linkBalanced";

fn way(from: &mut Attributes) -> Result<Way, ConfigError> {
    let attribute = "direction";
    let given = match from.string("dir")? {
        Some(given) => given,
        None => from.required(attribute)?,
    };
    let wrong = || {
        let rule = format!("must be in or out, not `{given}`");
        ConfigError::attribute(from.entity(), attribute, rule)
    };
    Way::parse(&given).ok_or_else(wrong)
}

fn container(from: &mut Attributes) -> Result<Option<Container>, ConfigError> {
    match (from.string("containerId")?, from.string("connection")?) {
        (Some(_), Some(_)) => Err(whole(from, "has containerId and connection: needs one")),
        (Some(id), None) => Ok(Some(Container::Id(id))),
        (None, Some(name)) => Ok(Some(Container::Connection(name))),
        (None, None) => Ok(None),
    }
}

fn whole(from: &Attributes, rule: &str) -> ConfigError {
    ConfigError::entity(from.entity(), rule)
}
