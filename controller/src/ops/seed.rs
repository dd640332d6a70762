//! Rows that every Controller has (controller contract 21.1), written at each start.

use iofog_api::ApiError;

use crate::app::Work;
use crate::domain::catalog;
use crate::domain::registry::{Registry, RegistrySettings};
use crate::store;

/// Host name of the public registry that images come from unless they say otherwise.
const REMOTE: &str = concat!("registry", ".hub.docker", ".com");
/// Means: use the image that is on the device, never pull.
const LOCAL: &str = "from_cache";

/// Writes missing seeds and takes over images from the settings.
///
/// # Errors
/// When the database fails.
pub fn seed(work: &mut Work<'_>) -> Result<(), ApiError> {
    for (id, url) in [(1, REMOTE), (2, LOCAL)] {
        if store::registry::by_id(work.tx, id)?.is_none() {
            let settings = RegistrySettings {
                url: url.to_owned(),
                is_public: true,
                is_secure: true,
                ..RegistrySettings::default()
            };
            store::registry::insert(work.tx, &Registry { id, user_id: None, settings })?;
        }
    }
    for mut item in catalog::seeds() {
        for (name, fog_type, image) in &work.settings.system_images {
            if *name == item.name {
                item.settings
                    .images
                    .iter_mut()
                    .filter(|known| known.fog_type == *fog_type)
                    .for_each(|known| known.image.clone_from(image));
            }
        }
        match store::catalog::by_id(work.tx, item.id)? {
            None => {
                store::catalog::insert(work.tx, &item)?;
            }
            Some(stored) if stored.settings.images != item.settings.images => {
                store::catalog::update(work.tx, &item)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}
