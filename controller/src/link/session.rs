//! The life of one link: offers what changed, takes reports, keeps the agent's status fresh, serves its calls.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use iofog_api::{ApiError, FogUuid, MicroserviceUuid};
use iofog_link::{Bye, ControllerEvent, ControllerSession};
use iofog_link_io::{Ended, Link};
use smol_hyper::rt::FuturesIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::report::Reporter;
use crate::app::{App, now_ms};
use crate::domain::change::Flags;
use crate::http::server::{self, Client};
use crate::live::links::AgentLink;
use crate::ops;
use crate::stop::Stop;

/// Who requests through a link come from: its agent, which holds a token and has nothing to guess.
const LINKED: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// How often an open link counts as a status.
const FRESHEN: Duration = Duration::from_secs(5);
/// After the database failed.
const RETRY: Duration = Duration::from_secs(5);

/// What says no more than that documents changed; the documents themselves travel.
const DOCUMENT_FLAGS: Flags = Flags(
    Flags::FULL.0
        | Flags::CONFIG.0
        | Flags::REGISTRIES.0
        | Flags::ROUTER_CHANGED.0
        | Flags::LINKED_EDGE_RESOURCES.0,
);

/// Runs a link until it ends.
pub(super) async fn run(
    app: &Arc<App>,
    fog: &FogUuid,
    token: &str,
    connection: impl AsyncRead + AsyncWrite,
    mut stop: Stop,
) {
    let lost_after = app.settings.lost_after_s;
    let link = Link::new(|now| ControllerSession::new(now, lost_after));
    let number = app.live.links.add(fog, link.clone());
    let stopped = stop.clone();
    let ended = {
        let mut served = Served {
            app: Arc::clone(app),
            fog: fog.clone(),
            token: token.to_owned(),
            link: link.clone(),
            stop: stopped,
            reporter: Reporter::new(fog.clone()),
            retry_at: None,
            offered: None,
        };
        let driving = link.drive(connection);
        tokio::pin!(driving);
        let leaving = async {
            stop.wait().await;
            link.with(|session| session.bye(Bye::Stopping));
            link.leave();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = &mut driving => ended,
            () = served.serve() => driving.await,
            () = leaving => Ended::Left,
        }
    };
    let is_newest = app.live.links.remove(fog, number);
    log::info!("link of agent {fog} ended: {ended}");
    if is_newest && matches!(ended, Ended::Lost(iofog_link::Lost::Silent)) {
        app.mark_unknown(fog);
    }
}

/// What one link works with.
struct Served {
    app: Arc<App>,
    fog: FogUuid,
    token: String,
    link: AgentLink,
    stop: Stop,
    reporter: Reporter,
    retry_at: Option<Instant>,
    /// Generation of the last offer.
    offered: Option<u64>,
}

// === impl Served ===

impl Served {
    /// Serves until the link is over, or the token is not valid any more.
    async fn serve(&mut self) {
        let mut freshen = tokio::time::interval(FRESHEN);
        let mut is_open = false;
        loop {
            if !self.is_authorised() {
                self.link.with(|session| session.bye(Bye::Unauthorised));
                self.link.leave();
                return;
            }
            let wake = self.app.live.board.wake(&self.fog);
            let woken = wake.notified();
            tokio::pin!(woken);
            // Registered before the board is read, so that a flag posted in between is not missed.
            woken.as_mut().enable();
            if is_open && self.offered != Some(self.app.live.board.generation(&self.fog)) {
                self.offer().await;
            }
            let retry_at = self.retry_at.unwrap_or_else(|| Instant::now() + FRESHEN);
            tokio::select! {
                event = self.link.event() => match event {
                    None => return,
                    Some(event) => is_open |= self.take(event).await,
                },
                stream = self.link.accept() => match stream {
                    None => return,
                    Some(stream) => {
                        let client = Client { address: LINKED, place: None };
                        let (app, stream) = (Arc::clone(&self.app), FuturesIo::new(stream));
                        tokio::spawn(server::connection(app, stream, client, self.stop.clone()));
                    }
                },
                () = woken => {}
                () = tokio::time::sleep_until(retry_at), if self.retry_at.is_some() => self.retry_at = None,
                _ = freshen.tick() => self.reporter.freshen(&self.app, now_ms()),
            }
        }
    }

    /// The agent's token is valid; an open link keeps it so.
    fn is_authorised(&self) -> bool {
        self.app.live.sessions.keep_fog(&self.token, now_ms(), self.app.settings.fog_token_ms)
    }

    /// Takes an event; true when the link is open from now on.
    async fn take(&mut self, event: ControllerEvent) -> bool {
        match event {
            ControllerEvent::Open { program, generation } => {
                log::info!("link of agent {} opened: {program}, generation {generation}", self.fog);
                return true;
            }
            ControllerEvent::Applied { generation, rebuilt } => {
                log::debug!("agent {} applied generation {generation}", self.fog);
                self.applied(generation, &rebuilt).await;
            }
            ControllerEvent::Refused(seconds) => {
                log::info!("agent {} refused an update for {seconds} s", self.fog);
                self.offered = None;
                self.retry_at = Some(Instant::now() + Duration::from_secs(seconds.into()));
            }
            ControllerEvent::Status(delta) => self.reporter.take(&self.app, &delta, now_ms()),
        }
        false
    }

    /// Offers what the agent should know, if it does not.
    async fn offer(&mut self) {
        if self.retry_at.is_some() || !self.link.with(|session| session.may_offer()) {
            return;
        }
        let (flags, stamp) = self.app.live.board.read(&self.fog);
        let generation = self.app.live.board.generation(&self.fog);
        let fog = self.fog.clone();
        match self.app.read(move |work| ops::link::offer(work, &fog)).await {
            Ok(mut offer) => {
                self.offered = Some(generation);
                offer.generation = generation;
                offer.flags = u16::try_from(flags.0).unwrap_or_default();
                let documents = u16::try_from(DOCUMENT_FLAGS.0).unwrap_or_default();
                if !self.link.with(|session| session.offer(&offer, documents)) {
                    // It knows all of it already.
                    self.acknowledge(&stamp);
                }
            }
            Err(error) => {
                log::error!("offer to agent {}: {error}", self.fog);
                self.retry_at = Some(Instant::now() + RETRY);
            }
        }
    }

    async fn applied(&mut self, generation: u64, rebuilt: &[iofog_link::Id]) {
        if !rebuilt.is_empty() {
            let uuids: Vec<_> =
                rebuilt.iter().map(|id| MicroserviceUuid::from(id.as_str())).collect();
            let written: Result<(), ApiError> =
                self.app.write(move |work| ops::link::rebuilt(work, &uuids)).await;
            if let Err(error) = written {
                log::error!("rebuild orders of agent {}: {error}", self.fog);
            }
        }
        if let Some(stamp) = self.app.live.board.stamp_of(&self.fog, generation) {
            self.acknowledge(&stamp);
        }
    }

    fn acknowledge(&self, stamp: &str) {
        ops::agent::acknowledge(&self.app, &self.fog, stamp);
    }
}
