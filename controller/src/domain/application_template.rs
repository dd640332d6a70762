//! Application templates: an application with named holes (controller contract 9).

use iofog_api::{ApiError, Fields};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a template holds, stored as one document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateSettings {
    /// Free text.
    pub description: String,
    /// Its variables, in order.
    pub variables: Vec<Variable>,
    /// `microservices` and `routes` of the application, free-form until deployed.
    pub application: Value,
}

/// A variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variable {
    /// Unique among all variables; 0 until stored.
    pub id: i64,
    /// Name in templates.
    pub key: String,
    /// Free text.
    pub description: String,
    /// Value when a deployment gives none.
    pub default: Option<Value>,
}

/// A template as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Id.
    pub id: i64,
    /// Owner.
    pub user_id: i64,
    /// Name, unique per user.
    pub name: String,
    /// Creation, epoch ms.
    pub created: i64,
    /// Last change, epoch ms.
    pub updated: i64,
    /// Everything else.
    pub settings: TemplateSettings,
}

impl TemplateSettings {
    /// Takes the fields that a body has; the list of variables is replaced as a whole.
    ///
    /// # Errors
    /// When a field has the wrong type or form; nothing of `self` may be kept then.
    pub fn update(&mut self, body: &Fields<'_>) -> Result<(), ApiError> {
        if let Some(description) = body.string("description")? {
            self.description = description;
        }
        let variables = body.objects("variables", |item| {
            Ok(Variable {
                id: 0,
                key: item.required_name("key")?,
                description: item.string("description")?.unwrap_or_default(),
                default: item.get("defaultValue").cloned(),
            })
        })?;
        if let Some(variables) = variables {
            self.variables = variables;
        }
        if let Some(application) = body.object("application")? {
            application.list("microservices")?;
            application.list("routes")?;
            self.application = body.get("application").cloned().unwrap_or_default();
        }
        Ok(())
    }

    /// Values of the variables for a deployment: defaults, overridden by what `given` says.
    #[must_use]
    pub fn values(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mut values: Map<String, Value> = self
            .variables
            .iter()
            .filter_map(|variable| Some((variable.key.clone(), variable.default.clone()?)))
            .collect();
        values.extend(given.clone());
        values
    }
}

/// What the body of an application asks of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// The template's name.
    pub name: String,
    /// Values of its variables.
    pub variables: Map<String, Value>,
}

/// Reads which template the body of an application names, if any.
///
/// # Errors
/// When a field is missing or has the wrong type.
pub fn deployment(body: &Fields<'_>) -> Result<Option<Deployment>, ApiError> {
    let Some(template) = body.object("template")? else { return Ok(None) };
    let name = template.string("name")?.filter(|name| !name.is_empty());
    let variables = template.objects("variables", |item| {
        Ok((item.required_string("key", 1)?, item.get("value").cloned().unwrap_or_default()))
    })?;
    let variables = variables.unwrap_or_default().into_iter().collect();
    Ok(name.map(|name| Deployment { name, variables }))
}

/// Turns texts of `config` into values before templates in them are rendered, so that a lone output keeps its type.
///
/// # Errors
/// When a text is no JSON.
pub fn open_configs(application: &mut Value) -> Result<(), ApiError> {
    for_each_config(application, |config| match config {
        Value::String(text) => serde_json::from_str(&text).map_err(|error| {
            ApiError::validation(format!("Invalid microservice config in template: {error}"))
        }),
        other => Ok(other),
    })
}

/// Undoes [`open_configs`].
///
/// # Errors
/// None.
pub fn close_configs(application: &mut Value) -> Result<(), ApiError> {
    for_each_config(application, |config| Ok(Value::String(config.to_string())))
}

fn for_each_config(
    application: &mut Value,
    change: impl Fn(Value) -> Result<Value, ApiError>,
) -> Result<(), ApiError> {
    let microservices = application.get_mut("microservices").and_then(Value::as_array_mut);
    for one in microservices.into_iter().flatten() {
        if let Some(config) = one.get_mut("config") {
            *config = change(config.take())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn configs_open_and_close() {
        let mut application = json!({ "microservices": [{ "config": "{\"a\":1}" }, {}] });
        open_configs(&mut application).unwrap();
        assert_eq!(application["microservices"][0]["config"], json!({ "a": 1 }));
        close_configs(&mut application).unwrap();
        assert_eq!(application["microservices"][0]["config"], "{\"a\":1}");
        let mut broken = json!({ "microservices": [{ "config": "no" }] });
        assert!(open_configs(&mut broken).is_err());
    }

    #[test]
    fn given_values_win_over_defaults() {
        let body = json!({ "variables": [{ "key": "a", "defaultValue": 1 }, { "key": "b" }] });
        let mut settings = TemplateSettings::default();
        settings.update(&Fields::of(&body).unwrap()).unwrap();
        let given = json!({ "b": "x" });
        let values = settings.values(given.as_object().unwrap());
        assert_eq!(Value::Object(values), json!({ "a": 1, "b": "x" }));
    }
}
