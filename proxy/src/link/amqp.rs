//! Real links: the seam on top of the AMQP client.

use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use iofog_amqp::{Body, Error, Message, Properties, Role, Value, condition};
use iofog_amqp_client::{
    Address, Connection as Client, ConnectionOptions, Delivery as ClientDelivery, Dial,
    IncomingLink, LinkError, Outcome, Receiver as ClientReceiver, ReceiverOptions, Sasl,
    Sender as ClientSender, SenderOptions, Session,
};

use super::{
    Connection, Delivery, Incoming, LinkDown, ManagementRequest, Network, Part, Parts, Pending,
    ReceiveFrom, Receiver, SendTo, Sender, Undecodable, codec, part,
};
use crate::domain::envelope::Envelope;
use crate::domain::exchange::Settled;

/// Largest frame taken from a router outside the process, in bytes: a message of a tunnel under load is several. What is
/// read of an incomplete one is copied, so larger ones would cost more than they spare.
const FRAME: u32 = 32 * 1024;

/// Sessions of a connection: each tunnel over a routed link comes in one of its own, beside ours. More than a
/// server has client connections of one mapping.
const SESSIONS: u16 = 16_384;

/// A router that is dialled.
#[derive(Clone)]
pub(crate) struct AmqpNetwork {
    /// How to reach it.
    pub(crate) dial: Rc<dyn Dial>,
    /// Start of the container ids of our connections.
    pub(crate) container_id: String,
    /// How to authenticate.
    pub(crate) sasl: Sasl,
}

// === impl LinkDown ===

impl From<LinkError> for LinkDown {
    fn from(error: LinkError) -> Self {
        Self(error.to_string())
    }
}

// === impl AmqpNetwork ===

impl Network for AmqpNetwork {
    type Connection = Client;

