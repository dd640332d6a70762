//! SSH to devices: a pure Rust client, host keys checked, nothing but POSIX sh needed over there.

pub mod fingerprint;
mod forward;
mod host_keys;
mod session;
mod terminal;
mod upload;

pub use forward::Answer;
pub use session::{Output, Session};
