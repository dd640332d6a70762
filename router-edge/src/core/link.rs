//! One link of the router, whoever attached it.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use iofog_amqp::{Error, Role};
use iofog_amqp_engine::{LinkId, Millis, SessionId};

use super::slab::{AddressKey, ConnId, DeliveryId, LinkKey};

/// A link.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) conn: ConnId,
    pub(crate) id: LinkId,
    pub(crate) session: SessionId,
    pub(crate) name: String,
    /// Our role.
    pub(crate) role: Role,
    pub(crate) kind: Kind,
    /// The address it is bound to.
    pub(crate) address: Option<AddressKey>,
    /// Its target (incoming) or source (outgoing) as written; `to` of messages towards routers.
    pub(crate) text: Option<Rc<str>>,
    pub(crate) text_bytes: Option<Bytes>,
    /// Both sides have attached.
    pub(crate) attached: bool,
    /// The session was begun for this link, and ends with it.
    pub(crate) own_session: bool,
    /// Identity in management.
    pub(crate) number: u64,
    pub(crate) capacity: u32,
    pub(crate) counters: Counters,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    pub(crate) relay: Relay,
}

/// State of a routed link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relay {
    /// The other link of the pair.
    pub(crate) partner: Option<LinkKey>,
    /// The peer waits for our answer.
    pub(crate) offered: bool,
    /// To be detached, with this reason, once its queue is empty.
    pub(crate) closing: Option<Option<Box<Error>>>,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A client's or an edge's, bound to an address.
    Endpoint,
    /// Incoming without address: each message says where it goes.
    Anonymous,
    /// Incoming: messages are taken and forgotten.
    Sink,
    /// Between interiors: the path engine's messages.
    Control,
    /// Between interiors: everything else, one link per priority.
    Data,
    /// Between routers: one message at a time that is sent before it is complete.
    Stream,
    /// Between edge and interior: which addresses have destinations.
    Tracking,
    /// Between edge and interior: whether an address is a link route's.
    Lookup,
    /// Made by us, for one address of an edge router.
    Proxy,
    /// Made by us towards a container that the configuration names.
    Auto,
    /// One of a pair that passes everything on to the other.
    Routed,
}

/// State of a link on which the peer sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming {
    /// Credit used and not given back yet.
    pub(crate) owed: u32,
    /// No credit is given: the address has no destination.
    pub(crate) withheld: bool,
    /// Since when.
    pub(crate) withheld_since: Millis,
    /// A delivery that is still arriving.
    pub(crate) current: Current,
    /// Bytes of deliveries of this link that are held.
    pub(crate) held: usize,
    /// The session's window is held because of that.
    pub(crate) paused: bool,
    /// The address resolved last, to spare the look-up; with the table's generation.
    pub(crate) last: Option<(Bytes, AddressKey, u32)>,
    /// From an edge: it was told that the address has destinations elsewhere.
    pub(crate) tracked: bool,
    /// Its sender wants messages passed on before they are complete, over streaming links.
    pub(crate) streaming: bool,
    /// Its sender settles before it sends, as far as it told or did last.
    pub(crate) presettled: bool,
    /// Its credit was taken back; the answer has not come.
    pub(crate) draining: bool,
    /// Deliveries of this link in the table.
    pub(crate) in_flight: u32,
}

/// The delivery that is arriving on a link.
#[derive(Debug, Clone, Default)]
pub(crate) enum Current {
    /// None.
    #[default]
    None,
    /// It was routed.
    Routed(DeliveryId),
    /// Its address is not known yet, or it is for the router itself.
    Gathering(Bytes),
    /// It goes nowhere: the rest is thrown away.
    Discarded,
}

/// State of a link on which we send.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    /// Deliveries in order; the first may be partly sent.
    pub(crate) queue: VecDeque<DeliveryId>,
    /// Queued and unsettled deliveries.
    pub(crate) outstanding: u32,
    /// Listed in its connection's backlog.
    pub(crate) in_backlog: bool,
    /// The peer wants a drain answered.
    pub(crate) drain: bool,
    /// The peer wants everything pre-settled.
    pub(crate) settled: bool,
}

/// Counters shown by management.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) deliveries: u64,
    pub(crate) presettled: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) released: u64,
    pub(crate) modified: u64,
    pub(crate) dropped_presettled: u64,
    pub(crate) delays: Delays,
}

/// Deliveries that took long to be settled, by how long at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delays {
    /// A second, and less than ten.
    pub second: u64,
    /// Ten seconds.
    pub ten_seconds: u64,
}

impl Delays {
    /// Counts a delivery that is over after so many milliseconds.
    #[inline]
    pub(crate) fn count(&mut self, waited: u64) {
        match waited {
            0..1_000 => {}
            1_000..10_000 => self.second += 1,
            _ => self.ten_seconds += 1,
        }
    }
}

impl Kind {
    /// Name in management.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Endpoint | Self::Anonymous | Self::Sink => "endpoint",
            Self::Control => "router-control",
            Self::Data | Self::Stream => "inter-router",
            Self::Tracking | Self::Lookup | Self::Proxy => "edge-downlink",
            Self::Auto | Self::Routed => "endpoint",
        }
    }
}

impl Link {
    pub(crate) fn new(
        conn: ConnId,
        id: LinkId,
        session: SessionId,
        name: String,
        role: Role,
        kind: Kind,
    ) -> Self {
        Self {
            conn,
            id,
            session,
            name,
            role,
            kind,
            address: None,
            text: None,
            text_bytes: None,
            attached: false,
            own_session: false,
            number: 0,
            capacity: 0,
            counters: Counters::default(),
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            relay: Relay::default(),
        }
    }

    pub(crate) fn set_text(&mut self, text: &str) {
        self.text = Some(Rc::from(text));
        self.text_bytes = Some(Bytes::copy_from_slice(text.as_bytes()));
    }

    /// We send on it.
    pub(crate) fn is_outgoing(&self) -> bool {
        self.role == Role::Sender
    }
}
