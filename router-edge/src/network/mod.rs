//! How interior routers find each other, learn the shape of the network and who serves which
//! address (router.md section 5). Sans-I/O: messages and time in, messages and changes out.

mod engine;
mod message;
mod mobile;
mod node;
mod path;
mod routes;
#[cfg(test)]
mod tests;
mod wire;

pub use engine::{Action, Destination, Network, Settings};
pub use message::{
    Advertisement, ControlMessage, Hello, LinkState, LinkStateUpdate, MobileChange, MobileUpdate,
    Request,
};
pub use node::Route;
pub use path::{Bits, Links, paths_from};
pub use wire::{Version, WireError, decode, encode};

/// Number of a router in the own tables: its bit in sets of routers. 0 is the own router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouterNumber(pub u8);

/// A connection to a neighbour, numbered by the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NeighbourLink(pub u32);

/// Routers that one network may have (router.md 5.3).
pub const MAX_ROUTERS: usize = 128;
