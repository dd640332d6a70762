//! One client connection of an ingress mapping.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::ingress::Ingress;
use crate::domain::headers::MAX_HEADERS;
use crate::link::Network;

/// Bytes of head that are read before a request is refused; also the read buffer's bound.
const HEAD_BYTES: usize = 32 << 10;

/// Serves requests until the client or the rules end the connection.
pub(super) async fn serve<N: Network>(
    ingress: Rc<Ingress<N>>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let service = service_fn(move |request| {
        let ingress = Rc::clone(&ingress);
        async move { Ok::<_, Infallible>(ingress.answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .max_headers(MAX_HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        log::debug!("client connection ended: {error}");
    }
}
