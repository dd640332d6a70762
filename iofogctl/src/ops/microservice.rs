//! Microservices.

use std::collections::HashMap;

use serde::Serialize;

use super::catalog::{images_by_type, registry_word};
use super::{Context, Target};
use crate::config::Header;
use crate::output::{Column, Listing, notice, progress};
use crate::rest::{
    CatalogItem, Client, EnvironmentVariable, ExtraHost, Microservice, MicroserviceStatus, Port,
    VolumeMapping,
};
use crate::text::names::{self, QualifiedName};
use crate::text::{Error, Result};
use crate::yaml::{self, Value};

const COLUMNS: &[Column] = &[
    Column { heading: "MICROSERVICE", field: "name", wide: false },
    Column { heading: "STATUS", field: "status", wide: false },
    Column { heading: "AGENT", field: "agent", wide: false },
    Column { heading: "VOLUMES", field: "volumes", wide: false },
    Column { heading: "PORTS", field: "ports", wide: false },
    Column { heading: "APPLICATION", field: "application", wide: true },
    Column { heading: "UUID", field: "uuid", wide: true },
];

/// All microservices but the system ones; none without a control plane.
///
/// # Errors
/// As the Controller answers.
pub fn list(context: &mut Context) -> Result<Listing> {
    let mut rows = Vec::new();
    match context.client() {
        Ok(client) => {
            let microservices = client.microservices()?;
            let agents = client.agents(false)?;
            for microservice in
                microservices.iter().filter(|microservice| !microservice.is_system())
            {
                let agent = agents.iter().find(|agent| agent.uuid == microservice.iofog_uuid);
                rows.push(row(microservice, agent.map_or("-", |agent| agent.name.as_str())));
            }
        }
        Err(error) if error.is_no_control_plane() => {}
        Err(error) => return Err(error),
    }
    Ok(Listing { field: "microservices", columns: COLUMNS, rows })
}

fn row(microservice: &Microservice, agent: &str) -> Vec<String> {
    let volumes: Vec<String> = microservice
        .volume_mappings
        .iter()
        .map(|volume| format!("{}:{}", volume.host_destination, volume.container_destination))
        .collect();
    let ports: Vec<String> = microservice
        .ports
        .iter()
        .map(|port| format!("{}:{}", port.external, port.internal))
        .collect();
    vec![
        microservice.name.clone(),
        status_cell(&microservice.status),
        agent.to_owned(),
        volumes.join(", "),
        ports.join(", "),
        microservice.application.clone(),
        microservice.uuid.clone(),
    ]
}

