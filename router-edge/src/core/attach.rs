//! Links that peers attach: who may attach what, and to which address it is bound.

use iofog_amqp::{
    Attach, Error, ExpiryPolicy, Role, SenderSettleMode, Source, Symbol, Target, condition,
};
use iofog_amqp_engine::{LinkId, SessionId};
use log::debug;

use super::Core;
use super::conn::Direction;
use super::link::{Kind, Link};
use super::slab::{AddressKey, ConnId, LinkKey};
use super::streams::DELIVERIES;
use crate::address::{Class, Key, Resolved, resolve};
use crate::config::{Mode, Role as ConnRole, Treatment};

/// Conditions of routers that the standard does not know (router.md section 3).
pub(super) const FORBIDDEN: Symbol = Symbol::from_static("qd:forbidden");
pub(super) const CONNECTION_ROLE: Symbol = Symbol::from_static("qd:connection-role");
pub(super) const NO_ROUTE: Symbol = Symbol::from_static("qd:no-route-to-dest");

/// A link that the peer attaches, before it is decided.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) conn: ConnId,
    pub(super) session: SessionId,
    pub(super) id: LinkId,
    pub(super) attach: Box<Attach>,
}

impl Core {
    pub(super) fn on_attach(
        &mut self,
        conn: ConnId,
        session: SessionId,
        id: LinkId,
        attach: Box<Attach>,
    ) {
        let Some(state) = self.conns.get(conn) else {
            return;
        };
        let (role, direction) = (state.spec.role, state.spec.direction);
        let offer = Offer { conn, session, id, attach };
        if let Err(error) = self.may_attach(&offer) {
            self.refuse_offer(Err((offer, error)));
            self.touch(conn);
            return;
        }
        let router_capability =
            offer.capabilities().iter().any(|c| c.as_str().starts_with("qd.router"));
        if !router_capability && let Some((to, external)) = self.routed_to(&offer) {
            let mut offer = offer;
            if let Some(external) = external {
                offer.set_address(external);
            }
            let result = self.relay_attach(offer, to);
            self.refuse_offer(result);
            self.touch(conn);
            return;
        }
        let result = match (role, direction) {
            _ if !router_capability && self.is_configured_route(&offer) => {
                Err((offer, Error::new(NO_ROUTE, "the container of the link route is not there")))
            }
            (ConnRole::InterRouter, _) => self.interior_attach(offer),
            (ConnRole::Edge, Direction::In) => self.edge_attach(offer),
            (ConnRole::Edge, Direction::Out) => self.uplink_attach(offer),
            _ if router_capability => {
                Err((offer, Error::new(FORBIDDEN, "links between routers need role inter-router")))
            }
            _ => match self.ask_interior(offer) {
                Some(offer) => self.client_attach(offer),
                None => return,
            },
        };
        self.refuse_offer(result);
        self.touch(conn);
    }

    /// Tells the peer, if its link was not accepted.
    pub(super) fn refuse_offer(&mut self, result: Result<LinkKey, (Offer, Error)>) {
        if let Err((offer, error)) = result {
            let (conn, name) = (offer.conn.number(), &offer.attach.name);
            debug!("[C{conn}] link {name} refused: {}", error.condition);
            if let Some(conn) = self.conns.get_mut(offer.conn) {
                conn.engine.refuse(offer.id, error);
            }
        }
    }

    /// A link of a client, or of an edge as if it were a client.
    pub(super) fn client_attach(&mut self, offer: Offer) -> Result<LinkKey, (Offer, Error)> {
        match offer.attach.role {
            Role::Sender => self.producer_attach(offer),
            Role::Receiver => self.consumer_attach(offer),
        }
    }

