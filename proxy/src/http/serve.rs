//! One client connection of an ingress mapping.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::ingress::Ingress;
use super::stall::Stalling;
use crate::clients::Activity;
use crate::domain::headers::MAX_HEADERS;
use crate::link::Network;

/// Bytes of head that are read before a request is refused; also the read buffer's bound.
const HEAD_BYTES: usize = 32 << 10;
/// A client must have sent the head of its next request, and before that finished its handshake, in this time.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Serves a client, behind TLS when the port has a certificate.
pub(super) async fn serve<N: Network>(
    ingress: Rc<Ingress<N>>,
    stream: TcpStream,
    activity: Activity,
) {
    let stream = Stalling::new(stream, ingress.task.context.limits.stall);
    let config = match ingress.task.tls() {
        Ok(None) => return serve_stream(ingress, stream, activity).await,
        Ok(Some(config)) => config,
        Err(error) => return log::warn!("{}: client refused: {error}", ingress.task.name),
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    match tokio::time::timeout(HEAD_TIME, handshake).await {
        Ok(Ok(stream)) => serve_stream(ingress, stream, activity).await,
        Ok(Err(error)) => log::debug!("{}: handshake failed: {error}", ingress.task.name),
        Err(_) => log::debug!("{}: handshake not finished in time", ingress.task.name),
    }
}

/// Serves requests until the client or the rules end the connection.
async fn serve_stream<N: Network>(
    ingress: Rc<Ingress<N>>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    activity: Activity,
) {
    let service = service_fn(move |request| {
        let (ingress, activity) = (Rc::clone(&ingress), activity.clone());
        async move { Ok::<_, Infallible>(ingress.answer(request, activity).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(MAX_HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        log::debug!("client connection ended: {error}");
    }
}
