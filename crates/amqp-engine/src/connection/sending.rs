//! Outgoing transfers: cut into frames, never beyond the session window or the output limit.

use bytes::{Buf, Bytes};
use iofog_amqp::frame::{Frame, FrameKind};
use iofog_amqp::{DeliveryTag, Role, Serial, Transfer};

use super::Connection;
use crate::link::{LinkState, Unfinished};
use crate::output::USUAL_FRAME;
use crate::unsettled::Entry;
use crate::{DeliveryKey, LinkId, Progress, SendError, SendHead, SessionId, Token};

/// Bytes that the head of a frame and its transfer take at most, as [`Connection::send_whole`] writes them.
const WHOLE_HEAD: usize = 80;

impl Connection {
    /// Sends bytes of a delivery: begins one with `head` unless one is unfinished on the link (`head` is
    /// then ignored), takes as much from the front of `payload` as frames fit, and finishes the delivery
    /// when all was taken and `last` is set.
    ///
    /// # Errors
    /// [`SendError`]: nothing was taken.
    #[inline]
    pub fn send(
        &mut self,
        link: LinkId,
        head: &SendHead,
        payload: &mut Bytes,
        last: bool,
    ) -> Result<Progress, SendError> {
        if !self.is_open() {
            return Err(SendError::NotAttached);
        }
        let found = self.links.get_mut(link.0).ok_or(SendError::NotAttached)?;
        if found.state != LinkState::Attached || found.role != Role::Sender || found.abort {
            return Err(SendError::NotAttached);
        }
        let (channel, handle) = (found.session, found.handle);
        let session = self.sessions.get_mut(channel.into()).ok_or(SendError::NotAttached)?;
        if found.unfinished.is_none() && found.credit == 0 {
            return Err(SendError::Credit);
        }
        if session.remote_incoming_window == 0 {
            session.blocked = true;
            return Err(SendError::Window);
        }
        if self.out.len() >= self.config.output_limit {
            session.blocked = true;
            self.output_blocked = true;
            return Err(SendError::Output);
        }
        let mut transfer = Transfer { handle, ..Transfer::default() };
        let (unfinished, first) = match found.unfinished {
            Some(unfinished) => (unfinished, false),
            None => {
                if !head.settled && session.outgoing.len() >= self.config.max_unsettled {
                    return Err(SendError::Unsettled);
                }
                let id = session.next_delivery_id;
                session.next_delivery_id = id.plus(1);
                let entry = Entry { link: link.0, token: head.token.0 };
                session.outgoing.push(id, (!head.settled).then_some(entry));
                found.credit -= 1;
                found.delivery_count = found.delivery_count.plus(1);
                let tag = head.tag.unwrap_or_else(|| {
                    found.next_tag = found.next_tag.wrapping_add(1);
                    DeliveryTag::from_counter(found.next_tag - 1)
                });
                transfer.delivery_id = Some(id.0);
                transfer.delivery_tag = Some(tag);
                transfer.message_format = Some(head.message_format);
                transfer.state = head.state.clone();
                (Unfinished { id, settled: head.settled }, true)
            }
        };
        transfer.settled = unfinished.settled.then_some(true);
        let complete = self.send_frames(channel, transfer, first, payload, last);
        if let Some(found) = self.links.get_mut(link.0) {
            found.unfinished = if complete && last { None } else { Some(unfinished) };
        }
        let delivery = DeliveryKey { session: SessionId(channel), id: unfinished.id.0 };
        Ok(Progress { delivery, complete })
    }

    /// Whether [`Self::send_whole`] may take so many bytes: no more than are copied in any case, and fit into a frame.
    #[must_use]
    #[inline]
    pub fn copies_whole(&self, len: usize) -> bool {
        len < self.config.splice_from && len + WHOLE_HEAD <= self.send_frame_size
    }

