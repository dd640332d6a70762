//! A WebSocket as two halves: a reading task with a bounded queue, and writes bounded in time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fastwebsockets::{
    Frame, OpCode, Payload, Role, WebSocket, WebSocketError, WebSocketRead, WebSocketWrite,
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, BufWriter, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::frame::{self, PING, PONG};

type Stream = TokioIo<Upgraded>;

/// What a microservice may leave unread before its socket is given up.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);
/// Frames read ahead.
const READ_AHEAD: usize = 8;
/// Bytes of frames that leave together.
const TOGETHER: usize = 4096;

/// What was read.
#[derive(Debug)]
pub(super) enum Event {
    /// A whole binary message.
    Binary(Bytes),
    /// A ping; answered by [`Channel::pong`].
    Ping(Bytes),
    /// The peer closes.
    Close,
}

/// A socket of a microservice.
pub(super) struct Channel {
    writer: WebSocketWrite<BufWriter<WriteHalf<Stream>>>,
    /// Frames were queued and did not leave yet.
    queued: bool,
    events: mpsc::Receiver<Event>,
    reader: JoinHandle<()>,
}

/// The socket cannot be used any longer.
#[derive(Debug)]
pub(super) struct Gone;

impl Channel {
    pub(super) fn new(socket: WebSocket<Stream>, max_message_bytes: usize) -> Self {
        let (reader, writer) = socket.split(|stream| {
            let (reader, writer) = tokio::io::split(stream);
            (reader, BufWriter::with_capacity(TOGETHER, writer))
        });
        let (sender, events) = mpsc::channel(READ_AHEAD);
        let reader = iofog_task::spawn(async move {
            let mut reader = Reader::new(reader, max_message_bytes);
            while let Ok(event) = reader.next().await {
                if let Some(event) = event
                    && sender.send(event).await.is_err()
                {
                    return;
                }
            }
        });
        Self { writer, queued: false, events, reader }
    }

    /// The next event; none when the socket is gone. Safe to cancel.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Sends a binary frame, and what was queued before it.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.queue(bytes).await?;
        self.flush().await
    }

    /// Takes a binary frame to send; it leaves with [`Self::flush`], or when many bytes wait.
    pub(super) async fn queue(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.write(Frame::binary(Payload::Borrowed(bytes))).await
    }

    /// Whether frames were queued that wait for [`Self::flush`].
    pub(super) fn has_queued(&self) -> bool {
        self.queued
    }

    /// Sends what was queued. Safe to cancel.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        match tokio::time::timeout(WRITE_PATIENCE, self.writer.flush()).await {
            Ok(Ok(())) => {
                self.queued = false;
                Ok(())
            }
            _ => Err(Gone),
        }
    }

    /// Answers a ping: with the protocol's own number for its own number, else with the same payload.
    pub(super) async fn pong(&mut self, ping: &[u8]) -> Result<(), Gone> {
        let payload = if ping == [PING] { &[PONG][..] } else { ping };
        self.write(Frame::pong(Payload::Borrowed(payload))).await?;
        self.flush().await
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        if self.write(Frame::close(1000, b"")).await.is_ok() {
            let _ = self.flush().await;
        }
    }

    async fn write(&mut self, frame: Frame<'_>) -> Result<(), Gone> {
        // The writer wants one lifetime for all frames; the payload is moved into a buffer anyway.
        let owned = Frame::new(
            frame.fin,
            frame.opcode,
            None,
            Payload::Bytes(BytesMut::from(&frame.payload[..])),
        );
        self.queued = true;
        let writing = self.writer.write_frame(owned);
        match tokio::time::timeout(WRITE_PATIENCE, writing).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Puts fragments together, bounded over all of them.
struct Reader<S> {
    half: WebSocketRead<S>,
    partial: Option<BytesMut>,
    limit: usize,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    fn new(mut half: WebSocketRead<S>, limit: usize) -> Self {
        half.set_max_message_size(limit);
        half.set_auto_pong(false);
        half.set_auto_close(false);
        Self { half, partial: None, limit }
    }

    async fn next(&mut self) -> Result<Option<Event>, WebSocketError> {
        let mut obliged = |_: Frame<'_>| std::future::ready(Ok::<(), WebSocketError>(()));
        let frame = self.half.read_frame(&mut obliged).await?;
        let payload = Bytes::copy_from_slice(&frame.payload);
        match (frame.opcode, frame.fin) {
            (OpCode::Binary, true) => Ok(Some(Event::Binary(payload))),
            (OpCode::Binary, false) => {
                self.partial = Some(BytesMut::from(&payload[..]));
                Ok(None)
            }
            (OpCode::Continuation, fin) => {
                let Some(partial) = &mut self.partial else { return Ok(None) };
                if partial.len() + payload.len() > self.limit {
                    return Err(WebSocketError::FrameTooLarge);
                }
                partial.extend_from_slice(&payload);
                let whole = if fin { self.partial.take() } else { None };
                Ok(whole.map(|whole| Event::Binary(whole.freeze())))
            }
            (OpCode::Ping, _) => Ok(Some(Event::Ping(payload))),
            (OpCode::Close, _) => Ok(Some(Event::Close)),
            // Text has no meaning here; SDKs send binary only.
            (OpCode::Text | OpCode::Pong, _) => Ok(None),
        }
    }
}

/// Reads a microservice's bytes after the upgrade, as frames and as what is in them, and forgets them: for fuzzing.
pub(crate) async fn read_any_frames(bytes: &[u8], limit: usize) {
    let stream = tokio::io::join(bytes, tokio::io::sink());
    let socket = WebSocket::after_handshake(stream, Role::Server);
    let (reader, _writer) = socket.split(tokio::io::split);
    let mut reader = Reader::new(reader, limit);
    while let Ok(event) = reader.next().await {
        match event {
            Some(Event::Binary(whole)) => {
                assert!(whole.len() <= limit, "a message beyond the bound");
                if let frame::Incoming::Message(message) = frame::parse(&whole) {
                    let _ = iofog_iomessage::IoMessage::decode(&message);
                }
            }
            Some(Event::Close) => return,
            Some(Event::Ping(_)) | None => {}
        }
    }
}
