//! Connections to the target of an egress mapping: kept alive, bounded, opened again when stale.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::target;

/// An idle connection is not used again after this long: many targets close them soon after.
const IDLE: Duration = Duration::from_secs(4);

/// Connections to one target.
pub(super) struct Pool {
    host: String,
    port: u16,
    most_idle: usize,
    idle: RefCell<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

/// A connection that answers; give it back with [`Pool::keep`] when the body is read.
pub(super) struct Lease {
    sender: SendRequest<Full<Bytes>>,
}

/// The target did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    /// No connection.
    #[error("cannot connect to the target: {0}")]
    Connect(#[source] io::Error),
    /// The connection failed before there was a response.
    #[error("target connection failed: {0}")]
    Http(#[from] hyper::Error),
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(host: &str, port: u16, most_idle: usize) -> Self {
        Self { host: host.to_owned(), port, most_idle, idle: RefCell::default() }
    }

    /// `host:port`, for a request that names no host.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Sends the request, on an idle connection if there is one.
    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<(Response<Incoming>, Lease), TargetError> {
        let (parts, body) = request.into_parts();
        let again = || Request::from_parts(parts.clone(), Full::new(body.clone()));
        while let Some(mut sender) = self.take_idle() {
            match sender.try_send_request(again()).await {
                Ok(response) => return Ok((response, Lease { sender })),
                // The target may close an idle connection at any time. What it never read, and what
                // may be asked twice, goes out again on another one.
                Err(failed) if failed.message().is_some() || repeatable(&parts.method) => {}
                Err(failed) => return Err(failed.into_error().into()),
            }
        }
        let mut sender = self.connect().await.map_err(TargetError::Connect)?;
        let response = sender.send_request(again()).await?;
        Ok((response, Lease { sender }))
    }

    /// Takes back a connection whose response was read to its end.
    pub(super) async fn keep(&self, mut lease: Lease) {
        if lease.sender.ready().await.is_err() {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.most_idle {
            idle.push(Idle { sender: lease.sender, since: Instant::now() });
        }
    }

    /// The connection used last, which is the least likely to be stale.
    fn take_idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|kept| kept.since.elapsed() < IDLE && !kept.sender.is_closed());
        idle.pop().map(|kept| kept.sender)
    }

    async fn connect(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = target::connect(&self.host, self.port).await?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                log::debug!("target connection ended: {error}");
            }
        });
        Ok(sender)
    }
}

const fn repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}
