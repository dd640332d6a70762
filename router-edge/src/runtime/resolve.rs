//! Host names to addresses. Literal addresses need no help; names are asked for on a thread of
//! their own, since the system's resolver blocks.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::sync::oneshot;

/// Addresses of a host, in the resolver's order.
pub(super) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (answer, asked) = oneshot::channel();
    let name = host.to_owned();
    std::thread::Builder::new().name("resolve".to_owned()).stack_size(256 * 1024).spawn(
        move || {
            let result = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // The asker may have given up.
            let _ = answer.send(result);
        },
    )?;
    match asked.await {
        Ok(result) => result,
        Err(_) => Err(io::Error::other("resolver ended without an answer")),
    }
}
