//! The control socket: one-byte signals, repeated until they are acknowledged.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use iofog_sorted::SortedMap;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::server::LocalApi;
use super::channel::{Channel, Event, Gone};
use super::frame::{self, CONTROL_SIGNAL, Incoming, RESOURCE_SIGNAL};
use crate::ids::MicroserviceUuid;

/// A signal is repeated when it was not acknowledged for this long.
const PATIENCE: Duration = Duration::from_secs(20);
/// After so many signals without acknowledgement the socket is closed.
const MAX_TRIES: u32 = 10;

/// One control socket per microservice: the new one replaces the old.
#[derive(Default)]
pub(in crate::local_api) struct ControlSockets {
    open: RefCell<SortedMap<MicroserviceUuid, oneshot::Sender<()>>>,
}

impl ControlSockets {
    /// Registers a socket; the receiver resolves when it was replaced.
    fn open(&self, id: &MicroserviceUuid) -> oneshot::Receiver<()> {
        let (replaced, receiver) = oneshot::channel();
        self.open.borrow_mut().insert(id.clone(), replaced);
        receiver
    }

    fn forget_closed(&self) {
        self.open.borrow_mut().retain(|_, socket| !socket.is_closed());
    }
}

/// A signal that waits for its acknowledgement.
struct Pending {
    since: Instant,
    tries: u32,
}

/// Runs until the peer closes, or a new socket replaces this one.
pub(super) async fn run(api: &LocalApi, id: &MicroserviceUuid, mut channel: Channel) {
    let mut replaced = api.shared.control_sockets.open(id);
    let mut socket = Control {
        api,
        id,
        config: config_of(api, id),
        edge_resources: api.shared.context.subscribe().borrow().edge_resources,
        pending: None,
    };
    let mut changes = api.shared.context.subscribe();
    loop {
        let repeat_at = socket.pending.as_ref().map(|pending| pending.since + PATIENCE);
        let step = tokio::select! {
            event = channel.next() => match event {
                Some(event) => socket.event(&mut channel, event).await,
                None => Err(Gone),
            },
            changed = changes.changed() => match changed {
                Ok(()) => socket.signal_changes(&mut channel).await,
                Err(_) => Err(Gone),
            },
            () = sleep_until(repeat_at) => socket.repeat(&mut channel).await,
            _ = &mut replaced => Err(Gone),
        };
        if step.is_err() {
            break;
        }
    }
    drop(replaced);
    api.shared.control_sockets.forget_closed();
    channel.close().await;
}

struct Control<'a> {
    api: &'a LocalApi,
    id: &'a MicroserviceUuid,
    config: Option<Rc<str>>,
    edge_resources: u32,
    pending: Option<Pending>,
}

impl Control<'_> {
    async fn event(&mut self, channel: &mut Channel, event: Event) -> Result<(), Gone> {
        match event {
            Event::Binary(bytes) => {
                if frame::parse(&bytes) == Incoming::Ack {
                    self.pending = None;
                }
                Ok(())
            }
            Event::Ping(payload) => channel.pong(&payload).await,
            Event::Close => Err(Gone),
        }
    }

    async fn signal_changes(&mut self, channel: &mut Channel) -> Result<(), Gone> {
        let config = config_of(self.api, self.id);
        if config.is_some() && config != self.config {
            self.config = config;
            self.signal(channel, CONTROL_SIGNAL).await?;
        }
        let edge_resources = self.api.shared.context.subscribe().borrow().edge_resources;
        if edge_resources != self.edge_resources {
            self.edge_resources = edge_resources;
            self.signal(channel, RESOURCE_SIGNAL).await?;
        }
        Ok(())
    }

    async fn signal(&mut self, channel: &mut Channel, signal: u8) -> Result<(), Gone> {
        self.pending = Some(Pending { since: Instant::now(), tries: 1 });
        channel.send(&[signal]).await
    }

    /// Repeated slots are always configuration signals, as upstream has it.
    async fn repeat(&mut self, channel: &mut Channel) -> Result<(), Gone> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        if pending.tries >= MAX_TRIES {
            return Err(Gone);
        }
        pending.tries += 1;
        pending.since = Instant::now();
        channel.send(&[CONTROL_SIGNAL]).await
    }
}

fn config_of(api: &LocalApi, id: &MicroserviceUuid) -> Option<Rc<str>> {
    api.shared.context.microservice(id).map(|found| found.config.clone())
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
