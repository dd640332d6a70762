//! The Local API over real sockets: routes, identity, WebSockets.

mod node;
mod rest;
mod sockets;
