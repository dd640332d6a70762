//! `flow` of either side: session windows, credit, drain.

use iofog_amqp::{Error, Flow, Role, Serial, condition};

use super::{Connection, Step};
use crate::link::LinkState;
use crate::session::{Session, SessionState};
use crate::{Config, Event, LinkId, SessionId};

impl Connection {
    #[inline]
    pub(super) fn on_flow(&mut self, channel: u16, flow: &Flow) -> Step {
        let Some(session) = self.session_at(channel) else { return self.unknown_channel() };
        let Some(found) = self.sessions.get_mut(session.into()) else { return Step::Again };
        if found.state == SessionState::EndSent {
            return Step::Again;
        }
        // Frames that are under way were not counted by the peer (2.5.6).
        let seen = Serial(flow.next_incoming_id.unwrap_or(self.config.initial.transfer_id));
        let under_way = found.next_outgoing_id.since(seen);
        found.remote_incoming_window = flow.incoming_window.saturating_sub(under_way);
        let open = found.remote_incoming_window > 0;
        if open && found.blocked {
            found.blocked = false;
            self.events.push_back(Event::Writable(SessionId(session)));
        }
        if open && !found.aborts.is_empty() {
            self.send_aborts(session);
        }
        let Some(handle) = flow.handle else {
            if flow.echo {
                self.mark_session(session, true);
            }
            return Step::Again;
        };
        let Some(found) = self.sessions.get(session.into()) else { return Step::Again };
        let Some(id) = found.link_at(handle) else {
            let text = "flow for a handle that is not attached";
            return self.session_error(session, condition::UNATTACHED_HANDLE, text);
        };
        self.on_link_flow(id, flow)
    }

    #[inline]
    fn on_link_flow(&mut self, id: u32, flow: &Flow) -> Step {
        let initial = self.config.initial.delivery_count;
        let Some(link) = self.links.get_mut(id) else { return Step::Again };
        if link.state == LinkState::DetachSent {
            return Step::Again;
        }
        let echo_due = flow.echo && !link.flow_due;
        link.flow_due |= flow.echo;
        let event = match link.role {
            Role::Sender => {
                let Some(granted) = flow.link_credit else {
                    if echo_due {
                        self.mark_link(id);
                    }
                    return Step::Again;
                };
                let seen = Serial(flow.delivery_count.unwrap_or(initial));
                link.credit = granted.saturating_sub(link.delivery_count.since(seen));
                link.drain = flow.drain;
                Event::Credit {
                    link: LinkId(id),
                    credit: link.credit,
                    drain: flow.drain,
                    echo: flow.echo,
                }
            }
            Role::Receiver => {
                if let Some(count) = flow.delivery_count.map(Serial)
                    && link.delivery_count.is_before(count)
                {
                    link.credit = link.credit.saturating_sub(count.since(link.delivery_count));
                    link.delivery_count = count;
                }
                let drained = link.drain && link.credit == 0;
                if drained {
                    link.drain = false;
                }
                Event::SenderFlow {
                    link: LinkId(id),
                    available: flow.available,
                    credit: link.credit,
                    drained,
                }
            }
        };
        if echo_due {
            self.mark_link(id);
        }
        Step::Event(event)
    }

    /// Grants `more` deliveries beyond what was granted.
    #[inline]
    pub fn add_credit(&mut self, link: LinkId, more: u32) {
        self.change_credit(link, |credit| credit.saturating_add(more));
    }

    /// Sets the granted credit.
    pub fn set_credit(&mut self, link: LinkId, credit: u32) {
        self.change_credit(link, |_| credit);
    }

    #[inline]
    fn change_credit(&mut self, link: LinkId, change: impl FnOnce(u32) -> u32) {
        let Some(found) = self.links.get_mut(link.0) else { return };
        if found.role == Role::Sender || found.state == LinkState::DetachSent {
            return;
        }
        found.grant(change(found.credit));
        self.flow_due(link);
    }

    /// Asks the sender to use up the credit; [`Event::SenderFlow`] with `drained` follows.
    pub fn drain(&mut self, link: LinkId) {
        let Some(found) = self.links.get_mut(link.0) else { return };
        if found.role == Role::Receiver && found.state != LinkState::DetachSent {
            found.drain = true;
            self.flow_due(link);
        }
    }

    /// The sender has nothing more for a drain: uses up the credit and tells the peer. A delivery that is
    /// being sent has its credit already.
    pub fn drained(&mut self, link: LinkId) {
        let Some(found) = self.links.get_mut(link.0) else { return };
        if found.role == Role::Sender && found.drain {
            found.delivery_count = found.delivery_count.plus(found.credit);
            found.credit = 0;
            self.flow_due(link);
        }
    }

    /// How many deliveries wait for the link; told to the peer with the next flow.
    pub fn set_available(&mut self, link: LinkId, available: u32) {
        if let Some(found) = self.links.get_mut(link.0) {
            found.available = available;
        }
    }

