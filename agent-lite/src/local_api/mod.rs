//! Local API: HTTP and WebSocket server for the microservices of this node (agent contract, section 8).

mod administration;
mod bluetooth;
mod config;
mod gps;
mod identity;
mod log_lines;
mod messages;
mod reply;
mod request;
mod route;
mod server;
mod socket;
#[cfg(test)]
mod tests;
mod watched;

pub(crate) use request::read_any_body;
pub use server::{LocalApi, LocalApiOptions, bind};
pub(crate) use socket::read_any_frames;
