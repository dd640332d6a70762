//! The command line: a thin client of the daemon's Unix socket, and the daemon's side of it.
//!
//! One request per connection: the command line and a line end; the answer is `0` or `1`, a line end, the text.

mod arguments;
mod client;
mod server;
mod socket;

pub use arguments::{ArgumentError, Arguments, Call, LogTarget};
pub use client::send;
pub use server::serve;
