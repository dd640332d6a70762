//! HTTP and TCP to AMQP proxy: both ends of an exposed port.

fn main() {}
