//! `get`: fetches in parallel and prints lists of resources.

use std::thread;

use super::{
    Context, agent, application, catalog, controller, edge_resource, microservice, namespace,
    registry, route, template, volume,
};
use crate::output::{self, Format, Listing};
use crate::rest::Client;
use crate::text::Result;
use crate::yaml::{self, Value};

/// Words `get` knows.
pub const RESOURCES: &[&str] = &[
    "all",
    "namespaces",
    "controllers",
    "agents",
    "edge-resources",
    "application-templates",
    "applications",
    "microservices",
    "catalog",
    "registries",
    "volumes",
    "routes",
];

/// Prints one kind of resource, or `all`.
///
/// # Errors
/// The first list that cannot be had.
pub fn print(context: &mut Context, resource: &str, detached: bool, format: Format) -> Result<()> {
    match resource {
        "namespaces" => {
            let listing = namespace::list(context)?;
            show(None, vec![Ok(listing)], format)
        }
        "all" => {
            context.record()?;
            let listings = all(context);
            show(Some(&heading(context)), listings, format)
        }
        "agents" if detached => {
            let listing = agent::list_detached(context);
            show(Some("DETACHED RESOURCES\n\n"), vec![listing], format)
        }
        // These lists are complete before anything is printed; the others print their heading first.
        "controllers" | "applications" | "microservices" | "application-templates" => {
            let listing = one(context, resource)?;
            show(Some(&heading(context)), vec![Ok(listing)], format)
        }
        _ => {
            let listing = one(context, resource);
            show(Some(&heading(context)), vec![listing], format)
        }
    }
}

fn heading(context: &Context) -> String {
    format!("NAMESPACE\n{}\n\n", context.namespace)
}

fn one(context: &mut Context, resource: &str) -> Result<Listing> {
    match resource {
        "controllers" => controller::list(context),
        "agents" => agent::list(context),
        "edge-resources" => edge_resource::list(context),
        "application-templates" => template::list(context),
        "applications" => application::list(context),
        "microservices" => microservice::list(context),
        "catalog" => catalog::list(context),
        "registries" => registry::list(context),
        "volumes" => volume::list(context),
        _ => route::list(context),
    }
}

/// All lists of a namespace, in the order they are printed.
fn all(context: &mut Context) -> Vec<Result<Listing>> {
    let client = match context.client() {
        Ok(client) => client,
        Err(error) if error.is_no_control_plane() => return offline(context),
        Err(error) => return vec![Err(error)],
    };
    let (agents, edge, applications, routes) = thread::scope(|scope| {
        let client: &Client = &client;
        let agents = scope.spawn(|| client.agents(false));
        let edge = scope.spawn(|| edge_resource::fetch_if_supported(client));
        let routes = scope.spawn(|| route::fetch(client));
        let applications = application::fetch(client);
        (joined(agents), joined(edge), applications, joined(routes))
    });
    let mut listings = vec![controller::list(context)];
    listings.push(agents.and_then(|agents| {
        context.sync_agents_with(&agents)?;
        Ok(agent::listing(&agents))
    }));
    match edge {
        Ok(Some(resources)) => listings.push(Ok(edge_resource::listing(&resources))),
        Ok(None) => {}
        Err(error) => listings.push(Err(error)),
    }
    listings.push(applications.map(|applications| application::listing(&applications)));
    listings.push(volume::list(context));
    listings.push(routes.map(|routes| route::listing(&routes)));
    listings
}

/// Without a control plane most lists are just headings.
fn offline(context: &mut Context) -> Vec<Result<Listing>> {
    vec![
        controller::list(context),
        Ok(agent::listing(&[])),
        Ok(application::listing(&[])),
        volume::list(context),
        Ok(route::listing(&[])),
    ]
}

pub(super) fn joined<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    match handle.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

pub(super) fn show(
    heading: Option<&str>,
    listings: Vec<Result<Listing>>,
    format: Format,
) -> Result<()> {
    if matches!(format, Format::Usual | Format::Wide) {
        let mut text = heading.unwrap_or_default().to_owned();
        for listing in listings {
            match listing {
                Ok(listing) => text.push_str(&listing.table(format == Format::Wide)),
                Err(error) => {
                    output::stdout(&text);
                    return Err(error);
                }
            }
        }
        output::stdout(&text);
        return Ok(());
    }
    let mut entries = Vec::new();
    for listing in listings {
        let listing = listing?;
        entries.push((Value::text(listing.field), listing.value()));
    }
    let value = Value::Map(entries);
    let text = if format == Format::Json {
        serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    } else {
        yaml::emit::document(&value)
    };
    output::stdout(&text);
    Ok(())
}
