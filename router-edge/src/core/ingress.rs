//! Deliveries that arrive: whose they are, what routers wrote on them, where they go next.

use bytes::Bytes;
use iofog_amqp::condition;
use iofog_amqp::section::{self, Scan};
use iofog_amqp_engine::{Delivered, DeliveryKey};

use super::Core;
use super::choose::Origin;
use super::delivery::{Delivery, Message, Out};
use super::link::{Current, Kind};
use super::metadata::{self, Metadata};
use super::slab::{AddressKey, ConnId, DeliveryId, LinkKey};
use crate::address::{Resolved, resolve};

/// Bytes in which the address of a message must be found.
const ADDRESS_LIMIT: usize = 64 * 1024;
/// Bytes of a message to the router itself.
const OWN_LIMIT: usize = 1024 * 1024;
/// A delivery whose destination is being found.
pub(super) struct Arrival {
    pub(super) link: LinkKey,
    pub(super) conn: ConnId,
    pub(super) key: DeliveryKey,
    pub(super) settled: bool,
    pub(super) format: u32,
    pub(super) more: bool,
    pub(super) payload: Bytes,
    /// Earlier pieces were looked at before.
    pub(super) gathered: bool,
}

/// What could be made of the first bytes.
enum Found {
    Address(AddressKey),
    Nowhere,
    /// Its rule says that nobody may use the address.
    Unavailable,
    NeedMore,
}

