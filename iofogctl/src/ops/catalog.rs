//! Catalog items: named images.

use serde::{Deserialize, Serialize};

use super::Context;
use crate::output::{Column, Listing, progress};
use crate::rest::{CatalogChange, Client, Image};
use crate::text::{Error, Result, names};

const COLUMNS: &[Column] = &[
    Column { heading: "ID", field: "id", wide: false },
    Column { heading: "NAME", field: "name", wide: false },
    Column { heading: "DESCRIPTION", field: "description", wide: false },
    Column { heading: "REGISTRY", field: "registry", wide: false },
    Column { heading: "X86", field: "x86", wide: false },
    Column { heading: "ARM", field: "arm", wide: false },
];

/// The CatalogItem kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the documented ones of the contract, section 5.1")]
pub struct CatalogSpec {
    pub id: i64,
    pub x86: String,
    pub arm: String,
    pub registry: String,
    pub name: String,
    pub description: String,
    pub config_example: String,
}

/// Word of a fixed registry number; empty for others.
pub fn registry_word(id: i64) -> &'static str {
    match id {
        1 => "remote",
        2 => "local",
        _ => "",
    }
}

/// The images for x86 and ARM.
pub fn images_by_type(images: &[Image]) -> (String, String) {
    let of = |number| {
        let found = images.iter().rfind(|image| image.fog_type_id == number);
        found.map(|image| image.container_image.clone()).unwrap_or_default()
    };
    (of(1), of(2))
}

/// The catalog; empty when the Controller cannot be reached.
///
/// # Errors
/// The list itself fails.
pub fn list(context: &mut Context) -> Result<Listing> {
    let items = match context.client() {
        Ok(client) => client.catalog()?,
        Err(_) => Vec::new(),
    };
    let rows = items.into_iter().map(|item| {
        let (x86, arm) = images_by_type(&item.images);
        vec![
            item.id.to_string(),
            item.name,
            item.description,
            registry_word(item.registry_id).to_owned(),
            x86,
            arm,
        ]
    });
    Ok(Listing { field: "catalog", columns: COLUMNS, rows: rows.collect() })
}

/// Checks a CatalogItem document; the metadata name wins.
///
/// # Errors
/// [`Error::Input`] naming the rule.
pub fn check(name: &str, mut spec: CatalogSpec) -> Result<CatalogSpec> {
    if !name.is_empty() {
        name.clone_into(&mut spec.name);
    }
    if spec.name.is_empty() {
        return Err(Error::input("Name must be specified"));
    }
    names::check("CatalogItem", &spec.name)?;
    if spec.arm.is_empty() && spec.x86.is_empty() {
        return Err(Error::input("At least one image must be specified"));
    }
    if spec.registry != "remote" && spec.registry != "local" {
        return Err(Error::input("Registry must be either 'remote' or 'local'"));
    }
    Ok(spec)
}

/// Creates an item, or changes the one of that number.
///
/// # Errors
/// As the Controller answers.
pub fn deploy(client: &Client, spec: &CatalogSpec) -> Result<()> {
    progress(&format!("Deploying catalog item {}", spec.name));
    let image = |text: &str, fog_type_id| Image { container_image: text.to_owned(), fog_type_id };
    let mut images = vec![image(&spec.x86, 1), image(&spec.arm, 2)];
    if spec.id != 0 {
        images.retain(|image| !image.container_image.is_empty());
    }
    let change = CatalogChange {
        name: spec.name.clone(),
        description: spec.description.clone(),
        images,
        registry_id: Some(if spec.registry == "local" { 2 } else { 1 }),
    };
    if spec.id == 0 {
        return client.create_catalog_item(&change);
    }
    client.catalog_item(spec.id)?;
    client.update_catalog_item(spec.id, &change)
}

/// Deletes an item by name.
///
/// # Errors
/// There is none of that name.
pub fn delete(context: &mut Context, name: &str) -> Result<()> {
    progress("Deleting Catalog item");
    let client = context.client()?;
    let item = client.catalog_item_by_name(name)?;
    client.delete_catalog_item(item.id)
}