    /// Has a flow frame of the link written at the next flush, whatever else: to tell the peer where we are.
    #[inline]
    pub fn flow_due(&mut self, link: LinkId) {
        let Some(found) = self.links.get_mut(link.0) else { return };
        if !std::mem::replace(&mut found.flow_due, true) && found.state == LinkState::Attached {
            self.dirty_links.push(link.0);
        }
    }

    /// While held, the session's incoming window is not refilled: the peer stops after at most
    /// `incoming_window` frames (back-pressure for streams).
    pub fn hold_window(&mut self, session: SessionId, hold: bool) {
        let Some(found) = self.sessions.get_mut(session.0.into()) else { return };
        found.held = hold;
        if !hold && found.incoming_window <= found.full_window / 2 {
            let receiving = |id: &u32| {
                self.links.get(*id).is_some_and(|link| {
                    link.role == Role::Receiver && link.state == LinkState::Attached
                })
            };
            let link = found.handles.iter().copied().find(receiving);
            self.reopen_window(session.0, link);
        }
    }

    /// Has the incoming window refilled by the next flow. It names a link where there is one: skupper-router
    /// goes on with what the window stopped only when a flow names a link of the session.
    #[inline]
    fn reopen_window(&mut self, session: u16, link: Option<u32>) {
        match link {
            Some(link) => self.flow_due(LinkId(link)),
            None => self.mark_session(session, true),
        }
    }

    /// Lists a session for the next flush.
    #[inline]
    pub(super) fn mark_session(&mut self, id: u16, flow: bool) {
        let Some(session) = self.sessions.get_mut(id.into()) else { return };
        session.flow_due |= flow;
        if !std::mem::replace(&mut session.dirty, true) {
            self.dirty_sessions.push(id);
        }
    }

    /// Turns gathered dispositions and credit into frames. Call once per batch, before writing.
    pub fn flush(&mut self) {
        if !self.is_open() {
            self.dirty_links.clear();
            self.dirty_sessions.clear();
            return;
        }
        while let Some(id) = self.dirty_sessions.pop() {
            self.flush_session(id);
        }
        while let Some(id) = self.dirty_links.pop() {
            self.flush_link(id);
        }
    }

    fn flush_session(&mut self, id: u16) {
        let Some(session) = self.sessions.get_mut(id.into()) else { return };
        session.dirty = false;
        let flow = std::mem::take(&mut session.flow_due);
        let gathered = [
            (Role::Receiver, session.gathered_receiver.take()),
            (Role::Sender, session.gathered_sender.take()),
        ];
        if session.state == SessionState::EndSent {
            return;
        }
        let flow = flow.then(|| session_flow(session, &self.config));
        for (role, gathered) in gathered {
            if let Some(gathered) = gathered {
                self.write_frame(id, |out| gathered.into_disposition(role).encode(out));
            }
        }
        if let Some(flow) = flow {
            self.write_frame(id, |out| flow.encode(out));
        }
    }

    fn flush_link(&mut self, id: u32) {
        let Some(link) = self.links.get_mut(id) else { return };
        if link.state != LinkState::Attached || !std::mem::take(&mut link.flow_due) {
            return;
        }
        let Some(session) = self.sessions.get_mut(link.session.into()) else { return };
        let flow = Flow {
            handle: Some(link.handle),
            delivery_count: Some(link.delivery_count.0),
            link_credit: Some(link.credit),
            available: (link.role == Role::Sender).then_some(link.available),
            drain: link.drain,
            ..session_flow(session, &self.config)
        };
        let channel = link.session;
        self.write_frame(channel, |out| flow.encode(out));
    }

    /// A transfer frame of a link arrived: counts it. False: it was not allowed.
    #[inline]
    pub(super) fn count_incoming(&mut self, session: u16, link: u32, bytes: usize) -> bool {
        let Some(found) = self.sessions.get_mut(session.into()) else { return false };
        let Some(left) = found.incoming_window.checked_sub(1) else { return false };
        found.incoming_window = left;
        found.next_incoming_id = found.next_incoming_id.plus(1);
        found.measured_bytes = found.measured_bytes.saturating_add(bytes);
        if left <= found.full_window / 2 && !found.held && !found.flow_due {
            let attached =
                self.links.get(link).is_some_and(|link| link.state == LinkState::Attached);
            self.reopen_window(session, attached.then_some(link));
        }
        true
    }

    pub(super) fn window_violation(&mut self, session: u16) -> Step {
        let text = "more transfer frames than the session window allows";
        let error = Error::new(condition::WINDOW_VIOLATION, text);
        self.end(SessionId(session), Some(error));
        Step::Again
    }
}

/// The session part of a flow frame. Refills the incoming window unless it is held.
fn session_flow(session: &mut Session, config: &Config) -> Flow {
    if !session.held {
        session.measure(config);
        // What was granted is never taken back.
        session.incoming_window = session.incoming_window.max(session.full_window);
    }
    let mapped = session.remote_channel.is_some();
    Flow {
        next_incoming_id: mapped.then_some(session.next_incoming_id.0),
        incoming_window: session.incoming_window,
        next_outgoing_id: session.next_outgoing_id.0,
        outgoing_window: i32::MAX.cast_unsigned(),
        ..Flow::default()
    }
}
