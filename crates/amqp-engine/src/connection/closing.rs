//! `close` of either side, and protocol errors.

use iofog_amqp::{Close, Error};

use super::handshake::Phase;
use super::{Connection, Step};
use crate::{CloseReason, Event};

impl Connection {
    /// Closes the connection; [`Event::Closed`] comes when the peer has answered or the stream ended.
    pub fn close(&mut self, error: Option<Error>) {
        match self.phase {
            Phase::Closed | Phase::Closing => {}
            Phase::Open | Phase::Running => {
                self.flush();
                self.send_open();
                self.send_close(error.map(Box::new));
                self.phase = Phase::Closing;
                self.last_received = self.now;
            }
            _ => self.closed(CloseReason::Local),
        }
    }

    fn send_close(&mut self, error: Option<Box<Error>>) {
        let close = Close { error };
        self.write_frame(0, |out| close.encode(out));
    }

    pub(super) fn on_close(&mut self, close: Close) -> Step {
        if self.phase == Phase::Closing {
            self.closed(CloseReason::Local);
        } else {
            self.send_close(None);
            self.closed(CloseReason::Remote(close.error));
        }
        Step::Again
    }

    /// Gives the connection up: tells the peer why if it can understand it.
    pub(super) fn fail(&mut self, error: Error, reason: Option<CloseReason>) {
        let error = Box::new(error);
        if matches!(self.phase, Phase::Open | Phase::Running) {
            self.send_open();
            self.send_close(Some(error.clone()));
        }
        self.closed(reason.unwrap_or(CloseReason::Protocol(error)));
    }

    /// The end: nothing is read any more, everything but the output is dropped.
    pub(super) fn closed(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        self.walk = None;
        self.batch = bytes::Bytes::new();
        self.batch_at = 0;
        self.close_reason = Some(reason.clone());
        self.events.push_back(Event::Closed(reason));
    }
}
