//! The Controller's end: welcomes, offers documents, hears reports, notices silence.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use iofog_sorted::SortedSet;

use super::base::{Base, EVENTS, Lost, common};
use super::streams::Streams;
use crate::update::{self, Documents, Offer};
use crate::wire::{Bye, Frame, Hello, Id, Outcome, StatusDelta, Welcome};
use crate::{MAX_DOCUMENTS, Millis, VERSION};

/// How long a fresh connection may take to say hello.
const HELLO: Millis = 30_000;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "few wait at one time, and each is taken at once")]
pub enum ControllerEvent {
    /// The Agent is there: offer it what it should know.
    Open {
        /// Name and version of its program.
        program: String,
        /// Generation of what it has.
        generation: u64,
    },
    /// An offer took effect.
    Applied {
        /// Which.
        generation: u64,
        /// Rebuild orders that it carried.
        rebuilt: Vec<Id>,
    },
    /// An offer was refused and may be made again after so many seconds.
    Refused(u16),
    /// A report.
    Status(StatusDelta),
}

/// An offer that is not answered yet.
#[derive(Debug)]
struct Pending {
    generation: u64,
    next: Documents,
    rebuild: Vec<Id>,
}

/// The Controller's end of one link.
#[derive(Debug)]
pub struct ControllerSession {
    base: Base,
    lost_after_s: u16,
    hello: Option<Hello>,
    is_open: bool,
    known: Documents,
    /// The Agent's documents are not known: everything is sent.
    is_fresh: bool,
    pending: Option<Pending>,
    events: VecDeque<ControllerEvent>,
}

// === impl ControllerSession ===

impl ControllerSession {
    /// A session on a fresh connection.
    #[must_use]
    pub fn new(now: Millis, lost_after_s: u16) -> Self {
        Self {
            base: Base::new(now, 2),
            lost_after_s,
            hello: None,
            is_open: false,
            known: Documents::new(),
            is_fresh: true,
            pending: None,
            events: VecDeque::new(),
        }
    }

    /// Takes received bytes.
    ///
    /// # Errors
    /// When the link is over.
    pub fn receive(&mut self, now: Millis, bytes: &[u8]) -> Result<(), Lost> {
        self.base.received_at = now;
        self.base.decoder.push(bytes);
        let Self { base, lost_after_s, hello, is_open, known, is_fresh, pending, events } = self;
        while let Some(frame) = base.decoder.frame()? {
            let Some(frame) = common(frame, &mut base.streams, &mut base.out)? else { continue };
            match frame {
                Frame::Hello(said) if hello.is_none() => {
                    if !(said.oldest..=said.newest).contains(&VERSION) {
                        crate::wire::encode(&Frame::Bye(Bye::Version), &mut base.out);
                        return Err(Lost::Bye(Bye::Version));
                    }
                    if usize::from(said.known) > MAX_DOCUMENTS {
                        return Err(Lost::Protocol);
                    }
                    *hello = Some(said);
                }
                Frame::Known(list) if hello.is_some() && !*is_open => {
                    let entries = list.into_vec();
                    known.extend(entries.into_iter().map(|one| ((one.kind, one.key), one.digest)));
                }
                Frame::Pong(_) => {}
                Frame::Applied(applied) if pending.is_some() => {
                    let Some(offered) = pending.take() else { continue };
                    if offered.generation != applied.generation {
                        return Err(Lost::Protocol);
                    }
                    events.push_back(match applied.outcome {
                        Outcome::Done => {
                            (*known, *is_fresh) = (offered.next, false);
                            let rebuilt = offered.rebuild;
                            ControllerEvent::Applied { generation: applied.generation, rebuilt }
                        }
                        Outcome::Refused(seconds) => ControllerEvent::Refused(seconds),
                    });
                }
                Frame::Status(delta) if *is_open => {
                    events.push_back(ControllerEvent::Status(delta));
                }
                _ => return Err(Lost::Protocol),
            }
            let Some(said) = hello.as_ref().filter(|_| !*is_open) else { continue };
            if known.len() > usize::from(said.known) {
                return Err(Lost::Protocol);
            }
            if known.len() == usize::from(said.known) {
                (*is_open, *is_fresh) = (true, said.known == 0);
                let welcome = Welcome { version: VERSION, lost_after_s: *lost_after_s };
                crate::wire::encode(&Frame::Welcome(welcome), &mut base.out);
                let (program, generation) = (String::from(said.program.as_str()), said.generation);
                events.push_back(ControllerEvent::Open { program, generation });
            }
        }
        Ok(())
    }

    /// Notices silence.
    ///
    /// # Errors
    /// When the Agent was silent for too long.
    pub fn tick(&mut self, now: Millis) -> Result<(), Lost> {
        if now >= self.timeout() { Err(Lost::Silent) } else { Ok(()) }
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn timeout(&self) -> Millis {
        let patience = if self.is_open { Millis::from(self.lost_after_s) * 1000 } else { HELLO };
        self.base.received_at.saturating_add(patience)
    }

    /// The next event.
    pub fn event(&mut self) -> Option<ControllerEvent> {
        self.events.pop_front()
    }

    /// True when an offer may be made: the link is open and none is unanswered.
    #[must_use]
    pub fn may_offer(&self) -> bool {
        self.is_open && self.pending.is_none()
    }

    /// Offers what the Agent should know; false when it knows it all, so that nothing is sent. Flags that say no more
    /// than that documents changed are left to the documents.
    pub fn offer(&mut self, offer: &Offer, document_flags: u16) -> bool {
        if !self.may_offer() {
            return false;
        }
        let distinct: SortedSet<_> = offer.documents.iter().map(|(key, _)| key).collect();
        debug_assert_eq!(distinct.len(), offer.documents.len(), "keys are unique");
        let flags = offer.flags & !document_flags;
        let written = update::write(&self.known, self.is_fresh, flags, offer, &mut self.base.out);
        let Some(next) = written else { return false };
        self.pending =
            Some(Pending { generation: offer.generation, next, rebuild: offer.rebuild.clone() });
        true
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
}
