//! The device link between Controller and Agent: frames of the compact protocol, and the state machines of both
//! ends without I/O: bytes and time go in, bytes and events come out. `docs/device-link.md` has it byte by byte.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod digest;
mod keep_alive;
mod reconnect;
mod session;
mod status;
mod update;
mod wire;

pub use digest::digest;
pub use keep_alive::KeepAlive;
pub use reconnect::{Ending, Reconnect};
pub use session::{
    AgentEvent, AgentSession, ControllerEvent, ControllerSession, Lost, StreamId, StreamRead,
    Streams,
};
pub use status::{MicroserviceStatus, NodeStatus, StatusTracker};
pub use update::{Documents, Key, Offer, Update};
pub use wire::{
    Applied, Begin, Bounded, Bye, DecodeError, Decoder, Frame, Hello, Id, Kind, Known,
    MicroserviceDelta, NodeDelta, Outcome, Put, StatusDelta, Text, Welcome, encode,
};

/// Protocol version of this implementation, oldest and newest that it speaks.
pub const VERSION: u8 = 1;
/// Value of the `Upgrade` header.
pub const UPGRADE: &str = "iofog-link";
/// Path below the REST API's prefix.
pub const PATH: &str = "agent/link";
/// Longest body of a frame, in bytes.
pub const MAX_FRAME: usize = 16 * 1024;
/// Most bytes of a document or stream in one frame.
pub const MAX_CHUNK: usize = 4 * 1024;
/// Most documents of one agent.
pub const MAX_DOCUMENTS: usize = 4096;
/// Most bytes of documents in one update.
pub const MAX_UPDATE: usize = 4 * 1024 * 1024;
/// Silence after which the Controller shows an Agent as lost, in seconds.
pub const LOST_AFTER_S: u16 = 90;

/// The generation that a REST stamp (`lastUpdated`, an ISO 8601 time) stands for: its digits.
#[must_use]
pub fn generation(stamp: &str) -> u64 {
    let digits = stamp.bytes().filter(u8::is_ascii_digit).take(18);
    digits.fold(0, |all, digit| all * 10 + u64::from(digit - b'0'))
}

/// Monotonic milliseconds of whoever runs a session.
pub type Millis = u64;