    /// The interior above attaches nothing but streaming links: their messages say where they go.
    fn uplink_attach(&mut self, offer: Offer) -> Result<LinkKey, (Offer, Error)> {
        let used = self.uplink.as_ref().is_some_and(|uplink| uplink.conn == offer.conn);
        let anonymous = offer.address().is_none_or(str::is_empty) && offer.attach.target.is_some();
        if !used || !anonymous || offer.attach.role != Role::Sender {
            let text = "an edge router takes only streaming links from its interior";
            return Err((offer, Error::new(CONNECTION_ROLE, text)));
        }
        let key = self.accept_link(offer, Kind::Stream, None);
        self.grant(key);
        Ok(key)
    }

    fn producer_attach(&mut self, mut offer: Offer) -> Result<LinkKey, (Offer, Error)> {
        let Some(target) = offer.attach.target.as_mut() else {
            return Err((offer, Error::new(condition::PRECONDITION_FAILED, "no target")));
        };
        if target.coordinator {
            let error = Error::new(condition::NOT_IMPLEMENTED, "no transactions here");
            return Err((offer, error));
        }
        if target.dynamic {
            target.address = Some(format!("amqp:/_$temp.{}", self.names.next()));
        }
        let text = target.address.clone().unwrap_or_default();
        if text.is_empty() {
            let streaming = offer.has_capability(DELIVERIES);
            let key = self.accept_link(offer, Kind::Anonymous, None);
            if let Some(link) = self.links.get_mut(key) {
                link.incoming.streaming = streaming;
            }
            self.grant(key);
            return Ok(key);
        }
        match self.producer_place(&text) {
            Ok(address) => {
                let settled = offer.attach.snd_settle_mode == SenderSettleMode::Settled;
                let streaming = offer.has_capability(DELIVERIES);
                let key = self.accept_link(offer, Kind::Endpoint, Some(&text));
                if let Some(link) = self.links.get_mut(key) {
                    link.incoming.presettled = settled;
                    link.incoming.streaming = streaming;
                }
                self.bind_producer(key, address);
                Ok(key)
            }
            Err(error) => Err((offer, error)),
        }
    }

    fn producer_place(&mut self, text: &str) -> Result<AddressKey, Error> {
        match resolve(text, self.id.as_str(), self.mode) {
            Resolved::Uplink => self.up_address.ok_or_else(|| Error::new(NO_ROUTE, "no uplink")),
            Resolved::Key(key) if key.class == Class::Area => {
                Err(Error::new(NO_ROUTE, "there is only one area"))
            }
            Resolved::Key(key) if self.is_unavailable(key) => {
                Err(Error::new(condition::NOT_FOUND, "address is unavailable"))
            }
            Resolved::Key(key) if key.name.starts_with("_$qd.") => {
                Err(Error::new(CONNECTION_ROLE, "only for edge routers"))
            }
            Resolved::Key(key) => Ok(self.table.intern(key)),
        }
    }

    fn consumer_attach(&mut self, mut offer: Offer) -> Result<LinkKey, (Offer, Error)> {
        let Some(source) = offer.attach.source.as_mut() else {
            return Err((offer, Error::new(condition::PRECONDITION_FAILED, "no source")));
        };
        if source.dynamic {
            let temporary = self.names.next();
            source.address = Some(match self.mode {
                Mode::Edge => format!("amqp:/_edge/{}/temp.{temporary}", self.id),
                _ => format!("amqp:/_topo/0/{}/temp.{temporary}", self.id),
            });
        }
        let text = source.address.clone().unwrap_or_default();
        match self.consumer_place(&text) {
            Ok(address) => {
                let settled = offer.attach.snd_settle_mode == SenderSettleMode::Settled;
                let key = self.accept_link(offer, Kind::Endpoint, Some(&text));
                if let Some(link) = self.links.get_mut(key) {
                    link.outgoing.settled = settled;
                }
                self.bind_consumer(key, address);
                Ok(key)
            }
            Err(error) => Err((offer, error)),
        }
    }

