//! Change flags: what an agent should fetch again (spec section 7).

use serde::{Deserialize, Serialize};

/// Answer of `GET /agent/config/changes`: every flag is always present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Changes {
    /// Agent configuration.
    pub config: bool,
    /// An upgrade or rollback is asked for.
    pub version: bool,
    /// Reboot the device.
    pub reboot: bool,
    /// The agent is to delete itself.
    pub delete_node: bool,
    /// Microservices were added or removed.
    pub microservice_list: bool,
    /// A microservice was changed.
    pub microservice_config: bool,
    /// Routes between microservices.
    pub routing: bool,
    /// Registries or their credentials.
    pub registries: bool,
    /// SSH tunnel.
    pub tunnel: bool,
    /// strace.
    pub diagnostics: bool,
    /// An image snapshot is asked for.
    pub is_image_snapshot: bool,
    /// Prune images.
    pub prune: bool,
    /// The router to connect to has another address.
    pub router_changed: bool,
    /// Edge resources or their tags.
    pub linked_edge_resources: bool,
    /// Opaque and lexicographically ordered; echoed by the acknowledgement.
    pub last_updated: String,
}

/// `PATCH /agent/config/changes`: acknowledges everything up to the given point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangesAck {
    /// [`Changes::last_updated`] as it was read; absent means nothing is acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<String>,
}

/// One change flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "named and documented by the fields of Changes")]
pub enum Change {
    Config,
    Version,
    Reboot,
    DeleteNode,
    MicroserviceList,
    MicroserviceConfig,
    Routing,
    Registries,
    Tunnel,
    Diagnostics,
    IsImageSnapshot,
    Prune,
    RouterChanged,
    LinkedEdgeResources,
}

impl Change {
    /// All flags, in wire order.
    pub const ALL: [Self; 14] = [
        Self::Config,
        Self::Version,
        Self::Reboot,
        Self::DeleteNode,
        Self::MicroserviceList,
        Self::MicroserviceConfig,
        Self::Routing,
        Self::Registries,
        Self::Tunnel,
        Self::Diagnostics,
        Self::IsImageSnapshot,
        Self::Prune,
        Self::RouterChanged,
        Self::LinkedEdgeResources,
    ];

    /// Stable number for storage.
    pub const fn number(self) -> u8 {
        self as u8
    }

    const fn bit(self) -> u16 {
        1 << self.number()
    }
}

/// A set of change flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet(u16);

impl ChangeSet {
    /// Nothing changed.
    pub const NONE: Self = Self(0);
    /// Microservice list and configuration.
    pub const COMMON: Self = Self::of(&[Change::MicroserviceConfig, Change::MicroserviceList]);
    /// [`Self::COMMON`] and routing.
    pub const FULL: Self =
        Self::of(&[Change::MicroserviceConfig, Change::MicroserviceList, Change::Routing]);

    /// The set of the given flags.
    pub const fn of(flags: &[Change]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < flags.len() {
            bits |= flags[i].bit();
            i += 1;
        }
        Self(bits)
    }

    /// The set of the flags whose numbers are set in `bits`; unknown ones are left out.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & ((1 << Change::ALL.len()) - 1))
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `flag` is set.
    pub const fn has(self, flag: Change) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flags of the set, in wire order.
    pub fn iter(self) -> impl Iterator<Item = Change> {
        Change::ALL.into_iter().filter(move |flag| self.has(*flag))
    }

    /// The wire form.
    pub fn to_changes(self, last_updated: String) -> Changes {
        Changes {
            config: self.has(Change::Config),
            version: self.has(Change::Version),
            reboot: self.has(Change::Reboot),
            delete_node: self.has(Change::DeleteNode),
            microservice_list: self.has(Change::MicroserviceList),
            microservice_config: self.has(Change::MicroserviceConfig),
            routing: self.has(Change::Routing),
            registries: self.has(Change::Registries),
            tunnel: self.has(Change::Tunnel),
            diagnostics: self.has(Change::Diagnostics),
            is_image_snapshot: self.has(Change::IsImageSnapshot),
            prune: self.has(Change::Prune),
            router_changed: self.has(Change::RouterChanged),
            linked_edge_resources: self.has(Change::LinkedEdgeResources),
            last_updated,
        }
    }
}

impl FromIterator<Change> for ChangeSet {
    fn from_iter<I: IntoIterator<Item = Change>>(flags: I) -> Self {
        Self(flags.into_iter().fold(0, |bits, flag| bits | flag.bit()))
    }
}

impl From<Change> for ChangeSet {
    fn from(flag: Change) -> Self {
        Self(flag.bit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_names_every_flag_in_order() {
        let set = ChangeSet::FULL.with(Change::Version.into());
        let text = serde_json::to_string(&set.to_changes("2026-11-23T10:37:42.305Z".into()));
        assert_eq!(
            text.unwrap(),
            concat!(
                r#"{"config":false,"version":true,"reboot":false,"deleteNode":false,"#,
                r#""microserviceList":true,"microserviceConfig":true,"routing":true,"#,
                r#""registries":false,"tunnel":false,"diagnostics":false,"#,
                r#""isImageSnapshot":false,"prune":false,"routerChanged":false,"#,
                r#""linkedEdgeResources":false,"lastUpdated":"2026-11-23T10:37:42.305Z"}"#
            )
        );
    }

    #[test]
    fn sets_and_numbers_agree() {
        for (place, flag) in Change::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(flag.number()), place);
            assert_eq!(ChangeSet::from(flag).iter().collect::<Vec<_>>(), [flag]);
        }
        assert!(ChangeSet::NONE.is_empty());
        assert_eq!(ChangeSet::COMMON.iter().collect::<ChangeSet>(), ChangeSet::COMMON);
    }
}
