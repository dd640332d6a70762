//! `deploy -f`: reads all documents, checks all of them, then acts in the order in which they
//! depend on each other.

use std::thread;

use super::agent_config::{self, Plan};
use super::catalog::{self, CatalogSpec};
use super::edge_resource::{self, EdgeResourceSpec};
use super::registry::{self, RegistrySpec};
use super::route::{self, RouteSpec};
use super::{
    Context, application, device, local, microservice, remote_control_plane, template, volume,
};
use crate::config::records::{
    AgentConfig, LocalAgent, LocalControlPlane, LocalController, RemoteAgent, RemoteControlPlane,
    RemoteController, Volume,
};
use crate::output;
use crate::rest::{Client, EdgeResource, Route};
use crate::text::{Error, Result, names};
use crate::yaml::Value;
use crate::yaml::documents::{self, Document};

/// Everything a file asks for, checked.
#[derive(Default)]
pub struct Work {
    /// Remote control planes; more than one is an error.
    pub remote_control_planes: Vec<RemoteControlPlane>,
    /// Local control planes.
    pub local_control_planes: Vec<LocalControlPlane>,
    /// Local controllers.
    pub local_controllers: Vec<LocalController>,
    /// Agent configurations.
    pub configs: Vec<Plan>,
    /// What Agent documents say of their configuration.
    pub hints: Vec<Plan>,
    /// Agents on devices.
    pub remote_agents: Vec<RemoteAgent>,
    /// Agents in local containers.
    pub local_agents: Vec<LocalAgent>,
    /// Edge resources.
    pub edge_resources: Vec<EdgeResource>,
    /// Templates: name and spec.
    pub templates: Vec<(String, Value)>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Registries.
    pub registries: Vec<RegistrySpec>,
    /// Catalog items.
    pub catalog_items: Vec<CatalogSpec>,
    /// Applications: name and spec.
    pub applications: Vec<(String, Value)>,
    /// Microservices: qualified name and spec.
    pub microservices: Vec<(String, Value)>,
    /// Routes.
    pub routes: Vec<Route>,
}

/// Deploys a file.
///
/// # Errors
/// The first document that cannot be used, before anything is done; then the failures of the first
/// step that has any.
pub fn deploy(context: &mut Context, file: &str) -> Result<()> {
    let work = prepare(context, file)?;
    carry_out(context, work)
}

/// Does what a file asks for.
///
/// # Errors
/// The failures of the first step that has any.
pub(super) fn carry_out(context: &mut Context, mut work: Work) -> Result<()> {
    for plane in &work.remote_control_planes {
        remote_control_plane::deploy(context, plane)?;
    }
    for plane in &work.local_control_planes {
        local::deploy_control_plane(context, plane)?;
    }
    for controller in &work.local_controllers {
        local::deploy_controller(context, controller)?;
    }
    if !work.configs.is_empty() {
        let known = context.client()?.agents(false)?;
        work.configs = agent_config::order(work.configs, &known)?;
        for plan in &work.configs {
            output::progress(&format!("Deploying agent {} configuration", plan.name));
            agent_config::deploy(context, plan)?;
        }
    }
    if !work.remote_agents.is_empty() {
        device::deploy_agents(context, &work.remote_agents)?;
    }
    for agent in &work.local_agents {
        local::deploy_agent(context, agent)?;
    }
    // A fresh Agent has reported its own values when it was provisioned; the wanted ones are set again.
    for plan in work.configs.iter().filter(|plan| work.has_agent(&plan.name)) {
        agent_config::deploy(context, plan)?;
    }
    resources(context, &work)
}

/// Reads a file and checks everything that can be checked without acting.
pub(super) fn prepare(context: &mut Context, file: &str) -> Result<Work> {
    let mut work = read(context, file)?;
    complete_configs(&mut work);
    if work.remote_control_planes.len() + work.local_control_planes.len() > 1 {
        return Err(Error::input("Specified multiple Control Planes in a single Namespace"));
    }
    Ok(work)
}

impl Work {
    /// Whether anything of it is looked up in the Controller.
    pub(super) fn needs_controller(&self) -> bool {
        !(self.configs.is_empty()
            && self.edge_resources.is_empty()
            && self.templates.is_empty()
            && self.registries.is_empty()
            && self.catalog_items.is_empty()
            && self.applications.is_empty()
            && self.microservices.is_empty()
            && self.routes.is_empty())
    }

    /// Gives every local Agent the configuration that its document would ask for.
    pub(super) fn configure_local_agents(&mut self) {
        let plans = self.local_agents.iter().map(|agent| {
            let mut config = agent_config::local_default("localhost");
            agent.name.clone_into(&mut config.name);
            Plan { name: agent.name.clone(), config, tags: None, system: false }
        });
        self.configs.extend(plans);
    }

    /// Whether the file installs an Agent of that name.
    fn has_agent(&self, name: &str) -> bool {
        self.remote_agents.iter().any(|agent| agent.name == name)
            || self.local_agents.iter().any(|agent| agent.name == name)
    }
}

/// The kinds that live in the Controller, in order; documents of one kind in parallel.
fn resources(context: &mut Context, work: &Work) -> Result<()> {
    parallel(context, &work.edge_resources, |client, resource| {
        client.put_edge_resource(&resource.name, resource)
    })?;
    parallel(context, &work.templates, |client, (name, spec)| {
        template::deploy(client, name, spec)
    })?;
    for wanted in &work.volumes {
        volume::deploy(context, wanted)?;
    }
    parallel(context, &work.registries, registry::deploy)?;
    parallel(context, &work.catalog_items, catalog::deploy)?;
    parallel(context, &work.applications, |client, (name, spec)| {
        application::deploy(client, name, spec)
    })?;
    parallel(context, &work.microservices, |client, (name, spec)| {
        microservice::deploy(client, name, spec)
    })?;
    parallel(context, &work.routes, |client, route| client.put_route(route))
}

