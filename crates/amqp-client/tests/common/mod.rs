//! A runtime on one thread, and two connections over an in-memory stream.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use iofog_amqp_client::{Connection, ConnectionOptions, Receiver, Sender, ServerOptions};

/// Runs a test on one thread. The guard is only there so that a hang ends.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local
        .block_on(&runtime, async { tokio::time::timeout(Duration::from_secs(60), test).await })
        .unwrap()
}

pub(crate) fn options(container: &str) -> ConnectionOptions {
    ConnectionOptions { container_id: container.into(), ..ConnectionOptions::default() }
}

/// Client and server over a stream that holds `buffer` bytes.
pub(crate) async fn pair(buffer: usize) -> (Connection, Connection) {
    let (near, far) = tokio::io::duplex(buffer);
    let server = ServerOptions { connection: options("server") };
    let (client, server) = tokio::join!(
        Connection::open(Box::new(near), options("client")),
        Connection::serve(Box::new(far), server)
    );
    (client.unwrap(), server.unwrap())
}

/// A link from client to server: the server's credit is `credit`.
pub(crate) async fn client_to_server(
    client: &Connection,
    server: &Connection,
    credit: u32,
) -> (Sender, Receiver) {
    let (sender, receiver) =
        tokio::join!(client.sender(iofog_amqp_client::SenderOptions::to("q")), async {
            server.accept_link().await.unwrap().accept_receiver(credit, true)
        });
    (sender.unwrap(), receiver.unwrap())
}

pub(crate) fn bytes(n: usize) -> Bytes {
    (0..n).map(|i| u8::try_from(i % 251).unwrap()).collect::<Vec<_>>().into()
}
