//! `explain`: why a microservice is in the state it is in, and what to do next, from what the
//! Controller knows.

mod findings;
mod hints;

use serde::Serialize;
use serde_json::Value;

use super::listings::joined;
use super::{Context, route};
use crate::output::{Format, stdout};
use crate::rest::{Agent, Application, CatalogItem, Client, Microservice, Route, Status};
use crate::text::names::QualifiedName;
use crate::text::time::Moment;
use crate::text::{Error, Result};
use crate::yaml;

/// How a fact is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Good,
    /// On its way, or worth to know.
    Pending,
    /// Keeps the microservice from its work.
    Problem,
}

/// One fact and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    subject: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What the Controller knows of a microservice and what it depends on.
#[derive(Debug, Clone, Default)]
struct Facts {
    microservice: Microservice,
    application: Option<Application>,
    agent: Option<Agent>,
    /// Agents that may be upstream routers, the system one too.
    agents: Vec<Agent>,
    microservices: Vec<Microservice>,
    routes: Vec<Route>,
    catalog_item: Option<CatalogItem>,
    controller: Status,
}

#[derive(Serialize)]
struct Shown<'a> {
    microservice: String,
    uuid: &'a str,
    agent: &'a str,
    findings: &'a [Finding],
}

/// Prints what is known of a microservice, problems with their next step.
///
/// # Errors
/// There is none of that name, or the Controller cannot be asked.
pub fn print(context: &mut Context, name: &str, format: Format) -> Result<()> {
    let qualified = QualifiedName::parse("Microservice", name)?;
    if qualified.application.is_empty() {
        return Err(Error::Input(format!("Application name missing for microservice {name}")));
    }
    let facts = gather(&context.client()?, &qualified)?;
    let found = findings::of(&facts, Moment::now());
    let agent = facts.agent.as_ref().map_or("", |agent| agent.name.as_str());
    let shown = Shown {
        microservice: name.to_owned(),
        uuid: &facts.microservice.uuid,
        agent,
        findings: &found,
    };
    let failed = |error: serde_json::Error| Error::internal(error.to_string());
    match format {
        Format::Usual | Format::Wide => stdout(&text(&shown)),
        Format::Json => {
            stdout(&(serde_json::to_string_pretty(&shown).map_err(failed)? + "\n"));
        }
        Format::Yaml => {
            let json: Value = serde_json::to_value(&shown).map_err(failed)?;
            stdout(&yaml::emit::document(&yaml::Value::from_json(&json)));
        }
    }
    Ok(())
}

fn gather(client: &Client, name: &QualifiedName) -> Result<Facts> {
    let microservice = client.microservice_by_name(&name.application, &name.name)?;
    let (own, system, microservices, routes) = std::thread::scope(|scope| {
        let own = scope.spawn(|| client.agents(false));
        let system = scope.spawn(|| client.agents(true));
        let microservices = scope.spawn(|| client.microservices());
        (joined(own), joined(system), joined(microservices), route::fetch(client))
    });
    let mut agents = own?;
    // Not every user may list system Agents; without them less is told.
    agents.extend(system.unwrap_or_default());
    let catalog_item = match microservice.catalog_item_id {
        0 => None,
        id => client.catalog_item(id).ok(),
    };
    Ok(Facts {
        application: client.application(&name.application).ok(),
        agent: agents.iter().find(|agent| agent.uuid == microservice.iofog_uuid).cloned(),
        agents,
        microservices: microservices?,
        routes: routes?,
        catalog_item,
        controller: client.status().unwrap_or_default(),
        microservice,
    })
}

fn text(shown: &Shown<'_>) -> String {
    let place = match shown.agent {
        "" => "without an Agent".to_owned(),
        agent => format!("on Agent {agent}"),
    };
    let mut text = format!("Microservice {} ({}) {place}\n\n", shown.microservice, shown.uuid);
    for finding in shown.findings {
        let mark = match finding.level {
            Level::Good => '✔',
            Level::Pending => '…',
            Level::Problem => '✘',
        };
        text.push_str(&format!("{mark} {:<12} {}\n", finding.subject, finding.text));
        if let Some(next) = &finding.next {
            text.push_str(&format!("  {:<12} -> {next}\n", ""));
        }
    }
    text
}
