//! Runs a session of the device link over a connection, and shows its streams as byte streams that HTTP can use.

mod link;
mod stream;

pub use link::{Ended, Link, Session};
pub use stream::LinkStream;
