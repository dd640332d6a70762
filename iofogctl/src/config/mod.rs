//! The files under `~/.iofog/v3`: what this program and the standard one both know about networks.

pub mod header;
mod merge;
mod namespace;
pub mod records;
mod store;

pub use header::{Header, Metadata};
pub use namespace::{AgentRecord, ControlPlane, Namespace};
pub use store::Store;
