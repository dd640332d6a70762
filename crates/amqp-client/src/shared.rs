//! What handles and driver of one connection share: the engine and the tables beside it. Nothing here is
//! borrowed across an await.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use iofog_amqp::{Attach, DeliveryState, Error, condition};
use iofog_amqp_engine::{
    CloseReason, Config, Connection, Event, LimitError, LinkId, SessionId, Token,
};
use tokio::sync::Notify;

use crate::link::{Arrived, Link, Remote};
use crate::{LinkError, Outcome};

/// A link that the peer asked for.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) link: Rc<Link>,
    pub(crate) attach: Box<Attach>,
}

/// A message whose outcome is awaited.
#[derive(Debug)]
pub(crate) struct Awaited {
    pub(crate) link: LinkId,
    pub(crate) outcome: RefCell<Option<Result<Outcome, LinkError>>>,
    pub(crate) waker: RefCell<Option<Waker>>,
}

impl Awaited {
    fn resolve(&self, outcome: Result<Outcome, LinkError>) {
        self.outcome.borrow_mut().get_or_insert(outcome);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: RefCell<Connection>,
    links: RefCell<Vec<Option<Rc<Link>>>>,
    /// Whether the session of this number is the one that a handle stands for.
    sessions: RefCell<Vec<Option<Rc<Cell<bool>>>>>,
    awaited: RefCell<Vec<Option<Rc<Awaited>>>>,
    free_tokens: RefCell<Vec<u32>>,
    pub(crate) offers: RefCell<VecDeque<Offer>>,
    max_offers: usize,
    pub(crate) default_session: Cell<Option<SessionId>>,
    /// Opened, closed, or a link was offered.
    pub(crate) changed: Notify,
    /// A session or the output has room again, or a message was settled.
    pub(crate) room: Notify,
    drains: RefCell<Vec<LinkId>>,
    driver: RefCell<Option<Waker>>,
    next_name: Cell<u32>,
}

impl Shared {
    pub(crate) fn new(config: Config, max_offers: usize) -> Self {
        Self {
            engine: RefCell::new(Connection::new(config, iofog_amqp_engine::Millis(0))),
            links: RefCell::default(),
            sessions: RefCell::default(),
            awaited: RefCell::default(),
            free_tokens: RefCell::default(),
            offers: RefCell::default(),
            max_offers,
            default_session: Cell::new(None),
            changed: Notify::new(),
            room: Notify::new(),
            drains: RefCell::default(),
            driver: RefCell::default(),
            next_name: Cell::new(0),
        }
    }

    /// Runs commands and has the driver send what came of them.
    pub(crate) fn command<T>(&self, run: impl FnOnce(&mut Connection) -> T) -> T {
        let result = run(&mut self.engine.borrow_mut());
        self.wake_driver();
        result
    }

    pub(crate) fn wake_driver(&self) {
        if let Some(waker) = &*self.driver.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn set_driver(&self, waker: &Waker) {
        let mut driver = self.driver.borrow_mut();
        if !driver.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *driver = Some(waker.clone());
        }
    }

    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.engine.borrow().close_reason().cloned()
    }

    /// A link name that is not in use here.
    pub(crate) fn link_name(&self) -> String {
        let n = self.next_name.get();
        self.next_name.set(n.wrapping_add(1));
        format!("link-{n}")
    }

    pub(crate) fn limit_error(&self, error: LimitError) -> LinkError {
        match (error, self.close_reason()) {
            (_, Some(reason)) => LinkError::Connection(reason),
            (LimitError::Limit, None) => LinkError::Limit,
            (LimitError::NotOpen, None) => LinkError::Closed,
        }
    }

    // --- tables

    pub(crate) fn add_link(&self, link: Rc<Link>) {
        let mut links = self.links.borrow_mut();
        let index = link.id.index();
        if links.len() <= index {
            links.resize_with(index + 1, || None);
        }
        if let Some(place) = links.get_mut(index) {
            *place = Some(link);
        }
    }

    fn link(&self, id: LinkId) -> Option<Rc<Link>> {
        self.links.borrow().get(id.index()).cloned().flatten()
    }