    async fn connect(&self, name: &str) -> Result<Client, LinkDown> {
        let stream = self.dial.dial().await.map_err(|error| LinkDown(error.to_string()))?;
        let options = ConnectionOptions {
            container_id: format!("{}/{name}", self.container_id),
            sasl: self.sasl.clone(),
            max_frame_size: FRAME,
            max_sessions: SESSIONS,
            ..ConnectionOptions::default()
        };
        Client::open(stream, options).await.map_err(|error| LinkDown(describe(&error)))
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

// === impl Connection ===

impl Connection for Client {
    type Sender = ClientSender;
    type Receiver = ClientReceiver;
    type Session = Session;
    type Incoming = IncomingLink;

    async fn sender(&self, to: SendTo<Session>) -> Result<ClientSender, LinkDown> {
        let options = SenderOptions {
            name: to.name,
            target: to.target,
            source: to.source,
            session: to.session,
            ..SenderOptions::default()
        };
        Ok(Client::sender(self, options).await?)
    }

    async fn receiver(&self, from: ReceiveFrom<Session>) -> Result<ClientReceiver, LinkDown> {
        let options = ReceiverOptions {
            source: from.source.map_or(Address::Dynamic, Address::Named),
            initial_credit: from.credit,
            auto_credit: from.renew,
            max_message_size: from.most,
            session: from.session,
            ..ReceiverOptions::default()
        };
        Ok(Client::receiver(self, options).await?)
    }

    async fn session(&self) -> Result<Session, LinkDown> {
        Ok(Client::session(self).await?)
    }

    async fn accept(&self) -> Option<IncomingLink> {
        self.accept_link().await
    }

    async fn manage(&self, request: ManagementRequest) -> Result<(u32, String), LinkDown> {
        let options =
            ReceiverOptions { initial_credit: 1, ..ReceiverOptions::from(Address::Dynamic) };
        let mut replies = Client::receiver(self, options).await?;
        let sender = Client::sender(self, SenderOptions::to("$management")).await?;
        let reply_to = replies.address().unwrap_or_default().to_owned();
        let outcome = sender.send(management_message(request, reply_to).encode()).await?;
        if outcome != Outcome::Accepted {
            return Err(LinkDown("router refused the management request".to_owned()));
        }
        let reply = replies.recv().await?;
        let message = Message::decode(&reply.message).map_err(|e| LinkDown(e.to_string()))?;
        reply.accept();
        let properties = Value::Map(message.application_properties);
        let status = properties.get("statusCode").and_then(Value::as_u64);
        let status = status.and_then(|status| u32::try_from(status).ok()).unwrap_or_default();
        let text = properties.get("statusDescription").and_then(Value::as_str).unwrap_or_default();
        Ok((status, text.to_owned()))
    }

    async fn closed(&self) -> LinkDown {
        LinkDown(Client::closed(self).await.to_string())
    }

    fn close(&self) {
        Client::close(self);
    }
}

fn management_message(request: ManagementRequest, reply_to: String) -> Message {
    let entry = |key: &'static str, value: String| (Value::from(key), Value::String(value));
    Message {
        properties: Some(Properties {
            reply_to: Some(reply_to),
            correlation_id: Some(Value::Ulong(1)),
            ..Properties::default()
        }),
        application_properties: vec![
            entry("operation", request.operation.to_owned()),
            entry("type", request.entity.to_owned()),
            entry("name", request.name),
        ],
        body: Body::Value(Value::Map(
            request.attributes.into_iter().map(|(key, value)| entry(key, value)).collect(),
        )),
        ..Message::default()
    }
}

// === impl Sender ===

impl Sender for ClientSender {
    // Encoded at once: the future that waits for credit is to be small.
    fn send(&self, message: Envelope) -> impl Future<Output = Result<Pending, LinkDown>> {
        self.send_sealed(codec::encode(message))
    }

    async fn send_sealed(&self, message: Bytes) -> Result<Pending, LinkDown> {
        let pending = self.send_start(message, false).await?;
        Ok(Box::pin(async move {
            Ok(match pending.await? {
                Outcome::Accepted => Settled::Accepted,
                Outcome::Rejected(_) => Settled::Rejected,
                Outcome::Released => Settled::Released,
                Outcome::Modified { .. } => Settled::Modified,
            })
        }))
    }

    async fn ready(&self) -> Result<(), LinkDown> {
        Ok(ClientSender::ready(self).await?)
    }

    async fn detached(&self) -> LinkDown {
        ClientSender::detached(self).await.into()
    }
}

// === impl Receiver ===

impl Receiver for ClientReceiver {
    type Delivery = ClientDelivery<VecDeque<Bytes>>;

    fn address(&self) -> Option<&str> {
        ClientReceiver::address(self)
    }

    async fn recv(&mut self) -> Result<Self::Delivery, LinkDown> {
        Ok(self.recv_fragments().await?)
    }

    fn begin(&self, credit: u32) {
        self.begin_credit(credit, true);
    }

    fn grant(&self, more: u32) {
        ClientReceiver::grant(self, more);
    }
}

// === impl Delivery ===

impl Delivery for ClientDelivery<VecDeque<Bytes>> {
    fn len(&self) -> usize {
        self.message.iter().map(Bytes::len).sum()
    }

    fn part(&self, parts: &mut Parts) -> Result<Part, Undecodable> {
        parts.read(&self.message)
    }

    fn envelope(&self) -> Result<Envelope, Undecodable> {
        codec::decode(&part::join(&self.message)).map_err(|error| Undecodable(error.to_string()))
    }

    fn settle(self, outcome: Settled) {
        match outcome {
            Settled::Accepted => self.accept(),
            Settled::Rejected => {
                self.reject(Error::new(condition::INVALID_FIELD, "not a message of a proxy"));
            }
            Settled::Released => self.release(),
            Settled::Modified => self.modify(true, false),
        }
    }
}

// === impl Incoming ===

impl Incoming for IncomingLink {
    type Receiver = ClientReceiver;

    fn name(&self) -> &str {
        IncomingLink::name(self)
    }

    fn source(&self) -> Option<&str> {
        IncomingLink::source(self)?.address.as_deref()
    }

    fn target(&self) -> Option<&str> {
        if self.role() == Role::Sender {
            return None;
        }
        IncomingLink::target(self)?.address.as_deref()
    }

    fn accept(self) -> Result<ClientReceiver, LinkDown> {
        Ok(self.accept_receiver(0, true)?)
    }

    fn refuse(self, why: &str) {
        IncomingLink::refuse(self, Error::new(condition::NOT_FOUND, why));
    }
}
