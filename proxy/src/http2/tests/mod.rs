//! HTTP/2 over a network in memory: a client and a target on the same library, and what goes wrong between them.

mod failures;
mod hostile;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self as client, SendRequest};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::Local;
use super::inflow::{Inflow, Piece, channel};
use crate::testing::connect;

type Client = SendRequest<Full<Bytes>>;

/// A client of the port, in the clear and without asking first.
async fn client(port: u16) -> Client {
    let stream = TokioIo::new(connect(port).await);
    let (sender, connection) = client::handshake(Local, stream).await.unwrap();
    tokio::task::spawn_local(connection);
    sender
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::builder().uri(format!("http://h{path}")).body(Full::default()).unwrap()
}

async fn text(response: Response<Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// A target that answers `/` at once, `/never` never, and everything else with an open body.
async fn target() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request: Request<Incoming>| async move {
                let (inlet, body) = channel();
                match request.uri().path() {
                    "/" => return Ok(Response::new(Inflow::text("hi".to_owned()))),
                    "/never" => std::future::pending::<()>().await,
                    _ => {}
                }
                let first = Piece { bytes: Bytes::from_static(b"."), ..Piece::nothing() };
                assert!(inlet.add(first).is_ok());
                Ok::<_, h2::Error>(Response::new(body.keeping(inlet)))
            });
            let serving = hyper::server::conn::http2::Builder::new(Local)
                .serve_connection(TokioIo::new(stream), service);
            tokio::task::spawn_local(serving);
        }
    });
    port
}
