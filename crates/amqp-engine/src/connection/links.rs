//! `attach` and `detach` of either side.

use iofog_amqp::{Attach, Detach, Error, Role, Serial, condition};

use super::{Connection, Step};
use crate::link::{Link, LinkState};
use crate::session::{NO_LINK, SessionState};
use crate::{Event, LimitError, LinkId, SessionId};

impl Connection {
    /// Attaches a link; `attach.role` is our role, `handle` is chosen by the engine.
    ///
    /// # Errors
    /// [`LimitError`] at either side's limit, or when the session is not there.
    pub fn attach(&mut self, session: SessionId, attach: Attach) -> Result<LinkId, LimitError> {
        let limit = self.config.max_links_per_session;
        let found = self.sessions.get_mut(session.0.into()).ok_or(LimitError::NotOpen)?;
        if found.state == SessionState::EndSent || !self.is_open() {
            return Err(LimitError::NotOpen);
        }
        let found = self.sessions.get_mut(session.0.into()).ok_or(LimitError::NotOpen)?;
        if found.links >= limit || found.links > found.remote_handle_max {
            return Err(LimitError::Limit);
        }
        found.links += 1;
        let link = Link::new(attach.name.clone(), session.0, attach.role, LinkState::AttachSent);
        let id = self.links.insert(link);
        self.send_attach(id, attach);
        Ok(LinkId(id))
    }

    /// Chooses our handle, fills in what the engine knows, and writes the frame.
    fn send_attach(&mut self, id: u32, mut attach: Attach) {
        let Some(link) = self.links.get_mut(id) else { return };
        let Some(session) = self.sessions.get_mut(link.session.into()) else { return };
        link.handle = session.take_handle(id);
        link.max_message_size = attach.max_message_size.unwrap_or(0);
        attach.name.clone_from(&link.name);
        attach.handle = link.handle;
        attach.role = link.role;
        attach.initial_delivery_count = None;
        if link.role == Role::Sender {
            link.delivery_count = Serial(self.config.initial.delivery_count);
            attach.initial_delivery_count = Some(link.delivery_count.0);
        }
        let channel = link.session;
        self.write_frame(channel, |out| attach.encode(out));
    }

    pub(super) fn on_attach(&mut self, channel: u16, attach: Box<Attach>) -> Step {
        let Some(session) = self.session_at(channel) else { return self.unknown_channel() };
        let limit = self.config.max_links_per_session;
        let Some(found) = self.sessions.get(session.into()) else { return Step::Again };
        if found.state == SessionState::EndSent {
            return Step::Again;
        }
        if attach.handle >= limit {
            let text = "handle is above handle-max";
            return self.protocol_error(Error::new(condition::FRAMING_ERROR, text));
        }
        if found.link_at(attach.handle).is_some() {
            let text = "handle is in use";
            return self.session_error(session, condition::HANDLE_IN_USE, text);
        }
        let answered = found.handles.iter().copied().filter(|id| *id != NO_LINK).find(|id| {
            self.links.get(*id).is_some_and(|link| {
                link.remote_handle.is_none()
                    && link.role == attach.role.opposite()
                    && link.name == attach.name
            })
        });
        match answered {
            Some(id) => self.on_attach_answer(session, id, attach),
            None => self.on_attach_offer(session, attach),
        }
    }

    fn on_attach_answer(&mut self, session: u16, id: u32, attach: Box<Attach>) -> Step {
        if let Some(session) = self.sessions.get_mut(session.into()) {
            session.map_remote(attach.handle, id);
        }
        let Some(link) = self.links.get_mut(id) else { return Step::Again };
        link.remote_handle = Some(attach.handle);
        link.rcv_settle_mode = attach.rcv_settle_mode;
        if let (Role::Receiver, Some(count)) = (link.role, attach.initial_delivery_count) {
            link.delivery_count = Serial(count);
        }
        if link.state == LinkState::DetachSent {
            return Step::Again;
        }
        link.state = LinkState::Attached;
        if link.flow_due {
            self.mark_link(id);
        }
        Step::Event(Event::Attached { link: LinkId(id), attach })
    }

