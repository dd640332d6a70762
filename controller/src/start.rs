//! Start of the Controller: seeds, and the live state from the store.

use std::sync::Arc;

use iofog_api::ApiError;

use crate::app::App;
use crate::ops::seed;
use crate::settings::Settings;
use crate::store::Store;

/// Puts the Controller together and loads what it needs in memory.
///
/// # Errors
/// When the store cannot be read or seeded.
pub async fn start(settings: Settings, store: Box<dyn Store>) -> Result<Arc<App>, ApiError> {
    let app = App::new(settings, store);
    app.write(|work| {
        seed::seed(work)?;
        work.live.load(work.tx, work.now)?;
        Ok(())
    })
    .await?;
    Ok(app)
}
