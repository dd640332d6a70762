//! Address look-up: an edge asks its interior whether the links to an address are routed, before it
//! answers the client that attaches one (router.md section 6; routers with metadata version 1).

use bytes::Bytes;
use iofog_amqp::{Body, Message, Properties, Role, Value};
use log::debug;

use super::Core;
use super::link_route::Way;
use super::metadata::Metadata;
use super::slab::LinkKey;

/// Address of the interior's end.
pub(super) const LOOKUP: &str = "_$qd.addr_lookup";
/// Version of the protocol, and its only question.
const VERSION: u64 = 1;
const LINK_ROUTE: u64 = 1;

/// Status of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok = 0,
    BadVersion = 1,
    BadOpcode = 2,
    InvalidRequest = 4,
}

impl Core {
    /// A message of the protocol, whole.
    pub(super) fn on_lookup(&mut self, link: LinkKey, payload: &Bytes) {
        let Some(from) = self.links.get(link).map(|link| link.conn) else {
            return;
        };
        let version = self.conns.get(from).and_then(|conn| conn.metadata);
        let Ok(Some((_, payload))) = Metadata::take(version, payload, true) else {
            return;
        };
        let Ok(message) = Message::decode(&payload) else {
            debug!("[C{}] address look-up is malformed", from.number());
            return;
        };
        self.answer_lookup(from, message);
    }

    /// The interior's side.
    fn answer_lookup(&mut self, from: super::ConnId, question: Message) {
        let Properties { reply_to: Some(reply_to), correlation_id, .. } =
            question.properties.clone().unwrap_or_default()
        else {
            debug!("[C{}] address look-up without reply-to", from.number());
            return;
        };
        let number = |name: &str| question.application_property(name).and_then(Value::as_u64);
        let asked = match &question.body {
            Body::Value(value) => match value.as_list() {
                Some([address, receives, ..]) => address.as_str().zip(receives.as_bool()),
                _ => None,
            },
            _ => None,
        };
        let (status, routed) = match (number("version"), number("opcode"), asked) {
            (Some(VERSION), Some(LINK_ROUTE), Some((address, receives))) => {
                let way = Way::of(if receives { Role::Receiver } else { Role::Sender });
                (Status::Ok, self.route_for(way, address, from).is_some())
            }
            (Some(VERSION), Some(LINK_ROUTE), None) => (Status::InvalidRequest, false),
            (Some(VERSION), _, _) => (Status::BadOpcode, false),
            _ => (Status::BadVersion, false),
        };
        let opcode = number("opcode").and_then(|opcode| u32::try_from(opcode).ok());
        let answer = Message {
            properties: Some(Properties {
                to: Some(reply_to.clone()),
                correlation_id,
                ..Properties::default()
            }),
            application_properties: vec![
                ("version".into(), Value::Uint(1)),
                ("opcode".into(), Value::Uint(opcode.unwrap_or_default())),
                ("status".into(), Value::Uint(status as u32)),
            ],
            // A route that is known here has a destination: it goes with its container.
            body: Body::Value(Value::List(vec![routed.into(), routed.into()])),
            ..Message::default()
        };
        self.send_to(&reply_to, answer.encode());
    }
}
