//! The command line tool for ioFog edge compute networks: parsing, acting, printing.

mod app;
pub mod cli;
pub mod commands;
pub mod config;
pub mod docker;
pub mod ops;
pub mod output;
pub mod rest;
pub mod ssh;
pub mod text;
pub mod yaml;

pub use app::run;
