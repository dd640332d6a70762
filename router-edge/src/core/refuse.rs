//! Deliveries that are not forwarded: gathered, taken by the router itself, rejected or released.

use bytes::BytesMut;
use iofog_amqp::{DeliveryState, Error, condition};
use iofog_amqp_engine::Token;

use super::drops::DropReason;
use super::ingress::Arrival;
use super::link::Current;
use super::metadata::Metadata;
use super::{Core, Totals};

impl Core {
    pub(super) fn gather(&mut self, arrival: Arrival, limit: usize) {
        if arrival.payload.len() > limit {
            self.reject(&arrival, &condition::RESOURCE_LIMIT_EXCEEDED);
        } else if let Some(link) = self.links.get_mut(arrival.link) {
            link.incoming.current = Current::Gathering(arrival.payload);
        }
    }

    /// As [`Self::gather`]; metadata that was taken off must be there when more bytes have come.
    pub(super) fn gather_with(&mut self, mut arrival: Arrival, about: &Metadata, limit: usize) {
        if *about != Metadata::default() {
            let mut all = BytesMut::new();
            about.encode_section(None, &mut all);
            all.extend_from_slice(&arrival.payload);
            arrival.payload = all.freeze();
        }
        self.gather(arrival, limit);
    }

    /// Takes a message and forgets it.
    pub(super) fn swallow(&mut self, arrival: &Arrival) {
        self.refuse(arrival, DeliveryState::Accepted);
    }

    pub(super) fn reject(&mut self, arrival: &Arrival, why: &iofog_amqp::Symbol) {
        self.lost_or(arrival, DropReason::Refused, |totals| &mut totals.rejected);
        let error = Error::new(why.clone(), "the router cannot forward this message");
        self.refuse(arrival, DeliveryState::Rejected(Some(Box::new(error))));
    }

    pub(super) fn no_path(&mut self, arrival: &Arrival) {
        self.lost_or(arrival, DropReason::NoPath, |totals| &mut totals.released);
        self.refuse(arrival, DeliveryState::Released);
        if arrival.settled {
            self.drain_producer(arrival.link);
        }
    }

    /// Routers passed it in a circle.
    pub(super) fn looped(&mut self, arrival: &Arrival) {
        self.lost_or(arrival, DropReason::Loop, |totals| &mut totals.released);
        self.refuse(arrival, DeliveryState::Released);
    }

    /// Counts the end of a delivery that goes nowhere: as lost, or by its outcome.
    fn lost_or(
        &mut self,
        arrival: &Arrival,
        reason: DropReason,
        outcome: impl Fn(&mut Totals) -> &mut u64,
    ) {
        if arrival.settled {
            self.count_drop(arrival.link, reason);
        } else {
            *outcome(&mut self.totals) += 1;
        }
    }

    /// Ends a delivery that goes nowhere.
    pub(super) fn refuse(&mut self, arrival: &Arrival, state: DeliveryState) {
        if !arrival.settled
            && let Some(conn) = self.conns.get_mut(arrival.conn)
        {
            conn.engine.set_token(arrival.key, Token::default());
            conn.engine.dispose(arrival.key, Some(state), true);
            self.touch(arrival.conn);
        }
        if let Some(link) = self.links.get_mut(arrival.link)
            && arrival.more
        {
            link.incoming.current = Current::Discarded;
        }
        self.replenish(arrival.link);
    }
}
