//! AMQP 1.0 message router for edge, interior and standalone modes.

pub mod address;
pub mod config;
pub mod core;
pub mod identity;
pub mod network;
pub mod program;
mod runtime;

pub use config::{ConfigError, RouterConfig};
pub use runtime::{
    Applied, ApplyError, ConnectorStatus, RouterHandle, RouterStatus, RuntimeOptions, StartError,
    start,
};
