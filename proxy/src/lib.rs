//! HTTP and TCP to AMQP proxy: both ends of an exposed port. Runs on one thread inside a tokio
//! `LocalSet`, embedded in the Agent or as a program of its own.

pub mod domain;
#[doc(hidden)]
pub mod fuzzing;

mod certificates;
mod clients;
mod context;
mod counters;
mod farewell;
mod handle;
mod http;
mod http2;
mod limits;
mod link;
mod listener;
mod race;
mod secure;
mod session;
mod stall;
mod status;
mod supervisor;
mod target;
mod tcp;
#[cfg(test)]
mod testing;

pub use counters::MappingState;
pub use domain::config::{NetworkRouter, ProxyConfig};
pub use domain::exchange::Timings;
pub use handle::{Http2, ProxyHandle, ProxyOptions, start};
pub use limits::Limits;
pub use status::{MappingStatus, ProxyStatus};
