//! Identifiers of the contract as types, so that an agent and a microservice cannot be swapped
//! (spec section 0.2).

use core::fmt;

use serde::{Deserialize, Serialize};

/// Letters that uuids, keys, tokens and queue names are drawn from: no vowels, no 0, 1 or 5.
pub const ALPHABET: &[u8; 46] = b"2346789bcdfghjkmnpqrtvwxyzBCDFGHJKLMNPQRTVWXYZ";

/// Characters in an agent, microservice or queue identifier.
pub const UUID_LENGTH: usize = 32;
/// Characters in a provisioning key.
pub const PROVISION_KEY_LENGTH: usize = 8;
/// Characters in an agent access token.
pub const AGENT_TOKEN_LENGTH: usize = 16;

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The identifier as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl core::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

string_id! {
    /// An ioFog agent (node).
    FogUuid
}
string_id! {
    /// A microservice, system microservices included.
    MicroserviceUuid
}
string_id! {
    /// The AMQP address that carries one public port.
    QueueName
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id! {
    /// A user account.
    UserId
}
number_id! {
    /// An application ("flow" in legacy routes).
    ApplicationId
}
number_id! {
    /// A registry; 1 is `remote` and 2 is `local` (never pull).
    RegistryId
}
number_id! {
    /// A catalog item.
    CatalogItemId
}
number_id! {
    /// A router row of the Controller.
    RouterId
}
number_id! {
    /// A route between two microservices.
    RouteId
}
number_id! {
    /// A volume mapping of a microservice.
    VolumeMappingId
}
number_id! {
    /// An application template.
    TemplateId
}
number_id! {
    /// An edge resource.
    EdgeResourceId
}
