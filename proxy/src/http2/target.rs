//! The connection to the target of an egress mapping: one for all streams, opened again when it is closed.

use std::io;

use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Mutex;

use super::inflow::Inflow;
use super::{HEAD_BYTES, KEEP_ALIVE, Local, SEND_BUFFER, STREAM_WINDOW};
use crate::target;

/// The protocol's bound on a window.
const MOST_WINDOW: u32 = (1 << 31) - 1;

/// One target.
pub(super) struct Target {
    host: String,
    port: u16,
    /// Bytes that the target may send ahead on all streams: enough for each to use its own window up. With
    /// less, clients that do not read would stop the answers to all others.
    window: u32,
    current: Mutex<Option<SendRequest<Inflow>>>,
}

// === impl Target ===

impl Target {
    /// A target of at most `streams` at one time.
    pub(super) fn new(host: &str, port: u16, streams: u32) -> Self {
        let window = STREAM_WINDOW.saturating_mul(streams).min(MOST_WINDOW);
        Self { host: host.to_owned(), port, window, current: Mutex::new(None) }
    }

    /// `host:port`, for a request that names no authority.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The open connection, or a new one.
    pub(super) async fn connection(&self) -> io::Result<SendRequest<Inflow>> {
        let mut current = self.current.lock().await;
        if let Some(open) = current.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        let stream = target::connect(&self.host, self.port).await?;
        let (sender, connection) = http2::Builder::new(Local)
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(self.window)
            .max_header_list_size(HEAD_BYTES)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        iofog_task::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!("target connection ended: {error}");
            }
        });
        *current = Some(sender.clone());
        Ok(sender)
    }

    /// Sends a request on `connection`, or on a new one when that was closed before it took anything.
    pub(super) async fn send(
        &self,
        mut connection: SendRequest<Inflow>,
        request: Request<Inflow>,
    ) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let mut failed = match connection.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        let Some(request) = failed.take_message() else { return Err(failed.into_error().into()) };
        let mut connection = self.connection().await?;
        Ok(connection.send_request(request).await?)
    }
}
