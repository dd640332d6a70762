//! Replies: status, attributes, and their way to whoever asked.

use bytes::Bytes;
use iofog_amqp::{Body, Message, Properties, Value};

use super::entity::Family;
use super::{Refusal, Ticket};
use crate::address::{Resolved, resolve};
use crate::core::Core;
use crate::core::choose::Origin;
use crate::core::delivery::{Delivery, Message as Bytestream};
use crate::core::metadata::Metadata;

/// Answers that wait for one receiver.
const MOST_REPLIES: usize = 1_000;

/// Attributes as a map; `type` values get the caller's prefix.
pub(super) fn map(attributes: &[(&'static str, Value)], family: Family) -> Value {
    let entries = attributes.iter().map(|(name, value)| {
        let value = match (*name, value.as_str()) {
            ("type", Some(short)) => Value::from(format!("{}{short}", family.prefix())),
            _ => value.clone(),
        };
        (Value::from(*name), value)
    });
    Value::Map(entries.collect())
}

impl Core {
    pub(super) fn refuse_request(&mut self, ticket: &Ticket, refusal: &Refusal) {
        self.reply(ticket, refusal.code, &refusal.text, Value::Map(Vec::new()));
    }

    pub(super) fn reply(&mut self, ticket: &Ticket, code: i32, text: &str, body: Value) {
        let Some(to) = ticket.reply_to.as_deref() else {
            return;
        };
        let message = Message {
            properties: Some(Properties {
                to: Some(to.to_owned()),
                correlation_id: ticket.correlation.clone(),
                ..Properties::default()
            }),
            application_properties: vec![
                ("statusCode".into(), Value::Int(code)),
                ("statusDescription".into(), text.into()),
            ],
            body: Body::Value(body),
            ..Message::default()
        };
        self.send_to(to, message.encode());
    }

    /// Sends a message of the router itself to an address, pre-settled; without a path it is lost.
    pub(in crate::core) fn send_to(&mut self, to: &str, payload: Bytes) {
        let address = match resolve(to, self.id.as_str(), self.mode) {
            Resolved::Uplink => self.up_address,
            Resolved::Key(key) => self.table.find(key).or(self.up_address),
        };
        let Some(address) = address else {
            return;
        };
        self.choose(address, Origin::default());
        let Some(out) = self.chosen.pop() else {
            return;
        };
        if let Some(address) = self.table.get_mut(address) {
            address.from_process += 1;
        }
        let metadata =
            Metadata { to: Some(Bytes::copy_from_slice(to.as_bytes())), ..Metadata::default() };
        // Who asks and does not take the answers loses them.
        let waiting = self.links.get(out.link).map_or(0, |link| link.outgoing.queue.len());
        if waiting >= MOST_REPLIES {
            self.chosen.clear();
            return;
        }
        let id = self.deliveries.insert(Delivery {
            incoming: None,
            settled: true,
            format: 0,
            message: Bytestream::new(metadata, payload, true),
            out: Some(out),
            more: self.chosen.split_off(0),
            combined: None,
            address: Some(address),
            repaid: false,
            came: self.now,
        });
        self.enqueue(id);
    }
}
