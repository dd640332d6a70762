//! Application templates.

use serde::Serialize;

use super::{Context, Target};
use crate::config::Header;
use crate::output::{Column, Listing, progress};
use crate::rest::{Client, Template, TemplateApplication, TemplateVariable};
use crate::text::Result;
use crate::yaml::{self, Value};

const COLUMNS: &[Column] = &[
    Column { heading: "TEMPLATE", field: "name", wide: false },
    Column { heading: "DESCRIPTION", field: "description", wide: false },
    Column { heading: "MICROSERVICES", field: "microservices", wide: false },
    Column { heading: "ROUTES", field: "routes", wide: false },
];

/// All templates; none without a control plane.
///
/// # Errors
/// As the Controller answers.
pub fn list(context: &mut Context) -> Result<Listing> {
    let templates = match context.client() {
        Ok(client) => client.templates()?,
        Err(error) if error.is_no_control_plane() => Vec::new(),
        Err(error) => return Err(error),
    };
    let rows = templates.into_iter().map(|template| {
        let content = template.application.unwrap_or_default();
        vec![
            template.name,
            template.description,
            content.microservices.len().to_string(),
            content.routes.len().to_string(),
        ]
    });
    Ok(Listing { field: "applicationTemplates", columns: COLUMNS, rows: rows.collect() })
}

/// What `describe` shows.
#[derive(Serialize)]
struct Shown {
    name: String,
    description: String,
    variables: Vec<TemplateVariable>,
    application: Option<TemplateApplication>,
}

/// Prints one template; its kind is shown as Application, as scripts expect.
///
/// # Errors
/// There is none of that name.
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    let Template { name: own, description, variables, application } =
        context.client()?.template(name)?;
    let shown = Shown { name: own, description, variables, application };
    context.print("Application", name, None, shown, target)
}

/// Creates a template, or replaces it.
///
/// # Errors
/// As the Controller answers.
pub fn deploy(client: &Client, name: &str, spec: &Value) -> Result<()> {
    progress(&format!("Deploying Application Template {name}"));
    let document = yaml::to_text(&Header::new("ApplicationTemplate", name, "", spec))?;
    let exists = match client.template(name) {
        Ok(_) => true,
        Err(error) if error.is_not_found() => false,
        Err(error) => return Err(error),
    };
    client.put_template(name, exists, &document)
}

/// Deletes a template.
///
/// # Errors
/// As the Controller answers.
pub fn delete(context: &mut Context, name: &str) -> Result<()> {
    progress("Deleting Application Template");
    context.client()?.delete_template(name)
}
