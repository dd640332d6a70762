//! A client: sends and receives on a few addresses, judges what it gets late or never, and dials again
//! when its connection is lost.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use iofog_amqp::{Attach, Role, Source, Target};
use iofog_amqp_engine::{
    Config, Connection, Delivered, DeliveryKey, Event, LinkId, Millis, SessionId, Token,
};

use super::books::{Books, MessageId, ReceiverKey, Verdict};
use super::payload::read;

/// An address and how it is treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) name: &'static str,
    pub(crate) many: bool,
}

/// All that are used.
pub(crate) const ADDRESSES: [Address; 5] = [
    Address { name: "q/one", many: false },
    Address { name: "q/two", many: false },
    Address { name: "c/near", many: false },
    Address { name: "m/all", many: true },
    Address { name: "q/rare", many: false },
];

pub(super) struct SendingLink {
    pub(super) address: usize,
    pub(super) link: Option<LinkId>,
    /// The rest of a message whose first frames are sent.
    pub(super) rest: Option<(MessageId, Bytes)>,
}

pub(super) struct ReceivingLink {
    pub(super) address: usize,
    pub(super) link: Option<LinkId>,
    pub(super) key: ReceiverKey,
    pub(super) partial: BytesMut,
    /// What is not judged yet.
    pub(super) held: VecDeque<(DeliveryKey, MessageId)>,
}

/// What a client does of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Sends, judges in its own time, forgets to give credit.
    Busy,
    /// Sends nothing new, takes and accepts everything.
    Calm,
}

pub(crate) struct Client {
    pub(super) name: String,
    pub(super) sending: Vec<SendingLink>,
    pub(super) receiving: Vec<ReceivingLink>,
    pub(crate) engine: Option<Connection>,
    pub(super) session: Option<SessionId>,
    pub(super) outstanding: Vec<MessageId>,
    pub(super) connections: u32,
    /// Until then it takes nothing.
    pub(crate) stalled_until: u64,
    /// A link that it ends itself.
    pub(super) ending: Option<LinkId>,
}

impl Client {
    pub(crate) fn new(name: String, sends: &[usize], receives: &[usize]) -> Self {
        let sending = |&address: &usize| SendingLink { address, link: None, rest: None };
        let receiving = |&address: &usize| ReceivingLink {
            address,
            link: None,
            key: 0,
            partial: BytesMut::new(),
            held: VecDeque::new(),
        };
        Self {
            name,
            sending: sends.iter().map(sending).collect(),
            receiving: receives.iter().map(receiving).collect(),
            engine: None,
            session: None,
            outstanding: Vec::new(),
            connections: 0,
            stalled_until: 0,
            ending: None,
        }
    }

    pub(crate) fn receives(&self, address: usize) -> bool {
        self.receiving.iter().any(|link| link.address == address)
    }

    /// A new connection.
    pub(crate) fn dial(&mut self, now: u64) {
        self.connections += 1;
        let config = Config {
            container_id: format!("{}-{}", self.name, self.connections),
            ..Config::default()
        };
        self.engine = Some(Connection::new(config, Millis(now)));
    }

    /// The connection is gone: nothing more will be heard of what is open.
    pub(crate) fn lost(&mut self, books: &mut Books) {
        self.engine = None;
        self.session = None;
        self.ending = None;
        for message in self.outstanding.drain(..) {
            books.doubt(message);
        }
        for link in &mut self.sending {
            link.link = None;
            link.rest = None;
        }
        for link in &mut self.receiving {
            link.link = None;
            link.partial.clear();
            link.held.clear();
        }
    }

