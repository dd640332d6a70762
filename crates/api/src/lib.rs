//! REST types of the contract: bodies, validation messages, field aliases and number rules (wire layer, no I/O).
//!
//! [`agent`] is what a device links; the other modules are the user side of the API.

pub mod agent;
pub mod error;
pub mod id;
pub mod number;
pub mod schema;

pub use error::ErrorBody;
pub use id::{FogUuid, MicroserviceUuid, QueueName};
