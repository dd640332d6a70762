//! What commands do, one file per noun.

pub mod agent;
pub mod agent_config;
pub mod application;
pub mod catalog;
pub mod configure;
pub mod connect;
mod container;
mod context;
pub mod control_plane;
pub mod controller;
pub mod delete;
pub mod deploy;
pub mod device;
pub mod ecn;
pub mod edge_resource;
pub mod explain;
pub mod install;
pub mod legacy;
pub mod listings;
pub mod local;
mod local_api;
pub mod logs;
pub mod messages;
pub mod microservice;
pub mod namespace;
pub mod preview;
pub mod registry;
pub mod remote_control_plane;
pub mod route;
pub mod template;
pub mod top;
pub mod volume;

pub use context::{Context, Target};
