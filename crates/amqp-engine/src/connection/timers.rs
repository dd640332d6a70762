//! Heartbeats and the idle time-out.

use iofog_amqp::frame::HEARTBEAT;
use iofog_amqp::{Error, condition};

use super::Connection;
use super::handshake::Phase;
use crate::{CloseReason, Millis};

/// Heartbeats are never sent more often, whatever the peer asks for, in ms.
const SHORTEST_HEARTBEAT: u64 = 20;

impl Connection {
    /// Time passed: sends heartbeats, gives up on a silent peer.
    pub fn tick(&mut self, now: Millis) {
        self.now = now;
        if self.is_closed() {
            return;
        }
        if self.silence_ends().is_some_and(|end| end <= now) {
            let text = "nothing heard within the idle-time-out";
            let error = Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text);
            self.fail(error, Some(CloseReason::Idle));
        } else if self.heartbeat_at().is_some_and(|at| at <= now) {
            self.last_sent = now;
            if self.out.len() == 0 {
                self.out.buffer(HEARTBEAT.len()).extend_from_slice(&HEARTBEAT);
            }
        }
    }

    /// From now on a peer is given up as soon as it breaks what it was told, after once the advertised
    /// idle time-out instead of twice.
    pub fn lose_patience(&mut self) {
        self.impatient = true;
    }

    /// When [`Self::tick`] has to be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        if self.is_closed() {
            return None;
        }
        [self.silence_ends(), self.heartbeat_at()].into_iter().flatten().min()
    }

    /// The peer must be heard before.
    fn silence_ends(&self) -> Option<Millis> {
        let ms = u64::from(self.config.idle_timeout_ms);
        let times = if self.impatient { 1 } else { 2 };
        (ms != 0).then(|| self.last_received.plus(times * ms))
    }

    /// The peer must hear us before: at half of its time-out.
    fn heartbeat_at(&self) -> Option<Millis> {
        let ms = self.remote_open.as_ref()?.idle_time_out.filter(|ms| *ms != 0)?;
        let running = matches!(self.phase, Phase::Running | Phase::Closing);
        running.then(|| self.last_sent.plus((u64::from(ms) / 2).max(SHORTEST_HEARTBEAT)))
    }
}
