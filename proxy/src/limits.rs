//! Bounds of a proxy process and of each mapping.

use std::time::Duration;

use crate::domain::exchange::Timings;
use crate::domain::tunnel::Window;

/// Bounds on memory, waiting and connections (proxy.md sections 3.3 and 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest body of one message, in bytes.
    pub body: usize,
    /// Bytes of bodies held at one time by the whole process.
    pub buffered: usize,
    /// Bytes that arrived for sockets of tcp mappings and were not taken by them, of the whole process.
    /// Above half of it tunnels are ended whose socket takes nothing.
    pub backlog: usize,
    /// What a tunnel of a tcp mapping may have under way to the far socket.
    pub window: Window,
    /// Requests of one mapping that wait for an answer.
    pub waiting: usize,
    /// Client connections of one mapping.
    pub connections: usize,
    /// Requests that one egress mapping serves at a time; more wait at the router. The reference has no
    /// such bound: a low one would let a few slow answers stop a mapping. Each is a connection to the target.
    pub parallel: u32,
    /// Requests that an egress mapping asks for in advance. A burst larger than this is spread over the
    /// replicas behind the port.
    pub ahead: u32,
    /// Pause after which an egress asks whether the client of an unanswered request is still there.
    pub probe: Duration,
    /// Silence after which an end of a plain tunnel asks whether the other one is still there.
    pub silence: Duration,
    /// Idle connections kept to one target.
    pub idle: usize,
    /// A client that sends nothing for this long in the middle of a request is given up.
    pub stall: Duration,
    /// Waits of an exchange.
    pub timings: Timings,
}

// === impl Limits ===

impl Limits {
    /// Bounds for a device: 16 MiB of bodies in all, 512 KiB under way in a tunnel.
    pub fn device() -> Self {
        Self {
            body: 16 << 20,
            buffered: 16 << 20,
            backlog: 16 << 20,
            window: Window { messages: 16, joined: 4, ..Window::default() },
            waiting: 1000,
            connections: 1024,
            parallel: 512,
            ahead: 32,
            probe: Duration::from_secs(2),
            silence: Duration::from_secs(30),
            idle: 32,
            stall: Duration::from_secs(60),
            timings: Timings::default(),
        }
    }

    /// Bounds for a server: 64 MiB per body, 128 MiB in all, 2 MiB under way in a tunnel.
    pub fn server() -> Self {
        Self {
            body: 64 << 20,
            buffered: 128 << 20,
            backlog: 256 << 20,
            window: Window::default(),
            connections: 8192,
            parallel: 4096,
            ahead: 64,
            ..Self::device()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::device()
    }
}
