//! The message socket: messages both ways, receipts for sent ones, acknowledgements for received ones.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use iofog_iomessage::IoMessage;
use tokio::time::Instant;

use super::super::server::LocalApi;
use super::channel::{Channel, Event, Gone};
use super::frame::{self, Incoming};
use crate::bus::{Accepted, PublishError, Receipt, Subscription, Token};
use crate::ids::MicroserviceUuid;

/// Sent messages that wait for their receipt; beyond it the socket is not read.
const MAX_UNSAFE: usize = 64;
/// Frames that wait for an acknowledgement; the oldest is forgotten beyond it.
const MAX_EXPECTED: usize = 256;
/// Not every SDK acknowledges receipts: an acknowledgement after this time is meant for a message.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(1);

/// What waited is pushed this long after the handshake, or once the microservice spoke. The Python SDK loses its place when
/// the first frame arrives in one piece with the end of the handshake's answer.
const HANDSHAKE_PAUSE: Duration = Duration::from_millis(100);

/// Runs until the peer closes, or a new socket replaces this one.
pub(super) async fn run(api: &LocalApi, id: &MicroserviceUuid, mut channel: Channel) {
    let mut incoming = api.shared.bus.subscribe(id);
    let pause = tokio::time::sleep(HANDSHAKE_PAUSE);
    tokio::pin!(pause);
    let mut paused = true;
    let mut socket = Socket { api, id, accepted: VecDeque::new(), expected: VecDeque::new() };
    loop {
        let step = tokio::select! {
            biased;
            event = channel.next(), if socket.accepted.len() < MAX_UNSAFE => match event {
                Some(event) => {
                    paused = false;
                    socket.event(&mut channel, &mut incoming, event).await
                }
                None => Err(Gone),
            },
            () = &mut pause, if paused => {
                paused = false;
                Ok(())
            }
            receipt = first_safe(&socket.accepted) => socket.receipt(&mut channel, receipt).await,
            message = incoming.next(), if !paused => match message {
                Some((token, payload)) => socket.push(&mut channel, token, &payload).await,
                None => Err(Gone),
            },
            // What is ready leaves together, once nothing more is.
            () = std::future::ready(()), if channel.has_queued() => channel.flush().await,
        };
        if step.is_err() {
            break;
        }
    }
    drop(incoming);
    channel.close().await;
}

struct Socket<'a> {
    api: &'a LocalApi,
    id: &'a MicroserviceUuid,
    /// Messages from the microservice that are not safe yet, oldest first.
    accepted: VecDeque<Accepted>,
    /// Frames to the microservice that it should acknowledge, oldest first.
    expected: VecDeque<Expected>,
}

enum Expected {
    Message(Token),
    Receipt(Instant),
}

impl Socket<'_> {
    async fn event(
        &mut self,
        channel: &mut Channel,
        incoming: &mut Subscription,
        event: Event,
    ) -> Result<(), Gone> {
        match event {
            Event::Binary(bytes) => match frame::parse(&bytes) {
                Incoming::Ack => self.acknowledged(incoming),
                Incoming::Message(message) => self.publish(&message),
                Incoming::Other => {}
            },
            Event::Ping(payload) => channel.pong(&payload).await?,
            Event::Close => return Err(Gone),
        }
        Ok(())
    }

    /// What cannot be taken gets no receipt, as upstream does.
    fn publish(&mut self, bytes: &Bytes) {
        let message = match IoMessage::decode(bytes) {
            Ok(message) => message,
            Err(error) => {
                return log::warn!(target: "local_api", "message of {} refused: {error}", self.id);
            }
        };
        let publisher = if message.publisher.is_empty() {
            self.id.as_str().to_owned()
        } else if message.publisher == self.id.as_str() {
            message.publisher.clone()
        } else {
            return log::warn!(target: "local_api", "{} sends as another publisher", self.id);
        };
        match self.api.shared.bus.begin(IoMessage { publisher, ..message }) {
            Ok(accepted) => self.accepted.push_back(accepted),
            Err(error) => {
                log::warn!(target: "local_api", "message of {} refused: {error}", self.id);
            }
        }
    }

    async fn receipt(
        &mut self,
        channel: &mut Channel,
        receipt: Result<Receipt, PublishError>,
    ) -> Result<(), Gone> {
        self.accepted.pop_front();
        match receipt {
            Ok(receipt) => {
                self.expect(Expected::Receipt(Instant::now()));
                channel.queue(&frame::receipt(&receipt.id, receipt.timestamp)).await
            }
            Err(error) => {
                log::warn!(target: "local_api", "message of {} not stored: {error}", self.id);
                Ok(())
            }
        }
    }

    async fn push(
        &mut self,
        channel: &mut Channel,
        token: Token,
        payload: &Bytes,
    ) -> Result<(), Gone> {
        self.expect(Expected::Message(token));
        channel.queue(&frame::message(payload)).await
    }

    fn expect(&mut self, expected: Expected) {
        self.expected.push_back(expected);
        if self.expected.len() > MAX_EXPECTED {
            self.expected.pop_front();
        }
    }

    /// Acknowledgements come in the order of the frames; the message in front is consumed.
    fn acknowledged(&mut self, incoming: &mut Subscription) {
        while let Some(expected) = self.expected.pop_front() {
            match expected {
                Expected::Message(token) => return incoming.acknowledge(token),
                Expected::Receipt(at) if at.elapsed() < RECEIPT_PATIENCE => return,
                Expected::Receipt(_) => {}
            }
        }
    }
}

/// The receipt of the oldest message once it is safe; waits for ever when there is none.
async fn first_safe(accepted: &VecDeque<Accepted>) -> Result<Receipt, PublishError> {
    match accepted.front() {
        Some(first) => first.safe().await,
        None => std::future::pending().await,
    }
}
