//! The two ends of a link as state machines.

mod agent;
mod base;
mod controller;
mod streams;

pub use agent::{AgentEvent, AgentSession};
pub use base::Lost;
pub use controller::{ControllerEvent, ControllerSession};
pub use streams::{StreamId, StreamRead, Streams};
