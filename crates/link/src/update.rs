//! Documents: what the Controller offers, what the Agent has, and updates that take effect as a whole.

use alloc::vec::Vec;

use iofog_sorted::SortedMap;

use crate::wire::{Begin, DecodeError, Frame, Id, Kind, Known, Put, encode};
use crate::{MAX_CHUNK, MAX_DOCUMENTS, MAX_UPDATE, digest};

/// Names a document.
pub type Key = (Kind, Id);
/// Digests of documents.
pub type Documents = SortedMap<Key, u64>;

/// Everything one Agent should know at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Grows with each change.
    pub generation: u64,
    /// Change flags by number.
    pub flags: u16,
    /// All documents of the Agent.
    pub documents: Vec<(Key, Vec<u8>)>,
    /// Microservices to make anew, once.
    pub rebuild: Vec<Id>,
}

/// What an Agent is to take over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Grows with each change.
    pub generation: u64,
    /// Change flags by number.
    pub flags: u16,
    /// Documents that are not put are no more.
    pub full: bool,
    /// New and changed documents.
    pub put: Vec<(Key, Vec<u8>)>,
    /// Documents that are no more.
    pub removed: Vec<Key>,
    /// Microservices to make anew.
    pub rebuild: Vec<Id>,
}

/// Appends the frames that bring an Agent from `known` to `offer`; gives what it knows then.
/// None when it would change nothing.
pub(crate) fn write(
    known: &Documents,
    full: bool,
    flags: u16,
    offer: &Offer,
    out: &mut Vec<u8>,
) -> Option<Documents> {
    let next: Documents =
        offer.documents.iter().map(|(key, body)| (key.clone(), digest(body))).collect();
    let changed = |key: &Key| full || known.get(key) != next.get(key);
    let gone = || known.keys().filter(|key| !full && !next.contains_key(*key));
    if !full
        && flags == 0
        && offer.rebuild.is_empty()
        && gone().next().is_none()
        && !offer.documents.iter().any(|(key, _)| changed(key))
    {
        return None;
    }
    encode(&Frame::Begin(Begin { generation: offer.generation, flags, full }), out);
    for ((kind, key), body) in &offer.documents {
        if !changed(&(*kind, key.clone())) {
            continue;
        }
        let mut parts = body.chunks(MAX_CHUNK).peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            encode(&Frame::Put(Put { kind: *kind, key: key.clone(), last, body: part }), out);
        }
    }
    for (kind, key) in gone() {
        encode(&Frame::Remove(*kind, key.clone()), out);
    }
    for key in &offer.rebuild {
        encode(&Frame::Rebuild(key.clone()), out);
    }
    encode(&Frame::Commit(offer.generation), out);
    Some(next)
}

/// Gathers the frames of an update.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    open: Option<Update>,
    partial: Option<(Key, Vec<u8>)>,
    bytes: usize,
}

// === impl Reader ===

impl Reader {
    pub(crate) fn begin(&mut self, begin: &Begin) -> Result<(), DecodeError> {
        if self.open.is_some() {
            return Err(DecodeError::Body);
        }
        self.bytes = 0;
        self.open = Some(Update {
            generation: begin.generation,
            flags: begin.flags,
            full: begin.full,
            ..Update::default()
        });
        Ok(())
    }

    pub(crate) fn put(&mut self, part: &Put<'_>) -> Result<(), DecodeError> {
        let update = self.open.as_mut().ok_or(DecodeError::Body)?;
        self.bytes += part.body.len();
        if self.bytes > MAX_UPDATE || update.put.len() >= MAX_DOCUMENTS {
            return Err(DecodeError::Body);
        }
        let (key, mut body) =
            self.partial.take().unwrap_or_else(|| ((part.kind, part.key.clone()), Vec::new()));
        if (key.0, &key.1) != (part.kind, &part.key) {
            return Err(DecodeError::Body);
        }
        body.extend_from_slice(part.body);
        if part.last {
            update.put.push((key, body));
        } else {
            self.partial = Some((key, body));
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, kind: Kind, key: Id) -> Result<(), DecodeError> {
        let update = self.open.as_mut().ok_or(DecodeError::Body)?;
        push(&mut update.removed, (kind, key))
    }

    pub(crate) fn rebuild(&mut self, key: Id) -> Result<(), DecodeError> {
        let update = self.open.as_mut().ok_or(DecodeError::Body)?;
        push(&mut update.rebuild, key)
    }

    pub(crate) fn commit(&mut self, generation: u64) -> Result<Update, DecodeError> {
        match (self.open.take(), self.partial.take()) {
            (Some(update), None) if update.generation == generation => Ok(update),
            _ => Err(DecodeError::Body),
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), DecodeError> {
    if list.len() >= MAX_DOCUMENTS {
        return Err(DecodeError::Body);
    }
    list.push(item);
    Ok(())
}

/// Appends the frames that tell what an Agent has.
pub(crate) fn write_known(known: &Documents, out: &mut Vec<u8>) {
    let mut list = crate::wire::Bounded::new();
    for ((kind, key), digest) in known {
        // The list is never full here.
        let _ = list.push(Known { kind: *kind, key: key.clone(), digest: *digest });
        if list.is_full() {
            encode(&Frame::Known(core::mem::take(&mut list)), out);
        }
    }
    if !list.is_empty() {
        encode(&Frame::Known(list), out);
    }
}

// === impl Update ===

impl Update {
    /// Brings the digests of what an Agent has up to date.
    pub fn note(&self, known: &mut Documents) {
        if self.full {
            known.clear();
        }
        for key in &self.removed {
            known.remove(key);
        }
        for (key, body) in &self.put {
            known.insert(key.clone(), digest(body));
        }
    }
}
