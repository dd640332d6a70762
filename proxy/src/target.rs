//! Connections to the target of an egress mapping.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

/// Longest time for a connection to come up.
const CONNECT: Duration = Duration::from_secs(5);

/// Connects to `host:port`. `localhost` is known without the resolver, which would need a thread.
pub(crate) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let connect = async {
        if host.eq_ignore_ascii_case("localhost") {
            let both: [SocketAddr; 2] =
                [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
            return TcpStream::connect(both.as_slice()).await;
        }
        TcpStream::connect((host, port)).await
    };
    let stream = tokio::time::timeout(CONNECT, connect).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::testing::run;

    #[test]
    fn target_localhost_is_either_family() {
        run(async {
            let four = TcpListener::bind("127.0.0.1:0").await.unwrap();
            assert!(connect("localhost", four.local_addr().unwrap().port()).await.is_ok());
            // Not every machine has IPv6.
            if let Ok(six) = TcpListener::bind("[::1]:0").await {
                let port = six.local_addr().unwrap().port();
                assert!(connect("LOCALHOST", port).await.is_ok());
            }
        });
    }
}