    fn consumer_place(&mut self, text: &str) -> Result<AddressKey, Error> {
        if text.is_empty() {
            return Err(Error::new(condition::PRECONDITION_FAILED, "source has no address"));
        }
        match resolve(text, self.id.as_str(), self.mode) {
            Resolved::Key(key) if key.name.starts_with("_$qd.") => {
                Err(Error::new(CONNECTION_ROLE, "only for edge routers"))
            }
            Resolved::Key(key) if self.is_unavailable(key) => {
                Err(Error::new(condition::NOT_FOUND, "address is unavailable"))
            }
            Resolved::Key(key) if matches!(key.class, Class::Mobile | Class::Local) => {
                Ok(self.table.intern(key))
            }
            _ => Err(Error::new(condition::NOT_FOUND, "address belongs to another router")),
        }
    }

    /// Its rule says that nobody may use the address.
    pub(super) fn is_unavailable(&self, key: Key<'_>) -> bool {
        key.class == Class::Mobile && self.table.rules.treatment(key.name) == Treatment::Unavailable
    }

    /// Accepts: the answer echoes source and target.
    pub(super) fn accept_link(&mut self, offer: Offer, kind: Kind, text: Option<&str>) -> LinkKey {
        let role = offer.attach.role.opposite();
        let capacity = self.conns.get(offer.conn).map_or(0, |conn| conn.spec.capacity);
        let name = offer.attach.name.clone();
        let mut link = Link::new(offer.conn, offer.id, offer.session, name, role, kind);
        link.number = self.next_number();
        link.capacity = capacity;
        link.attached = true;
        if let Some(text) = text {
            link.set_text(text);
        }
        let key = self.links.insert(link);
        let mut answer = Attach::new(offer.attach.name, role);
        answer.source = offer.attach.source.map(|source| Box::new(echo_source(*source)));
        answer.target = offer.attach.target.map(|target| Box::new(echo_target(*target)));
        answer.max_message_size = Some(self.max_message_size(offer.conn));
        if let Some(conn) = self.conns.get_mut(offer.conn) {
            conn.bind(offer.id, Some(key));
            conn.engine.accept(offer.id, answer);
        }
        self.touch(offer.conn);
        key
    }
}

impl Offer {
    /// Capabilities of the terminus at our side.
    pub(super) fn capabilities(&self) -> &[Symbol] {
        let source = self.attach.source.as_ref().map(|source| source.capabilities.as_slice());
        let target = self.attach.target.as_ref().map(|target| target.capabilities.as_slice());
        match self.attach.role {
            Role::Sender => target.or(source),
            Role::Receiver => source.or(target),
        }
        .unwrap_or_default()
    }

    pub(super) fn has_capability(&self, name: &str) -> bool {
        self.capabilities().iter().any(|capability| capability == name)
    }

    /// Gives the terminus at our side another address.
    fn set_address(&mut self, address: String) {
        match self.attach.role {
            Role::Sender => {
                if let Some(target) = self.attach.target.as_mut() {
                    target.address = Some(address);
                }
            }
            Role::Receiver => {
                if let Some(source) = self.attach.source.as_mut() {
                    source.address = Some(address);
                }
            }
        }
    }

    /// Address of the terminus at our side.
    pub(super) fn address(&self) -> Option<&str> {
        match self.attach.role {
            Role::Sender => self.attach.target.as_ref()?.address.as_deref(),
            Role::Receiver => self.attach.source.as_ref()?.address.as_deref(),
        }
    }
}

/// What is offered back: link-detach expiry and no promises beyond it.
fn echo_source(source: Source) -> Source {
    Source {
        expiry_policy: ExpiryPolicy::LinkDetach,
        durable: 0,
        timeout: 0,
        default_outcome: None,
        ..source
    }
}

fn echo_target(target: Target) -> Target {
    Target { expiry_policy: ExpiryPolicy::LinkDetach, durable: 0, timeout: 0, ..target }
}
