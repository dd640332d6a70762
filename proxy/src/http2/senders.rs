//! Sending links to the addresses that peers name, kept and shared by all streams: the reference takes a
//! message of ours only from a link to its address.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::link::{Connection, LinkDown, SendTo};

/// Links that are kept without a stream that uses them.
const KEPT: usize = 32;

/// The sending links of one connection.
pub(super) struct Senders<C: Connection> {
    connection: C,
    known: RefCell<HashMap<String, Rc<C::Sender>>>,
}

// === impl Senders ===

impl<C: Connection> Senders<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { connection, known: RefCell::default() }
    }

    /// A link to `address`.
    pub(super) async fn to(&self, address: &str) -> Result<Rc<C::Sender>, LinkDown> {
        if let Some(known) = self.known.borrow().get(address) {
            return Ok(Rc::clone(known));
        }
        let sender = Rc::new(self.connection.sender(SendTo::target(address)).await?);
        let mut known = self.known.borrow_mut();
        if known.len() >= KEPT {
            known.retain(|_, sender| Rc::strong_count(sender) > 1);
        }
        known.insert(address.to_owned(), Rc::clone(&sender));
        Ok(sender)
    }

    /// Drops the link to an address that no one serves any more.
    pub(super) fn forget(&self, address: &str) {
        self.known.borrow_mut().remove(address);
    }
}
