//! Reaching the node's Router from inside the process: the built-in one, or the one the Controller named.

use std::io;
use std::time::Duration;

use iofog_amqp_client::{BoxStream, Dial, DialFuture, TcpDial};
use tokio::time::timeout;

use crate::context::{AgentContext, RouterAccess};

/// How long a dial waits for the Router to come up, at start above all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Dials whatever the context names at that moment.
pub struct ContextDial {
    context: AgentContext,
    fallback: Option<(String, u16)>,
}

// === impl ContextDial ===

impl ContextDial {
    /// A dial that follows `context`; `fallback` serves when that names no Router.
    pub fn new(context: AgentContext, fallback: Option<(String, u16)>) -> Self {
        Self { context, fallback }
    }

    async fn open(&self) -> io::Result<BoxStream> {
        let access = timeout(PATIENCE, self.known()).await.unwrap_or_default();
        let (host, port) = match (access, &self.fallback) {
            (RouterAccess::Local(router), _) => return Ok(Box::new(router.connect_local())),
            (RouterAccess::Tcp { host, port }, _) => (host, port),
            (RouterAccess::None, Some((host, port))) => (host.clone(), *port),
            (RouterAccess::None, None) => {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "no router is known yet"));
            }
        };
        TcpDial { host, port, source: self.context.bind_address() }.dial().await
    }

    async fn known(&self) -> RouterAccess {
        let mut changes = self.context.subscribe();
        loop {
            let access = self.context.router();
            let gone = !matches!(access, RouterAccess::None) || changes.changed().await.is_err();
            if gone {
                return access;
            }
        }
    }
}

impl Dial for ContextDial {
    fn dial(&self) -> DialFuture<'_> {
        Box::pin(self.open())
    }
}