    /// Takes what the engine has to say. Returns false once the connection is over.
    pub(crate) fn listen(&mut self, books: &mut Books, keys: &mut ReceiverKey) -> bool {
        while let Some(event) = self.engine.as_mut().and_then(Connection::poll_event) {
            match event {
                Event::Opened(_) => {
                    let _ = self.engine.as_mut().map(Connection::begin);
                }
                Event::SessionBegun { session, .. } => {
                    self.session = Some(session);
                    self.attach_all(keys);
                }
                Event::Attached { link, attach } => {
                    if attach.source.is_none() || attach.target.is_none() {
                        books.violation(format!("{}: attach is refused", self.name));
                    }
                    if self.receiving.iter().any(|receiving| receiving.link == Some(link)) {
                        self.credit(link, 10);
                    }
                }
                Event::Transfer(piece) => self.take(piece, books),
                Event::Updated { delivery, token, state, settled, .. } => {
                    self.outcome(delivery, token, state.as_ref(), settled, books);
                }
                Event::Detached { link, .. } => self.detached(link, books),
                Event::Closed(_) => return false,
                _ => {}
            }
        }
        true
    }

    fn outcome(
        &mut self,
        delivery: DeliveryKey,
        token: Token,
        state: Option<&iofog_amqp::DeliveryState>,
        settled: bool,
        books: &mut Books,
    ) {
        let verdict = Verdict::of(state);
        let Some(at) = self.outstanding.iter().position(|message| *message == token.0) else {
            return;
        };
        match verdict {
            Some(verdict) => books.told(token.0, verdict),
            None if settled => {
                books.violation(format!("message {} settled without outcome", token.0))
            }
            None => return,
        }
        self.outstanding.swap_remove(at);
        // A router that ends a message early does not want its rest.
        for link in &mut self.sending {
            if link.rest.as_ref().is_some_and(|(message, _)| *message == token.0) {
                link.rest = None;
                if let (Some(engine), Some(link)) = (self.engine.as_mut(), link.link) {
                    engine.abort(link);
                }
            }
        }
        if !settled && let Some(engine) = self.engine.as_mut() {
            engine.settle_sent(delivery, state.cloned());
        }
    }

    fn detached(&mut self, gone: LinkId, books: &mut Books) {
        if self.ending.take() != Some(gone) {
            books.violation(format!("{}: a link was ended by the router", self.name));
        }
        for link in &mut self.receiving {
            if link.link == Some(gone) {
                link.link = None;
                link.partial.clear();
                link.held.clear();
            }
        }
    }

    fn attach_all(&mut self, keys: &mut ReceiverKey) {
        let (Some(session), Some(engine)) = (self.session, self.engine.as_mut()) else {
            return;
        };
        for (n, sending) in self.sending.iter_mut().enumerate() {
            let name = format!("{}-{}-s{n}", self.name, self.connections);
            sending.link =
                engine.attach(session, attach(name, Role::Sender, ADDRESSES[sending.address])).ok();
        }
        self.reattach(keys);
    }

    fn credit(&mut self, link: LinkId, credit: u32) {
        if let Some(engine) = self.engine.as_mut() {
            engine.set_credit(link, credit);
        }
    }

    fn take(&mut self, piece: Delivered, books: &mut Books) {
        let Some(link) = self.receiving.iter_mut().find(|link| link.link == Some(piece.link))
        else {
            return;
        };
        if piece.aborted {
            link.partial.clear();
            return;
        }
        link.partial.extend_from_slice(&piece.payload);
        if piece.more {
            return;
        }
        let whole = link.partial.split().freeze();
        let Some(message) = read(&whole) else {
            books.violation(format!("{}: a message arrived changed", self.name));
            return;
        };
        books.arrived(message, link.address, link.key);
        if piece.settled {
            books.judged(message, link.key, Verdict::Accepted);
        } else {
            link.held.push_back((piece.delivery, message));
        }
    }
}

pub(super) fn attach(name: String, role: Role, address: Address) -> Attach {
    let address = Some(address.name.to_owned());
    let (source, target) = match role {
        Role::Sender => (None, address),
        Role::Receiver => (address, None),
    };
    Attach {
        source: Some(Box::new(Source { address: source, ..Source::default() })),
        target: Some(Box::new(Target { address: target, ..Target::default() })),
        initial_delivery_count: (role == Role::Sender).then_some(0),
        ..Attach::new(name, role)
    }
}
