//! Deliveries that leave: queues of sending links, metadata in front of messages for routers.

use bytes::{Bytes, BytesMut};
use iofog_amqp::{DecodeError, DeliveryState, Error, condition};
use iofog_amqp_engine::{SendError, SendHead};

use super::Core;
use super::delivery::{Message, Out};
use super::link::Kind;
use super::slab::{ConnId, DeliveryId, LinkKey};
use crate::config::Mode;
use crate::network::Version;

/// First chunks up to this size are copied behind their metadata; larger ones get a frame of their own.
const COMBINE_LIMIT: usize = 2_048;

/// How far the first delivery of a queue came.
enum Step {
    /// All of it was sent, or it was aborted.
    Done,
    /// Its next bytes have not come yet, or there is no credit.
    Wait,
    /// The connection takes no more now.
    Blocked,
    /// Its beginning cannot carry metadata.
    Malformed,
}

impl Core {
    pub(super) fn on_credit(&mut self, key: LinkKey, drain: bool) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.kind == Kind::Routed {
            self.pump(key);
            self.relay_credit(key, drain);
            return;
        }
        link.outgoing.drain = drain;
        self.pump(key);
    }

    /// Sends what a link may send.
    pub(super) fn pump(&mut self, key: LinkKey) {
        let Some(conn) = self.links.get(key).map(|link| link.conn) else {
            return;
        };
        let mut sent = false;
        while let Some(id) = self.next_of(key) {
            let step = self.step(key, id);
            self.free_sent(id);
            match step {
                Step::Done => {
                    sent = true;
                    if let Some(link) = self.links.get_mut(key) {
                        link.outgoing.queue.pop_front();
                    }
                    self.after_sent(key, id);
                }
                Step::Wait => {
                    sent = true;
                    self.review_source(id);
                    break;
                }
                Step::Blocked => {
                    self.add_to_backlog(key, conn);
                    break;
                }
                Step::Malformed => {
                    let error = Error::new(condition::DECODE_ERROR, "annotations are malformed");
                    let state = DeliveryState::Rejected(Some(Box::new(error)));
                    self.end_out(key, id, Some(state));
                }
            }
        }
        if let Some(link) = self.links.get_mut(key)
            && link.outgoing.drain
            && link.outgoing.queue.is_empty()
            && let Some(state) = self.conns.get_mut(conn)
        {
            link.outgoing.drain = false;
            state.engine.drained(link.id);
            sent = true;
        }
        if sent {
            self.touch(conn);
        }
        if let Some(link) = self.links.get_mut(key)
            && link.outgoing.queue.is_empty()
            && let Some(reason) = link.relay.closing.take()
        {
            self.detach_with(key, reason.map(|reason| *reason));
        }
    }

    /// The first delivery of the queue that still exists.
    fn next_of(&mut self, key: LinkKey) -> Option<DeliveryId> {
        let link = self.links.get_mut(key).filter(|link| link.attached)?;
        link.outgoing.queue.front().copied()
    }

    fn step(&mut self, key: LinkKey, id: DeliveryId) -> Step {
        let (Some(link), Some(delivery)) = (self.links.get_mut(key), self.deliveries.get_mut(id))
        else {
            return Step::Done;
        };
        let Some(conn) = self.conns.get_mut(link.conn) else {
            return Step::Wait;
        };
        let settled = delivery.settled || link.outgoing.settled;
        let format = delivery.format;
        let message = &delivery.message;
        let out = delivery.out.iter_mut().chain(&mut delivery.more).find(|out| out.link == key);
        let Some(out) = out else {
            return Step::Done;
        };
        if message.aborted {
            if out.key.is_some() {
                conn.engine.abort(link.id);
            }
            return Step::Done;
        }
        let head =
            SendHead { message_format: format, settled, token: id.token(), ..SendHead::default() };
        if !out.begun {
            if conn.engine.credit(link.id) == 0 {
                return Step::Wait;
            }
            if let Some(version) = conn.metadata.filter(|_| link.kind != Kind::Routed) {
                let stamp = (self.mode != Mode::Edge).then_some(&self.node[..]);
                match begin(version, message, stamp, &mut self.combine) {
                    Ok(Some(begun)) => (out.rest, out.chunk) = begun,
                    Ok(None) => return Step::Wait,
                    Err(_) => return Step::Malformed,
                }
            }
            out.begun = true;
        }
        loop {
            if out.rest.is_empty()
                && let Some(chunk) = message.chunk(out.chunk)
            {
                out.rest = chunk.clone();
                out.chunk += 1;
            }
            let last = message.complete && out.chunk >= message.end();
            if out.rest.is_empty() && !last {
                return Step::Wait;
            }
            match conn.engine.send(link.id, &head, &mut out.rest, last) {
                Ok(progress) => {
                    if out.key.is_none() {
                        link.counters.deliveries += 1;
                        self.totals.egress += 1;
                        conn.last_delivery = Some(self.now);
                    }
                    out.key = Some(progress.delivery);
                    if !progress.complete {
                        return Step::Blocked;
                    }
                    out.rest = Bytes::new();
                    if last {
                        return Step::Done;
                    }
                }
                Err(SendError::Credit | SendError::NotAttached) => return Step::Wait,
                Err(_) => return Step::Blocked,
            }
        }
    }

    /// Everything of a delivery went out over a link.
    fn after_sent(&mut self, key: LinkKey, id: DeliveryId) {
        let Some(delivery) = self.deliveries.get_mut(id) else {
            return;
        };
        let aborted = delivery.message.aborted;
        if let Some(out) = delivery.out_mut(key) {
            out.sent = true;
        }
        let settled = delivery.settled;
        if let Some(address) = delivery.address.and_then(|address| self.table.get_mut(address)) {
            address.egress += 1;
        }
        self.free_sent(id);
        self.repay_shared(id);
        let pre_settled_link = self.links.get(key).is_some_and(|link| link.outgoing.settled);
        if aborted || settled {
            self.end_out(key, id, None);
        } else if pre_settled_link {
            self.end_out(key, id, Some(DeliveryState::Accepted));
        }
    }

    /// Frees the chunks that every way out has taken.
    fn free_sent(&mut self, id: DeliveryId) {
        let Some(delivery) = self.deliveries.get_mut(id) else {
            return;
        };
        let freed = delivery.message.forget(delivery.needed());
        if let (Some((link, _)), true) = (delivery.incoming, freed > 0) {
            self.let_go(link, freed);
        }
    }

    fn add_to_backlog(&mut self, key: LinkKey, conn: ConnId) {
        if let (Some(link), Some(conn)) = (self.links.get_mut(key), self.conns.get_mut(conn))
            && !link.outgoing.in_backlog
        {
            link.outgoing.in_backlog = true;
            conn.backlog.push_back(key);
        }
    }

    /// The connection takes more: its waiting links go on, each in its turn.
    pub(super) fn pump_backlog(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        for _ in 0..conn.backlog.len() {
            let Some(key) = self.conns.get_mut(id).and_then(|conn| conn.backlog.pop_front()) else {
                return;
            };
            if let Some(link) = self.links.get_mut(key).filter(|link| link.conn == id) {
                link.outgoing.in_backlog = false;
                self.pump(key);
            }
        }
    }

    /// Sends a message of the router itself over a link, pre-settled.
    pub(super) fn send_own(
        &mut self,
        link: LinkKey,
        metadata: super::metadata::Metadata,
        payload: Bytes,
    ) {
        let delivery = super::delivery::Delivery {
            incoming: None,
            settled: true,
            format: 0,
            message: super::delivery::Message::new(metadata, payload, true),
            out: Some(Out::new(link, None)),
            more: Vec::new(),
            combined: None,
            address: None,
            repaid: false,
            came: self.now,
        };
        let id = self.deliveries.insert(delivery);
        self.enqueue(id);
    }
}

