//! Bodies on both sides: collected within bounds, and written while their bytes stay accounted for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

use crate::domain::budget::{Budget, Reservation};

/// Why a body was not collected.
#[derive(Debug)]
pub(crate) enum CollectError {
    /// Longer than allowed.
    TooLarge,
    /// No room in the budget.
    OverBudget,
    /// No bytes came for too long.
    Stalled,
    /// The connection or its framing failed.
    Broken,
}

/// A complete body and the budget it holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(super) reservation: Option<Reservation>,
}

// === impl Held ===

impl Held {
    /// A short text that needs no accounting.
    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        Self { bytes: text.into(), reservation: None }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.bytes.is_empty() {
            self.reservation = None;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }
}

/// Reads a body to its end: at most `most` bytes, all of them taken from the budget.
pub(crate) async fn collect<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    most: usize,
    stall: Duration,
    budget: &Budget,
) -> Result<Held, CollectError> {
    if usize::try_from(body.size_hint().lower()).is_ok_and(|lower| lower > most) {
        return Err(CollectError::TooLarge);
    }
    let mut reservation = budget.reserve(0).ok_or(CollectError::OverBudget)?;
    if body.is_end_stream() {
        // As most requests have none.
        return Ok(Held { bytes: Bytes::new(), reservation: Some(reservation) });
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(stall, body.frame()).await;
        let Some(frame) = frame.map_err(|_| CollectError::Stalled)? else { break };
        let frame = frame.map_err(|_| CollectError::Broken)?;
        // Trailers are left out: they do not travel.
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > most {
            return Err(CollectError::TooLarge);
        }
        if !reservation.grow(data.len()) {
            return Err(CollectError::OverBudget);
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies come in one piece and need no copy.
            first = data;
            continue;
        }
        if all.is_empty() {
            let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(most);
            all.reserve(first.len() + data.len() + announced);
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    let bytes = if all.is_empty() { first } else { all.freeze() };
    Ok(Held { bytes, reservation: Some(reservation) })
}
