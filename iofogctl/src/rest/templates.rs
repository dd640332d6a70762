//! Application templates.

use serde::{Deserialize, Serialize};
use ureq::http::Method;

use super::Client;
use super::client::part;
use crate::text::{Error, Result};
use crate::yaml::Value;

/// A variable of a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TemplateVariable {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Value when none is given.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "free")]
    pub default_value: Option<serde_json::Value>,
    /// Value given.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "free")]
    pub value: Option<serde_json::Value>,
}

/// Content of a template, kept as it came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateApplication {
    /// Microservices.
    #[serde(serialize_with = "free_list")]
    pub microservices: Vec<serde_json::Value>,
    /// Routes.
    #[serde(serialize_with = "free_list")]
    pub routes: Vec<serde_json::Value>,
}

/// What this program reads of a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its variables.
    pub variables: Vec<TemplateVariable>,
    /// Its content.
    pub application: Option<TemplateApplication>,
}

fn free<S: serde::Serializer>(
    value: &Option<serde_json::Value>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    value.as_ref().map_or(Value::Null, Value::from_json).serialize(serializer)
}

fn free_list<S: serde::Serializer>(
    items: &[serde_json::Value],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(items.iter().map(Value::from_json))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TemplateList {
    application_templates: Vec<Template>,
}

impl Client {
    /// Checks that the Controller knows templates.
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`] when not; else as the Controller answers, like all methods here.
    fn require_templates(&self) -> Result<()> {
        self.head("/capabilities/applicationTemplates").map_err(|error| {
            if error.is_not_found() {
                Error::UnsupportedApi("Application Templates".to_owned())
            } else {
                error
            }
        })
    }

    /// All templates.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn templates(&self) -> Result<Vec<Template>> {
        self.require_templates()?;
        self.get::<TemplateList>("/applicationTemplates").map(|list| list.application_templates)
    }

    /// One template.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn template(&self, name: &str) -> Result<Template> {
        self.require_templates()?;
        self.get(&format!("/applicationTemplate/{}", part(name)))
    }

    /// Creates a template, or replaces it.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn put_template(&self, name: &str, exists: bool, yaml: &str) -> Result<()> {
        if exists {
            self.upload(
                Method::PUT,
                &format!("/applicationTemplate/yaml/{}", part(name)),
                "template",
                yaml,
            )
        } else {
            self.upload(Method::POST, "/applicationTemplate/yaml", "template", yaml)
        }
    }

    /// Deletes a template.
    ///
    /// # Errors
    /// As the Controller answers.
    pub fn delete_template(&self, name: &str) -> Result<()> {
        self.require_templates()?;
        self.delete(&format!("/applicationTemplate/{}", part(name)))
    }
}
