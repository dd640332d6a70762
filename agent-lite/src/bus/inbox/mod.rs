//! Messages that arrived for one microservice: a state machine without I/O. A message is settled towards
//! its sender only after the microservice consumed it.

mod dedup;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use self::dedup::{Dedup, Fingerprint};

/// Number of a message that was handed out; rising in the order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(u64);

/// What became of an arrival. The handle is the sender's way to learn the outcome.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival<H> {
    /// It waits for the microservice.
    Queued,
    /// It was consumed before: settle it at once.
    Known(H),
    /// It is held already.
    Held {
        /// The handle that is not needed for it.
        spare: Option<H>,
        /// That is the new one.
        old_stays: bool,
    },
}

/// The messages held for one microservice; `H` settles one towards its sender.
#[derive(Debug)]
pub struct Inbox<H> {
    waiting: BTreeMap<Token, Held<H>>,
    handed: VecDeque<(Token, Held<H>, u64)>,
    consumed: Dedup,
    next: Token,
}

#[derive(Debug)]
struct Held<H> {
    payload: Bytes,
    fingerprint: Option<Fingerprint>,
    handle: Option<H>,
}

/// Consumed messages that are remembered.
const REMEMBERED: usize = 512;

impl<H> Default for Inbox<H> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            handed: VecDeque::new(),
            consumed: Dedup::new(REMEMBERED),
            next: Token::default(),
        }
    }
}

impl<H> Inbox<H> {
    /// Takes an arrival; `payload` is the binary ioMessage. When it is held already, the new handle takes the place of the
    /// old one unless `stays` says otherwise of the two.
    pub fn offer(
        &mut self,
        id: &str,
        payload: Bytes,
        handle: H,
        stays: impl Fn(&H, &H) -> bool,
    ) -> Arrival<H> {
        let fingerprint = self.consumed.fingerprint(id);
        if let Some(fingerprint) = fingerprint {
            if self.consumed.contains(fingerprint) {
                return Arrival::Known(handle);
            }
            let mut held =
                self.handed.iter_mut().map(|(_, held, _)| held).chain(self.waiting.values_mut());
            if let Some(held) = held.find(|held| held.fingerprint == Some(fingerprint)) {
                if held.handle.as_ref().is_some_and(|old| stays(old, &handle)) {
                    return Arrival::Held { spare: Some(handle), old_stays: true };
                }
                let spare = held.handle.replace(handle);
                return Arrival::Held { spare, old_stays: false };
            }
        }
        let token = self.next;
        self.next = Token(token.0.wrapping_add(1));
        self.waiting.insert(token, Held { payload, fingerprint, handle: Some(handle) });
        Arrival::Queued
    }

    /// Hands out the oldest waiting message at `now` (ms, monotonic).
    pub fn take(&mut self, now: u64) -> Option<(Token, Bytes)> {
        let (token, held) = self.waiting.pop_first()?;
        let payload = held.payload.clone();
        self.handed.push_back((token, held, now));
        Some((token, payload))
    }

    /// The microservice consumed a message: its handle, to settle it. None when it was answered before or
    /// its sender is gone.
    pub fn consumed(&mut self, token: Token) -> Option<H> {
        let at = self.handed.iter().position(|(handed, ..)| *handed == token)?;
        let (_, held, _) = self.handed.remove(at)?;
        if let Some(fingerprint) = held.fingerprint {
            self.consumed.insert(fingerprint);
        }
        held.handle
    }

    /// A message was handed out in vain: it waits again, in its old place.
    pub fn give_back(&mut self, token: Token) {
        let at = self.handed.iter().position(|(handed, ..)| *handed == token);
        if let Some((token, held, _)) = at.and_then(|at| self.handed.remove(at)) {
            self.waiting.insert(token, held);
        }
    }

    /// The oldest message handed out at or before `limit`: some SDKs never acknowledge.
    pub fn overdue(&self, limit: u64) -> Option<Token> {
        let (token, _, at) = self.handed.front()?;
        (*at <= limit).then_some(*token)
    }

    /// When the oldest message under way was handed out.
    pub fn oldest_handed(&self) -> Option<u64> {
        self.handed.front().map(|(_, _, at)| *at)
    }

    /// The senders behind these handles are gone: what nobody has seen will come again, what is handed out may still be
    /// consumed.
    pub fn senders_lost(&mut self, which: impl Fn(&H) -> bool) {
        let lost = |held: &Held<H>| held.handle.as_ref().is_none_or(&which);
        self.waiting.retain(|_, held| !lost(held));
        for (_, held, _) in &mut self.handed {
            held.handle.take_if(|handle| which(handle));
        }
    }

    /// Messages that wait, and messages handed out and not consumed.
    pub fn counts(&self) -> (usize, usize) {
        (self.waiting.len(), self.handed.len())
    }

    /// Messages held, waiting or handed out.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.handed.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
