//! Sessions of one connection, handed out to sockets: one each while there are enough, so that sockets
//! cannot hold each other up, then shared evenly.

use std::cell::RefCell;
use std::rc::Rc;

use crate::link::{Connection, LinkDown};

/// Sessions opened on one connection at most; routers and our own engine allow some more.
const MOST: usize = 200;

/// The sessions of one connection.
pub(super) struct Sessions<C: Connection> {
    connection: C,
    open: RefCell<Vec<Shared<C::Session>>>,
}

/// A session and its users.
#[derive(Clone)]
pub(super) struct Shared<S> {
    session: S,
    users: Rc<()>,
}

// === impl Sessions ===

impl<C: Connection> Sessions<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { connection, open: RefCell::default() }
    }

    /// A session for one more socket: one that no one uses, a new one, or the least used one.
    pub(super) async fn take(&self) -> Result<Shared<C::Session>, LinkDown> {
        let (least, count) = {
            let open = self.open.borrow();
            let least = open.iter().min_by_key(|shared| Rc::strong_count(&shared.users)).cloned();
            (least, open.len())
        };
        match least {
            // Two users are the list's own copy and the one just made.
            Some(unused) if Rc::strong_count(&unused.users) == 2 => Ok(unused),
            Some(shared) if count >= MOST => Ok(shared),
            _ => {
                let session = self.connection.session().await?;
                let shared = Shared { session, users: Rc::new(()) };
                self.open.borrow_mut().push(shared.clone());
                Ok(shared)
            }
        }
    }
}

// === impl Shared ===

impl<S> Shared<S> {
    pub(super) const fn session(&self) -> &S {
        &self.session
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Network;
    use crate::link::memory::MemoryNetwork;
    use crate::testing::run;

    #[test]
    fn sessions_are_reused_then_shared_evenly() {
        run(async {
            let connection = MemoryNetwork::default().connect("test").await.unwrap();
            let sessions = Sessions::new(connection);
            for _ in 0..3 {
                drop(sessions.take().await.unwrap());
            }
            assert_eq!(sessions.open.borrow().len(), 1);
            let mut held = Vec::new();
            for _ in 0..2 * MOST {
                held.push(sessions.take().await.unwrap());
            }
            let open = sessions.open.borrow();
            assert_eq!(open.len(), MOST);
            assert!(open.iter().all(|shared| Rc::strong_count(&shared.users) == 3));
        });
    }
}
