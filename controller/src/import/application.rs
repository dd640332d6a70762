//! Applications, the routes of their microservices, and application templates.

use anyhow::{Context, Result};
use iofog_api::MicroserviceUuid;
use serde_json::Value;

use super::Import;
use crate::domain::application_template::{Template, TemplateSettings, Variable};
use crate::store::{self, application::Application, route::Route};

pub(super) fn import(import: &mut Import<'_, '_>) -> Result<()> {
    let rows = import.source.rows("Flows", "id")?;
    for row in &rows {
        let application = Application {
            id: row.needed_int("id")?,
            user_id: row.needed_int("user_id")?,
            name: row.text_or_empty("name")?,
            description: row.text("description")?,
            is_activated: row.flag("is_activated")?,
            is_system: row.flag("is_system")?,
            created: row.time("created_at")?,
            updated: row.time("updated_at")?,
        };
        store::given::application(import.work.tx, &application)
            .with_context(|| format!("application {}", application.name))?;
    }
    import.count("applications", rows.len());
    Ok(())
}

/// Routes; those that begin or end at nothing are left out.
pub(super) fn import_routes(import: &mut Import<'_, '_>) -> Result<()> {
    let mut kept = 0;
    for row in import.source.rows("Routings", "id")? {
        let source = row.text("source_microservice_uuid")?.map(MicroserviceUuid::from);
        let dest = row.text("dest_microservice_uuid")?.map(MicroserviceUuid::from);
        let (Some(source), Some(dest)) = (source, dest) else { continue };
        let Some(sender) = store::microservice::by_uuid(import.work.tx, &source)? else { continue };
        if store::microservice::by_uuid(import.work.tx, &dest)?.is_none() {
            continue;
        }
        let application_id = row.int("application_id")?.or(sender.application_id);
        let Some(application_id) = application_id else { continue };
        let id = row.needed_int("id")?;
        let name = row.text_or_empty("name")?;
        let route = Route { id, name, application_id, source, dest };
        store::given::route(import.work.tx, &route)
            .with_context(|| format!("route {}", route.name))?;
        kept += 1;
    }
    import.count("routes", kept);
    Ok(())
}

pub(super) fn import_templates(import: &mut Import<'_, '_>) -> Result<()> {
    let variables =
        import.source.rows_by("ApplicationTemplateVariables", "application_template_id", "id")?;
    let rows = import.source.rows("ApplicationTemplates", "id")?;
    let mut last = 0;
    for row in &rows {
        let id = row.needed_int("id")?;
        let name = row.text_or_empty("name")?;
        let json = |text: &str| {
            serde_json::from_str::<Value>(text)
                .with_context(|| format!("application template {name}"))
        };
        let own = variables.get(&id.to_string()).map_or(&[][..], Vec::as_slice);
        let variables = own.iter().map(|row| {
            let default = row.text("default_value")?.map(|text| json(&text)).transpose()?;
            Ok(Variable {
                id: row.needed_int("id")?,
                key: row.text_or_empty("key")?,
                description: row.text_or_empty("description")?,
                default,
            })
        });
        let settings = TemplateSettings {
            description: row.text_or_empty("description")?,
            variables: variables.collect::<Result<_>>()?,
            application: json(row.text("application_json")?.as_deref().unwrap_or("null"))?,
        };
        last = settings.variables.iter().map(|variable| variable.id).fold(last, i64::max);
        let template = Template {
            id,
            user_id: row.needed_int("user_id")?,
            name,
            created: row.time("created_at")?,
            updated: row.time("updated_at")?,
            settings,
        };
        store::given::application_template(import.work.tx, &template)
            .with_context(|| format!("application template {}", template.name))?;
    }
    store::given::counter(import.work.tx, "template-variable", last)?;
    import.count("application templates", rows.len());
    Ok(())
}
