//! What crosses the wire: frames in postcard, each behind its length.

mod bounded;
mod codec;
mod frame;

pub use bounded::Bounded;
pub use codec::{DecodeError, Decoder, encode};
pub use frame::{
    Applied, Begin, Bye, Frame, Hello, Id, Kind, Known, MicroserviceDelta, NodeDelta, Outcome, Put,
    StatusDelta, Text, Welcome,
};
