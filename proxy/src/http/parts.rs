//! Response bodies: complete, or flowing while they arrive (proxy.md section 3.4).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use super::body::Held;
use super::waiter::{PartIn, Ticket};
use crate::clients::{Activity, Stage};
use crate::counters::Active;
use crate::domain::exchange::Settled;

/// A response body. Its client counts as served until it is written or dropped.
pub(super) struct ResponseBody {
    content: Content,
    _served: Option<Served>,
}

/// Where the bytes come from.
enum Content {
    /// All of them are here.
    Held(Held),
    /// They arrive.
    Parts(Parts),
}

/// Makes a client idle again when dropped.
pub(super) struct Served(Activity);

/// A body that arrives.
pub(super) struct Parts {
    incoming: mpsc::Receiver<PartIn>,
    ended: bool,
    _ticket: Ticket,
    _active: Active,
}

// === impl Served ===

impl Served {
    pub(super) fn new(activity: Activity) -> Self {
        activity.set(Stage::Served);
        Self(activity)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.set(Stage::Idle);
    }
}

// === impl ResponseBody ===

impl ResponseBody {
    pub(super) fn parts(incoming: mpsc::Receiver<PartIn>, ticket: Ticket, active: Active) -> Self {
        let parts = Parts { incoming, ended: false, _ticket: ticket, _active: active };
        Self { content: Content::Parts(parts), _served: None }
    }

    /// Keeps the client served for as long as the body lives.
    pub(super) fn served(self, served: Served) -> Self {
        Self { _served: Some(served), ..self }
    }
}

impl From<Held> for ResponseBody {
    fn from(held: Held) -> Self {
        Self { content: Content::Held(held), _served: None }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.get_mut().content {
            Content::Held(held) => match Pin::new(held).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Some(Err(never))) => match never {},
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
            Content::Parts(parts) => parts.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Held(held) => held.is_end_stream(),
            Content::Parts(parts) => parts.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Held(held) => held.size_hint(),
            Content::Parts(_) => SizeHint::default(),
        }
    }
}

// === impl Parts ===

impl Parts {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let Poll::Ready(part) = self.incoming.poll_recv(cx) else { return Poll::Pending };
            let Some(part) = part else {
                // The connection is cut, so that the client does not take this for the end.
                self.ended = true;
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            };
            (part.settle)(Settled::Accepted);
            drop(part.reservation);
            self.ended = part.last;
            if !part.bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(part.bytes))));
            }
        }
    }
}
