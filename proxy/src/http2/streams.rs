//! Streams that an egress mapping serves, by the names that their listening proxies gave them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use h2::Reason;
use tokio::sync::oneshot;

use super::inflow::{Inlet, Piece, Refused};
use crate::domain::envelope::{CorrelationId, Envelope};

/// Name of a stream: numbers of two listening proxies may be the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    reply_to: String,
    correlation_id: Option<CorrelationId>,
}

/// One served stream.
struct Served {
    /// There until the request has ended.
    inlet: Option<Inlet>,
    stop: Option<oneshot::Sender<()>>,
}

/// All served streams.
#[derive(Default)]
pub(super) struct Streams(RefCell<HashMap<Key, Served>>);

/// A stream's place, given back when dropped.
pub(super) struct Place {
    streams: Rc<Streams>,
    key: Key,
}

// === impl Streams ===

impl Streams {
    /// Takes a place for the stream that `message` opens; resolves when its client wants no more. None when
    /// the name is taken.
    pub(super) fn open(
        self: &Rc<Self>,
        message: &Envelope,
        inlet: Option<Inlet>,
    ) -> Option<(Place, oneshot::Receiver<()>)> {
        let reply_to = message.reply_to.clone().unwrap_or_default();
        let key = Key { reply_to, correlation_id: message.correlation_id.clone() };
        let mut streams = self.0.borrow_mut();
        if streams.contains_key(&key) {
            return None;
        }
        let (stop, stopped) = oneshot::channel();
        streams.insert(key.clone(), Served { inlet, stop: Some(stop) });
        Some((Place { streams: Rc::clone(self), key }, stopped))
    }

    /// True when the message's stream is served.
    pub(super) fn knows(&self, message: &Envelope) -> bool {
        self.key(message).is_some()
    }

    /// Hands over more of a request; rejects it when no one waits for it, or more came than was granted.
    pub(super) fn add(&self, message: &Envelope, piece: Piece) -> Result<(), Refused> {
        let Some(key) = self.key(message) else { return Err(piece.reject()) };
        let mut streams = self.0.borrow_mut();
        let Some(served) = streams.get_mut(&key) else { return Err(piece.reject()) };
        let Some(inlet) = &served.inlet else { return Err(piece.reject()) };
        let ended = piece.ended;
        let added = inlet.add(piece);
        if ended || added.is_err() {
            served.inlet = None;
        }
        added
    }

    /// The client reset its stream.
    pub(super) fn reset(&self, message: &Envelope, reason: Reason) {
        let Some(key) = self.key(message) else { return };
        let Some(served) = self.0.borrow_mut().remove(&key) else { return };
        match served.inlet {
            // The request's error carries the code to the target.
            Some(inlet) => inlet.reset(reason),
            None => {
                if let Some(stop) = served.stop {
                    let _ = stop.send(());
                }
            }
        }
    }

    /// The reference does not say again where its client is: then the name has to do.
    fn key(&self, message: &Envelope) -> Option<Key> {
        let streams = self.0.borrow();
        if let Some(reply_to) = message.reply_to.clone() {
            let key = Key { reply_to, correlation_id: message.correlation_id.clone() };
            return streams.contains_key(&key).then_some(key);
        }
        streams.keys().find(|key| key.correlation_id == message.correlation_id).cloned()
    }
}

// === impl Place ===

impl Place {
    /// Where the client's proxy is.
    pub(super) fn reply_to(&self) -> &str {
        &self.key.reply_to
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.0.borrow_mut().remove(&self.key);
    }
}
