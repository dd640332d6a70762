//! Message bus: ioMessages between microservices over the AMQP Router (agent contract, section 10).
//!
//! Pure parts: [`outbox`], [`inbox`], [`ledger`], `message_log` records. Around them: files, links, tasks.

mod amqp;
pub mod archive;
mod commit;
mod connection;
mod former;
mod handle;
pub mod inbox;
mod lane;
pub mod ledger;
mod mailbox;
pub mod message_log;
mod options;
pub mod outbox;
mod storage;
mod supervisor;
#[cfg(test)]
mod tests;

pub use handle::{Accepted, Bus, BusStatus, PublishError, Receipt};
pub use inbox::Token;
pub use mailbox::{Batch, Subscription};
pub use options::BusOptions;