impl Core {
    pub(super) fn on_transfer(&mut self, id: ConnId, piece: Delivered) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let Some(key) = conn.link(piece.link) else {
            return;
        };
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if piece.aborted {
            self.on_aborted(key);
            return;
        }
        let mut arrival = Arrival {
            link: key,
            conn: id,
            key: piece.delivery,
            settled: piece.settled,
            format: piece.message_format,
            more: piece.more,
            payload: piece.payload,
            gathered: !piece.first,
        };
        if piece.first {
            conn.last_delivery = Some(self.now);
            link.counters.deliveries += 1;
            link.counters.presettled += u64::from(piece.settled);
            link.incoming.presettled = piece.settled;
            self.totals.ingress += 1;
            self.totals.presettled += u64::from(piece.settled);
        } else {
            match std::mem::take(&mut link.incoming.current) {
                Current::Routed(delivery) => {
                    self.more_bytes(delivery, arrival);
                    return;
                }
                Current::Discarded => {
                    if arrival.more {
                        link.incoming.current = Current::Discarded;
                    }
                    return;
                }
                Current::Gathering(before) => {
                    let mut all = Vec::with_capacity(before.len() + arrival.payload.len());
                    all.extend_from_slice(&before);
                    all.extend_from_slice(&arrival.payload);
                    arrival.payload = Bytes::from(all);
                }
                Current::None => return,
            }
        }
        let kind = link.kind;
        match kind {
            Kind::Endpoint
            | Kind::Anonymous
            | Kind::Data
            | Kind::Stream
            | Kind::Proxy
            | Kind::Auto => {
                self.route(arrival);
            }
            Kind::Routed => self.relay_delivery(arrival),
            Kind::Sink => self.swallow(&arrival),
            Kind::Control | Kind::Tracking | Kind::Lookup => {
                if arrival.more {
                    self.gather(arrival, OWN_LIMIT);
                } else {
                    self.swallow(&arrival);
                    self.on_own_message(kind, key, arrival.payload);
                }
            }
        }
    }

    /// Messages for the router itself, whole.
    fn on_own_message(&mut self, kind: Kind, link: LinkKey, payload: Bytes) {
        match kind {
            Kind::Control => self.on_control(link, payload),
            Kind::Tracking => self.on_tracking(&payload),
            Kind::Lookup => self.on_lookup(link, &payload),
            _ => {}
        }
    }

    /// Finds address and way, or waits for more bytes.
    fn route(&mut self, mut arrival: Arrival) {
        let Some(conn) = self.conns.get(arrival.conn) else {
            return;
        };
        let version = conn.metadata;
        let role = conn.spec.role;
        let mut about = Metadata::default();
        if version.is_some() || arrival.gathered {
            match Metadata::take(version, &arrival.payload, !arrival.more) {
                Ok(Some((found, rest))) => {
                    about = found;
                    arrival.payload = rest;
                    if about.hops > 0 && about.passed(&self.node) {
                        return self.looped(&arrival);
                    }
                }
                Ok(None) if arrival.more => return self.gather(arrival, ADDRESS_LIMIT),
                Ok(None) if arrival.payload.is_empty() => {}
                Ok(None) | Err(_) => return self.reject(&arrival, &condition::DECODE_ERROR),
            }
        } else if metadata::leads(&arrival.payload) && !arrival.gathered {
            return self.reject(&arrival, &condition::NOT_ALLOWED);
        }
        let found = match self.address_of(&arrival, &about) {
            Ok(found) => found,
            Err(error) => return self.reject(&arrival, &error),
        };
        match found {
            Found::NeedMore if arrival.more => {
                self.gather_with(arrival, &about, ADDRESS_LIMIT);
            }
            Found::NeedMore => self.reject(&arrival, &condition::DECODE_ERROR),
            Found::Nowhere => self.no_path(&arrival),
            Found::Unavailable => self.reject(&arrival, &condition::NOT_FOUND),
            Found::Address(address)
                if self.table.get(address).is_some_and(|address| address.in_process) =>
            {
                if arrival.more {
                    self.gather_with(arrival, &about, OWN_LIMIT);
                } else {
                    self.swallow(&arrival);
                    if let Some(own) = self.table.get_mut(address) {
                        own.to_process += 1;
                    }
                    self.on_management(arrival.conn, &arrival.payload);
                }
            }
            Found::Address(address) => {
                let origin = self.origin(arrival.conn, role, &about, address, &arrival.payload);
                self.dispatch(arrival, about, address, origin);
            }
        }
    }

    /// The address of a delivery: its link's, or the one it names.
    fn address_of(
        &mut self,
        arrival: &Arrival,
        about: &Metadata,
    ) -> Result<Found, iofog_amqp::Symbol> {
        let Some(link) = self.links.get(arrival.link) else {
            return Ok(Found::Nowhere);
        };
        if let Some(address) = link.address {
            return Ok(Found::Address(address));
        }
        let text = if let Some(to) = &about.to {
            to.clone()
        } else {
            let sections = match section::scan(&arrival.payload) {
                Ok(Scan::Done(sections)) => sections,
                Ok(Scan::NeedMore(sections)) if sections.properties.is_some() => sections,
                Ok(Scan::NeedMore(_)) => return Ok(Found::NeedMore),
                Err(_) => return Err(condition::DECODE_ERROR),
            };
            let Some(range) = sections.properties else {
                if arrival.more && sections.body.is_none() {
                    return Ok(Found::NeedMore);
                }
                return Err(condition::PRECONDITION_FAILED);
            };
            let bytes = arrival.payload.get(range).unwrap_or_default();
            match section::properties_to(bytes) {
                Ok(Some(to)) => arrival.payload.slice_ref(to.as_bytes()),
                Ok(None) => return Err(condition::PRECONDITION_FAILED),
                Err(_) => return Err(condition::DECODE_ERROR),
            }
        };
        if self.policy.grants && !self.may_send_to(arrival.conn, &text) {
            return Err(condition::UNAUTHORIZED_ACCESS);
        }
        Ok(self.look_up(arrival.link, &text))
    }

    /// Resolves an address that a message names; the last one of each link is remembered.
    fn look_up(&mut self, link: LinkKey, text: &Bytes) -> Found {
        let generation = self.table.generation;
        if let Some((last, key, then)) = self.links.get(link).and_then(|l| l.incoming.last.as_ref())
            && *then == generation
            && last == text
        {
            return Found::Address(*key);
        }
        let Ok(name) = std::str::from_utf8(text) else {
            return Found::Nowhere;
        };
        let found = match resolve(name, self.id.as_str(), self.mode) {
            Resolved::Uplink => self.up_address,
            Resolved::Key(key) if self.is_unavailable(key) => return Found::Unavailable,
            Resolved::Key(key) => self.table.find(key).or(self.up_address),
        };
        let Some(key) = found else {
            return Found::Nowhere;
        };
        if let Some(link) = self.links.get_mut(link) {
            link.incoming.last = Some((Bytes::copy_from_slice(text), key, generation));
        }
        Found::Address(key)
    }

    pub(super) fn priority(&self, address: AddressKey, payload: &Bytes) -> u8 {
        // Only links between interiors have priorities.
        if self.network.is_none() || self.table.get(address).is_none_or(|to| to.remotes.0 == 0) {
            return DEFAULT_PRIORITY;
        }
        let from_header = match section::scan(payload) {
            Ok(Scan::Done(sections) | Scan::NeedMore(sections)) => sections
                .header
                .and_then(|range| section::header_priority(payload.get(range)?).ok().flatten()),
            Err(_) => None,
        };
        let configured = || self.table.get(address).and_then(|address| address.priority);
        from_header.or_else(configured).unwrap_or(DEFAULT_PRIORITY).min(9)
    }

    /// A delivery on a routed link: to its partner, as it is.
    fn relay_delivery(&mut self, arrival: Arrival) {
        let partner = self.links.get(arrival.link).and_then(|link| link.relay.partner);
        match partner {
            Some(partner) => {
                self.chosen.clear();
                self.chosen.push(Out::new(partner, None));
                self.forward(arrival, Metadata::default(), None);
            }
            None => self.no_path(&arrival),
        }
    }

    fn dispatch(
        &mut self,
        arrival: Arrival,
        mut about: Metadata,
        address: AddressKey,
        origin: Origin,
    ) {
        self.choose_or_up(address, origin);
        let asked = self.links.get(arrival.link).is_some_and(|link| link.incoming.streaming);
        if arrival.more && (asked || about.flags & metadata::STREAMING != 0) {
            about.flags |= metadata::STREAMING;
            self.choose_streams();
        }
        if self.chosen.is_empty() {
            self.no_path(&arrival);
            return;
        }
        if let Some(entry) = self.table.get_mut(address) {
            entry.ingress += 1;
            entry.transit += u64::from(origin.transit);
        }
        self.totals.transit += u64::from(origin.transit);
        if self.send_direct(&arrival, &mut about, address) {
            return;
        }
        self.name_target(&arrival, &mut about);
        self.forward(arrival, about, Some(address));
    }

    /// A message that does not say where it goes goes where its link does; the next router must know.
    pub(super) fn name_target(&self, arrival: &Arrival, about: &mut Metadata) {
        if about.to.is_none()
            && let Some(link) = self.links.get(arrival.link).filter(|link| link.address.is_some())
        {
            about.to.clone_from(&link.text_bytes);
        }
    }

    /// Chooses; an edge knows only a part of the network: its interior may know more.
    pub(super) fn choose_or_up(&mut self, address: AddressKey, origin: Origin) {
        self.choose(address, origin);
        if let Some(up) = self.up_address
            && self.chosen.is_empty()
            && up != address
            && origin.edge.is_none()
        {
            self.choose(up, origin);
        }
    }

    /// Hands a delivery to the links in `self.chosen`.
    fn forward(&mut self, arrival: Arrival, about: Metadata, address: Option<AddressKey>) {
        let complete = !arrival.more;
        let held = arrival.payload.len();
        let (out, more) = self.take_chosen();
        let delivery = Delivery {
            incoming: Some((arrival.link, arrival.key)),
            settled: arrival.settled,
            format: arrival.format,
            message: Message::new(about, arrival.payload, complete),
            out,
            more,
            combined: None,
            address,
            repaid: false,
            came: self.now,
        };
        let id = self.deliveries.insert(delivery);
        if let Some(link) = self.links.get_mut(arrival.link) {
            link.incoming.in_flight += 1;
            link.incoming.held += held;
            if !complete {
                link.incoming.current = Current::Routed(id);
            }
        }
        if !arrival.settled
            && let Some(conn) = self.conns.get_mut(arrival.conn)
        {
            conn.engine.set_token(arrival.key, id.token());
        }
        self.enqueue(id);
        self.hold_if_full(arrival.link);
    }

    /// Puts a delivery into the queues of its ways out.
    pub(super) fn enqueue(&mut self, id: DeliveryId) {
        let Some(delivery) = self.deliveries.get(id) else {
            return;
        };
        let address = delivery.address.and_then(|address| self.table.get(address));
        let may_drop = delivery.settled && address.is_some_and(|address| address.drops);
        if delivery.more.is_empty() {
            if let Some(link) = delivery.out.as_ref().map(|out| out.link) {
                self.queue(link, id);
                self.pump(link);
                if may_drop {
                    self.shed(link);
                }
            }
        } else {
            let links: Vec<LinkKey> = delivery.outs().map(|out| out.link).collect();
            for link in &links {
                self.queue(*link, id);
            }
            // Pumping may end ways out, so it comes after all were queued.
            for link in links {
                self.pump(link);
                if may_drop {
                    self.shed(link);
                }
            }
        }
        if let Some(delivery) = self.deliveries.get_mut(id) {
            delivery.message.unpin();
        }
    }

    fn queue(&mut self, link: LinkKey, id: DeliveryId) {
        if let Some(link) = self.links.get_mut(link) {
            link.outgoing.queue.push_back(id);
            link.outgoing.outstanding += 1;
        }
    }

    fn more_bytes(&mut self, id: DeliveryId, arrival: Arrival) {
        let len = arrival.payload.len();
        if let Some(link) = self.links.get_mut(arrival.link) {
            link.incoming.held += len;
            if arrival.more {
                link.incoming.current = Current::Routed(id);
            }
        }
        let Some(delivery) = self.deliveries.get_mut(id) else {
            return;
        };
        delivery.message.push(arrival.payload);
        delivery.message.complete = !arrival.more;
        let links: Vec<LinkKey> = delivery.outs().map(|out| out.link).collect();
        for link in links {
            self.pump(link);
        }
        self.hold_if_full(arrival.link);
    }

    fn on_aborted(&mut self, key: LinkKey) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Current::Routed(id) = std::mem::take(&mut link.incoming.current) {
            self.sender_gave_up(id);
        }
        self.replenish(key);
    }

    /// The rest of a partial delivery never comes.
    pub(super) fn sender_gave_up(&mut self, id: DeliveryId) {
        let Some(delivery) = self.deliveries.get_mut(id) else {
            return;
        };
        let incoming = delivery.incoming.take();
        let held = delivery.message.held;
        delivery.message.aborted = true;
        delivery.message.complete = true;
        if let Some((key, _)) = incoming {
            if let Some(link) = self.links.get_mut(key) {
                link.incoming.in_flight = link.incoming.in_flight.saturating_sub(1);
            }
            // What was not sent on never will be.
            self.let_go(key, held);
        }
        let Some(delivery) = self.deliveries.get(id) else {
            return;
        };
        let links: Vec<LinkKey> = delivery.outs().map(|out| out.link).collect();
        for link in links {
            self.pump(link);
        }
    }
}

/// Of messages that say nothing else.
pub(super) const DEFAULT_PRIORITY: u8 = 4;
