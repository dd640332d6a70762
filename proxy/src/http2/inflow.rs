//! One direction of a stream as it arrives from the router network: messages in, body frames out. A message is
//! settled when its bytes are taken, which is the back-pressure.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::Reason;
use hyper::HeaderMap;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use super::WINDOW;
use crate::domain::budget::Reservation;
use crate::domain::exchange::Settled;

/// Bytes of a message, and what it says about the end.
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) ended: bool,
    /// The bytes' part of the budget.
    pub(super) reservation: Option<Reservation>,
    /// Called when the bytes are taken.
    pub(super) settle: Option<Box<dyn FnOnce(Settled)>>,
}

/// A message was not taken, and its sender has been told.
#[derive(Debug)]
pub(super) struct Refused;

enum Arrival {
    Piece(Piece),
    Reset(Reason),
}

/// Where messages of a stream are put. Dropping it before the end resets the stream.
pub(super) struct Inlet(mpsc::Sender<Arrival>);

/// The body that they become.
pub(super) struct Inflow {
    arrivals: Option<mpsc::Receiver<Arrival>>,
    text: Bytes,
    trailers: Option<HeaderMap>,
    ended: bool,
    /// Lives as long as the body.
    _kept: Option<Box<dyn Any>>,
}

/// Both ends of a direction.
pub(super) fn channel() -> (Inlet, Inflow) {
    let (inlet, arrivals) = mpsc::channel(WINDOW * 2);
    (Inlet(inlet), Inflow { arrivals: Some(arrivals), ended: false, ..Inflow::empty() })
}

// === impl Piece ===

impl Piece {
    /// No bytes, and more to come.
    pub(super) const fn nothing() -> Self {
        Self { bytes: Bytes::new(), trailers: None, ended: false, reservation: None, settle: None }
    }

    /// Tells the sender that no one takes it.
    pub(super) fn reject(self) -> Refused {
        if let Some(settle) = self.settle {
            settle(Settled::Rejected);
        }
        Refused
    }
}

// === impl Inlet ===

impl Inlet {
    /// Hands bytes over; rejects them when they do not fit, because more came than was granted.
    pub(super) fn add(&self, piece: Piece) -> Result<(), Refused> {
        match self.0.try_reserve() {
            Ok(place) => {
                place.send(Arrival::Piece(piece));
                Ok(())
            }
            Err(_) => Err(piece.reject()),
        }
    }

    /// Ends the direction with an error.
    pub(super) fn reset(self, reason: Reason) {
        // Without a place for it, the drop of this end says the same with another code.
        let _ = self.0.try_send(Arrival::Reset(reason));
    }
}

// === impl Inflow ===

impl Inflow {
    /// A body without bytes.
    pub(super) const fn empty() -> Self {
        Self { arrivals: None, text: Bytes::new(), trailers: None, ended: true, _kept: None }
    }

    /// A short text.
    pub(super) fn text(text: String) -> Self {
        Self { text: text.into(), ..Self::empty() }
    }

    /// Keeps a value until the body is dropped.
    pub(super) fn keeping(self, value: impl Any) -> Self {
        Self { _kept: Some(Box::new(value)), ..self }
    }
}

impl Body for Inflow {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        loop {
            if !self.text.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.text)))));
            }
            if self.ended {
                let trailers = self.trailers.take();
                return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
            }
            let Some(arrivals) = &mut self.arrivals else { return Poll::Ready(None) };
            let Poll::Ready(arrival) = arrivals.poll_recv(cx) else { return Poll::Pending };
            match arrival {
                Some(Arrival::Piece(piece)) => {
                    self.ended = piece.ended;
                    self.trailers = piece.trailers;
                    if let Some(settle) = piece.settle {
                        settle(Settled::Accepted);
                    }
                    drop(piece.reservation);
                    if !piece.bytes.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(piece.bytes))));
                    }
                }
                Some(Arrival::Reset(reason)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(reason.into())));
                }
                None => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(Reason::CANCEL.into())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.text.is_empty() && self.trailers.is_none()
    }
}
