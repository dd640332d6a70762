//! Connections and sessions: the handles that links are made from.

use std::cell::Cell;
use std::rc::Rc;

use iofog_amqp::{Attach, Role, Source, Symbol, Target};
use iofog_amqp_engine::{ClientSasl, Config, Security, ServerSasl, SessionId};
use iofog_pipe::PipeEnd;
use tokio::time::timeout;

use crate::driver::drive;
use crate::link::Link;
use crate::shared::Shared;
use crate::{
    Address, BoxStream, CloseReason, ConnectError, ConnectionOptions, IncomingLink, LinkError,
    Receiver, ReceiverOptions, Sasl, Sender, SenderOptions, ServerOptions,
};

/// Largest frame over a pipe inside the process, in bytes: what our router takes there.
const PIPE_FRAME: u32 = 256 * 1024;

/// Handle of a connection; clones share it. The connection closes when [`Self::close`] is called or the
/// last handle, of connection, session or link, is dropped.
#[derive(Debug, Clone)]
pub struct Connection {
    alive: Rc<Alive>,
}

/// Closes the connection when the last handle goes; the driver holds none.
#[derive(Debug)]
struct Alive {
    shared: Rc<Shared>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.shared.command(|engine| engine.close(None));
    }
}

/// Handle of a session; ended when the last handle of it and its links is dropped, unless the peer began it.
#[derive(Debug, Clone)]
pub struct Session {
    begun: Rc<Begun>,
}

#[derive(Debug)]
struct Begun {
    connection: Connection,
    id: SessionId,
    /// False once the session is over: its number may stand for another one.
    same: Rc<Cell<bool>>,
    ours: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.ours && self.same.get() {
            self.connection.shared().command(|engine| engine.end(self.id, None));
        }
    }
}

impl Connection {
    /// Opens a connection on a stream as the side that dialled. Starts a local task.
    ///
    /// # Errors
    /// [`ConnectError`] when the peer refuses, is silent or is no AMQP peer.
    pub async fn open(
        stream: BoxStream,
        mut options: ConnectionOptions,
    ) -> Result<Self, ConnectError> {
        let sasl = match std::mem::take(&mut options.sasl) {
            Sasl::None => ClientSasl::None,
            Sasl::Anonymous => ClientSasl::Anonymous,
            Sasl::External => ClientSasl::External,
            Sasl::Plain { username, password } => ClientSasl::Plain { username, password },
        };
        Self::start(stream, Security::Client(sasl), options).await
    }

