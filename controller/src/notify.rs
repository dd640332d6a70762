//! Tells a virtual node of Kubernetes of agents made and removed (controller contract 5.3 and 18): `POST|DELETE <Kubelet:Uri>/node?uuid=`.
//! Nobody waits for it, and nothing depends on it.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, Uri};
use iofog_api::FogUuid;
use tokio::sync::mpsc::Receiver;

use crate::app::App;
use crate::call::{self, Call};
use crate::stop::Stop;

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most notices that wait; further ones are forgotten.
pub const WAITING: usize = 256;

/// What happened to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It was made.
    Made(FogUuid),
    /// It was removed.
    Removed(FogUuid),
}

/// Sends notices until `stop`.
pub async fn run(app: Arc<App>, mut notices: Receiver<Notice>, mut stop: Stop) {
    loop {
        let notice = tokio::select! {
            () = stop.wait() => break,
            notice = notices.recv() => notice,
        };
        let Some(notice) = notice else { break };
        let sending = tokio::time::timeout(PATIENCE, send(&app.settings.kubelet, &notice));
        match sending.await {
            Ok(Ok(())) => {}
            // The usual case: there is no Kubernetes.
            Ok(Err(error)) => log::debug!("notice {notice:?}: {error}"),
            Err(_) => log::debug!("notice {notice:?}: no answer"),
        }
    }
}

async fn send(to: &str, notice: &Notice) -> anyhow::Result<()> {
    let (method, uuid) = match notice {
        Notice::Made(uuid) => (Method::POST, uuid),
        Notice::Removed(uuid) => (Method::DELETE, uuid),
    };
    let uri: Uri = format!("{}/node?uuid={uuid}", to.trim_end_matches('/')).parse()?;
    call::send(Call { method, uri, header: None, body: None }, None).await?;
    Ok(())
}
