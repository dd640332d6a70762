//! Orchestration rules without I/O: what an agent, a router, a microservice is, and what follows from a change.

pub mod activation;
pub mod application_template;
pub mod broker;
pub mod catalog;
pub mod change;
pub mod clock;
pub mod edge_resource;
pub mod enrolment;
pub mod extra_host;
pub mod fog;
pub mod microservice;
pub mod password;
pub mod port;
pub mod proxy;
pub mod registry;
pub mod router;
pub mod status;
pub mod substitution;
pub mod yaml;
