//! AMQP 1.0 message router for edge, interior and standalone modes.

pub mod address;
pub mod config;
pub mod network;
