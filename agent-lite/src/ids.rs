//! Identifier types of the Agent: two uuids of different kinds cannot be swapped.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text as it came; the Controller chooses its form.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text form used on every wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// True when nothing was assigned.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

identifier!(
    /// A microservice, as the Controller names it.
    MicroserviceUuid
);
identifier!(
    /// A node (fog), as the Controller names it.
    FogUuid
);
