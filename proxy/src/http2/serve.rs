//! One client connection of an ingress mapping.

use std::cell::Cell;
use std::rc::Rc;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::ingress::Ingress;
use super::{HEAD_BYTES, KEEP_ALIVE, Local, SEND_BUFFER, STREAM_WINDOW};
use crate::clients::{Activity, Stage};
use crate::link::Network;
use crate::secure;

/// Streams of one client at one time.
const STREAMS: u32 = 256;
/// Bytes that one client may send ahead on all its streams. Uploads that no target takes can use it up, and then
/// hold up that client's other uploads, but no other client.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// While a client has a stream, it does not make room for other clients.
pub(super) struct Busy {
    streams: Rc<Cell<u32>>,
    activity: Activity,
}

/// Serves a client's streams until the client or the rules end the connection.
pub(super) async fn serve<N: Network>(
    ingress: Rc<Ingress<N>>,
    stream: TcpStream,
    activity: Activity,
) {
    let Some(stream) = secure::accept(&ingress.task, stream).await else { return };
    let streams = Rc::new(Cell::new(0));
    let service = service_fn(move |request| {
        let busy = Busy::new(&streams, &activity);
        let ingress = Rc::clone(&ingress);
        async move { ingress.answer(request, busy).await }
    });
    let served = http2::Builder::new(Local)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEAD_BYTES)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        log::debug!("client connection ended: {error}");
    }
}

// === impl Busy ===

impl Busy {
    fn new(streams: &Rc<Cell<u32>>, activity: &Activity) -> Self {
        streams.set(streams.get() + 1);
        activity.set(Stage::Served);
        Self { streams: Rc::clone(streams), activity: activity.clone() }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.streams.set(self.streams.get().saturating_sub(1));
        if self.streams.get() == 0 {
            self.activity.set(Stage::Idle);
        }
    }
}