    fn on_attach_offer(&mut self, session: u16, attach: Box<Attach>) -> Step {
        let role = attach.role.opposite();
        let mut link = Link::new(attach.name.clone(), session, role, LinkState::Offered);
        link.remote_handle = Some(attach.handle);
        link.rcv_settle_mode = attach.rcv_settle_mode;
        link.delivery_count = Serial(attach.initial_delivery_count.unwrap_or(0));
        let id = self.links.insert(link);
        let Some(found) = self.sessions.get_mut(session.into()) else { return Step::Again };
        found.map_remote(attach.handle, id);
        found.links += 1;
        if found.links > self.config.max_links_per_session {
            let text = "too many links on this session";
            self.refuse(LinkId(id), Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text));
            return Step::Again;
        }
        Step::Event(Event::Attach { session: SessionId(session), link: LinkId(id), attach })
    }

    /// Answers [`Event::Attach`]. Name, handle, role and (for senders) delivery count are filled in.
    pub fn accept(&mut self, link: LinkId, answer: Attach) {
        let Some(found) = self.links.get_mut(link.0) else { return };
        if found.state != LinkState::Offered || !self.is_open() {
            return;
        }
        if let Some(found) = self.links.get_mut(link.0) {
            found.state = LinkState::Attached;
        }
        self.send_attach(link.0, answer);
        if self.links.get(link.0).is_some_and(|found| found.flow_due) {
            self.mark_link(link.0);
        }
    }

    /// Answers [`Event::Attach`] with an attach without source and target, and a detach with `error`.
    pub fn refuse(&mut self, link: LinkId, error: Error) {
        let Some(found) = self.links.get(link.0) else { return };
        if found.state != LinkState::Offered {
            return;
        }
        let answer = Attach::new("", found.role);
        self.accept(link, answer);
        self.detach(link, true, Some(error));
    }

    /// Detaches a link; [`Event::Detached`] comes when the peer has answered.
    pub fn detach(&mut self, link: LinkId, closed: bool, error: Option<Error>) {
        let Some(found) = self.links.get_mut(link.0) else { return };
        match found.state {
            LinkState::DetachSent => return,
            LinkState::Offered => {
                let answer = Attach::new("", found.role);
                self.accept(link, answer);
            }
            LinkState::AttachSent | LinkState::Attached => {}
        }
        if !self.is_open() {
            return;
        }
        self.flush();
        let Some(found) = self.links.get_mut(link.0) else { return };
        found.state = LinkState::DetachSent;
        let (session, handle) = (found.session, found.handle);
        self.forget_deliveries(link.0);
        let detach = Detach { handle, closed, error: error.map(Box::new) };
        self.write_frame(session, |out| detach.encode(out));
    }

    pub(super) fn on_detach(&mut self, channel: u16, detach: Detach) -> Step {
        let Some(session) = self.session_at(channel) else { return self.unknown_channel() };
        let Some(found) = self.sessions.get_mut(session.into()) else { return Step::Again };
        if found.state == SessionState::EndSent {
            return Step::Again;
        }
        let Some(id) = found.link_at(detach.handle) else {
            let text = "detach of a handle that is not attached";
            return self.session_error(session, condition::UNATTACHED_HANDLE, text);
        };
        found.unmap_remote(detach.handle);
        found.links = found.links.saturating_sub(1);
        if self.links.get(id).is_some_and(|link| link.state != LinkState::DetachSent) {
            self.detach(LinkId(id), detach.closed, None);
        }
        // Our handle stays taken until now, so that an answer to our attach still finds its link.
        if let Some(link) = self.links.take(id)
            && let Some(session) = self.sessions.get_mut(session.into())
        {
            session.free_handle(link.handle);
        }
        let event =
            Event::Detached { link: LinkId(id), closed: detach.closed, error: detach.error };
        self.events.push_back(event);
        Step::Again
    }

    /// Drops what the engine knows of a link's deliveries.
    fn forget_deliveries(&mut self, id: u32) {
        let Some(link) = self.links.get_mut(id) else { return };
        link.unfinished = None;
        link.credit = 0;
        let Some(session) = self.sessions.get_mut(link.session.into()) else { return };
        match link.role {
            Role::Sender => session.outgoing.remove_link(id),
            Role::Receiver => session.incoming.remove_link(id),
        }
    }

    /// The session of a link.
    #[must_use]
    pub fn session_of(&self, link: LinkId) -> Option<SessionId> {
        self.links.get(link.0).map(|link| SessionId(link.session))
    }

    /// Whether both sides have attached the link and none has detached it.
    #[must_use]
    pub fn is_attached(&self, link: LinkId) -> bool {
        self.links.get(link.0).is_some_and(|link| link.state == LinkState::Attached)
    }

    /// Credit of a link: what may be sent (sending link), what we have granted and is unused (receiving link).
    #[must_use]
    #[inline]
    pub fn credit(&self, link: LinkId) -> u32 {
        self.links.get(link.0).map_or(0, |link| link.credit)
    }

    /// Lists a link for the next flush.
    pub(super) fn mark_link(&mut self, id: u32) {
        self.dirty_links.push(id);
    }
}
