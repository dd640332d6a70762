//! The Controller's REST API as this program uses it (iofogctl contract, section 7).

mod agents;
mod applications;
mod catalog;
mod client;
mod edge_resources;
mod endpoint;
mod json;
mod microservices;
mod routes;
mod templates;
mod transport;
mod users;

pub use agents::{Agent, AgentChange};
pub use applications::{Application, Flow};
pub use catalog::{CatalogChange, CatalogItem, Image, Registry, RegistryChange};
pub use client::Client;
pub use edge_resources::{Display, EdgeResource, Endpoint, HttpInterface};
pub use endpoint::{base_url, connect_endpoint, deploy_endpoint, endpoint_host};
pub use microservices::{
    EnvironmentVariable, ExtraHost, Microservice, MicroserviceStatus, Port, PublicPort,
    PublicPortRouter, VolumeMapping,
};
pub use routes::Route;
pub use templates::{Template, TemplateApplication, TemplateVariable};
pub use users::Status;
