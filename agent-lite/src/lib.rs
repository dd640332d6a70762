//! ioFog Agent: runs microservices as containers, with the edge Router and the Proxy inside.
//!
//! Layers inside the crate: `config`, `domain` (pure rules), then adapters, then [`app`](crate) that wires them.

pub mod app;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod commandline;
pub mod config;
pub mod context;
pub mod controller_client;
mod crc;
pub mod device_api;
pub mod disk;
pub mod domain;
pub mod engine;
#[doc(hidden)]
pub mod fault;
pub mod field_agent;
#[doc(hidden)]
pub mod fuzzing;
mod gzip;
pub mod ids;
pub mod local_api;
mod logging;
pub mod modules;
pub mod process_manager;
pub mod remote;
mod signals;
pub mod state;
pub mod update;
pub mod usage;
