//! The stand-alone program: where its configuration comes from.

pub(crate) mod arguments;
pub(crate) mod connect_file;
pub(crate) mod metrics;
pub(crate) mod settings;
mod tls_dial;
