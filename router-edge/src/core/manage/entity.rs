//! Names of entity types, in both families' spelling.

/// Types that this router shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Router,
    Listener,
    Connector,
    SslProfile,
    AddressRule,
    Connection,
    Link,
    Address,
    Node,
    LinkRoute,
    AutoLink,
    ConnectionLinkRoute,
    RouterMetrics,
    Network,
    Log,
    Allocator,
    Policy,
    Vhost,
    VhostGroup,
    VhostStats,
}

/// Which family's prefix the caller used; answers use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Family {
    #[default]
    Dispatch,
    Skupper,
}

impl Kind {
    pub(super) const ALL: [Self; 20] = [
        Self::Router,
        Self::Listener,
        Self::Connector,
        Self::SslProfile,
        Self::AddressRule,
        Self::Connection,
        Self::Link,
        Self::Address,
        Self::Node,
        Self::LinkRoute,
        Self::AutoLink,
        Self::ConnectionLinkRoute,
        Self::RouterMetrics,
        Self::Network,
        Self::Log,
        Self::Allocator,
        Self::Policy,
        Self::Vhost,
        Self::VhostGroup,
        Self::VhostStats,
    ];

    /// Name without prefix.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Listener => "listener",
            Self::Connector => "connector",
            Self::SslProfile => "sslProfile",
            Self::AddressRule => "router.config.address",
            Self::Connection => "connection",
            Self::Link => "router.link",
            Self::Address => "router.address",
            Self::Node => "router.node",
            Self::LinkRoute => "router.config.linkRoute",
            Self::AutoLink => "router.config.autoLink",
            Self::ConnectionLinkRoute => "router.connection.linkRoute",
            Self::RouterMetrics => "routerMetrics",
            Self::Network => "network",
            Self::Log => "log",
            Self::Allocator => "allocator",
            Self::Policy => "policy",
            Self::Vhost => "vhost",
            Self::VhostGroup => "vhostUserGroupSettings",
            Self::VhostStats => "vhostStats",
        }
    }

    pub(super) fn parse(short: &str) -> Option<Self> {
        let name = match short {
            "address" => "router.config.address",
            "linkRoute" => "router.config.linkRoute",
            "autoLink" => "router.config.autoLink",
            other => other,
        };
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What may be done with entities of the type, beside QUERY and READ.
    pub(super) fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Listener
            | Self::Connector
            | Self::AddressRule
            | Self::LinkRoute
            | Self::AutoLink
            | Self::ConnectionLinkRoute => &["CREATE", "DELETE", "READ"],
            Self::SslProfile => &["CREATE", "UPDATE", "DELETE", "READ"],
            Self::Log => &["UPDATE", "READ"],
            _ => &["READ"],
        }
    }

    /// Entities that a configuration has, as against those that come and go by themselves.
    pub(super) fn is_configured(self) -> bool {
        matches!(
            self,
            Self::Router
                | Self::Listener
                | Self::Connector
                | Self::SslProfile
                | Self::AddressRule
                | Self::LinkRoute
                | Self::AutoLink
                | Self::Network
                | Self::Log
                | Self::Policy
                | Self::Vhost
                | Self::VhostGroup
        )
    }
}

impl Family {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Dispatch => "org.apache.qpid.dispatch.",
            Self::Skupper => "io.skupper.router.",
        }
    }

    /// Takes the prefix off a type name.
    pub(super) fn strip(given: &str) -> (&str, Self) {
        for family in [Self::Dispatch, Self::Skupper] {
            if let Some(short) = given.strip_prefix(family.prefix()) {
                return (short, family);
            }
        }
        (given, Self::default())
    }

    /// The full type name.
    pub(super) fn full(self, kind: Kind) -> String {
        format!("{}{}", self.prefix(), kind.name())
    }
}
