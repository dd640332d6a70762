//! New connections: what our `open` says, by role.

use iofog_amqp::{Symbol, Value};
use iofog_amqp_engine::{
    ClientSasl, Config, Connection, InitialSerials, Mechanism, Millis, Security, ServerSasl,
};

use super::conn::{Conn, ConnSpec, Direction, TlsFacts};
use super::slab::ConnId;
use super::{Core, PRODUCT};
use crate::config::{ConnectorConfig, ListenerConfig, Mode, Role, Sasl};

/// Transfer frames that a peer may send ahead on one session: what arrives after the session was
/// told to stop. An edge router runs where memory is small.
const EDGE_WINDOW: u32 = 128;
const CLIENT_WINDOW: u32 = 512;
const ROUTER_WINDOW: u32 = 2_048;
/// The same in bytes: links between interiors are long and shared.
const WINDOW_BYTES: usize = 2 * 1024 * 1024;
const ROUTER_WINDOW_BYTES: usize = 8 * 1024 * 1024;

impl Core {
    /// A peer connected to a listener; `tls`: what its handshake left, if there was one.
    pub fn accept(
        &mut self,
        listener: &ListenerConfig,
        host: String,
        tls: Option<TlsFacts>,
        now: Millis,
    ) -> ConnId {
        let known = tls.as_ref().is_some_and(|tls| tls.peer.is_some());
        let config = Config {
            security: Security::Server(ServerSasl {
                mechanisms: mechanisms(&listener.sasl, known),
                // A certificate that was believed is authentication enough.
                allow_bare: !listener.authenticate_peer || known,
            }),
            max_frame_size: listener.max_frame_size,
            idle_timeout_ms: idle(listener.idle_timeout),
            max_sessions: listener.max_sessions,
            ..Config::default()
        };
        let spec = ConnSpec {
            role: listener.role,
            direction: Direction::In,
            host,
            name: listener.name.clone(),
            cost: listener.cost,
            capacity: listener.link_capacity,
            local: false,
            tls,
        };
        self.add(config, spec, now)
    }

    /// We connected to a peer; `tls`: what the handshake left, and whether we showed a certificate.
    pub fn connect(
        &mut self,
        connector: &ConnectorConfig,
        tls: Option<(TlsFacts, bool)>,
        now: Millis,
    ) -> ConnId {
        let shown = tls.as_ref().is_some_and(|(_, shown)| *shown);
        let config = Config {
            security: Security::Client(ClientSasl::Offered(choices(&connector.sasl, shown))),
            hostname: Some(connector.host.clone()),
            max_frame_size: connector.max_frame_size,
            idle_timeout_ms: idle(connector.idle_timeout),
            max_sessions: MAX_SESSIONS,
            ..Config::default()
        };
        let spec = ConnSpec {
            role: connector.role,
            direction: Direction::Out,
            host: format!("{}:{}", connector.host, connector.port),
            name: connector.name.clone(),
            cost: connector.cost,
            capacity: connector.link_capacity,
            local: false,
            tls: tls.map(|(facts, _)| facts),
        };
        self.add(config, spec, now)
    }

    /// Where the serial numbers of connections made from now on start; for tests of their wrap.
    pub fn start_serials_at(&mut self, initial: InitialSerials) {
        self.initial = initial;
    }

    /// A client inside the process connected.
    pub fn accept_local(&mut self, name: &str, now: Millis) -> ConnId {
        let listener = ListenerConfig {
            name: name.to_owned(),
            idle_timeout: 0,
            max_frame_size: LOCAL_FRAME_SIZE,
            ..ListenerConfig::new(Role::Normal, "", 0)
        };
        let id = self.accept(&listener, "in-process".to_owned(), None, now);
        if let Some(conn) = self.conns.get_mut(id) {
            conn.spec.local = true;
        }
        id
    }

