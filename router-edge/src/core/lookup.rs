//! Address look-up: an edge asks its interior whether the links to an address are routed, before it
//! answers the client that attaches one (router.md section 6; routers with metadata version 1).

use bytes::Bytes;
use iofog_amqp::{Attach, Body, Message, Properties, Role, Value};
use iofog_amqp_engine::{LinkId, SessionId};
use log::debug;

use super::Core;
use super::attach::Offer;
use super::link::Kind;
use super::link_route::Way;
use super::metadata::Metadata;
use super::slab::{ConnId, LinkKey};
use crate::address::Address;
use crate::network::Version;

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
    /// Links to the address are not routed.
    NotFound = 3,
    InvalidRequest = 4,
}

/// Edge: the links to the interior's end, and the attaches that wait for an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookups {
    sender: Option<LinkKey>,
    /// Where answers go: the dynamic address that the interior made.
    reply_to: Option<String>,
    waiting: Vec<(u64, Offer)>,
}

impl Core {
    /// Edge: a new uplink. Routers with metadata version 2 have no link routes, ours tells them unasked.
    pub(super) fn open_lookups(&mut self, id: ConnId, session: SessionId) {
        if self.conns.get(id).is_none_or(|conn| conn.metadata != Some(Version::One)) {
            return;
        }
        let kind = Kind::Lookup;
        self.lookups.sender =
            self.attach_own(id, session, Role::Sender, kind, Some(LOOKUP), None, &[]);
        self.attach_own(id, session, Role::Receiver, kind, None, None, &[]);
    }

    /// Edge: the interior made the address for answers.
    pub(super) fn lookups_attached(&mut self, attach: &Attach) {
        let source = attach.source.as_ref().and_then(|source| source.address.clone());
        self.lookups.reply_to = source;
    }

    /// Edge: the uplink is gone; what waits goes on as if nothing was routed.
    pub(super) fn close_lookups(&mut self) {
        let waiting = std::mem::take(&mut self.lookups).waiting;
        for (_, offer) in waiting {
            self.go_on(offer, None);
        }
    }

    /// Edge: questions go over this link.
    pub(super) fn lookups_use(&self, link: LinkKey) -> bool {
        self.lookups.sender == Some(link)
    }

    /// Attaches that nobody waits for any more: of one link, or of a whole connection.
    pub(super) fn forget_lookups(&mut self, conn: ConnId, link: Option<LinkId>) {
        self.lookups
            .waiting
            .retain(|(_, offer)| offer.conn != conn || link.is_some_and(|link| link != offer.id));
    }

    /// Edge: asks about an attach where an interior can be asked; gives it back where it cannot.
    pub(super) fn ask_interior(&mut self, offer: Offer) -> Option<Offer> {
        let (Some(sender), Some(reply_to)) = (self.lookups.sender, self.lookups.reply_to.clone())
        else {
            return Some(offer);
        };
        let address = match offer.address() {
            Some(text) if !text.is_empty() => text.to_owned(),
            _ => return Some(offer),
        };
        let ordinary = matches!(Address::parse(&address), Address::Mobile(name)
            if !name.starts_with(['$', '_']));
        if !ordinary || !self.links.get(sender).is_some_and(|link| link.attached) {
            return Some(offer);
        }
        let number = self.next_number();
        // Asked for a router's role: it receives where its client sends.
        let receives = offer.attach.role == Role::Sender;
        let question = Message {
            properties: Some(Properties {
                reply_to: Some(reply_to),
                correlation_id: Some(Value::from(number.to_string())),
                ..Properties::default()
            }),
            application_properties: vec![
                ("version".into(), Value::Uint(1)),
                ("opcode".into(), Value::Uint(1)),
            ],
            body: Body::Value(Value::List(vec![address.into(), receives.into()])),
            ..Message::default()
        };
        self.lookups.waiting.push((number, offer));
        self.send_own(sender, Metadata::default(), question.encode());
        None
    }

    /// Edge: the interior answered.
    fn answered(&mut self, answer: &Message) {
        let correlation = answer.properties.as_ref().and_then(|p| p.correlation_id.as_ref());
        let number = correlation.and_then(|id| id.as_str()?.parse::<u64>().ok());
        let Some(at) = self.lookups.waiting.iter().position(|(known, _)| Some(*known) == number)
        else {
            return;
        };
        let (_, offer) = self.lookups.waiting.swap_remove(at);
        let fine = answer.application_property("status").and_then(Value::as_u64) == Some(0);
        let routed = match &answer.body {
            Body::Value(value) => value.as_list().and_then(|list| list.first()?.as_bool()),
            _ => None,
        };
        let uplink = self.uplink.as_ref().map(|uplink| uplink.conn);
        self.go_on(offer, uplink.filter(|_| fine && routed == Some(true)));
    }

    /// Attaches at last: `to` leads on, or it is an ordinary link.
    fn go_on(&mut self, offer: Offer, to: Option<ConnId>) {
        let conn = offer.conn;
        let result = match to {
            Some(to) => self.relay_attach(offer, to),
            None => self.client_attach(offer),
        };
        self.refuse_offer(result);
        self.touch(conn);
    }

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
        if self.uplink.as_ref().is_some_and(|uplink| uplink.conn == from) {
            self.answered(&message);
        } else {
            self.answer_lookup(from, message);
        }
    }

    /// The interior's side.
    fn answer_lookup(&mut self, from: ConnId, question: Message) {
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
                let way = Way::of(if receives { Role::Sender } else { Role::Receiver });
                match self.route_for(way, address, from) {
                    Some(_) => (Status::Ok, true),
                    None => (Status::NotFound, false),
                }
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
