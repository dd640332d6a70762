//! Adapters to the machine: nothing in here knows what an ECN is.

pub mod apt;
pub mod archive;
pub mod cargo;
pub mod debian;
pub mod docker;
pub mod files;
pub mod http;
pub mod interrupt;
pub mod postgres;
pub mod process;
pub mod record;
pub mod rust_src;
pub mod say;
pub mod table;
