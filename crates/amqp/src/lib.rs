//! AMQP 1.0 types, frames, performatives and message sections: bounded depth, count and allocation
//! (wire layer, no I/O). Payloads are slices of the bytes that came in.
#![no_std]

extern crate alloc;

pub mod codes;
pub mod condition;
mod error;
mod fields;
pub mod frame;
pub mod message;
pub mod performative;
mod reader;
pub mod sasl;
pub mod section;
mod serial;
mod state;
mod symbol;
mod tag;
mod terminus;
mod value;
mod writer;

pub use condition::Error;
pub use error::DecodeError;
pub use fields::Fields;
pub use message::{Body, Header, Message, Properties};
pub use performative::{
    Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Performative, ReceiverSettleMode,
    Role, SenderSettleMode, Transfer,
};
pub use reader::Reader;
pub use serial::Serial;
pub use state::DeliveryState;
pub use symbol::Symbol;
pub use tag::DeliveryTag;
pub use terminus::{ExpiryPolicy, Source, Target};
pub use value::{Array, Described, MAX_DEPTH, Map, SymbolMap, Value};
pub use writer::{Compound, FieldWriter};
