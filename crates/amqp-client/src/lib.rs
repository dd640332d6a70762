//! AMQP 1.0 client over any byte stream on one tokio thread (adapter layer). Everything here lives on one
//! `LocalSet`: handles are `Rc` inside, the driver is a local task.

mod connection;
mod delivery;
mod dial;
mod driver;
mod error;
mod incoming;
mod link;
mod options;
mod receiver;
mod sender;
mod shared;

pub use connection::{Connection, Session};
pub use delivery::{Delivery, Outcome};
pub use dial::{BoxStream, Dial, DialFuture, Stream, TcpDial};
pub use error::{ConnectError, LinkError};
pub use incoming::IncomingLink;
pub use iofog_amqp_engine::CloseReason;
pub use options::{
    Address, ConnectionOptions, ReceiverOptions, Sasl, SenderOptions, ServerOptions,
};
pub use receiver::{Receiver, RecvStream};
pub use sender::{Pending, SendStream, Sender};
