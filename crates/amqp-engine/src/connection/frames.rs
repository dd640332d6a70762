//! Splits the input into frames and hands each performative to its handler.

use bytes::{Buf, Bytes};
use iofog_amqp::frame::{Frame, FrameError, FrameKind};
use iofog_amqp::{Error, Performative, Reader, Transfer, condition};

use super::handshake::Phase;
use super::{Connection, Step};
use crate::output::USUAL_FRAME;

impl Connection {
    /// Handles the next frame.
    #[inline]
    pub(super) fn step_frame(&mut self) -> Step {
        if self.batch_at >= self.batch.len() && !self.next_batch() {
            return self.incomplete();
        }
        let rest = self.batch.get(self.batch_at..).unwrap_or_default();
        let frame = match Frame::parse(rest, self.config.max_frame_size.max(512)) {
            Ok(Some(frame)) => frame,
            Ok(None) => return self.spread_frame(),
            Err(error) => return self.framing_error(error),
        };
        let at = self.batch_at;
        self.batch_at += frame.end;
        let FrameKind::Amqp { channel } = frame.kind else {
            let text = "SASL frame after the SASL layer";
            return self.protocol_error(Error::new(condition::FRAMING_ERROR, text));
        };
        let body = rest.get(frame.body..frame.end).unwrap_or_default();
        if body.is_empty() {
            return Step::Again; // heartbeat
        }
        let mut reader = Reader::new(body);
        let performative = match Performative::read(&mut reader) {
            Ok(performative) => performative,
            Err(_) if self.phase == Phase::Closing => return Step::Again,
            Err(error) => return self.decode_error(error),
        };
        let payload = match reader.rest().len() {
            0 => Bytes::new(),
            len => self.batch.slice(at + frame.end - len..at + frame.end),
        };
        match self.phase {
            Phase::Running => self.on_performative(channel, performative, payload),
            Phase::Open => self.on_open(performative),
            Phase::Closing => match performative {
                Performative::Close(close) => self.on_close(close),
                _ => Step::Again,
            },
            _ => Step::Idle,
        }
    }

    /// Takes all whole frames out of the input buffer.
    fn next_batch(&mut self) -> bool {
        self.batch = Bytes::new();
        self.batch_at = 0;
        if self.input.is_empty()
            && let Some(piece) = self.fed.pop_front()
        {
            self.batch = piece;
            return !self.batch.is_empty() || self.next_batch();
        }
        self.gather_fed();
        let mut end = 0;
        while let Ok(Some(frame)) = Frame::parse(
            self.input.get(end..).unwrap_or_default(),
            self.config.max_frame_size.max(512),
        ) {
            end += frame.end;
        }
        if end == 0 {
            return false;
        }
        self.batch = if end == self.input.len() {
            self.input.split().freeze()
        } else {
            self.input.split_to(end).freeze()
        };
        if std::mem::take(&mut self.fresh) {
            self.blocks.lend(&self.batch);
        }
        true
    }

    /// Appends the pieces that were fed to the input.
    pub(super) fn gather_fed(&mut self) {
        for piece in self.fed.drain(..) {
            self.input.extend_from_slice(&piece);
        }
    }

    /// The last frame of a piece goes on in the next one. When that is its payload, neither is copied.
    fn spread_frame(&mut self) -> Step {
        let head = self.batch.split_off(self.batch_at.min(self.batch.len()));
        self.batch = Bytes::new();
        self.batch_at = 0;
        if self.phase == Phase::Running
            && let Some((channel, transfer)) = head_of_transfer(&head, self.fed.front())
        {
            let payload = self.fed.pop_front().unwrap_or_default();
            return self.on_transfer(channel, transfer, payload);
        }
        self.input.extend_from_slice(&head);
        self.gather_fed();
        Step::Again
    }

    /// The input begins with no whole frame: more is to come, or it is none at all.
    fn incomplete(&mut self) -> Step {
        match Frame::parse(&self.input, self.config.max_frame_size.max(512)) {
            Ok(_) => Step::Idle,
            Err(error) => {
                self.input.advance(self.input.len());
                self.framing_error(error)
            }
        }
    }

    fn framing_error(&mut self, error: FrameError) -> Step {
        self.protocol_error(Error::new(condition::FRAMING_ERROR, error.to_string()))
    }

    #[inline]
    pub(super) fn on_performative(
        &mut self,
        channel: u16,
        performative: Performative,
        payload: Bytes,
    ) -> Step {
        match performative {
            Performative::Transfer(transfer) => self.on_transfer(channel, transfer, payload),
            Performative::Disposition(disposition) => self.on_disposition(channel, disposition),
            Performative::Flow(flow) => self.on_flow(channel, &flow),
            Performative::Attach(attach) => self.on_attach(channel, attach),
            Performative::Detach(detach) => self.on_detach(channel, detach),
            Performative::Begin(begin) => self.on_begin(channel, &begin),
            Performative::End(end) => self.on_end(channel, end),
            Performative::Close(close) => self.on_close(close),
            Performative::Open(_) => {
                let text = "open was sent twice";
                self.protocol_error(Error::new(condition::ILLEGAL_STATE, text))
            }
        }
    }

    /// Writes a frame.
    #[inline]
    pub(super) fn write_frame(&mut self, channel: u16, encode: impl FnOnce(&mut Vec<u8>)) {
        let out = self.out.buffer(USUAL_FRAME);
        let frame = Frame::begin(out, FrameKind::Amqp { channel });
        encode(out);
        Frame::end(out, frame, 0);
    }
}

/// The transfer in `head`, if `payload` is all that its frame lacks.
fn head_of_transfer(head: &[u8], payload: Option<&Bytes>) -> Option<(u16, Transfer)> {
    let [a, b, c, d, 2, 0, e, f, body @ ..] = head else { return None };
    let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    if head.len().checked_add(payload?.len())? != size {
        return None;
    }
    let mut reader = Reader::new(body);
    match Performative::read(&mut reader) {
        Ok(Performative::Transfer(transfer)) if reader.rest().is_empty() => {
            Some((u16::from_be_bytes([*e, *f]), transfer))
        }
        _ => None,
    }
}
