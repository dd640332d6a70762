//! Routers and clients on loopback for behaviour tests.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test support: each file uses its part, and failures are its purpose"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use iofog_amqp::{Body, Message, Properties, Value};
use iofog_amqp_client::{
    Address, Connection, ConnectionOptions, Delivery, Receiver, ReceiverOptions, Sender,
    SenderOptions,
};
use iofog_router::config::{ConnectorConfig, ListenerConfig, Mode, Role};
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};

/// Entity of a connection's own link routes.
const ENTITY: &str = "org.apache.qpid.dispatch.router.connection.linkRoute";

/// Runs a test on one thread; the limit only guards against hangs.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(600), test).await.expect("test hangs")
    })
}

/// A router with listeners of these roles on free ports of loopback.
pub(crate) async fn router(mode: Mode, id: &str, roles: &[Role]) -> RouterHandle {
    let mut config = RouterConfig::new(mode, id);
    for role in roles {
        let mut listener = ListenerConfig::new(*role, "127.0.0.1", 0);
        listener.name = role.as_str().to_owned();
        config.listeners.push(listener);
    }
    start(config, RuntimeOptions::default()).await.unwrap()
}

/// An interior router with all three kinds of listeners.
pub(crate) async fn interior(id: &str) -> RouterHandle {
    router(Mode::Interior, id, &[Role::Normal, Role::Edge, Role::InterRouter]).await
}

/// An edge router below `upstream`.
pub(crate) async fn edge(id: &str, upstream: &RouterHandle) -> RouterHandle {
    let edge = router(Mode::Edge, id, &[Role::Normal]).await;
    connect(&edge, "up", Role::Edge, port(upstream, Role::Edge)).await;
    until(|| edge.status().uplink).await;
    edge
}

/// Adds a connector to a running router.
pub(crate) async fn connect(router: &RouterHandle, name: &str, role: Role, to: SocketAddr) {
    let mut config = router.config();
    config.connectors.push(ConnectorConfig::new(name, role, &to.ip().to_string(), to.port()));
    router.apply(config).await.unwrap();
}

/// Where the listener of a role is.
pub(crate) fn port(router: &RouterHandle, role: Role) -> SocketAddr {
    let listeners = router.status().listeners;
    listeners.iter().find(|(name, _)| name == role.as_str()).unwrap().1
}

/// A client over a socket.
pub(crate) async fn client(router: &RouterHandle) -> Connection {
    let stream = tokio::net::TcpStream::connect(port(router, Role::Normal)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let options =
        ConnectionOptions { container_id: "test".to_owned(), ..ConnectionOptions::default() };
    Connection::open(Box::new(stream), options).await.unwrap()
}

/// A client inside the process.
pub(crate) async fn local_client(router: &RouterHandle) -> Connection {
    let options =
        ConnectionOptions { container_id: "local".to_owned(), ..ConnectionOptions::default() };
    Connection::open(Box::new(router.connect_local()), options).await.unwrap()
}

pub(crate) async fn sender(connection: &Connection, target: &str) -> Sender {
    connection.sender(SenderOptions::to(target)).await.unwrap()
}

pub(crate) async fn anonymous(connection: &Connection) -> Sender {
    connection.sender(SenderOptions::default()).await.unwrap()
}

pub(crate) async fn receiver(connection: &Connection, source: &str) -> Receiver {
    connection.receiver(ReceiverOptions::from(source)).await.unwrap()
}

/// A message with a text body.
pub(crate) fn text(body: &str) -> Bytes {
    let message = Message { body: Body::Value(Value::from(body)), ..Message::default() };
    message.encode()
}

/// As [`text`], to an address.
pub(crate) fn text_to(to: &str, body: &str) -> Bytes {
    let message = Message {
        properties: Some(Properties { to: Some(to.to_owned()), ..Properties::default() }),
        body: Body::Value(Value::from(body)),
        ..Message::default()
    };
    message.encode()
}

/// The text of a delivery.
pub(crate) fn body(delivery: &Delivery) -> String {
    match Message::decode(&delivery.message).unwrap().body {
        Body::Value(Value::String(text)) => text,
        other => panic!("not a text: {other:?}"),
    }
}

/// Asks the router to lead links here; gives the status.
pub(crate) async fn manage(
    connection: &Connection,
    operation: &str,
    name: &str,
    direction: &str,
) -> i64 {
    let dynamic = ReceiverOptions::from(Address::Dynamic);
    let mut replies = connection.receiver(dynamic).await.unwrap();
    let request = Message {
        properties: Some(Properties {
            to: Some("$management".to_owned()),
            reply_to: replies.address().map(str::to_owned),
            ..Properties::default()
        }),
        application_properties: [("operation", operation), ("type", ENTITY), ("name", name)]
            .map(|(key, value)| (Value::from(key), Value::from(value)))
            .to_vec(),
        body: Body::Value(Value::Map(vec![
            ("pattern".into(), name.into()),
            ("direction".into(), direction.into()),
        ])),
        ..Message::default()
    };
    anonymous(connection).await.send(request.encode()).await.unwrap();
    let delivery = replies.recv().await.unwrap();
    let reply = Message::decode(&delivery.message).unwrap();
    delivery.accept();
    reply.application_property("statusCode").unwrap().as_i64().unwrap()
}

/// Waits until something holds.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Time for things that must not happen to happen.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(150)).await;
}
