//! What deploying a file would change: asked and compared, nothing done.

mod compare;
mod devices;
mod microservice;
mod resources;

use serde::Serialize;
use serde_json::Value;

use super::{Context, deploy};
use crate::output::Format;
use crate::rest::Client;
use crate::text::{Error, Result};
use crate::yaml;

/// Characters of a value shown in the table; JSON and YAML show all of it.
const SHOWN: usize = 72;

/// What would be done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A program would be put on a machine and started.
    Install,
    /// The resource is not there yet.
    Create,
    /// Some of its fields differ.
    Change,
    /// It is as the file says.
    Unchanged,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Create => "create",
            Self::Change => "change",
            Self::Unchanged => "unchanged",
        }
    }
}

/// A field that would change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Path in the spec of the document, entries of lists by their name.
    pub path: String,
    /// What is there now; nothing when the field is not.
    pub from: Option<Value>,
    /// What the file says; nothing when the field would go.
    pub to: Option<Value>,
}

/// One resource of the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What would be done.
    pub action: Action,
    /// Kind of the document.
    pub kind: &'static str,
    /// Name, with the application where it has one.
    pub name: String,
    /// The fields that differ, in the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What could not be compared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Change {
    fn new(action: Action, kind: &'static str, name: impl Into<String>) -> Self {
        Self { action, kind, name: name.into(), fields: Vec::new(), notes: Vec::new() }
    }

    /// A resource that is there, with what a comparison found.
    fn compared(kind: &'static str, name: impl Into<String>, found: compare::Found) -> Self {
        let action = if found.fields.is_empty() { Action::Unchanged } else { Action::Change };
        Self { fields: found.fields, notes: found.notes, ..Self::new(action, kind, name) }
    }

    fn lines(&self) -> String {
        let mut text = format!("{:<10} {} {}\n", self.action.word(), self.kind, self.name);
        for Field { path, from, to } in &self.fields {
            text.push_str(&format!("           {path}: {} -> {}\n", shown(from), shown(to)));
        }
        for note in &self.notes {
            text.push_str(&format!("           ({note})\n"));
        }
        text
    }
}

fn shown(value: &Option<Value>) -> String {
    let text = match value {
        None => return "(none)".to_owned(),
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

/// All resources of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview(Vec<Change>);

impl Preview {
    /// Whether deploying would do anything.
    pub fn is_change(&self) -> bool {
        self.0.iter().any(|change| change.action != Action::Unchanged)
    }

    /// Lines, or a list as JSON or YAML.
    ///
    /// # Errors
    /// [`Error::Internal`] when the list cannot be written.
    pub fn text(&self, format: Format) -> Result<String> {
        let failed = |error: serde_json::Error| Error::internal(error.to_string());
        match format {
            Format::Usual | Format::Wide => Ok(self.0.iter().map(Change::lines).collect()),
            Format::Json => Ok(serde_json::to_string_pretty(&self.0).map_err(failed)? + "\n"),
            Format::Yaml => {
                let json = serde_json::to_value(&self.0).map_err(failed)?;
                Ok(yaml::emit::document(&yaml::Value::from_json(&json)))
            }
        }
    }
}

/// Compares a file with what is there. Only reads are sent to the Controller; devices are not asked.
///
/// # Errors
/// As deploying before it acts, or the Controller cannot be asked.
pub fn preview(context: &mut Context, file: &str) -> Result<Preview> {
    let work = deploy::prepare(context, file)?;
    // A control plane that the file brings is not there to be asked: everything is new to it.
    let brings_plane =
        !work.remote_control_planes.is_empty() || !work.local_control_planes.is_empty();
    let client = match context.client() {
        Ok(client) => Some(client),
        Err(error) if error.is_no_control_plane() && (brings_plane || !work.needs_controller()) => {
            None
        }
        Err(error) => return Err(error),
    };
    let mut changes = devices::changes(context, client.as_ref(), &work)?;
    changes.extend(resources::changes(context, client.as_ref(), &work)?);
    Ok(Preview(changes))
}

/// What the Controller has; nothing without a Controller or when it does not know it.
fn current<T>(
    client: Option<&Client>,
    ask: impl FnOnce(&Client) -> Result<T>,
) -> Result<Option<T>> {
    let Some(client) = client else { return Ok(None) };
    match ask(client) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Something as JSON, for comparing.
fn json<T: Serialize>(thing: &T) -> Result<Value> {
    serde_json::to_value(thing).map_err(|error| Error::internal(error.to_string()))
}