/// Metadata with the first bytes behind it, and the number of the chunk that follows; none while the
/// beginning of the message has not come.
fn begin(
    version: Version,
    message: &Message,
    stamp: Option<&[u8]>,
    out: &mut BytesMut,
) -> Result<Option<(Bytes, usize)>, DecodeError> {
    let metadata = &message.metadata;
    let first = message.chunk(0).cloned().unwrap_or_default();
    let complete = message.complete && message.end() <= 1;
    if let Some(taken) = metadata.put(version, stamp, &first, complete, out)? {
        let rest = first.get(taken..).unwrap_or_default();
        // Version 2 needs nothing of a large first chunk: it is sent from where it lies.
        let there = message.chunk(0).is_some();
        let chunk = usize::from(there && (taken > 0 || first.len() <= COMBINE_LIMIT));
        if chunk == 1 {
            out.extend_from_slice(rest);
        }
        return Ok(Some((out.split().freeze(), chunk)));
    }
    // The annotations are spread over several frames.
    let mut head = BytesMut::new();
    for number in 0..message.end() {
        head.extend_from_slice(message.chunk(number).map_or(&[][..], |chunk| &chunk[..]));
    }
    out.clear();
    let Some(taken) = metadata.put(version, stamp, &head, message.complete, out)? else {
        return Ok(None);
    };
    out.extend_from_slice(head.get(taken..).unwrap_or_default());
    Ok(Some((out.split().freeze(), message.end())))
}
