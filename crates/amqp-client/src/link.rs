//! State of one link, shared by its handle and the driver.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;

use bytes::Bytes;
use iofog_amqp::{Attach, Role, Symbol};
use iofog_amqp_engine::{DeliveryKey, LinkId, SessionId};
use tokio::sync::{Mutex, Notify};

use crate::LinkError;

/// A delivery that has arrived, wholly or in part.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) key: DeliveryKey,
    pub(crate) pieces: VecDeque<Bytes>,
    pub(crate) complete: bool,
    pub(crate) settled: bool,
    pub(crate) aborted: bool,
    /// A reader of pieces has it: it stays in the queue until it is complete and read.
    pub(crate) streaming: bool,
}

impl Arrived {
    pub(crate) fn buffered(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// All pieces as one slice; no copy when there is only one.
    pub(crate) fn join(&mut self) -> Bytes {
        if self.pieces.len() <= 1 {
            return self.pieces.pop_front().unwrap_or_default();
        }
        let mut whole = Vec::with_capacity(self.buffered());
        for piece in self.pieces.drain(..) {
            whole.extend_from_slice(&piece);
        }
        Bytes::from(whole)
    }
}

/// What is kept of the peer's attach: there may be thousands of links, and a whole one takes most of a KiB.
#[derive(Debug)]
pub(crate) struct Remote {
    /// The peer has the terminus that our link needs: it does not only attach to refuse.
    terminus: bool,
    /// Address of the terminus.
    address: Option<Box<str>>,
    offered: Box<[Symbol]>,
}

impl Remote {
    /// For a link on which we have this role.
    pub(crate) fn new(role: Role, attach: Attach) -> Self {
        let (terminus, address) = match role {
            Role::Sender => (attach.target.is_some(), attach.target.and_then(|t| t.address)),
            Role::Receiver => (attach.source.is_some(), attach.source.and_then(|s| s.address)),
        };
        let address = address.map(String::into_boxed_str);
        Self { terminus, address, offered: attach.offered_capabilities.into_boxed_slice() }
    }
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) session: SessionId,
    pub(crate) role: Role,
    /// What is kept of the peer's attach.
    pub(crate) remote: OnceCell<Remote>,
    pub(crate) gone: RefCell<Option<LinkError>>,
    /// Anything of the link has changed.
    pub(crate) changed: Notify,
    /// One message at a time is handed over, in the order of the calls.
    pub(crate) sending: Mutex<()>,
    /// Senders that wait for credit.
    pub(crate) waiting: Cell<u32>,
    pub(crate) queue: RefCell<VecDeque<Arrived>>,
    pub(crate) drained: Cell<bool>,
    pub(crate) auto_credit: Cell<bool>,
    pub(crate) initial_credit: Cell<u32>,
    /// The peer has given credit at some time.
    pub(crate) credited: Cell<bool>,
    /// Credit to be granted again.
    pub(crate) owed: Cell<u32>,
    /// Bytes of one delivery that may wait before the session's window is held; 0 = any number.
    pub(crate) stream_buffer: Cell<usize>,
    pub(crate) holding: Cell<bool>,
}

impl Link {
    pub(crate) fn new(id: LinkId, session: SessionId, role: Role) -> Self {
        Self {
            id,
            session,
            role,
            remote: OnceCell::new(),
            gone: RefCell::new(None),
            changed: Notify::new(),
            sending: Mutex::new(()),
            waiting: Cell::new(0),
            queue: RefCell::new(VecDeque::new()),
            drained: Cell::new(false),
            auto_credit: Cell::new(false),
            initial_credit: Cell::new(0),
            credited: Cell::new(false),
            owed: Cell::new(0),
            stream_buffer: Cell::new(0),
            holding: Cell::new(false),
        }
    }

    pub(crate) fn check(&self) -> Result<(), LinkError> {
        match &*self.gone.borrow() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// The peer has attached, and not only to refuse.
    pub(crate) fn is_ready(&self) -> bool {
        // Some containers (rhea's, for one) take a link without naming its target again.
        let credited = self.role == Role::Sender && self.credited.get();
        self.remote.get().is_some_and(|remote| remote.terminus || credited)
    }

    pub(crate) fn end(&self, error: LinkError) {
        self.gone.borrow_mut().get_or_insert(error);
        self.changed.notify_waiters();
    }

    /// Resolves once `found` gives a value, or the link is gone.
    pub(crate) async fn wait<T>(
        &self,
        mut found: impl FnMut() -> Option<T>,
    ) -> Result<T, LinkError> {
        loop {
            let changed = self.changed.notified();
            if let Some(value) = found() {
                return Ok(value);
            }
            self.check()?;
            changed.await;
        }
    }

    pub(crate) async fn detached(&self) -> LinkError {
        loop {
            let changed = self.changed.notified();
            if let Err(error) = self.check() {
                return error;
            }
            changed.await;
        }
    }

    /// Address of the peer's terminus.
    pub(crate) fn address(&self) -> Option<&str> {
        self.remote.get()?.address.as_deref()
    }

    pub(crate) fn remote_offered(&self) -> &[Symbol] {
        self.remote.get().map_or(&[], |remote| &remote.offered)
    }
}
