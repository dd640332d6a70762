//! Start of the Controller: seeds, the live state from the store, and news of other Controllers.

use std::sync::Arc;
use std::time::Duration;

use iofog_api::ApiError;

use crate::app::App;
use crate::live::Effect;
use crate::ops::seed;
use crate::settings::Settings;
use crate::store::{self, Heard, Store};

/// Pause after the store did not answer.
const RETRY: Duration = Duration::from_millis(500);

/// Puts the Controller together and loads what it needs in memory. `origin` names this process among those that share
/// its database.
///
/// # Errors
/// When the store cannot be read or seeded.
pub async fn start(
    settings: Settings,
    store: Box<dyn Store>,
    origin: String,
) -> Result<Arc<App>, ApiError> {
    let app = App::new(settings, store, origin);
    let shared = app.store().is_shared();
    let last = app
        .write(move |work| {
            seed::seed(work)?;
            work.ids_given()?;
            work.live.load(work.tx, work.now)?;
            Ok(if shared { store::effect::newest(work.tx)? } else { 0 })
        })
        .await?;
    let (sender, mut heard) = tokio::sync::mpsc::channel(64);
    app.store().watch(last, Box::new(move |news| drop(sender.blocking_send(news))));
    let listening = Arc::downgrade(&app);
    tokio::spawn(async move {
        while let Some(news) = heard.recv().await {
            let Some(app) = listening.upgrade() else { return };
            let mut result = hear(&app, news).await;
            while let Err(error) = result {
                log::error!("news of other Controllers: {error}");
                tokio::time::sleep(RETRY).await;
                // What was not taken over is among everything.
                result = hear(&app, Heard::Missed).await;
            }
        }
    });
    Ok(app)
}

/// Takes over what another Controller did.
async fn hear(app: &Arc<App>, news: Heard) -> Result<(), ApiError> {
    match news {
        Heard::Effects(document) => {
            let effects: Vec<Effect> =
                serde_json::from_str(&document).map_err(store::StoreError::from)?;
            app.read(move |work| Ok(work.live.hear(work.tx, effects)?)).await
        }
        Heard::Missed => {
            log::warn!("too much was missed: reading everything again");
            // With the writers' turn, so that nothing changes in between.
            app.write(|work| Ok(work.live.load(work.tx, work.now)?)).await
        }
    }
}
