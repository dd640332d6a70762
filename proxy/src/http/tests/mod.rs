//! Ingress and egress against a router network in memory, with real sockets on loopback.

mod failures;
mod flow;
mod hostile;
mod smuggling;
mod splitting;
mod streaming;
mod tls;
