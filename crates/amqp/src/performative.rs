//! The nine performatives (AMQP 1.0 part 2, 2.7). `transfer`, `flow` and `disposition` decode without
//! allocating; the others are rare.

use alloc::boxed::Box;

mod attach;
mod connection;
mod disposition;
mod flow;
mod session;
mod transfer;

pub use attach::{Attach, Detach, ReceiverSettleMode, Role, SenderSettleMode};
pub use connection::{Close, Open};
pub use disposition::Disposition;
pub use flow::Flow;
pub use session::{Begin, End};
pub use transfer::Transfer;

/// Any performative. The large ones are boxed: what travels often stays small.
#[derive(Debug, Clone, PartialEq)]
pub enum Performative {
    /// Negotiates the connection.
    Open(Box<Open>),
    /// Begins a session.
    Begin(Box<Begin>),
    /// Attaches a link.
    Attach(Box<Attach>),
    /// Updates windows and credit.
    Flow(Flow),
    /// Carries a piece of a message.
    Transfer(Transfer),
    /// Tells the state of a range of deliveries.
    Disposition(Disposition),
    /// Detaches a link.
    Detach(Detach),
    /// Ends a session.
    End(End),
    /// Closes the connection.
    Close(Close),
}
