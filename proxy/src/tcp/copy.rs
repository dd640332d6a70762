//! Copies between a socket and two links until both directions have ended.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::counters::Counters;
use crate::domain::exchange::Settled;
use crate::domain::tunnel::{Action, Event, Piece, Tunnel, Window, is_marked};
use crate::link::{Delivery, LinkDown, Pending, Receiver, Sender};
use crate::race::{Either, race};

/// What the peer has not taken when a tunnel ends is waited for at most this long.
const FLUSH: Duration = Duration::from_secs(10);

/// One end of a tunnel.
pub(super) struct End<'a, S> {
    pub(super) sender: &'a S,
    /// Put into each message, as the reference does on the way to the queue.
    pub(super) reply_to: Option<&'a str>,
    pub(super) tunnel: Cell<Tunnel>,
    pub(super) window: Window,
    pub(super) counters: &'a Counters,
    in_flight: RefCell<VecDeque<Pending>>,
    /// Set by the first credit.
    ready: Cell<bool>,
}

/// Why one direction ended.
enum Ended {
    /// An event for the tunnel.
    Event(Event),
    /// The peer did not take a message, or the link is gone.
    Lost(LinkDown),
}

// === impl End ===

impl<'a, S: Sender> End<'a, S> {
    pub(super) fn new(
        sender: &'a S,
        reply_to: Option<&'a str>,
        tunnel: Tunnel,
        counters: &'a Counters,
    ) -> Self {
        let window = Window::default();
        let tunnel = Cell::new(tunnel);
        let (in_flight, ready) = (RefCell::default(), Cell::new(false));
        Self { sender, reply_to, tunnel, window, counters, in_flight, ready }
    }

    /// As [`Self::run`], but gives up when no credit comes within `patience`. What the peer sends before
    /// is taken meanwhile: a proxy of ours wants its greeting taken before it grants credit.
    pub(super) async fn run_within(
        &self,
        patience: Duration,
        socket: TcpStream,
        receiver: &mut impl Receiver,
    ) -> Result<(), LinkDown> {
        let never_ready = async {
            tokio::time::sleep(patience).await;
            if self.ready.get() {
                std::future::pending::<()>().await;
            }
        };
        match race(self.run(socket, receiver), never_ready).await {
            Either::Left(ended) => ended,
            Either::Right(()) => Err(LinkDown("no credit".to_owned())),
        }
    }

    /// Whether there ever was credit.
    pub(super) fn was_ready(&self) -> bool {
        self.ready.get()
    }

    /// Copies both ways; returns when the tunnel is over and the links can be dropped.
    pub(super) async fn run(
        &self,
        mut socket: TcpStream,
        receiver: &mut impl Receiver,
    ) -> Result<(), LinkDown> {
        let (mut reader, mut writer) = socket.split();
        let mut up = pin!(self.up(&mut reader));
        let mut down = pin!(self.down(&mut writer, receiver));
        let first = race(up.as_mut(), down.as_mut()).await;
        let up_goes_on = matches!(first, Either::Right(_));
        let (Either::Left(ended) | Either::Right(ended)) = first;
        if self.act(ended).await? {
            return Ok(());
        }
        // One direction has ended and been told; the other one is all that is left.
        let ended = if up_goes_on {
            up.await
        } else {
            match race(down, self.sender.detached()).await {
                Either::Left(ended) => ended,
                Either::Right(lost) => Ended::Lost(lost),
            }
        };
        self.act(ended).await?;
        Ok(())
    }

    /// Does what an end asks for; true when the tunnel is over.
    async fn act(&self, ended: Ended) -> Result<bool, LinkDown> {
        let event = match ended {
            Ended::Event(event) => event,
            Ended::Lost(lost) => return Err(lost),
        };
        let mut tunnel = self.tunnel.get();
        let action = tunnel.on(event);
        self.tunnel.set(tunnel);
        match action {
            Action::Continue | Action::ShutdownLocal => Ok(false),
            Action::SendFin => {
                self.tell(Piece::Fin).await?;
                Ok(false)
            }
            Action::FinAndClose => {
                self.tell(Piece::Fin).await?;
                self.flush().await
            }
            Action::FlushAndClose => self.flush().await,
            Action::AbortAndClose => {
                // Without credit the peer is not reading, and will see the link go.
                let _ = tokio::time::timeout(FLUSH, self.tell(Piece::Abort)).await;
                self.flush().await
            }
            Action::Close => Ok(true),
        }
    }

    async fn tell(&self, piece: Piece) -> Result<(), LinkDown> {
        let message = piece.message(self.reply_to, bytes::Bytes::new());
        let pending = self.sender.send(message).await?;
        self.in_flight.borrow_mut().push_back(pending);
        Ok(())
    }

