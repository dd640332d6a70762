//! The Agent's end: says hello, takes updates, reports, pings.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::base::{Base, EVENTS, Lost, common};
use super::streams::Streams;
use crate::keep_alive::KeepAlive;
use crate::update::{self, Documents, Reader, Update};
use crate::wire::{Applied, Bye, Frame, Hello, Outcome, StatusDelta, Text};
use crate::{LOST_AFTER_S, Millis, VERSION};

/// How long an answer to hello or ping may take. Slow links with much under way answer late.
const PATIENCE: Millis = 30_000;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// The link is open.
    Open,
    /// An update is complete; answer it with [`AgentSession::applied`].
    Update(Update),
}

/// The Agent's end of one link.
#[derive(Debug)]
pub struct AgentSession {
    base: Base,
    reader: Reader,
    events: VecDeque<AgentEvent>,
    keep_alive: KeepAlive,
    lost_after_s: u16,
    is_open: bool,
    ping: u8,
    asked_at: Option<Millis>,
}

// === impl AgentSession ===

impl AgentSession {
    /// A session on a fresh connection. `generation` and `known` are of the last update that was applied.
    #[must_use]
    pub fn new(
        now: Millis,
        program: Text,
        generation: u64,
        known: &Documents,
        keep_alive: KeepAlive,
    ) -> Self {
        let mut base = Base::new(now, 1);
        base.send(&Frame::Hello(Hello {
            oldest: VERSION,
            newest: VERSION,
            program,
            generation,
            known: u16::try_from(known.len()).unwrap_or(u16::MAX),
        }));
        update::write_known(known, &mut base.out);
        Self {
            base,
            reader: Reader::default(),
            events: VecDeque::new(),
            keep_alive,
            lost_after_s: LOST_AFTER_S,
            is_open: false,
            ping: 0,
            asked_at: Some(now),
        }
    }

    /// Takes received bytes.
    ///
    /// # Errors
    /// When the link is over.
    pub fn receive(&mut self, now: Millis, bytes: &[u8]) -> Result<(), Lost> {
        self.base.received_at = now;
        self.base.decoder.push(bytes);
        if self.is_open && self.asked_at.is_some() {
            // Anything shows that the other end lives, even if the answer is far behind.
            self.asked_at = Some(now);
        }
        let Self { base, reader, events, keep_alive, lost_after_s, is_open, ping, asked_at } = self;
        while let Some(frame) = base.decoder.frame()? {
            let Some(frame) = common(frame, &mut base.streams, &mut base.out)? else { continue };
            if let Frame::Welcome(welcome) = &frame {
                if *is_open || welcome.version != VERSION {
                    return Err(Lost::Protocol);
                }
                (*is_open, *asked_at) = (true, None);
                *lost_after_s = welcome.lost_after_s;
                events.push_back(AgentEvent::Open);
                continue;
            }
            if !*is_open {
                return Err(Lost::Protocol);
            }
            match frame {
                Frame::Pong(number) if number == *ping && asked_at.is_some() => {
                    *asked_at = None;
                    keep_alive.answered();
                }
                Frame::Pong(_) => {}
                Frame::Begin(begin) => reader.begin(&begin)?,
                Frame::Put(part) => reader.put(&part)?,
                Frame::Remove(kind, key) => reader.remove(kind, key)?,
                Frame::Rebuild(key) => reader.rebuild(key)?,
                Frame::Commit(generation) => {
                    events.push_back(AgentEvent::Update(reader.commit(generation)?));
                }
                _ => return Err(Lost::Protocol),
            }
        }
        Ok(())
    }

    /// Pings when it is time.
    ///
    /// # Errors
    /// When the other end was silent for too long.
    pub fn tick(&mut self, now: Millis) -> Result<(), Lost> {
        if let Some(asked) = self.asked_at {
            if now >= asked.saturating_add(PATIENCE) {
                self.keep_alive.lost();
                return Err(Lost::Silent);
            }
        } else if now >= self.ping_due() {
            self.ping = self.ping.wrapping_add(1);
            self.base.send(&Frame::Ping(self.ping));
            self.asked_at = Some(now);
        }
        Ok(())
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn timeout(&self) -> Millis {
        self.asked_at.map_or_else(|| self.ping_due(), |asked| asked.saturating_add(PATIENCE))
    }

    fn ping_due(&self) -> Millis {
        // Both directions have to be proven: ours to the Controller, its own to us.
        let quiet = self.base.sent_at.min(self.base.received_at);
        quiet.saturating_add(self.keep_alive.interval(self.lost_after_s))
    }

    /// The next event.
    pub fn event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    /// Answers an update.
    pub fn applied(&mut self, generation: u64, outcome: Outcome) {
        self.base.send(&Frame::Applied(Applied { generation, outcome }));
    }

    /// Reports.
    pub fn report(&mut self, delta: StatusDelta) {
        self.base.send(&Frame::Status(delta));
    }

    /// Takes leave.
    pub fn bye(&mut self, reason: Bye) {
        self.base.send(&Frame::Bye(reason));
    }

    /// Bytes to send.
    pub fn output(&mut self, now: Millis) -> Vec<u8> {
        self.base.output(now)
    }

    /// The streams.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.base.streams
    }

    /// True when [`Self::output`] would give bytes.
    #[must_use]
    pub fn wants_to_send(&self) -> bool {
        !self.base.out.is_empty() || self.base.streams.wants_to_send()
    }

    /// So much waits to be taken or sent that nothing more should be received.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.events.len() >= EVENTS || self.base.is_busy()
    }

    /// What was learnt about the path, for the next link.
    #[must_use]
    pub fn keep_alive(&self) -> KeepAlive {
        self.keep_alive
    }
}
