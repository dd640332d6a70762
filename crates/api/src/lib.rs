//! REST types of the contract: bodies, validation messages, field aliases and number rules (wire layer, no I/O).
//!
//! [`agent`] is what a device links; the other modules are the user side of the API.

pub mod agent;
pub mod check;
pub mod error;
pub mod failure;
pub mod id;
pub mod number;
pub mod time;

pub use check::Fields;
pub use error::{ErrorBody, ErrorClass};
pub use failure::ApiError;
pub use id::{FogUuid, MicroserviceUuid, QueueName};
