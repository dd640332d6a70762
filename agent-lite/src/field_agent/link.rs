//! The device link: tried whenever there is an identity; while it is open, changes and status go over it and the REST
//! loops rest. They go on as soon as it is lost.

use std::time::Duration;

use iofog_link::{AgentEvent, AgentSession, Bye, Ending, KeepAlive, Reconnect, StatusTracker};
use iofog_link_io::{Ended, Link};
use smol_hyper::rt::FuturesIo;

use super::FieldAgent;
use crate::controller_client::{AgentLink, ControllerError};
use crate::device_api;

/// How long the REST loops leave the first word to the link.
pub(super) const FIRST_TRY: Duration = Duration::from_secs(5);

/// An open link and what was reported over it.
pub(super) struct Open {
    pub(super) link: AgentLink,
    pub(super) tracker: StatusTracker,
}

impl FieldAgent {
    /// True while the device link is open.
    pub fn is_linked(&self) -> bool {
        self.core.open_link.borrow().is_some()
    }

    pub(super) async fn link_loop(&self) {
        let mut reconnect = Reconnect::new(seed());
        let mut keep_alive = KeepAlive::default();
        loop {
            if !self.core.config.borrow().is_provisioned() {
                self.core.link_due.notified().await;
                reconnect.reset();
                continue;
            }
            let ending = self.link_once(&mut keep_alive).await;
            self.core.link_tried.set(true);
            self.core.changes_due.notify_one();
            self.core.status_due.notify_one();
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(reconnect.delay(ending))) => {}
                () = self.core.link_due.notified() => reconnect.reset(),
            }
        }
    }

    /// One attempt, and the life of the link it gave.
    async fn link_once(&self, keep_alive: &mut KeepAlive) -> Ending {
        let opening = tokio::select! {
            opening = self.core.client.open_link() => opening,
            () = self.core.link_due.notified() => return Ending::Closed(0),
        };
        let connection = match opening {
            Ok(connection) => connection,
            Err(ControllerError::NoLink) => {
                log::info!(target: "field-agent", "the controller does not offer the device link: polling");
                return Ending::Unknown;
            }
            Err(error) => {
                log::debug!(target: "field-agent", "device link: {error}");
                return Ending::Failed;
            }
        };
        let link = {
            let known = self.core.documents.borrow();
            let generation = self.core.state.borrow().generation;
            let program = concat!("iofog-agent ", env!("CARGO_PKG_VERSION"));
            let program = program.try_into().unwrap_or_default();
            Link::new(|now| AgentSession::new(now, program, generation, &known, *keep_alive))
        };
        let ended = {
            let driving = link.drive(connection);
            tokio::pin!(driving);
            tokio::select! {
                ended = &mut driving => ended,
                () = self.serve_link(&link) => driving.await,
                () = self.core.link_due.notified() => {
                    link.with(|session| session.bye(Bye::Stopping));
                    link.leave();
                    driving.await
                }
            }
        };
        *keep_alive = link.with(|session| session.keep_alive());
        let was_open = self.core.open_link.borrow_mut().take().is_some();
        self.core.client.use_link(None);
        if !was_open {
            log::debug!(target: "field-agent", "device link did not open: {ended}");
            return match ended {
                Ended::Lost(iofog_link::Lost::Bye(Bye::Version)) => Ending::Unknown,
                _ => Ending::Failed,
            };
        }
        log::info!(target: "field-agent", "device link ended: {ended}");
        Ending::Closed(link.now())
    }

    /// Does what the link says, until it is over.
    async fn serve_link(&self, link: &AgentLink) {
        loop {
            tokio::select! {
                event = link.event() => match event {
                    None => return,
                    Some(AgentEvent::Open) => self.opened(link),
                    Some(AgentEvent::Update(update)) => {
                        let generation = update.generation;
                        let outcome = self.take_update(&update).await;
                        let Some(outcome) = outcome else { return };
                        link.with(|session| session.applied(generation, outcome));
                    }
                },
                stream = link.accept() => match stream {
                    None => return,
                    Some(stream) => {
                        let service = device_api::DeviceApi::for_controller(self.clone());
                        iofog_task::spawn(service.serve(Box::new(FuturesIo::new(stream))));
                    }
                },
            }
        }
    }

    fn opened(&self, link: &AgentLink) {
        log::info!(target: "field-agent", "device link is open");
        let open = Open { link: link.clone(), tracker: StatusTracker::default() };
        *self.core.open_link.borrow_mut() = Some(open);
        self.core.client.use_link(Some(link.clone()));
        self.note_success();
        // The loops notice, and rest.
        self.core.changes_due.notify_one();
        self.core.status_due.notify_one();
    }
}

/// Spreads the attempts of a fleet.
fn seed() -> u32 {
    let mut bytes = [0; 4];
    // Without randomness the attempts are only less spread.
    let _ = getrandom::fill(&mut bytes);
    u32::from_le_bytes(bytes)
}
