//! `begin` and `end` of either side.

use iofog_amqp::{Begin, End, Error, Serial, Symbol, condition};

use super::handshake::Phase;
use super::{Connection, Step};
use crate::session::{Session, SessionState};
use crate::{Event, LimitError, LinkId, SessionId};

impl Connection {
    /// Begins a session. Links may be attached to it at once.
    ///
    /// # Errors
    /// [`LimitError`] at either side's limit, or when the connection is not open.
    pub fn begin(&mut self) -> Result<SessionId, LimitError> {
        if self.phase != Phase::Running {
            return Err(LimitError::NotOpen);
        }
        let id = self.add_session(SessionState::BeginSent)?;
        self.send_begin(id, None);
        Ok(SessionId(id))
    }

    fn add_session(&mut self, state: SessionState) -> Result<u16, LimitError> {
        let remote_max = self.remote_open.as_ref().map_or(0, |open| open.channel_max);
        let max = usize::from(remote_max).saturating_add(1).min(self.config.max_sessions.into());
        if self.sessions.len() >= max {
            return Err(LimitError::Limit);
        }
        let session = Session::new(state, &self.config);
        u16::try_from(self.sessions.insert(session)).map_err(|_| LimitError::Limit)
    }

    fn send_begin(&mut self, id: u16, remote_channel: Option<u16>) {
        let window = self.sessions.get(id.into()).map_or(0, |session| session.incoming_window);
        let begin = Begin {
            remote_channel,
            next_outgoing_id: self.config.initial.transfer_id,
            incoming_window: window,
            outgoing_window: i32::MAX.cast_unsigned(),
            handle_max: self.config.max_links_per_session.saturating_sub(1),
            ..Begin::default()
        };
        self.write_frame(id, |out| begin.encode(out));
    }

    pub(super) fn on_begin(&mut self, channel: u16, begin: &Begin) -> Step {
        if channel >= self.config.max_sessions {
            let text = "channel number is above channel-max";
            return self.protocol_error(Error::new(condition::FRAMING_ERROR, text));
        }
        if self.remote_channels.get(usize::from(channel)).is_some_and(Option::is_some) {
            let text = "channel is in use";
            return self.protocol_error(Error::new(condition::NOT_ALLOWED, text));
        }
        let by_peer = begin.remote_channel.is_none();
        let id = match begin.remote_channel {
            Some(ours) => {
                let known =
                    self.sessions.get(ours.into()).is_some_and(|s| s.remote_channel.is_none());
                if !known {
                    let text = "begin answers a session that was not begun";
                    return self.protocol_error(Error::new(condition::INVALID_FIELD, text));
                }
                ours
            }
            None => match self.add_session(SessionState::Mapped) {
                Ok(id) => id,
                Err(_) => {
                    let text = "too many sessions";
                    return self
                        .protocol_error(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text));
                }
            },
        };
        if self.remote_channels.len() <= channel.into() {
            self.remote_channels.resize(usize::from(channel) + 1, None);
        }
        if let Some(place) = self.remote_channels.get_mut(usize::from(channel)) {
            *place = Some(id);
        }
        let Some(session) = self.sessions.get_mut(id.into()) else { return Step::Again };
        session.remote_channel = Some(channel);
        session.next_incoming_id = Serial(begin.next_outgoing_id);
        session.measured_from = session.next_incoming_id;
        session.remote_incoming_window = begin.incoming_window;
        session.remote_handle_max = begin.handle_max;
        if session.state == SessionState::EndSent {
            return Step::Again;
        }
        session.state = SessionState::Mapped;
        if by_peer {
            self.send_begin(id, Some(channel));
        }
        let writable = self.sessions.get_mut(id.into()).is_some_and(|session| {
            std::mem::take(&mut session.blocked) && session.remote_incoming_window > 0
        });
        if writable {
            self.events.push_back(Event::Writable(SessionId(id)));
        }
        Step::Event(Event::SessionBegun { session: SessionId(id), by_peer })
    }

    /// The session of a peer's channel.
    #[inline]
    pub(super) fn session_at(&self, channel: u16) -> Option<u16> {
        self.remote_channels.get(usize::from(channel)).copied().flatten()
    }

    pub(super) fn unknown_channel(&mut self) -> Step {
        let text = "no session on this channel";
        self.protocol_error(Error::new(condition::NOT_ALLOWED, text))
    }

    /// Ends a session and all its links.
    pub fn end(&mut self, session: SessionId, error: Option<Error>) {
        if self.phase != Phase::Running {
            return;
        }
        let ended = match self.sessions.get(session.0.into()) {
            Some(found) => found.state == SessionState::EndSent,
            None => true,
        };
        if ended {
            return;
        }
        self.flush();
        let end = End { error: error.map(Box::new) };
        self.write_frame(session.0, |out| end.encode(out));
        self.drop_links(session.0);
        if let Some(found) = self.sessions.get_mut(session.0.into()) {
            found.state = SessionState::EndSent;
        }
    }

    /// The peer broke the rules of a session: ends it with an error.
    pub(super) fn session_error(&mut self, session: u16, condition: Symbol, text: &str) -> Step {
        self.end(SessionId(session), Some(Error::new(condition, text)));
        Step::Again
    }

    pub(super) fn on_end(&mut self, channel: u16, end: End) -> Step {
        let Some(id) = self.session_at(channel) else { return self.unknown_channel() };
        let Some(session) = self.sessions.get_mut(id.into()) else { return Step::Again };
        if session.state != SessionState::EndSent {
            self.write_frame(id, |out| End::default().encode(out));
            self.drop_links(id);
        }
        self.walk = None;
        self.sessions.take(id.into());
        if let Some(place) = self.remote_channels.get_mut(usize::from(channel)) {
            *place = None;
        }
        let event = Event::SessionEnded { session: SessionId(id), error: end.error };
        self.events.push_back(event);
        Step::Again
    }

    /// Forgets the links of a session and tells the user.
    fn drop_links(&mut self, session: u16) {
        let links: Vec<u32> = self
            .links
            .iter()
            .filter_map(|(id, link)| (link.session == session).then_some(id))
            .collect();
        for id in links {
            self.links.take(id);
            self.events.push_back(Event::Detached { link: LinkId(id), closed: true, error: None });
        }
        if let Some(session) = self.sessions.get_mut(session.into()) {
            session.remote_handles.clear();
            session.handles.clear();
            session.links = 0;
            session.outgoing = crate::unsettled::Unsettled::default();
            session.incoming = crate::unsettled::Unsettled::default();
            session.gathered_sender = None;
            session.gathered_receiver = None;
            session.aborts.clear();
        }
    }

    /// Tells turned-away senders that there is room in the output again.
    pub(super) fn wake_blocked(&mut self) {
        for (id, session) in self.sessions.iter_mut() {
            if session.blocked && session.remote_incoming_window > 0 {
                session.blocked = false;
                if let Ok(id) = u16::try_from(id) {
                    self.events.push_back(Event::Writable(SessionId(id)));
                }
            }
        }
    }
}
