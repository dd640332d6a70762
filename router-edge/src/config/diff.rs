//! What changes between two configurations of one router; an equal name means unchanged
//! (router.md 2.1).

use super::{AutoLinkConfig, ConnectorConfig, LinkRouteConfig, ListenerConfig, RouterConfig};

/// Steps from one configuration to another, to be done in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Listeners to open first.
    pub new_listeners: Vec<ListenerConfig>,
    /// Connectors to start next.
    pub new_connectors: Vec<ConnectorConfig>,
    /// Names of listeners to close after that.
    pub old_listeners: Vec<String>,
    /// Names of connectors to stop last.
    pub old_connectors: Vec<String>,
    /// Link routes and auto links to add, and the names of those to remove.
    pub new_link_routes: Vec<LinkRouteConfig>,
    /// See above.
    pub old_link_routes: Vec<String>,
    /// See above.
    pub new_auto_links: Vec<AutoLinkConfig>,
    /// See above.
    pub old_auto_links: Vec<String>,
    /// Mode or id differ: these need a new router.
    pub rebuild: bool,
}

/// Compares by entity name.
#[must_use]
pub fn diff(from: &RouterConfig, to: &RouterConfig) -> Diff {
    Diff {
        new_listeners: missing(&to.listeners, &from.listeners, |l| &l.name).cloned().collect(),
        new_connectors: missing(&to.connectors, &from.connectors, |c| &c.name).cloned().collect(),
        old_listeners: missing(&from.listeners, &to.listeners, |l| &l.name)
            .map(|l| l.name.clone())
            .collect(),
        old_connectors: missing(&from.connectors, &to.connectors, |c| &c.name)
            .map(|c| c.name.clone())
            .collect(),
        new_link_routes: missing(&to.link_routes, &from.link_routes, |r| &r.name)
            .cloned()
            .collect(),
        old_link_routes: missing(&from.link_routes, &to.link_routes, |r| &r.name)
            .map(|r| r.name.clone())
            .collect(),
        new_auto_links: missing(&to.auto_links, &from.auto_links, |l| &l.name).cloned().collect(),
        old_auto_links: missing(&from.auto_links, &to.auto_links, |l| &l.name)
            .map(|l| l.name.clone())
            .collect(),
        rebuild: from.mode != to.mode || from.id != to.id,
    }
}

impl Diff {
    /// True when nothing has to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Entities of `these` whose name is not among `those`.
fn missing<'a, T>(
    these: &'a [T],
    those: &'a [T],
    name: impl Fn(&T) -> &String + 'a,
) -> impl Iterator<Item = &'a T> {
    these.iter().filter(move |this| !those.iter().any(|that| name(that) == name(this)))
}
