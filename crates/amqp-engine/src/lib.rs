//! AMQP 1.0 connection, session and link state machines for both roles: bytes and time in, bytes and
//! events out (domain layer, no I/O). See [`Connection`] for the loop that a driver runs.

mod blocks;
mod command;
mod config;
mod connection;
mod event;
mod ids;
mod link;
mod output;
mod patience;
mod room;
mod session;
mod slab;
mod unsettled;

pub use command::{LimitError, Progress, SendError, SendHead};
pub use config::{ClientSasl, Config, InitialSerials, Mechanism, Security, ServerSasl};
pub use connection::Connection;
pub use event::{CloseReason, Credentials, Delivered, Event};
pub use ids::{DeliveryKey, LinkId, Millis, SessionId, Token};
pub use patience::Patience;
pub use room::{room_for_more, room_to_keep};