    /// The flag that tells whether a session is still the same.
    pub(crate) fn session_flag(&self, session: SessionId) -> Rc<Cell<bool>> {
        let mut sessions = self.sessions.borrow_mut();
        let index = usize::from(session.0);
        if sessions.len() <= index {
            sessions.resize_with(index + 1, || None);
        }
        match sessions.get_mut(index) {
            Some(place) => place.get_or_insert_with(|| Rc::new(Cell::new(true))).clone(),
            None => Rc::new(Cell::new(false)),
        }
    }

    pub(crate) fn await_outcome(&self, link: LinkId) -> (Token, Rc<Awaited>) {
        let awaited =
            Rc::new(Awaited { link, outcome: RefCell::new(None), waker: RefCell::new(None) });
        let mut table = self.awaited.borrow_mut();
        let token = match self.free_tokens.borrow_mut().pop() {
            Some(token) => token,
            None => {
                table.push(None);
                u32::try_from(table.len() - 1).unwrap_or(u32::MAX)
            }
        };
        if let Some(place) = table.get_mut(token as usize) {
            *place = Some(awaited.clone());
        }
        (Token(token), awaited)
    }

    pub(crate) fn forget_outcome(&self, token: Token) -> Option<Rc<Awaited>> {
        let awaited = self.awaited.borrow_mut().get_mut(token.0 as usize)?.take()?;
        self.free_tokens.borrow_mut().push(token.0);
        Some(awaited)
    }

    // --- events

    /// Takes all events of the engine.
    pub(crate) fn handle_events(&self) {
        loop {
            let event = self.engine.borrow_mut().poll_event();
            match event {
                Some(event) => self.handle(event),
                None => return,
            }
        }
    }

    fn handle(&self, event: Event) {
        match event {
            Event::Opened(_) => self.changed.notify_waiters(),
            // Only servers are asked, and ours offers ANONYMOUS alone.
            Event::Authenticate(_) => self.engine.borrow_mut().authenticate(false),
            Event::SessionBegun { .. } => {}
            Event::Attach { session, link, attach } => self.offered(session, link, attach),
            Event::Attached { link, attach } => {
                if let Some(link) = self.link(link) {
                    let _ = link.remote.set(Remote::new(link.role, *attach));
                    link.changed.notify_waiters();
                }
            }
            Event::Credit { link: id, drain, .. } => {
                if drain {
                    self.drains.borrow_mut().push(id);
                }
                if let Some(link) = self.link(id) {
                    link.credited.set(true);
                    link.changed.notify_waiters();
                }
            }
            Event::SenderFlow { link, drained, .. } => {
                if let Some(link) = self.link(link).filter(|_| drained) {
                    link.drained.set(true);
                    link.changed.notify_waiters();
                }
            }
            Event::Transfer(delivered) => self.arrived(delivered),
            Event::Updated { delivery, token, state, settled, .. } => {
                let outcome = state.as_ref().and_then(outcome);
                if !settled && outcome.is_none() {
                    return;
                }
                if !settled {
                    self.engine.borrow_mut().settle_sent(delivery, state);
                }
                if let Some(awaited) = self.forget_outcome(token) {
                    // Settled without an outcome: the receiver does not say; the default is "released".
                    awaited.resolve(Ok(outcome.unwrap_or(Outcome::Released)));
                }
                self.room.notify_waiters();
            }
            Event::SenderUpdated { .. } => {}
            Event::Writable(_) => self.room.notify_waiters(),
            Event::Detached { link, error, .. } => self.link_gone(link, LinkError::Detached(error)),
            Event::SessionEnded { session, .. } => self.session_gone(session),
            Event::Closed(reason) => self.all_gone(&reason),
        }
    }

    fn offered(&self, session: SessionId, id: LinkId, attach: Box<Attach>) {
        if self.offers.borrow().len() >= self.max_offers {
            let error = Error::new(condition::RESOURCE_LIMIT_EXCEEDED, "too many links wait");
            self.engine.borrow_mut().refuse(id, error);
            return;
        }
        let link = Rc::new(Link::new(id, session, attach.role.opposite()));
        self.add_link(link.clone());
        self.offers.borrow_mut().push_back(Offer { link, attach });
        self.changed.notify_waiters();
    }

