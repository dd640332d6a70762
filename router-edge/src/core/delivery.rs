//! A delivery on its way through the router: where it came from, its bytes, where it goes.

use std::collections::VecDeque;

use bytes::Bytes;
use iofog_amqp::DeliveryState;
use iofog_amqp_engine::{DeliveryKey, Millis};

use super::metadata::Metadata;
use super::slab::{AddressKey, LinkKey};
use crate::network::RouterNumber;

/// A delivery.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Link and id it came by; none when its sender is gone or it was made here.
    pub(crate) incoming: Option<(LinkKey, DeliveryKey)>,
    /// The sender settled it before we got it.
    pub(crate) settled: bool,
    pub(crate) format: u32,
    pub(crate) message: Message,
    /// Where it goes; most have one.
    pub(crate) out: Option<Out>,
    /// The others of a multicast.
    pub(crate) more: Vec<Out>,
    /// Outcome so far of a multicast.
    pub(crate) combined: Option<DeliveryState>,
    pub(crate) address: Option<AddressKey>,
    /// Its credit was given back when it had been sent on.
    pub(crate) repaid: bool,
    /// When it came, by the core's clock.
    pub(crate) came: Millis,
}

/// One way out of a delivery.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    pub(crate) link: LinkKey,
    /// Known once the first bytes were sent.
    pub(crate) key: Option<DeliveryKey>,
    /// Next chunk to send, counted from the first that ever was.
    pub(crate) chunk: usize,
    /// What is left of a chunk that was sent in part.
    pub(crate) rest: Bytes,
    /// The metadata section was sent.
    pub(crate) begun: bool,
    /// Everything was sent.
    pub(crate) sent: bool,
    /// Chosen for this remote router.
    pub(crate) remote: Option<RouterNumber>,
}

/// The bytes of a message, as they come and go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    pub(crate) metadata: Metadata,
    /// The first chunk that is still here; empty: there is none. Most messages have no other.
    first: Bytes,
    /// Those after it.
    others: VecDeque<Bytes>,
    /// Chunks that were dropped from the front.
    dropped: usize,
    /// Bytes in all chunks.
    pub(crate) held: usize,
    /// The last byte has come.
    pub(crate) complete: bool,
    /// The sender gave up.
    pub(crate) aborted: bool,
}

impl Out {
    pub(crate) fn new(link: LinkKey, remote: Option<RouterNumber>) -> Self {
        Self { link, key: None, chunk: 0, rest: Bytes::new(), begun: false, sent: false, remote }
    }
}

impl Message {
    pub(crate) fn new(metadata: Metadata, first: Bytes, complete: bool) -> Self {
        let mut message = Self { metadata, complete, ..Self::default() };
        message.push(first);
        message
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.held += chunk.len();
            if self.first.is_empty() {
                self.first = chunk;
            } else {
                self.others.push_back(chunk);
            }
        }
    }

    /// The chunk with this number, once it has come.
    pub(crate) fn chunk(&self, number: usize) -> Option<&Bytes> {
        match number.checked_sub(self.dropped)? {
            0 => Some(&self.first).filter(|first| !first.is_empty()),
            after => self.others.get(after - 1),
        }
    }

    /// Number after the last chunk that has come.
    pub(crate) fn end(&self) -> usize {
        self.dropped + usize::from(!self.first.is_empty()) + self.others.len()
    }

    /// Forgets chunks before `number`; gives the bytes freed.
    pub(crate) fn forget(&mut self, number: usize) -> usize {
        let mut freed = 0;
        while self.dropped < number && !self.first.is_empty() {
            freed += self.first.len();
            self.first = self.others.pop_front().unwrap_or_default();
            self.dropped += 1;
        }
        self.held -= freed;
        freed
    }

    /// Copies small chunks out of the read buffer that they would pin.
    pub(crate) fn unpin(&mut self) {
        for chunk in std::iter::once(&mut self.first).chain(&mut self.others) {
            if (1..PIN_LIMIT).contains(&chunk.len()) {
                *chunk = Bytes::copy_from_slice(chunk);
            }
        }
    }
}

/// Chunks from this size on may keep their read buffer, bytes.
const PIN_LIMIT: usize = 4_096;

impl Delivery {
    pub(crate) fn outs(&self) -> impl Iterator<Item = &Out> {
        self.out.iter().chain(&self.more)
    }

    pub(crate) fn out_mut(&mut self, link: LinkKey) -> Option<&mut Out> {
        self.out.iter_mut().chain(&mut self.more).find(|out| out.link == link)
    }

    /// Takes one way out.
    pub(crate) fn take_out(&mut self, link: LinkKey) -> Option<Out> {
        if self.out.as_ref().is_some_and(|out| out.link == link) {
            let taken = self.out.take();
            self.out = self.more.pop();
            return taken;
        }
        let at = self.more.iter().position(|out| out.link == link)?;
        Some(self.more.swap_remove(at))
    }

    /// First chunk that some way out still needs.
    pub(crate) fn needed(&self) -> usize {
        self.outs().filter(|out| !out.sent).map(|out| out.chunk).min().unwrap_or(usize::MAX)
    }

    /// The outcome that counts most among several receivers: rejected, accepted, modified, released.
    pub(crate) fn combine(&mut self, state: Option<DeliveryState>) {
        let rank = |state: &DeliveryState| match state {
            DeliveryState::Rejected(_) => 4,
            DeliveryState::Accepted => 3,
            DeliveryState::Modified { .. } => 2,
            DeliveryState::Released => 1,
            DeliveryState::Received { .. } | DeliveryState::Other(_) => 0,
        };
        let Some(state) = state else {
            return;
        };
        if self.combined.as_ref().is_none_or(|known| rank(known) < rank(&state)) {
            self.combined = Some(state);
        }
    }
}
