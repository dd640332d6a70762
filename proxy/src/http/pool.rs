//! Connections to the target of an egress mapping: kept alive, bounded, opened again when stale.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use iofog_http::Sender;
use tokio::time::Instant;

use crate::target;

/// An idle connection is not used again after this long, and closed: many targets close them soon after.
const IDLE: Duration = Duration::from_secs(4);

/// Connections to one target.
pub(super) struct Pool {
    host: String,
    port: u16,
    authority: String,
    most_idle: usize,
    idle: Rc<RefCell<Vec<Idle>>>,
    /// True while there is someone who closes what has become too old.
    swept: Rc<Cell<bool>>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

/// A connection that answers; give it back with [`Pool::keep`] when the body is read.
pub(super) struct Lease {
    sender: Sender,
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
        Self {
            host: host.to_owned(),
            port,
            authority: format!("{host}:{port}"),
            most_idle,
            idle: Rc::default(),
            swept: Rc::default(),
        }
    }

    /// `host:port`, for a request that names no host.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends the request, on an idle connection if there is one. `again` makes it once more, should that be needed.
    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
        again: impl Fn() -> Option<Request<Bytes>>,
    ) -> Result<(Response<Incoming>, Lease), TargetError> {
        let repeatable = repeatable(request.method());
        let mut request = request.map(Full::new);
        while let Some(mut sender) = self.take_idle() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, Lease { sender })),
                // The target may close an idle connection at any time. What it never read, and what
                // may be asked twice, goes out again on another one.
                Err(mut failed) => {
                    let unread = failed.take_message();
                    let copy = || again().filter(|_| repeatable).map(|copy| copy.map(Full::new));
                    match unread.or_else(copy) {
                        Some(copy) => request = copy,
                        None => return Err(failed.into_error().into()),
                    }
                }
            }
        }
        let mut sender = self.connect().await.map_err(TargetError::Connect)?;
        let response = sender.send_request(request).await?;
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
            if !self.swept.replace(true) {
                iofog_task::spawn(sweep(Rc::downgrade(&self.idle), Rc::clone(&self.swept)));
            }
        }
    }

    /// The connection used last, which is the least likely to be stale.
    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(Idle::is_fresh);
        idle.pop().map(|kept| kept.sender)
    }

    async fn connect(&self) -> io::Result<Sender> {
        let stream = target::connect(&self.host, self.port).await?;
        iofog_http::sender(Box::new(TokioIo::new(stream))).await.map_err(io::Error::other)
    }
}

/// Closes idle connections that no one has used in time, while there are any: what a burst has left is not to stay
/// until the next request.
async fn sweep(idle: Weak<RefCell<Vec<Idle>>>, swept: Rc<Cell<bool>>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut idle = idle.borrow_mut();
        idle.retain(Idle::is_fresh);
        if idle.is_empty() {
            *idle = Vec::new();
            swept.set(false);
            return;
        }
    }
}

// === impl Idle ===

impl Idle {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < IDLE && !self.sender.is_closed()
    }
}

const fn repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::testing::run;

    #[test]
    fn pool_keeps_a_bounded_number_for_a_while_and_then_none() {
        run(async {
            let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let pool = Pool::new("127.0.0.1", target.local_addr().unwrap().port(), 2);
            let mut leases = Vec::new();
            let mut sockets = Vec::new();
            for _ in 0..3 {
                let asked = pool.send(Request::new(Bytes::new()), || None);
                let answered = async {
                    let (mut socket, _) = target.accept().await.unwrap();
                    socket.read_buf(&mut Vec::new()).await.unwrap();
                    socket
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                        .await
                        .unwrap();
                    socket
                };
                let (response, socket) = tokio::join!(asked, answered);
                let (response, lease) = response.unwrap();
                response.collect().await.unwrap();
                leases.push(lease);
                sockets.push(socket);
            }
            for lease in leases {
                pool.keep(lease).await;
            }
            assert_eq!(pool.idle.borrow().len(), 2);
            // The target holds them open; it is the pool that closes them.
            for socket in &mut sockets {
                assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
            }
            assert!(pool.idle.borrow().is_empty() && !pool.swept.get());
        });
    }
}
