//! What changes between two configurations of one router; an equal name means unchanged
//! (router.md 2.1).

use super::{ConnectorConfig, ListenerConfig, RouterConfig};

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
