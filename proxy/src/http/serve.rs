//! One client connection of an ingress mapping.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use iofog_http::BoxWire;
use tokio::net::TcpStream;

use super::ingress::Ingress;
use crate::clients::Activity;
use crate::domain::headers::MAX_HEADERS;
use crate::link::Network;
use crate::secure;

/// Bytes of head that are read before a request is refused; also the read buffer's bound.
const HEAD_BYTES: usize = 32 << 10;
/// A client must have sent the head of its next request in this time.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How the bytes of clients are read.
pub(crate) fn rules() -> http1::Builder {
    let mut rules = http1::Builder::new();
    rules.max_headers(MAX_HEADERS).max_buf_size(HEAD_BYTES);
    rules
}

/// Serves requests until the client or the rules end the connection.
pub(super) async fn serve<N: Network>(
    ingress: Rc<Ingress<N>>,
    stream: TcpStream,
    activity: Activity,
) {
    let Some(stream) = secure::accept(&ingress.task, stream).await else { return };
    let service = service_fn(move |request| {
        let (ingress, activity) = (Rc::clone(&ingress), activity.clone());
        async move { Ok::<_, Infallible>(ingress.answer(request, activity).await) }
    });
    let wire: BoxWire = Box::new(TokioIo::new(stream));
    let served = rules()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(wire, service)
        .await;
    if let Err(error) = served {
        log::debug!("client connection ended: {error}");
    }
}
