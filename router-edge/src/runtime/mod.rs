//! Runs a router on the current thread: sockets, clock and reconnects around the sans-I/O core
//! (adapter layer).

mod connector;
mod driver;
mod handle;
mod http;
mod listener;
mod machine;
mod options;
mod resolve;
mod shared;
mod suites;
mod tls;
mod users;

pub use handle::{RouterHandle, start};
pub use options::{Applied, ApplyError, ConnectorStatus, RouterStatus, RuntimeOptions, StartError};
