//! What a route does inside one transaction: reads rows, applies the rules of `domain`, writes rows, sets flags.

pub mod activation;
pub mod agent;
pub mod application;
pub mod application_template;
pub mod broker_port;
pub mod catalog;
pub mod edge_resource;
pub mod enrolment;
pub mod extra_host;
pub mod find;
pub mod fog;
pub mod images;
pub mod link;
pub mod microservice;
pub mod public_port;
pub mod registry;
pub mod route;
pub mod router;
pub mod seed;
pub mod substitution;
pub mod system;
pub mod user;
pub mod version;
