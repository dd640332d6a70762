//! Application templates as users keep and deploy them (controller contract 9).

use iofog_api::{ApiError, Fields};
use serde_json::{Map, Value};

use super::substitution;
use crate::app::Work;
use crate::domain::application_template::{
    Template, TemplateSettings, close_configs, deployment, open_configs,
};
use crate::store;

/// A user's template.
///
/// # Errors
/// `Could not find Application Template <n>`.
pub fn owned(work: &mut Work<'_>, user: i64, name: &str) -> Result<Template, ApiError> {
    store::application_template::by_name(work.tx, user, name)?
        .ok_or_else(|| ApiError::not_found(format!("Could not find Application Template {name}")))
}

/// Creates a template.
///
/// # Errors
/// With the contract's messages.
pub fn create(work: &mut Work<'_>, user: i64, body: &Fields<'_>) -> Result<Template, ApiError> {
    let name = body.required_name("name")?;
    if store::application_template::by_name(work.tx, user, &name)?.is_some() {
        return Err(ApiError::duplicate_name(&name));
    }
    insert(work, user, name, body)
}

fn insert(
    work: &mut Work<'_>,
    user: i64,
    name: String,
    body: &Fields<'_>,
) -> Result<Template, ApiError> {
    let mut settings = TemplateSettings::default();
    settings.update(body)?;
    number_variables(work, &mut settings)?;
    let (created, updated) = (work.now, work.now);
    let mut new = Template { id: 0, user_id: user, name, created, updated, settings };
    new.id = store::application_template::insert(work.tx, &new)?;
    Ok(new)
}

fn number_variables(work: &mut Work<'_>, settings: &mut TemplateSettings) -> Result<(), ApiError> {
    for variable in settings.variables.iter_mut().filter(|variable| variable.id == 0) {
        variable.id = store::application_template::next_variable_id(work.tx)?;
    }
    Ok(())
}

/// Changes the template of a path, or creates it.
///
/// # Errors
/// With the contract's messages; nothing is changed then.
pub fn put(
    work: &mut Work<'_>,
    user: i64,
    name: &str,
    body: &Fields<'_>,
) -> Result<Template, ApiError> {
    match store::application_template::by_name(work.tx, user, name)? {
        Some(stored) => update(work, stored, body),
        None => {
            let name = body.name("name")?.unwrap_or_else(|| name.to_owned());
            if store::application_template::by_name(work.tx, user, &name)?.is_some() {
                return Err(ApiError::duplicate_name(&name));
            }
            insert(work, user, name, body)
        }
    }
}

/// Changes a template.
///
/// # Errors
/// With the contract's messages; nothing is changed then.
pub fn update(
    work: &mut Work<'_>,
    mut template: Template,
    body: &Fields<'_>,
) -> Result<Template, ApiError> {
    if let Some(name) = body.name("name")?
        && name != template.name
    {
        if store::application_template::by_name(work.tx, template.user_id, &name)?.is_some() {
            return Err(ApiError::duplicate_name(&name));
        }
        template.name = name;
    }
    template.settings.update(body)?;
    number_variables(work, &mut template.settings)?;
    template.updated = work.now;
    store::application_template::update(work.tx, &template)?;
    Ok(template)
}

/// The body of an application with what its template says, when it names one; name, description, activation and kind
/// stay those of the body.
///
/// # Errors
/// When the template is unknown or a microservice's config in it is no JSON.
pub fn deployed(work: &mut Work<'_>, user: i64, body: &Value) -> Result<Option<Value>, ApiError> {
    let Some(wanted) = deployment(&Fields::of(body)?)? else { return Ok(None) };
    let template = owned(work, user, &wanted.name)?;
    let values = template.settings.values(&wanted.variables);
    let mut application = match template.settings.application {
        application @ Value::Object(_) => application,
        _ => Value::Object(Map::new()),
    };
    open_configs(&mut application)?;
    substitution::render(work, user, &mut application, &values)?;
    close_configs(&mut application)?;
    for field in ["name", "description", "isActivated", "isSystem"] {
        match body.get(field) {
            Some(value) => application[field] = value.clone(),
            None => drop(application.as_object_mut().and_then(|fields| fields.remove(field))),
        }
    }
    Ok(Some(application))
}
