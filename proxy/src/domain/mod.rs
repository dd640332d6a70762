//! Rules of the proxy without input, output or clock.

pub mod backlog;
pub mod backoff;
pub mod budget;
pub mod config;
pub mod envelope;
pub mod exchange;
pub mod failure;
pub mod headers;
pub mod intake;
pub mod mapping;
pub mod pace;
pub mod request;
pub mod response;
pub mod stream;
pub mod tunnel;
pub mod waiting;
