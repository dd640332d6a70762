//! The command line tool for ioFog edge compute networks: parsing, acting, printing.

pub mod cli;
pub mod config;
pub mod output;
pub mod rest;
pub mod text;
pub mod yaml;