    /// Sends a whole small message, given in two pieces, in one frame: the short way of [`Self::send`] for bytes
    /// that are copied in any case. None: nothing was sent, and [`Self::send`] tells why, or sends it in another
    /// way.
    #[inline]
    pub fn send_whole(
        &mut self,
        link: LinkId,
        message_format: u32,
        settled: bool,
        token: Token,
        payload: [&[u8]; 2],
    ) -> Option<DeliveryKey> {
        let [front, rest] = payload;
        if !self.copies_whole(front.len() + rest.len())
            || self.out.len() >= self.config.output_limit
            || !self.is_open()
        {
            return None;
        }
        let found = self.links.get_mut(link.0)?;
        if found.state != LinkState::Attached
            || found.role != Role::Sender
            || found.abort
            || found.unfinished.is_some()
            || found.credit == 0
        {
            return None;
        }
        let channel = found.session;
        let session = self.sessions.get_mut(channel.into())?;
        let full = !settled && session.outgoing.len() >= self.config.max_unsettled;
        if session.remote_incoming_window == 0 || full {
            return None;
        }
        session.remote_incoming_window -= 1;
        session.next_outgoing_id = session.next_outgoing_id.plus(1);
        let id = session.next_delivery_id;
        session.next_delivery_id = id.plus(1);
        session.outgoing.push(id, (!settled).then_some(Entry { link: link.0, token: token.0 }));
        found.credit -= 1;
        found.delivery_count = found.delivery_count.plus(1);
        let tag = DeliveryTag::from_counter(found.next_tag);
        found.next_tag = found.next_tag.wrapping_add(1);
        let out = self.out.buffer(WHOLE_HEAD + front.len() + rest.len());
        let frame = Frame::begin(out, FrameKind::Amqp { channel });
        let transfer = Transfer {
            handle: found.handle,
            delivery_id: Some(id.0),
            delivery_tag: Some(tag),
            message_format: Some(message_format),
            settled: settled.then_some(true),
            ..Transfer::default()
        };
        transfer.encode(out);
        out.extend_from_slice(front);
        out.extend_from_slice(rest);
        Frame::end(out, frame, 0);
        Some(DeliveryKey { session: SessionId(channel), id: id.0 })
    }

    /// Writes frames until the payload is used up: true, or the window or the output is full: false.
    #[inline]
    fn send_frames(
        &mut self,
        channel: u16,
        mut transfer: Transfer,
        first: bool,
        payload: &mut Bytes,
        last: bool,
    ) -> bool {
        let mut written = !first && payload.is_empty() && !last;
        while !written || !payload.is_empty() {
            let Some(session) = self.sessions.get_mut(channel.into()) else { return false };
            let full = self.out.len() >= self.config.output_limit;
            if session.remote_incoming_window == 0 || full {
                session.blocked = true;
                self.output_blocked |= full;
                return false;
            }
            session.remote_incoming_window -= 1;
            session.next_outgoing_id = session.next_outgoing_id.plus(1);
            transfer = self.send_frame(channel, transfer, payload, last);
            written = true;
        }
        true
    }

    /// Writes one frame; returns what its successor begins with.
    #[inline]
    fn send_frame(
        &mut self,
        channel: u16,
        mut transfer: Transfer,
        payload: &mut Bytes,
        last: bool,
    ) -> Transfer {
        let limit = self.send_frame_size;
        let copied = if payload.len() < self.config.splice_from { payload.len() } else { 0 };
        let out = self.out.buffer(USUAL_FRAME + copied);
        let frame = Frame::begin(out, FrameKind::Amqp { channel });
        let body = out.len();
        transfer.more = !last;
        transfer.encode(out);
        if !transfer.more && out.len() - frame + payload.len() > limit {
            out.truncate(body);
            transfer.more = true;
            transfer.encode(out);
        }
        let room = limit.saturating_sub(out.len() - frame);
        let len = payload.len().min(room);
        if len < self.config.splice_from {
            out.extend_from_slice(payload.get(..len).unwrap_or_default());
            payload.advance(len);
            Frame::end(out, frame, 0);
        } else {
            Frame::end(out, frame, len);
            let piece = payload.split_to(len);
            self.out.splice(piece);
        }
        Transfer { handle: transfer.handle, settled: transfer.settled, ..Transfer::default() }
    }

    /// Gives up the unfinished delivery of a link, if there is one.
    pub fn abort(&mut self, link: LinkId) {
        let Some(found) = self.links.get_mut(link.0) else { return };
        if found.role == Role::Receiver || found.unfinished.is_none() || found.abort {
            return;
        }
        found.abort = true;
        let session = found.session;
        let Some(found) = self.sessions.get_mut(session.into()) else { return };
        found.aborts.push(link.0);
        if found.remote_incoming_window > 0 {
            self.send_aborts(session);
        }
    }

    /// Sends aborts that the window allows.
    pub(super) fn send_aborts(&mut self, session: u16) {
        loop {
            let Some(found) = self.sessions.get_mut(session.into()) else { return };
            if found.remote_incoming_window == 0 {
                return;
            }
            let Some(id) = found.aborts.pop() else { return };
            let Some(link) = self.links.get_mut(id) else { continue };
            let Some(Unfinished { id, .. }) = link.unfinished.take() else { continue };
            link.abort = false;
            found.remote_incoming_window -= 1;
            found.next_outgoing_id = found.next_outgoing_id.plus(1);
            found.outgoing.remove(id);
            let handle = link.handle;
            self.send_abort(session, handle, id);
        }
    }

    fn send_abort(&mut self, channel: u16, handle: u32, id: Serial) {
        let transfer =
            Transfer { handle, delivery_id: Some(id.0), aborted: true, ..Transfer::default() };
        self.write_frame(channel, |out| transfer.encode(out));
    }
}