    /// Waits until the peer has taken everything: closing earlier could overtake the last bytes.
    async fn flush(&self) -> Result<bool, LinkDown> {
        let all = async {
            while let Some(pending) = self.next_in_flight() {
                check(pending.await)?;
            }
            Ok(true)
        };
        tokio::time::timeout(FLUSH, all).await.unwrap_or(Ok(true))
    }

    fn next_in_flight(&self) -> Option<Pending> {
        self.in_flight.borrow_mut().pop_front()
    }

    /// Socket to messages.
    async fn up(&self, reader: &mut ReadHalf<'_>) -> Ended {
        let most = usize::try_from(self.window.messages).unwrap_or(usize::MAX);
        let mut oldest: Option<Pending> = None;
        loop {
            if oldest.is_none() {
                oldest = self.next_in_flight();
            }
            let waiting = self.in_flight.borrow().len() + usize::from(oldest.is_some());
            // Nothing is read that cannot be sent: the bytes stay in the socket.
            let step = async {
                if waiting >= most {
                    std::future::pending::<()>().await;
                }
                self.sender.ready().await?;
                self.ready.set(true);
                Ok(read(reader, self.window.chunk).await)
            };
            let step: Result<io::Result<BytesMut>, LinkDown> = match oldest.as_mut() {
                None => match race(step, self.sender.detached()).await {
                    Either::Left(step) => step,
                    Either::Right(lost) => Err(lost),
                },
                Some(pending) => match race(step, pending).await {
                    Either::Left(step) => step,
                    Either::Right(outcome) => {
                        oldest = None;
                        match check(outcome) {
                            Ok(()) => continue,
                            Err(lost) => return Ended::Lost(lost),
                        }
                    }
                },
            };
            let bytes = match step {
                Ok(Ok(bytes)) if !bytes.is_empty() => bytes.freeze(),
                Ok(end) => {
                    // What is left is waited for by whoever ends the tunnel.
                    self.in_flight.borrow_mut().extend(oldest.take());
                    return Ended::Event(end.map_or(Event::LocalError, |_| Event::LocalEnd));
                }
                Err(lost) => return Ended::Lost(lost),
            };
            let length = bytes.len();
            match self.sender.send(Piece::Data.message(self.reply_to, bytes)).await {
                Ok(pending) => self.in_flight.borrow_mut().push_back(pending),
                Err(lost) => return Ended::Lost(lost),
            }
            self.counters.sent(length);
        }
    }

    /// Messages to socket. A message is accepted once its bytes are written.
    async fn down(&self, writer: &mut WriteHalf<'_>, receiver: &mut impl Receiver) -> Ended {
        loop {
            let delivery = match receiver.recv().await {
                Ok(delivery) => delivery,
                Err(lost) => return Ended::Lost(lost),
            };
            let message = match delivery.envelope() {
                Ok(message) => message,
                Err(error) => {
                    delivery.settle(Settled::Rejected);
                    return Ended::Lost(LinkDown(error.to_string()));
                }
            };
            if is_marked(&message) {
                let mut tunnel = self.tunnel.get();
                tunnel.on(Event::PeerIsOurs);
                self.tunnel.set(tunnel);
            }
            match Piece::of(&message) {
                Piece::Open => {}
                Piece::Data => {
                    if writer.write_all(&message.body).await.is_err() {
                        delivery.settle(Settled::Modified);
                        return Ended::Event(Event::LocalError);
                    }
                    self.counters.received(message.body.len());
                }
                Piece::Fin => {
                    delivery.settle(Settled::Accepted);
                    let shut = writer.shutdown().await;
                    return Ended::Event(shut.map_or(Event::LocalError, |()| Event::RemoteFin));
                }
                Piece::Abort => {
                    delivery.settle(Settled::Accepted);
                    return Ended::Event(Event::RemoteGone);
                }
            }
            delivery.settle(Settled::Accepted);
        }
    }
}

/// Reads what is there, at most `most` bytes; empty at the end. An idle socket holds no buffer.
async fn read(reader: &mut ReadHalf<'_>, most: usize) -> io::Result<BytesMut> {
    loop {
        reader.readable().await?;
        let mut bytes = BytesMut::with_capacity(most);
        match reader.try_read_buf(&mut bytes) {
            Ok(_) => return Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn check(outcome: Result<Settled, LinkDown>) -> Result<(), LinkDown> {
    match outcome? {
        Settled::Accepted => Ok(()),
        other => Err(LinkDown(format!("bytes were not taken: {other:?}"))),
    }
}
