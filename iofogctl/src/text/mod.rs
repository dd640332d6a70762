//! What users read: error texts, name rules, durations and timestamps of the contract.

pub mod base64;
pub mod error;
pub mod names;
pub mod time;

pub use error::{Error, Result};
