//! ioFog Controller: REST API, orchestration rules and stores.
//!
//! A request travels `http` → `routes` (the declared table) → `ops` (one transaction) → `domain` (rules) and `store` (rows);
//! what must not wait for a disk lives in `live`.

pub mod admin;
pub mod app;
pub mod broker;
pub mod call;
pub mod cli;
pub mod domain;
pub mod ftp;
pub mod http;
pub mod import;
pub mod jobs;
pub mod link;
pub mod live;
pub mod mail;
pub mod notify;
pub mod openapi;
pub mod ops;
pub mod process;
pub mod routes;
pub mod settings;
pub mod start;
pub mod stop;
pub mod store;
pub mod view;
pub mod viewer;