    fn arrived(&self, delivered: iofog_amqp_engine::Delivered) {
        let Some(link) = self.link(delivered.link) else { return };
        let mut queue = link.queue.borrow_mut();
        if delivered.first {
            queue.push_back(Arrived {
                key: delivered.delivery,
                pieces: VecDeque::new(),
                complete: false,
                settled: false,
                aborted: false,
                streaming: false,
            });
        }
        let Some(arrived) = queue.back_mut().filter(|last| last.key == delivered.delivery) else {
            return; // the reader has dropped it
        };
        if !delivered.payload.is_empty() {
            arrived.pieces.push_back(delivered.payload);
        }
        arrived.settled |= delivered.settled;
        arrived.aborted = delivered.aborted;
        arrived.complete = !delivered.more;
        if arrived.aborted && !arrived.streaming {
            queue.pop_back();
            link.owed.set(link.owed.get().saturating_add(1));
            drop(queue);
            self.pay_credit(&link);
            return;
        }
        let limit = link.stream_buffer.get();
        if limit > 0 && !arrived.complete && arrived.buffered() > limit && !link.holding.get() {
            link.holding.set(true);
            self.engine.borrow_mut().hold_window(link.session, true);
        }
        link.changed.notify_waiters();
    }

    /// Grants credit that was used up, in portions.
    pub(crate) fn pay_credit(&self, link: &Link) {
        let owed = link.owed.get();
        if link.auto_credit.get() && owed > 0 && owed.saturating_mul(4) >= link.initial_credit.get()
        {
            link.owed.set(0);
            self.command(|engine| engine.add_credit(link.id, owed));
        }
    }

    /// Answers drains. With `wait` those stay whose link has senders that could still use the credit:
    /// true when there are any.
    pub(crate) fn answer_drains(&self, wait: bool) -> bool {
        let mut drains = self.drains.borrow_mut();
        drains.retain(|id| {
            let busy = self.link(*id).is_some_and(|link| link.waiting.get() > 0);
            let credit = self.engine.borrow().credit(*id);
            if wait && busy && credit > 0 {
                return true;
            }
            self.engine.borrow_mut().drained(*id);
            false
        });
        !drains.is_empty()
    }

    fn link_gone(&self, id: LinkId, error: LinkError) {
        let link = self.links.borrow_mut().get_mut(id.index()).and_then(Option::take);
        let tokens: Vec<u32> = (0..)
            .zip(&*self.awaited.borrow())
            .filter(|(_, place)| place.as_ref().is_some_and(|awaited| awaited.link == id))
            .map(|(token, _)| token)
            .collect();
        for token in tokens {
            if let Some(awaited) = self.forget_outcome(Token(token)) {
                awaited.resolve(Err(error.clone()));
            }
        }
        if let Some(link) = link {
            self.offers.borrow_mut().retain(|offer| offer.link.id != id);
            link.end(error);
        }
        self.room.notify_waiters();
    }

    fn session_gone(&self, session: SessionId) {
        let flag =
            self.sessions.borrow_mut().get_mut(usize::from(session.0)).and_then(Option::take);
        if let Some(flag) = flag {
            flag.set(false);
        }
        if self.default_session.get() == Some(session) {
            self.default_session.set(None);
        }
    }

    fn all_gone(&self, reason: &CloseReason) {
        let error = LinkError::Connection(reason.clone());
        let count = self.links.borrow().len();
        for index in 0..count {
            self.link_gone(LinkId(u32::try_from(index).unwrap_or(u32::MAX)), error.clone());
        }
        for flag in self.sessions.borrow_mut().drain(..).flatten() {
            flag.set(false);
        }
        self.changed.notify_waiters();
        self.room.notify_waiters();
    }
}

/// The outcome in a delivery state, if it is one.
fn outcome(state: &DeliveryState) -> Option<Outcome> {
    Some(match state {
        DeliveryState::Accepted => Outcome::Accepted,
        DeliveryState::Rejected(error) => Outcome::Rejected(error.as_deref().cloned()),
        DeliveryState::Released => Outcome::Released,
        DeliveryState::Modified { delivery_failed, undeliverable_here, .. } => Outcome::Modified {
            delivery_failed: *delivery_failed,
            undeliverable_here: *undeliverable_here,
        },
        DeliveryState::Received { .. } | DeliveryState::Other(_) => return None,
    })
}
