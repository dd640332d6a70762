//! Bodies between an Agent and its Controller (spec section 6); the part of the crate that devices link.

mod change;
mod config;
mod edge_resource;
mod microservice;
mod provision;
mod registry;
mod status;

pub use change::{Change, ChangeSet, Changes, ChangesAck};
pub use config::AgentConfig;
pub use edge_resource::{EdgeEndpoint, EdgeInterface, EdgeResource, EdgeResourceList};
pub use microservice::{
    AgentMicroservice, AgentMicroserviceList, EnvVar, PortMapping, VolumeMapping,
};
pub use provision::{DeprovisionRequest, EnrolRequest, ProvisionReply, ProvisionRequest};
pub use registry::{AgentRegistry, AgentRegistryList};
pub use status::{MicroserviceReport, StatusReport};
