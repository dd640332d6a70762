//! The catalog and the image registries.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::Client;
use crate::text::{Error, Result};

/// An image and the agent type it is for (1 = x86, 2 = ARM).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Image {
    /// Image name.
    pub container_image: String,
    /// Agent type number.
    pub fog_type_id: i64,
}

/// What this program reads of a catalog item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the REST contract, section 12")]
pub struct CatalogItem {
    pub id: i64,
    pub name: String,
    pub description: String,
    pub registry_id: i64,
    pub images: Vec<Image>,
}

/// Body of create and update.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the REST contract, section 12")]
pub struct CatalogChange {
    pub name: String,
    pub description: String,
    pub images: Vec<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<i64>,
}

/// What this program reads of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the REST contract, section 13")]
pub struct Registry {
    pub id: i64,
    pub url: String,
    pub is_public: bool,
    pub is_secure: bool,
    pub certificate: String,
    pub requires_cert: bool,
    pub username: String,
    pub user_email: String,
}

/// Body of create and update; absent fields stay.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the REST contract, section 13")]
pub struct RegistryChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_public: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_cert: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CatalogList {
    catalog_items: Vec<CatalogItem>,
}

#[derive(Deserialize)]
struct RegistryList {
    registries: Vec<Registry>,
}

impl Client {
    /// The catalog.
    ///
    /// # Errors
    /// As the Controller answers; the same holds for all methods here.
    pub fn catalog(&self) -> Result<Vec<CatalogItem>> {
        self.get::<CatalogList>("/catalog/microservices").map(|list| list.catalog_items)
    }

    /// One item.
    pub fn catalog_item(&self, id: i64) -> Result<CatalogItem> {
        self.get(&format!("/catalog/microservices/{id}"))
    }

    /// One item by name.
    pub fn catalog_item_by_name(&self, name: &str) -> Result<CatalogItem> {
        let found = self.catalog()?.into_iter().find(|item| item.name == name);
        found.ok_or_else(|| Error::NotFound(format!("Could not find catalog item {name}\n")))
    }

    /// Creates an item.
    pub fn create_catalog_item(&self, change: &CatalogChange) -> Result<()> {
        self.command(Method::POST, "/catalog/microservices", change)
    }

    /// Changes an item.
    pub fn update_catalog_item(&self, id: i64, change: &CatalogChange) -> Result<()> {
        self.command(Method::PATCH, &format!("/catalog/microservices/{id}"), change)
    }

    /// Deletes an item.
    pub fn delete_catalog_item(&self, id: i64) -> Result<()> {
        self.delete(&format!("/catalog/microservices/{id}"))
    }

    /// All registries.
    pub fn registries(&self) -> Result<Vec<Registry>> {
        self.get::<RegistryList>("/registries").map(|list| list.registries)
    }

    /// Creates a registry.
    pub fn create_registry(&self, change: &RegistryChange) -> Result<()> {
        self.command(Method::POST, "/registries", change)
    }

    /// Changes a registry.
    pub fn update_registry(&self, id: i64, change: &RegistryChange) -> Result<()> {
        self.command(Method::PATCH, &format!("/registries/{id}"), change)
    }

    /// Deletes a registry.
    pub fn delete_registry(&self, id: i64) -> Result<()> {
        self.delete(&format!("/registries/{id}"))
    }
}
