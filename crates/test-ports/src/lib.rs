//! Free TCP ports for servers that tests and benchmarks start later.
//!
//! They lie below the range that the system takes the ports of connections from. There, one of thousands of connections of
//! another test could have the port by the time its server starts, and a client that tries until someone listens could be
//! connected to itself.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// The first of them, and how many there are.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A port on which nobody listens. Each call of a process gives another; processes start at different ones.
///
/// # Panics
/// When all of them are taken.
#[must_use]
pub fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        // Tests of one program run in one process, those of another get another part of the range.
        let number =
            std::process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(number % u32::from(COUNT)).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    unreachable!("all ports are taken")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    #[test]
    fn a_port_is_given_once_and_can_be_listened_on() {
        let ports: std::collections::BTreeSet<u16> = (0..100).map(|_| super::free()).collect();
        assert_eq!(ports.len(), 100);
        for port in ports {
            assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "{port}");
        }
    }
}
