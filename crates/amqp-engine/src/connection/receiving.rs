//! Incoming transfers.

use bytes::Bytes;
use iofog_amqp::{Error, Role, Serial, Transfer, condition};

use super::{Connection, Step};
use crate::link::{LinkState, Unfinished};
use crate::session::SessionState;
use crate::unsettled::Entry;
use crate::{Delivered, DeliveryKey, Event, LinkId, SessionId, Token};

impl Connection {
    #[inline]
    pub(super) fn on_transfer(&mut self, channel: u16, transfer: Transfer, payload: Bytes) -> Step {
        let Some(session) = self.session_at(channel) else { return self.unknown_channel() };
        let Some(found) = self.sessions.get(session.into()) else { return Step::Again };
        if found.state == SessionState::EndSent {
            return Step::Again;
        }
        let Some(id) = found.link_at(transfer.handle) else {
            let text = "transfer on a handle that is not attached";
            return self.session_error(session, condition::UNATTACHED_HANDLE, text);
        };
        if !self.count_incoming(session, id, payload.len()) {
            return self.window_violation(session);
        }
        let Some(link) = self.links.get(id) else { return Step::Again };
        if link.role == Role::Sender {
            let text = "transfer on a link whose sender we are";
            return self.session_error(session, condition::NOT_ALLOWED, text);
        }
        if link.state == LinkState::DetachSent {
            return self.drop_transfer(session, &transfer);
        }
        match link.unfinished {
            Some(unfinished) => self.next_piece(session, id, unfinished, transfer, payload),
            None => self.first_piece(session, id, transfer, payload),
        }
    }

    /// A delivery on a link that we have detached: only its number counts.
    fn drop_transfer(&mut self, session: u16, transfer: &Transfer) -> Step {
        if let Some(session) = self.sessions.get_mut(session.into())
            && let Some(id) = transfer.delivery_id.map(Serial)
            && session.expected_delivery.is_none_or(|expected| expected == id)
        {
            session.expected_delivery = Some(id.plus(1));
            session.incoming.push(id, None);
        }
        Step::Again
    }

    #[inline]
    fn first_piece(&mut self, session: u16, id: u32, transfer: Transfer, payload: Bytes) -> Step {
        let Some(found) = self.sessions.get_mut(session.into()) else { return Step::Again };
        let Some(link) = self.links.get_mut(id) else { return Step::Again };
        let Some(delivery) = transfer.delivery_id.map(Serial) else {
            let text = "the first frame of a delivery must have a delivery-id";
            return self.session_error(session, condition::INVALID_FIELD, text);
        };
        if found.expected_delivery.is_some_and(|expected| expected != delivery) {
            let text = "delivery-id is out of sequence";
            return self.session_error(session, condition::INVALID_FIELD, text);
        }
        found.expected_delivery = Some(delivery.plus(1));
        let settled = transfer.settled.unwrap_or(false);
        let Some(credit) = link.use_credit() else {
            found.incoming.push(delivery, None);
            let text = "more deliveries than the link credit allows";
            let error = Error::new(condition::TRANSFER_LIMIT_EXCEEDED, text);
            return self.detach_by_error(id, error);
        };
        link.delivery_count = link.delivery_count.plus(1);
        if credit == 0 && std::mem::take(&mut link.drain) {
            // Used up by messages: some senders say no more about it.
            let event =
                Event::SenderFlow { link: LinkId(id), available: None, credit, drained: true };
            self.events.push_back(event);
        }
        link.received = 0;
        let Some(tag) = transfer.delivery_tag else {
            let text = "the first frame of a delivery must have a delivery-tag";
            return self.session_error(session, condition::INVALID_FIELD, text);
        };
        let more = transfer.more && !transfer.aborted;
        let keep = (!settled || more) && !transfer.aborted;
        found.incoming.push(delivery, keep.then_some(Entry { link: id, token: 0 }));
        link.unfinished = more.then_some(Unfinished { id: delivery, settled });
        if let Some(step) = self.check_size(id, payload.len()) {
            return step;
        }
        Step::Event(Event::Transfer(Delivered {
            link: LinkId(id),
            delivery: DeliveryKey { session: SessionId(session), id: delivery.0 },
            token: Token(0),
            tag,
            message_format: transfer.message_format.unwrap_or(0),
            first: true,
            more,
            aborted: transfer.aborted,
            settled,
            state: transfer.state,
            payload,
        }))
    }

    fn next_piece(
        &mut self,
        session: u16,
        id: u32,
        unfinished: Unfinished,
        transfer: Transfer,
        payload: Bytes,
    ) -> Step {
        let delivery = unfinished.id;
        if transfer.delivery_id.is_some_and(|given| given != delivery.0) {
            let text = "a delivery began before the one before it on the link was complete";
            return self.session_error(session, condition::INVALID_FIELD, text);
        }
        let Some(found) = self.sessions.get_mut(session.into()) else { return Step::Again };
        let Some(link) = self.links.get_mut(id) else { return Step::Again };
        let settled = unfinished.settled || transfer.settled.unwrap_or(false);
        let more = transfer.more && !transfer.aborted;
        link.unfinished = more.then_some(Unfinished { id: delivery, settled });
        let token = found.incoming.get(delivery).map_or(0, |entry| entry.token);
        if !more && (settled || transfer.aborted) {
            found.incoming.remove(delivery);
        }
        if let Some(step) = self.check_size(id, payload.len()) {
            return step;
        }
        Step::Event(Event::Transfer(Delivered {
            link: LinkId(id),
            delivery: DeliveryKey { session: SessionId(session), id: delivery.0 },
            token: Token(token),
            tag: Default::default(),
            message_format: 0,
            first: false,
            more,
            aborted: transfer.aborted,
            settled,
            state: transfer.state,
            payload,
        }))
    }

    /// Counts the bytes of a message against the link's limit.
    #[inline]
    fn check_size(&mut self, id: u32, len: usize) -> Option<Step> {
        let link = self.links.get_mut(id)?;
        if link.max_message_size == 0 {
            return None;
        }
        link.received = link.received.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        if link.received <= link.max_message_size {
            return None;
        }
        self.oversized = self.oversized.saturating_add(1);
        let text = "message is above max-message-size";
        Some(self.detach_by_error(id, Error::new(condition::MESSAGE_SIZE_EXCEEDED, text)))
    }

    /// Messages above their link's limit since last asked; each ended its link.
    pub fn take_oversized(&mut self) -> u32 {
        std::mem::take(&mut self.oversized)
    }

    /// The peer broke the rules of a link: detaches it. The user hears of it when the peer has answered.
    fn detach_by_error(&mut self, id: u32, error: Error) -> Step {
        self.detach(LinkId(id), true, Some(error));
        Step::Again
    }

    /// Remembers a token for an incoming delivery that is unsettled or incomplete.
    #[inline]
    pub fn set_token(&mut self, delivery: DeliveryKey, token: Token) {
        if let Some(session) = self.sessions.get_mut(delivery.session.0.into())
            && let Some(entry) = session.incoming.get_mut(Serial(delivery.id))
        {
            entry.token = token.0;
        }
    }
}