fn status_cell(status: &MicroserviceStatus) -> String {
    let message = status.error_message.as_str();
    if !message.is_empty() {
        let message = if message.contains("invalid mount config for type \"bind\"") {
            "Volume missing"
        } else if message.contains("runtime create failed") {
            "Error starting container"
        } else {
            message
        };
        return format!("{} ({message})", status.status);
    }
    match status.status.as_str() {
        "" => "-".to_owned(),
        "PULLING" if status.percentage > 0.0 => format!("PULLING ({:.0}%)", status.percentage),
        other => other.to_owned(),
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct AgentRef {
    name: String,
    config: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    catalog_id: i64,
    x86: String,
    arm: String,
    registry: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerSpec {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<String>,
    volumes: Vec<VolumeMapping>,
    env: Vec<EnvironmentVariable>,
    extra_hosts: Vec<ExtraHost>,
    ports: Vec<Port>,
    root_host_access: bool,
}

/// A microservice as a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MicroserviceSpec {
    uuid: String,
    name: String,
    agent: AgentRef,
    images: Images,
    container: ContainerSpec,
    config: Value,
    application: String,
}

/// Turns microservices into documents; what they refer to is asked for once.
pub struct Lookup<'a> {
    client: &'a Client,
    agents: HashMap<String, Option<String>>,
    catalog: HashMap<i64, Option<CatalogItem>>,
}

impl<'a> Lookup<'a> {
    /// Starts without knowing anything.
    pub fn new(client: &'a Client) -> Self {
        Self { client, agents: HashMap::new(), catalog: HashMap::new() }
    }

    /// The document of a microservice.
    ///
    /// # Errors
    /// Its Agent is gone, or its configuration is not a JSON object.
    pub fn spec(&mut self, microservice: &Microservice) -> Result<MicroserviceSpec> {
        let agent = self.agent_name(&microservice.iofog_uuid)?;
        let item = self.catalog_item(microservice.catalog_item_id)?;
        let (images, registry) = match &item {
            Some(item) => (&item.images, item.registry_id),
            None => (&microservice.images, microservice.registry_id),
        };
        let (x86, arm) = images_by_type(images);
        let mut ports = microservice.ports.clone();
        for router in ports
            .iter_mut()
            .filter_map(|port| port.public.as_mut())
            .filter_map(|public| public.router.as_mut())
        {
            if !router.host.is_empty() && router.host != super::agent_config::DEFAULT_ROUTER {
                router.host = self.agent_name(&router.host).unwrap_or_else(|_| {
                    notice(&format!("Could not find Agent with UUID {}\n", router.host));
                    format!("UNKNOWN_{}", router.host)
                });
            }
        }
        // Whether a port is served is state, not part of the document.
        ports
            .iter_mut()
            .filter_map(|port| port.public.as_mut())
            .for_each(|public| public.enabled = false);
        let config = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(
            &microservice.config,
        )
        .map_err(|error| {
            Error::Plain(format!("configuration of microservice {}: {error}", microservice.name))
        })?;
        Ok(MicroserviceSpec {
            uuid: microservice.uuid.clone(),
            name: microservice.name.clone(),
            agent: AgentRef { name: agent, config: Value::Map(Vec::new()) },
            images: Images {
                catalog_id: microservice.catalog_item_id,
                x86,
                arm,
                registry: registry_word(registry).to_owned(),
            },
            container: ContainerSpec {
                commands: microservice.cmd.clone(),
                volumes: microservice.volume_mappings.clone(),
                env: microservice.env.clone(),
                extra_hosts: microservice.extra_hosts.clone(),
                ports,
                root_host_access: microservice.root_host_access,
            },
            config: Value::from_json(&serde_json::Value::Object(config)),
            application: microservice.application.clone(),
        })
    }

    fn agent_name(&mut self, uuid: &str) -> Result<String> {
        if let Some(Some(name)) = self.agents.get(uuid) {
            return Ok(name.clone());
        }
        let name = self.client.agent(uuid)?.name;
        self.agents.insert(uuid.to_owned(), Some(name.clone()));
        Ok(name)
    }

    fn catalog_item(&mut self, id: i64) -> Result<Option<CatalogItem>> {
        if id == 0 {
            return Ok(None);
        }
        if let Some(known) = self.catalog.get(&id) {
            return Ok(known.clone());
        }
        let item = match self.client.catalog_item(id) {
            Ok(item) => Some(item),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        self.catalog.insert(id, item.clone());
        Ok(item)
    }
}

fn find(client: &Client, name: &str) -> Result<Microservice> {
    let qualified = QualifiedName::parse("Microservice", name)?;
    client.microservice_by_name(&qualified.application, &qualified.name)
}

/// Prints one microservice; system ones print nothing.
///
/// # Errors
/// There is none of that name.
pub fn describe(context: &mut Context, name: &str, target: &Target) -> Result<()> {
    let client = context.client()?;
    let microservice = find(&client, name)?;
    if microservice.is_system() {
        return Ok(());
    }
    let spec = Lookup::new(&client).spec(&microservice)?;
    context.print("Microservice", name, None, spec, target)
}

/// Creates a microservice, or changes it.
///
/// # Errors
/// A name without application, or what the Controller answers.
pub fn deploy(client: &Client, name: &str, spec: &Value) -> Result<()> {
    progress(&format!("Deploying microservice {name}"));
    let qualified = QualifiedName::parse("Microservice", name)?;
    if qualified.application.is_empty() {
        return Err(Error::Input(format!("Application name missing for microservice {name}")));
    }
    let document = yaml::to_text(&Header::new("Microservice", name, "", spec))?;
    let existing = client.microservices_of(&qualified.application)?;
    match existing.iter().find(|known| known.name == qualified.name) {
        Some(known) => client.update_microservice(&known.uuid, &document),
        None => client.create_microservice(&document),
    }
}

/// Deletes a microservice.
///
/// # Errors
/// There is none of that name.
pub fn delete(context: &mut Context, name: &str) -> Result<()> {
    progress("Deleting Microservice");
    let client = context.client()?;
    let microservice = find(&client, name)?;
    client.delete_microservice(&microservice.uuid)
}

/// Uploads a microservice as a changed document.
fn upload(client: &Client, microservice: &Microservice) -> Result<()> {
    let spec = Lookup::new(client).spec(microservice)?;
    let name = format!("{}/{}", microservice.application, microservice.name);
    let document = yaml::to_text(&Header::new("Microservice", &name, "", spec))?;
    client.update_microservice(&microservice.uuid, &document)
}

/// Renames a microservice.
///
/// # Errors
/// There is none of that name, or the new one is invalid.
pub fn rename(context: &mut Context, name: &str, new_name: &str) -> Result<()> {
    names::check("Microservice", new_name)?;
    let client = context.client()?;
    let mut microservice = find(&client, name)?;
    progress(&format!("Renaming microservice {name}"));
    new_name.clone_into(&mut microservice.name);
    upload(&client, &microservice)
}

/// Moves a microservice to another Agent.
///
/// # Errors
/// There is no such microservice or Agent.
pub fn relocate(context: &mut Context, name: &str, agent: &str) -> Result<()> {
    progress(&format!("Moving microservice {name}"));
    context.sync_agents()?;
    let client = context.client()?;
    let mut microservice = find(&client, name)?;
    microservice.iofog_uuid = client.agent_by_name(agent, false)?.uuid;
    upload(&client, &microservice)
}
