//! The nine performatives (AMQP 1.0 part 2, 2.7). `transfer`, `flow` and `disposition` decode without
//! allocating; the others are rare.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{DecodeError, Reader, codes};

mod attach;
mod connection;
mod disposition;
mod flow;
mod session;
#[cfg(test)]
mod tests;
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

impl Performative {
    /// Reads a performative; what the reader has left is the payload (of a transfer).
    ///
    /// # Errors
    /// [`DecodeError`] when it is malformed or unknown.
    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let performative = match reader.descriptor()? {
            codes::TRANSFER => return Transfer::read(reader).map(Self::Transfer),
            codes::DISPOSITION => Self::Disposition(Disposition::read(reader)?),
            codes::FLOW => Self::Flow(Flow::read(reader)?),
            code => Self::read_rare(code, reader)?,
        };
        if reader.is_empty() { Ok(performative) } else { Err(DecodeError::Trailing) }
    }

    fn read_rare(code: u64, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match code {
            codes::OPEN => Self::Open(Box::new(Open::read(reader)?)),
            codes::BEGIN => Self::Begin(Box::new(Begin::read(reader)?)),
            codes::ATTACH => Self::Attach(Box::new(Attach::read(reader)?)),
            codes::DETACH => Self::Detach(Detach::read(reader)?),
            codes::END => Self::End(End::read(reader)?),
            codes::CLOSE => Self::Close(Close::read(reader)?),
            other => return Err(DecodeError::UnknownDescriptor(other)),
        })
    }

    /// Appends the performative.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open(open) => open.encode(out),
            Self::Begin(begin) => begin.encode(out),
            Self::Attach(attach) => attach.encode(out),
            Self::Flow(flow) => flow.encode(out),
            Self::Transfer(transfer) => transfer.encode(out),
            Self::Disposition(disposition) => disposition.encode(out),
            Self::Detach(detach) => detach.encode(out),
            Self::End(end) => end.encode(out),
            Self::Close(close) => close.encode(out),
        }
    }
}