    /// Serves a connection on a stream as the side that was dialled. Starts a local task.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn serve(stream: BoxStream, options: ServerOptions) -> Result<Self, ConnectError> {
        Self::start(stream, Security::Server(ServerSasl::default()), options.connection).await
    }

    async fn start(
        stream: BoxStream,
        security: Security,
        mut options: ConnectionOptions,
    ) -> Result<Self, ConnectError> {
        if (*stream).as_any().is::<PipeEnd>() {
            options.max_frame_size = options.max_frame_size.max(PIPE_FRAME);
        }
        let (open_timeout, max_offers) = (options.open_timeout, options.max_incoming_links);
        let shared = Rc::new(Shared::new(config(security, options), max_offers));
        let connection = Self { alive: Rc::new(Alive { shared: shared.clone() }) };
        iofog_task::spawn(drive(stream, shared));
        timeout(open_timeout, connection.opened()).await.map_err(|_| ConnectError::TimedOut)??;
        Ok(connection)
    }

    async fn opened(&self) -> Result<(), ConnectError> {
        loop {
            let changed = self.shared().changed.notified();
            if let Some(reason) = self.shared().close_reason() {
                return Err(ConnectError::Closed(reason));
            }
            if self.shared().engine.borrow().is_open() {
                return Ok(());
            }
            changed.await;
        }
    }

    pub(crate) fn shared(&self) -> &Rc<Shared> {
        &self.alive.shared
    }

    /// Container id of the peer.
    #[must_use]
    pub fn remote_container(&self) -> String {
        let engine = self.shared().engine.borrow();
        engine.remote_open().map(|open| open.container_id.clone()).unwrap_or_default()
    }

    /// Whether the peer offers a connection capability.
    #[must_use]
    pub fn peer_offers(&self, capability: &str) -> bool {
        let engine = self.shared().engine.borrow();
        engine
            .remote_open()
            .is_some_and(|open| open.offered_capabilities.iter().any(|c| c == capability))
    }

    /// Attaches a sending link; resolves when the peer has answered.
    ///
    /// # Errors
    /// [`LinkError::Detached`] when the peer refuses; others when the connection goes or is full.
    pub async fn sender(&self, options: SenderOptions) -> Result<Sender, LinkError> {
        let mut attach = Attach::new(self.name(options.name), Role::Sender);
        attach.snd_settle_mode = options.settle_mode;
        attach.source = Some(Box::new(Source { address: options.source, ..Source::default() }));
        attach.target = Some(Box::new(Target {
            address: options.target,
            capabilities: options.target_capabilities,
            ..Target::default()
        }));
        attach.offered_capabilities = options.offered_capabilities;
        attach.desired_capabilities = options.desired_capabilities;
        attach.properties = options.properties;
        let (session, link) = self.attach(options.session, attach)?;
        let sender = Sender::new(self.clone(), session, link);
        sender.attached().await?;
        Ok(sender)
    }

    /// Attaches a receiving link; resolves when the peer has answered.
    ///
    /// # Errors
    /// As [`Self::sender`].
    pub async fn receiver(&self, options: ReceiverOptions) -> Result<Receiver, LinkError> {
        let mut attach = Attach::new(self.name(options.name), Role::Receiver);
        attach.rcv_settle_mode = options.settle_mode;
        attach.max_message_size = u64::try_from(options.max_message_size).ok();
        let mut source = match options.source {
            Address::Named(name) => Source::new(name),
            Address::Dynamic => Source::dynamic(),
            Address::Absent => Source::default(),
        };
        source.capabilities = options.source_capabilities;
        attach.source = Some(Box::new(source));
        attach.target = Some(Box::new(Target { address: options.target, ..Target::default() }));
        attach.offered_capabilities = options.offered_capabilities;
        attach.desired_capabilities = options.desired_capabilities;
        attach.properties = options.properties;
        let (session, link) = self.attach(options.session, attach)?;
        link.stream_buffer.set(options.stream_buffer);
        let receiver = Receiver::new(self.clone(), session, link);
        receiver.begin_credit(options.initial_credit, options.auto_credit);
        receiver.attached().await?;
        Ok(receiver)
    }

    fn name(&self, given: String) -> String {
        if given.is_empty() { self.shared().link_name() } else { given }
    }

    fn attach(
        &self,
        session: Option<Session>,
        attach: Attach,
    ) -> Result<(Option<Session>, Rc<Link>), LinkError> {
        let shared = self.shared();
        let id = match &session {
            Some(session) if session.begun.same.get() => session.begun.id,
            Some(_) => return Err(LinkError::Closed),
            None => self.default_session()?,
        };
        let role = attach.role;
        let link = shared.command(|engine| engine.attach(id, attach));
        let link = Rc::new(Link::new(link.map_err(|e| shared.limit_error(e))?, id, role));
        shared.add_link(link.clone());
        Ok((session, link))
    }

    fn default_session(&self) -> Result<SessionId, LinkError> {
        let shared = self.shared();
        if let Some(id) = shared.default_session.get() {
            return Ok(id);
        }
        let id = shared.command(|engine| engine.begin()).map_err(|e| shared.limit_error(e))?;
        shared.default_session.set(Some(id));
        Ok(id)
    }

    /// Begins a session of its own, so that its links cannot hold up others.
    ///
    /// # Errors
    /// [`LinkError`] when the connection is over or full.
    pub async fn session(&self) -> Result<Session, LinkError> {
        let shared = self.shared();
        let id = shared.command(|engine| engine.begin()).map_err(|e| shared.limit_error(e))?;
        Ok(self.session_handle(id, true))
    }

    pub(crate) fn session_handle(&self, id: SessionId, ours: bool) -> Session {
        let same = self.shared().session_flag(id);
        Session { begun: Rc::new(Begun { connection: self.clone(), id, same, ours }) }
    }

    /// The next link that the peer attaches; none when the connection is over. Links are refused with
    /// `amqp:resource-limit-exceeded` while `max_incoming_links` wait here.
    pub async fn accept_link(&self) -> Option<IncomingLink> {
        loop {
            let changed = self.shared().changed.notified();
            if let Some(offer) = self.shared().offers.borrow_mut().pop_front() {
                return Some(IncomingLink::new(self.clone(), offer));
            }
            if self.shared().close_reason().is_some() {
                return None;
            }
            changed.await;
        }
    }

    /// Resolves when the connection is over.
    pub async fn closed(&self) -> CloseReason {
        loop {
            let changed = self.shared().changed.notified();
            if let Some(reason) = self.shared().close_reason() {
                return reason;
            }
            changed.await;
        }
    }

    /// Closes the connection; output is written first.
    pub fn close(&self) {
        self.shared().command(|engine| engine.close(None));
    }
}

impl Session {
    /// Ends the session and its links.
    pub fn end(&self) {
        if self.begun.same.get() {
            self.begun.connection.shared().command(|engine| engine.end(self.begun.id, None));
        }
    }
}

fn config(security: Security, options: ConnectionOptions) -> Config {
    let symbols = |names: Vec<String>| names.into_iter().map(Symbol::from).collect();
    let half = options.idle_timeout / 2;
    Config {
        security,
        container_id: options.container_id,
        hostname: options.hostname,
        max_frame_size: options.max_frame_size,
        max_sessions: options.max_sessions,
        idle_timeout_ms: u32::try_from(half.as_millis()).unwrap_or(u32::MAX),
        offered_capabilities: symbols(options.offered_capabilities),
        desired_capabilities: symbols(options.desired_capabilities),
        properties: options
            .properties
            .into_iter()
            .map(|(name, value)| (Symbol::from(name), value))
            .collect(),
        ..Config::default()
    }
}
