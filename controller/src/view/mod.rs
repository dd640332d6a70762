//! Representations: the JSON bodies in which rows are shown. Key order follows the reference.

pub mod agent;
pub mod application;
pub mod edge_resource;
pub mod fog;
pub mod microservice;
