//! The Controller's side of the device link: the upgrade of a request, the life of a link, calls to agents.

mod call;
mod report;
mod session;
mod upgrade;

pub use call::get;
pub use upgrade::upgrade;
