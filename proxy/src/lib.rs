//! HTTP and TCP to AMQP proxy: both ends of an exposed port.

pub mod domain;