/// Most documents handled at once.
const WORKERS: usize = 8;

/// Runs an action for each item; the failures are joined.
fn parallel<T: Sync>(
    context: &mut Context,
    items: &[T],
    action: impl Fn(&Client, &T) -> Result<()> + Sync,
) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    require_controller(context)?;
    let client = context.client()?;
    let failures = thread::scope(|scope| {
        let chunk = items.len().div_ceil(WORKERS);
        let (client, action) = (&client, &action);
        let workers: Vec<_> = items
            .chunks(chunk)
            .map(|chunk| {
                let work = move || {
                    chunk.iter().filter_map(|item| action(client, item).err()).collect::<Vec<_>>()
                };
                scope.spawn(work)
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    Error::join(failures).map_or(Ok(()), Err)
}

fn require_controller(context: &mut Context) -> Result<()> {
    context.record()?.control_plane()?;
    if context.record()?.controller_count() == 0 {
        return Err(Error::input(
            "This namespace does not have a Controller. You must first deploy a Controller before deploying Applications",
        ));
    }
    Ok(())
}

/// Reads and checks a whole file.
fn read(context: &mut Context, file: &str) -> Result<Work> {
    let mut work = Work::default();
    let mut any = false;
    for document in documents::read(file)? {
        document.check_namespace(&context.namespace)?;
        context.record()?;
        document.check_version()?;
        any |= add(context, &mut work, &document)?;
    }
    if any { Ok(work) } else { Err(documents::nothing_to_do()) }
}

/// What an Agent document says of its configuration.
fn hint(name: &str, config: Option<&AgentConfig>, host: &str, document: &Document) -> Plan {
    let mut config = config.cloned().unwrap_or_default();
    config.host = Some(host.to_owned());
    Plan { name: name.to_owned(), config, tags: document.metadata.tags.clone(), system: false }
}

/// Every Agent gets a configuration; explicit ones learn host and tags from the Agent.
fn complete_configs(work: &mut Work) {
    for mut hint in std::mem::take(&mut work.hints) {
        if let Some(plan) = work.configs.iter_mut().find(|plan| plan.name == hint.name) {
            plan.config.host = hint.config.host;
            if let Some(tags) = hint.tags {
                plan.tags.get_or_insert_default().extend(tags);
            }
            continue;
        }
        let host = hint.config.host.clone().unwrap_or_default();
        hint.name.clone_into(&mut hint.config.name);
        if names::is_local_host(&host) && hint.config.router_config.router_mode.is_none() {
            let standalone = agent_config::local_default(&host);
            hint.config.router_config = standalone.router_config;
            hint.config.upstream_routers =
                hint.config.upstream_routers.or(standalone.upstream_routers);
        }
        work.configs.push(hint);
    }
}

/// Takes one document in; tells whether its kind is known.
fn add(context: &mut Context, work: &mut Work, document: &Document) -> Result<bool> {
    let name = document.metadata.name.as_str();
    match document.kind.as_str() {
        "ControlPlane" => {
            work.remote_control_planes.push(remote_control_plane::check(document.spec()?)?)
        }
        "LocalControlPlane" => {
            work.local_control_planes.push(local::check_control_plane(document.spec()?)?)
        }
        "KubernetesControlPlane" => {
            return Err(super::control_plane::needs_operator("deploy a Kubernetes Control Plane"));
        }
        // A controller of its own is checked and then left alone, as in the standard program.
        "Controller" => {
            require_controller(context)?;
            let _: RemoteController = document.spec()?;
        }
        "LocalController" => {
            require_controller(context)?;
            let mut controller: LocalController = document.spec()?;
            local::complete_controller(&mut controller, name);
            work.local_controllers.push(controller);
        }
        "Agent" => {
            let mut agent: RemoteAgent = document.spec()?;
            device::check_agent(name, &mut agent)?;
            work.hints.push(hint(&agent.name, agent.config.as_ref(), &agent.host, document));
            work.remote_agents.push(agent);
        }
        "LocalAgent" => {
            let mut agent: LocalAgent = document.spec()?;
            local::check_agent(name, &mut agent)?;
            work.hints.push(hint(&agent.name, agent.config.as_ref(), "localhost", document));
            work.local_agents.push(agent);
        }
        "AgentConfig" => {
            let mut config: AgentConfig = document.spec()?;
            if config.name.is_empty() {
                name.clone_into(&mut config.name);
            }
            agent_config::check(&config)?;
            let tags = document.metadata.tags.clone();
            work.configs.push(Plan { name: name.to_owned(), config, tags, system: false });
        }
        "EdgeResource" => work
            .edge_resources
            .push(edge_resource::check(name, document.spec::<EdgeResourceSpec>()?)?),
        "ApplicationTemplate" => work.templates.push((name.to_owned(), document.free_spec())),
        "Volume" => work.volumes.push(volume::check(name, document.spec()?)?),
        "Registry" => {
            require_controller(context)?;
            work.registries.push(registry::check(document.spec()?)?);
        }
        "CatalogItem" => {
            require_controller(context)?;
            work.catalog_items.push(catalog::check(name, document.spec()?)?);
        }
        "Application" => work.applications.push((name.to_owned(), document.free_spec())),
        "Microservice" => work.microservices.push((name.to_owned(), document.free_spec())),
        "Route" => work.routes.push(route::check(name, document.spec::<RouteSpec>()?)?),
        kind => {
            output::notice(&documents::skipped(kind));
            return Ok(false);
        }
    }
    Ok(true)
}
