//! Dispositions of either side: gathered into ranges on the way out, walked one by one on the way in.

use iofog_amqp::{DeliveryState, Disposition, Error, Role, Serial, condition};

use super::{Connection, Step};
use crate::session::SessionState;
use crate::{DeliveryKey, Event, LinkId, SessionId, Token};

/// A disposition of the peer of which deliveries are still to be told.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    session: u16,
    /// Role of the peer.
    role: Role,
    next: Serial,
    last: Serial,
    state: Option<DeliveryState>,
    settled: bool,
}

impl Connection {
    #[inline]
    pub(super) fn on_disposition(&mut self, channel: u16, disposition: Disposition) -> Step {
        let Some(session) = self.session_at(channel) else { return self.unknown_channel() };
        if self.sessions.get(session.into()).is_none_or(|s| s.state == SessionState::EndSent) {
            return Step::Again;
        }
        let next = Serial(disposition.first);
        let last = Serial(disposition.last.unwrap_or(disposition.first));
        if last.is_before(next) {
            let text = "disposition ends before it begins";
            return self.protocol_error(Error::new(condition::INVALID_FIELD, text));
        }
        let Disposition { role, state, settled, .. } = disposition;
        self.walk = Some(Walk { session, role, next, last, state, settled });
        match self.next_walked() {
            Some(event) => Step::Event(event),
            None => Step::Again,
        }
    }

    /// The next delivery of the walk that we know; ends the walk when there is none.
    #[inline]
    pub(super) fn next_walked(&mut self) -> Option<Event> {
        let walk = self.walk.as_mut()?;
        let found = self.sessions.get_mut(walk.session.into()).and_then(|session| {
            let deliveries = match walk.role {
                Role::Receiver => &mut session.outgoing,
                Role::Sender => &mut session.incoming,
            };
            let (id, entry) = deliveries.first_in(walk.next, walk.last)?;
            if walk.settled {
                deliveries.remove(id);
            }
            Some((id, entry))
        });
        let Some((id, entry)) = found else {
            self.walk = None;
            return None;
        };
        let (link, token) = (LinkId(entry.link), Token(entry.token));
        let delivery = DeliveryKey { session: SessionId(walk.session), id: id.0 };
        let (role, settled) = (walk.role, walk.settled);
        let state = if id == walk.last { walk.state.take() } else { walk.state.clone() };
        if id == walk.last {
            self.walk = None;
        } else {
            walk.next = id.plus(1);
        }
        Some(match role {
            Role::Receiver => Event::Updated { link, delivery, token, state, settled },
            Role::Sender => Event::SenderUpdated { link, delivery, token, state, settled },
        })
    }

    /// Tells the sender the state of an incoming delivery. Neighbouring deliveries with the same state
    /// share one frame.
    #[inline]
    pub fn dispose(&mut self, delivery: DeliveryKey, state: Option<DeliveryState>, settled: bool) {
        self.tell(Role::Receiver, delivery, state, settled);
    }

    /// Settles a sent delivery (our side), with the state the peer gave or another one.
    #[inline]
    pub fn settle_sent(&mut self, delivery: DeliveryKey, state: Option<DeliveryState>) {
        self.tell(Role::Sender, delivery, state, true);
    }

    #[inline]
    fn tell(
        &mut self,
        role: Role,
        delivery: DeliveryKey,
        state: Option<DeliveryState>,
        settled: bool,
    ) {
        let id = Serial(delivery.id);
        let channel = delivery.session.0;
        let Some(session) = self.sessions.get_mut(channel.into()) else { return };
        let deliveries = match role {
            Role::Sender => &mut session.outgoing,
            Role::Receiver => &mut session.incoming,
        };
        let known =
            if settled { deliveries.remove(id).is_some() } else { deliveries.get(id).is_some() };
        if !known {
            return;
        }
        let full = session.gather(role, id, state, settled);
        self.mark_session(channel, false);
        if let Some(gathered) = full {
            self.write_frame(channel, |out| gathered.into_disposition(role).encode(out));
        }
    }
}
