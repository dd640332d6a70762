//! Registries and catalog items. Items that every Controller has keep the ids that ours gives them.

use std::collections::HashMap;

use anyhow::Result;

use super::Import;
use super::source::Record;
use crate::domain::catalog::{self, InfoType, Item, ItemSettings};
use crate::domain::microservice::Image;
use crate::domain::registry::{Registry, RegistrySettings};
use crate::store;

pub(super) fn import(import: &mut Import<'_, '_>) -> Result<()> {
    import_registries(import)?;
    import_items(import)
}

fn import_registries(import: &mut Import<'_, '_>) -> Result<()> {
    let rows = import.source.rows("Registries", "id")?;
    for row in &rows {
        let registry = Registry {
            id: row.needed_int("id")?,
            user_id: row.int("user_id")?,
            settings: RegistrySettings {
                url: row.text_or_empty("url")?,
                is_public: row.flag("is_public")?,
                // Not set by its API: means yes, as for a registry made here.
                is_secure: row.int("secure")?.is_none_or(|secure| secure != 0),
                certificate: row.text_or_empty("certificate")?,
                requires_cert: row.flag("requires_cert")?,
                username: row.text_or_empty("user_name")?,
                password: row.text_or_empty("password")?,
                email: row.text_or_empty("user_email")?,
            },
        };
        if store::registry::by_id(import.work.tx, registry.id)?.is_some() {
            store::registry::update(import.work.tx, &registry)?;
        } else {
            store::registry::insert(import.work.tx, &registry)?;
        }
    }
    import.count("registries", rows.len());
    Ok(())
}

/// Images of a list of rows of `CatalogItemImages`.
pub(super) fn images(rows: &[Record]) -> Result<Vec<Image>> {
    rows.iter()
        .map(|row| {
            Ok(Image {
                architecture: None,
                image: row.text_or_empty("container_image")?,
                fog_type: row.needed_int("fog_type_id")?,
            })
        })
        .collect()
}

fn info_type(rows: Option<&Vec<Record>>) -> Result<Option<InfoType>> {
    let Some(row) = rows.and_then(|rows| rows.first()) else { return Ok(None) };
    Ok(Some(InfoType {
        info_type: row.text_or_empty("info_type")?,
        info_format: row.text_or_empty("info_format")?,
    }))
}

fn import_items(import: &mut Import<'_, '_>) -> Result<()> {
    let seeds: HashMap<String, i64> = catalog::seeds().map(|seed| (seed.name, seed.id)).collect();
    let last_seed = seeds.values().copied().max().unwrap_or_default();
    let pictures = import.source.rows_by("CatalogItemImages", "catalog_item_id", "id")?;
    let inputs = import.source.rows_by("CatalogItemInputTypes", "catalog_item_id", "id")?;
    let outputs = import.source.rows_by("CatalogItemOutputTypes", "catalog_item_id", "id")?;
    let rows = import.source.rows("CatalogItems", "id")?;
    let mut next = last_seed + 1;
    for row in &rows {
        next = next.max(row.needed_int("id")? + 1);
    }
    let mut own = 0;
    for row in &rows {
        let id = row.needed_int("id")?;
        let user_id = row.int("user_id")?;
        let name = row.text_or_empty("name")?;
        if user_id.is_none()
            && let Some(seed) = seeds.get(&name)
        {
            import.items.insert(id, *seed);
            continue;
        }
        let key = id.to_string();
        let item = Item {
            // A database that began before the newest of these items may have given their ids to a user's.
            id: if id > last_seed { id } else { next },
            user_id,
            category: row.text("category")?,
            settings: ItemSettings {
                description: row.text_or_empty("description")?,
                config_example: row.text_or_empty("config_example")?,
                publisher: row.text_or_empty("publisher")?,
                disk_required: row.int("disk_required")?.unwrap_or_default(),
                ram_required: row.int("ram_required")?.unwrap_or_default(),
                picture: row.text_or_empty("picture")?,
                is_public: row.flag("is_public")?,
                registry_id: row.int("registry_id")?.unwrap_or(1),
                images: images(pictures.get(&key).map_or(&[], Vec::as_slice))?,
                input_type: info_type(inputs.get(&key))?,
                output_type: info_type(outputs.get(&key))?,
            },
            name,
        };
        if item.id != id {
            next += 1;
            import.items.insert(id, item.id);
            import.note(format!("catalog item {id}, {}, is {} now", item.name, item.id));
        }
        store::catalog::insert(import.work.tx, &item)?;
        own += 1;
    }
    import.count("catalog items", own);
    Ok(())
}