    fn add(&mut self, base: Config, spec: ConnSpec, now: Millis) -> ConnId {
        self.now = now;
        let number = self.next_number();
        self.totals.connections += 1;
        let is_router = matches!(spec.role, Role::InterRouter | Role::Edge);
        let (incoming_window, incoming_window_bytes) = match (self.mode, spec.role) {
            (Mode::Edge, _) => (EDGE_WINDOW, WINDOW_BYTES),
            (_, Role::InterRouter) => (ROUTER_WINDOW, ROUTER_WINDOW_BYTES),
            _ => (CLIENT_WINDOW, WINDOW_BYTES),
        };
        let config = Config {
            container_id: self.id.as_str().to_owned(),
            incoming_window,
            incoming_window_bytes,
            offered_capabilities: capabilities(),
            desired_capabilities: capabilities(),
            properties: self.properties(&spec, number, is_router),
            initial: self.initial,
            ..base
        };
        let conn = Conn::new(Connection::new(config, now), spec, number, now);
        let id = self.conns.insert(conn);
        self.touch(id);
        id
    }

    fn properties(&self, spec: &ConnSpec, number: u64, is_router: bool) -> Vec<(Symbol, Value)> {
        let mut properties = vec![
            (Symbol::from_static("product"), Value::from(PRODUCT)),
            (Symbol::from_static("version"), Value::from(env!("CARGO_PKG_VERSION"))),
            (
                Symbol::from_static("qd.conn-id"),
                Value::Int(i32::try_from(number).unwrap_or(i32::MAX)),
            ),
        ];
        if is_router {
            properties.push((Symbol::from_static("qd.annotations-version"), Value::Int(2)));
        }
        if spec.role == Role::InterRouter && spec.cost > 1 {
            let cost = i32::try_from(spec.cost).unwrap_or(i32::MAX);
            properties.push((Symbol::from_static("qd.inter-router-cost"), Value::Int(cost)));
        }
        debug_assert!(self.mode != Mode::Edge || spec.role != Role::InterRouter);
        properties
    }
}

/// Sessions on a connection that we dialled.
const MAX_SESSIONS: u16 = 8_192;
/// Frames inside the process may be large: nothing else shares the pipe.
const LOCAL_FRAME_SIZE: u32 = 256 * 1024;

fn capabilities() -> Vec<Symbol> {
    vec![Symbol::from_static("ANONYMOUS-RELAY"), super::streams::LINKS]
}

/// What a listener offers; EXTERNAL only to peers whose certificate was believed.
fn mechanisms(sasl: &Sasl, known: bool) -> Vec<Mechanism> {
    if sasl.mechanisms.is_empty() {
        return vec![Mechanism::Anonymous];
    }
    let mechanism = |name: &String| match name.as_str() {
        "ANONYMOUS" => Some(Mechanism::Anonymous),
        "EXTERNAL" if known => Some(Mechanism::External),
        "PLAIN" => Some(Mechanism::Plain),
        _ => None,
    };
    sasl.mechanisms.iter().filter_map(mechanism).collect()
}

/// What a connector would use, the strongest first, among what is listed (nothing listed = anything).
fn choices(sasl: &Sasl, shown: bool) -> Vec<ClientSasl> {
    let allowed = |name| sasl.mechanisms.is_empty() || sasl.lists(name);
    let mut choices = Vec::new();
    if shown && allowed("EXTERNAL") {
        choices.push(ClientSasl::External);
    }
    if let (Some(username), Some(password)) = (&sasl.username, &sasl.password)
        && allowed("PLAIN")
    {
        let (username, password) = (username.clone(), password.0.clone());
        choices.push(ClientSasl::Plain { username, password });
    }
    if allowed("ANONYMOUS") {
        choices.push(ClientSasl::Anonymous);
    }
    choices
}

/// Half of what is tolerated, ms.
fn idle(seconds: u32) -> u32 {
    seconds.saturating_mul(500)
}
