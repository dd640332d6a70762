//! Identifier types, shared with the Controller.

pub use iofog_api::{FogUuid, MicroserviceUuid};
