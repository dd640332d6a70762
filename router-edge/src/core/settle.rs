//! Settlement end to end: the consumer's outcome goes to the producer, the producer's settling to
//! the consumer; the router decides nothing itself (router.md 4.3).

use iofog_amqp::DeliveryState;

use super::Core;
use super::link::{Counters, Current, Kind};
use super::slab::{DeliveryId, LinkKey};

impl Core {
    /// A consumer told the state of a delivery.
    pub(super) fn on_outcome(
        &mut self,
        key: LinkKey,
        id: DeliveryId,
        state: Option<DeliveryState>,
        settled: bool,
    ) {
        if settled {
            self.end_out(key, id, state);
            return;
        }
        let Some(delivery) = self.deliveries.get_mut(id) else {
            return;
        };
        let single = delivery.more.is_empty();
        let incoming = delivery.incoming;
        let out_key = delivery.out_mut(key).and_then(|out| out.key);
        let outcome = state.as_ref().is_some_and(DeliveryState::is_outcome);
        match incoming.filter(|_| single) {
            // The producer's settling will follow.
            Some((link, delivery)) => {
                if let Some(conn) = self.links.get(link).map(|link| link.conn)
                    && let Some(state_of) = self.conns.get_mut(conn)
                {
                    state_of.engine.dispose(delivery, state, false);
                    self.touch(conn);
                }
            }
            None if outcome => {
                if let Some(conn) = self.links.get(key).map(|link| link.conn)
                    && let (Some(conn_state), Some(out_key)) = (self.conns.get_mut(conn), out_key)
                {
                    conn_state.engine.settle_sent(out_key, state.clone());
                    self.touch(conn);
                }
                self.end_out(key, id, state);
            }
            None => {}
        }
    }

    /// One way out is over: by the consumer's settling, or as nothing more is expected of it.
    pub(super) fn end_out(&mut self, key: LinkKey, id: DeliveryId, state: Option<DeliveryState>) {
        let Some(delivery) = self.deliveries.get_mut(id) else {
            return;
        };
        let Some(out) = delivery.take_out(key) else {
            return;
        };
        if let (Some(remote), Some(address)) = (out.remote, delivery.address)
            && let Some(address) = self.table.get_mut(address)
        {
            address.drop_load(remote);
        }
        let waited = self.now.since(delivery.came);
        let (mut idle_proxy, mut idle_stream, mut freed) = (None, false, false);
        if let Some(link) = self.links.get_mut(key) {
            link.outgoing.outstanding = link.outgoing.outstanding.saturating_sub(1);
            link.counters.count(state.as_ref());
            link.counters.delays.count(waited);
            if link.outgoing.outstanding == 0 && link.kind == Kind::Proxy {
                idle_proxy = link.address;
            }
            idle_stream = link.outgoing.outstanding == 0 && link.kind == Kind::Stream;
        }
        if !out.sent
            && let Some(link) = self.links.get_mut(key)
        {
            // Settled before everything was sent: what is left has no taker.
            freed = link.outgoing.queue.front() == Some(&id);
            let in_progress = freed && out.key.is_some();
            link.outgoing.queue.retain(|queued| *queued != id);
            if in_progress && let Some(conn) = self.conns.get_mut(link.conn) {
                conn.engine.abort(link.id);
            }
        }
        if delivery.out.is_none() {
            // The last one ended: nothing to combine with is the usual case.
            let state = if delivery.combined.is_some() {
                delivery.combine(state);
                delivery.combined.take()
            } else {
                state
            };
            self.finish(id, state);
        } else {
            delivery.combine(state);
        }
        // The last producer may have gone while this was on its way.
        if let Some(address) = idle_proxy
            && self.table.get(address).is_some_and(|address| address.producers.is_empty())
        {
            self.address_changed(address);
        }
        if idle_stream {
            self.stream_ended(key);
        }
        if freed {
            // What waited behind it may not wait for anything else.
            self.pump(key);
        }
    }

    /// Tells the producer, gives its credit back, forgets the delivery.
    pub(super) fn finish(&mut self, id: DeliveryId, state: Option<DeliveryState>) {
        let Some(delivery) = self.deliveries.get(id) else {
            return;
        };
        let (incoming, came, settled) = (delivery.incoming, delivery.came, delivery.settled);
        let (complete, held) = (delivery.message.complete, delivery.message.held);
        let repaid = delivery.repaid;
        self.deliveries.discard(id);
        match &state {
            Some(DeliveryState::Accepted) => self.totals.accepted += 1,
            Some(DeliveryState::Rejected(_)) => self.totals.rejected += 1,
            Some(DeliveryState::Released) => self.totals.released += 1,
            Some(DeliveryState::Modified { .. }) => self.totals.modified += 1,
            _ => {}
        }
        let waited = self.now.since(came);
        self.totals.delays.count(waited);
        let Some((key, in_key)) = incoming else {
            return;
        };
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.incoming.in_flight = link.incoming.in_flight.saturating_sub(1);
        link.counters.count(state.as_ref());
        link.counters.delays.count(waited);
        if !complete {
            link.incoming.current = Current::Discarded;
        }
        let conn = link.conn;
        if !settled && let Some(conn_state) = self.conns.get_mut(conn) {
            conn_state.engine.dispose(in_key, state, true);
            self.touch(conn);
        }
        if held > 0 {
            self.let_go(key, held);
        }
        if !repaid {
            self.replenish(key);
        }
    }

    /// A producer settled a delivery, or told another state of it.
    pub(super) fn on_sender_update(
        &mut self,
        id: DeliveryId,
        state: Option<DeliveryState>,
        settled: bool,
    ) {
        let Some(delivery) = self.deliveries.get_mut(id).filter(|_| settled) else {
            return;
        };
        delivery.settled = true;
        let sent: Vec<_> =
            delivery.outs().filter(|out| out.sent).map(|out| (out.link, out.key)).collect();
        for (link, key) in sent {
            if let Some(conn) = self.links.get(link).map(|link| link.conn)
                && let (Some(conn_state), Some(key)) = (self.conns.get_mut(conn), key)
            {
                conn_state.engine.settle_sent(key, state.clone());
                self.touch(conn);
            }
            self.end_out(link, id, state.clone());
        }
    }
}

impl Counters {
    fn count(&mut self, state: Option<&DeliveryState>) {
        match state {
            Some(DeliveryState::Accepted) => self.accepted += 1,
            Some(DeliveryState::Rejected(_)) => self.rejected += 1,
            Some(DeliveryState::Released) => self.released += 1,
            Some(DeliveryState::Modified { .. }) => self.modified += 1,
            _ => {}
        }
    }
}
