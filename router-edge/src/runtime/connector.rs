//! Keeps a connection to another router: dials, runs it, dials again.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use iofog_tls::rustls::ClientConfig;
use log::{info, warn};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

use super::driver;
use super::options::StartError;
use super::resolve::resolve;
use super::shared::{ConnectorState, ConnectorTask, Shared};
use super::tls::{self, Side};
use crate::config::ConnectorConfig;
use crate::core::TlsFacts;

/// Waits between attempts, ms; the last is repeated (router.md section 6).
const WAITS: [u32; 3] = [1_000, 2_000, 5_000];
/// Longest that one attempt may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts to keep a connector's connection.
pub(super) fn open(shared: &Rc<Shared>, config: &ConnectorConfig) -> Result<(), StartError> {
    let tls = Side::connector(shared, config)?;
    let state = Rc::new(RefCell::new(ConnectorState::default()));
    let task = keep(Rc::clone(shared), config.clone(), tls, Rc::clone(&state));
    let entry = ConnectorTask { state, task: iofog_task::spawn(task) };
    shared.connectors.borrow_mut().insert(config.name.clone(), entry);
    Ok(())
}

async fn keep(
    shared: Rc<Shared>,
    config: ConnectorConfig,
    tls: Option<Side<ClientConfig>>,
    state: Rc<RefCell<ConnectorState>>,
) {
    let mut failures = 0;
    while !state.borrow().stopped {
        match dial(&shared, &config, tls.as_ref()).await {
            Ok(dialled) => {
                info!("connector {}: connected", config.name);
                let ran = run(&shared, &config, &state, dialled).await;
                failures = if ran.opened { 0 } else { failures };
                state.borrow_mut().conn = None;
                state.borrow_mut().message = ran.reason;
                shared.sync_entities();
            }
            Err(error) => {
                let message = error.to_string();
                if state.borrow().message != message {
                    warn!("connector {}: {message}", config.name);
                }
                state.borrow_mut().message = message;
                shared.sync_entities();
            }
        }
        if state.borrow().stopped {
            return;
        }
        tokio::time::sleep(wait(&shared, failures)).await;
        failures += 1;
    }
}

/// A connection that was made.
enum Dialled {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>, TlsFacts, bool),
}

async fn run(
    shared: &Rc<Shared>,
    config: &ConnectorConfig,
    state: &RefCell<ConnectorState>,
    dialled: Dialled,
) -> Ran {
    let begin = |tls| {
        let now = shared.now();
        let conn = shared.core.borrow_mut().connect(config, tls, now);
        state.borrow_mut().conn = Some(conn);
        conn
    };
    match dialled {
        Dialled::Plain(stream) => watch(shared, begin(None), stream).await,
        Dialled::Tls(stream, facts, shown) => {
            watch(shared, begin(Some((facts, shown))), *stream).await
        }
    }
}

/// How a connection ended.
struct Ran {
    opened: bool,
    reason: String,
}

async fn watch<S>(shared: &Rc<Shared>, conn: crate::core::ConnId, stream: S) -> Ran
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut ran = Ran { opened: false, reason: "connection lost".to_owned() };
    let mut task = std::pin::pin!(driver::run(Rc::clone(shared), conn, stream));
    std::future::poll_fn(|cx| {
        let poll = task.as_mut().poll(cx);
        let core = shared.core.borrow();
        ran.opened |= core.is_open(conn);
        if let Some(reason) = core.close_reason(conn) {
            ran.reason = reason.to_string();
        }
        poll
    })
    .await;
    ran
}

async fn dial(
    shared: &Shared,
    config: &ConnectorConfig,
    tls: Option<&Side<ClientConfig>>,
) -> io::Result<Dialled> {
    let stream = reach(shared, config).await?;
    let Some(side) = tls else {
        return Ok(Dialled::Plain(stream));
    };
    let (stream, facts, shown) = tls::connect(side, shared, &config.host, stream).await?;
    Ok(Dialled::Tls(Box::new(stream), facts, shown))
}

async fn reach(shared: &Shared, config: &ConnectorConfig) -> io::Result<TcpStream> {
    let source = shared.options.source_address;
    let attempt = async {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "host has no address");
        for address in resolve(&config.host, config.port).await? {
            match connect(address, source).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    match tokio::time::timeout(DIAL_TIMEOUT, attempt).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
    }
}

async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source.filter(|source| source.is_ipv4() == address.is_ipv4()) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The wait after so many failures, +-20 %.
fn wait(shared: &Shared, failures: usize) -> Duration {
    let base = WAITS.get(failures).or(WAITS.last()).copied().unwrap_or(5_000);
    let spread = base / 5;
    let ms = base - spread + shared.random(2 * spread + 1);
    Duration::from_millis(u64::from(ms))
}
