//! From messages to the socket: as many as there are in one write. A message is accepted once its bytes are
//! written.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::WriteHalf;

use super::copy::{End, Ended, FLUSH};
use crate::domain::exchange::Settled;
use crate::domain::tunnel::{Event, Piece};
use crate::link::{Delivery, LinkDown, Part, Parts, Receiver, Sender};
use crate::race::{Either, race};

/// Pieces of one write.
const PIECES: usize = 64;

/// A message whose bytes are still to be written.
struct Unwritten<D> {
    delivery: D,
    body: VecDeque<Bytes>,
    /// When it came.
    arrived: Duration,
}

/// What follows once everything is written.
enum Then {
    Fin,
    Gone,
    Lost(LinkDown),
}

impl<S: Sender> End<'_, S> {
    pub(super) async fn down(
        &self,
        writer: &mut WriteHalf<'_>,
        receiver: &mut impl Receiver,
    ) -> Ended {
        let work = self.write_all(writer, receiver);
        match race(work, self.place.ended()).await {
            Either::Left(ended) => ended,
            Either::Right(()) => {
                Ended::Lost(LinkDown("socket takes too little, others need the memory".to_owned()))
            }
        }
    }

    async fn write_all(&self, writer: &mut WriteHalf<'_>, receiver: &mut impl Receiver) -> Ended {
        let mut parts = Parts::default();
        let mut unwritten = VecDeque::new();
        let then = loop {
            let write = async {
                if unwritten.is_empty() {
                    std::future::pending::<()>().await;
                }
                write_some(writer, &unwritten).await
            };
            match race(receiver.recv(), write).await {
                Either::Left(Err(lost)) => break Then::Lost(lost),
                Either::Left(Ok(delivery)) => match self.arrived(delivery, &mut parts) {
                    Ok(message) => unwritten.extend(message),
                    Err(then) => break then,
                },
                Either::Right(written) => {
                    if let Err(ended) = self.written(written, &mut unwritten) {
                        return ended;
                    }
                }
            }
        };
        // Nothing more comes; what is here is still for the socket.
        while !unwritten.is_empty() {
            let write = write_some(writer, &unwritten);
            let written = match &then {
                // Who has no peer any more must not stay for a socket that takes nothing.
                Then::Lost(lost) => match tokio::time::timeout(FLUSH, write).await {
                    Ok(written) => written,
                    Err(_) => return Ended::Lost(lost.clone()),
                },
                Then::Fin | Then::Gone => write.await,
            };
            if let Err(ended) = self.written(written, &mut unwritten) {
                return ended;
            }
        }
        match then {
            Then::Fin => {
                let shut = writer.shutdown().await;
                Ended::Event(shut.map_or(Event::LocalError, |()| Event::RemoteFin))
            }
            Then::Gone => Ended::Event(Event::RemoteGone),
            Then::Lost(lost) => Ended::Lost(lost),
        }
    }

    /// Takes a message in; none when it has no bytes.
    fn arrived<D: Delivery>(
        &self,
        delivery: D,
        parts: &mut Parts,
    ) -> Result<Option<Unwritten<D>>, Then> {
        let part: Part = match delivery.part(parts) {
            Ok(part) => part,
            Err(error) => {
                delivery.settle(Settled::Rejected);
                return Err(Then::Lost(LinkDown(error.to_string())));
            }
        };
        if part.ours {
            let mut tunnel = self.tunnel.get();
            tunnel.on(Event::PeerIsOurs);
            self.tunnel.set(tunnel);
        }
        let length = part.len();
        let arrived = self.now();
        self.heard.set(arrived);
        if part.piece == Piece::Data && length > 0 {
            self.place.arrived(length, arrived);
            return Ok(Some(Unwritten { delivery, body: part.body, arrived }));
        }
        delivery.settle(Settled::Accepted);
        match part.piece {
            Piece::Open | Piece::Data => Ok(None),
            Piece::Fin | Piece::Abort => {
                self.last.set(Some(part.piece));
                Err(if part.piece == Piece::Fin { Then::Fin } else { Then::Gone })
            }
        }
    }

    /// Accounts for what the socket took, and accepts the messages that are written whole.
    fn written<D: Delivery>(
        &self,
        written: io::Result<usize>,
        unwritten: &mut VecDeque<Unwritten<D>>,
    ) -> Result<(), Ended> {
        let Ok(count) = written else {
            unwritten.drain(..).for_each(|message| message.delivery.settle(Settled::Modified));
            return Err(Ended::Event(Event::LocalError));
        };
        let mut left = count;
        while let Some(message) = unwritten.front_mut() {
            while let Some(piece) = message.body.front_mut() {
                let taken = piece.len().min(left);
                left -= taken;
                if taken < piece.len() {
                    piece.advance(taken);
                    break;
                }
                message.body.pop_front();
            }
            if !message.body.is_empty() {
                break;
            }
            if let Some(message) = unwritten.pop_front() {
                message.delivery.settle(Settled::Accepted);
            }
        }
        if unwritten.is_empty() {
            // An idle tunnel holds no room for messages.
            *unwritten = VecDeque::new();
        }
        let oldest = unwritten.front().map(|message| message.arrived);
        self.place.taken(count, oldest, self.now());
        self.in_use();
        self.around.counters.received(count);
        Ok(())
    }
}

async fn write_some<D>(
    writer: &mut WriteHalf<'_>,
    unwritten: &VecDeque<Unwritten<D>>,
) -> io::Result<usize> {
    // The list of pieces is made for each attempt: held over the wait, it would be the largest part of a tunnel.
    poll_fn(|cx| {
        let mut slices = [IoSlice::new(&[]); PIECES];
        let pieces = unwritten.iter().flat_map(|message| &message.body);
        let mut used = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            used += 1;
        }
        let slices = slices.get(..used).unwrap_or_default();
        Pin::new(&mut *writer).poll_write_vectored(cx, slices)
    })
    .await
    .and_then(
        |written| if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) },
    )
}
